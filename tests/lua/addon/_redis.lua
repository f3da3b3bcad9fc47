-- What the suites of gm_redis's API share. Loaded with include("_redis.lua").

local kit = include("../_kit.lua")
require("redis")

-- Subscribers speak the version under test; clients always speak RESP2, whose replies gm_redis's users know.
redis.Options.protocol = host.protocol
-- A lost connection is found again soon.
redis.Options.reconnect_min = 0.01

kit.host, kit.port = host.redis_url:match("//([%d.]+):(%d+)")
kit.port = tonumber(kit.port)

-- Milliseconds that Connect waits at most: the half second that it waits by itself is none for a busy machine.
kit.LONG = 10000

function kit.client(timeout, ...)
	local client = redis.CreateClient()
	assert(client:Connect(kit.host, kit.port, timeout or kit.LONG, ...))
	return client
end

function kit.subscriber(timeout, ...)
	local subscriber = redis.CreateSubscriber()
	assert(subscriber:Connect(kit.host, kit.port, timeout or kit.LONG, ...))
	return subscriber
end

-- Polls them once a tick until it is so.
function kit.poll(what, condition, ...)
	local all = { ... }
	kit.wait(what, function()
		for i = 1, #all do all[i]:Poll() end
		return condition()
	end)
end

-- Calls a method that takes a callback last, commits, and polls for the answer: reply, err.
function kit.ask(client, method, ...)
	local arguments, count, reply, err, done = { ... }, select("#", ...), nil, nil, false
	arguments[count + 1] = function(this, ...)
		assert(this == client, "the first argument is the client")
		reply, err = ...
		done = true
	end
	kit.eq({ client[method](client, unpack(arguments, 1, count + 1)) }, { true }, method .. " returns")
	assert(not done, method .. " called back at once")
	kit.eq({ client:Commit() }, { true }, "Commit returns")
	kit.poll("the answer to " .. method, function() return done end, client)
	return reply, err
end

-- A subscriber whose messages go into a list, and which the server knows of.
function kit.listening(channel, subscriber)
	subscriber = subscriber or kit.subscriber()
	local heard = {}
	subscriber.OnMessage = function(this, from, message)
		assert(this == subscriber)
		if message ~= "is it there?" then heard[#heard + 1] = { from, message } else heard.there = heard.there + 1 end
	end
	assert(subscriber:Subscribe(channel))
	assert(subscriber:Commit())
	kit.there(channel, subscriber, heard)
	return subscriber, heard
end

-- Publishes until the subscriber hears it, and waits for all of it: none comes later, in the midst of something else.
function kit.there(channel, subscriber, heard)
	local sent = 0
	heard.there = 0
	kit.poll("the subscription to " .. channel, function()
		if heard.there == 0 then sent = sent + host.server.publish(channel, "is it there?") end
		return heard.there > 0 and heard.there == sent
	end, subscriber)
end

return kit
