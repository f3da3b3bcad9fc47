-- Ticks of a server under load: how long the main thread works in each at 66 Hz, with the default budget of 2 ms,
-- while another process publishes `rate` messages of 64 bytes a second. Without rate=N, one rate after the other. Run
-- it with --server real, so that the server's work is not this process's.
--
-- The time of a tick is everything that the host did in it. The script itself only counts.
--
-- = idle_tick_p50_us                     with a client and no messages
-- = idle_tick_p99_us                     likewise
-- = rate_<n>_tick_p50_us                 half of the ticks took less
-- = rate_<n>_tick_p90_us                 nine of ten
-- = rate_<n>_tick_p99_us                 99 of a hundred
-- = rate_<n>_tick_max_us                 the longest
-- = rate_<n>_over_budget_ticks           ticks that took longer than 2.1 ms
-- = rate_<n>_published_a_second          what the publisher got through
-- = rate_<n>_delivered                   messages that reached the callback
-- = rate_<n>_dropped                     messages that did not
-- = rate_<n>_most_left                   messages that waited when a tick had run callbacks, at most
-- = rate_<n>_ticks_that_left             ticks that left half a tick's messages or more
-- = rate_<n>_main_cpu_percent            of one processor
-- = rate_<n>_worker_cpu_percent          likewise

local kit = include("_kit.lua")
local settings = kit.settings({ rate = 0, seconds = 10, size = 64 }, { seconds = 0.3 })

local RATES = settings.rate > 0 and { settings.rate } or { 1000, 10000, 100000 }
local OVER_BUDGET = 0.0021

local function ticks_of(seconds, each)
	local till = SysTime() + seconds
	host.tick_times()
	while SysTime() < till do
		host.pass()
		if each then each() end
	end
	local times = host.tick_times()
	table.sort(times)
	return times
end

local function run(client, port, rate)
	local channel, heard = kit.unique("ticks"), 0
	client:Subscribe(channel, function() heard = heard + 1 end)
	kit.confirmed(client)
	local publisher = host.new_publisher({ port = port, rate = rate, size = settings.size, channels = { channel } })
	host.wait(function() return heard > 0 end, kit.PATIENCE, "the first message")
	ticks_of(settings.seconds / 10)
	local most, left, before, from = 0, 0, client:Stats(), SysTime()
	local written, cpu = publisher.figures().written, host.cpu()
	local times = ticks_of(settings.seconds, function()
		local waiting = client:Stats().queued_events
		most = math.max(most, waiting)
		if waiting >= rate * engine.TickInterval() / 2 then left = left + 1 end
	end)
	local now, took = host.cpu(), SysTime() - from
	written = publisher.figures().written - written
	local after = client:Stats()
	publisher.stop()
	host.wait(function() return client:Stats().queued_events == 0 end, kit.PATIENCE, "the rest")
	client:Unsubscribe(channel)

	local key, over = "rate_" .. rate .. "_", 0
	for _, time in ipairs(times) do over = over + (time > OVER_BUDGET and 1 or 0) end
	for _, share in ipairs({ { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "max", 1 } }) do
		kit.result(key .. "tick_" .. share[1] .. "_us", kit.share(times, share[2]) * 1e6)
	end
	kit.result(key .. "over_budget_ticks", over)
	kit.result(key .. "published_a_second", written / took)
	kit.result(key .. "delivered", after.delivered - before.delivered)
	kit.result(key .. "dropped", after.dropped - before.dropped)
	kit.result(key .. "most_left", most)
	kit.result(key .. "ticks_that_left", left)
	kit.result(key .. "main_cpu_percent", (now["gmod-host"] - cpu["gmod-host"]) / took * 100)
	kit.result(key .. "worker_cpu_percent", (now.realtime - cpu.realtime) / took * 100)
end

host.run(function()
	local client = kit.ready()
	local times = ticks_of(settings.seconds / 5)
	kit.result("idle_tick_p50_us", kit.share(times, 0.5) * 1e6)
	kit.result("idle_tick_p99_us", kit.share(times, 0.99) * 1e6)
	local port = tonumber(host.server.url():match(":(%d+)$"))
	for _, rate in ipairs(RATES) do run(client, port, rate) end
	host.exit(0)
end)
