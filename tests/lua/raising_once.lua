-- Thousands of callbacks that each raise: the console is not flooded, and the tick keeps its budget.

local kit = include("_kit.lua")

local CALLBACKS, MESSAGES = 2000, 5

-- Lines of the console that count errors, and the errors that they count.
local function counted(text)
	local lines, errors = {}, 0
	for _, line in ipairs(host.console()) do
		local count, what = line:match("%[realtime%] (%d+) more errors? in callbacks within %d+ s[^:]*: (.*)")
		if count and what:find(text, 1, true) then
			lines[#lines + 1] = line
			errors = errors + tonumber(count)
		end
	end
	return errors, lines
end

-- Errors that were reported in full and say so.
local function reported(text)
	local found = {}
	for _, message in ipairs(host.errors()) do
		if message:find(text, 1, true) then found[#found + 1] = message end
	end
	return found
end

-- Before any count is printed, so that all counts wait for the same ten seconds.
host.test("each kind of error is reported a few times and counted from there on", function()
	host.expect_errors(11)
	local client, channel, calls, fine, told = kit.ready(), kit.unique("raise"), 0, 0, 0
	for n = 1, CALLBACKS do
		client:Subscribe(channel, "raises " .. n, function()
			calls = calls + 1
			error("all the same")
		end)
	end
	kit.subscribe(client, channel, "raises otherwise", function() error({}) end)
	kit.subscribe(client, channel, "is fine", function() fine = fine + 1 end)
	local answered, events = 0, 0
	client:On("error", function() events = events + 1 error("an event's own") end)
	host.tick_times()
	for n = 1, MESSAGES do
		assert(client:Publish(channel, n, function() answered = answered + 1 end))
	end
	kit.wait("everybody had every message", function() return fine == MESSAGES and calls == CALLBACKS * MESSAGES end)
	kit.wait("the answers", function() return answered == MESSAGES end)
	client:Command({ "NOSUCHCOMMAND" })
	kit.wait("the event", function() return events == 1 end)
	kit.eq({ #reported("all the same"), #reported("table"), #reported("an event's own") }, { 5, 5, 1 })
	assert(reported("all the same")[1]:find("stack traceback", 1, true), "no traceback")
	assert(reported("all the same")[1]:find("raising_once.lua:", 1, true), "no place")
	kit.eq(counted("all the same"), 0, "counted out at once")
	-- The time at 66 ticks a second, for readers of the output.
	local longest, worked = 0, 0
	for _, seconds in ipairs(host.tick_times()) do
		longest, worked = math.max(longest, seconds), worked + seconds
	end
	print(string.format("%d callbacks raised: %.2f us each, longest tick %.2f ms", calls,
		worked / calls * 1e6, longest * 1e3))
	client:Disconnect()
	-- Nothing happens any more, but the count is still printed.
	host.wait(function() return counted("all the same") > 0 end, 100, "the count")
	local errors, lines = counted("all the same")
	kit.eq({ errors, #lines }, { CALLBACKS * MESSAGES - 5, 1 })
	kit.eq(counted("table"), 0, "none was left out")
end)

host.test("a tick ends with its budget, also if each callback raises", function()
	host.expect_errors(5)
	local client, channel, calls, runs = kit.ready(), kit.unique("budget"), 0, {}
	kit.subscribe(client, channel, function()
		calls = calls + 1
		local till = SysTime() + 0.0005
		while SysTime() < till do end
		error("slow and wrong")
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
	for i, n in ipairs(runs) do assert(n >= 1 and n <= 5, "run " .. i .. " had " .. n) end
	kit.eq(#reported("slow and wrong"), 5)
	client:Disconnect()
end)

host.test("a count is told between two callbacks of one message, and the second gets what it is to get", function()
	host.expect_errors(5)
	local client, channel, calls, wrong, kept = kit.ready(), kit.unique("between"), 0, nil, 0
	client:Subscribe(channel, "raises", function() error("in the middle") end)
	kit.subscribe(client, channel, "is second", function(message, name)
		calls = calls + 1
		if message ~= "payload" or name ~= channel then wrong = { message, name } end
	end)
	-- One callback in each round, so that each but the first round of a message begins between two.
	realtime.SetTickBudget(1e-9)
	host.wait(function()
		kept = client:Stats().queued_events
		if kept < 5 then for _ = 1, 10 do client:Publish(channel, "payload") end end
		return counted("in the middle") > 0
	end, 100, "the count")
	realtime.SetTickBudget(0.002)
	kit.wait("the rest", function() return client:Stats().queued_events == 0 end)
	kit.eq(wrong, nil)
	assert(calls > 0, "no call")
	client:Disconnect()
end)

host.test("texts without end find an end", function()
	-- Messages from earlier tests take some of the places.
	host.expect_errors(1, 64)
	local client, channel, calls = kit.ready(), kit.unique("texts"), 0
	kit.subscribe(client, channel, function(message)
		calls = calls + 1
		error("player " .. message)
	end)
	for i = 1, 5000 do client:Publish(channel, i) end
	kit.wait("all of them", function() return calls == 5000 end)
	client:Disconnect()
	local full = #reported("player ")
	host.wait(function() return counted("player ") > 0 end, 100, "the count")
	kit.eq(full + counted("player "), 5000, "reported and counted")
end)
