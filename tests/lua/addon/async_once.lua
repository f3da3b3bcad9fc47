-- Async, Await and Sleep: in virtual time with clients that are tables, then with real ones.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")

-- An object with one method of each kind that Await may meet. `answers`: the functions that wait.
local function new_object()
	local object = { answers = {} }
	function object:Later(a, b, fn)
		self.got = { a, b }
		self.answers[#self.answers + 1] = fn
		return true
	end
	function object:Silent(fn) self.answers[#self.answers + 1] = fn end -- returns nothing
	function object:AtOnce(value, fn) fn(nil, value, nil, "last") end
	function object:Refused(fn) return false, "the refusal" end
	function object:Twice(fn)
		fn(nil, 1)
		fn(nil, 2)
		return true
	end
	function object:Raises(fn) error("bad argument #1 to 'Raises'", 2) end
	function object:Broken(fn) error("a fault of its own") end
	function object:Table(fn) error({ code = 7 }) end
	return object
end

host.test("Async runs at once until it first waits", function()
	local world, log = new_world(), {}
	world.realtime.Async(function()
		log[#log + 1] = "a"
		world.realtime.Sleep(1)
		log[#log + 1] = "c"
	end)
	log[#log + 1] = "b"
	world.pass(0.9)
	kit.eq(log, { "a", "b" })
	world.pass(0.2)
	kit.eq(log, { "a", "b", "c" })
end)

host.test("Sleep(0) waits for the next tick, and a loop of it stops nothing", function()
	local world, rounds = new_world(), 0
	world.realtime.Async(function()
		while true do
			rounds = rounds + 1
			world.realtime.Sleep(0)
		end
	end)
	for _ = 1, 10 do world.pass(0.015) end
	kit.eq(rounds, 11)
end)

host.test("Await returns what the callback gets, in whole", function()
	local world, object, got = new_world(), new_object(), nil
	world.realtime.Async(function() got = { n = select("#", world.realtime.Await(object, "Later", 1, nil)), nil } end)
	kit.eq(object.got, { 1, nil })
	object.answers[1](nil, "x", nil)
	kit.eq(got.n, 3)
	world.realtime.Async(function() got = { world.realtime.Await(object, "Later", 1, 2) } end)
	kit.eq(got, {n = 3}, "it waits")
	object.answers[2]("err", "x")
	kit.eq(got, { "err", "x" })
	object.answers[2]("again") -- a callback that runs twice continues it once
	kit.eq(got, { "err", "x" })
end)

host.test("Await returns at once what is there at once, and a refusal as err", function()
	local world, object, got = new_world(), new_object(), {}
	world.realtime.Async(function()
		got[1] = { n = select("#", world.realtime.Await(object, "AtOnce", 5)), (select(2, world.realtime.Await(object, "AtOnce", 5))) }
		got[2] = { world.realtime.Await(object, "Refused") }
		got[3] = { world.realtime.Await(object, "Twice") }
		got[4] = { world.realtime.Await(object, "Silent") }
	end)
	kit.eq(got, { { 5, n = 4 }, { "the refusal" }, { [2] = 1 } })
	object.answers[1](nil, "spoken")
	kit.eq(got[4], { [2] = "spoken" })
end)

host.test("the same identifier ends the one before, whatever that waits for", function()
	local world, object, log = new_world(), new_object(), {}
	local function begin(name, wait)
		world.realtime.Async("loop", function()
			log[#log + 1] = name .. " begins"
			wait()
			log[#log + 1] = name .. " goes on"
		end)
	end
	begin("a", function() world.realtime.Sleep(1) end)
	begin("b", function() world.realtime.Await(object, "Silent") end)
	begin("c", function() world.realtime.Sleep(1) end)
	object.answers[1]()
	world.pass(5)
	kit.eq(log, { "a begins", "b begins", "c begins", "c goes on" })
	-- A function that starts its own successor does not return from its next wait.
	log = {}
	world.realtime.Async("self", function()
		world.realtime.Async("self", function() log[#log + 1] = "second" end)
		log[#log + 1] = "first"
		world.realtime.Await(object, "Later", "never", "called")
		log[#log + 1] = "never"
	end)
	world.pass(1)
	kit.eq({ log, object.got }, { { "second", "first" }, nil })
	-- A function that has ended frees its identifier.
	world.realtime.Async("self", function() log[#log + 1] = "third" end)
	kit.eq(log[3], "third")
end)

host.test("one in another, and many side by side", function()
	local world, log = new_world(), {}
	world.realtime.Async(function()
		world.realtime.Async(function()
			world.realtime.Sleep(1)
			log[#log + 1] = "inner"
		end)
		world.realtime.Sleep(2)
		log[#log + 1] = "outer"
	end)
	local ended = 0
	for i = 1, 100 do
		world.realtime.Async(function()
			for _ = 1, 10 do world.realtime.Sleep(i / 1000) end
			ended = ended + 1
		end)
	end
	world.pass(3)
	kit.eq({ log, ended }, { { "inner", "outer" }, 100 })
end)

host.test("it may wait under pcall, and what is raised after the wait is caught there", function()
	local world, got = new_world(), nil
	world.realtime.Async(function()
		got = { pcall(function()
			world.realtime.Sleep(1)
			error("caught", 0)
		end) }
	end)
	world.pass(2)
	kit.eq({ got, world.errors }, { { false, "caught" }, {} })
end)

host.test("outside of Async, and in another coroutine within, they raise and say so", function()
	local object = new_object()
	kit.raises("async_once%.lua:%d+: 'Sleep' must be called in a function that realtime%.Async runs", function() realtime.Sleep(1) end)
	kit.raises("async_once%.lua:%d+: 'Await' must be called", function() realtime.Await(object, "Silent") end)
	local ok, message
	realtime.Async(function()
		coroutine.wrap(function() ok, message = pcall(realtime.Sleep, 1) end)()
	end)
	kit.eq(ok, false)
	assert(message:find("must be called in a function", 1, true), message)
end)

host.test("wrong arguments raise at the caller's line, a method's own errors as they are", function()
	local object, raised = new_object(), {}
	local function try(name, ...)
		raised[name] = select(2, pcall(realtime.Await, ...))
	end
	realtime.Async(function()
		for _, method in ipairs({ "Nothing", "Broken" }) do
			raised[method] = select(2, pcall(function() realtime.Await(object, method) end))
		end
		raised.no_object = select(2, pcall(function() realtime.Await(nil, "Silent") end))
		raised.Raises = select(2, pcall(function()
			local err = realtime.Await(object, "Raises")
			return err
		end))
		try("Table", object, "Table")
		raised.Sleep = select(2, pcall(function() realtime.Sleep("1") end))
	end)
	assert(raised.Nothing:find("async_once%.lua:%d+: bad argument #2 to 'Await' %(.* has no method \"Nothing\"%)"), raised.Nothing)
	assert(raised.no_object:find("async_once%.lua:%d+: bad argument #1 to 'Await'"), raised.no_object)
	assert(raised.Raises:find("async_once%.lua:%d+: bad argument #1 to 'Raises'$"), raised.Raises)
	assert(raised.Broken:find("^[^\n]*async_once%.lua:%d+: a fault of its own$"), raised.Broken)
	kit.eq(raised.Table, { code = 7 })
	assert(raised.Sleep:find("async_once%.lua:%d+: bad argument #1 to 'Sleep'"), raised.Sleep)
	kit.raises("async_once%.lua:%d+: 'Async': expected a function", function() realtime.Async("id") end)
end)

host.test("an error is reported with the coroutine's own stack, before and after a wait", function()
	local report, told = ErrorNoHaltWithStack, {}
	-- In the game this prints the stack of its caller.
	function ErrorNoHaltWithStack(text) told[#told + 1] = text .. "\n" .. debug.traceback() end
	local function deep() error("an error on purpose") end
	local function run(wait)
		realtime.Async(function()
			if wait then realtime.Sleep(0) end
			deep()
			return 1
		end)
	end
	run(false)
	kit.eq(#told, 1, "it does not reach Async's caller")
	run(true)
	kit.wait("the second", function() return told[2] end)
	ErrorNoHaltWithStack = report
	for _, text in ipairs(told) do
		assert(text:find("^[^\n]*async_once%.lua:%d+: an error on purpose") and text:find("in function 'deep'", 1, true), text)
	end
end)

host.test("what has ended leaves nothing behind, however it ended", function()
	local world, object = new_world(), new_object()
	local weak = setmetatable({}, { __mode = "k" })
	local function run(identifier, wait)
		local function fn()
			weak[coroutine.running()] = true
			wait()
		end
		if identifier then world.realtime.Async(identifier, fn) else world.realtime.Async(fn) end
	end
	for _, identifier in ipairs({ false, "loop" }) do
		for _ = 1, 20 do
			run(identifier, function() end)
			run(identifier, function() world.realtime.Sleep(1) end)
			run(identifier, function() world.realtime.Await(object, "Silent") end)
			run(identifier, function()
				world.realtime.Sleep(0)
				error("on purpose")
			end)
		end
	end
	world.addon.Async(function() weak[coroutine.running()] = true end)
	for _, fn in ipairs(object.answers) do fn() end
	object.answers = {}
	world.pass(2)
	collectgarbage()
	collectgarbage()
	kit.eq(table.Count(weak), 0)
end)

host.test("a loop without a wait that takes all memory of its stack is reported, and nothing hangs", function()
	host.expect_errors(1)
	local function deeper() return 1 + deeper() end
	realtime.Async("deep", function() deeper() end)
	local again
	realtime.Async("deep", function() again = true end)
	kit.eq(again, true)
end)

host.test("an error whose report fails is reported without its stack", function()
	local report, told = ErrorNoHaltWithStack, {}
	function ErrorNoHaltWithStack(err)
		told[#told + 1] = tostring(err)
		if #told == 1 then error("no room") end
	end
	local fine, message = realtime.addon.Protect(error, "lost")
	ErrorNoHaltWithStack = report
	kit.eq({ fine, #told, told[1], told[2] == message }, { false, 2, "lost", true })
end)

host.test("with a client: answers, errors of the server, a refusal, and the end of the client", function()
	local client, key, log = kit.ready(), kit.unique("key"), {}
	realtime.Async(function()
		log[1] = { realtime.Await(client, "Command", { "SET", key, "7" }) }
		log[2] = { realtime.Await(client, "Command", { "GET", key }) }
		local err = realtime.Await(client, "Command", { "NONSENSE" })
		log[3] = err.code
		log[4] = { realtime.Await(client, "Publish", kit.unique("channel"), "x") }
		log[5] = isnumber((select(2, realtime.Await(client, "Ping"))))
		log[6] = select(2, realtime.Await(client, "Transaction", { { "GET", key }, { "DEL", key } }))
		client:Disconnect()
		log[7] = realtime.Await(client, "Command", { "GET", key }).code
		log[8] = select(2, pcall(realtime.Await, client, "Command", { "GET", {} }))
	end)
	kit.wait("all", function() return log[8] end)
	kit.eq({ log[1], log[2], log[3], log[4], log[5], log[6], log[7] },
		{ { nil, "OK" }, { nil, "7" }, "ERR", { nil, 0 }, true, { "7", 1 }, "CLOSED" })
end)

host.test("with requests, on an empty server", function()
	local client, got = kit.ready(), nil
	local requests = realtime.Requests(client, "here")
	requests:Answer("twice", function(data, _, reply) reply(nil, data * 2) end)
	host.hibernate(true)
	realtime.Async(function()
		realtime.Sleep(0.02)
		got = { realtime.Await(requests, "Ask", "here", "twice", 21) }
	end)
	kit.wait("the answer", function() return got end)
	host.hibernate(false)
	kit.eq(got, { nil, 42 })
	client:Disconnect()
end)
