-- servers: fake, real
-- Fifty thousand messages in one burst: all of them, in order, and each tick within its budget.

local kit = include("_kit.lua")

local MESSAGES = 50000

host.test("a burst arrives whole and in order", function()
	local publisher, subscriber, channel = kit.ready({ max_pending = MESSAGES + 10 }), kit.ready(), kit.unique("burst")
	local next, wrong = 1, nil
	kit.subscribe(subscriber, channel, function(message)
		if message ~= tostring(next) then wrong = wrong or ("expected " .. next .. ", got " .. message) end
		next = next + 1
	end)
	for i = 1, MESSAGES do assert(publisher:Publish(channel, i)) end
	host.wait(function() return next > MESSAGES end, 60, "the last message")
	kit.eq(wrong, nil)
	local stats = subscriber:Stats()
	kit.eq(stats.delivered, MESSAGES)
	kit.eq(stats.dropped_overflow, 0)
	publisher:Disconnect()
	subscriber:Disconnect()
end)

host.test("a tick is not longer than its budget and one callback", function()
	local client, channel = kit.ready(), kit.unique("budget")
	local calls, runs = 0, {}
	kit.subscribe(client, channel, function()
		calls = calls + 1
		local till = SysTime() + 0.0005
		while SysTime() < till do end
	end)
	for i = 1, 200 do client:Publish(channel, i) end
	kit.block_until("all of them queued", function() return client:Stats().queued_events == 200 end)
	while calls < 200 do
		local before = calls
		realtime.ProcessEvents(0.002)
		runs[#runs + 1] = calls - before
		if #runs > 200 then break end
	end
	kit.eq(calls, 200)
	-- Each callback takes at least half a millisecond: a run of 2 ms has at most four, and the one that was running.
	for i, n in ipairs(runs) do assert(n >= 1 and n <= 5, "run " .. i .. " had " .. n) end
	client:Disconnect()
end)

-- Runs callbacks that are fast, then ones that take longer than the budget; returns the largest number of these in one run.
local function most_slow_ones_at_once(fast, slow, text, options)
	text = text or "slow"
	local client, channel, calls = kit.ready(), kit.unique("turn"), {}
	kit.subscribe(client, channel, function(message)
		local is_slow = message ~= "fast"
		calls[#calls + 1] = is_slow
		if is_slow then
			local till = SysTime() + 0.01
			while SysTime() < till do end
		end
	end, options)
	local quick = options and '"fast"' or "fast"
	for i = 1, fast + slow do client:Publish(channel, i <= fast and quick or text) end
	kit.block_until("all of them queued", function() return client:Stats().queued_events == fast + slow end)
	local most = 0
	while #calls < fast + slow do
		local before, found = #calls, 0
		realtime.ProcessEvents(0.008)
		for i = before + 1, #calls do found = found + (calls[i] and 1 or 0) end
		most = math.max(most, found)
	end
	client:Disconnect()
	return most
end

host.test("callbacks that are slow from the start run one in a tick", function()
	kit.eq(most_slow_ones_at_once(0, 20), 1)
end)

host.test("callbacks that turn slow behind fast ones are noticed by the sixteenth", function()
	local most = most_slow_ones_at_once(2000, 40)
	assert(most <= 16, most .. " callbacks that take longer than the budget ran in it")
end)

host.test("large messages are not hidden behind fast ones: one that is slow is the last in its tick", function()
	kit.eq(most_slow_ones_at_once(2000, 40, "slow" .. ("x"):rep(300)), 1)
end)

host.test("nor are texts that cannot be read, and of which a part was read to find that", function()
	local options = { format = "json", max_elements = 100, unreadable = true }
	for _, text in ipairs({ "[" .. ("0,"):rep(300) .. "0]", "[" .. ("0,"):rep(90) .. "]", "]" }) do
		kit.eq(most_slow_ones_at_once(2000, 40, text, options), 1, text)
	end
end)

host.test("nor behind the fast callback of the same message", function()
	local client, channel, slow = kit.ready(), kit.unique("turn"), 0
	kit.subscribe(client, channel, "first", function() end)
	for i = 1, 12 do
		client:Subscribe(channel, "slow" .. i, function(message)
			if #message < 300 then return end
			slow = slow + 1
			local till = SysTime() + 0.01
			while SysTime() < till do end
		end)
	end
	for i = 1, 200 do client:Publish(channel, i < 200 and "fast" or ("x"):rep(300)) end
	kit.block_until("all of them queued", function() return client:Stats().queued_events == 200 end)
	local most = 0
	while slow < 12 do
		local before = slow
		realtime.ProcessEvents(0.008)
		most = math.max(most, slow - before)
	end
	kit.eq(most, 1)
	client:Disconnect()
end)
