-- realtime.Durable in virtual time (_durable.lua): answers that are lost or refused, and Lua states that end in the midst of something.

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
	-- Until its deadline; then nobody knows.
	kit.eq({ #got, got[1][1].code, got[1][1].sent }, { 1, "TIMEOUT", true })
	assert(tostring(got[1][1]):find("LOADING", 1, true), tostring(got[1][1]))
	assert(refusals > 10, refusals)
	case.world.addon.RunScript = run
	case.pass(1)
	kit.eq({ #got, got[2][1], got[2][2] ~= nil }, { 2, nil, true })
	case.leave(a, true)
end)

local function end_of(durable) return hook.GetTable().ShutDown["realtime.Durable " .. durable.instance] end

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

host.test("a done in another ShutDown hook, after the messages were given back, is told at once", function()
	local case, runs, finishes = new_case(), 0, {}
	local a, b = case.server("a"), case.server("b")
	local function fn(_, _, done)
		runs = runs + 1
		finishes[#finishes + 1] = done
	end
	a:Work("c", fn, { parallel = 2 })
	a:Publish("c", 1)
	a:Publish("c", 2)
	case.pass(1)
	end_of(a)()
	kit.eq({ finishes[1](), finishes[2]("no luck") }, { true, false })
	case.leave(a, false)
	b:Work("c", fn, { parallel = 2 })
	case.pass(40)
	kit.eq(runs, 3)
	case.leave(b, true)
end)

-- Until Redis has done what `is_it` looks for, and before its answer is here.
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
