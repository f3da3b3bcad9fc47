-- The end of the Lua state: map changes with clients in every condition.

local kit = include("_kit.lua")

local MAPS = 30

host.run(function()
	local map = host.map_number
	host.fake.faults("new", { none = true })
	local channel = "lifecycle"
	local got = 0
	local client = kit.connect()
	client:Subscribe(channel, function() got = got + 1 end)
	local condition = map % 5
	if condition == 0 then
		host.wait(function() return client:IsConnected() end, kit.PATIENCE, "ready on map " .. map)
		client:Publish(channel, "x")
		host.wait(function() return got == 1 end, kit.PATIENCE, "a message on map " .. map)
	elseif condition == 1 then
		realtime.Connect("redis://no-such-host.invalid") -- still resolving
	elseif condition == 2 then
		realtime.Connect("redis://127.0.0.1:1") -- refused
	elseif condition == 3 then
		host.wait(function() return client:IsConnected() end, kit.PATIENCE, "ready on map " .. map)
		for i = 1, 1000 do client:Publish(channel, i) end -- flooded, and with much unsent
	else
		host.wait(function() return client:IsConnected() end, kit.PATIENCE, "ready on map " .. map)
		if map > 5 then
			local err, last = client:CommandSync({ "GET", "last words" })
			-- It is still sent, but only for so long: a stall of the machine may prevent one, but not all.
			local sent, in_time = last == tostring(map - 5), host.close_times()[map - 5] < 0.25
			assert(not err and (sent or not in_time), "what was accepted at the end of map " .. map - 5 .. " was not sent")
			if sent then host.keep("sent", true) end
		end
		host.fake.faults("new", { delay = 0.03 }) -- so that the state ends before the next client is connected
		kit.connect():Command({ "SET", "last words", map })
	end
	if map >= MAPS then
		for i, seconds in ipairs(host.close_times()) do
			-- Ten times the longest time on an idle machine.
			if seconds > 5 then
				print("closing map " .. i .. " took " .. seconds .. " s")
				host.exit(1)
			end
		end
		assert(host.kept("sent"), "nothing of what was accepted at the end of a map was sent")
		print(map .. " maps")
		host.exit(0)
	end
	host.next_map()
end)
