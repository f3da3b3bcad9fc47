-- servers: fake, real
-- Callbacks that raise, yield or come from coroutines; reporters that fail; who runs them.

local kit = include("_kit.lua")

host.test("everything works from inside a coroutine of the script's own", function()
	local client, channel, got = kit.ready(), kit.unique("co"), kit.recorder()
	local thread = coroutine.create(function()
		client:Subscribe(channel, got.fn)
		local ok, message = pcall(client.Publish, client, channel, {})
		coroutine.yield(ok, message)
		coroutine.yield(client:Publish(channel, "from a coroutine"))
		coroutine.yield(client:CommandSync({ "ECHO", "x" }))
		error("the coroutine's own")
	end)
	local _, ok, message = coroutine.resume(thread)
	kit.eq(ok, false)
	assert(message:find("#2", 1, true), message)
	kit.eq({ coroutine.resume(thread) }, { true, true })
	kit.eq({ select(3, coroutine.resume(thread)) }, { "x" })
	local alive, own = coroutine.resume(thread)
	assert(not alive and own:find("the coroutine's own", 1, true))
	kit.wait("the message", function() return #got == 1 end)
	kit.eq(got[1], { "from a coroutine", channel })
	client:Disconnect()
end)

host.test("a client made in a coroutine outlives it", function()
	local client
	coroutine.wrap(function() client = kit.connect() end)()
	collectgarbage()
	collectgarbage()
	kit.wait("ready", function() return client:IsConnected() end)
	client:Disconnect()
end)

host.test("a callback that yields is an error of its own, and the next one runs", function()
	local client, channel, got = kit.ready(), kit.unique("yield"), kit.recorder()
	host.expect_errors(1)
	client:Subscribe(channel, "1", function() coroutine.yield() end)
	client:Subscribe(channel, "2", got.fn)
	client:Publish(channel, "x")
	kit.wait("the next one", function() return #got == 1 end)
	assert(table.concat(host.errors(), "\n"):find("yield", 1, true))
	client:Disconnect()
end)

host.test("an error of any type is reported as text", function()
	local client, channel, got = kit.ready(), kit.unique("types"), kit.recorder()
	local seen, before = {}, ErrorNoHaltWithStack
	ErrorNoHaltWithStack = function(text) seen[#seen + 1] = text end
	for i, value in ipairs({ "text", 17, {}, true, setmetatable({}, { __tostring = function() error("no") end }),
		setmetatable({}, { __tostring = function() return "says so itself" end }) }) do
		client:Subscribe(channel, "id" .. i, function() error(value) end)
	end
	client:Subscribe(channel, "none", function() error() end)
	client:Subscribe(channel, "deep", function() local function f() return 1 + f() end return f() end)
	client:Subscribe(channel, "last", got.fn)
	client:Publish(channel, "x")
	kit.wait("the last one", function() return #got == 1 end)
	ErrorNoHaltWithStack = before
	kit.eq(#seen, 8)
	for _, text in ipairs(seen) do kit.eq(type(text), "string") end
	local all = table.concat(seen, "\n")
	assert(all:find("says so itself", 1, true) and all:find("stack overflow", 1, true), all)
	assert(all:find("traceback", 1, true) and all:find("callbacks.lua", 1, true), all)
	client:Disconnect()
end)

-- Every place that takes a callback: functions that put it there, so that it is called once.
local function places(client, channel)
	return {
		Subscribe = function(fn) client:Subscribe(channel, "one", fn) client:Publish(channel, "x") end,
		PSubscribe = function(fn) client:PSubscribe(channel .. ".*", "one", fn) client:Publish(channel .. ".x", "x") end,
		Publish = function(fn) client:Publish(channel .. "none", "x", fn) end,
		Command = function(fn) client:Command({ "ECHO", "x" }, fn) end,
		["a failed Command"] = function(fn) client:Command({ "NOSUCHCOMMAND" }, fn) end,
		Transaction = function(fn) client:Transaction({ { "ECHO", "x" } }, fn) end,
		Ping = function(fn) client:Ping(fn) end,
		ready = function(fn) client:On("ready", "one", fn) end,
		subscribed = function(fn) client:On("subscribed", "one", fn) client:Subscribe(channel .. "s", "s", print) end,
		error = function(fn) client:On("error", "one", fn) client:Command({ "NOSUCHCOMMAND" }) end,
	}
end

host.test("a callback that raises is reported in every place, and what comes behind it is called", function()
	for what in pairs(places()) do
		local client, channel, got, reported = kit.ready(), kit.unique("raise"), kit.recorder(), #host.errors()
		kit.ticks(1)
		host.expect_errors(1)
		places(client, channel)[what](function() error("raised in " .. what) end)
		client:Ping(got.fn)
		kit.wait("a report of " .. what, function() return #host.errors() == reported + 1 end)
		assert(host.errors()[reported + 1]:find("raised in " .. what, 1, true))
		kit.wait("what comes behind " .. what, function() return #got == 1 end)
		client:Disconnect()
	end
end)

host.test("a callback may close its client and connect again, in every place", function()
	for what in pairs(places()) do
		local id, channel, got = kit.unique("again"), kit.unique("again"), kit.recorder()
		local client, calls, after = kit.ready({ id = id }), 0, kit.recorder()
		kit.ticks(1)
		local new
		places(client, channel)[what](function()
			calls = calls + 1
			client:Publish(channel .. "last", "x", after.fn) -- accepted, and so answered
			client:Disconnect()
			new = kit.connect({ id = id })
			new:Subscribe(channel, got.fn)
			new:Publish(channel, "from the new one")
		end)
		kit.wait("a message to the new client, from " .. what, function() return #got == 1 end)
		assert(new ~= client and new:IsValid() and not client:IsValid(), what)
		kit.wait("the answer to the old one", function() return #after == 1 end)
		kit.eq({ calls, after[1][1] }, { 1, nil }, what)
		new:Disconnect()
	end
end)

host.test("a reporter that raises or is missing does no harm", function()
	local client, channel, got = kit.ready(), kit.unique("report"), kit.recorder()
	local before, errors = ErrorNoHaltWithStack, #host.errors()
	client:Subscribe(channel, "1", function() error("reported somewhere else") end)
	client:Subscribe(channel, "2", got.fn)
	host.expect_errors(3)
	for i, reporter in ipairs({ function() error("worse") end, false, 17 }) do
		ErrorNoHaltWithStack = reporter or nil
		client:Publish(channel, "x")
		kit.wait("message " .. i, function() return #got == i end)
	end
	ErrorNoHaltWithStack = before
	-- The reporter from when the module was loaded takes over.
	kit.eq(#host.errors() - errors, 3)
	client:Disconnect()
end)

host.test("callbacks go on when an addon removes the timer or the hook, or replaces the libraries", function()
	local client, channel, got = kit.ready(), kit.unique("tick"), kit.recorder()
	kit.subscribe(client, channel, got.fn)
	local sent = 0
	local function works(what)
		sent = sent + 1
		client:Publish(channel, what)
		kit.wait("a message with " .. what, function() return #got == sent end)
	end
	local old_timer, old_hook = timer, hook
	local id = "realtime.ProcessEvents"
	old_timer.Remove(id)
	works("the timer removed")
	kit.wait("the timer", function() return old_timer.Exists(id) end)
	old_hook.Remove("Think", id)
	works("the hook removed")
	kit.wait("the hook", function() return old_hook.GetTable().Think[id] ~= nil end)
	-- Libraries that an addon has broken. The engine itself needs the rest of them.
	timer = setmetatable({ Create = function() error("x") end }, { __index = old_timer })
	hook = setmetatable({ Add = 17 }, { __index = old_hook })
	old_timer.Remove(id)
	works("libraries replaced")
	kit.wait("the timer", function() return old_timer.Exists(id) end)
	old_hook.Remove("Think", id)
	works("the hook removed again")
	kit.wait("the hook", function() return old_hook.GetTable().Think[id] ~= nil end)
	timer, hook = nil, old_hook
	works("no timer library")
	timer = old_timer
	client:Disconnect()
end)

host.test("callbacks run while the server hibernates", function()
	local client, channel, got = kit.ready(), kit.unique("sleep"), kit.recorder()
	kit.subscribe(client, channel, got.fn)
	host.hibernate(true)
	client:Publish(channel, "x")
	kit.wait("the message", function() return #got == 1 end)
	host.hibernate(false)
	client:Disconnect()
end)

host.test("callbacks of one message may run in several ticks", function()
	local client, channel, calls = kit.ready(), kit.unique("share"), {}
	for i = 1, 5 do
		client:PSubscribe(channel .. "*", "id" .. i, function(message, from, pattern)
			calls[#calls + 1] = { i, message, from, pattern }
		end)
	end
	kit.subscribe(client, channel .. "other", function(message) calls[#calls + 1] = { 6, message } end)
	client:Publish(channel, "x")
	client:Publish(channel .. "other", "y")
	kit.block_until("the messages", function() return client:Stats().queued_events == 3 end)
	for round = 1, 5 do
		kit.eq(realtime.ProcessEvents(0), 1)
		kit.eq(#calls, round)
		kit.eq(calls[round], { round, "x", channel, channel .. "*" })
		collectgarbage()
	end
	kit.wait("the rest", function() return #calls == 11 end)
	client:Disconnect()
end)

host.test("finalizers that call the module while it pushes values do no harm", function()
	local client, channel, got = kit.ready(), kit.unique("gc"), kit.recorder()
	kit.subscribe(client, channel, got.fn)
	local finalized, answers, asked = 0, 0, 0
	local function finalizer()
		finalized = finalized + 1
		client:Publish(channel .. "none", "from a finalizer")
		client:Stats()
		realtime.ProcessEvents()
		tostring(client)
		pcall(client.Publish, client)
	end
	-- So that collections come in time, whatever the size of the heap.
	local pause, steps = collectgarbage("setpause", 100), collectgarbage("setstepmul", 10000)
	collectgarbage()
	for round = 1, 20 do
		for _ = 1, 50 do getmetatable(newproxy(true)).__gc = finalizer end
		for i = 1, 20 do
			client:Publish(channel, string.rep("x", round * 100 + i))
			asked = asked + 1
			client:Command({ "ECHO", string.rep("y", i) }, function(err, reply)
				assert(reply == string.rep("y", i))
				answers = answers + 1
			end)
		end
		host.pass(1)
	end
	kit.wait("answers", function() return answers == asked end)
	kit.wait("messages", function() return #got == 400 end)
	for n, call in ipairs(got) do
		local round, i = math.ceil(n / 20), (n - 1) % 20 + 1
		assert(call[1] == string.rep("x", round * 100 + i), "message " .. n .. " is changed")
	end
	collectgarbage("setpause", pause)
	collectgarbage("setstepmul", steps)
	assert(finalized > 0, "no finalizer ran")
	client:Disconnect()
end)
