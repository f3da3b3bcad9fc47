-- An empty server: only zero-delay timers run, and callbacks must still come.

local kit = include("_kit.lua")

host.test("callbacks run while the server hibernates", function()
	local client, got = kit.ready(), kit.recorder()
	local thinks = 0
	hook.Add("Think", "test", function() thinks = thinks + 1 end)
	host.hibernate(true)
	local from = thinks
	client:Subscribe(kit.unique("empty") .. "x", got.fn)
	local channel = kit.unique("empty")
	client:Subscribe(channel, got.fn)
	client:Publish(channel, "hello")
	kit.wait("the message", function() return #got == 1 end)
	kit.eq(thinks, from, "Think ran while hibernating")
	host.hibernate(false)
	client:Disconnect()
end)

host.test("an addon that removes our timers or hooks does not stop us", function()
	local client, got, channel = kit.ready(), kit.recorder(), kit.unique("removed")
	kit.subscribe(client, channel, got.fn)
	for name in pairs(hook.GetTable().Think or {}) do
		if tostring(name):lower():find("realtime") then hook.Remove("Think", name) end
	end
	client:Publish(channel, "1")
	kit.wait("a message without the hook", function() return #got == 1 end)
	timer.Remove("realtime")
	client:Publish(channel, "2")
	kit.wait("a message without the timer", function() return #got == 2 end)
	kit.ticks(3)
	host.hibernate(true)
	client:Publish(channel, "3")
	kit.wait("the timer is back", function() return #got == 3 end)
	host.hibernate(false)
	client:Disconnect()
end)

host.test("SetTickBudget takes seconds and nothing else", function()
	realtime.SetTickBudget(0.001)
	realtime.SetTickBudget(0.002)
	for _, bad in ipairs({ 0 / 0, -1, "x", true }) do kit.raises("SetTickBudget", realtime.SetTickBudget, bad) end
	kit.raises("SetTickBudget", realtime.SetTickBudget)
	for _, bad in ipairs({ 0 / 0, -1, "x", true }) do kit.raises("ProcessEvents", realtime.ProcessEvents, bad) end
end)
