-- realtime.Durable in virtual time (_durable.lua): what is dropped, dead, or put back.

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
	-- Others wait for it from then on for five minutes, as ever.
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
