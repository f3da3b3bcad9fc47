-- realtime.Shared on a server that runs no scripts: one clear error.

local world = include("_shared.lua")
local kit, realtime = world.kit, world.realtime

host.test("calls fail with UNSUPPORTED, and the console says why", function()
	local said = kit.lines("shared table.*")
	local client = kit.ready()
	local shared = realtime.Shared("settings", client, "a")
	local err
	assert(shared:Set("x", 1, function(problem) err = problem end))
	kit.wait("the answer", function() return err end)
	kit.eq(err.code, "UNSUPPORTED")
	assert(err.message:find("Redis 5.0 and newer", 1, true), err.message)
	kit.wait("the line", function() return said()[1] end)
	assert(said()[1]:find("cannot be read: UNSUPPORTED", 1, true), said()[1])
	-- The host's own server says which server to try.
	assert(said()[1]:find("': try gmod-host --server real, because the embedded server", 1, true), said()[1])
	kit.eq({ shared:IsReady(), shared:Get("x"), shared:Wait(0.1) }, { false, nil, false })
	client:Disconnect()
end)
