-- once; unix; unload: before, after
-- The end of the Lua state many times in one process, with clients in every condition: nothing is left, and
-- no end takes long. The number of maps may follow the script's name.

-- The library stays, also if the host unloads the module.
if host.map_number > 1 then
	assert(host.mapped("librealtime") or host.mapped("gmsv_realtime"), "the library is gone")
end

local kit = include("_kit.lua")
local native = include("_native.lua")

-- Under a tool that makes everything slow: "slow" instead of a number.
local SLOW = host.args[1] == "slow"
local MAPS = SLOW and 64 or tonumber(host.args[1] or 144)

-- Accepted commands are still sent for 250 ms, and the worker has 250 ms more to end. Then the main thread continues without
-- it, but a busy machine may delay it.
local LONGEST_CLOSE = SLOW and 10 or 5

-- Names whose lookup never ends, more of them than there are threads for lookups.
local STUCK_NAMES, RESOLVERS = 5, 4

-- Rounds of all conditions before the first measurement: by then caches and tables have their full size.
local WARM_ROUNDS = 3

-- Memory that varies between two measurements, and free blocks that glibc keeps for each thread: 230 KB after a
-- thousand maps and after two thousand, 16 KB with GLIBC_TUNABLES=glibc.malloc.tcache_count=0. A thousand maps that leave a
-- client each would leave megabytes.
local HEAP_SLACK = 512 * 1024

local BUSY_MESSAGES, BIG_MESSAGE = 100, ("x"):rep(50000)

local function leave() host.next_map() end

-- With a listener, so without a line on the console, which the host would keep.
local function silent(client)
	for _, event in ipairs({ "down", "error", "dropped" }) do client:On(event, function() end) end
	return client
end

local function elsewhere(url) return silent(realtime.Connect(url, { id = url })) end

-- Waits until it is ready, with a confirmed subscription.
local function subscribed(fn)
	local client = silent(kit.ready())
	kit.subscribe(client, "closing", fn or function() end)
	return client
end

local function busy(client)
	for i = 1, BUSY_MESSAGES do client:Publish("closing", i) end
	return client
end

-- Waits for an end that a callback causes.
local function ends() kit.wait("the end", function() return false end) end

-- One of these happens before each end.
local conditions = {
	function() -- connected
		subscribed()
		leave()
	end,
	function() -- not even begun
		kit.connect()
		leave()
	end,
	function() -- connecting to a silent port
		elsewhere("redis://127.0.0.1:" .. host.kept("deaf"))
		host.pass(2)
		leave()
	end,
	function() -- refused, and waiting for the next attempt
		elsewhere("redis://127.0.0.1:1")
		host.pass(2)
		leave()
	end,
	function() -- resolving names that never resolve
		for i = 1, STUCK_NAMES do elsewhere("redis://" .. i .. ".stuck.invalid") end
		-- These threads stay for the next lookups. From the first time on all of them exist, and the worker, too.
		kit.wait("all threads for lookups", function()
			return host.threads() >= host.kept("alone") + RESOLVERS + 1
		end)
		leave()
	end,
	function() -- a peer that never sends anything
		host.server.pause()
		silent(kit.connect())
		host.pass(2)
		leave()
	end,
	function() -- a peer that stopped answering, with much unsent
		local client = subscribed()
		host.server.pause()
		for _ = 1, 200 do client:Publish("closing", BIG_MESSAGE) end
		host.pass(2)
		leave()
	end,
	function() -- a flood in both directions
		local client = subscribed()
		for i = 1, 5000 do
			client:Publish("closing", i)
			if i % 10 == 0 then host.server.publish("closing", "x") end
		end
		leave()
	end,
	function() -- a flood that nobody reads
		subscribed(function() kit.block_until("a full queue", function() return true end) end)
		for _ = 1, 1000 do host.server.publish("closing", BIG_MESSAGE) end
		leave()
	end,
	function() -- within a callback, with more callbacks waiting
		busy(subscribed(leave))
		ends()
	end,
	function() -- a callback that disconnects and ends the map
		local client
		client = busy(subscribed(function()
			client:Disconnect()
			leave()
		end))
		ends()
	end,
	function() -- the game closes the module within a callback
		busy(subscribed(function()
			local from = SysTime()
			native.close()
			local seconds = SysTime() - from
			assert(seconds < LONGEST_CLOSE, "closing within a callback took " .. seconds .. " s")
			leave()
		end))
		ends()
	end,
	function() -- likewise, while an answer waits next
		local client = subscribed()
		client:Command({ "ECHO", BIG_MESSAGE }, function()
			native.close()
			leave()
		end)
		busy(client)
		ends()
	end,
	function() -- a server that is gone
		subscribed()
		host.server.stop()
		host.pass(2)
		leave()
	end,
	function() -- a client that is closing
		busy(subscribed()):Disconnect()
		leave()
	end,
	function() -- forgotten clients of a coroutine
		coroutine.wrap(function()
			for i = 1, 3 do silent(kit.connect({ id = "forgotten " .. i })):Subscribe("closing", function() end) end
		end)()
		collectgarbage()
		host.pass(2)
		leave()
	end,
}

