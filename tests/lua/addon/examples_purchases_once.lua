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
	local failed
	realtime.Durable():On("failed", "test", function(_, info) failed = info end)
	kit.wait("the failure of the strange one", function() return failed end)
	kit.eq({ failed.reason, failed.errors, failed.data }, { "it is no purchase", 1, { steamid = 5 } })
	elsewhere:Publish("purchases", { steamid = world.alice:SteamID64(), item = "gold" })
	kit.wait("the second one", function() return world.chat()[2] end)
	kit.eq(world.chat(), { "You are vip now. Thank you!", "You are gold now. Thank you!" })
end)
