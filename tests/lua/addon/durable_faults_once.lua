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
