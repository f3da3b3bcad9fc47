-- Messages and replies of 64 MiB: delivered whole if the options allow it, and the memory is returned; otherwise never
-- held. The server is another process, so that the memory of this one shows.

local kit = include("../_kit.lua")

local LARGE, SMALL, MB = 64 * 2 ^ 20, 100, 2 ^ 20
-- Memory that the allocator may keep, and that the host's own Lua needs.
local SLACK = 8 * MB

host.real.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")

-- By doubling: Redis's string.rep copies byte for byte, which takes seconds on a busy machine, in which Redis answers
-- nobody.
local SEND = [[
local text, size = 'x', tonumber(ARGV[2])
while #text < size do text = text .. text end
redis.call('PUBLISH', ARGV[1], text:sub(1, size))
]]

local function send(channel, size) host.real.command("EVAL", SEND, "0", channel, tostring(size)) end

-- A client that does not consider a server dead while it creates such a message.
local function ready(options)
	options.ping_timeout = kit.PATIENCE
	return kit.ready(options)
end

-- The most and the last resident bytes beyond those at the start, while fn runs. Small messages and answers follow, with
-- which each connection gives back what a large one needed.
local function watch(what, client, channel, fn)
	-- Allocations that happen only once happen before.
	local small = 0
	kit.subscribe(client, channel, "small", function(message) if #message == SMALL then small = small + 1 end end)
	collectgarbage()
	collectgarbage()
	local before, most = host.rss(), 0
	local function look() most = math.max(most, host.rss() - before) end
	host.spin(true)
	fn(function(condition) return host.wait(function() look() return condition() end, 60, what) end)
	for i = 1, 3 do
		send(channel, SMALL)
		kit.wait("a small message", function() look() return small == i end)
		kit.eq(kit.publish(client, kit.unique("nobody"), "x"), nil)
	end
	host.spin(false)
	kit.ticks(1)
	collectgarbage()
	collectgarbage()
	local kept = host.rss() - before
	print(string.format("%s: %.1f MB more resident at most, %.1f MB afterwards", what, most / MB, kept / MB))
	return most, kept
end

host.test("a large message arrives whole and leaves no memory behind", function()
	local client, channel = ready({ max_message_bytes = LARGE, queue_bytes = LARGE }), kit.unique("large")
	local got = 0
	kit.subscribe(client, channel, function(message) if #message == LARGE then got = got + 1 end end)
	local most, kept = watch("messages of 64 MiB", client, channel, function(wait)
		for i = 1, 3 do
			send(channel, LARGE)
			wait(function() return got == i end)
		end
	end)
	-- In the decoder, in the queue, and as Lua strings, one of which is garbage until a collection.
	assert(most <= 5 * LARGE, most)
	assert(kept <= SLACK, kept)
	client:Disconnect()
end)

host.test("a large reply arrives whole and leaves no memory behind", function()
	local client, channel, key = ready({ max_message_bytes = LARGE, queue_bytes = LARGE }), kit.unique("r"), kit.unique("key")
	host.real.command("SETRANGE", key, tostring(LARGE - 1), "x")
	local most, kept = watch("a reply of 64 MiB", client, channel, function(wait)
		local size
		client:Command({ "GET", key }, function(err, reply) size = err and tostring(err) or #reply end, kit.PATIENCE)
		kit.eq(wait(function() return size end), LARGE)
	end)
	assert(most <= 4 * LARGE, most)
	assert(kept <= SLACK, kept)
	client:Disconnect()
	host.real.command("DEL", key)
end)

host.test("what is larger than allowed is never held", function()
	local client, channel, key = ready({ max_message_bytes = MB }), kit.unique("larger"), kit.unique("key")
	local dropped, order = {}, {}
	client:On("dropped", function(info) dropped[#dropped + 1] = info order[#order + 1] = "dropped" end)
	kit.subscribe(client, channel, function(message) order[#order + 1] = #message end)
	host.real.command("SETRANGE", key, tostring(LARGE - 1), "x")
	local most, kept = watch("what is skipped", client, channel, function(wait)
		send(channel, LARGE)
		wait(function() return #dropped == 1 end)
		local failure
		client:Command({ "GET", key }, function(err) failure = err end, kit.PATIENCE)
		kit.eq(wait(function() return failure end).code, "TOOLARGE")
	end)
	kit.eq(dropped, { { count = 1, bytes = LARGE, reason = "too_large" } })
	kit.eq(order, { "dropped", SMALL, SMALL, SMALL })
	local stats = client:Stats()
	kit.eq({ stats.dropped_too_large, stats.reconnects, client:IsConnected() }, { 1, 0, true })
	assert(most <= SLACK and kept <= SLACK, most .. " bytes at most, " .. kept .. " kept")
	client:Disconnect()
	host.real.command("DEL", key)
end)
