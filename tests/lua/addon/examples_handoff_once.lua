-- servers: real; redis: 5.0
-- A player is sent to another server with weapons and ammunition, on both sides.

local world = include("_examples.lua")
if not world then return end
local kit = include("../_kit.lua")

-- The loadout of a gamemode for players without things.
GAMEMODE = { PlayerLoadout = function(_, ply) ply:Give("weapon_physcannon") end }
local ID = "76561198000000001"
local there

local function join(is_alive) return assert(host.players.add({ name = "Alice", steamid64 = ID, spawned = is_alive ~= false })) end
local function is_open(ply) return realtime.Profiles("handoff"):Get(ply) ~= nil end
-- A player's things.
local function got(ply)
	local things = { health = ply:Health(), armor = ply:Armor() }
	for i, weapon in ipairs(ply:GetWeapons()) do things[i] = weapon:GetClass() end
	table.sort(things)
	return things
end
local function carries(ply, health, armor, ...)
	ply:StripWeapons()
	ply:SetHealth(health)
	ply:SetArmor(armor)
	for _, class in ipairs({ ... }) do ply:Give(class) end
end

host.test("handoff: the other server has what she carries before she is there", function()
	host.players.leave(world.alice)
	world.example("handoff")
	there = realtime.Profiles("handoff", world.other, "ttt-2")
	kit.fence(world.other)
	local alice = join()
	kit.wait("her things", function() return is_open(alice) end)
	kit.eq(got(alice), { "weapon_physcannon", health = 100, armor = 0 }, "the usual, at the first visit")
	Handoff.Send(alice, "ttt-3")
	Handoff.Send(alice, "hub")
	local seen = host.players.seen(alice)
	kit.eq({ seen.chat, seen.lua }, { { "There is no way to ttt-3.", "There is no way to hub." }, {} })
	Handoff.Send(alice, "ttt-2")
	kit.eq(seen.lua, { 'permissions.AskToConnect("203.0.113.5:27016")' })
	kit.eq(there.profiles[ID], nil, "as long as she stays")
	carries(alice, 70, 15, "weapon_crowbar", "weapon_357")
	host.players.leave(alice)
	kit.wait("the hand-over", function() return there.profiles[ID] and there.profiles[ID].state == "handed" end)
	local data
	there:Open(ID, function(_, things) data = things end)
	kit.wait("her things there", function() return data end)
	kit.eq(data, { health = 70, armor = 15, weapons = { weapon_crowbar = true, weapon_357 = true } })
end)

host.test("handoff: where she arrives she has it, once, and nothing that may not come along", function()
	there:Close(ID, { health = 5000, armor = 15, weapons = { weapon_crowbar = true, weapon_357 = true, item_nuke = true } }, { to = "hub" })
	kit.wait("the hand-over", function()
		local profile = realtime.Profiles("handoff").profiles[ID]
		return profile and profile.state == "handed"
	end)
	-- Not spawned yet: it is her first loadout.
	local alice = join(false)
	kit.wait("her things", function() return is_open(alice) end)
	alice:Spawn()
	kit.eq(got(alice), { "weapon_357", "weapon_crowbar", health = 100, armor = 15 })
	alice:StripWeapons()
	alice:Spawn()
	kit.eq(got(alice)[1], "weapon_physcannon", "the second time")
	-- She leaves before she has spawned: her things stay unchanged.
	carries(alice, 30, 5, "weapon_smg1")
	host.players.leave(alice)
	alice = join(false)
	kit.wait("her things", function() return Handoff.given[alice] == false end)
	host.players.leave(alice)
	alice = join()
	kit.wait("what she carried", function() return alice:Health() == 30 end)
	kit.eq(got(alice), { "weapon_smg1", health = 30, armor = 5 })
	-- She dies, and leaves: what she had before counts. The file is read again while she waits for it.
	alice:Kill()
	alice:StripWeapons()
	host.players.leave(alice)
	alice = join(false)
	kit.wait("her things", function() return Handoff.given[alice] == false end)
	world.example("handoff")
	host.players.leave(alice)
	-- She is back before it is closed: she gets it only when Open has finished.
	alice = join()
	kit.eq(Handoff.given[alice], nil)
	kit.wait("what she carried", function() return alice:Health() == 30 end)
	kit.eq(got(alice), { "weapon_smg1", health = 30, armor = 5 })
	-- She appears elsewhere.
	there:Open(ID, function() end)
	kit.wait("the kick", function() return host.players.seen(alice).left == "You play on ttt-2 now" end)
end)
