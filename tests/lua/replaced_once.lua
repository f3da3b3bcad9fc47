-- Addons that replace globals after the module was loaded: callbacks continue, and errors are reported.

-- The reporter that is missing when the module is loaded.
local reporter = ErrorNoHaltWithStack
if host.map_number == 2 then ErrorNoHaltWithStack = nil end
local kit = include("_kit.lua")
ErrorNoHaltWithStack = reporter

local G = _G
local pairs, rawget, rawset, assert, error = pairs, rawget, rawset, assert, error

-- Like kit.wait, without functions that may have been replaced.
local now, pass = SysTime, host.pass
local function wait_for(arrived)
	local till = now() + kit.PATIENCE
	while not arrived() and now() < till do pass(1) end
end

-- The replacement of a function by an addon.
local function broken() error("a replaced global was called", 2) end
local function idle() end

-- Replaces functions while `fn` runs, which must not use them.
local function with(replaced, fn)
	local before = {}
	for name, value in pairs(replaced) do before[name] = rawget(G, name) or false end
	for name, value in pairs(replaced) do rawset(G, name, value or nil) end
	fn()
	for name, value in pairs(before) do rawset(G, name, value or nil) end
end

-- A message arrives, and an error in a callback is reported.
local function works(what)
	local client, channel, got = kit.ready(), kit.unique("replaced"), 0
	kit.subscribe(client, channel, "counts", function() got = got + 1 end)
	client:Subscribe(channel, "raises", function() error("raised with " .. what, 0) end)
	local reported = #host.errors()
	host.expect_errors(1)
	return client, function() client:Publish(channel, "x") end, function()
		return got == 1 and #host.errors() == reported + 1
	end
end

-- The engine reads its own libraries again in each tick, so the functions that it needs stay.
local function library(name, functions) return setmetatable(functions, { __index = G[name] }) end

local replacements = {
	functions = {
		pcall = broken, xpcall = broken, error = idle, print = broken, tostring = broken, rawget = broken, type = broken,
		pairs = broken, ipairs = broken, unpack = broken, setmetatable = broken, getmetatable = broken, next = broken,
		MsgC = broken, Color = broken, ErrorNoHalt = broken, select = broken, tonumber = broken,
	},
	["no functions"] = {
		pcall = false, error = false, print = false, tostring = false, rawget = false, type = false, pairs = false,
		unpack = false, setmetatable = false, MsgC = false, Color = false, ErrorNoHalt = false,
	},
	["no libraries"] = { debug = false, timer = false, table = false, string = false, math = false, coroutine = false },
	["libraries that do nothing"] = {
		debug = library("debug", { traceback = idle }), timer = library("timer", { Create = idle, Exists = idle }),
		hook = library("hook", { Add = idle, GetTable = idle }),
	},
	["libraries that raise"] = {
		debug = library("debug", { traceback = broken }), timer = library("timer", { Create = broken }),
		hook = library("hook", { Add = broken }),
	},
	["no module"] = { realtime = false, _G = false },
}

for what, replaced in SortedPairs(replacements) do
	host.test(what .. ", on map " .. host.map_number, function()
		local client, send, arrived = works(what)
		local remove, thinks = timer.Remove, hook.GetTable().Think
		with(replaced, function()
			-- The code that restores the tick has to use the functions that it kept.
			remove("realtime.ProcessEvents")
			send()
			wait_for(arrived)
			pass(20)
			thinks["realtime.ProcessEvents"] = nil
		end)
		assert(arrived(), "no message or no report")
		kit.wait("the timer is back", function() return timer.Exists("realtime.ProcessEvents") end)
		kit.wait("the hook is back", function() return hook.GetTable().Think["realtime.ProcessEvents"] end)
		client:Disconnect()
	end)
end

local setmetatable = setmetatable
host.test("metatables of strings and of the global table, on map " .. host.map_number, function()
	local client, send, arrived = works("metatables")
	local strings = getmetatable("")
	local index = strings.__index
	setmetatable(G, { __index = broken, __newindex = broken })
	strings.__index, strings.__concat, strings.__eq = broken, broken, broken
	send()
	wait_for(arrived)
	strings.__index, strings.__concat, strings.__eq = index, nil, nil
	setmetatable(G, nil)
	assert(arrived(), "no message or no report")
	client:Disconnect()
end)

host.test("a reporter that was missing from the start, on map " .. host.map_number, function()
	local client, channel, got = kit.ready(), kit.unique("missing"), 0
	kit.subscribe(client, channel, function() got = got + 1 error("told to nobody but the console", 0) end)
	ErrorNoHaltWithStack = nil
	client:Publish(channel, "x")
	-- The reporter from the start takes over; without one, the console does.
	if host.map_number == 1 then host.expect_errors(1) end
	kit.wait("the message", function() return got == 1 end)
	ErrorNoHaltWithStack = reporter
	local console = table.concat(host.console(), "\n")
	if host.map_number == 2 then assert(console:find("told to nobody but the console", 1, true), console) end
	client:Disconnect()
	if host.map_number == 1 then host.next_map() end
end)
