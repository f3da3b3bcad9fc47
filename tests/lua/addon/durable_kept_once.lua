-- realtime.Durable in virtual time (_durable.lua): messages that are dropped, dead, or put back.

local kit = include("../_kit.lua")
local new_case = include("_durable.lua").new_case
local STREAM = "realtime:durable:{c}"

host.test("a channel that is written by XADD alone keeps as many messages as it says", function()
	local case, got = new_case(), {}
	local a = case.server("a")
	a:Subscribe("c", function(data) got[#got + 1] = data end, { keep = 5 })
	case.pass(1)
	for i = 1, 50 do case.redis.xadd(STREAM, "*", "data", tostring(i)) end
	case.pass(12)
	kit.eq({ #case.redis.streams[STREAM], got[#got] }, { 5, 50 })
	case.leave(a, true)
end)

host.test("a message that fails is not dead because Redis was away for minutes", function()
	local case, failed = new_case(), {}
	local a = case.server("a")
	a:On("failed", "test", function(_, info) failed[#failed + 1] = info.dead end)
	a:Subscribe("c", function() error("on purpose") end)
	case.pass(1)
	a:Publish("c", 1)
	case.pass(0.8)
	kit.eq(failed, { false })
	a.client.connected = false
	case.pass(310)
	a.client.connected = true
	case.pass(5)
	assert(#failed > 1, #failed)
	kit.eq(table.HasValue(failed, true), false)
	-- From then on others wait for it for five minutes, as always.
	case.pass(400)
	kit.eq(failed[#failed], true)
	case.leave(a, true)
end)

host.test("a message that fails and was dropped from Redis meanwhile is told as lost after some minutes, and the next ones come", function()
	local case, got, log = new_case(), nil, {}
	local a = case.server("a")
	a:On("failed", "test", function(_, info) log[#log + 1] = info.dead end)
	a:On("lost", "test", function(_, info) log[#log + 1] = "lost " .. info.count end)
	a:Subscribe("c", function(data)
		if data == "bad" then error("on purpose") end
		got = data
	end, { keep = 2, max_deliveries = 1000 })
	case.pass(1)
	a:Publish("c", "bad")
	case.pass(0.8)
	a:Publish("c", 1)
	a:Publish("c", 2)
	case.pass(600)
	kit.eq({ got, #log, log[10], log[11], #(case.redis.streams[STREAM .. ":dead"] or {}) }, { 2, 11, false, "lost 1", 0 })
	case.leave(a, true)
end)

host.test("Retry finds a message among many dead, a few of them in each question, and says so if there is none", function()
	local case, ids, asked = new_case(), {}, 0
	local a = case.server("a")
	a:Work("c", function(_, _, done, info)
		ids[#ids + 1] = info.id
		done()
	end)
	case.pass(1)
	for i = 1, 105 do case.redis.xadd(STREAM .. ":dead", "*", "first", "1-" .. i, "from", "", "data", tostring(i), "reason", "r") end
	function case.on_executed(question)
		if question.name == "durable_manage" then asked = asked + 1 end
	end
	for id, found in pairs({ ["1-105"] = true, ["1-1"] = true, ["1-50"] = true, ["2-1"] = false }) do
		local answers = kit.recorder()
		kit.eq(a:Retry("c", id, answers.fn), true)
		case.pass(6)
		kit.eq({ #answers, answers[1][1], answers[1][2] }, { 1, nil, found }, id)
	end
	table.sort(ids)
	kit.eq({ ids, #case.redis.streams[STREAM .. ":dead"] }, { { "1-1", "1-105", "1-50" }, 102 })
	assert(asked >= 16, asked)
	case.leave(a, true)
end)

host.test("callbacks of workers and subscribers share one budget in each tick, and each of them gets one in any case", function()
	local case, ticks = new_case(), {}
	local function slow(name)
		return function(_, _, done)
			local tick = ticks[#ticks]
			tick[name] = (tick[name] or 0) + 1
			case.world.now = case.world.now + 0.0015 -- seconds: of 0.002
			if isfunction(done) then done() end
		end
	end
	local a, web = case.server("a"), case.server("web")
	for _, channel in ipairs({ "s1", "s2" }) do a:Subscribe(channel, slow(channel)) end
	case.pass(1)
	for i = 1, 10 do
		for _, channel in ipairs({ "s1", "s2", "w" }) do web:Publish(channel, i) end
	end
	case.pass(0.02, 0.01)
	a:Work("w", slow("w"), { parallel = 10 })
	for _ = 1, 60 do
		ticks[#ticks + 1] = {}
		case.pass(0.05, 0.05)
	end
	local total = {}
	for _, tick in ipairs(ticks) do
		local count = 0
		for name, its in pairs(tick) do
			count = count + its
			total[name] = (total[name] or 0) + its
		end
		assert(count <= 4, kit.show(tick)) -- two of the first, one of each other
	end
	kit.eq(total, { s1 = 10, s2 = 10, w = 10 })
	case.leave(a, true)
	case.leave(web, true)
end)

host.test("what is done at once is told in few questions, as many in a tick as its budget allows; who lost one is told so of that one", function()
	local case, ends, ticks, is_told = new_case(), {}, {}, {}
	local a, web = case.server("a"), case.server("web")
	a:Work("c", function(data, _, done) ends[data] = done end, { parallel = 52, patience = 600 })
	case.pass(1)
	for i = 1, 52 do web:Publish("c", i) end
	case.pass(3)
	kit.eq(#ends, 52)
	local run, stream = case.world.addon.RunScript, case.redis.streams[STREAM]
	function case.world.addon.RunScript(client, name, keys, arguments, ...)
		if arguments[1] == "done" or arguments[1] == "failed" then
			local tick = ticks[#ticks]
			tick[#tick + 1] = arguments[1] == "done" and #arguments - 6 or "failed"
			case.world.now = case.world.now + 0.0015 -- seconds: of 0.002
			for i = 7, #arguments do
				assert(not is_told[arguments[i]], arguments[i])
				is_told[arguments[i]] = arguments[1] == "done"
			end
		end
		return run(client, name, keys, arguments, ...)
	end
	local lost = table.remove(stream, 7)[1]
	for i = 1, 52 do ends[i](i == 52 and "no luck" or nil) end
	case.world.lines = {}
	for i = 1, 4 do
		ticks[i] = {}
		case.pass(0.05, 0.05)
	end
	kit.eq(ticks, { { 20, 20 }, { "failed", 11 }, {}, {} })
	kit.eq({ #stream, #case.world.lines, is_told[lost] }, { 1, 1, true })
	assert(case.world.lines[1]:find("the message " .. lost, 1, true), case.world.lines[1])
	case.world.addon.RunScript = run
	case.leave(a, true)
	case.leave(web, true)
end)

host.test("Stop with an identifier does not stop Work, and messages that wait for their turn go to others then", function()
	local case, runs = new_case(), {}
	local a, b = case.server("a"), case.server("b")
	local function work(durable, name)
		durable:Work("c", function(data, _, done, info)
			runs[#runs + 1] = name .. data .. " " .. info.deliveries
			if name == "a" then kit.eq(durable:Stop("c"), true) end
			done()
		end, { parallel = 3, patience = 600 })
	end
	work(a, "a")
	kit.eq({ a:Stop("c", "another"), a:Stop("c", "c") }, { false, false })
	for i = 1, 3 do b:Publish("c", i) end
	case.pass(2)
	kit.eq(runs, { "a1 1" })
	work(b, "b")
	case.pass(6)
	table.sort(runs)
	kit.eq(runs, { "a1 1", "b2 1", "b3 1" })
	case.leave(a, true)
	case.leave(b, true)
end)

host.test("a channel of the other kind is asked for once a minute, also if much is published", function()
	for _, kind in ipairs({ "Subscribe", "Work" }) do
		local case, asked = new_case(), 0
		local a, other = case.server("a"), case.server("other")
		other[kind == "Work" and "Subscribe" or "Work"](other, "c", function(_, _, done)
			if isfunction(done) then done() end
		end)
		case.pass(1)
		a[kind](a, "c", function() error("it gets nothing") end)
		function case.on_executed(question)
			if question.client == a.client then asked = asked + 1 end
		end
		for i = 1, 50 do
			other:Publish("c", i)
			case.pass(1)
		end
		kit.eq(asked, 1, kind)
		case.pass(20)
		kit.eq(asked, 2, kind)
		case.leave(a, false)
		case.leave(other, true)
	end
end)

host.test("a message that was put back is as old as at first", function()
	local case, info_of, is_bad = new_case(), nil, true
	local a = case.server("a")
	a:Subscribe("c", function(_, _, info)
		info_of = info
		if is_bad then error("on purpose") end
	end, { max_deliveries = 1 })
	case.pass(1)
	a:Publish("c", 1)
	case.pass(600)
	is_bad = false
	a:Retry("c", info_of.id)
	case.pass(6)
	assert(info_of.age >= 600 and info_of.age < 610, info_of.age)
	-- A plain XADD may write anything.
	for _, first in ipairs({ "x", "1", "9-", "" }) do
		case.redis.xadd(STREAM, "*", "data", "1", "first", first)
		case.pass(6)
		assert(info_of.id == first and info_of.age >= 0, info_of.age)
	end
	case.leave(a, true)
end)
