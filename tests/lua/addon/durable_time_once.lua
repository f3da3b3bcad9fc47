-- realtime.Durable in virtual time (_durable.lua): messages that kill servers, pauses, leases, and forgetting.

local kit = include("../_kit.lua")
local new_case = include("_durable.lua").new_case

-- The dead of the channel "c", as lists of data and reason.
local function dead(case)
	local list = {}
	for _, entry in ipairs(case.redis.streams["realtime:durable:{c}:dead"] or {}) do
		local fields = {}
		for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
		list[#list + 1] = { fields.data, fields.reason }
	end
	return list
end
-- Its process ends in the middle of a callback.
local function die(case, durable)
	durable.client.valid = false
	case.leave(durable, false)
	error("on purpose: it dies")
end

host.test("a message that kills its server is dead in the end, and it alone", function()
	local case, handled, crashes = new_case(), {}, 0
	local durable = case.server("a")
	durable:Subscribe("c", function() end)
	case.pass(1)
	for i = 1, 8 do durable:Publish("c", i) end
	case.leave(durable, true)
	case.pass(1)
	case.redis.run("durable_publish", { "realtime:durable:{c}", "realtime:durable:{c}:about", "t" }, { "publish", ("a"):rep(32), 60, "web", "9" })
	while not handled[9] do
		local failed = 0
		durable = case.server("a")
		durable:On("failed", "test", function(_, info)
			kit.eq({ info.data, info.dead }, { 5, true })
			failed = failed + 1
		end)
		durable:Subscribe("c", function(number)
			if number == 5 then
				crashes = crashes + 1
				die(case, durable)
			end
			handled[number] = (handled[number] or 0) + 1
		end)
		case.pass(40)
		if handled[9] then kit.eq(failed, 1) end
	end
	kit.eq({ crashes, dead(case) }, { 4, { { "5", "servers died while they handled it: 3" } } })
	for i = 1, 9 do kit.eq(handled[i] ~= nil, i ~= 5, "message " .. i) end
	kit.eq({ handled[6], handled[7], handled[8], handled[9] }, { 1, 1, 1, 1 })
	case.leave(durable, true)
end)

host.test("a worker's message that kills three servers is dead, and no server's end in order counts", function()
	local case, crashes = new_case(), 0
	local durable
	local function enter(fn)
		durable = case.server("a")
		durable:Work("c", fn, { patience = 10 })
	end
	enter(function() end)
	durable:Publish("c", "poison")
	for _ = 1, 5 do -- map changes
		case.pass(1)
		case.leave(durable, true)
		case.pass(0.1)
		enter(function() end)
	end
	case.pass(1)
	case.leave(durable, true)
	local after
	for _ = 1, 4 do
		enter(function(data, _, done)
			if data == "poison" then
				crashes = crashes + 1
				die(case, durable)
			end
			after = data
			done()
		end)
		case.pass(20)
	end
	durable:Publish("c", "good")
	case.pass(5)
	kit.eq({ crashes, after, dead(case) }, { 3, "good", { { '"poison"', "servers died while they worked on it: 3" } } })
	case.leave(durable, true)
end)

host.test("what fails comes after growing pauses, and others wait five minutes for it at most", function()
	local case, times, after = new_case(), {}, nil
	local durable = case.server("a")
	durable:Subscribe("c", function(data)
		if data == "good" then
			after = case.world.now
			return
		end
		times[#times + 1] = case.world.now
		error("on purpose")
	end, { max_deliveries = 1000 })
	case.pass(1)
	durable:Publish("c", "bad")
	durable:Publish("c", "good")
	case.pass(600)
	local began = times[1]
	for i, pause in ipairs({ 1, 2, 4, 8, 16, 32, 60 }) do
		local passed = times[i + 1] - times[i]
		assert(passed >= pause and passed < pause + 1, "pause " .. i .. ": " .. passed)
	end
	assert(after - began >= 300 and after - began < 370, after - began)
	kit.eq(dead(case)[1][1], '"bad"')
	case.leave(durable, true)
	-- With workers the others do not wait.
	case, times, after = new_case(), {}, nil
	durable = case.server("a")
	durable:Work("c", function(data, _, done)
		if data == "good" then
			after = case.world.now
			return done()
		end
		times[#times + 1] = case.world.now
		done("no luck")
	end)
	durable:Publish("c", "bad")
	durable:Publish("c", "good")
	case.pass(4000, 0.5)
	assert(after - times[1] < 2, after - times[1])
	kit.eq({ #times, dead(case) }, { 10, { { '"bad"', "no luck" } } })
	for i, pause in ipairs({ 5, 10, 20, 40, 80, 160, 300, 300, 300 }) do
		local passed = times[i + 1] - times[i]
		assert(passed >= pause and passed < pause + 7, "pause " .. i .. ": " .. passed)
	end
	case.leave(durable, true)
end)

host.test("a place is its server's for 15 s after a death, and at once after a map change", function()
	local case, got = new_case(), {}
	local function enter(name)
		local durable = case.server("a")
		durable:Subscribe("c", function(data) got[#got + 1] = name .. data end)
		return durable
	end
	local first = enter("first")
	case.pass(1)
	first:Publish("c", 1)
	case.pass(1)
	case.leave(first, true)
	local second = enter("second")
	case.pass(1)
	second:Publish("c", 2)
	case.pass(1)
	kit.eq(got, { "first1", "second2" })
	case.leave(second, false)
	local third = enter("third")
	third:Publish("c", 3)
	case.pass(8)
	kit.eq(#got, 2)
	case.pass(15)
	kit.eq(got, { "first1", "second2", "third3" })
	-- A server with the same id reports that, and gets nothing.
	local twin = enter("twin")
	case.pass(60)
	third:Publish("c", 4)
	case.pass(5)
	kit.eq(got[4], "third4")
	assert(case.world.lines[1]:find('another server has the id "a"', 1, true), kit.show(case.world.lines))
	case.leave(third, false)
	case.leave(twin, false)
end)

host.test("a done that nobody calls counts as an error, and comes too late then", function()
	local case, dones, failed = new_case(), {}, {}
	local durable = case.server("a")
	durable:On("failed", "test", function(_, info) failed[#failed + 1] = info.reason end)
	durable:Work("c", function(_, _, done) dones[#dones + 1] = done end, { timeout = 100 })
	durable:Publish("c", 1)
	case.pass(99)
	kit.eq({ #dones, #failed }, { 1, 0 })
	case.pass(20)
	kit.eq({ #dones, failed, dones[1]() }, { 2, { "done was not called within 100 s" }, false })
	kit.eq(dones[2](), true)
	case.pass(1)
	kit.eq(#case.redis.streams["realtime:durable:{c}"], 0)
	case.leave(durable, true)
end)

host.test("a server that was cut off for too long hears that its message is another one's", function()
	local case, log, finish = new_case(), {}, nil
	local function enter(id)
		local durable = case.server(id)
		durable:Work("c", function(_, _, done)
			log[#log + 1] = id
			if id == "a" then finish = done else done() end
		end, { patience = 10 })
		return durable
	end
	local a = enter("a")
	a:Publish("c", 1)
	case.pass(1)
	local b = enter("b")
	a.client.connected = false
	case.pass(30)
	kit.eq(log, { "a", "b" })
	a.client.connected = true
	case.pass(10)
	kit.eq(finish(), false)
	-- It keeps its message if nobody took it.
	b:Stop("c")
	a:Publish("c", 2)
	case.pass(1)
	a.client.connected = false
	case.pass(30)
	a.client.connected = true
	kit.eq(finish(), true)
	case.pass(1)
	kit.eq({ log, #case.redis.streams["realtime:durable:{c}"] }, { { "a", "b", "a" }, 0 })
	case.leave(a, true)
	case.leave(b, true)
end)

host.test("the place of a server that was not heard of for 30 days goes", function()
	local case = new_case()
	local old = case.server("old")
	old:Subscribe("c", function() end)
	case.pass(1)
	case.leave(old, true)
	case.pass(1)
	case.redis.ahead = 29 * 86400
	local a = case.server("a")
	a:Subscribe("c", function() end)
	case.pass(1)
	local groups = case.redis.hashes["realtime:durable:{c}:groups"]
	kit.eq(table.Count(groups), 2)
	case.redis.ahead = 31 * 86400
	local b = case.server("b")
	b:Subscribe("c", function() end)
	case.pass(6)
	kit.eq({ table.Count(groups), groups["old:c"] }, { 2, nil })
	case.leave(a, true)
	case.leave(b, true)
end)

host.test("what is put back after it was dead keeps its id, and the dead are a thousand at most", function()
	local case, ids = new_case(), {}
	local durable = case.server("a")
	durable:Work("c", function(data, _, done, info)
		ids[#ids + 1] = info.id
		done()
	end, { parallel = 100 })
	case.pass(1)
	for i = 1, 1005 do
		case.redis.run("durable_publish", { "realtime:durable:{c}", "realtime:durable:{c}:about", "t" .. i }, { "publish", ("a"):rep(32), 60, "web", "1" })
	end
	-- A message that is not JSON is dead at once.
	for _, entry in ipairs(case.redis.streams["realtime:durable:{c}"]) do entry[2][6] = "no JSON" end
	case.pass(60)
	kit.eq({ #dead(case), #ids }, { 1000, 0 })
	local last = case.redis.streams["realtime:durable:{c}:dead"][1000][2]
	last[6] = "2"
	local found
	durable:Retry("c", last[2], function(_, is_there) found = is_there end)
	case.pass(6)
	kit.eq({ found, ids, #dead(case) }, { true, { last[2] }, 999 })
	case.leave(durable, true)
end)

host.test("Redis loses everything, and more than before comes before the server looks: all of it is read, also if the clock is behind", function()
	local case, got, lost = new_case(), {}, {}
	local a = case.server("a")
	a:On("lost", "test", function(_, info) lost[#lost + 1] = info.count or "unknown" end)
	a:Subscribe("c", function(data) got[#got + 1] = data end)
	case.pass(1)
	for i = 1, 3 do a:Publish("c", i) end
	case.pass(1)
	kit.eq(got, { 1, 2, 3 })
	a.client.connected = false
	case.redis.restore()
	case.redis.ahead = -100
	for i = 4, 9 do a:Publish("c", i) end
	case.pass(1)
	a.client.connected = true
	case.pass(10)
	kit.eq({ got, lost }, { { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { "unknown" } })
	case.leave(a, true)
end)

host.test("what was handed out and lost on its way comes again at once, and is no death", function()
	local case, deliveries = new_case(), nil
	local a = case.server("a")
	a:Publish("c", 1)
	case.pass(1)
	a:Work("c", function(_, _, done, info)
		deliveries = info.deliveries
		done()
	end, { patience = 3600 })
	case.world.pass(0.1, 0.1)
	kit.eq(case.wire[1].arguments[1], "take")
	case.cut(a.client, "now")
	case.pass(1)
	kit.eq(deliveries, 1)
	case.leave(a, true)
end)

host.test("a run that goes on is renewed; once its time is over somebody else has it, and its done is refused", function()
	local case, log, finishes = new_case(), {}, {}
	local function enter(id)
		local durable = case.server(id)
		durable:Work("c", function(_, _, done)
			log[#log + 1] = id
			finishes[id] = done
		end, { patience = 10, timeout = 1e6 })
		return durable
	end
	local a = enter("a")
	a:Publish("c", 1)
	case.pass(1)
	local b = enter("b")
	case.pass(1000, 0.5)
	kit.eq(log, { "a" })
	-- Without a connection it does not know that b has it now.
	a.client.connected = false
	case.pass(20)
	kit.eq({ log, finishes.a() }, { { "a", "b" }, true })
	a.client.connected = true
	case.pass(1)
	local line = case.world.lines[1]
	kit.eq(#case.redis.streams["realtime:durable:{c}"], 1, "it is b's")
	assert(line and line:find("another server has the message", 1, true), kit.show(case.world.lines))
	kit.eq(finishes.b(), true)
	case.pass(1)
	kit.eq(#case.redis.streams["realtime:durable:{c}"], 0)
	case.leave(a, true)
	case.leave(b, true)
end)

host.test("a worker that was stopped begins nothing: what was on its way goes to another one at once", function()
	local case = new_case()
	local a, b = case.server("a"), case.server("b")
	local got = {}
	local function work(durable, name)
		durable:Work("c", function(number, _, done)
			got[#got + 1] = name .. number
			done()
		end)
	end
	case.delay = 1
	b:Publish("c", 1)
	work(a, "a")
	case.pass(1.5) -- the answer to its request is on its way
	a:Stop("c")
	case.pass(3)
	kit.eq(got, {})
	work(b, "b")
	case.pass(10)
	kit.eq(got, { "b1" })
end)
