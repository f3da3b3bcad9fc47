-- Shared by the suites of realtime.Durable with a redis-server. Loaded with include("_durable_real.lua").

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")
local world = { kit = kit, realtime = realtime, addon = realtime.addon }
world.addon.durable_look, world.addon.durable_lease = 0.3, 2
-- Lines are not limited, so that tests find the one that they look for.
function world.addon.SayRarely(_, text) world.addon.Say(text) end

-- A "server": a Durable on a client of its own, and the arguments of its callbacks, in order.
function world.server(id, options)
	local client = kit.ready(options)
	local server = { client = client, durable = realtime.Durable(client, id or kit.unique("s")), got = {}, events = {} }
	for _, event in ipairs({ "ready", "failed", "lost" }) do
		server.durable:On(event, "test", function(channel, info) server.events[#server.events + 1] = { event, channel, info } end)
	end
	-- How often an event came so far, and its last arguments.
	function server.count(event)
		local count, last = 0, nil
		for _, told in ipairs(server.events) do
			if told[1] == event then count, last = count + 1, told[3] end
		end
		return count, last
	end
	function server.subscribe(channel, options_of, fn)
		assert(server.durable:Subscribe(channel, function(data, from, info)
			if fn then fn(data, from, info) end
			server.got[#server.got + 1] = data
		end, options_of))
		kit.wait("ready", function() return server.count("ready") > 0 end)
	end
	function server.work(channel, fn, options_of)
		assert(server.durable:Work(channel, function(data, from, done, info)
			server.got[#server.got + 1] = data
			return fn(data, from, done, info)
		end, options_of))
	end
	return server
end

function world.close(...)
	for _, server in ipairs({ ... }) do server.client:Disconnect() end
end

-- Its process dies: nothing is given back.
world.kill = world.close

-- Its Lua state ends normally.
function world.leave(server)
	world.addon.goodbyes.Durable[server.durable]()
	world.addon.RemoveTask(server.durable) -- no further tick may renew its lease
	kit.command(server.client, { "PING" })
	server.client:Disconnect()
end

-- Calls a method that takes a callback last, and waits for it.
function world.done(server, method, ...)
	local got = kit.recorder()
	local arguments, count = { ... }, select("#", ...)
	arguments[count + 1] = got.fn
	assert(server.durable[method](server.durable, unpack(arguments, 1, count + 1)))
	kit.eq(#got, 0, "a callback inside the call")
	kit.wait("the answer to " .. method, function() return #got > 0 end)
	return unpack(got[1], 1, 2)
end
function world.gets(server, want)
	kit.wait("all of it", function() return #server.got >= #want end)
	kit.eq(server.got, want)
end

-- The end of the lease of the one message in work, by Redis's clock in milliseconds.
function world.held_until(channel)
	return tonumber(host.real.command("ZRANGE", "realtime:durable:{" .. channel .. "}:held", "0", "-1", "WITHSCORES")[2])
end

return world
