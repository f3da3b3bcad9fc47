-- A server that hangs up right after `ready`: Redis cuts a subscriber whose output is over its limit, after each
-- large message. The client reconnects ever more rarely.

local kit = include("../_kit.lua")

local LARGE = ("x"):rep(2 ^ 20)

host.test("a server that hangs up right after ready is connected to ever more rarely", function()
	host.real.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 300kb 0 0")
	local client = kit.ready({ reconnect_min = 0.05, reconnect_max = 30 })
	local channel = kit.unique("large")
	kit.subscribe(client, channel, function() end)
	local waits, longest = {}, 0
	client:On("down", function(info)
		waits[#waits + 1] = info.retry_in
		longest = math.max(longest, info.retry_in)
	end)
	kit.wait("a wait longer than the first ones", function()
		if client:Stats().confirmed == 1 then host.real.publish(channel, LARGE) end
		return longest > 0.2
	end)
	for n, seconds in ipairs(waits) do
		-- With full jitter: below a bound that doubles with each connection.
		assert(seconds < 0.05 * 2 ^ (n - 1), kit.show(waits))
	end
	assert(#waits >= 3, kit.show(waits))
	client:Disconnect()
	host.real.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
end)
