-- The addon's own tick, when other addons block hooks and remove ours: requests time out, and presence continues.

local kit, blockers = include("../_kit.lua"), include("../_blockers.lua")
include("realtime/load.lua")
local NAME = "realtime.Addon"
local EVENTS = { "Think", "Tick" }

local function returns() return true end

local function all_there()
	for _, event in ipairs(EVENTS) do
		if not hook.GetTable()[event][NAME] then return false end
	end
	return timer.Exists(NAME)
end

local ran
realtime.addon.AddTask("test", function() ran = true end)

local function goes_on(what)
	ran = false
	kit.wait("work of the tick after " .. what, function() return ran end)
	kit.wait("all of it after " .. what, all_there)
end

host.test("what is removed comes back, one by one", function()
	goes_on("the start")
	timer.Remove(NAME)
	goes_on("the timer was removed")
	for _, event in ipairs(EVENTS) do
		hook.Remove(event, NAME)
		goes_on(event .. " was removed")
		timer.Remove(NAME)
		goes_on("the timer was removed again")
	end
	timer.Pause(NAME)
	goes_on("the timer was paused")
end)

for _, event in ipairs(EVENTS) do
	host.test("a hook before ours in " .. event .. " returns something", function()
		goes_on("the start")
		blockers.add(event, NAME, returns)
		timer.Remove(NAME)
		goes_on("the timer was removed")
		blockers.remove_all()
	end)
end

host.test("all of it is removed: it comes back with a message, and with the use of a helper", function()
	local client = kit.ready()
	local function remove_all()
		kit.wait("all of it", all_there)
		timer.Remove(NAME)
		for _, event in ipairs(EVENTS) do hook.Remove(event, NAME) end
		kit.ticks(5)
		assert(not timer.Exists(NAME))
	end
	local tables, presence, got = realtime.Tables(client, "one"), realtime.Presence(client, "one"), kit.recorder()
	tables:Subscribe("blocked", got.fn)
	for what, use in pairs({
		["a message"] = function() client:Publish("blocked", realtime.Encode({ x = 1 }, "two")) end,
		["a table that is published"] = function() tables:Publish("nobody", { x = 1 }) end,
		["a look at who is there"] = function() presence:Servers() end,
		["a look at one of them"] = function() presence:Server("one") end,
		["a helper"] = function() realtime.Requests(client, "one") end,
	}) do
		presence:Stop()
		remove_all()
		use()
		goes_on(what)
		presence = realtime.Presence(client, "one")
	end
	client:Disconnect()
end)
