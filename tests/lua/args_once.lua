-- once
-- Every function with every wrong kind of argument: a Lua error that names the argument, and the process lives.

local kit = include("_kit.lua")

host.setenv("REALTIME_URL", "redis://127.0.0.1:1")

local function client() return realtime.Connect("redis://127.0.0.1:1") end

-- One value of every kind, and invalid numbers.
local kinds = {
	["nil"] = function() return nil end,
	boolean = function() return true end,
	number = function() return 1 end,
	string = function() return "ready" end,
	table = function() return {} end,
	["function"] = function() return function() end end,
	thread = function() return coroutine.create(function() end) end,
	userdata = function() return newproxy() end,
	NaN = function() return 0 / 0 end,
	infinity = function() return math.huge end,
	negative = function() return -1 end,
}

local TEXT = { string = true, number = true, negative = true }
local FUNCTION = { ["function"] = true }
local CALLBACK = { ["function"] = true, ["nil"] = true }
local SIZE = { number = true, ["nil"] = true }
local SECONDS = { number = true, ["nil"] = true }
local MESSAGE_OPTIONS = { table = true, number = true, ["nil"] = true }
local ANY = {}
for kind in pairs(kinds) do ANY[kind] = true end
local fn = function() end

-- Valid arguments of each method, and the kinds that each accepts; a number names another argument that is wrong then.
local methods = {
	-- A function may take the identifier's place; the options, or only the limit, follow it.
	Subscribe = { { "c", "id", fn, 10 }, { TEXT, { string = true, ["function"] = 3 }, FUNCTION, MESSAGE_OPTIONS } },
	PSubscribe = { { "c", "id", fn, 10 }, { TEXT, { string = true, ["function"] = 3 }, FUNCTION, MESSAGE_OPTIONS } },
	Unsubscribe = { { "c", "id" }, { TEXT, { string = true, ["nil"] = true } } },
	PUnsubscribe = { { "c", "id" }, { TEXT, { string = true, ["nil"] = true } } },
	Publish = { { "c", "m", fn, 1 }, { TEXT, TEXT, CALLBACK, SECONDS } },
	Command = { { { "PING" }, fn, 1 }, { {}, CALLBACK, SECONDS } },
	Transaction = { { { { "PING" } }, fn, 1 }, { {}, CALLBACK, SECONDS } },
	CommandSync = { { { "PING" }, 0.001 }, { {}, SECONDS } },
	Ping = { { fn }, { CALLBACK } },
	-- With a function in the identifier's place a second one is too much.
	On = { { "ready", "id", fn }, { { string = true }, { string = true, ["function"] = 3 }, FUNCTION } },
	Off = { { "ready", "id" }, { { string = true }, { string = true, ["nil"] = true } } },
}

local functions = {
	-- Nil is the URL of the environment.
	Connect = {
		{ "redis://127.0.0.1:1", { id = "args" } },
		{ { table = true, ["nil"] = true }, { table = true, ["nil"] = true } },
	},
	SetTickBudget = { { 0.002 }, { { number = true } } },
	ProcessEvents = { { 0.002 }, { { number = true, infinity = true, ["nil"] = true } } },
	OnClose = { { fn }, { CALLBACK } },
	Map = { { {} }, { { table = true } } },
	RandomToken = { {}, {} },
	RestrictConfig = { {}, {} },
	SHA256 = { { "text" }, { { string = true } } },
	DecodeJson = {
		{ "[1]", 100, 100, "key" },
		{ { string = true }, SIZE, SIZE, { string = true, ["nil"] = true } },
	},
	-- A value of any kind has a text or a reason.
	EncodeJson = { { { 1 }, 100, 100 }, { ANY, SIZE, SIZE } },
	HMAC = { { "key", "text" }, { { string = true }, { string = true } } },
}

