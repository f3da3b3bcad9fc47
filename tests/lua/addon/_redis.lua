-- Shared by the suites of gm_redis's API. Loaded with include("_redis.lua").

local kit = include("../_kit.lua")
require("redis")

-- Subscribers use the version under test; clients always use RESP2, because gm_redis's users know its replies.
redis.Options.protocol = host.protocol
-- Reconnects quickly.
redis.Options.reconnect_min = 0.01

kit.host, kit.port = host.redis_url:match("//([%d.]+):(%d+)")
kit.port = tonumber(kit.port)

-- The longest wait of Connect in milliseconds: its default of half a second is too short for a busy machine.
kit.LONG = 10000

function kit.client(timeout, ...)
	local client = redis.CreateClient()
	assert(client:Connect(kit.host, kit.port, timeout or kit.LONG, ...))
	return client
end

-- A client whose server stands still from now on, with a command_timeout that is soon over; a recorder for its answers, and a client
-- that is patient.
function kit.before_a_stall()
	redis.Options.command_timeout = 0.3
	local client = kit.client()
	redis.Options.command_timeout = nil
	local witness = kit.client()
	host.server.pause()
	return client, kit.recorder(), witness
end

function kit.subscriber(timeout, ...)
	local subscriber = redis.CreateSubscriber()
	assert(subscriber:Connect(kit.host, kit.port, timeout or kit.LONG, ...))
	return subscriber
end

-- Polls the clients once a tick until the condition holds.
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

-- A confirmed subscriber whose messages go into a list.
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

-- Publishes until the subscriber receives it, and waits for all copies, so that none disturbs a later step.
function kit.there(channel, subscriber, heard)
	local sent = 0
	heard.there = 0
	kit.poll("the subscription to " .. channel, function()
		if heard.there == 0 then sent = sent + host.server.publish(channel, "is it there?") end
		return heard.there > 0 and heard.there == sent
	end, subscriber)
end

return kit
