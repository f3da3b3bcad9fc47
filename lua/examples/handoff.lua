-- Sends a player to another server, which knows what he carries when he comes: Handoff.Send(ply, "ttt-2").
-- To use it, copy it into lua/autorun/server/ of an addon of yours, on every server, with your addresses.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local requests, problem = realtime.Requests()
if not requests then return print("[handoff] " .. problem) end

local ADDRESSES = { -- as players reach them; a server in a container does not know its own
	["hub"] = "203.0.113.5:27015",
	["ttt-2"] = "203.0.113.5:27016",
}
local HOLD = 120 -- seconds that a seat is kept
local MAX_SEATS = 4 -- kept for each of these servers at a time
local MAX_REQUESTS = 10 -- in a second
local WEAPONS = { weapon_crowbar = true, weapon_pistol = true, weapon_357 = true, weapon_smg1 = true } -- that may come along
local STEAMID64 = "^7656119%d%d%d%d%d%d%d%d%d%d$"

local guests = {} -- SteamID64 → what comes with him, from where, and until when his seat is kept

local function forget_late_ones()
	for id, guest in pairs(guests) do
		if guest.until_when < SysTime() then guests[id] = nil end
	end
end

local function seats_for(server)
	local count = 0
	for _, guest in pairs(guests) do
		if guest.from == server then count = count + 1 end
	end
	return count
end

local second, asked = 0, 0
local function are_too_many()
	local now = math.floor(SysTime())
	if now ~= second then second, asked = now, 0 end
	asked = asked + 1
	return asked > MAX_REQUESTS
end

-- Over there: a seat is kept, or the answer says why not. A publisher can ask, and say to be one of these servers. So a seat
-- is kept for a while, seats and lines on the console are few, and nothing is kept that was not checked.
requests:Answer("handoff", function(guest, from, reply)
	if are_too_many() then return reply({ code = "BUSY", message = "more requests than this server takes in a second" }) end
	if not ADDRESSES[from] then return reply("this server is not known here") end
	if not istable(guest) or not isstring(guest.id) or not guest.id:find(STEAMID64) or not isnumber(guest.health)
		or not isnumber(guest.armor) or not istable(guest.weapons) then
		return reply("a hand-off needs id, health, armor and weapons")
	end
	forget_late_ones()
	local before = guests[guest.id]
	guests[guest.id] = nil -- asked for twice, he still takes one seat
	if seats_for(from) >= MAX_SEATS or player.GetCount() + table.Count(guests) >= game.MaxPlayers() then
		guests[guest.id] = before
		return reply({ code = "FULL", message = "no seat is free" })
	end
	local kept = { from = from, until_when = SysTime() + HOLD, health = guest.health, armor = guest.armor, weapons = {} }
	for _, class in ipairs(guest.weapons) do
		if WEAPONS[class] then kept.weapons[class] = true end
	end
	guests[guest.id] = kept
	if not before then print(string.format("[handoff] a seat is kept for %s, from %s", guest.id, from)) end
	reply(nil, true)
end)

-- Over there: he has come. His first loadout is what he brought.
hook.Add("PlayerLoadout", "handoff", function(ply)
	forget_late_ones()
	local guest = guests[ply:SteamID64()]
	if not guest then return end
	guests[ply:SteamID64()] = nil
	ply:SetHealth(math.Clamp(guest.health, 1, ply:GetMaxHealth()))
	ply:SetArmor(math.Clamp(guest.armor, 0, 100))
	for class in pairs(guest.weapons) do ply:Give(class) end
	return true -- instead of the usual
end)

Handoff = {}

-- Here.
function Handoff.Send(ply, server)
	local address = ADDRESSES[server]
	if not address or server == requests:Id() then return ply:ChatPrint("There is no way to " .. server .. ".") end
	local guest = { id = ply:SteamID64(), health = ply:Health(), armor = ply:Armor(), weapons = {} }
	for i, weapon in ipairs(ply:GetWeapons()) do guest.weapons[i] = weapon:GetClass() end
	requests:Ask(server, "handoff", guest, function(err)
		if not IsValid(ply) then return end
		-- His client asks him, and connects. Servers cannot do that by themselves.
		if not err then return ply:SendLua(string.format("permissions.AskToConnect(%q)", address)) end
		if err.code == "FULL" then return ply:ChatPrint(server .. " is full.") end
		if err.code == "NOBODY" then return ply:ChatPrint(server .. " is down.") end
		-- TIMEOUT: a seat may be kept there, and is given up by itself.
		ply:ChatPrint(server .. " does not answer, try later.")
		print("[handoff] " .. tostring(err):sub(1, 200):gsub("[^ -~]", "?")) -- the other server may have put it
	end)
end
