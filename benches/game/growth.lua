-- How the cost of one operation grows with the number of objects: constant if the figures of a row are similar. Run
-- it with --server real, so that the server's memory is not this process's.
--
-- Payloads have 64 bytes. `_ns` is time of the main thread by the clock, `_worker_ns` processor time of the worker,
-- `_bytes` memory that C and Rust code has allocated.
--
-- = events_<n>_ns                        a message that is delivered, when so many wait
-- = events_<n>_bare_ns                   the bare calls of LuaJIT for as many, whose strings it has to collect as well
-- = events_<n>_bytes                     a message that waits
-- = channels_<n>_subscribe_ns            the call of Subscribe
-- = channels_<n>_confirmed_ns            from the first call until all are confirmed, for each
-- = channels_<n>_bytes                   a channel with its callback
-- = channels_<n>_one_ns                  a message, when all go to one of the channels
-- = channels_<n>_one_worker_ns           likewise
-- = channels_<n>_bare_ns                 the bare calls of LuaJIT beside them: its strings are more, too
-- = channels_<n>_spread_ns               a message, when they go to all of the channels in turn
-- = channels_<n>_spread_worker_ns        likewise
-- = clients_<n>_empty_ns                 ProcessEvents with nothing waiting
-- = clients_<n>_one_ns                   a message, when all go to one of the clients
-- = clients_<n>_one_worker_ns            likewise
-- = clients_<n>_bytes                    a client with one channel
-- = clients_<n>_threads                  threads of the module

local kit = include("_kit.lua")
-- Many short rounds: on a busy machine most of them are undisturbed.
local settings = kit.settings(
	{ events = 1000000, channels = 100000, clients = 100, messages = 5000, rounds = 25, size = 64 },
	{ events = 1000, channels = 100, clients = 10, messages = 100, rounds = 1 })

local heard = 0
local function callback() heard = heard + 1 end

-- 10, 100, … or 1, 10, 100 …
local function decades(from, to)
	local list = {}
	while from <= to do
		list[#list + 1] = from
		from = from * 10
	end
	return list
end

local function pass_all(messages)
	collectgarbage()
	heard = 0
	local start = SysTime()
	realtime.ProcessEvents(1e6)
	local took = SysTime() - start
	assert(heard == messages, heard .. " of " .. messages .. " came")
	return took
end

local function heap()
	collectgarbage()
	return host.heap()
end

local function close(clients)
	for _, client in ipairs(clients) do client:Disconnect() end
	host.wait(function() return #realtime.Clients() == 0 end, kit.PATIENCE, "the clients to go")
	host.pass(5)
	bare.trim()
end

local function events(source)
	for _, n in ipairs(decades(10, settings.events)) do
		local channel, options = kit.unique("events"), { queue_events = settings.events + 1, queue_bytes = 2 ^ 28 }
		local client = kit.ready(options, source.url)
		client:Subscribe(channel, callback)
		kit.confirmed(client)
		local figures = kit.rounds()
		-- Few events give little information, so there are more rounds.
		for round = 0, n < 10000 and settings.rounds * 4 or n < 1000000 and settings.rounds or 3 do
			host.pass()
			local before = heap()
			kit.fill(client, source, channel, settings.size, n)
			local bytes = (host.heap() - before) / n
			local nanos = pass_all(n) * 1e9 / n
			if round <= 1 then figures = kit.rounds() end
			-- Later rounds reuse memory of the first one.
			if round == 0 then kit.result("events_" .. n .. "_bytes", bytes) end
			figures.add("ns", nanos)
			bare.prepare(n, settings.size, channel, callback)
			collectgarbage()
			figures.add("bare", bare.deliver(n) * 1e9 / n)
			bare.prepare(1, settings.size, channel, callback)
		end
		kit.result("events_" .. n .. "_ns", figures.get("ns"))
		kit.result("events_" .. n .. "_bare_ns", figures.get("bare"))
		close({ client })
	end
end

-- Time of both threads for a message.
local function messages_to(client, source, channel, channels)
	local figures, messages = kit.rounds(), settings.messages
	for round = 0, settings.rounds do
		if round == 1 then figures = kit.rounds() end
		host.pass(2)
		local cpu = host.cpu().realtime
		kit.fill(client, source, channel, settings.size, messages, channels)
		figures.add("worker", (host.cpu().realtime - cpu) * 1e9 / messages)
		figures.add("main", pass_all(messages) * 1e9 / messages)
	end
	return figures.get("main"), figures.get("worker")
end

local function channels(source)
	for _, n in ipairs(decades(1, settings.channels)) do
		local key, client, format = "channels_" .. n .. "_", kit.ready(nil, source.url), kit.unique("channels") .. ".%06d"
		local names = {}
		for i = 0, n - 1 do names[i] = string.format(format, i) end
		-- Memory that is allocated with the first channel does not count.
		client:Subscribe("first", callback)
		kit.confirmed(client)
		source("first", settings.size, 1)
		host.pass(2)
		local before, start = heap(), SysTime()
		for i = 0, n - 1 do client:Subscribe(names[i], callback) end
		local called = SysTime()
		host.spin(true)
		kit.confirmed(client)
		local confirmed = SysTime()
		host.spin(false)
		host.wait(function() return realtime.ProcessEvents(1e6) == 0 end, kit.PATIENCE, "their events")
		kit.result(key .. "subscribe_ns", (called - start) * 1e9 / n)
		kit.result(key .. "confirmed_ns", (confirmed - start) * 1e9 / n)
		kit.result(key .. "bytes", (heap() - before) / n)
		local main, worker = messages_to(client, source, names[math.floor(n / 2)])
		kit.result(key .. "one_ns", main)
		kit.result(key .. "one_worker_ns", worker)
		local figures = kit.rounds()
		bare.prepare(settings.messages, settings.size, names[0], callback)
		for _ = 1, settings.rounds do
			collectgarbage()
			figures.add("bare", bare.deliver(settings.messages) * 1e9 / settings.messages)
		end
		kit.result(key .. "bare_ns", figures.get("bare"))
		main, worker = messages_to(client, source, format, n)
		kit.result(key .. "spread_ns", main)
		kit.result(key .. "spread_worker_ns", worker)
		close({ client })
	end
end

local function clients(source)
	-- The worker stays when its clients are gone.
	local threads = host.threads() - 1
	for _, n in ipairs(decades(1, settings.clients)) do
		local key, list, names, before = "clients_" .. n .. "_", {}, {}, heap()
		for i = 1, n do
			names[i] = kit.unique("clients")
			list[i] = kit.ready(nil, source.url)
			list[i]:Subscribe(names[i], callback)
		end
		for i = 1, n do kit.confirmed(list[i]) end
		host.pass(2)
		kit.result(key .. "bytes", (heap() - before) / n)
		kit.result(key .. "threads", host.threads() - threads)
		local figures, process, calls = kit.rounds(), realtime.ProcessEvents, settings.messages * 20
		for _ = 1, settings.rounds do
			host.pass()
			local start = SysTime()
			for _ = 1, calls do process() end
			figures.add("empty", (SysTime() - start) * 1e9 / calls)
		end
		kit.result(key .. "empty_ns", figures.get("empty"))
		local middle = math.ceil(n / 2)
		local main, worker = messages_to(list[middle], source, names[middle])
		kit.result(key .. "one_ns", main)
		kit.result(key .. "one_worker_ns", worker)
		close(list)
	end
end

host.run(function()
	local source = kit.source()
	events(source)
	channels(source)
	clients(source)
	host.exit(0)
end)
