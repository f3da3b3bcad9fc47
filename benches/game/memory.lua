-- The memory that a client and its contents take, and how often an idle one wakes up. Run it with --server real, so
-- that the server's memory is not this process's.
--
-- `_heap_` is memory that C and Rust code has allocated, `_resident_` the process's resident memory, Lua's part
-- included (after a full collection, and with free memory returned to the system), `_lua_` Lua's own count.
--
-- = first_client_heap_bytes              an idle, connected client over none: with the worker's thread
-- = first_client_resident_bytes          likewise
-- = second_client_heap_bytes             one more
-- = second_client_resident_bytes         likewise
-- = in_flight_<n>b_heap_bytes            messages of so many bytes that wait for the main thread, over an idle client
-- = in_flight_<n>b_heap_bytes_each       that, for each message
-- = in_flight_<n>b_resident_bytes        likewise
-- = in_flight_<n>b_resident_bytes_each   likewise
-- = in_flight_<n>b_heap_left_bytes       when they were delivered, and two more
-- = in_flight_<n>b_resident_left_bytes   likewise
-- = subscription_heap_bytes_each         a channel with a callback
-- = subscription_lua_bytes_each          likewise; the callback is the same function for all
-- = subscription_resident_bytes_each     likewise
-- = unsubscribed_heap_left_bytes_each    when all of them are gone
-- = idle_seconds                         that a connected client was left alone
-- = idle_worker_wakes                    how often its worker woke up within them
-- = idle_worker_cpu_us                   processor time of the worker within them

local kit = include("_kit.lua")
local settings = kit.settings({ messages = 10000, subscriptions = 10000, idle = 5 },
	{ messages = 200, subscriptions = 200, idle = 0.1 })

local SIZES = { 64, 1024 }

local function held()
	-- Twice: the second one collects objects that finalizers released. Memory that a tick reuses stays.
	host.pass(2)
	collectgarbage()
	collectgarbage()
	bare.trim()
	return { heap = host.heap(), resident = host.rss(), lua = collectgarbage("count") * 1024 }
end

local function over(now, before, what) return now[what] - before[what] end

local function clients(url)
	local none = held()
	local first = kit.ready(nil, url)
	local with_one = held()
	local second = kit.ready(nil, url)
	local with_two = held()
	for _, what in ipairs({ "heap", "resident" }) do
		kit.result("first_client_" .. what .. "_bytes", over(with_one, none, what))
		kit.result("second_client_" .. what .. "_bytes", over(with_two, with_one, what))
	end
	second:Disconnect()
	host.wait(function() return #realtime.Clients() == 1 end, kit.PATIENCE, "the second client to go")
	return first
end

local function in_flight(source, size)
	local client, channel, got = kit.ready(nil, source.url), kit.unique("flight"), 0
	client:Subscribe(channel, function() got = got + 1 end)
	kit.confirmed(client)
	local function one_more()
		local before = got
		source(channel, size, 1)
		host.wait(function() return got > before end, kit.PATIENCE, "a message")
	end
	-- Everything made with the first message exists now, and Lua has had as many strings as it will get.
	one_more()
	bare.prepare(settings.messages, size, channel, function() end)
	bare.deliver(settings.messages)
	bare.prepare(1, size, channel, function() end)
	local before = held()
	kit.fill(client, source, channel, size, settings.messages)
	-- No tick may run here.
	collectgarbage()
	bare.trim()
	local full = { heap = host.heap(), resident = host.rss() }
	host.wait(function()
		realtime.ProcessEvents(1e6)
		return got == 1 + settings.messages
	end, kit.PATIENCE, "all of them")
	-- Memory is returned with the next small message.
	one_more()
	one_more()
	local drained = held()
	local key = "in_flight_" .. size .. "b_"
	for _, what in ipairs({ "heap", "resident" }) do
		kit.result(key .. what .. "_bytes", over(full, before, what))
		kit.result(key .. what .. "_bytes_each", over(full, before, what) / settings.messages)
		kit.result(key .. what .. "_left_bytes", over(drained, before, what))
	end
	client:Disconnect()
end

local function subscriptions(url)
	local client = kit.ready(nil, url)
	local function callback() end
	local before = held()
	for i = 1, settings.subscriptions do client:Subscribe(string.format("channel.%05d", i), callback) end
	kit.confirmed(client)
	local with_all = held()
	for _, what in ipairs({ "heap", "lua", "resident" }) do
		kit.result("subscription_" .. what .. "_bytes_each", over(with_all, before, what) / settings.subscriptions)
	end
	for i = 1, settings.subscriptions do client:Unsubscribe(string.format("channel.%05d", i)) end
	client:Ping(function() end)
	kit.answered(client)
	kit.result("unsubscribed_heap_left_bytes_each", over(held(), before, "heap") / settings.subscriptions)
	client:Disconnect()
end

local function idle()
	host.wait(function() return #realtime.Clients() == 1 end, kit.PATIENCE, "the other clients to go")
	host.pass(2)
	local sleeps, cpu, from = host.sleeps().realtime, host.cpu().realtime, SysTime()
	host.wait(function() return SysTime() - from >= settings.idle end, settings.idle + kit.PATIENCE)
	kit.result("idle_seconds", SysTime() - from)
	kit.result("idle_worker_wakes", host.sleeps().realtime - sleeps)
	kit.result("idle_worker_cpu_us", (host.cpu().realtime - cpu) * 1e6)
end

host.run(function()
	local source = kit.source()
	clients(source.url)
	for _, size in ipairs(SIZES) do in_flight(source, size) end
	subscriptions(source.url)
	idle()
	host.exit(0)
end)
