-- Lua values that the module keeps: released when unused, and never confused.

local kit = include("_kit.lua")

host.test("what is taken off is collected on a server where nothing happens", function()
	local client, weak = kit.ready(), setmetatable({}, { __mode = "v" })
	do
		local listener, subscriber = {}, {}
		weak.listener, weak.subscriber = listener, subscriber
		client:On("down", "x", function() return listener end)
		client:Subscribe("quiet", "x", function() return subscriber end)
		client:Subscribe("quiet", "y", function() end)
	end
	kit.ticks(20)
	client:Off("down", "x")
	client:Unsubscribe("quiet", "x")
	kit.wait("both collected", function()
		collectgarbage()
		return not weak.listener and not weak.subscriber
	end)
	client:Disconnect()
end)

host.test("a finalizer that runs while a message is handed over changes nobody's arguments", function()
	for callbacks = 1, 2 do
		local client, channel, log = kit.ready(), kit.unique("finalizer"), {}
		for i = 1, callbacks do
			kit.subscribe(client, channel, "x" .. i, function(message, name)
				assert(message == "hello" and name == channel, tostring(message) .. ", " .. tostring(name))
				log[#log + 1] = "message"
			end)
		end
		client:Publish(channel, "hello")
		kit.block_until("the message", function() return client:Stats().queued_events == 1 end)
		local finalized
		do
			local proxy = newproxy(true)
			getmetatable(proxy).__gc = function()
				finalized = true
				for i = 1, callbacks do client:Unsubscribe(channel, "x" .. i) end
				client:State()
				for i = 1, 8 do
					client:On("down", "y" .. i, function(message) log[#log + 1] = "down: " .. tostring(message) end)
				end
			end
		end
		-- The next new string completes a whole collection.
		collectgarbage("stop")
		collectgarbage("setstepmul", 1000000)
		collectgarbage("setpause", 0)
		collectgarbage("restart")
		for _ = 1, 3 do realtime.ProcessEvents(0) end
		collectgarbage("setpause", 200)
		collectgarbage("setstepmul", 200)
		kit.wait("the finalizer", function() collectgarbage() return finalized end)
		for _, entry in ipairs(log) do kit.eq(entry, "message") end
		client:Disconnect()
	end
end)

host.test("what lies where a dead client was in memory is not taken for it", function()
	local same, rounds = 0, 0
	while same < 5 and rounds < 100 do
		rounds = rounds + 1
		local client = kit.ready()
		local place, state = string.format("%p", client), client.State
		client:Disconnect()
		kit.wait("its last answer", function() return client:Stats().pending == nil end)
		-- The last call is for it.
		client:State()
		client = nil
		collectgarbage()
		collectgarbage()
		local tables = {}
		for i = 1, 10000 do
			tables[i] = {}
			if string.format("%p", tables[i]) == place then
				same = same + 1
				kit.raises("bad self to 'State'", state, tables[i])
				break
			end
		end
	end
	assert(same > 0, "no table came to a dead client's place: this shows nothing")
end)
