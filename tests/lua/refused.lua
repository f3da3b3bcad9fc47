-- Subscriptions that the server refuses for a while: they are retried, and the outcome is reported.

local kit = include("_kit.lua")

local BUSY = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n"
local FAMILY = { "subscribe", "psubscribe", "unsubscribe", "punsubscribe" }

local function busy()
	for _, command in ipairs(FAMILY) do host.fake.on_every(command, "answer", BUSY) end
end

-- Every event of a client, in order: its name and its information.
local function listen(client)
	local log = {}
	for _, event in ipairs({ "ready", "down", "gap", "subscribed", "error" }) do
		client:On(event, function(info) log[#log + 1] = { event, info } end)
	end
	function log.names()
		local names = {}
		for i, entry in ipairs(log) do names[i] = entry[1] end
		return table.concat(names, " ")
	end
	return log
end

host.test("what is refused at first is subscribed within a pause, and the client is ready meanwhile", function()
	busy()
	local client, got = kit.connect(), kit.recorder()
	local log, channel = listen(client), kit.unique("late")
	client:Subscribe(channel, got.fn)
	client:PSubscribe(channel .. "*", got.fn)
	kit.wait("the refusals", function() return log.names():find("error.*error") and client:IsConnected() end)
	local stats = client:Stats()
	kit.eq({ stats.refused, stats.confirmed, stats.subscriptions }, { 2, 0, 2 })
	assert(stats.refused_reason:find(channel, 1, true) and stats.refused_reason:find(": BUSY: ", 1, true), stats.refused_reason)
	local function states()
		local list = {}
		for i, subscription in ipairs(client:Subscriptions()) do list[i] = subscription.state end
		return list
	end
	kit.eq(states(), { "refused", "refused" })
	-- Other work continues.
	kit.eq(kit.publish(client, channel, "unheard"), nil)
	host.fake.forget_reactions()
	kit.wait("the subscriptions", function() return client:Stats().confirmed == 2 end)
	kit.wait("their states", function() return kit.same(states(), { "confirmed", "confirmed" }) end)
	host.fake.publish(channel, "hello")
	kit.wait("the messages", function() return #got == 2 end)
	stats = client:Stats()
	kit.eq({ stats.refused, stats.refused_reason, stats.reconnects }, { 0, nil, 0 })
	local seen = {}
	for _, entry in ipairs(log) do seen[entry[1]] = (seen[entry[1]] or 0) + 1 end
	kit.eq(seen, { error = 2, ready = 1, subscribed = 2 })
	client:Disconnect()
end)

host.test("what was subscribed before has a gap that names it, and a ready", function()
	local client = kit.ready({ reconnect_min = 0.01, reconnect_max = 0.05 })
	local channel, pattern, other, order = kit.unique("back"), kit.unique("p") .. "*", kit.unique("other"), {}
	kit.subscribe(client, channel, function(message) order[#order + 1] = message end)
	kit.subscribe(client, other, function() end)
	client:PSubscribe(pattern, function() end)
	kit.wait("the pattern", function() return client:Stats().confirmed == 3 end)
	host.pass(2)
	local log = listen(client)
	kit.ticks(2) -- a listener on a client that is ready gets a ready of its own
	for i = #log, 1, -1 do log[i] = nil end
	busy()
	host.fake.drop()
	kit.wait("ready, deaf", function() return log.names():find("ready$") end)
	kit.eq(log.names(), "down gap error error error ready")
	kit.eq({ log[2][2].channels, log[2][2].patterns }, {}, "all of them")
	local stats = client:Stats()
	kit.eq({ stats.refused, stats.confirmed, stats.reconnects }, { 3, 0, 1 })
	client:On("gap", "order", function(info) order[#order + 1] = info.channels end)
	for i = #log, 1, -1 do log[i] = nil end
	host.fake.forget_reactions()
	kit.wait("all of them", function() return client:Stats().confirmed == 3 end)
	host.fake.publish(channel, "hello")
	kit.wait("the message", function() return order[#order] == "hello" end)
	local channels, patterns, gaps, readies = {}, {}, 0, 0
	for _, entry in ipairs(log) do
		local event, info = entry[1], entry[2]
		if event == "gap" then
			gaps = gaps + 1
			assert(info.seconds > 0 and info.seconds < kit.PATIENCE, info.seconds)
			kit.eq(info.err.code, "BUSY")
			for _, name in ipairs(info.channels) do channels[#channels + 1] = name end
			for _, name in ipairs(info.patterns) do patterns[#patterns + 1] = name end
		else
			kit.eq({ event, info.first }, { "ready", false })
			readies = readies + 1
		end
	end
	table.sort(channels)
	local wanted = { channel, other }
	table.sort(wanted)
	kit.eq({ channels, patterns }, { wanted, { pattern } }, "each once")
	assert(gaps >= 1 and gaps <= 3 and readies >= 1 and readies <= gaps, log.names())
	kit.eq(log[#log][1], "ready", "behind the last gap")
	kit.eq(client:Stats().reconnects, 1, "no new connection")
	client:Disconnect()
end)

host.test("a refused Unsubscribe happens later, and nothing waits for it", function()
	local client, channel, got = kit.ready(), kit.unique("kept"), kit.recorder()
	kit.subscribe(client, kit.unique("other"), function() end) -- keeps the link
	kit.subscribe(client, channel, "mine", got.fn)
	busy()
	client:Unsubscribe(channel, "mine")
	kit.eq(kit.publish(client, channel, "for the others"), nil)
	kit.wait("the refusal", function() return client:Stats().refused == 1 end)
	assert(client:Stats().refused_reason:find("the end of channel", 1, true), client:Stats().refused_reason)
	kit.eq(host.fake.subscribers(channel), 1)
	host.fake.forget_reactions()
	kit.wait("the end", function() return host.fake.subscribers(channel) == 0 end)
	kit.wait("its confirmation", function() return client:Stats().refused == 0 end)
	kit.eq(#got, 0)
	client:Disconnect()
end)

host.test("of many topics some are refused, and the others come meanwhile", function()
	local server = host.new_fake()
	local client, got = kit.ready({ url = server.url() }), kit.recorder()
	server.refuse_topic("b", "TRYAGAIN later")
	for _, name in ipairs({ "a", "b", "c" }) do client:Subscribe(name, got.fn) end
	kit.wait("the two", function() return client:Stats().confirmed == 2 and client:Stats().refused == 1 end)
	kit.eq(client:Stats().refused_reason, 'channel "b": TRYAGAIN: later')
	server.refuse_topic("b")
	kit.wait("the third", function() return client:Stats().confirmed == 3 end)
	server.publish("b", "hello")
	kit.wait("a message", function() return #got == 1 end)
	client:Disconnect()
end)
