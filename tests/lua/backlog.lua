-- servers: fake, real
-- A peer that does not read: publishes and messages pile up within limits, and the callers at fault get errors.

local kit = include("_kit.lua")

-- Publishes messages of `size` bytes until one is refused. Returns how many were accepted and the refusal.
local function fill(client, channel, size, answer)
	local message, accepted, longest = string.rep("x", size), 0, 0
	while true do
		local before = SysTime()
		local ok, err = client:Publish(channel, message, answer)
		longest = math.max(longest, SysTime() - before)
		if not ok then return accepted, err, longest end
		accepted = accepted + 1
		assert(accepted < 1e6, "nothing bounds it")
	end
end

for what, case in pairs({
	count = { size = 10, options = { max_pending = 5000 }, least = 5000, most = 5000, says = "max_pending" },
	-- Their names count as well.
	bytes = { size = 100000, options = {}, least = 660, most = 671, says = "bytes" },
}) do
	host.test("publishing to a peer that reads nothing is bounded by " .. what, function()
		case.options.command_timeout = 100
		local client, channel = kit.ready(case.options), kit.unique("full")
		local answered, once, before = 0, true, host.rss()
		host.server.pause()
		local accepted, err, longest = fill(client, channel, case.size, function(failure)
			assert(not failure, tostring(failure))
			answered = answered + 1
		end)
		assert(accepted >= case.least and accepted <= case.most, accepted .. " accepted")
		kit.eq({ err.code, err.sent }, { "OVERLOADED", false })
		assert(err.message:find(case.says, 1, true), tostring(err))
		kit.eq(client:Stats().pending, accepted)
		-- Refused at once, again and again: small ones too, because of their number.
		if what == "count" then
			for _ = 1, 1000 do kit.eq(client:Publish(channel, "x", error), false) end
		end
		kit.eq(answered, 0, "somebody answers for a server that stands still")
		print(string.format("%s: %d accepted, longest call %.3f ms, %.1f MB more resident", what, accepted,
			longest * 1e3, (host.rss() - before) / 2 ^ 20))
		host.server.resume()
		kit.wait("every answer", function() return answered == accepted end)
		kit.eq(client:Stats().pending, 0)
		-- There is room again, and no publish is answered twice.
		kit.eq(kit.publish(client, channel, "after"), nil)
		kit.ticks(5)
		kit.eq(answered, accepted)
		client:Disconnect()
	end)
end

host.test("a server that cuts off a slow consumer is told as that", function()
	local SIZE, COUNT, QUEUE = 10000, 3000, 100
	local channel, message = kit.unique("slow"), string.rep("x", SIZE - 8)
	local server, subscribers, send = host.server, nil, nil
	if server.kind() == "real" then
		host.real.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0")
		subscribers = function() return host.real.command("PUBSUB", "NUMSUB", channel)[2] end
	else
		server = host.new_fake({ subscriber_buffer = 2 ^ 20 })
		subscribers = function() return server.subscribers(channel) end
	end
	local client = kit.ready({ url = server.url(), overflow = "pause", queue_events = QUEUE, reconnect_min = 0.01,
		reconnect_max = 0.1 })
	local told, next, later = {}, 1, nil
	for _, event in ipairs({ "down", "gap", "dropped", "error" }) do
		client:On(event, function(info) told[#told + 1] = { event = event, info = info, after = next - 1 } end)
	end
	kit.subscribe(client, channel, function(text)
		if text == "later" then later = true return end
		kit.eq(tonumber(text:sub(1, 8)), next)
		next = next + 1
	end)
	local sent = 0
	while sent < COUNT and subscribers() == 1 do
		for _ = 1, 50 do
			sent = sent + 1
			server.publish(channel, string.format("%08d", sent) .. message)
		end
		-- It lags because its queue is full, not because its thread could not read.
		if sent == QUEUE then
			kit.block_until("a full queue", function() return client:Stats().queued_events == QUEUE end)
		end
	end
	kit.block_until("the server to cut it off", function() return subscribers() == 0 end)
	kit.wait("the gap", function() return #told >= 2 end)
	kit.eq({ #told, told[1].event, told[2].event }, { 2, "down", "gap" })
	kit.eq(told[1].info.err.code, "DISCONNECTED")
	for _, which in ipairs(told) do
		assert(which.info.err.message:find("client-output-buffer-limit", 1, true), tostring(which.info.err))
		kit.eq(which.after, next - 1, "what came before is told before")
	end
	assert(next > QUEUE and next <= sent, next - 1 .. " of " .. sent)
	kit.wait("the subscription", function() return client:IsConnected() and client:Stats().confirmed == 1 end)
	server.publish(channel, "later")
	kit.wait("a message behind it", function() return later end)
	kit.eq({ client:Stats().dropped, #told }, { 0, 2 })
	client:Disconnect()
end)
