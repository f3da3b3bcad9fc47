-- servers: fake, real
-- A player is sent to another server with what he carries, on both sides.

local world = include("_examples.lua")
if not world then return end
local kit = include("../_kit.lua")

-- What a gamemode gives to who comes without anything.
GAMEMODE = { PlayerLoadout = function(_, ply) ply:Give("weapon_physcannon") end }
local USUAL = { "weapon_physcannon", health = 100, armor = 0 }
local alice, other, others = world.alice, world.other, world.others

local ID = "76561198000000001"
local CARLA = "76561198000000031"

-- What stands in Redis for a player, by name.
local function names(id)
	local _, found = kit.command(other, { "KEYS", "handoff:{" .. id .. "}*" })
	table.sort(found)
	return found
end

local function text_of(guest) return assert(realtime.Encode(guest, "ttt-2")) end

local function carries(ply, health, armor, ...)
	ply:StripWeapons()
	ply:SetHealth(health)
	ply:SetArmor(armor)
	for _, class in ipairs({ ... }) do ply:Give(class) end
end

-- What a player has.
local function got(ply)
	local things = { health = ply:Health(), armor = ply:Armor() }
	for i, weapon in ipairs(ply:GetWeapons()) do things[i] = weapon:GetClass() end
	table.sort(things)
	return things
end

local function arrive(id, is_alive)
	return assert(host.players.add({ name = "Bob", steamid64 = id, spawned = is_alive ~= false }))
end

local function settled() return realtime.Default():IsConnected() and realtime.Default():Stats().pending == 0 end

