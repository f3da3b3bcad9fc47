-- Runs groups of cases in GLuaTest's format: one case after the other, each in a separate tick.
local make_expect, make_stub = include("expect.lua"), include("stub.lua")

local DEFAULT_TIMEOUT = 5 -- seconds of game time

local last_name = 0
local function new_name()
	last_name = last_name + 1
	return "GLuaTest " .. last_name
end

-- The game's hooks and timers, and a function that removes those made with them.
local function libraries()
	local undo = {}
	local hooks = setmetatable({}, { __index = hook, __newindex = hook })
	local timers = setmetatable({}, { __index = timer, __newindex = timer })
	rawset(hooks, "Add", function(event, name, fn)
		undo[#undo + 1] = function() hook.Remove(event, name) end
		-- The game takes functions alone.
		local called = istable(fn) and fn.IsStub and function(...) fn(...) end or fn
		return hook.Add(event, name, called)
	end)
	rawset(timers, "Create", function(name, ...)
		undo[#undo + 1] = function() timer.Remove(name) end
		return timer.Create(name, ...)
	end)
	rawset(timers, "Simple", function(delay, fn) timers.Create(new_name(), delay, 1, fn) end)
	return hooks, timers, function()
		for _, each in ipairs(undo) do each() end
	end
end

local function traceback(err) return debug.traceback(tostring(err), 2) end

-- Calls one of the file's functions, if it is there, with `env` for its globals.
local function call(env, fn, state)
	if not fn then return true end
	setfenv(fn, env)
	local ok, err = xpcall(fn, traceback, state)
	setfenv(fn, _G)
	return ok, err
end

local function holds(condition)
	if istable(condition) then
		for _, each in ipairs(condition) do
			if not holds(each) then return false end
		end
		return true
	end
	if isfunction(condition) then condition = condition() end
	return condition == true
end

local function is_skipped(case)
	return holds(case.skip) or (case.when ~= nil and not holds(case.when))
end

-- Calls finish(verdict, reason, expectations).
local function run_case(group, case, group_state, patience, finish)
	local state = setmetatable({}, { __index = group_state })
	local failure, refused, expectations, over = nil, nil, 0, false
	local hooks, timers, undo = libraries()
	local stub, restore = make_stub()

	-- The first failure is reported.
	local function fail(reason)
		if not over and not failure then failure = reason end
	end
	local function protected(env, fn)
		local ok, err = call(env, fn, state)
		-- For an expectation, the line is enough.
		if not ok then fail(refused and string.StartsWith(err, refused) and refused or err) end
		return ok, err
	end
	local function clean()
		undo()
		restore()
	end
	local function finished()
		over = true
		if failure then return finish("failed", failure, expectations) end
		finish(expectations == 0 and not case.async and "empty" or "passed", nil, expectations)
	end

	-- An async case continues: its callbacks would only pass the error to the console.
	local function refuse(message)
		if case.async then return fail(message) end
		refused = message
		error(message, 0)
	end
	local env = setmetatable({
		hook = hooks, timer = timers, stub = stub,
		expect = make_expect(refuse, function() expectations = expectations + 1 end),
	}, { __index = _G })

	if not case.async then
		if protected(env, group.beforeEach) then protected(env, case.func) end
		clean()
		protected(_G, case.cleanup)
		protected(_G, group.afterEach)
		return finished()
	end

	local timeout, completed = new_name(), false
	local function complete()
		completed = true
		timer.Remove(timeout)
		protected(_G, case.cleanup)
		protected(_G, group.afterEach)
		clean()
		finished()
	end
	function env.done()
		if not completed then complete() end
	end
	function env.fail(reason)
		if completed then return end
		fail(reason or "fail() called")
		complete()
	end
	local ok, err = protected(env, group.beforeEach)
	if ok then ok, err = protected(env, case.func) end
	if completed then
		-- The verdict is out.
		if not ok then ErrorNoHaltWithStack(err) end
	elseif not ok then
		complete()
	else
		timer.Create(timeout, (case.timeout or DEFAULT_TIMEOUT) * patience, 1, function()
			fail("Timeout")
			complete()
		end)
	end
end

local function run_group(group, patience, report, finish)
	local state, number = {}, 0
	if group.failure then
		report({ group = group, verdict = "failed", reason = group.failure, expectations = 0 })
		return finish()
	end

	local function protected(fn)
		local ok, err = call(_G, fn, state)
		if not ok then report({ group = group, verdict = "failed", reason = err, expectations = 0 }) end
		return ok
	end
	local function next_case()
		number = number + 1
		local case = group.cases[number]
		if not case then
			protected(group.afterAll)
			return finish()
		end
		timer.Simple(0, function()
			if is_skipped(case) then
				report({ group = group, case = case, verdict = "skipped", expectations = 0 })
				return next_case()
			end
			if case.clientside and not case.shared then return next_case() end
			local run = case.coroutine and coroutine.wrap(run_case) or run_case
			run(group, case, state, patience, function(verdict, reason, expectations)
				report({ group = group, case = case, verdict = verdict, reason = reason, expectations = expectations })
				next_case()
			end)
		end)
	end
	if protected(group.beforeAll) then next_case() else finish() end
end

local runner = {}

-- A file's group, or one with the reason why there is none; nil for a file without cases.
local function load(path)
	-- GLuaTest's chunk name in the game.
	local chunk = CompileString(file.Read(path, "LUA"), "lua/" .. path, false)
	local ok, group = false, chunk
	if isfunction(chunk) then ok, group = xpcall(chunk, traceback) end
	if ok and not istable(group) then ok, group = false, "the file returns no group" end
	if not ok then return { path = path, failure = group } end
	group.path = path
	return group.cases and group or nil
end

-- The groups of lua/tests/PROJECT/ in all addons, folders in it included; of all projects, or of those in the list.
function runner.Find(projects)
	local groups = {}
	local function look(folder)
		local files, folders = file.Find(folder .. "/*", "LUA")
		for _, name in ipairs(files or {}) do
			if string.EndsWith(name, ".lua") then groups[#groups + 1] = load(folder .. "/" .. name) end
		end
		for _, name in ipairs(folders or {}) do look(folder .. "/" .. name) end
	end
	if #projects == 0 then
		local _, all = file.Find("tests/*", "LUA")
		projects = all or {}
	end
	for _, project in ipairs(projects) do look("tests/" .. project) end
	return groups
end

-- Calls report({ group, case, verdict, reason, expectations }) for each case, and finish() after the last one. A
-- verdict: "passed", "failed", "skipped", or "empty" without an expectation. `patience`: the factor for timeouts.
function runner.Run(groups, patience, report, finish)
	local number = 0
	local function next_group()
		number = number + 1
		if not groups[number] then return finish() end
		run_group(groups[number], patience, report, next_group)
	end
	next_group()
end

return runner
