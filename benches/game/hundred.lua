-- A thousand messages a second, one by one, each to a hundred callbacks: the cost for the worker and the main thread,
-- beside the bare calls. Run it with --server real, so that the server's work is not this process's.
--
-- Two kinds of phases alternate, at 66 ticks a second: in one the module's client has subscribed; in the other a
-- thread has, which polls and reads, while the main thread makes the bare calls for as many messages as came. Threads
-- are measured by the system's processor time, the main thread's work by the clock: a tick's call of ProcessEvents,
-- and the bare calls. Medians over the rounds.
--
-- = worker_us_each                       the worker, for each message
-- = bare_reader_us_each                  a thread that polls and reads the same
-- = worker_ratio                         of these two
-- = main_us_each                         the main thread, for each message with its hundred callbacks
-- = bare_main_us_each                    the bare calls of LuaJIT: a string, and a hundred times reference and lua_pcall
-- = main_ratio                           of these two
-- = worker_sleeps_each                   how often the worker went to sleep, for each message
-- = bare_reader_sleeps_each              likewise
-- = main_cpu_percent                     of one processor: all that the main thread does, with the module's client
-- = messages_a_read                      of the bare reader: near one if they came one by one
-- = messages_a_second                    what the publisher got through

-- Created before the module creates its own, so that it comes first.
local each_tick
timer.Create("hundred", 0, 0, function()
	if each_tick then each_tick() end
end)

local kit = include("_kit.lua")
-- Many short rounds, so that other load on the machine affects both.
local settings = kit.settings({ rounds = 21, seconds = 1, rate = 1000, callbacks = 100, size = 64 },
	{ rounds = 1, seconds = 0.2 })

local MAIN, WORKER, READER = "gmod-host", "realtime", "bare-reader"
local heard = 0

local function new_callback() return function() heard = heard + 1 end end

-- Runs a phase and returns what it used. `tick` delivers waiting messages, and returns the seconds that it took.
local function phase(tick)
	local result = { took = 0, cpu = {}, sleeps = {} }
	host.pass()
	local cpu, sleeps, from, before = host.cpu(), host.sleeps(), SysTime(), heard
	each_tick = function() result.took = result.took + tick() end
	local till = from + settings.seconds
	host.wait(function() return SysTime() >= till end, settings.seconds + kit.PATIENCE)
	each_tick = nil
	local used, slept = host.cpu(), host.sleeps()
	result.seconds, result.messages = SysTime() - from, (heard - before) / settings.callbacks
	for name in pairs(used) do
		result.cpu[name] = used[name] - (cpu[name] or 0)
		result.sleeps[name] = slept[name] - (sleeps[name] or 0)
	end
	return result
end

host.run(function()
	local port = tonumber(host.server.url():match(":(%d+)$"))
	local client, channel, figures = kit.ready(), "hundred", kit.rounds()
	-- *3 $7 message $n channel $n payload, each with its end of line.
	local bytes_each = 4 + 13 + #string.format("$%d\r\n%s\r\n$%d\r\n", #channel, channel, settings.size) + settings.size + 2
	local callbacks = {}
	for i = 1, settings.callbacks do callbacks[i] = new_callback() end
	bare.prepare(settings.rate * settings.seconds, settings.size, channel, unpack(callbacks))

	local function module_tick()
		local start = SysTime()
		realtime.ProcessEvents()
		return SysTime() - start
	end

	local function bare_messages()
		local _, bytes = bare.reads()
		return math.floor(bytes / bytes_each)
	end

	for round = 0, settings.rounds do
		-- The first one warms up.
		if round == 1 then figures = kit.rounds() end
		local publisher = host.new_publisher({ port = port, rate = settings.rate, size = settings.size, alone = true,
			channels = { channel } })

		for i = 1, settings.callbacks do client:Subscribe(channel, "callback " .. i, new_callback()) end
		kit.confirmed(client)
		local before = heard
		host.wait(function() return heard > before + 10 * settings.callbacks end, kit.PATIENCE, "messages")
		local ours = phase(module_tick)
		for i = 1, settings.callbacks do client:Unsubscribe(channel, "callback " .. i) end
		client:Ping(function() end)
		kit.answered(client)

		local reads = bare.reads()
		bare.read(port, channel)
		host.wait(function() return bare.reads() > reads + 10 end, kit.PATIENCE, "messages for the bare reader")
		local done = bare_messages()
		reads = bare.reads()
		local theirs = phase(function()
			local came = bare_messages() - done
			done = done + came
			return came > 0 and bare.deliver(came) or 0
		end)
		reads = bare.reads() - reads
		bare.stop()
		publisher.stop()

		figures.add("worker", ours.cpu[WORKER] / ours.messages)
		figures.add("worker_sleeps", ours.sleeps[WORKER] / ours.messages)
		figures.add("main", ours.took / ours.messages)
		figures.add("main_cpu", ours.cpu[MAIN] / ours.seconds)
		figures.add("reader", theirs.cpu[READER] / theirs.messages)
		figures.add("reader_sleeps", theirs.sleeps[READER] / theirs.messages)
		figures.add("bare", theirs.took / theirs.messages)
		figures.add("a_read", theirs.messages / reads)
		figures.add("rate", ours.messages / ours.seconds)
	end

	kit.result("worker_us_each", figures.get("worker") * 1e6)
	kit.result("bare_reader_us_each", figures.get("reader") * 1e6)
	kit.result("worker_ratio", figures.get("worker") / figures.get("reader"))
	kit.result("main_us_each", figures.get("main") * 1e6)
	kit.result("bare_main_us_each", figures.get("bare") * 1e6)
	kit.result("main_ratio", figures.get("main") / figures.get("bare"))
	kit.result("worker_sleeps_each", figures.get("worker_sleeps"))
	kit.result("bare_reader_sleeps_each", figures.get("reader_sleeps"))
	kit.result("main_cpu_percent", figures.get("main_cpu") * 100)
	kit.result("messages_a_read", figures.get("a_read"))
	kit.result("messages_a_second", figures.get("rate"))
	host.exit(0)
end)
