-- Every function and method with every combination of odd values, on the main thread and in coroutines: each call
-- returns or raises an error that says which function it was, and everything still works afterwards.

local kit = include("_kit.lua")

local function closed_client()
	local client = realtime.Connect("redis://127.0.0.1:1")
	client:Disconnect()
	return client
end

-- The most combinations in a tick, so that the run stays responsive.
local A_TICK = 4000

-- The odd values. false stands for nil.
local function values(client)
	local raising = setmetatable({}, { __index = error, __len = error, __tostring = error, __call = error, __eq = error,
		__newindex = error })
	local loop = {}
	loop[1] = loop
	local list = {
		false, true, 0, 1, -1, 1.5, 0 / 0, math.huge, -math.huge, 2 ^ 53, 2 ^ 53 + 2, 1e300, "", "\0", "ready", "c",
		("x"):rep(70000), {}, { "PING" }, { "PING", 1, "\0" }, { false }, { { "PING" } }, { {} }, { n = 1 }, { [1e9] = "x" },
		loop, raising, setmetatable({}, getmetatable(client)), setmetatable({ 0 }, getmetatable(client)),
		setmetatable({ 2 ^ 40 }, getmetatable(client)), function() end, error, coroutine.create(function() end), newproxy(),
		newproxy(true), client, closed_client(), realtime, realtime.NULL, getmetatable(client),
	}
	return list
end

-- Calls fn with every pair of values in every pair of places.
local function each(list, fn)
	local count = 0
	local function call(...)
		count = count + 1
		fn(...)
		if count % A_TICK == 0 then host.pass(1) end
	end
	call()
	for _, a in ipairs(list) do
		call(a or nil)
		for _, b in ipairs(list) do
			call(a or nil, b or nil)
			call(list[14], a or nil, b or nil)
			call(list[14], "id", a or nil, b or nil)
		end
	end
	return count
end

-- Only a callback of the script itself may raise without our name.
local function check(name, ok, message)
	if ok then return end
	assert(type(message) == "string", name .. " raises a " .. type(message))
	assert(not message:find("internal error", 1, true), message)
	assert(message:find("'" .. name .. "'", 1, true) or message:find("RealtimeClient", 1, true) or message:find("realtime", 1, true),
		name .. ": " .. message)
end

local function close_all(but)
	for _, open in ipairs(realtime.Clients()) do
		if open ~= but then open:Disconnect() end
	end
end

-- The callbacks among the values raise when answers come. This test ignores their errors.
local reported = ErrorNoHaltWithStack
local function quietly(fn)
	ErrorNoHaltWithStack = function() end
	local ok, err = pcall(fn)
	ErrorNoHaltWithStack = reported
	if not ok then error(err, 0) end
end

local function run(call)
	quietly(function()
		local client = kit.ready({ max_pending = 100 })
		local list = values(client)
		local skip = { Disconnect = true, CommandSync = true }
		for name, method in pairs(getmetatable(client)) do
			if type(method) == "function" and not skip[name] then
				each(list, function(...) check(name, call(method, client, ...)) end)
				for _, self in ipairs(list) do
					if self ~= client then check(name, call(method, self or nil, "c", "x")) end
				end
			end
		end
		for _, self in ipairs(list) do
			if self ~= client then check("Disconnect", call(client.Disconnect, self or nil)) end
			check("CommandSync", call(client.CommandSync, client, self or nil, 0.001))
			check("CommandSync", call(client.CommandSync, client, { "PING" }, self == 2 ^ 53 and 1 or self or nil))
		end
		for _, name in ipairs({ "Connect", "ProcessEvents", "SetTickBudget", "Clients", "Map" }) do
			each(list, function(...)
				check(name, call(realtime[name], ...))
				if name == "Connect" then close_all(client) end
			end)
		end
		realtime.SetTickBudget(0.002)
		close_all(client)
		assert(client:IsValid(), "nothing but Disconnect closes a client")
		kit.wait("every answer", function() return client:Stats().pending == 0 end)
		client:Disconnect()
		-- The same on a closed client.
		for name, method in pairs(getmetatable(client)) do
			if type(method) == "function" then
				for _, a in ipairs(list) do
					call(method, client, a or nil, a or nil)
				end
			end
		end
		kit.wait("all closed", function() return #realtime.Clients() == 0 end)
	end)
	local client = kit.ready()
	kit.eq({ client:CommandSync({ "ECHO", "alive" }) }, { nil, "alive" })
	client:Disconnect()
end

host.test("on the main thread", function() run(pcall) end)

host.test("in coroutines", function()
	run(function(fn, ...) return coroutine.resume(coroutine.create(fn), ...) end)
end)

host.test("more arguments than anybody has", function()
	local client = kit.ready()
	local many = {}
	for i = 1, 7000 do many[i] = "x" end
	kit.eq(client:Publish(unpack(many, 1, 2)), true)
	kit.raises("#3", client.Publish, client, unpack(many))
	kit.raises("#2", realtime.Connect, "redis://127.0.0.1:1", unpack(many))
	local words = {}
	for i = 1, 200000 do words[i] = "x" end
	words[1] = "DEL"
	kit.eq({ kit.command(client, words) }, { nil, 0 })
	client:Disconnect()
end)
