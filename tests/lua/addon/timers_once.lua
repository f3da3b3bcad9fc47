-- After, Every and StopTimer: in virtual time, beside a naive twin; then on an empty server, through saves and a map change.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")

-- A timer of the map before must not run in this one.
if host.map_number == 2 then
	kit.eq(host.kept("ran"), "yes")
	host.test("a map change ends every timer", function()
		kit.ticks(5)
		kit.eq(host.kept("ran after the end"), nil)
	end)
	return
end

local function world_and_log()
	local world, log = new_world(), {}
	local function note(text)
		return function() log[#log + 1] = text end
	end
	return world, log, note
end

host.test("After runs once, when its time has come and not before", function()
	local world, log, note = world_and_log()
	world.realtime.After(1, note("one"))
	world.realtime.After(0, note("zero"))
	kit.eq(log, {})
	world.pass(0.015)
	kit.eq(log, { "zero" })
	world.pass(0.9)
	kit.eq(#log, 1)
	world.pass(0.1)
	kit.eq(log, { "zero", "one" })
	world.pass(10)
	kit.eq(#log, 2)
end)

host.test("Every keeps its rhythm, whatever ticks do to it", function()
	local world, log, note = world_and_log()
	world.realtime.Every(1, "rhythm", note("x"))
	world.pass(100.5, 0.07)
	kit.eq(#log, 100)
end)

host.test("after a stall each runs once, and then again in its rhythm", function()
	local world, log, note = world_and_log()
	world.realtime.Every(1, "a", note("a"))
	world.realtime.After(5, note("b"))
	world.pass(60, 60)
	kit.eq(log, { "a", "b" })
	world.pass(0.9)
	kit.eq(#log, 2)
	world.pass(0.2)
	kit.eq(log, { "a", "b", "a" })
end)

host.test("those that are due in one tick run in the order of their times, then of their making", function()
	local world, log, note = world_and_log()
	for _, seconds in ipairs({ 0.3, 0.1, 0.2, 0.1 }) do world.realtime.After(seconds, note(#log + seconds)) end
	world.realtime.After(0.1, note("last of 0.1"))
	world.pass(1, 1)
	kit.eq(log, { 0.1, 0.1, "last of 0.1", 0.2, 0.3 })
end)

host.test("one identifier has one timer, and StopTimer ends it", function()
	local world, log, note = world_and_log()
	world.realtime.After(1, "id", note("first"))
	world.realtime.Every(1, "id", note("second"))
	world.pass(1.5)
	kit.eq(log, { "second" })
	world.realtime.After(1, "id", note("third"))
	world.pass(3)
	kit.eq(log, { "second", "third" })
	world.realtime.Every(1, "id", note("fourth"))
	kit.eq({ world.realtime.StopTimer("id"), world.realtime.StopTimer("id"), world.realtime.StopTimer("nobody") },
		{ true, false, false })
	world.pass(3)
	kit.eq(#log, 2)
end)

host.test("a function may stop any timer, also one that is due in the same tick, and its own", function()
	local world, log, note = world_and_log()
	world.realtime.After(1, "a", function()
		note("a")()
		world.realtime.StopTimer("b")
	end)
	world.realtime.After(1, "b", note("b"))
	world.realtime.Every(1, "c", function()
		note("c")()
		world.realtime.StopTimer("c")
	end)
	world.pass(5, 1)
	kit.eq({ log, world.errors }, { { "a", "c" }, {} })
end)

host.test("what a timer starts runs with the next tick at the earliest", function()
	local world, ticks = new_world(), 0
	local function again()
		ticks = ticks + 1
		world.realtime.After(0, again)
	end
	again()
	world.realtime.Every(0, "each tick", function() ticks = ticks + 1000 end)
	for _ = 1, 10 do world.pass(0.015) end
	kit.eq(ticks, 10011)
end)

host.test("an error is reported, stops no other timer, and does not end its own", function()
	local world, log, note = world_and_log()
	world.realtime.Every(1, "bad", function() error("an error on purpose") end)
	world.realtime.Every(1, "good", note("good"))
	world.pass(3.5)
	kit.eq({ #log, #world.errors }, { 3, 3 })
	assert(world.errors[1]:find("an error on purpose", 1, true), world.errors[1])
end)

host.test("many that are due at once are spread over ticks, and none is lost or changes places", function()
	local world, log = new_world(), {}
	for i = 1, 10 do
		world.realtime.After(1, function()
			log[#log + 1] = i
			world.now = world.now + 0.0015 -- the time of a callback
		end)
	end
	world.pass(1.001, 1.001)
	kit.eq(#log, 2, "with a budget of 2 ms")
	world.realtime.SetTickBudget(0.004)
	world.pass(0.001)
	kit.eq(#log, 5, "with one of 4 ms")
	realtime.SetTickBudget(0.002)
	for _ = 1, 5 do world.pass(0.001) end
	kit.eq(log, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
end)

host.test("a timer that is started anew again and again takes no memory", function()
	local world = new_world()
	local function nothing() end
	collectgarbage()
	local before = collectgarbage("count")
	for _ = 1, 50000 do world.realtime.After(3600, "again", nothing) end
	collectgarbage()
	local more = collectgarbage("count") - before
	assert(more < 200, more .. " KiB")
end)

-- The same with a list that is searched, without a heap.
local function naive()
	local twin = { log = {}, now = 1000 }
	local list, made = {}, 0
	function twin.start(seconds, name, interval)
		if name then twin.stop(name) end
		made = made + 1
		list[#list + 1] = { due = twin.now + seconds, order = made, name = name, interval = interval, id = made }
	end
	function twin.stop(name)
		for i = #list, 1, -1 do
			if list[i].name == name then table.remove(list, i) end
		end
	end
	function twin.pass(seconds)
		twin.now = twin.now + seconds
		local due = {}
		for i = #list, 1, -1 do
			if list[i].due <= twin.now then due[#due + 1] = table.remove(list, i) end
		end
		table.sort(due, function(a, b)
			if a.due ~= b.due then return a.due < b.due end
			return a.order < b.order
		end)
		for _, each in ipairs(due) do
			twin.log[#twin.log + 1] = each.id
			if each.interval then
				each.due = each.due + each.interval
				if each.due <= twin.now then each.due = twin.now + each.interval end
				twin.again(each)
			end
		end
	end
	function twin.again(each)
		made = made + 1
		each.order = made
		list[#list + 1] = each
	end
	function twin.made() return made end
	return twin
end

host.test("random histories run as with the naive twin", function()
	local random = math.random
	math.randomseed(1)
	local histories, runs = 200, 0
	for _ = 1, histories do
		local world, twin, log = new_world(), naive(), {}
		local function start(seconds, name, interval)
			twin.start(seconds, name, interval)
			local id = twin.made()
			local function fn() log[#log + 1] = id end
			if interval then
				world.realtime.Every(interval, name, fn)
			elseif name then
				world.realtime.After(seconds, name, fn)
			else
				world.realtime.After(seconds, fn)
			end
		end
		for _ = 1, 100 do
			local seconds, name = random(0, 40) / 8, "t" .. random(1, 8)
			local what = random(1, 10)
			if what <= 3 then
				start(seconds)
			elseif what <= 5 then
				start(seconds, name)
			elseif what <= 7 then
				start(seconds, name, seconds)
			elseif what == 8 then
				twin.stop(name)
				world.realtime.StopTimer(name)
			else
				local step = random(1, 24) / 8
				twin.pass(step)
				world.pass(step, step)
			end
		end
		kit.eq(log, twin.log)
		runs = runs + #log
	end
	print(histories .. " histories, " .. runs .. " runs of timers")
	assert(runs > 1000)
end)

host.test("arguments that are wrong raise where they were written", function()
	local function nothing() end
	for _, bad in ipairs({ -1, 0 / 0, math.huge, "1", false }) do
		kit.raises("timers_once%.lua:%d+: bad argument #1 to 'After'", function() realtime.After(bad, nothing) end)
		kit.raises("timers_once%.lua:%d+: bad argument #1 to 'Every'", function() realtime.Every(bad, "id", nothing) end)
	end
	kit.raises("timers_once%.lua:%d+: 'After': expected a function", function() realtime.After(1) end)
	kit.raises("timers_once%.lua:%d+: 'After': the identifier stands before", function() realtime.After(1, nothing, "id") end)
	kit.raises("timers_once%.lua:%d+: 'Every': expected an identifier", function() realtime.Every(1, nothing) end)
	kit.raises("timers_once%.lua:%d+: bad argument #1 to 'StopTimer'", function() realtime.StopTimer(nothing) end)
	kit.raises("timers_once%.lua:%d+: bad argument #1 to 'SetTickBudget'", function() realtime.SetTickBudget(-1) end)
end)

host.test("they run on an empty server", function()
	local every, after = 0, false
	host.hibernate(true)
	local thinks = 0
	hook.Add("Think", "test", function() thinks = thinks + 1 end)
	realtime.Every(0.01, "empty", function() every = every + 1 end)
	realtime.After(0.05, function() after = true end)
	kit.wait("both", function() return every >= 5 and after end)
	kit.eq(thinks, 0)
	host.hibernate(false)
	realtime.StopTimer("empty")
end)

host.test("an error is reported with the stack that raised it, as one of a hook", function()
	local report, told = ErrorNoHaltWithStack, nil
	-- In the game this prints the stack of its caller.
	function ErrorNoHaltWithStack(text) told = text .. "\n" .. debug.traceback() end
	local function deep() error("an error on purpose") end
	realtime.After(0, function()
		deep()
		return 1
	end)
	kit.wait("the report", function() return told end)
	ErrorNoHaltWithStack = report
	assert(told:find("^[^\n]*timers_once%.lua:%d+: an error on purpose"), told)
	assert(told:find("in function 'deep'", 1, true), told)
end)

host.test("a file that is saved five times leaves one of everything", function()
	ran = {}
	for i = 1, 5 do
		generation = i
		include("_saved.lua")
	end
	kit.wait("all", function() return (ran["Every 5"] or 0) >= 3 and ran.After and ran["unnamed Async"] end)
	kit.ticks(10)
	ran["Every 5"] = nil
	kit.eq(ran, { ["unnamed After"] = 2, After = 1, ["unnamed Async"] = 1, Async = 1 })
	realtime.StopTimer("saved.every")
end)

host.test("the end of the map comes with timers that wait", function()
	realtime.Every(0, "through the end", function()
		host.keep(is_ending and "ran after the end" or "ran", "yes")
	end)
	realtime.Async(function()
		realtime.Sleep(0.2)
		host.keep("ran after the end", "yes")
	end)
	kit.wait("the first run", function() return host.kept("ran") end)
	hook.Add("ShutDown", "test", function() is_ending = true end)
	host.next_map()
end)
