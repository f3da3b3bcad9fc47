-- servers: fake, real
-- Messages come faster than they are read, while the main thread stands still. Numbers in them prove which
-- arrived, which were dropped, and where. A larger run: gmod-host --server real --timeout 600 tests/lua/flood.lua 3000000

local kit = include("_kit.lua")

local MESSAGES = tonumber(host.args[1]) or 120000
local BLOCK = 10000
-- Under "pause", a silent link would count as dead long before the main thread continues. The server has to be faster than
-- that, even on a busy machine and in the middle of a block.
local STALL, PING_INTERVAL, PING_TIMEOUT = 7, 0.5, 5
-- The most that one read of the module brings.
local READ_BYTES = 65536

-- The most that a client holds by the README, and the memory of the host's own Lua.
local function bound(options)
	return options.queue_bytes + 16 * options.queue_events + 5 * options.max_message_bytes + 4 * 2 ^ 20 + 4 * 2 ^ 20
end

local SCRIPT = [[
for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do redis.call('PUBLISH', ARGV[1], string.format('%08d', i) .. ARGV[4]) end
]]

-- A server without other clients, and a function that makes it send messages to the one subscriber of a channel.
local function source(channel, filler)
	if host.server.kind() == "real" then
		-- The server has to hold the messages for a paused client.
		host.real.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")
		return host.real, function(from, to)
			host.real.command("EVAL", SCRIPT, "0", channel, tostring(from), tostring(to), filler)
		end
	end
	local server, parts = host.new_fake(), {}
	local head = (host.protocol == 2 and "*" or ">") ..
		string.format("3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n", #channel, channel, 8 + #filler)
	return server, function(from, to)
		for i = from, to do parts[i - from + 1] = string.format("%s%08d%s\r\n", head, i, filler) end
		server.send("subscribers", table.concat(parts, "", 1, to - from + 1))
	end
end

local function flood(policy, messages, size, stall, options)
	local channel = kit.unique("flood")
	local server, send = source(channel, string.rep("x", size - 8))
	options.url, options.overflow, options.command_timeout = server.url(), policy, 100
	options.ping_timeout = 50
	if stall > 0 then options.ping_interval, options.ping_timeout = PING_INTERVAL, PING_TIMEOUT end
	local client = kit.ready(options)
	local got, told, next, first, last, wrong = 0, 0, 1, nil, nil, nil
	client:On("dropped", function(info)
		if info.reason ~= "overflow" or info.bytes ~= info.count * size then wrong = wrong or kit.show(info) end
		told, next = told + info.count, next + info.count
	end)
	kit.subscribe(client, channel, function(message)
		local number = tonumber(message:sub(1, 8))
		if number ~= next or #message ~= size then
			wrong = wrong or ("expected " .. next .. ", got " .. tostring(number) .. " of " .. #message .. " bytes")
		end
		got, next, first, last = got + 1, number + 1, first or number, number
	end)
	local asked, answered, confirmed, losses = 0, 0, 0, {}
	client:On("subscribed", function() confirmed = confirmed + 1 end)
	for _, event in ipairs({ "down", "gap", "error" }) do
		client:On(event, function(info) losses[#losses + 1] = event .. ": " .. kit.show(info) end)
	end
	local function answer(err, reply)
		assert(not err, tostring(err))
		answered = answered + 1
	end

	collectgarbage()
	local before, start, most, blocks = host.rss(), SysTime(), 0, 0
	for from = 1, messages, BLOCK do
		local to = math.min(from + BLOCK - 1, messages)
		send(from, to)
		blocks = blocks + 1
		if blocks <= 100 then
			asked = asked + 2
			assert(client:Publish(kit.unique("nobody"), "x", answer))
			assert(client:Command({ "ECHO", "x" }, answer))
			client:Subscribe(channel .. blocks, function() end)
		end
		if policy ~= "pause" then
			kit.block_until("the worker to keep up", function() return client:Stats().received >= to end)
		end
		local stats = client:Stats()
		-- Under "pause" the bytes of one read are kept whole.
		local read = policy == "pause" and READ_BYTES or 0
		assert(stats.queued_events <= options.queue_events + read / size, stats.queued_events .. " messages wait")
		assert(stats.queued_bytes <= options.queue_bytes + size + read, stats.queued_bytes .. " bytes wait")
		most = math.max(most, host.rss() - before)
	end
	local sent = SysTime() - start
	if policy == "pause" then
		kit.block_until("a full queue", function() return client:Stats().queued_bytes + size > options.queue_bytes
			or client:Stats().queued_events >= options.queue_events end)
	end
	kit.block_until("time to pass", function() return SysTime() - start > stall end)
	most = math.max(most, host.rss() - before)
	local stalled = SysTime() - start

	host.spin(true)
	host.wait(function() return wrong or got + told >= messages end, 300, "all of it, or word of it")
	local drained = SysTime() - start - stalled
	kit.wait("every answer", function() return answered == asked end)
	kit.wait("every subscription", function() return confirmed == math.min(blocks, 100) end)
	host.spin(false)
	kit.eq({ wrong, got + told, next, losses }, { nil, messages, messages + 1, {} })
	local stats = client:Stats()
	kit.eq(stats.delivered, got)
	kit.eq(stats.dropped, told)
	kit.eq(stats.received, stats.delivered + stats.dropped)
	kit.eq(stats.reconnects, 0)
	if policy == "pause" then
		kit.eq(told, 0)
	else
		assert(told > 0, "nothing was flooded")
		if policy == "drop_oldest" then kit.eq(last, messages) else kit.eq(first, 1) end
	end
	local allowed = bound(options)
	print(string.format("%-11s %d messages of %d bytes in %.1f s, stood still for %.1f s: %d delivered, %d dropped; "
		.. "%.1f MB more resident (allowed %.1f); drained in %.1f s", policy, messages, size, sent, stalled, got, told,
		most / 2 ^ 20, allowed / 2 ^ 20, drained))
	-- The embedded server and its messages are in this process.
	local apart = host.server.kind() == "real"
	assert(most <= allowed or not apart, most .. " bytes more resident, " .. allowed .. " allowed")
	client:Disconnect()
	collectgarbage()
end

for _, policy in ipairs({ "drop_oldest", "drop_newest", "pause" }) do
	host.test("small messages, " .. policy, function()
		flood(policy, MESSAGES, 8, policy == "pause" and STALL or 0, { queue_events = 20000, queue_bytes = 8 * 2 ^ 20, max_message_bytes = 65536 })
	end)
	host.test("messages of a kilobyte, " .. policy, function()
		flood(policy, MESSAGES / 2, 1000, 0, { queue_events = 65536, queue_bytes = 8 * 2 ^ 20, max_message_bytes = 65536 })
	end)
end
