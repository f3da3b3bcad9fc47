-- servers: fake, real
-- Lua runs out of memory at every point of every call: at worst that is an error, and everything works afterwards.

local kit = include("_kit.lua")

-- Runs fn with so many allocations left. It must not allocate before the tested call.
local function starved(allocations, fn)
	collectgarbage()
	collectgarbage("stop")
	host.fail_alloc_after(allocations)
	local ok, err = pcall(fn)
	host.fail_alloc_after(nil)
	collectgarbage("restart")
	return ok, err
end

-- Calls fn with ever more allocations left, until they suffice.
local function at_every_point(what, fn)
	local failures = 0
	for allocations = 0, 300 do
		local ok, err = starved(allocations, fn)
		if ok then return failures end
		assert(tostring(err):find("memory", 1, true), what .. ": " .. tostring(err))
		failures = failures + 1
	end
	error(what .. " needs more than 300 allocations")
end

host.test("every function survives", function()
	local client, channel = kit.ready(), kit.unique("mem")
	local command, commands, answer = { "ECHO", "x" }, { { "ECHO", "x" }, { "ECHO", 1.5 } }, function() end
	local url, options, number = host.redis_url, { id = kit.unique("mem") }, 0.1
	for what, fn in pairs({
		Connect = function() realtime.Connect(url, options) end,
		Subscribe = function() client:Subscribe(channel, answer) end,
		PSubscribe = function() client:PSubscribe(number, "id", answer) end,
		Unsubscribe = function() client:Unsubscribe(channel) end,
		Publish = function() client:Publish(channel, number, answer) end,
		Command = function() client:Command(command, answer) end,
		Transaction = function() client:Transaction(commands, answer) end,
		CommandSync = function() assert(client:CommandSync(command) == nil, "out of memory") end,
		On = function() client:On("gap", answer) end,
		Off = function() client:Off("gap") end,
		Stats = function() client:Stats() end,
		OnClose = function() realtime.OnClose(answer) end,
		Clients = function() realtime.Clients() end,
		tostring = function() tostring(client) end,
	}) do
		at_every_point(what, fn)
	end
	-- An argument error needs memory for its text.
	for allocations = 0, 10 do
		local ok = starved(allocations, function() client:Publish(answer, answer) end)
		kit.eq(ok, false)
	end
	kit.eq({ client:CommandSync({ "ECHO", "alive" }) }, { nil, "alive" })
	for _, open in ipairs(realtime.Clients()) do open:Disconnect() end
end)

host.test("a dispatch that runs out of memory reports it, and later messages arrive", function()
	local client, channel = kit.ready(), kit.unique("mem")
	local calls, reports, last = 0, 0, nil
	local before = ErrorNoHaltWithStack
	ErrorNoHaltWithStack = function() reports = reports + 1 end
	kit.subscribe(client, channel, function(message) calls = calls + 1 last = message end)
	client:PSubscribe(channel .. "*", function() end)
	client:On("error", function() end)
	kit.subscribe(client, channel .. "fence", function() end)
	local queued = function() return client:Stats().queued_events >= 4 end
	local run = function() realtime.ProcessEvents(1) end
	for allocations = 0, 40 do
		client:Publish(channel, string.rep("x", 40 + allocations))
		client:Publish(channel, string.rep("y", 40 + allocations))
		client:Command({ "TIME" }, function() end)
		client:Command({ "NOSUCHCOMMAND" })
		kit.block_until("messages", queued)
		local ok, err = starved(allocations, run)
		assert(ok, "ProcessEvents raised: " .. tostring(err))
		realtime.ProcessEvents(1)
	end
	local had = calls
	client:Publish(channel, "later")
	kit.wait("a later message", function() return last == "later" end)
	ErrorNoHaltWithStack = before
	assert(calls > had and reports > 0, calls .. " calls, " .. reports .. " reports")
	kit.eq(client:Stats().pending, 0)
	client:Disconnect()
end)
