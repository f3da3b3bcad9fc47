-- The end of the Lua state a hundred times in one process, in every condition a client can be in: no thread and no
-- descriptor is left, and no close takes longer than a second.

local kit = include("_kit.lua")

local MAPS = 100

-- Lookups run on threads that stay, four at most.
local RESOLVERS = 4

local function leave() host.next_map() end

-- Until it is ready, with a subscription that counts.
local function subscribed(options, fn)
	local client = kit.ready(options)
	kit.subscribe(client, "closing", fn or function() end)
	return client
end

-- One of these happens before each end.
local conditions = {
	function() -- connected
		subscribed()
		leave()
	end,
	function() -- connecting, resolving, refused
		kit.connect()
		realtime.Connect("redis://no-such-host.invalid")
		realtime.Connect("redis://127.0.0.1:1")
		leave()
	end,
	function() -- a peer that answers no more, with much unsent
		local client = subscribed()
		host.server.pause()
		for _ = 1, 200 do client:Publish("closing", ("x"):rep(50000)) end
		host.pass(2)
		leave()
	end,
	function() -- a peer that never answered
		host.server.pause()
		kit.connect()
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
	function() -- from inside a callback, with more behind it
		local client = subscribed(nil, leave)
		for i = 1, 100 do client:Publish("closing", i) end
		kit.wait("the end", function() return false end)
	end,
	function() -- a server that is gone
		subscribed()
		host.server.stop()
		host.pass(2)
		leave()
	end,
	function() -- a client that is closing
		local client = subscribed()
		for i = 1, 100 do client:Publish("closing", i) end
		client:Disconnect()
		leave()
	end,
}

host.run(function()
	local map = host.map_number
	host.server.resume()
	pcall(host.server.start)
	if map == 1 then
		-- The server and what else comes with the first use.
		realtime.Connect("redis://no-such-host.invalid")
		subscribed()
		return leave()
	end
	if map == 2 then
		host.keep("threads", host.threads())
		host.keep("fds", host.fds())
	end
	if map < MAPS then return conditions[map % #conditions + 1]() end
	for i, seconds in ipairs(host.close_times()) do
		assert(seconds < 1, "closing map " .. i .. " took " .. seconds .. " s")
	end
	-- The server lets go of its ends in its own time.
	kit.wait("no descriptor more than at the start", function() return host.fds() <= host.kept("fds") end)
	assert(host.threads() <= host.kept("threads") + RESOLVERS, "threads: " .. host.kept("threads") .. ", then " .. host.threads())
	print(map .. " maps")
	host.exit(0)
end)
