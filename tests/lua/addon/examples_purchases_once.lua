-- servers: real; redis: 5.0
-- A purchase is given once, on any of the servers.

local world = include("_examples.lua")
if not world then return end
local kit = include("../_kit.lua")

host.test("purchases", function()
	local elsewhere = realtime.Durable(world.other, "web")
	-- Sold before any server is up.
	elsewhere:Publish("purchases", { steamid = world.alice:SteamID64(), item = "vip" }, { once = "order-1" })
	elsewhere:Publish("purchases", { steamid = world.alice:SteamID64(), item = "vip" }, { once = "order-1" })
	elsewhere:Publish("purchases", { steamid = 5 })
	world.example("purchases")
	kit.wait("her thanks", function() return world.chat()[1] end)
	local durable, failed, left = realtime.Durable(), {}, nil
	durable:On("failed", "test", function(_, info) failed[#failed + 1] = info end)
	-- Messages that make no sense are done, with a line for each.
	local id = world.alice:SteamID64()
	for _, strange in ipairs({ "vip", { steamid = id }, { steamid = "5", item = "vip" }, { steamid = id, item = ("x"):rep(41) } }) do
		elsewhere:Publish("purchases", strange)
	end
	kit.wait("the end of all", function()
		durable:Stats("purchases", function(_, stats) left = stats and stats.length + stats.dead end)
		return left == 0
	end)
	kit.eq(failed, {})
	local _, lines = table.concat(host.console(), "\n"):gsub("%[purchases%] the message %d+%-%d+ was left out", "")
	kit.eq(lines, 5)
	elsewhere:Publish("purchases", { steamid = world.alice:SteamID64(), item = "gold" })
	kit.wait("the second one", function() return world.chat()[2] end)
	kit.eq(world.chat(), { "You are vip now. Thank you!", "You are gold now. Thank you!" })
end)
