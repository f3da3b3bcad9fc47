-- unload: before, after
-- A map change while a large table is being made, after ever more slices: none of it reaches the next Lua state.

local kit = include("_kit.lua")

local MAPS, STEP = 8, 15 -- slices more on each map

local list = {}
for i = 1, 10000 do list[i] = { id = i, name = "player " .. i, at = { i, -i } } end

host.run(function()
	local map, got = host.map_number, nil
	local client, channel = kit.ready(), "json map " .. host.map_number
	client:Subscribe(channel, function(value) got = value end, { format = "json" })
	client:Publish(channel, "0")
	kit.wait("the first message", function() return got == 0 end)
	client:Publish(channel, assert(realtime.EncodeJson(list)))
	kit.block_until("the queue", function() return client:Stats().queued_events == 1 end)
	for _ = 1, map == MAPS and 10000 or map * STEP do
		realtime.ProcessEvents(0)
		if got ~= 0 then break end
	end
	if map < MAPS then
		host.keep("cut", (host.kept("cut") or 0) + (got == 0 and 1 or 0))
		host.next_map()
	end
	kit.eq(got, list)
	assert(host.kept("cut") >= 4, host.kept("cut") .. " maps ended in the middle of a table")
	host.exit(0)
end)
