-- servers: fake, real
-- A player is sent to another server with what he carries, on both sides.

local world = include("_examples.lua")
if not world then return end
local kit = include("../_kit.lua")

-- What a gamemode gives to who comes without anything.
GAMEMODE = { PlayerLoadout = function(_, ply) ply:Give("weapon_physcannon") end }
local alice, other, others = world.alice, world.other, world.others

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
	alice:SetHealth(70)
	alice:SetArmor(15)
	alice:Give("weapon_crowbar")
	alice:Give("weapon_357")
	Handoff.Send(alice, "ttt-2")
	kit.wait("her way", function() return #sent == 1 end)
	kit.eq(sent, { 'permissions.AskToConnect("203.0.113.5:27016")' })
	kit.eq(asked[1], { { id = "76561198000000001", health = 70, armor = 15, weapons = { "weapon_crowbar", "weapon_357" } }, "hub" })
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
	local function guest(id) return { id = id, health = 5000, armor = 15, weapons = { "weapon_crowbar", 7, "weapon_357", "weapon_357", "item_nuke" } } end
	-- Comes, and goes again: what he had then.
	local function come(id)
		local ply = host.players.add({ name = "Bob", steamid64 = id })
		local got = { health = ply:Health(), armor = ply:Armor() }
		for i, weapon in ipairs(ply:GetWeapons()) do got[i] = weapon:GetClass() end
		table.sort(got)
		host.players.leave(ply)
		return got
	end
	local usual = { "weapon_physcannon", health = 100, armor = 0 }
	local brought = { "weapon_357", "weapon_crowbar", health = 100, armor = 15 }
	game.MaxPlayers = function() return 2 end -- Alice has the other place
	kit.eq({ ask(guest("76561198000000002")) }, { nil, true })
	kit.eq({ ask(guest("76561198000000002")) }, { nil, true }, "his own seat")
	kit.eq({ ask(guest("76561198000000003")) }, { "FULL" })
	for _, missing in ipairs({ "id", "health", "armor", "weapons" }) do
		local incomplete = guest("76561198000000003")
		incomplete[missing] = nil
		kit.eq({ ask(incomplete) }, { "ERROR" }, "without " .. missing)
	end
	kit.eq(come("76561198000000004"), usual, "somebody else")
	kit.eq(come("76561198000000002"), brought)
	kit.eq(come("76561198000000002"), usual, "his second life")
	-- Who does not come in time gets nothing, and blocks nobody.
	kit.eq({ ask(guest("76561198000000002")) }, { nil, true })
	ahead = ahead + 121
	kit.eq(come("76561198000000002"), usual, "late")
	kit.eq({ ask(guest("76561198000000003")) }, { nil, true })
	-- Not everybody may send players, an id is a SteamID64, and one server has four seats here at most.
	game.MaxPlayers = function() return 100 end
	kit.eq({ ask(guest("76561198000000009"), realtime.Requests(other, "ttt-3")) }, { "ERROR" }, "a server that is not known")
	for _, id in ipairs({ "Bob", "\27[31m", "76561198000000009\n[realtime] forged", ("7"):rep(1000) }) do
		kit.eq({ ask(guest(id)) }, { "ERROR" }, kit.show(id))
	end
	for i = 4, 6 do kit.eq({ ask(guest("7656119800000000" .. i)) }, { nil, true }, "seat " .. i - 2) end
	kit.eq({ ask(guest("76561198000000007")) }, { "FULL" }, "one too many")
	kit.eq({ ask(guest("76561198000000006")) }, { nil, true }, "one that is kept already")
	ahead = ahead + 1
	-- From another server that is known. It has no Requests here, which would answer to its id, too.
	realtime.Tables(other, "hub"):Publish("realtime:requests:hub", {
		request = "handoff", number = 1, answer_to = "realtime:answers:" .. ("0"):rep(32), data = guest("76561198000000007"),
	})
	kit.wait("its seat", function()
		return table.concat(host.console(), "\n"):find("a seat is kept for 76561198000000007, from hub", 1, true)
	end)
	-- Somebody who says to be a server without a free seat takes nobody's: that of 7 is still kept, for `hub`.
	kit.eq({ ask(guest("76561198000000007")) }, { "FULL" }, "another server's")
	kit.eq(come("76561198000000007"), brought)
	world.console_is_clean()
	SysTime, game.MaxPlayers = real[1], real[2]
end)

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
			requests:Ask("hub", "handoff", { id = id_of(i), health = 1, armor = 1, weapons = {} }, function(err)
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
