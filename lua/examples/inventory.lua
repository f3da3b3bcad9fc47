-- An inventory that moves with its player: Inventory.Add(ply, "medkit"), Inventory.Take(ply, "medkit"). Weapons move
-- with the player as well, who gets them at the first spawn. To use it, copy it into lua/autorun/server/ of an addon
-- of yours, on every server.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local bags, problem = realtime.Profiles("inventory")
if not bags then return print("[inventory] " .. problem) end

local WEAPONS = { weapon_crowbar = true, weapon_pistol = true, weapon_357 = true, weapon_smg1 = true } -- weapons that move with the player

Inventory = Inventory or {}
-- For each player whose bag is here, whether the player has received its content. Nothing is saved for other players. Survives
-- a reload of this file.
local given = Inventory.given or setmetatable({}, { __mode = "k" })
Inventory.given = given

local function give(ply)
	local bag = bags:Get(ply)
	if not bag or given[ply] ~= false then return end
	given[ply] = true
	for class in pairs(bag.weapons) do
		if WEAPONS[class] then ply:Give(class) end
	end
end

hook.Add("PlayerInitialSpawn", "inventory", function(ply)
	bags:Open(ply, function(err, bag)
		if err then return ply:Kick("Your inventory cannot be opened, try again: " .. err.message) end
		if not istable(bag) then bags:Save(ply, { items = {}, weapons = {} }) end -- the first visit
		given[ply] = false
		if ply:Alive() then give(ply) end
	end)
end)
hook.Add("PlayerLoadout", "inventory", function(ply) timer.Simple(0, function() if IsValid(ply) then give(ply) end end) end)

-- Before each save, the bag gets the player's current weapons. Until its weapons were given, and while the player is dead, they
-- stay unchanged.
bags:On("saving", function(ply, bag)
	if not given[ply] or not ply:Alive() then return end
	bag.weapons = {}
	for _, weapon in ipairs(ply:GetWeapons()) do bag.weapons[weapon:GetClass()] = true end
end)
bags:On("taken", function(ply, server) if IsValid(ply) then ply:Kick("You play on " .. (server or "another server") .. " now") end end)

function Inventory.Items(ply) return (bags:Get(ply) or { items = {} }).items end
function Inventory.Add(ply, item, change) -- returns whether it was done
	local bag = bags:Get(ply)
	local count = bag and (bag.items[item] or 0) + (change or 1) or -1
	if count >= 0 then bag.items[item] = count > 0 and count or nil end
	return count >= 0
end
function Inventory.Take(ply, item) return Inventory.Add(ply, item, -1) end
