-- servers: fake, real
-- Which servers are up: each client stands for a server.

local kit = include("../_kit.lua")

-- A server that hears the others: under RESP2 another client's next message may come before the subscription.
local function server(id)
	local presence = realtime.Presence(kit.ready(), id)
	kit.fence(presence.client)
	return presence
end

local function close(...)
	for _, presence in ipairs({ ... }) do presence:Stop() presence.client:Disconnect() end
end

local function knows(presence, id)
	return function() return presence:Server(id) end
end

local function count(text)
	local n = 0
	for _, line in ipairs(host.console()) do
		if line:find(text, 1, true) then n = n + 1 end
	end
	return n
end

host.test("a newcomer learns of all others at once, and they of it", function()
	realtime.addon.presence_interval = 1000 -- nothing comes by itself
	local a, b, c = kit.unique("a"), kit.unique("b"), kit.unique("c")
	local at_a = server(a)
	local at_b = server(b)
	kit.wait("a knows b", knows(at_a, b))
	kit.wait("b knows a", knows(at_b, a))
	local joined = kit.recorder()
	at_a:On("joined", joined.fn)
	local at_c = server(c)
	kit.wait("c knows both", function() return at_c:Server(a) and at_c:Server(b) end)
	kit.wait("both know c", function() return at_a:Server(c) and at_b:Server(c) and #joined == 1 end)
	kit.eq(joined[1][1].id, c)
	local ids, own = {}, 0
	for i, entry in ipairs(at_b:Servers()) do
		ids[i] = entry.id
		own = own + (entry.own and 1 or 0)
	end
	local wanted = { a, b, c }
	kit.eq(ids, wanted, "in the order of the ids")
	kit.eq(own, 1)
	local entry = at_a:Server(c)
	kit.eq({ entry.map, entry.players, entry.bots, entry.max_players, entry.name, entry.fields, entry.duplicate },
		{ "gm_construct", 0, 0, 16, "gmod-host", {}, false })
	assert(entry.age >= 0 and entry.age < kit.PATIENCE and not entry.own)
	kit.eq(at_a:Server("nobody"), nil)
	close(at_a, at_b, at_c)
end)

host.test("fields, map and players are told when they change, on an empty server too", function()
	realtime.addon.presence_interval = 1000
	local a, b = kit.unique("a"), kit.unique("b")
	local at_a, at_b, changed = server(a), server(b), kit.recorder()
	kit.wait("b knows a", knows(at_b, a))
	at_b:On("changed", changed.fn)
	host.hibernate(true)
	local mode = { "ttt", { rounds = 5, host = "76561198000000001" } }
	at_a:Set("mode", mode)
	mode[1] = "changed later"
	kit.wait("the field", function() return at_b:Server(a).fields.mode end)
	kit.eq(at_b:Server(a).fields.mode, { "ttt", { rounds = 5, host = "76561198000000001" } })
	kit.eq(changed[#changed][1].fields.mode[1], "ttt")
	kit.eq(at_a:Server(a).fields.mode[1], "ttt", "its own entry")
	at_a:Set("mode", nil)
	kit.wait("no field", function() return not at_b:Server(a).fields.mode end)
	local get_map, get_count = game.GetMap, player.GetCount
	game.GetMap, player.GetCount = function() return "gm_flatgrass" end, function() return 7 end
	kit.wait("the map", function() return at_b:Server(a).map == "gm_flatgrass" and at_b:Server(a).players == 7 end)
	game.GetMap, player.GetCount = get_map, get_count
	host.hibernate(false)
	kit.raises("'Set' \"x\": y: NaN", at_a.Set, at_a, "x", { y = 0 / 0 })
	kit.raises("#1", at_a.Set, at_a, 5, 5)
	close(at_a, at_b)
end)

host.test("words come by themselves while hibernating, and who is silent has left", function()
	realtime.addon.presence_interval = 0.02
	local a, b = kit.unique("a"), kit.unique("b")
	local at_a, at_b, left = server(a), server(b), kit.recorder()
	kit.wait("b knows a", knows(at_b, a))
	at_b:On("left", left.fn)
	host.hibernate(true)
	-- The silence began at the last message.
	local words, channel, last, silence = 0, "realtime:presence", SysTime() - at_b:Server(a).age, 0
	local function listen() silence, last = math.max(silence, SysTime() - last), SysTime() end
	at_b.client:Subscribe(channel, function(text)
		if not text:find('"from":"' .. a .. '"', 1, true) then return end
		words = words + 1
		listen()
	end)
	kit.wait("ten words", function() return words >= 10 end)
	listen()
	-- A stalled server or thread causes a silence, too.
	if silence < 3 * realtime.addon.presence_interval then kit.eq(#left, 0) end
	-- No hook puts the timer back while the server is empty; the next message does.
	timer.Remove("realtime.Addon")
	at_b.client:Publish(channel, realtime.Encode({ instance = "someone" }, "someone"))
	local from = words
	kit.wait("ten more", function() return words >= from + 10 end)
	listen()
	at_a.client:Disconnect() -- without a goodbye
	kit.wait("a has left", function() return not at_b:Server(a) and not at_b:Server("someone") end)
	host.hibernate(false)
	local ids = {}
	for _, call in ipairs(left) do ids[call[1].id] = true end
	kit.eq(ids, { [a] = true, someone = true })
	if silence < 3 * realtime.addon.presence_interval then kit.eq(#left, 2) end
	close(at_b)
end)

host.test("goodbye is told at once: at Stop, and at the end of the Lua state, where it may be a map change", function()
	realtime.addon.presence_interval = 1000
	local a, b = kit.unique("a"), kit.unique("b")
	local at_a, at_b, left = server(a), server(b), kit.recorder()
	kit.wait("b knows a", knows(at_b, a))
	at_b:On("left", "one", left.fn)
	at_b:On("left", "two", left.fn)
	at_b:Off("left", "two")
	at_a:Stop()
	kit.wait("a has left", function() return #left == 1 end)
	local again = realtime.Presence(at_a.client, a)
	assert(again ~= at_a)
	kit.wait("a is back", knows(at_b, a))
	realtime.addon.RemoveTask(again) -- its Lua state has ended: it announces nothing any more
	realtime.addon.goodbyes.Presence[again]()
	kit.wait("a is away", function() return at_b:Server(a).away end)
	kit.eq(#left, 1)
	realtime.addon.presence_absence = 0.1
	kit.wait("a has left again", function() return #left == 2 end)
	kit.eq({ left[1][2], left[2][2] }, { "goodbye", "goodbye" })
	realtime.addon.presence_absence = 60
	close(again, at_b)
end)

host.test("a stall of one's own makes nobody leave", function()
	realtime.addon.presence_interval = 1000
	local a, b = kit.unique("a"), kit.unique("b")
	local at_a, at_b, left = server(a), server(b), kit.recorder()
	kit.wait("both know", function() return at_b:Server(a) and at_a:Server(b) end)
	at_b:On("left", left.fn)
	-- The limit of silence is short only for this server's own stall, which does not decide when others are heard again.
	realtime.addon.presence_interval = 0.1
	host.block(1)
	kit.ticks(2)
	realtime.addon.presence_interval = 1000
	at_a:Set("x", 1)
	local heard = kit.recorder()
	realtime.Tables(at_b.client, b):Subscribe("realtime:presence", "test", function(_, from) if from == a then heard.fn() end end)
	kit.wait("a is heard again", function() return #heard > 0 end)
	kit.eq(#left, 0)
	close(at_a, at_b)
end)

host.test("a lost connection of one's own makes nobody leave", function()
	realtime.addon.presence_interval = 1000
	local a, b = kit.unique("a"), kit.unique("b")
	local proxy = host.proxy()
	local at_a = server(a)
	local at_b = realtime.Presence(kit.ready({ url = proxy.url(), reconnect_min = 0.001, reconnect_max = 0.001 }), b)
	local left = kit.recorder()
	kit.wait("b knows a", knows(at_b, a))
	at_b:On("left", left.fn)
	at_b.client:On("down", function() end)
	proxy.refuse()
	proxy.cut()
	kit.wait("b is cut off", function() return not at_b.client:IsConnected() end)
	-- Many intervals, which are short while there is no connection.
	realtime.addon.presence_interval = 0.05
	local from = at_b:Server(a).age
	kit.wait("silence", function() return at_b:Server(a).age > from + 3.5 end)
	kit.eq(#left, 0)
	-- Nor when it is back: from then on they have three intervals, which is longer than any stall of a machine.
	realtime.addon.presence_interval = 1
	local back = false
	at_b.client:On("ready", function() back = true end)
	proxy.accept()
	kit.wait("the way back", function() return back end)
	kit.ticks(2)
	kit.eq(#left, 0)
	realtime.addon.presence_interval = 1000
	local words = 0
	at_b:On("changed", function() words = words + 1 end)
	at_a:Set("x", 1)
	kit.wait("b hears a again", function() return words == 1 end)
	kit.eq(#left, 0)
	close(at_a, at_b)
end)

host.test("two servers with one id: both shout, the others know", function()
	realtime.addon.presence_interval = 1000
	local id, c = kit.unique("twin"), kit.unique("c")
	local third = server(c)
	local told_third, told_first = kit.recorder(), kit.recorder()
	third:On("duplicate", told_third.fn)
	local first = server(id)
	first:On("duplicate", told_first.fn)
	kit.wait("first is known", knows(third, id))
	local second = server(id)
	kit.wait("all know", function() return #told_first == 1 and #told_third == 1 end)
	kit.wait("the other twin, too", function() return second:Server(id).duplicate and first:Server(id).duplicate end)
	kit.eq({ told_first[1][1].id, told_third[1][1].id, told_third[1][1].duplicate }, { id, id, true })
	assert(third:Server(id).duplicate)
	local shouted = count('TWO SERVERS HAVE THE ID "' .. id .. '"')
	kit.eq(shouted, 3, "one line of each")
	assert(count("this one, and gmod-host on gm_construct") >= 2)
	for i = 1, 5 do first:Set("x", i) second:Set("x", i) kit.ticks(2) end
	kit.eq(count('TWO SERVERS HAVE THE ID "' .. id .. '"'), 3, "it is said once a minute")
	close(first, second, third)
end)

host.test("a map change is no twin: its old Lua state is heard once at most", function()
	realtime.addon.presence_interval = 1000
	local id = kit.unique("changing")
	local now = server(id)
	local other = kit.ready()
	local word = realtime.Encode({ instance = "former", map = "gm_old" }, id)
	kit.publish(other, "realtime:presence", word)
	kit.publish(other, "realtime:presence", realtime.Encode({ instance = "former", bye = true }, id))
	local fence = kit.recorder()
	kit.subscribe(now.client, "fence" .. id, fence.fn)
	kit.publish(other, "fence" .. id, "")
	kit.wait("the fence", function() return #fence == 1 end)
	kit.eq(now:Server(id).duplicate, false)
	kit.publish(other, "realtime:presence", word)
	kit.wait("heard twice, it is one", function() return now:Server(id).duplicate end)
	other:Disconnect()
	close(now)
end)

host.test("strange words and bad arguments", function()
	local a = server(kit.unique("a"))
	for _, text in ipairs({ "x", '{"from":"s","data":5}', '{"from":"s","data":{}}', '{"from":"s","data":{"instance":5}}' }) do
		kit.publish(a.client, "realtime:presence", text)
	end
	kit.publish(a.client, "realtime:presence", '{"from":"odd","data":{"instance":"i","fields":5,"map":[1],"players":"x"}}')
	kit.wait("the odd one", knows(a, "odd"))
	local odd = a:Server("odd")
	kit.eq({ odd.fields, odd.map, odd.players, odd.bots, odd.max_players, odd.name }, { {}, "", 0, 0, 0, "" })
	kit.eq(a:Server("s"), nil)
	kit.publish(a.client, "realtime:presence",
		'{"from":"odd","data":{"instance":"i","name":"\\u001b[2J","map":"gm\\nflat","duplicate":true}}')
	kit.wait("the shout", function() return a:Server("odd").duplicate end)
	kit.eq({ a:Server("odd").name, a:Server("odd").map }, { "\\x1b[2J", "gm\\x0aflat" })
	kit.eq(count("\27[2J"), 0)
	kit.raises("joined", a.On, a, "nonsense", print)
	kit.raises("joined", a.Off, a, "nonsense")
	kit.raises("function", a.On, a, "left", "x")
	host.expect_errors(1)
	a:On("joined", function() error("in a listener") end)
	kit.publish(a.client, "realtime:presence", '{"from":"odd2","data":{"instance":"i"}}')
	kit.wait("the error", function() return #host.errors() == 1 end)
	close(a)
end)
