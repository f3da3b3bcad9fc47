-- Scripts with longer answers than Redis itself ever writes into one line: each answer arrives, and the connection stays.

local kit = include("../_kit.lua")

local MB = 2 ^ 20
-- By doubling: Redis's string.rep copies byte for byte, which takes seconds on a busy machine.
local MANY = [[
local function many(text)
	local size = tonumber(ARGV[1])
	while #text < size do text = text .. text end
	return text:sub(1, size)
end
]]
local STATUS = MANY .. "return redis.status_reply(many('s'))"
local ERROR = MANY .. "return redis.error_reply('MINE ' .. many('e'))"

local function eval(client, script, size) return kit.command(client, { "EVAL", script, 0, size }) end

-- A client with a subscription, its events about a lost connection, and a function to check that there were none.
local function subscribed(options)
	-- The server is silent while it creates a long answer.
	options = options or {}
	options.ping_timeout = kit.PATIENCE
	local client, channel, got, lost = kit.ready(options), kit.unique("long"), kit.recorder(), {}
	client:On("down", function(info) lost[#lost + 1] = info.err end)
	kit.subscribe(client, channel, got.fn)
	return client, lost, function()
		kit.eq({ kit.command(client, { "ECHO", "fine" }) }, { nil, "fine" })
		host.real.publish(channel, "hello")
		kit.wait("a message", function() return #got == 1 end)
		kit.eq({ lost, client:Stats().reconnects, client:IsConnected() }, { {}, 0, true })
		client:Disconnect()
	end
end

host.test("a long status", function()
	local client, _, done = subscribed({ max_message_bytes = 2 * MB })
	local err, reply = eval(client, STATUS, MB + 1)
	kit.eq({ err, #reply }, { nil, MB + 1 })
	for _, size in ipairs({ 2 * MB + 1, 20 * MB }) do
		err, reply = eval(client, STATUS, size)
		kit.eq({ err.code, reply }, { "TOOLARGE", nil })
		err, reply = eval(client, MANY .. "return { 1, redis.status_reply(many('s')), 2 }", size)
		kit.eq({ err.code, reply }, { "TOOLARGE", nil })
	end
	done()
end)

host.test("a long error", function()
	local client, _, done = subscribed({ max_message_bytes = 2 * MB })
	for _, size in ipairs({ 2 * MB + 1, 20 * MB }) do
		local err, reply = eval(client, ERROR, size)
		kit.eq({ err.code, err.message:sub(1, 5), #err.message < 1000, reply }, { "MINE", "eeeee", true, nil })
	end
	done()
end)

host.test("an answer over the server's limit for connections with subscriptions", function()
	host.real.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
	local client, lost, done = subscribed()
	local err = eval(client, MANY .. "return many('x')", 40 * MB)
	if client:Stats().protocol == 2 then
		-- Commands have a separate connection, without that limit.
		kit.eq(err.code, "TOOLARGE")
		return done()
	end
	kit.wait("the loss", function() return #lost == 1 end)
	for _, error in ipairs({ err, lost[1] }) do
		kit.eq(error.code, "DISCONNECTED")
		assert(error.message:find("client-output-buffer-limit pubsub", 1, true), error.message)
	end
	kit.wait("the connection is back", function() return client:IsConnected() end)
	client:Disconnect()
end)
