-- Sends a player to another server, which loads the player's things in advance: Handoff.Send(ply, "ttt-2"). To use
-- it, copy it into lua/autorun/server/ of an addon of yours, on every server, with your addresses. Players keep
-- their things until they leave.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local things, problem = realtime.Profiles("handoff")
if not things then return print("[handoff] " .. problem) end

local ADDRESSES = { hub = "203.0.113.5:27015", ["ttt-2"] = "203.0.113.5:27016" } -- as players reach them
local HOLD = 300 -- seconds that the other server keeps the things for the player
local WEAPONS = { weapon_crowbar = true, weapon_pistol = true, weapon_357 = true, weapon_smg1 = true } -- weapons that move with the player
local going = {} -- players → their targets

Handoff = Handoff or {}
-- For each player whose things are here, whether the player has received them. Nothing is saved for other players. Survives a
-- reload of this file.
local given = Handoff.given or setmetatable({}, { __mode = "k" })
Handoff.given = given

local function give(ply)
	local it = given[ply] == false and things:Get(ply)
	if it then given[ply] = true end
	if not it or not it.health then return end -- not here yet, or the first visit
	ply:StripWeapons()
	ply:SetHealth(math.Clamp(it.health, 1, ply:GetMaxHealth()))
	ply:SetArmor(it.armor)
	for class in pairs(it.weapons) do if WEAPONS[class] then ply:Give(class) end end
	return true -- replaces the usual loadout
end
hook.Add("PlayerLoadout", "handoff", give)

hook.Add("PlayerInitialSpawn", "handoff", function(ply)
	things:Open(ply, function(err, it)
		if err then return ply:Kick("Your things cannot be opened, try again: " .. err.message) end
		if not istable(it) then things:Save(ply, { weapons = {} }) end
		given[ply] = false
		if ply:Alive() then give(ply) end
	end)
end)
things:On("saving", function(ply, it) -- the things stay unchanged until they were given, and while the player is dead
	if not given[ply] or not ply:Alive() then return end
	it.health, it.armor, it.weapons = ply:Health(), ply:Armor(), {}
	for _, weapon in ipairs(ply:GetWeapons()) do it.weapons[weapon:GetClass()] = true end
end)
things:On("taken", function(ply, server) if IsValid(ply) then ply:Kick("You play on " .. (server or "another server") .. " now") end end)
hook.Add("PlayerDisconnected", "handoff", function(ply)
	if going[ply] then things:Close(ply, nil, { to = going[ply], hold = HOLD }) end
	going[ply] = nil
end)

function Handoff.Send(ply, server)
	if not ADDRESSES[server] or server == things:Id() then return ply:ChatPrint("There is no way to " .. server .. ".") end
	going[ply] = server
	ply:SendLua(string.format("permissions.AskToConnect(%q)", ADDRESSES[server])) -- the client asks the player, and connects
end
