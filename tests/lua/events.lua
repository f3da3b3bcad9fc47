-- servers: fake, real
-- ready, subscribed, error and identifiers of listeners, where nothing goes wrong with the connection.

local kit = include("_kit.lua")

host.test("ready tells protocol, server and version, and that it is the first", function()
	local client, got = kit.connect(), kit.recorder()
	client:On("ready", got.fn)
	kit.wait("ready", function() return #got == 1 end)
	local info = got[1][1]
	kit.eq(info.first, true)
	kit.eq(type(info.server), "string")
	assert(info.version:find("^%d+%.%d+"), info.version)
	-- RESP3 came with Redis 6.
	kit.eq(info.protocol, host.protocol or tonumber(info.version:match("^%d+")) >= 6 and 3 or 2)
	assert(got[1][2] == client)
	kit.eq(client:State(), "ready")
	kit.ticks(3)
	kit.eq(#got, 1, "ready events")
	client:Disconnect()
end)

host.test("a listener added later to a ready client gets a ready of its own", function()
	local client, got = kit.ready(), kit.recorder()
	kit.ticks(2)
	client:On("ready", "late", got.fn)
	kit.eq(#got, 0, "not inside the call")
	kit.wait("ready", function() return #got == 1 end)
	assert(got[1][1].protocol)
	client:On("ready", "later", got.fn)
	kit.wait("ready for the second", function() return #got == 2 end)
	kit.ticks(3)
	kit.eq(#got, 2, "the first listener is not called again")
	client:Disconnect()
end)

host.test("ready comes after the subscriptions that were wanted then", function()
	host.server.stop() -- so that they are wanted before there is a connection
	local client, order = kit.connect({ reconnect_min = 0.02, reconnect_max = 0.1 }), {}
	local channel = kit.unique("early")
	for _, event in ipairs({ "subscribed", "ready" }) do
		client:On(event, function(info) order[#order + 1] = info.channel or info.pattern or event end)
	end
	client:On("down", function() end)
	client:Subscribe(channel, function() end)
	client:PSubscribe(channel .. ".*", function() end)
	host.server.start()
	kit.wait("ready", function() return table.HasValue(order, "ready") end)
	kit.eq(#order, 3)
	kit.eq(order[3], "ready")
	assert(table.HasValue(order, channel) and table.HasValue(order, channel .. ".*"))
	client:Disconnect()
end)

host.test("subscribed names channel or pattern, once", function()
	local client, got, channel = kit.ready(), kit.recorder(), kit.unique("sub")
	client:On("subscribed", got.fn)
	client:Subscribe(channel, "a", function() end)
	client:Subscribe(channel, "b", function() end)
	client:PSubscribe(channel .. ".*", "a", function() end)
	kit.wait("both", function() return #got == 2 end)
	kit.ticks(3)
	kit.eq(#got, 2)
	kit.eq(got[1][1], { channel = channel })
	kit.eq(got[2][1], { pattern = channel .. ".*" })
	client:Disconnect()
end)

host.test("listeners have identifiers too, and Off removes them", function()
	local client = kit.connect()
	local a, b, c = kit.recorder(), kit.recorder(), kit.recorder()
	client:On("ready", "a", a.fn)
	client:On("ready", "b", b.fn)
	client:On("ready", "a", c.fn)
	client:Off("ready", "b")
	kit.wait("ready", function() return #c == 1 end)
	kit.ticks(2)
	kit.eq({ #a, #b, #c }, { 0, 0, 1 })
	client:Disconnect()
end)

host.test("an unknown event raises and lists the events", function()
	local client = kit.connect()
	local message = kit.raises("connected", client.On, client, "connected", function() end)
	for _, name in ipairs({ "ready", "down", "gap", "dropped", "subscribed", "error" }) do
		assert(message:find(name, 1, true), message)
	end
	client:Disconnect()
end)

host.test("a callback that raises is reported and the others run", function()
	local client, channel, got = kit.ready(), kit.unique("raise"), kit.recorder()
	host.expect_errors(3)
	client:Subscribe(channel, "1", function() error("first callback's fault") end)
	client:Subscribe(channel, "2", got.fn)
	client:Subscribe(channel, "3", function() local x = nil; return x.y end)
	client:Subscribe(channel, "4", got.fn)
	client:Publish(channel, "m", function() error({}) end)
	kit.wait("the others", function() return #got == 2 end)
	kit.wait("three reports", function() return #host.errors() >= 3 end)
	local all = table.concat(host.errors(), "\n")
	assert(all:find("first callback's fault", 1, true), all)
	assert(all:find("events.lua", 1, true), "no traceback: " .. all)
	kit.publish(client, channel .. "none", "still alive")
	client:Disconnect()
end)

host.test("Stats has its figures", function()
	local client, channel, got = kit.ready(), kit.unique("stats"), kit.recorder()
	client:Subscribe(channel, got.fn)
	for i = 1, 10 do kit.publish(client, channel, "12345") end
	kit.wait("the messages", function() return #got == 10 end)
	local stats = client:Stats()
	kit.eq(stats.received, 10)
	kit.eq(stats.delivered, 10)
	kit.eq(stats.published, 10)
	kit.eq(stats.pending, 0)
	kit.eq(stats.queued_events, 0)
	kit.eq(stats.queued_bytes, 0)
	kit.eq(stats.reconnects, 0)
	assert(stats.bytes_in > 50 and stats.bytes_out > 50)
	assert(stats.protocol == 2 or stats.protocol == 3)
	assert(type(stats.version) == "string")
	assert(stats.uptime >= 0)
	kit.eq({ stats.state, stats.dropped, stats.dropped_too_large }, { "ready", 0, 0 })
	kit.eq({ stats.subscriptions, stats.confirmed }, { 1, 1 })
	assert(stats.address:find("127.0.0.1", 1, true), stats.address)
	client:Disconnect()
	kit.wait("the end", function() return client:Stats().uptime == nil end)
	kit.eq(client:Stats(), { state = "closed" })
end)

host.test("Stats of a client that is not ready names no server", function()
	local client = realtime.Connect("redis://127.0.0.1:1")
	local stats = client:Stats()
	kit.eq({ stats.server, stats.version, stats.protocol, stats.round_trip }, {})
	assert(stats.state ~= "ready", stats.state)
	client:Disconnect()
end)

host.test("Stats says why a client is not connected, until it is", function()
	local client = kit.ready({ reconnect_min = 0.05, reconnect_max = 0.1 })
	kit.eq(client:Stats().error, nil)
	host.server.stop()
	kit.wait("an attempt that fails", function() return (client:Stats().error or ""):find("^REFUSED: .*" .. client:Stats().address) end)
	host.server.start()
	kit.wait("ready", function() return client:Stats().protocol end)
	kit.eq(client:Stats().error, nil)
	client:Disconnect()
end)

host.test("a client that no script keeps lives on", function()
	local channel, got = kit.unique("kept"), kit.recorder()
	local name = kit.unique("unkept"):gsub("%.", "-");
	(function() kit.subscribe(kit.ready({ name = name }), channel, got.fn) end)()
	collectgarbage()
	collectgarbage()
	local other = kit.ready()
	kit.eq({ kit.publish(other, channel, "x") }, { nil, 1 })
	kit.wait("the message", function() return #got == 1 end)
	other:Disconnect()
	for _, client in ipairs(realtime.Clients()) do client:Disconnect() end
end)

host.test("Clients lists the open ones", function()
	local before = #realtime.Clients()
	local client = kit.connect()
	kit.eq(#realtime.Clients(), before + 1)
	assert(table.HasValue(realtime.Clients(), client))
	client:Disconnect()
	kit.eq(#realtime.Clients(), before)
end)

host.test("a second Connect with the same id returns the open client", function()
	local id = kit.unique("id")
	local a = kit.ready({ id = id })
	local b = kit.connect({ id = id })
	assert(a == b, "another client")
	kit.eq(a:State(), "ready", "not reconnected")
	local got, channel = kit.recorder(), kit.unique("kept")
	a:Subscribe(channel, got.fn)
	kit.publish(a, channel, "1")
	kit.wait("the first message", function() return #got == 1 end)
	local c = kit.connect({ id = id, name = "renamed" }) -- other settings: the same client, connected anew
	assert(a == c)
	kit.wait("ready again", function() return a:IsConnected() end)
	local err, name = kit.command(a, { "CLIENT", "GETNAME" })
	kit.eq({ err, name }, { nil, "renamed" })
	kit.publish(a, channel, "2")
	kit.wait("the second message", function() return #got == 2 end)
	a:Disconnect()
	local d = kit.connect({ id = id })
	assert(d ~= a, "a closed client came back")
	d:Disconnect()
end)

host.test("other settings for an id: what was queued arrives, then gap, then ready, and nothing is told twice", function()
	local id, channel, order = kit.unique("id"), kit.unique("moved"), {}
	local client = kit.ready({ id = id })
	for _, event in ipairs({ "gap", "ready", "subscribed", "error" }) do
		client:On(event, function(info) order[#order + 1] = event order[event] = info end)
	end
	kit.subscribe(client, channel, function(message) order[#order + 1] = message end)
	kit.wait("its ready", function() return order.ready end)
	client:Publish(channel, "queued")
	kit.block_until("a queued message", function() return client:Stats().queued_events == 1 end)
	table.Empty(order)
	local pending = kit.recorder()
	client:Publish(channel .. "other", "x", pending.fn)
	kit.connect({ id = id, name = "moved" })
	kit.eq(#order, 0)
	kit.publish(client, channel, "new")
	kit.wait("ready", function() return order.ready end)
	kit.wait("the new message", function() return table.HasValue(order, "new") end)
	kit.ticks(2)
	-- ready comes with the last confirmation, which is before or after the message.
	kit.eq({ order[1], order[2] }, { "queued", "gap" })
	local times = { gap = 0, ready = 0, new = 0, queued = 0 }
	for _, what in ipairs(order) do times[what] = times[what] + 1 end
	-- Where this thread stood still, the new connection was ready before it knew of the channel. Then that one has a gap of its
	-- own, and a ready.
	local late = times.gap == 2
	kit.eq(times, { gap = late and 2 or 1, ready = late and 2 or 1, new = 1, queued = 1 }, kit.show(order))
	kit.eq(order.gap.channels, late and { channel } or nil)
	kit.eq(order.ready.first, false)
	kit.eq(order.gap.err.code, "CLOSED")
	assert(order.gap.seconds > 0 and order.gap.seconds < kit.PATIENCE, tostring(order.gap.seconds))
	kit.eq({ #pending, pending[1][1] }, { 1, nil }, "what was accepted before is answered")
	client:Disconnect()
end)

host.test("a second Connect from the same line while the first is open prints a hint", function()
	local clients = {}
	local before = #host.console()
	for i = 1, 2 do clients[i] = realtime.Connect(host.redis_url) end
	local said = table.concat(host.console(), "\n", before + 1)
	assert(said:find("id", 1, true) and said:find("events.lua", 1, true), "no hint: " .. said)
	for _, client in ipairs(clients) do client:Disconnect() end
end)

host.test("Disconnect answers what was accepted and closes for good", function()
	local client, channel, got = kit.ready(), kit.unique("bye"), {}
	for i = 1, 100 do client:Publish(channel, "x", function(err) got[#got + 1] = err or "ok" end) end
	client:Disconnect()
	kit.eq(client:State(), "closed")
	kit.eq(client:IsConnected(), false)
	kit.eq(client:IsValid(), false)
	kit.eq({ client:Publish(channel, "x") }, { false, select(2, client:Publish(channel, "x")) })
	kit.eq(select(2, client:Publish(channel, "x")).code, "CLOSED")
	kit.eq(select(2, client:Command({ "PING" })).code, "CLOSED")
	kit.eq(select(2, client:Ping()).code, "CLOSED")
	kit.eq(client:CommandSync({ "PING" }).code, "CLOSED")
	kit.raises("closed", client.Subscribe, client, channel, function() end)
	kit.raises("closed", client.PSubscribe, client, channel, function() end)
	kit.raises("closed", client.On, client, "ready", function() end)
	client:Unsubscribe(channel)
	client:Off("ready")
	client:Disconnect()
	kit.wait("every answer", function() return #got == 100 end)
	for i = 1, 100 do kit.eq(got[i], "ok") end
end)

host.test("a callback may disconnect its client", function()
	local client, channel, calls = kit.ready(), kit.unique("end"), 0
	kit.subscribe(client, channel, "x", function() calls = calls + 1 client:Disconnect() end)
	for i = 1, 5 do client:Publish(channel, i) end
	kit.wait("the first message", function() return calls == 1 end)
	kit.ticks(5)
	kit.eq(calls, 1, "calls after Disconnect")
end)

host.test("ProcessEvents runs what waits, and nothing from inside a callback", function()
	local client, channel, inner = kit.ready(), kit.unique("hand"), {}
	kit.subscribe(client, channel, "x", function() inner[#inner + 1] = realtime.ProcessEvents() end)
	for i = 1, 10 do client:Publish(channel, i) end
	kit.block_until("ten queued messages", function() return client:Stats().queued_events == 10 end)
	local ran = realtime.ProcessEvents(10)
	assert(ran >= 10, "ran " .. ran)
	kit.eq(#inner, 10)
	for i = 1, 10 do kit.eq(inner[i], 0) end
	kit.eq(realtime.ProcessEvents(), 0, "with nothing waiting")
	client:Disconnect()
end)

host.test("at least one callback runs however small the budget", function()
	local client, channel, calls = kit.ready(), kit.unique("small"), 0
	kit.subscribe(client, channel, "x", function() calls = calls + 1 end)
	for i = 1, 3 do client:Publish(channel, i) end
	kit.block_until("three queued messages", function() return client:Stats().queued_events == 3 end)
	assert(realtime.ProcessEvents(0) >= 1)
	assert(calls >= 1)
	kit.wait("the rest", function() return calls == 3 end)
	client:Disconnect()
end)

host.test("the budget ends a tick and the rest comes in the next one", function()
	local client, channel, calls = kit.ready(), kit.unique("slow"), 0
	kit.subscribe(client, channel, "x", function()
		calls = calls + 1
		local till = SysTime() + 0.003
		while SysTime() < till do end
	end)
	for i = 1, 20 do client:Publish(channel, i) end
	kit.block_until("queued messages", function() return client:Stats().queued_events == 20 end)
	-- Each call takes longer than the budget, so each run of the queue has one.
	kit.eq(realtime.ProcessEvents(0.002), 1)
	kit.eq(realtime.ProcessEvents(0.002), 1)
	kit.wait("the rest", function() return calls == 20 end)
	client:Disconnect()
end)

host.test("realtime.NULL and VERSION", function()
	kit.eq(tostring(realtime.NULL), "NULL")
	assert(realtime.VERSION:find("^%d+%.%d+%.%d+$"), realtime.VERSION)
end)

host.test("Map makes a table of pairs from either form", function()
	kit.eq(realtime.Map({ "a", "1", "b", "2" }), { a = "1", b = "2" })
	kit.eq(realtime.Map({ a = "1", b = "2" }), { a = "1", b = "2" })
	kit.eq(realtime.Map({}), {})
	kit.raises("odd", realtime.Map, { "a", "1", "b" })
	kit.raises("table", realtime.Map, "x")
end)