-- And one of these during the end itself.
local last_words = {
	function()
		for _, client in ipairs(realtime.Clients()) do client:Publish("closing", BIG_MESSAGE) end
		silent(kit.connect({ id = "late" }))
		realtime.ProcessEvents(1)
	end,
	function() error("on purpose") end,
	function() native.close() end,
	function()
		for _, client in ipairs(realtime.Clients()) do client:Disconnect() end
		collectgarbage()
	end,
}

-- How much of it may be left. An abandoned lookup does not delay other names: after the first one, the last of the stuck names has
-- a thread, too.
local function most(what)
	local kept = host.kept(what)
	return kept and kept + (what == "threads" and STUCK_NAMES - RESOLVERS or 0)
end

-- The resources of the process after the server has closed its ends, which may take time, as may a worker that
-- nobody waited for.
local function measure()
	collectgarbage()
	for _, what in ipairs({ "fds", "threads" }) do
		host.wait(function() return host[what]() <= (most(what) or host[what]()) end, kit.PATIENCE)
	end
	return { threads = host.threads(), fds = host.fds(), heap = host.heap() }
end

local function report()
	local now, times = measure(), host.close_times()
	table.sort(times)
	for _, what in ipairs({ "threads", "fds", "heap" }) do
		print(string.format("%-8s %9d, then %9d", what, host.kept(what), now[what]))
	end
	print(string.format("close    median %.1f ms, longest %.1f ms, of %d", times[math.ceil(#times / 2)] * 1000,
		times[#times] * 1000, #times))
	print("resident " .. host.rss())
	assert(times[#times] < LONGEST_CLOSE, "a close took " .. times[#times] .. " s")
	assert(now.threads <= most("threads"), "threads are left")
	assert(now.fds <= host.kept("fds"), "descriptors are left")
	local grown = now.heap - host.kept("heap")
	assert(grown <= HEAP_SLACK, grown .. " bytes are left")
end

host.spin(true)
host.run(function()
	local map = host.map_number
	realtime.OnClose(last_words[math.floor(map / #conditions) % #last_words + 1])
	host.server.resume()
	pcall(host.server.start)
	host.tick_times() -- which the host keeps until this call
	if map == 1 then
		local least = WARM_ROUNDS * #conditions
		assert(MAPS >= least, "the number of maps must be " .. least .. " or more, because it is measured after them")
		host.keep("deaf", native.deaf_port())
		host.keep("alone", host.threads())
	end
	if map == WARM_ROUNDS * #conditions + 1 then
		for what, value in pairs(measure()) do host.keep(what, value) end
	end
	if map <= MAPS then return conditions[(map - 1) % #conditions + 1]() end
	report()
	print(MAPS .. " maps")
	host.exit(0)
end)
