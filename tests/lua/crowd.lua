-- Several clients on one worker: a flood for one of them does not affect the others.

local kit = include("_kit.lua")

local FLOOD, ROUNDS = 5000, 50

-- Floods one client whose queue is small, while two others talk to each other.
local function beside(policy)
	local server = host.new_fake()
	local flooded = kit.ready({ url = server.url(), queue_events = 50, overflow = policy })
	local one, two = kit.ready({ url = server.url() }), kit.ready()
	local got, dropped = 0, 0
	flooded:On("dropped", function(info) dropped = dropped + info.count end)
	kit.subscribe(flooded, "flood", function() got = got + 1 end)
	local quiet = kit.unique("quiet")
	local heard, answers = {}, 0
	for _, client in ipairs({ one, two }) do
		for _, event in ipairs({ "dropped", "down", "gap", "error" }) do
			client:On(event, function(info) error(event .. " on a client that nobody floods: " .. kit.show(info)) end)
		end
		kit.subscribe(client, quiet, function(message) heard[#heard + 1] = message end)
	end
	for round = 1, ROUNDS do
		for _ = 1, FLOOD / ROUNDS do server.publish("flood", "x") end
		for _, client in ipairs({ one, two }) do
			assert(client:Publish(quiet, round, function(err) assert(not err, tostring(err)) answers = answers + 1 end))
		end
		-- The flooded one gets its answers as well, even if its messages are dropped.
		assert(flooded:Ping(function(err) assert(not err, tostring(err)) answers = answers + 1 end))
		if round % 10 == 0 then host.pass(1) end
	end
	kit.wait("all that the quiet ones said", function() return #heard == 2 * ROUNDS and answers == 3 * ROUNDS end)
	kit.wait("all of the flood, or word of it", function() return got + dropped == FLOOD end)
	if policy == "pause" then kit.eq(dropped, 0) end
	kit.eq({ one:Stats().dropped, two:Stats().dropped }, { 0, 0 })
	for _, client in ipairs({ flooded, one, two }) do client:Disconnect() end
end

for _, policy in ipairs({ "drop_oldest", "drop_newest", "pause" }) do
	host.test("beside one with " .. policy, function() beside(policy) end)
end

for _, policy in ipairs({ "drop_oldest", "drop_newest", "pause" }) do
	host.test("CommandSync on a full queue, " .. policy, function()
		local server = host.new_fake()
		local client, got, dropped = kit.ready({ url = server.url(), queue_events = 10, overflow = policy }), 0, 0
		client:On("dropped", function(info) dropped = dropped + info.count end)
		kit.subscribe(client, "flood", function() got = got + 1 end)
		for _ = 1, 500 do server.publish("flood", "x") end
		kit.block_until("a full queue", function() return client:Stats().queued_events >= 10 end)
		-- One link for everything, which is not read before callbacks have run: the error says that.
		local stuck = policy == "pause" and host.protocol == 3
		local err, reply = client:CommandSync({ "ECHO", "through" }, stuck and 0.2 or kit.PATIENCE)
		if stuck then
			kit.eq(err.code, "TIMEOUT")
			assert(err.message:find("queue", 1, true), tostring(err))
		else
			kit.eq({ err, reply }, { nil, "through" })
		end
		kit.eq(got, 0, "no callback ran meanwhile")
		kit.wait("the flood", function() return got + dropped == 500 end)
		if policy == "pause" then kit.eq(dropped, 0) end
		client:Disconnect()
	end)
end
