-- Sends a player to another server, which keeps a seat for him and gives him what he carries: Handoff.Send(ply, "ttt-2").
-- To use it, copy it into lua/autorun/server/ of an addon of yours, on every server, with your addresses.
--
-- What he carries is in Redis under one name at a time: that of the server that has it, or nobody's. It is written when he
-- leaves, so that who stays has no copy elsewhere. Where he arrives it is claimed, and given after the claim was confirmed.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local requests, problem = realtime.Requests()
if not requests then return print("[handoff] " .. problem) end
local client = realtime.Default() ---@type RealtimeClient

local ADDRESSES = { -- as players reach them; a server in a container does not know its own
	["hub"] = "203.0.113.5:27015",
	["ttt-2"] = "203.0.113.5:27016",
}
local HOLD = 120 -- seconds that a seat is kept
local WAIT = 600 -- seconds that what he carries waits for him
local MAX_SEATS = 4 -- kept for each of these servers at a time
local MAX_REQUESTS = 10 -- in a second
local WEAPONS = { weapon_crowbar = true, weapon_pistol = true, weapon_357 = true, weapon_smg1 = true } -- that may come along
local STEAMID64 = "^7656119%d%d%d%d%d%d%d%d%d%d$"

local function complain(err) print("[handoff] " .. tostring(err):sub(1, 200):gsub("[^ -~]", "?")) end

-- Nobody's name, and this server's. In a cluster, what stands in braces keeps them on one node.
local function names(id) return "handoff:{" .. id .. "}", "handoff:{" .. id .. "}:" .. requests:Id() end

-- Asks until Redis answers. So a step may run twice, and each is such that the second time changes nothing.
local function step(commands, fn)
	local accepted, refusal = client:Transaction(commands, function(err, replies)
		if err and (err.code == "DISCONNECTED" or err.code == "TIMEOUT") then return step(commands, fn) end
		if err then return complain(err) end
		fn(replies)
	end)
	if not accepted then complain(refusal) end
end

-- Cut around SET: the same is written again. Around RENAME: if it was done, there is nothing under that name any more.
local function put(id, text)
	local nobodys, ours = names(id)
	step({ { "SET", ours, text, "EX", WAIT } }, function()
		step({ { "RENAME", ours, nobodys } }, function() end)
	end)
end

-- fn(text), once, if something waits for him. Cut around the claim: it is found under this server's name, which no other one
-- reads. Around DEL: it is given once, after the answer.
local function take(id, fn)
	local nobodys, ours = names(id)
	step({ { "RENAME", nobodys, ours }, { "GET", ours } }, function(replies)
		local text = replies[2]
		if isstring(text) then step({ { "DEL", ours } }, function() fn(text) end) end
	end)
end

local seats = {} -- SteamID64 → for whose player a seat is kept, and until when

local function forget_late_ones()
	for id, seat in pairs(seats) do
		if seat.until_when < SysTime() then seats[id] = nil end
	end
end

local function seats_for(server)
	local count = 0
	for _, seat in pairs(seats) do
		if seat.from == server then count = count + 1 end
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
-- is kept for a while, and seats and lines on the console are few.
requests:Answer("handoff", function(id, from, reply)
	if are_too_many() then return reply({ code = "BUSY", message = "more requests than this server takes in a second" }) end
	if not ADDRESSES[from] then return reply("this server is not known here") end
	if not isstring(id) or not id:find(STEAMID64) then return reply("a hand-off needs a SteamID64") end
	forget_late_ones()
	local before = seats[id]
	seats[id] = nil -- asked for twice, he still takes one seat
	if seats_for(from) >= MAX_SEATS or player.GetCount() + table.Count(seats) >= game.MaxPlayers() then
		seats[id] = before
		return reply({ code = "FULL", message = "no seat is free" })
	end
	seats[id] = { from = from, until_when = SysTime() + HOLD }
	if not before then print(string.format("[handoff] a seat is kept for %s, from %s", id, from)) end
	reply(nil, true)
end)

local brought = {} -- players who have come and have not spawned → what they carry, and its text

-- What stands in Redis is checked, too.
local function guest_of(text)
	local guest = realtime.Decode(text)
	if istable(guest) and isnumber(guest.health) and isnumber(guest.armor) and istable(guest.weapons) then return guest end
end

local function give(ply, guest)
	ply:StripWeapons()
	ply:SetHealth(math.Clamp(guest.health, 1, ply:GetMaxHealth()))
	ply:SetArmor(math.Clamp(guest.armor, 0, 100))
	for i = 1, math.min(#guest.weapons, 32) do
		if WEAPONS[guest.weapons[i]] then ply:Give(guest.weapons[i]) end
	end
end

-- Over there: he has come. What he brought takes the place of his first loadout.
hook.Add("PlayerInitialSpawn", "handoff", function(ply)
	local id = ply:SteamID64()
	seats[id] = nil
	take(id, function(text)
		if not IsValid(ply) then return put(id, text) end -- he has left again
		local guest = guest_of(text)
		if not guest then return end
		if ply:Alive() then return give(ply, guest) end
		brought[ply] = { guest = guest, text = text }
	end)
end)

hook.Add("PlayerLoadout", "handoff", function(ply)
	local it = brought[ply]
	if not it then return end
	brought[ply] = nil
	give(ply, it.guest)
	return true -- instead of the usual
end)

Handoff = {}
local going = {} -- players who were asked to go, and until when that counts

-- Here.
function Handoff.Send(ply, server)
	local address = ADDRESSES[server]
	if not address or server == requests:Id() then return ply:ChatPrint("There is no way to " .. server .. ".") end
	requests:Ask(server, "handoff", ply:SteamID64(), function(err)
		if not IsValid(ply) then return end
		if not err then
			going[ply] = SysTime() + HOLD
			-- His client asks him, and connects. Servers cannot do that by themselves.
			return ply:SendLua(string.format("permissions.AskToConnect(%q)", address))
		end
		if err.code == "FULL" then return ply:ChatPrint(server .. " is full.") end
		if err.code == "NOBODY" then return ply:ChatPrint(server .. " is down.") end
		-- TIMEOUT: a seat may be kept there, and is given up by itself.
		ply:ChatPrint(server .. " does not answer, try later.")
		complain(err) -- the other server may have put it
	end)
end

-- Here: only now is it written. Who never leaves keeps it, and the seat is given up by itself.
hook.Add("PlayerDisconnected", "handoff", function(ply)
	if brought[ply] then
		put(ply:SteamID64(), brought[ply].text) -- he never got it
	elseif going[ply] and SysTime() < going[ply] then
		local guest = { health = ply:Health(), armor = ply:Armor(), weapons = {} }
		for i, weapon in ipairs(ply:GetWeapons()) do guest.weapons[i] = weapon:GetClass() end
		put(ply:SteamID64(), (assert(realtime.Encode(guest))))
	end
	brought[ply], going[ply] = nil, nil
end)
