-- The host's runner for tests in GLuaTest's format (tests/host/gluatest/): its verdicts, and the order of its steps.

local runner = include("../host/gluatest/runner.lua")
local PATIENCE = host.args[1] == "slow" and 240 or 60

-- Runs the groups to their end: a list of results.
local function run(groups)
	local results, over = {}, false
	runner.Run(groups, 1, function(result) results[#results + 1] = result end, function() over = true end)
	host.wait(function() return over end, PATIENCE, "the end of the groups")
	return results
end

local function run_case(case, group)
	group = group or {}
	case.name, group.cases = "the case", { case }
	local results = run({ group })
	assert(#results == 1, #results .. " results")
	return results[1]
end

local function eq(got, wanted, what)
	if got ~= wanted then error(string.format("%s: expected %s, got %s", what, tostring(wanted), tostring(got)), 2) end
end

local function here() error("raised here") end

-- The verdict on a case, and a part of the reason.
local verdicts = {
	{ "passed", { func = function() expect(1).to.equal(1) end } },
	{ "failed", { func = function() expect(1).to.equal(2) end }, "gluatest_once.lua:31: Expected 1 to equal 2" },
	{ "failed", { func = function() expect("x").toNot.equal("x") end }, "Expected 'x' to not equal 'x'" },
	{ "failed", { func = here }, "raised here" },
	{ "failed", { func = function() expect(1).to.toBe(1) end }, "toBe" },
	{ "empty", { func = function() end } },
	{ "skipped", { skip = true, func = here } },
	{ "skipped", { skip = function() return true end, func = here } },
	{ "skipped", { skip = true, when = true, func = here } },
	{ "skipped", { when = false, func = here } },
	{ "skipped", { when = function() return "not true" end, func = here } },
	{ "skipped", { when = { true, function() return false end }, func = here } },
	{ "passed", { skip = false, when = { true, function() return true end }, func = function() expect(1).to.exist() end } },
	{ "failed", { func = function() done() end }, "global 'done'" },
	{ "passed", { async = true, func = function() expect(1).to.equal(1) done() end } },
	{ "passed", { async = true, func = function() timer.Simple(0, function() expect(1).to.equal(1) done() end) end } },
	{ "passed", { async = true, func = function() done() end } },
	{ "passed", { async = true, func = function() done() done() fail() expect(1).to.equal(2) end } },
	{ "failed", { async = true, timeout = 0.05, func = function() expect(1).to.equal(1) end }, "Timeout" },
	{ "failed", { async = true, func = function() fail("not this way") end }, "not this way" },
	{ "failed", { async = true, func = function() fail() end }, "fail() called" },
	{ "failed", { async = true, func = here }, "raised here" },
	-- It continues to done(), and the first failure is reported.
	{ "failed", { async = true, func = function()
		timer.Simple(0, function() expect("first").to.beNil() expect("second").to.beNil() done() end)
	end }, "Expected 'first' to be nil" },
	{ "failed", { async = true, timeout = 0.05, func = function() expect("no done()").to.beNil() end }, "Expected 'no done()'" },
	{ "passed", { async = true, coroutine = true, func = function()
		local thread = coroutine.running()
		timer.Simple(0, function() coroutine.resume(thread) end)
		coroutine.yield()
		expect(1).to.equal(1)
		done()
	end } },
	{ "failed", { func = function() expect(1).to.equal(1) end, cleanup = here }, "raised here" },
	{ "failed", { async = true, func = function() done() end, cleanup = here }, "raised here" },
	{ "failed", { func = function() expect(1).to.equal(2) end, cleanup = here }, "Expected 1 to equal 2" },
	{ "failed", { func = function() expect(1).to.equal(1) end }, "raised here", { beforeEach = here } },
	{ "failed", { async = true, func = function() done() end }, "raised here", { beforeEach = here } },
	{ "failed", { func = function() expect(1).to.equal(1) end }, "raised here", { afterEach = here } },
	{ "failed", { func = function() expect(1).to.equal(1) end }, "raised here", { beforeAll = here } },
}

for number, row in ipairs(verdicts) do
	local verdict, case, reason, group = unpack(row, 1, 4)
	host.test(string.format("%d: %s %s", number, verdict, reason or ""), function()
		local result = run_case(case, group)
		eq(result.verdict, verdict, tostring(result.reason))
		if reason then assert(result.reason:find(reason, 1, true), result.reason) end
	end)
end

local function raises(text) error(text, 0) end
local function returns_error() return "lua/tests/x.lua:5: here" end

-- Each expectation with a subject and arguments for which it holds, then a subject for which it does not.
local expectations = {
	{ "equal", 1, 2, 1 },
	{ "deepEqual", { 1, { a = 2 } }, { 1, { a = 3 } }, { 1, { a = 2 } } },
	{ "deepEqual", { 1 }, { 1, 2 }, { 1 } },
	{ "aboutEqual", 0.1 + 0.2, 0.31, 0.3 },
	{ "aboutEqual", 10, 13, 11, 1 },
	{ "beLessThan", 1, 2, 2 },
	{ "beGreaterThan", 3, 2, 2 },
	{ "beBetween", 2, 3.1, 2, 3 },
	{ "beTrue", true, 1 },
	{ "beFalse", false, 0 },
	{ "beNil", nil, false },
	{ "exist", false, nil },
	{ "beNaN", 0 / 0, 1 },
	{ "beValid", { IsValid = function() return true end }, {} },
	{ "beInvalid", {}, { IsValid = function() return true end } },
	{ "beA", "x", 1, "string" },
	{ "beAn", "x", 1, "string" },
	{ "succeed", returns_error, raises },
	{ "err", raises, returns_error },
}

host.test("every expectation and its opposite", function()
	for _, row in ipairs(expectations) do
		local name, right, wrong = unpack(row, 1, 3)
		local function verdict(side, subject)
			return run_case({ func = function() expect(subject)[side][name](unpack(row, 4, 5)) end }).verdict
		end
		eq(verdict("to", right), "passed", name)
		eq(verdict("to", wrong), "failed", name)
		eq(verdict("was", wrong), "failed", name)
		for _, side in ipairs({ "toNot", "notTo", "wasNot" }) do
			eq(verdict(side, wrong), "passed", side .. "." .. name)
			eq(verdict(side, right), "failed", side .. "." .. name)
		end
	end
end)

host.test("functions get what stands behind them", function()
	local function five(value) if value ~= 5 then error("not five") end end
	eq(run_case({ func = function() expect(five, 5).to.succeed() end }).verdict, "passed", "succeed")
	eq(run_case({ func = function() expect(five, 6).to.err() end }).verdict, "passed", "err")
	eq(run_case({ func = function() expect(five, 5).to.err() end }).verdict, "failed", "no err")
end)

host.test("errWith: the whole message, without an addon's place, of a function with its arguments", function()
	local function verdict(side, text, wanted)
		return run_case({ func = function() expect(raises, text)[side].errWith(wanted) end }).verdict
	end
	for _, place in ipairs({ "", "lua/tests/x.lua:5: ", "addons/a/lua/x.lua:12: " }) do
		eq(verdict("to", place .. "why", "why"), "passed", place)
		eq(verdict("to", place .. "why not", "why"), "failed", place)
		eq(verdict("toNot", place .. "why", "why"), "failed", place)
		eq(verdict("toNot", place .. "why not", "why"), "passed", place)
	end
	eq(verdict("to", "data/x.lua:5: why", "why"), "failed", "elsewhere")
	local quiet = run_case({ func = function() expect(returns_error).toNot.errWith("why") end })
	eq(quiet.verdict, "failed", "who raises nothing, raises nothing else")
end)

host.test("the order: all, then each with its state, then what the case made is gone", function()
	local order = {}
	local function note(word) return function(state) order[#order + 1] = word .. (state.own or "") end end
	local function case(async)
		return {
			name = "a case", async = async, cleanup = note("cleanup"),
			func = function(state)
				state.own = async and "!" or "?"
				order[#order + 1] = "func " .. state.shared
				expect(state.each).to.equal(true)
				if async then done() end
			end,
		}
	end
	run({ {
		beforeAll = function(state) state.shared = "shared" note("beforeAll")(state) end,
		beforeEach = function(state) state.each = true note("beforeEach")(state) end,
		afterEach = note("afterEach"), afterAll = note("afterAll"), cases = { case(false), case(true) },
	} })
	eq(table.concat(order, ", "), "beforeAll, beforeEach, func shared, cleanup?, afterEach?, " ..
		"beforeEach, func shared, cleanup!, afterEach!, afterAll", "the order")
end)

host.test("a failure ends neither its case's cleanup nor the run; a file's failure is one", function()
	local cleaned = 0
	local function clean() cleaned = cleaned + 1 end
	local results = run({
		{ path = "broken.lua", failure = "unexpected symbol" },
		{ afterAll = clean, cases = {
			{ name = "one", func = here, cleanup = clean },
			{ name = "two", async = true, timeout = 0.02, func = function() end, cleanup = clean },
			{ name = "three", func = function() expect(1).to.equal(1) end, cleanup = clean },
		} },
	})
	local words = {}
	for i, result in ipairs(results) do words[i] = result.verdict end
	eq(table.concat(words, " "), "failed failed failed passed", "the verdicts")
	eq(cleaned, 4, "what was cleaned")
end)

for _, async in ipairs({ false, true }) do
	local kind = async and ", async" or ""
	host.test("a case does not begin behind a beforeEach that raised" .. kind, function()
		local began = 0
		local result = run_case({ async = async, func = function() began = began + 1 end }, { beforeEach = here })
		eq(result.verdict, "failed", "the verdict")
		eq(began, 0, "cases that began")
	end)

	-- In an async case negated expectations raise, too: GLuaTest records only the others.
	host.test("a case ends at a toNot that fails" .. kind, function()
		local went_on = false
		local result = run_case({ async = async, func = function()
			expect(1).toNot.equal(1)
			went_on = true
			if async then done() end
		end })
		eq(result.verdict, "failed", "the verdict")
		eq(went_on, false, "whether it went on")
	end)

	host.test("hooks, timers, globals and stubs of a case end with it" .. kind, function()
		local library, calls = { get = function() return "real" end }, 0
		local real = library.get
		local result = run_case({ async = async, func = function()
			expect(stub(library, "get").returns("stubbed", nil, 3)).was.exist()
			expect(select("#", library.get(5))).to.equal(3)
			expect(library.get()).to.equal("stubbed")
			expect(library.get.callCount).to.equal(2)
			expect(library.get.callHistory[1][1]).to.equal(5)
			expect(library.get).was.called()
			expect(library.get).was.called(2)
			stub(library, "get").with(function() return "again" end)
			expect(library.get()).to.equal("again")
			stub(library, "new").returnsSequence({ 1, 2 }, "no more")
			expect(library.new() .. library.new() .. library.new()).to.equal("12no more")
			expect(library.new.with, print).to.err()
			local alone = stub()
			expect(alone).wasNot.called()
			hook.Add("gluatest", "stub", alone)
			hook.Add("gluatest", "function", function() calls = calls + 1 end)
			hook.Run("gluatest")
			expect(alone).was.called()
			timer.Create("gluatest", 0, 0, function() calls = calls + 100 end)
			timer.Simple(0, function() calls = calls + 100 end)
			left_behind = true
			expect(left_behind).to.beTrue()
			if async then done() end
		end })
		eq(result.verdict, "passed", tostring(result.reason))
		eq(library.get, real, "the function")
		eq(rawget(library, "new"), nil, "what there was not")
		eq(rawget(_G, "left_behind"), nil, "the global")
		hook.Run("gluatest")
		host.pass(3)
		eq(calls, 1, "calls of hooks and timers")
		assert(not timer.Exists("gluatest"))
	end)
end

host.test("a stub that was called too little fails, and one that was called at all", function()
	eq(run_case({ func = function() expect(stub()).was.called() end }).verdict, "failed", "never")
	eq(run_case({ func = function()
		local called = stub()
		called()
		expect(called).was.called(2)
	end }).verdict, "failed", "once")
	eq(run_case({ func = function()
		local called = stub()
		called()
		expect(called).wasNot.called()
	end }).verdict, "failed", "at all")
end)

host.test("an error in a callback goes to the console, and the case times out", function()
	host.expect_errors(1)
	local result = run_case({ async = true, timeout = 0.05, func = function() timer.Simple(0, here) end })
	eq(result.verdict, "failed", "the verdict")
	eq(result.reason, "Timeout", "the reason")
end)

host.test("files of all addons are found, in folders, too", function()
	local passing = 'return { groupName = "%s", cases = { { name = "n", func = function() expect(1).to.equal(1) end } } }'
	host.put("addons/one/lua/tests/one/deep/a.lua", string.format(passing, "deep"))
	host.put("addons/one/lua/tests/one/b.lua", string.format(passing, "b"))
	host.put("addons/one/lua/tests/one/helper.lua", "return {}")
	host.put("addons/one/lua/tests/one/notes.txt", "no Lua")
	host.put("addons/two/lua/tests/two/broken.lua", "return {")
	host.put("addons/two/lua/tests/two/raising.lua", 'error("no Redis")')
	host.put("addons/two/lua/tests/two/nothing.lua", "")
	host.put("addons/two/lua/tests/outside.lua", "return {")
	local function found(...)
		local names = {}
		for i, group in ipairs(runner.Find({ ... })) do names[i] = group.groupName or group.failure:match("^[^\n]*") end
		return table.concat(names, "; ")
	end
	eq(found("one"), "b; deep", "one")
	local two = "lua/tests/two/broken.lua:1: unexpected symbol near '<eof>'; the file returns no group; " ..
		"lua/tests/two/raising.lua:1: no Redis"
	eq(found("two"), two, "two")
	eq(found(), "b; deep; " .. two, "all")
	eq(run(runner.Find({ "one" }))[1].verdict, "passed", "it runs")
end)
