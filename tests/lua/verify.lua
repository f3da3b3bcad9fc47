-- servers: fake, real
-- verify_delivery: the client sends itself probes, and finds a server that answers but delivers nothing.

local kit = include("_kit.lua")

local PREFIX = "realtime:probe:"

local function options(more)
	local options = {
		verify_delivery = true, ping_interval = 0.05, ping_timeout = 50, reconnect_min = 0.02, reconnect_max = 0.1,
		connect_timeout = 20,
	}
	for k, v in pairs(more or {}) do options[k] = v end
	return options
end

-- An observer on the same server, which sees the probes because it is not a client of the module.
local function probes()
	if host.server.kind() == "fake" then return host.fake.received("PUBLISH") end
	local stats = host.real.command("INFO", "commandstats")
	return tonumber(stats:match("cmdstat_publish:calls=(%d+)") or 0)
end

host.test("probes come and go, and nobody sees them", function()
	local client = kit.ready(options())
	local log, all, chat = kit.troubles(client), kit.recorder(), kit.unique("chat")
	kit.subscribe(client, chat, function() end)
	client:PSubscribe("*", all.fn)
	client:PSubscribe("realtime:*", all.fn)
	kit.publish(client, chat, "x")
	kit.wait("a message by pattern", function() return #all > 0 end)
	local published, from = client:Stats().published, probes()
	kit.wait("ten probes", function() return probes() >= from + 10 end)
	kit.eq(#log, 0, "events: " .. kit.show(log))
	for _, call in ipairs(all) do assert(call[2]:sub(1, #PREFIX) ~= PREFIX, "a probe reached a callback: " .. call[2]) end
	local stats = client:Stats()
	kit.eq({ stats.published, stats.subscriptions, stats.confirmed }, { published, 3, 3 })
	kit.eq(stats.received, stats.delivered + stats.dropped)
	kit.eq(client:State(), "ready")
	client:Disconnect()
end)

host.test("nothing is asked before something is subscribed, or without the option", function()
	local quiet = kit.ready(options())
	local off = kit.ready(options({ verify_delivery = false }))
	kit.subscribe(off, kit.unique("off"), function() end)
	local from = probes()
	for _ = 1, 5 do
		kit.command(quiet, { "ECHO", "x" })
		-- Several ping intervals.
		host.pass(10)
	end
	kit.eq(probes(), from, "publishes")
	quiet:Disconnect()
	off:Disconnect()
end)

host.test("a callback on probes is refused", function()
	local client, errors = kit.ready(), kit.recorder()
	client:On("error", errors.fn)
	client:Subscribe(PREFIX .. "x", function() end)
	client:PSubscribe(PREFIX .. "*", function() end)
	kit.wait("two errors", function() return #errors == 2 end)
	kit.eq(errors[1][1].channel, PREFIX .. "x")
	kit.eq(errors[2][1].pattern, PREFIX .. "*")
	for i = 1, 2 do kit.eq(errors[i][1].err.code, "UNSUPPORTED") end
	client:Disconnect()
end)

if host.server.kind() == "fake" then
	-- How long a message may take to arrive: as short as a busy machine allows, because these tests wait for that time.
	local SOON = 5

	host.test("a server that answers PING but delivers nothing is a dead link, and told as that", function()
		local server = host.new_fake()
		local client = kit.ready(options({ url = server.url(), ping_timeout = SOON }))
		local log, got = kit.troubles(client), kit.recorder()
		kit.subscribe(client, "chat", got.fn)
		server.publish("chat", "before")
		kit.wait("a message", function() return #got == 1 end)
		server.faults("all", { deliver = false })
		server.publish("chat", "lost")
		kit.wait("down", function() return #log > 0 end)
		local err = log.last("down").err
		kit.eq(err.code, "DISCONNECTED")
		assert(err.message:find("answers PING but delivers no messages", 1, true), tostring(err))
		kit.wait("the gap, on a connection that is well", function() return log.last("gap") and client:IsConnected() end)
		server.publish("chat", "after")
		kit.wait("a message again", function() return got[#got][1] == "after" end)
		kit.eq(#got, 2)
		client:Disconnect()
	end)

	host.test("without verify_delivery that stays unseen", function()
		local server = host.new_fake()
		local client = kit.ready(options({ url = server.url(), verify_delivery = false }))
		local log, got = kit.troubles(client), kit.recorder()
		kit.subscribe(client, "chat", got.fn)
		server.faults("all", { deliver = false })
		local function asked() return server.received("HELLO") + server.received("ROLE") end
		local from = asked()
		server.publish("chat", "lost")
		kit.wait("questions", function() return asked() > from + 5 end)
		kit.eq({ #log, #got, client:State() }, { 0, 0, "ready" })
		client:Disconnect()
	end)

	host.test("with no listener the console says it", function()
		local server = host.new_fake()
		local client, from = kit.ready(options({ url = server.url(), ping_timeout = SOON })), #host.console()
		kit.subscribe(client, "chat", function() end)
		server.faults("all", { deliver = false })
		kit.wait("a line", function() return #host.console() > from end)
		assert(host.console()[from + 1]:find("delivers no messages", 1, true), host.console()[from + 1])
		client:Disconnect()
	end)
end
