-- realtime.Durable in virtual time (_durable.lua): answers that are lost or refused, and Lua states that end at a bad moment.

local kit = include("../_kit.lua")
local new_case = include("_durable.lua").new_case

host.test("a question that Redis refuses is asked again: what was published is not called refused", function()
	local case, got = new_case(), kit.recorder()
	local a = case.server("a")
	case.pass(1)
	a:Publish("c", 1, got.fn)
	a:Publish("c", 2, { timeout = 1 }, got.fn)
	local run, refusals = case.world.addon.RunScript, 0
	function case.world.addon.RunScript(client, name, keys, arguments, fn, seconds)
		if arguments[1] ~= "ask" then return run(client, name, keys, arguments, fn, seconds) end
		refusals = refusals + 1
		fn(case.world.addon.Error("LOADING", "Redis is loading the dataset in memory", false))
		return true
	end
	case.cut(a.client, "now")
	kit.eq(#got, 0)
	case.pass(2)
	-- Until its deadline; then the outcome is unknown.
	kit.eq({ #got, got[1][1].code, got[1][1].sent }, { 1, "TIMEOUT", true })
	assert(tostring(got[1][1]):find("LOADING", 1, true), tostring(got[1][1]))
	assert(refusals > 10, refusals)
	case.world.addon.RunScript = run
	case.pass(1)
	kit.eq({ #got, got[2][1], got[2][2] ~= nil }, { 2, nil, true })
	case.leave(a, true)
end)

host.test("what has ended in the last tick of a Lua state is told, and the rest given back", function()
	local case, runs, ends = new_case(), {}, {}
	local function work(durable, name)
		durable:Work("c", function(data, _, done, info)
			runs[#runs + 1] = name .. data .. " " .. info.deliveries
			ends[data] = done
		end, { parallel = 3, patience = 600 })
	end
	local a, b = case.server("a"), case.server("b")
	work(a, "a")
	for i = 1, 3 do a:Publish("c", i) end
	case.pass(1)
	table.sort(runs)
	kit.eq(runs, { "a1 1", "a2 1", "a3 1" })
	kit.eq({ ends[1](), ends[2]("no luck") }, { true, true })
	case.leave(a, true)
	work(b, "b")
	case.pass(30)
	table.sort(runs)
	kit.eq(runs, { "a1 1", "a2 1", "a3 1", "b2 2", "b3 1" })
	case.leave(b, true)
end)

-- Passes time until Redis has executed the call that `is_it` finds, but not until its answer arrives.
local function pass_until_executed(case, is_it)
	local is_done
	function case.on_executed(question, reply) is_done = is_done or is_it(question, reply) end
	for _ = 1, 1000 do
		if is_done then return end
		case.pass(0.01, 0.01)
	end
	error("it was not asked")
end

host.test("messages that are on their way to a Lua state that ends are given back", function()
	local case, after, deliveries = new_case(), nil, nil
	local a, b = case.server("a"), case.server("b")
	a:Work("c", function() error("it has ended") end, { patience = 600 })
	case.pass(1)
	a:Publish("c", 1)
	pass_until_executed(case, function(question, reply) return question.name == "durable_work" and reply[1] == "taken" and #reply[4] > 0 end)
	case.leave(a, true)
	local began = case.world.now
	b:Work("c", function(_, _, done, info)
		after, deliveries = case.world.now - began, info.deliveries
		done()
	end)
	case.pass(10)
	assert(after and after < 6, after)
	kit.eq(deliveries, 1)
	case.leave(b, true)
end)

host.test("a place whose first read is on its way at the end of a Lua state is free at once", function()
	local case, after = new_case(), nil
	local a = case.server("a")
	a:Subscribe("c", function() end)
	pass_until_executed(case, function(question) return question.name == "durable_read" end)
	case.leave(a, true)
	a = case.server("a")
	local began = case.world.now
	a:On("ready", "test", function() after = case.world.now - began end)
	a:Subscribe("c", function() end)
	case.pass(10)
	assert(after and after < 1, after)
	case.leave(a, true)
end)

host.test("Stop in a callback: no message after it, that one counts, and the next Subscribe goes on behind it", function()
	local case, got = new_case(), {}
	local a = case.server("a")
	a:Subscribe("c", function() end)
	case.pass(1)
	case.leave(a, true)
	local web = case.server("web")
	for i = 1, 10 do web:Publish("c", i) end
	case.pass(1)
	a = case.server("a")
	a:Subscribe("c", function(data)
		got[#got + 1] = data
		if data == 3 then kit.eq(a:Stop("c"), true) end
	end)
	case.pass(2)
	kit.eq(got, { 1, 2, 3 })
	a:Subscribe("c", function(data)
		got[#got + 1] = data
		if data ~= 6 then return end
		a:Stop("c")
		a:Subscribe("c", function(again) got[#got + 1] = -again end)
	end)
	case.pass(2)
	kit.eq(got, { 1, 2, 3, 4, 5, 6, -7, -8, -9, -10 })
	case.leave(a, true)
	case.leave(web, true)
end)

-- Two workers, of which "a" is working on a message.
local function two_workers(case, runs)
	local servers, ends = {}, {}
	for i, id in ipairs({ "a", "b" }) do
		servers[i] = case.server(id)
		servers[i]:Work("c", function(_, _, done, info)
			runs[#runs + 1] = id .. info.deliveries
			ends[#ends + 1] = done
		end, { patience = 30, parallel = 2 })
		if i == 1 then servers[i]:Publish("c", 1) end
		case.pass(1)
	end
	kit.eq(runs, { "a1" })
	return servers[1], servers[2], ends
end

host.test("an outage of Redis, or a leap of its clock, takes no message from a server that lives; a death does", function()
	local case, runs = new_case(), {}
	local a, b, ends = two_workers(case, runs)
	a.client.connected, b.client.connected = false, false
	case.pass(60)
	b.client.connected = true
	case.pass(1)
	a.client.connected = true
	case.pass(10)
	case.redis.ahead = 3600
	case.pass(60)
	kit.eq({ runs, ends[1]() }, { { "a1" }, true })
	case.pass(1)
	kit.eq(#case.redis.streams["realtime:durable:{c}"], 0)
	-- Dies while Redis is away: the lease ends one lease after the return.
	a:Publish("c", 2)
	case.pass(6)
	local holder = runs[2] == "a1" and a or b
	local other = holder == a and b or a
	case.leave(holder, false)
	other.client.connected = false
	case.pass(60)
	other.client.connected = true
	case.pass(25)
	kit.eq(#runs, 2)
	case.pass(15)
	kit.eq({ #runs, runs[3]:sub(2) }, { 3, "2" })
	case.leave(other, true)
end)

host.test("messages that a failover lost are told to workers, also if as many or more were published before they asked", function()
	for _, published in ipairs({ 1, 3, 5 }) do
		local case, lost, runs, first = new_case(), 0, {}, nil
		local a, web = case.server("a"), case.server("web")
		a:On("lost", "test", function() lost = lost + 1 end)
		a:Work("c", function(data, _, done)
			runs[#runs + 1] = data
			if data == 1 then first = done else done() end
		end)
		web:Publish("c", 1)
		case.pass(1)
		local snapshot = case.redis.snapshot()
		for i = 2, 4 do web:Publish("c", i) end
		case.pass(6)
		a.client.connected = false
		case.redis.restore(snapshot)
		local want = { 1 }
		for i = 1, published do
			want[#want + 1] = 10 + i
			web:Publish("c", 10 + i)
		end
		case.pass(1)
		a.client.connected = true
		case.pass(6)
		first()
		case.pass(12)
		kit.eq({ lost, runs }, { 1, want })
		case.leave(a, true)
		case.leave(web, true)
	end
end)

host.test("failed is told although the answer was lost, also the last one; a done is not called another server's", function()
	local case, failed, finish = new_case(), {}, nil
	local a = case.server("a")
	a:On("failed", "test", function(_, info) failed[#failed + 1] = { info.errors, info.dead } end)
	a:Work("c", function(_, _, done) finish = done end)
	a:Publish("c", 1)
	local want = {}
	for i = 1, 10 do
		finish = nil
		for _ = 1, 400 do
			if finish then break end
			case.pass(1)
		end
		finish("no luck")
		case.world.pass(0.02, 0.02)
		if i == 2 or i == 10 then case.cut(a.client, "now") end
		case.pass(1)
		want[i] = { i, i == 10 }
		kit.eq(failed, want)
	end
	case.pass(100) -- lines are limited in number
	a:Publish("c", 2)
	finish = nil
	case.pass(6)
	finish()
	case.world.pass(0.02, 0.02)
	case.world.lines = {}
	case.cut(a.client, "now")
	case.pass(2)
	kit.eq(#case.redis.streams["realtime:durable:{c}"], 0)
	kit.eq({ #case.world.lines, #failed }, { 1, 10 })
	assert(case.world.lines[1]:find("the connection broke while Redis was told", 1, true), case.world.lines[1])
	case.leave(a, true)
end)

host.test("a message that is dead after deaths is told although the answer that told it was lost", function()
	for _, kind in ipairs({ "work", "read" }) do
		local case = new_case()
		local function enter(fn)
			local durable = case.server("a")
			if kind == "work" then durable:Work("c", fn, { patience = 10 }) else durable:Subscribe("c", fn, { from = "start" }) end
			return durable
		end
		local a = enter(function() end)
		case.pass(1)
		a:Publish("c", "poison")
		case.leave(a, false)
		for _ = 1, 3 do
			local is_dead = false
			a = enter(function()
				case.leave(a, false)
				is_dead = true
			end)
			for _ = 1, 400 do
				case.pass(0.1)
				if is_dead then break end
			end
		end
		local told = kit.recorder()
		a = enter(function(_, _, done)
			if done then done() end
		end)
		a:On("failed", told.fn)
		local is_told = false
		function case.on_executed(question, reply)
			if question.name == "durable_" .. kind and reply[1] == (kind == "work" and "taken" or "read") then
				is_told = is_told or #reply[kind == "work" and 5 or 9] > 0
			end
		end
		for _ = 1, 6000 do
			case.pass(0.01, 0.01)
			if is_told then break end
		end
		assert(is_told, kind)
		kit.eq(#told, 0)
		case.cut(a.client, "now")
		case.pass(60)
		kit.eq({ kind, #told, told[1] and told[1][2].dead, told[1] and told[1][2].data }, { kind, 1, true, "poison" })
		case.leave(a, true)
	end
end)