host.test("handoff: here", function()
	world.example("handoff")
	local requests = realtime.Requests(other, "ttt-2")
	kit.subscribe(other, kit.unique("fence"), function() end)
	local asked, say = kit.recorder(), nil
	requests:Answer("handoff", function(guest, from, reply)
		asked.fn(guest, from)
		reply(say, true)
	end)
	local sent = host.players.seen(alice).lua
	Handoff.Send(alice, "ttt-2")
	kit.wait("her way", function() return #sent == 1 end)
	kit.eq(sent, { 'permissions.AskToConnect("203.0.113.5:27016")' })
	kit.eq(asked[1], { ID, "hub" })
	say = { code = "FULL" }
	Handoff.Send(alice, "ttt-2")
	kit.wait("no seat", function() return #world.chat() == 1 end)
	requests:Answer("handoff", nil)
	Handoff.Send(alice, "ttt-2")
	kit.wait("no such request", function() return #world.chat() == 2 end)
	realtime.Tables(other, "ttt-2"):Unsubscribe("realtime:requests:ttt-2", "realtime.Requests")
	kit.subscribe(other, kit.unique("fence"), function() end)
	Handoff.Send(alice, "ttt-2")
	kit.wait("nobody there", function() return #world.chat() == 3 end)
	Handoff.Send(alice, "ttt-3")
	Handoff.Send(alice, "hub")
	kit.eq(world.chat(), { "ttt-2 is full.", "ttt-2 does not answer, try later.", "ttt-2 is down.", "There is no way to ttt-3.",
		"There is no way to hub." })
	kit.eq({ #sent, #asked }, { 1, 2 })
	-- As long as she stays nothing is written; what she has when she leaves is.
	kit.wait("quiet", settled)
	kit.eq(names(ID), {})
	carries(alice, 70, 15, "weapon_crowbar", "weapon_357")
	hook.Run("PlayerDisconnected", alice)
	kit.wait("what she carries", function() return kit.same(names(ID), { "handoff:{" .. ID .. "}" }) end)
	local _, text = kit.command(other, { "GET", "handoff:{" .. ID .. "}" })
	kit.eq({ realtime.Decode(text) }, { { health = 70, armor = 15, weapons = { "weapon_crowbar", "weapon_357" } }, "hub" })
	local _, seconds = kit.command(other, { "TTL", "handoff:{" .. ID .. "}" })
	assert(seconds > 500 and seconds <= 600, seconds)
	kit.command(other, { "DEL", "handoff:{" .. ID .. "}" })
	hook.Run("PlayerDisconnected", alice) -- not sent again
	kit.wait("quiet", settled)
	kit.eq(names(ID), {})
end)

-- In a case of its own: the server that was asked is gone for the cases above.
host.test("handoff: here, a hostile answer", function()
	world.example("handoff")
	local requests = realtime.Requests(kit.connect({ id = "hostile" }), "ttt-2")
	kit.wait("its connection", function() return requests.client:IsConnected() end)
	kit.subscribe(requests.client, kit.unique("fence"), function() end)
	requests:Answer("handoff", function(_, _, reply) reply({ code = "\27[31m", message = ("\n[realtime] forged"):rep(1000) }) end)
	Handoff.Send(alice, "ttt-2")
	kit.wait("the answer", function() return #world.chat() == 1 end)
	kit.eq(world.chat(), { "ttt-2 does not answer, try later." })
	world.console_is_clean()
	requests.client:Disconnect()
end)

host.test("handoff: over there", function()
	world.example("handoff")
	local requests, real, ahead = realtime.Requests(other, "ttt-2"), { SysTime, game.MaxPlayers }, 0
	function SysTime() return real[1]() + ahead end
	kit.subscribe(other, kit.unique("fence"), function() end)
	local function ask(guest, as)
		local answers = kit.recorder()
		ahead = ahead + 1 -- each in a second of its own
		local asking = as or requests
		asking:Ask("hub", "handoff", guest, answers.fn)
		kit.wait("the answer", function() return #answers == 1 end)
		return answers[1][1] and answers[1][1].code, answers[1][2]
	end
	-- Comes, with what he carries or without, and spawns: what he has then. He goes again.
	local function come(id, carried)
		if carried then kit.command(other, { "SET", "handoff:{" .. id .. "}", text_of(carried) }) end
		local ply = arrive(id, false)
		kit.wait("the answers", settled)
		ply:Spawn()
		local things = got(ply)
		host.players.leave(ply)
		return things
	end
	local GUEST = { health = 5000, armor = 15, weapons = { "weapon_crowbar", 7, "weapon_357", { "weapon_357" }, "item_nuke" } }
	local BROUGHT = { "weapon_357", "weapon_crowbar", health = 100, armor = 15 }
	game.MaxPlayers = function() return 2 end -- Alice has the other place
	kit.eq({ ask("76561198000000002") }, { nil, true })
	kit.eq({ ask("76561198000000002") }, { nil, true }, "his own seat")
	kit.eq({ ask("76561198000000003") }, { "FULL" })
	kit.eq(come("76561198000000004"), USUAL, "somebody else")
	kit.eq(come("76561198000000002", GUEST), BROUGHT)
	kit.eq(come("76561198000000002"), USUAL, "the second time")
	for _, missing in ipairs({ "health", "armor", "weapons" }) do
		local incomplete = table.Copy(GUEST)
		incomplete[missing] = nil
		kit.eq(come("76561198000000003", incomplete), USUAL, "without " .. missing)
	end
	-- Who does not come in time has no seat any more, and who has come neither.
	kit.eq({ ask("76561198000000002") }, { nil, true })
	kit.eq({ ask("76561198000000003") }, { "FULL" })
	ahead = ahead + 121
	kit.eq({ ask("76561198000000003") }, { nil, true })
	-- Not everybody may send players, an id is a SteamID64, and one server has four seats here at most.
	game.MaxPlayers = function() return 100 end
	kit.eq({ ask("76561198000000009", realtime.Requests(other, "ttt-3")) }, { "ERROR" }, "a server that is not known")
	for _, id in ipairs({ "Bob", "\27[31m", "76561198000000009\n[realtime] forged", ("7"):rep(1000) }) do
		kit.eq({ ask(id) }, { "ERROR" }, kit.show(id))
	end
	for i = 4, 6 do kit.eq({ ask("7656119800000000" .. i) }, { nil, true }, "seat " .. i - 2) end
	kit.eq({ ask("76561198000000007") }, { "FULL" }, "one too many")
	kit.eq({ ask("76561198000000006") }, { nil, true }, "one that is kept already")
	ahead = ahead + 1
	-- From another server that is known. It has no Requests here, which would answer to its id, too.
	realtime.Tables(other, "hub"):Publish("realtime:requests:hub", {
		request = "handoff", number = 1, answer_to = "realtime:answers:" .. ("0"):rep(32), data = "76561198000000007",
	})
	kit.wait("its seat", function()
		return table.concat(host.console(), "\n"):find("a seat is kept for 76561198000000007, from hub", 1, true)
	end)
	-- Somebody who says to be a server without a free seat takes nobody's: that of 7 is still kept, for `hub`.
	kit.eq({ ask("76561198000000007") }, { "FULL" }, "another server's")
	kit.eq(come("76561198000000007", GUEST), BROUGHT)
	world.console_is_clean()
	SysTime, game.MaxPlayers = real[1], real[2]
end)

host.test("handoff: who is alive already has it at once; who leaves before he got it leaves it behind", function()
	world.example("handoff")
	local id, guest = "76561198000000021", { health = 30, armor = 5, weapons = { "weapon_smg1" } }
	kit.command(other, { "SET", "handoff:{" .. id .. "}", text_of(guest) })
	local ply = arrive(id)
	kit.wait("what he carried", function() return ply:Health() == 30 end)
	kit.eq({ got(ply), names(id) }, { { "weapon_smg1", health = 30, armor = 5 }, {} })
	host.players.leave(ply)
	-- Gone before the answer, or before he spawned; and claimed by this server before it crashed.
	kit.command(other, { "SET", "handoff:{" .. id .. "}:hub", text_of(guest) })
	host.players.leave(arrive(id))
	kit.wait("it waits again", function() return settled() and kit.same(names(id), { "handoff:{" .. id .. "}" }) end)
	ply = arrive(id, false)
	kit.wait("it is claimed", function() return settled() and #names(id) == 0 end)
	kit.eq(got(ply).health, 100)
	host.players.leave(ply)
	kit.wait("it waits again", function() return settled() and kit.same(names(id), { "handoff:{" .. id .. "}" }) end)
	kit.command(other, { "DEL", "handoff:{" .. id .. "}" })
end)

if host.server.kind() == "fake" then
	host.test("handoff: a cut before and after each step loses nothing and copies nothing", function()
		world.example("handoff")
		local client, requests = realtime.Default(), realtime.Requests(kit.connect({ id = "asked" }), "ttt-2")
		kit.wait("its connection", function() return requests.client:IsConnected() end)
		kit.subscribe(requests.client, kit.unique("fence"), function() end)
		requests:Answer("handoff", function(_, _, reply) reply(nil, true) end)
		local transaction, steps, cut = client.Transaction, 0, nil
		function client:Transaction(...)
			steps = steps + 1
			if cut and steps == cut[1] then host.fake.on_next("exec", cut[2]) end
			return transaction(self, ...)
		end
		for n = 1, 4 do
			for _, reaction in ipairs({ "close", "run_then_close" }) do
				local what = n .. " " .. reaction .. ": "
				cut = nil
				local ply = arrive(CARLA)
				kit.wait(what .. "quiet", settled)
				steps, cut = 0, { n, reaction }
				carries(ply, 70, 15, "weapon_crowbar")
				Handoff.Send(ply, "ttt-2")
				kit.wait(what .. "her way", function() return #host.players.seen(ply).lua == 1 end)
				host.players.leave(ply)
				kit.wait(what .. "what she carries", function()
					return steps >= 2 and settled() and kit.same(names(CARLA), { "handoff:{" .. CARLA .. "}" })
				end)
				ply = arrive(CARLA)
				kit.wait(what .. "what she carried", function() return ply:Health() == 70 end)
				kit.eq({ got(ply), names(CARLA), steps > 4 }, { { "weapon_crowbar", health = 70, armor = 15 }, {}, true }, what)
				host.players.leave(ply)
				ply = arrive(CARLA)
				kit.wait(what .. "quiet", settled)
				kit.eq(got(ply), USUAL, what .. "the second time")
				host.players.leave(ply)
			end
		end
		client.Transaction = nil
		requests.client:Disconnect()
	end)
end

host.test("handoff: over there, a flood", function()
	world.example("handoff")
	local requests, max_players = realtime.Requests(other, "ttt-2"), game.MaxPlayers
	game.MaxPlayers = function() return 100 end
	local function lines()
		return select(2, table.concat(host.console(), "\n"):gsub("a seat is kept for", ""))
	end
	-- 200 requests, in pieces that the queue has room for: each gets an answer, whatever it is.
	local function flood(id_of)
		local codes, answered = {}, 0
		for i = 1, 200 do
			if i % 40 == 0 then kit.wait("the answers so far", function() return answered == i - 1 end) end
			requests:Ask("hub", "handoff", id_of(i), function(err)
				local code = err and err.code or "taken"
				codes[code], answered = (codes[code] or 0) + 1, answered + 1
			end)
		end
		kit.wait("the answers", function() return answered == 200 end)
		return codes
	end
	local before = lines()
	world.at_one_moment(function() kit.eq(flood(function() return "76561198000000031" end), { taken = 10, BUSY = 190 }) end)
	kit.eq(lines() - before, 1)
	-- Later: that seat and three more, the others get none.
	world.at_one_moment(function()
		kit.eq(flood(function(i) return "765611980000001" .. string.format("%02d", i % 100) end), { taken = 3, FULL = 7, BUSY = 190 })
	end)
	kit.eq(lines() - before, 4)
	game.MaxPlayers = max_players
end)
