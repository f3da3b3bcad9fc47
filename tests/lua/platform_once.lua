-- servers: fake, real
-- A test for each released file on its own platform, in one script: connect, subscribe, publish, a burst, a
-- restart of the server, a thousand raised Lua errors, and thirty ends of the Lua state. Nothing here depends on
-- one system.

local kit = include("_kit.lua")

local BURST, ERRORS, MAPS = 20000, 1000, 30

-- All but the first map: a client in some condition, and the end.
local function another_map(map)
	host.run(function()
		local client = kit.connect()
		local condition, got = map % 4, 0
		client:Subscribe("map", function() got = got + 1 end)
		if condition > 0 then
			host.wait(function() return client:IsConnected() end, kit.PATIENCE, "ready on map " .. map)
		end
		if condition > 1 then
			client:Publish("map", "x")
			host.wait(function() return got == 1 end, kit.PATIENCE, "a message on map " .. map)
		end
		if condition > 2 then
			for i = 1, 1000 do client:Publish("map", i) end -- much unsent
		end
		if map < MAPS then host.next_map() end
		host.exit(0)
	end)
end

if host.map_number > 1 then return another_map(host.map_number) end

local function first_map()
	local client, channel = kit.ready(), kit.unique("platform")
	local stats = client:Stats()
	print(string.format("%s %s, RESP%d", jit.os, jit.arch, stats.protocol))

	-- Subscribe and publish: bytes arrive unchanged, numbers as digits.
	local got = {}
	client:Subscribe(channel, "got", function(message, name) got[#got + 1] = message assert(name == channel) end)
	local bytes = {}
	for byte = 0, 255 do bytes[#bytes + 1] = string.char(byte) end
	local sent = { table.concat(bytes), "", 9007199254740992, -0.5, string.rep("x", 1000000) }
	local receivers
	for _, message in ipairs(sent) do
		assert(client:Publish(channel, message, function(err, n) assert(not err, err) receivers = n end))
	end
	kit.wait("the messages", function() return #got == #sent and receivers end)
	for i, text in ipairs({ sent[1], "", "9007199254740992", "-0.5", sent[5] }) do assert(got[i] == text, i) end
	kit.eq(receivers, 1)
	local err, reply = client:CommandSync({ "ECHO", 4294967297 })
	kit.eq(err, nil)
	kit.eq(reply, "4294967297")
	client:Unsubscribe(channel, "got")

	-- A burst, in order.
	local next, wrong = 1, nil
	-- Stats may still count the subscription before this one.
	kit.subscribe(client, channel, "burst", function(message)
		if message ~= tostring(next) then wrong = wrong or message end
		next = next + 1
	end)
	local publisher = kit.ready({ max_pending = BURST + 10 })
	for i = 1, BURST do assert(publisher:Publish(channel, i)) end
	kit.wait("the burst", function() return next > BURST end)
	kit.eq(wrong, nil)
	kit.eq(client:Stats().dropped, 0)
	client:Unsubscribe(channel, "burst")
	publisher:Disconnect()

	-- Each bad call raises, through the module's frames, and changes nothing.
	local function raises(fn, ...)
		local fine, message = pcall(fn, ...)
		assert(not fine and type(message) == "string", message)
	end
	for i = 1, ERRORS do
		raises(client.Publish, client, {}, i)
		raises(client.Command, client, { "GET", 0 / 0 })
		raises(realtime.Connect, { port = -i })
		raises(coroutine.wrap(function() client:Subscribe() end))
	end
	host.expect_errors(1, ERRORS)
	local raised = 0
	client:Subscribe(channel, "raising", function(i) raised = raised + 1 error("raised " .. i) end)
	for i = 1, ERRORS do assert(client:Publish(channel, i)) end
	kit.wait("a thousand errors of callbacks", function() return raised == ERRORS end)
	client:Unsubscribe(channel, "raising")

	-- A restart of the server, unless it is not the host's own.
	local owned, server = pcall(function() return host.server end)
	if owned then
		local events, late = {}, nil
		for _, event in ipairs({ "down", "gap", "ready" }) do
			client:On(event, "events", function() events[#events + 1] = event end)
		end
		kit.subscribe(client, channel, "late", function(message) late = message end)
		-- A listener that is added while the client is ready gets the event.
		kit.wait("the client to be ready", function() return events[1] == "ready" end)
		server.stop()
		kit.wait("the loss", function() return events[2] == "down" end)
		server.start()
		-- Each failed attempt in between is one more "down".
		kit.wait("the return", function() return #events > 3 and events[#events] == "ready" end)
		kit.eq(events[#events - 1], "gap")
		client:Publish(channel, "late")
		kit.wait("a message after the restart", function() return late == "late" end)
	end
end

host.run(function()
	first_map()
	host.next_map()
end)
