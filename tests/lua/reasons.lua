-- servers: fake, real
-- Why there is no connection: the likely reason on the console, if no script listens.

local kit = include("_kit.lua")

local function quick(url, more)
	local options = { url = url, reconnect_min = 0.02, reconnect_max = 0.1, connect_timeout = 20 }
	for k, v in pairs(more or {}) do options[k] = v end
	return options
end

-- The lines about one client that the console got since `from`.
local function lines(client, from)
	local found, address = {}, client:Stats().address
	for i = from + 1, #host.console() do
		local line = host.console()[i]
		if line:find("[realtime] " .. address .. ":", 1, true) then found[#found + 1] = line end
	end
	return found
end

-- Creates a client that is refused again and again; returns the one line that is printed.
local function line(attempts, options)
	local from = #host.console()
	local client = kit.connect(options)
	kit.wait("a line", function() return #lines(client, from) > 0 end)
	kit.wait("more attempts", attempts)
	local printed = lines(client, from)
	kit.eq(#printed, 1, "lines: " .. kit.show(printed))
	assert(printed[1]:find("trying again at once", 1, true) or printed[1]:find("next attempt in", 1, true), printed[1])
	client:Disconnect()
	return printed[1]
end

local function says(text, ...)
	for _, part in ipairs({ ... }) do assert(text:find(part, 1, true), "not " .. kit.show(part) .. ": " .. text) end
end

-- Attempts are counted by the connections that the server accepted.
local function turned_away(faults, more)
	local server = host.new_fake()
	server.faults("new", faults)
	return line(function() return server.accepted() >= 5 end, quick(server.url(), more))
end

if host.server.kind() == "fake" then
	host.test("a wrong password, and none: one line, however many attempts", function()
		local server = host.new_fake({ password = "right" })
		local bare = server.url():gsub("//[^@]*@", "//")
		local text = line(function() return server.accepted() >= 5 end, quick(bare, { password = "s3cret" }))
		says(text, "WRONGPASS", "wrong user name or password, or the user is disabled", "; the server's words: ")
		assert(not text:find("s3cret", 1, true), text)
		local from = server.accepted()
		says(line(function() return server.accepted() >= from + 5 end, quick(bare)), "NOAUTH", "redis://:password@host")
	end)

	host.test("max number of clients", function()
		local server = host.new_fake({ max_clients = 1 })
		local first = kit.ready(quick(server.url()))
		says(line(function() return server.accepted() >= 5 end, quick(server.url(), { name = "second" })),
			"maxclients in its configuration", "max number of clients reached")
		first:Disconnect()
	end)

	host.test("a TLS port: an alert, a hang-up, a reset, or nothing at all", function()
		says(turned_away({ greeting = "\21\3\1\0\2\2\70", cut_after_sent = 7 }), "PROTOCOL", "speaks TLS on this port")
		says(turned_away({ greeting = "\22\3\3\0\49" }), "speaks TLS on this port")
		for _, how in ipairs({ "fin", "reset" }) do
			says(turned_away({ cut_after_received = 1, cut_with = how }), "DISCONNECTED", "before it answered",
				"without TLS?")
		end
		says(turned_away({ write = false }, { connect_timeout = 0.5 }), "TIMEOUT", "was reached but did not answer", "TLS")
	end)

	host.test("an HTTP server, and others that are not Redis", function()
		says(turned_away({ greeting = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" }), "PROTOCOL",
			"an HTTP server answers there, not Redis")
		says(turned_away({ greeting = "SSH-2.0-OpenSSH_9.2\r\n" }), "an SSH server answers there, not Redis")
		says(turned_away({ greeting = "220 mail.example.com ESMTP\r\n" }), "a mail server answers there, not Redis")
		says(turned_away({ greeting = "J\0\0\0\n8.0.36\0" }), "a MySQL or MariaDB server answers there, not Redis")
		-- Its greeting may begin like a line from Redis, and be everything that it sends.
		says(turned_away({ greeting = "+\0\0\0\n8.0.36\0", cut_after_sent = 12 }), "a MySQL or MariaDB server answers there, not Redis")
		says(turned_away({ greeting = "hello\r\n" }), "bytes are not RESP")
	end)

	host.test("protected mode: what to do, and not how to turn it off", function()
		local text = turned_away({ greeting = "-DENIED Redis is running in protected mode because protected mode is enabled and no "
			.. "password is set for the default user. In this mode connections are only accepted from the loopback interface. If "
			.. "you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable "
			.. "protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface\r\n" })
		says(text, "DENIED", "set a password in its configuration (requirepass)", "; the server's words: Redis is running in protected mode")
		assert(not text:find("disable", 1, true), text)
	end)

	host.test("nobody there, and a name without an address", function()
		local server = host.new_fake()
		local url = server.url()
		server.stop()
		local ticks = host.ticks()
		says(line(function() return host.ticks() > ticks + 30 end, quick(url)), "REFUSED", "cannot connect to 127.0.0.1:",
			"nobody listens there: does Redis run on this machine, with this port?")
		says(line(function() return true end, quick("redis://no-such-host.invalid")), "RESOLVE", "no-such-host.invalid",
			"is the name right")
	end)
end

host.test("cut off as a slow consumer", function()
	local limited = host.server.kind() == "real" and host.real or host.new_fake({ subscriber_buffer = 1000000 })
	if host.server.kind() == "real" then
		limited.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1000000 1000000 60")
	end
	local QUEUE = 5
	local client = kit.ready(quick(limited.url(), { overflow = "pause", queue_events = QUEUE }))
	local channel, from = kit.unique("flood"), #host.console()
	local ready, down = false, false
	kit.subscribe(client, channel, function() end)
	client:On("ready", function(info) ready = ready or not info.first end)
	-- The client does not read during this tick.
	local message = ("x"):rep(100000)
	-- The queue of the client is full before the buffer of the server is.
	for _ = 1, QUEUE do limited.publish(channel, message) end
	kit.block_until("a full queue", function() return client:Stats().queued_events == QUEUE end)
	kit.block_until("the server has enough of it", function() return limited.publish(channel, message) == 0 end)
	kit.wait("it is back", function() return ready end)
	local printed = lines(client, from)
	kit.eq(#printed, 1, "lines: " .. kit.show(printed))
	says(printed[1], "DISCONNECTED", "messages were not read as fast as they came", "client-output-buffer-limit")
	client:Disconnect()
	if host.server.kind() == "real" then
		limited.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 33554432 8388608 60")
	end
end)

host.test("cut off after so many confirmations that they waited is no slow consumer", function()
	local CHANNELS = 1500
	local client = kit.ready(quick(host.server.url()))
	local ready, down = false, nil
	client:On("ready", function(info) ready = ready or not info.first end)
	client:On("down", function(info) down = info.err end)
	for i = 1, CHANNELS do client:Subscribe("many:" .. i, function() end) end
	kit.wait("all channels", function() return client:Stats().confirmed == CHANNELS end)
	host.server.drop()
	kit.wait("it is back", function() return ready end)
	kit.eq(down.code, "DISCONNECTED")
	assert(not down.message:find("client-output-buffer-limit", 1, true), down.message)
	client:Disconnect()
end)
