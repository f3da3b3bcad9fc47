-- realtime.Players in virtual time: slow events, limits on messages, and strange messages.

local kit = include("../_kit.lua")
local virtual = include("_players_virtual.lua")

-- Servers in virtual time, one for each name; two may have the same id.
local function new_world(...)
	local world = { case = virtual.new_case(), running = {} }
	function world.start(name, id)
		local server = world.case.server(id or name, virtual.new_game())
		world[name], world.running[#world.running + 1] = server, server
		server.events = {}
		for _, event in ipairs({ "joined", "left" }) do
			server.players:On(event, "test", function(who) server.events[#server.events + 1] = event .. " " .. who.server .. (who.from and " from " .. who.from or "") end)
		end
		server.players:On("taken", "test", function(_, by) server.events[#server.events + 1] = "taken " .. by end)
		return server
	end
	function world.pass(seconds, step)
		local stop = world.case.now + seconds
		while world.case.now < stop do world.case.step(step or 0.1, world.running) end
		assert(not world.case.errors[1], world.case.errors[1])
	end
	function world.finish(server, in_order)
		if in_order then
			server.game.end_state(server.addon)
			world.pass(0.1)
		end
		world.case.kill(server, "now")
		table.RemoveByValue(world.running, server)
	end
	-- The messages on realtime:players from now on.
	function world.listen()
		local heard, publish = {}, world.case.publish
		function world.case.publish(channel, text)
			if channel == "realtime:players" then heard[#heard + 1] = text end
			return publish(channel, text)
		end
		return heard
	end
	for _, name in ipairs({ ... }) do world.start(name) end
	world.pass(2)
	return world
end
local function where(server, id) return (server.players:Where(id)) end
local ID, OTHER = "76561198000000001", "76561198000000002"
local function id_of(i) return string.format("765611981%08d", i) end

host.test("two servers with one id register nobody who joins then, and say so; when one ends, they do", function()
	local world = new_world("a", "b")
	local early = world.a.game.join(ID)
	world.pass(1)
	local twin = world.start("twin", "a")
	world.pass(10)
	twin.game.join(OTHER)
	world.a.game.join(id_of(1))
	world.pass(12)
	kit.eq({ where(world.b, ID), where(world.b, OTHER), where(world.b, id_of(1)) }, { "a" })
	local said = table.concat(world.case.lines, "\n")
	assert(said:find('two servers have the id "a", so players who join now are not registered', 1, true), said)
	assert(IsValid(early))
	kit.eq(world.b.events, { "joined a" })
	world.finish(twin)
	world.pass(30)
	kit.eq({ where(world.b, ID), where(world.b, OTHER), where(world.b, id_of(1)) }, { "a", nil, "a" })
end)

host.test("a hundred players travel in messages of 32 at most and 8 KiB; a lost one is asked for", function()
	local world = new_world("a", "b")
	local heard = world.listen()
	for i = 1, 100 do world.a.game.join(id_of(i), { name = ("☃"):rep(40), rank = ("\1"):rep(40) }) end
	-- The other one misses them all.
	world.case.cut(world.b.client, "now")
	world.pass(1)
	assert(#heard >= 4, #heard)
	for _, text in ipairs(heard) do
		local message = realtime.DecodeJson(text)
		assert(#text <= 8192 and #message.data.players <= 32, #text)
	end
	world.case.connect(world.b.client)
	world.pass(3)
	kit.eq(table.Count(world.b.players.index), 100)
	kit.eq(world.b.players:Find("☃")[1].rank, world.a.players:Find("☃")[1].rank)
end)

host.test("names that change all the time are told once a second", function()
	local world = new_world("a", "b")
	local ply, heard = world.a.game.join(ID), nil
	world.pass(2)
	heard = world.listen()
	for i = 1, 50 do
		ply.name = "name " .. i
		world.pass(0.1)
	end
	assert(#heard >= 4 and #heard <= 6, #heard)
	world.pass(3)
	kit.eq(world.b.players:Find("")[1].name, "name 50")
	-- Without a change nothing is reported.
	heard = world.listen()
	world.pass(60)
	kit.eq(#heard, 0)
end)

host.test("nobody counts before PlayerInitialSpawn, unless an addon's hook has ended that", function()
	local world = new_world("a")
	local run = world.a.game.run
	function world.a.game.run() end
	local ply, other = world.a.game.join(ID), world.a.game.join(OTHER)
	world.a.game.run = run
	world.pass(3)
	kit.eq({ where(world.a, ID), where(world.a, OTHER) }, {})
	world.a.game.run("PlayerInitialSpawn", other)
	world.pass(0.5)
	kit.eq({ where(world.a, OTHER), where(world.a, ID) }, { "a" })
	world.pass(5)
	kit.eq({ where(world.a, ID), IsValid(ply) }, { "a", true })
end)

host.test("many who come within a second are told together", function()
	local world = new_world("a", "b")
	local heard = world.listen()
	for i = 1, 20 do
		world.a.game.join(id_of(i))
		world.pass(0.1)
	end
	world.pass(2)
	kit.eq(table.Count(world.b.players.index), 20)
	assert(#heard <= 4, #heard)
end)

host.test("a message that was lost is noticed with the next one", function()
	local world = new_world("a", "b")
	world.a.game.join(id_of(1))
	world.pass(2)
	local publish = world.case.publish
	function world.case.publish(channel, text)
		if channel ~= "realtime:players" then return publish(channel, text) end
		world.case.publish = publish
		return 0
	end
	world.a.game.join(id_of(2))
	world.pass(2)
	kit.eq(world.case.publish, publish)
	world.a.game.join(id_of(3))
	world.pass(2)
	for i = 1, 3 do kit.eq(where(world.b, id_of(i)), "a", "player " .. i) end
end)

host.test("who is held for ever is let go after 30 s, and who moved has moved for 120 s", function()
	local world = new_world("a", "b")
	local ply = world.a.game.join(ID)
	world.pass(2)
	assert(world.a.players:Hold(ID))
	world.a.game.leave(ply)
	world.pass(28)
	kit.eq({ where(world.a, ID), where(world.b, ID) }, { "a", "a" })
	world.pass(6)
	kit.eq({ where(world.a, ID), where(world.b, ID) }, {})
	world.pass(100)
	local again = world.b.game.join(ID)
	world.pass(2)
	world.b.game.leave(again)
	world.pass(130)
	world.a.game.join(ID)
	world.pass(2)
	kit.eq(world.a.events, { "joined a", "left a", "joined b from a", "left b", "joined a" })
end)

host.test("a server that does not come back keeps its players for three minutes, whatever presence says", function()
	local world = new_world("a", "b")
	world.a.game.join(ID)
	world.pass(2)
	world.finish(world.a, true)
	world.pass(170)
	local _, record = world.b.players:Where(ID)
	kit.eq({ record.server, record.loading, world.b.events }, { "a", true, { "joined a" } })
	world.pass(20)
	kit.eq({ where(world.b, ID), world.b.events }, { nil, { "joined a", "left a" } })
	kit.eq(next(world.b.players.servers.a or {}), nil)
end)

host.test("a server that stood still for longer than its lease has lost who has moved, and no others", function()
	local world = new_world("a", "b", "c")
	world.a.game.join(ID)
	world.a.game.join(OTHER)
	world.pass(2)
	world.a.is_stopped = true
	world.pass(10)
	world.b.game.join(ID)
	world.pass(20)
	kit.eq({ where(world.c, ID), where(world.c, OTHER) }, { "b" })
	world.a.is_stopped = false
	world.pass(8)
	for _, server in ipairs(world.running) do kit.eq({ where(server, ID), where(server, OTHER) }, { "b", "a" }, server.id) end
	assert(table.HasValue(world.a.events, "taken b"), kit.show(world.a.events))
end)

host.test("after a failover to a clock that is behind, the newest claim is still the newest", function()
	local world = new_world("a", "b")
	world.a.game.join(ID)
	world.pass(5)
	world.b.game.join(ID)
	world.pass(2)
	world.case.redis.ahead = -20
	world.pass(30)
	for _, server in ipairs(world.running) do kit.eq(where(server, ID), "b", server.id) end
	local count = 0
	for _, event in ipairs(world.a.events) do count = count + (event == "taken b" and 1 or 0) end
	kit.eq({ count, #world.b.events }, { 1, 3 })
	-- And a player who comes now is newer than all.
	world.case.redis.ahead = -60
	world.start("c")
	world.pass(2)
	world.c.game.join(ID)
	world.pass(8)
	for _, server in ipairs(world.running) do kit.eq(where(server, ID), "c", server.id) end
end)

host.test("a claim that was long on its way does not take a player from the server to which he went meanwhile", function()
	local world = new_world("a", "b")
	world.pass(6)
	world.a.game.join(ID)
	world.a.client.up = world.case.now + 4
	world.pass(1)
	world.b.game.join(ID)
	world.pass(2)
	kit.eq(where(world.b, ID), "b")
	world.pass(10)
	kit.eq({ where(world.a, ID), where(world.b, ID), world.b.events }, { "b", "b", { "joined b" } })
	assert(table.HasValue(world.a.events, "taken b"), kit.show(world.a.events))
end)

host.test("if Redis's clock is set forward or back, who comes later is still the newest", function()
	for _, ahead in ipairs({ 300, -300 }) do
		local world = new_world("a", "b")
		world.a.game.join(ID)
		world.pass(6)
		world.case.redis.ahead = ahead
		world.pass(6)
		world.b.game.join(ID)
		world.pass(8)
		for _, server in ipairs(world.running) do kit.eq(where(server, ID), "b", server.id .. " " .. ahead) end
		world.start("c") -- which knows no other clock
		world.pass(2)
		world.c.game.join(OTHER)
		world.pass(1)
		world.b.game.join(OTHER)
		world.pass(8)
		for _, server in ipairs(world.running) do kit.eq(where(server, OTHER), "b", server.id .. " " .. ahead) end
	end
end)

host.test("a server that died before Redis's clock was set back is dead when its lease is over", function()
	local world = new_world("a", "b")
	world.a.game.join(ID)
	world.pass(6)
	world.finish(world.a)
	world.case.redis.ahead = -3600
	world.pass(30)
	local reply
	world.b.players:Ask(ID, "x", nil, function(err) reply = err.code end)
	world.pass(1)
	kit.eq(reply, "NOBODY")
	kit.eq(table.Count(world.case.redis.sets["realtime:players:{players}:leases"]), 1)
end)

host.test("strange messages do no harm, and cannot drive a player away", function()
	local world = new_world("a", "b")
	world.a.game.join(ID)
	world.pass(2)
	local instance = world.a.players.instance
	local function say(data, from)
		world.case.publish("realtime:players", (assert(realtime.EncodeJson({ from = from or "a", state = "x", data = data }))))
		world.pass(0.3)
	end
	for _, data in ipairs({
		1, "x", {}, { players = 1 }, { instance = instance }, { instance = instance, version = "1", players = {} }, { instance = instance, version = 2 ^ 53, players = 7 },
		{ instance = instance, version = 99, part = 0, parts = 1, players = {} }, { instance = instance, version = 99, part = 1, parts = 1e9, players = {} },
		{ instance = instance, version = 99, part = 1.5, parts = 2, players = {} }, { instance = instance, version = -1, before = -2, players = { 5, {}, { 1 }, { {} } } },
		{ ask = 5 }, { ask = {} },
	}) do
		say(data)
	end
	say({ instance = instance, version = 2, before = 1, players = { { OTHER, "x", "y", "1", 2 }, { OTHER, 1, 2, 3, 4 }, { OTHER, "x", "y", -1, 2 }, { "7", "x", "y", 1, 2 } } })
	kit.eq({ where(world.b, ID), where(world.b, OTHER), where(world.b, "76561198000000007") }, { "a" })
	-- From a server that presence does not know.
	say({ instance = instance, version = 1, before = 0, players = { { OTHER, "x", "y", 1, 2 } } }, "ttt-9")
	kit.eq(where(world.b, OTHER), nil)
	-- A message that the player is on another server changes only the list here, until the next check.
	say({ instance = world.b.players.instance, version = 1, before = 0, players = { { ID, "\27[31m", "\n", 9e15, 9e15 } } }, "b")
	world.pass(10)
	local shown = world.a.players:Find("")[1]
	assert(not shown.name:find("%c") and not shown.rank:find("%c"))
	for _, event in ipairs(world.a.events) do assert(not event:find("taken", 1, true), event) end
	kit.eq(world.a.players.stays[ID].state, "held")
	-- More players than a server has.
	local list = {}
	for version = 1, 20 do
		for i = 1, 32 do list[i] = { id_of(version * 100 + i), "x", "y", version, 1 } end
		say({ instance = world.b.players.instance, version = version + 1, before = version, players = list }, "b")
	end
	assert(table.Count(world.a.players.servers.b.players) <= 256)
	world.case.publish("realtime:players:a", "\255\n")
	world.case.publish("realtime:players:a", "post " .. ("7"):rep(17))
	world.pass(1)
end)

host.test("a request without a reply ends with its own name and seconds", function()
	local world, got = new_world("a", "b"), kit.recorder()
	world.a.game.join(ID)
	world.a.players:Answer("late", function() return true end)
	world.pass(3)
	assert(world.b.players:Ask(ID, "late", nil, got.fn, 1))
	world.pass(3)
	kit.eq({ #got, got[1][1].code, got[1][1].message, got[1][1].sent },
		{ 1, "TIMEOUT", '"a" did not answer "late" for ' .. ID .. " within 1 s", true })
end)

host.test("a post whose answer was lost is asked for again while Redis refuses the question: it is not called refused", function()
	local world, got = new_world("a"), kit.recorder()
	local addon, refusals = world.a.addon, 0
	assert(world.a.players:Post(ID, "gift", 1, got.fn))
	assert(world.a.players:Post(ID, "gift", 2, { timeout = 2 }, got.fn))
	local run = addon.RunScript
	function addon.RunScript(client, name, keys, arguments, fn)
		if arguments[1] ~= "ask" then return run(client, name, keys, arguments, fn) end
		refusals = refusals + 1
		fn(addon.Error("LOADING", "Redis is loading the dataset in memory", false))
		return true
	end
	world.case.cut(world.a.client, "now")
	world.case.connect(world.a.client)
	world.pass(3)
	kit.eq({ #got, got[1][1].code, got[1][1].sent }, { 1, "TIMEOUT", true })
	assert(tostring(got[1][1]):find("LOADING", 1, true) and refusals > 10, tostring(got[1][1]))
	addon.RunScript = run
	world.pass(1)
	kit.eq({ #got, got[2][1], got[2][2] ~= nil }, { 2, nil, true })
end)

host.test("a post that was handled in the last tick of a Lua state does not come again", function()
	local world, runs, answers = new_world("a", "b"), 0, {}
	local function answer(_, data, _, reply)
		runs = runs + 1
		answers[data] = reply
		return true
	end
	world.a.players:Answer("gift", answer)
	world.a.game.join(ID)
	world.pass(2)
	for i = 1, 2 do world.b.players:Post(ID, "gift", i) end
	world.pass(2)
	kit.eq(runs, 2)
	answers[1](nil, "")
	-- In a hook that runs after the addon's own.
	world.a.game.end_state(world.a.addon, function() answers[2](nil, "") end)
	world.case.kill(world.a, "now")
	table.RemoveByValue(world.running, world.a)
	local next_a = world.start("a")
	next_a.players:Answer("gift", answer)
	next_a.game.join(ID)
	world.pass(20)
	kit.eq(runs, 2)
end)
