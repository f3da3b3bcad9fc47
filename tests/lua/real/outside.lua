-- A real redis-server, and another program that publishes on it: any bytes reach a callback, over TCP and over a Unix socket,
-- with a password, and again after the server was killed.

local kit = include("../_kit.lua")

local BYTES = {}
for byte = 0, 255 do BYTES[#BYTES + 1] = string.char(byte) end
BYTES = table.concat(BYTES) .. "\r\n$5\r\n\0"

-- Publishes from outside until a message arrives: over two links only the server knows when a subscription is active.
local function heard(client, channel, got)
	kit.subscribe(client, channel, got.fn)
	host.real.publish(channel, BYTES)
	kit.wait("the message", function() return #got > 0 end)
	kit.eq(got[#got], { BYTES, channel })
end

local function works(options)
	local client, got = kit.ready(options), kit.recorder()
	heard(client, kit.unique("outside") .. "\0\255", got)
	local pattern = kit.unique("by")
	client:PSubscribe(pattern .. ".*", function(...) got[#got + 1] = { ... } end)
	kit.publish(client, pattern, "fence")
	host.real.publish(pattern .. ".\0", BYTES)
	kit.wait("the pattern's message", function() return #got == 2 end)
	kit.eq(got[2], { BYTES, pattern .. ".\0", pattern .. ".*" })
	client:Disconnect()
end

host.test("over TCP", function() works() end)

host.test("over a Unix socket", function() works({ url = host.real.socket() }) end)

host.test("with a password", function()
	host.real.command("CONFIG", "SET", "requirepass", "hunter2")
	works({ password = "hunter2" })
	local client, err = kit.connect({ password = "wrong", reconnect_min = 0.05 }), nil
	client:On("down", function(info) err = info.err end)
	kit.wait("the refusal", function() return err end)
	-- Before Redis 6 there is no code for it.
	assert(err.code == "WRONGPASS" or tostring(err):find("AUTH: the server refused the login: wrong user name or password", 1, true) == 1, tostring(err))
	client:Disconnect()
	host.real.command("CONFIG", "SET", "requirepass", "")
end)

host.test("killed in the middle: down, gap, and messages again", function()
	for _, url in ipairs({ host.real.url(), host.real.socket() }) do
		local client, got, events = kit.ready({ url = url, reconnect_min = 0.02, reconnect_max = 0.1 }), kit.recorder(), {}
		heard(client, kit.unique("killed"), got)
		for _, event in ipairs({ "down", "gap", "ready" }) do
			client:On(event, function(info) events[#events + 1] = { event, info } end)
		end
		kit.wait("the first ready", function() return #events == 1 end)
		host.real.kill()
		kit.wait("down", function() return #events > 1 end)
		kit.eq(events[2][1], "down")
		kit.eq(events[2][2].err.code, "DISCONNECTED")
		host.real.start()
		kit.wait("ready again", function() return events[#events][1] == "ready" and #events > 2 end)
		kit.eq(events[#events - 1][1], "gap")
		host.real.publish(got[1][2], "after")
		kit.wait("the message after", function() return #got == 2 end)
		client:Disconnect()
	end
end)