local function try(name, call, proper, allowed)
	for position = 1, #allowed do
		for kind, make in pairs(kinds) do
			local arguments = { unpack(proper) }
			arguments[position] = make()
			local ok, message = pcall(call, unpack(arguments, 1, #proper))
			local wrong = type(allowed[position][kind]) == "number" and allowed[position][kind] or position
			if allowed[position][kind] == true then
				if not ok then error(name .. " refuses a " .. kind .. " at " .. position .. ": " .. message) end
			else
				if ok then error(name .. " accepts a " .. kind .. " at " .. position) end
				assert(message:find("#" .. wrong, 1, true), name .. " with a " .. kind .. ": " .. message)
				assert(message:find("'" .. name .. "'", 1, true), name .. " is not named: " .. message)
			end
		end
	end
end

host.test("methods", function()
	local c = client()
	for name, case in pairs(methods) do
		try(name, function(...) return c[name](c, ...) end, case[1], case[2])
	end
	c:Disconnect()
end)

host.test("functions", function()
	for name, case in pairs(functions) do try(name, realtime[name], case[1], case[2]) end
	for _, c in ipairs(realtime.Clients()) do c:Disconnect() end
	realtime.SetTickBudget(0.002)
end)

host.test("an error begins with the script's own file and line", function()
	local c = client()
	local _, message = pcall(function() c:Publish() end)
	assert(message:find("^[^:]*args_once%.lua:%d+: "), message)
	c:Disconnect()
end)

host.test("a table for a message is told the way to what the other side reads", function()
	local c = client()
	local message = kit.raises("#2 to 'Publish' %(message: string or number expected, got table; ", c.Publish, c, "c", { a = 1 })
	assert(message:find("realtime.Tables():Publish(channel, table), which Tables on the other servers reads", 1, true), message)
	assert(message:find("(util.TableToJSON) for callbacks of client:Subscribe", 1, true), message)
	kit.raises("index 3: string or number expected, got table; the addon's realtime%.Encode", c.Command, c, { "SET", "key", {} })
	kit.raises("index 1: .*index 3: .*realtime%.Encode", c.Transaction, c, { { "PUBLISH", "c", {} } })
	c:Disconnect()
end)

host.test("methods on anything but a client say how they are called", function()
	local c = client()
	local forged = { {}, { 0 }, { 1e9 }, setmetatable({}, getmetatable(c)), setmetatable({ "x" }, getmetatable(c)),
		setmetatable({ -1 }, getmetatable(c)), setmetatable({ 0.5 }, getmetatable(c)) }
	for name, method in pairs(getmetatable(c)) do
		if type(method) == "function" then
			for kind, make in pairs(kinds) do
				local ok, message = pcall(method, make())
				if ok then error(name .. " works on a " .. kind) end
				assert(message:find("RealtimeClient", 1, true) and message:find("client:", 1, true), message)
			end
			for _, self in ipairs(forged) do
				local ok, message = pcall(method, self)
				if ok then error(name .. " works on a forged table") end
				assert(message:find("RealtimeClient", 1, true), message)
			end
		end
	end
	kit.eq(pcall(c.Publish), false)
	c:Disconnect()
end)

host.test("what is wrong inside a command is named by its index", function()
	local c = client()
	for pattern, words in pairs({
		["index 2: .*boolean"] = { "SET", true }, ["index 3: .*NaN"] = { "SET", "k", 0 / 0 },
		["index 1: .*table"] = { {} }, ["index 2: .*hole"] = { "SET", nil, "x" }, ["\"x\""] = { "SET", x = 1 },
		["2^53"] = { "SET", 2 ^ 53 + 2 }, ["infinite"] = { "SET", -math.huge }, ["empty"] = {},
	}) do
		local message = kit.raises("#1", c.Command, c, words)
		assert(message:find(pattern) or message:find(pattern, 1, true), message)
	end
	kit.raises("index 3: NULL, which no Redis command can hold", c.Command, c, { "SET", "k", realtime.NULL })
	kit.raises("index 1: NULL, ", c.CommandSync, c, { realtime.NULL })
	kit.raises("commands: index 2: in that command, index 1: NULL, ", c.Transaction, c, { { "PING" }, { realtime.NULL } })
	local message = kit.raises("index 2", c.Transaction, c, { { "PING" }, { "SET", false } })
	assert(message:find("boolean", 1, true), message)
	c:Disconnect()
end)

host.test("times that cannot be meant are refused", function()
	local c = client()
	for _, seconds in ipairs({ 0, -1, 0 / 0, math.huge, 1e12 }) do
		kit.raises("seconds", c.Publish, c, "c", "m", nil, seconds)
		kit.raises("seconds", c.CommandSync, c, { "PING" }, seconds)
	end
	kit.raises("seconds", realtime.SetTickBudget, -0.001)
	kit.raises("seconds", realtime.ProcessEvents, 0 / 0)
	c:Disconnect()
end)

host.test("a client shows itself without its secrets", function()
	local c = realtime.Connect("redis://user:hunter2@127.0.0.1:1", { id = "shown" })
	local text = tostring(c)
	assert(text:find("RealtimeClient", 1, true) and text:find("shown", 1, true), text)
	assert(text:find("127.0.0.1:1", 1, true) and text:find(c:State(), 1, true), text)
	assert(not text:find("hunter2", 1, true))
	assert(IsValid(c))
	kit.eq(getmetatable(c).MetaName, "RealtimeClient")
	assert(getmetatable(c) == FindMetaTable("RealtimeClient"))
	c:Disconnect()
	assert(not IsValid(c))
	assert(tostring(c):find("closed", 1, true), tostring(c))
end)
