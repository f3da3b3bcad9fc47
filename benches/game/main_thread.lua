-- The module's cost for the main thread, beside that of the bare calls of LuaJIT in the same process and round.
--
-- Each figure is the median of several rounds, in which all of them alternate. Messages are new payloads of 64 bytes
-- that wait before the clock starts. `_bare_` is a C loop over the calls that are indispensable: the callback's
-- reference, the payload as a string, the channel's reference, lua_pcall with a traceback as its handler.
--
-- = loop_ns                              an empty loop in Lua, for each turn
-- = bare_call_ns                         a C function that returns 0, called in that loop
-- = process_events_empty_ns              ProcessEvents with nothing waiting, called in that loop
-- = process_events_empty_over_bare_call_ns  the difference of these two
-- = deliver_<n>_callbacks_ns             a message to so many callbacks, in one call of ProcessEvents(1e6)
-- = deliver_<n>_callbacks_each_ns        that, for each callback
-- = deliver_<n>_callbacks_no_clock_ns    a message with no budget: ProcessEvents(math.huge)
-- = deliver_<n>_callbacks_budget_ns      a message within the default budgets, as many calls as it takes
-- = deliver_<n>_callbacks_bare_ns        the bare calls
-- = deliver_<n>_callbacks_ratio          the module to the bare calls
-- = deliver_<n>_callbacks_budget_ratio   likewise, within the default budgets
-- = deliver_<n>_callbacks_no_clock_ratio likewise, with no budget
-- = publish_ns                           Publish of 64 bytes, for each of 1,000 in a tick
-- = publish_callback_ns                  likewise, with a callback
-- = publish_wakes                        wake-ups of the worker (system calls of the main thread) for these 1,000
-- = publish_callback_wakes               likewise
-- = publish_most_wakes                   in the worst round, with or without a callback

local kit = include("_kit.lua")
local settings = kit.settings({ rounds = 16, calls = 1000000, messages = 10000, publishes = 1000, size = 64 },
	{ rounds = 2, calls = 1000, messages = 200, publishes = 100 })

local CALLBACKS = { 1, 10, 100 }
local figures = kit.rounds()
local heard = 0
local function callback() heard = heard + 1 end

local function loops()
	local process, zero, calls = realtime.ProcessEvents, bare.zero, settings.calls
	local start = SysTime()
	for _ = 1, calls do end
	local empty = SysTime()
	for _ = 1, calls do zero() end
	local bare_call = SysTime()
	for _ = 1, calls do process() end
	local done = SysTime()
	figures.add("loop", (empty - start) / calls)
	figures.add("zero", (bare_call - empty) / calls)
	figures.add("process", (done - bare_call) / calls)
end

-- Runs `deliver`, which returns how long it took, with the same amount of garbage around each of them.
local function timed(name, n, messages, deliver)
	collectgarbage()
	heard = 0
	figures.add(name .. n, deliver() / messages)
	assert(heard == messages * n, name .. ": " .. heard .. " calls")
end

local function run_for(seconds)
	return function()
		local start = SysTime()
		realtime.ProcessEvents(seconds)
		return SysTime() - start
	end
end

local function tick_by_tick()
	local start = SysTime()
	while realtime.ProcessEvents() > 0 do end
	return SysTime() - start
end

local WAYS = { { "all", run_for(1e6) }, { "no_clock", run_for(math.huge) }, { "budget", tick_by_tick }, { "bare" } }

local function deliveries(client, source, channels, round)
	for i, n in ipairs(CALLBACKS) do
		-- The same number of callbacks with each.
		local messages = math.max(10, math.floor(settings.messages / n))
		for turn = 1, #WAYS do
			-- Each comes first in some rounds.
			local name, deliver = unpack(WAYS[(turn + round) % #WAYS + 1])
			if deliver then
				kit.fill(client, source, channels[i], settings.size, messages)
			else
				-- The same code as the module's, and each a separate function.
				local callbacks = {}
				for c = 1, n do callbacks[c] = function() heard = heard + 1 end end
				bare.prepare(messages, settings.size, channels[i], unpack(callbacks))
				deliver = function() return bare.deliver(messages) end
			end
			timed(name, n, messages, deliver)
		end
	end
end

local most_wakes = 0
local function publishes(client, name, answer)
	local messages = {}
	for i = 1, settings.publishes do messages[i] = string.format("%08d", i) .. string.rep("x", settings.size - 8) end
	-- The worker sleeps, as it does when a tick begins.
	host.pass(2)
	local wakes, start = host.writes(), SysTime()
	for i = 1, settings.publishes do client:Publish("nobody", messages[i], answer) end
	local took = SysTime() - start
	wakes = (host.writes() - wakes) * 1000 / settings.publishes
	most_wakes = math.max(most_wakes, wakes)
	figures.add(name, took / settings.publishes)
	figures.add(name .. "_wakes", wakes)
	kit.answered(client)
end

host.run(function()
	local source = kit.source()
	local client, channels = kit.ready(nil, source.url), {}
	for i, n in ipairs(CALLBACKS) do
		channels[i] = kit.unique("channel")
		for c = 1, n do client:Subscribe(channels[i], "callback " .. c, function() heard = heard + 1 end) end
	end
	kit.confirmed(client)
	for round = 0, settings.rounds do
		-- The first one warms up.
		if round == 1 then figures, most_wakes = kit.rounds(), 0 end
		host.pass()
		loops()
		deliveries(client, source, channels, round)
		publishes(client, "publish")
		publishes(client, "publish_callback", callback)
	end

	local function nanos(name) return figures.get(name) * 1e9 end
	kit.result("loop_ns", nanos("loop"))
	kit.result("bare_call_ns", nanos("zero"))
	kit.result("process_events_empty_ns", nanos("process"))
	kit.result("process_events_empty_over_bare_call_ns", nanos("process") - nanos("zero"))
	for _, n in ipairs(CALLBACKS) do
		local key, least = "deliver_" .. n .. "_callbacks_", nanos("bare" .. n)
		kit.result(key .. "ns", nanos("all" .. n))
		kit.result(key .. "each_ns", nanos("all" .. n) / n)
		kit.result(key .. "no_clock_ns", nanos("no_clock" .. n))
		kit.result(key .. "budget_ns", nanos("budget" .. n))
		kit.result(key .. "bare_ns", least)
		kit.result(key .. "ratio", nanos("all" .. n) / least)
		kit.result(key .. "no_clock_ratio", nanos("no_clock" .. n) / least)
		kit.result(key .. "budget_ratio", nanos("budget" .. n) / least)
	end
	for _, name in ipairs({ "publish", "publish_callback" }) do
		kit.result(name .. "_ns", nanos(name))
		kit.result(name .. "_wakes", figures.get(name .. "_wakes"))
	end
	kit.result("publish_most_wakes", most_wakes)
	host.exit(0)
end)
