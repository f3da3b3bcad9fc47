-- servers: fake, real
-- The server goes away and comes back, in all the ways of daily use.

local kit = include("_kit.lua")

-- Short pauses, so that no test takes long.
local QUICK = { reconnect_min = 0.02, reconnect_max = 0.1, connect_timeout = 20 }

local function quick(more)
	local options = table.Copy(QUICK)
	for k, v in pairs(more or {}) do options[k] = v end
	return options
end

-- Records every event and message of a client in one list, in order.
local function watch(client, channel)
	local log = {}
	for _, event in ipairs({ "ready", "down", "gap", "subscribed", "dropped", "error" }) do
		client:On(event, "watch", function(info) log[#log + 1] = { event, info } end)
	end
	if channel then
		client:Subscribe(channel, "watch", function(message) log[#log + 1] = { "message", message } end)
	end
	function log.names()
		local names = {}
		for i, entry in ipairs(log) do names[i] = entry[1] end
		return names
	end
	function log.count(name)
		local n = 0
		for _, entry in ipairs(log) do if entry[1] == name then n = n + 1 end end
		return n
	end
	function log.last(name)
		for i = #log, 1, -1 do if log[i][1] == name then return log[i][2], i end end
	end
	return log
end

host.test("not up yet: down with a true reason, then it comes up", function()
	host.server.stop()
	local client, channel = kit.connect(quick()), kit.unique("late")
	local log = watch(client, channel)
	kit.wait("down", function() return log.count("down") > 0 end)
	local info = log.last("down")
	assert(info.err.code == "REFUSED" or info.err.code == "DISCONNECTED", tostring(info.err))
	assert(info.retry_in >= 0 and info.retry_in <= 0.1, "retry_in " .. info.retry_in)
	assert(client:State() ~= "ready")
	assert(client:Publish(channel, "kept for later"))
	host.server.start()
	kit.wait("ready", function() return log.count("ready") == 1 end)
	kit.wait("the publish that waited", function() return log.count("message") == 1 end)
	kit.eq(log.count("gap"), 0, "nothing was subscribed before")
	kit.eq(log.last("ready").first, true)
	client:Disconnect()
end)

host.test("a restart: down, gap, ready, and messages again", function()
	local client, channel = kit.ready(quick()), kit.unique("restart")
	local log = watch(client, channel)
	kit.publish(client, channel, "before")
	kit.wait("the first message", function() return log.count("message") == 1 end)
	host.server.stop()
	kit.wait("down", function() return log.count("down") > 0 end)
	host.server.start()
	kit.wait("ready again", function() return client:IsConnected() and log.count("gap") == 1 end)
	kit.wait("the event", function() local _, at = log.last("ready") return at and at == #log end)
	local gap, gap_at = log.last("gap")
	local _, ready_at = log.last("ready")
	assert(gap_at < ready_at, "gap stands before ready")
	assert(gap.seconds > 0 and gap.seconds < 60, tostring(gap.seconds))
	assert(gap.err.code, "the reason")
	kit.eq(log.last("ready").first, false)
	kit.publish(client, channel, "after")
	kit.wait("the second message", function() return log.count("message") == 2 end)
	kit.eq(log.last("message"), "after")
	kit.eq(log.count("subscribed"), 1, "told once")
	kit.eq(client:Stats().reconnects, 1)
	client:Disconnect()
end)

host.test("dropped connections: every accepted command is answered once", function()
	local client, channel = kit.ready(quick()), kit.unique("once")
	watch(client, channel)
	local answers, accepted = {}, 0
	for round = 1, 5 do
		for i = 1, 50 do
			local id = round * 1000 + i
			if client:Publish(channel, "x", function(err) answers[id] = (answers[id] or 0) + 1 if err then
				assert(err.code == "DISCONNECTED" or err.code == "TIMEOUT", tostring(err))
			end end) then accepted = accepted + 1 end
		end
		host.pass(1)
		host.server.drop()
		host.pass(3)
	end
	kit.wait("every answer", function() return table.Count(answers) == accepted end)
	for id, n in pairs(answers) do kit.eq(n, 1, "answers to " .. id) end
	kit.eq(client:Stats().pending, 0)
	kit.wait("ready", function() return client:IsConnected() end)
	client:Disconnect()
end)

host.test("a stopped server is found dead by PING and comes back", function()
	local client, channel = kit.ready(quick({ command_timeout = 30, ping_interval = 0.3, ping_timeout = 0.3 })), kit.unique("paused")
	local log = watch(client, channel)
	kit.publish(client, channel, "before")
	host.server.pause()
	kit.wait("down", function() return log.count("down") > 0 end)
	local err = log.last("down").err
	assert(err.code == "TIMEOUT" or err.code == "DISCONNECTED", tostring(err))
	host.server.resume()
	kit.wait("ready again", function() return client:IsConnected() and log.count("gap") >= 1 end)
	-- It may seem dead once more, and messages from that time may be lost.
	kit.wait("the second message", function()
		kit.publish(client, channel, "after")
		return log.last("message") == "after"
	end)
	client:Disconnect()
end)

host.test("a command times out, and is never sent if it was not yet", function()
	-- Far longer than any wait here, so that each command's own timeout counts.
	local client, channel, got = kit.ready(quick({ command_timeout = 1000 })), kit.unique("timeout"), kit.recorder()
	host.server.stop()
	kit.wait("down", function() return not client:IsConnected() end)
	local key, done = kit.unique("never"), nil
	assert(client:Command({ "SET", key, "x" }, function(err) done = err end, 0.05))
	kit.wait("the timeout", function() return done end)
	kit.eq(done.code, "TIMEOUT")
	kit.eq(done.sent, false)
	assert(client:Publish(channel, "x", got.fn, 0.05))
	assert(client:Transaction({ { "SET", key, "x" } }, got.fn, 0.05))
	kit.wait("their timeouts", function() return #got == 2 end)
	for i = 1, 2 do kit.eq({ got[i][1].code, got[i][1].sent }, { "TIMEOUT", false }) end
	host.server.start()
	kit.wait("ready", function() return client:IsConnected() end)
	kit.eq({ kit.command(client, { "EXISTS", key }) }, { nil, 0 }, "it was not sent later")
	client:Disconnect()
end)

host.test("CommandSync gives up in time", function()
	-- As above: the call's own.
	local client = kit.ready(quick({ command_timeout = 1000 }))
	host.server.stop()
	local from = SysTime()
	local err, reply = client:CommandSync({ "PING" }, 0.2)
	local took = SysTime() - from
	assert(err and (err.code == "TIMEOUT" or err.code == "DISCONNECTED"), tostring(err))
	kit.eq(reply, nil)
	assert(took < kit.PATIENCE, "took " .. took)
	host.server.start()
	kit.wait("ready", function() return client:IsConnected() end)
	client:Disconnect()
end)

host.test("Disconnect without a server answers everything with CLOSED", function()
	host.server.stop()
	local client, got = kit.connect(quick()), {}
	for i = 1, 20 do client:Publish("x", "y", function(err) got[#got + 1] = err and err.code end) end
	client:Disconnect()
	kit.wait("every answer", function() return #got == 20 end)
	for i = 1, 20 do kit.eq(got[i], "CLOSED") end
	host.server.start()
end)

host.test("with no listener, down and the ready after it print one line each", function()
	local client = kit.ready(quick())
	local from = #host.console()
	host.server.stop()
	kit.wait("a line about down", function() return #host.console() > from end)
	host.pass(30)
	local lines = {}
	for i = from + 1, #host.console() do lines[#lines + 1] = host.console()[i] end
	kit.eq(#lines, 1, "lines: " .. table.concat(lines, " / "))
	assert(lines[1]:find("127.0.0.1", 1, true), "it says where: " .. lines[1])
	host.server.start()
	kit.wait("a line about ready", function() return #host.console() == from + 2 end)
	client:Disconnect()
end)
