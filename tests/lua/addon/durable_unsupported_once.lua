-- realtime.Durable on a server that runs no scripts: one clear error. And on a server without an id.

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")

host.test("calls fail with UNSUPPORTED, and the console says why", function()
	local said = kit.lines("durable channel .*")
	local client = kit.ready()
	local durable = realtime.Durable(client, "a")
	local err
	assert(durable:Publish("c", 1, function(problem) err = problem end))
	kit.wait("the answer", function() return err end)
	kit.eq(err.code, "UNSUPPORTED")
	assert(err.message:find("Redis 5.0 and newer", 1, true), err.message)
	kit.eq({ durable:Subscribe("c", function() error("there is nothing") end), durable:Work("w", function() error("there is nothing") end) }, { true, true })
	kit.wait("the lines", function() return #said() >= 2 end)
	for i = 1, 2 do assert(said()[i]:find("UNSUPPORTED", 1, true), said()[i]) end
	client:Disconnect()
end)

host.test("a server without an id of its own has no place in a channel, and can work", function()
	local client = kit.ready()
	local durable = realtime.Durable(client)
	local subscribed, problem = durable:Subscribe("c", function() end)
	kit.eq(subscribed, nil)
	assert(problem:find('write "id" into garrysmod/data/realtime.json', 1, true), problem)
	kit.eq(durable:Work("w", function() end), true)
	client:Disconnect()
end)
