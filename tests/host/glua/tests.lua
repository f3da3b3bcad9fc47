-- host.run, host.wait and host.test: scripts that wait for things, written in one piece.
local native = ...
local coroutine, SysTime = coroutine, SysTime
-- Scripts may replace these.
local error, tostring, format, traceback = error, tostring, string.format, debug.traceback
local resume, status, yield, running = coroutine.resume, coroutine.status, coroutine.yield, coroutine.running

-- Functions for the next tick, and waiting tests.
local threads, count = {}, 0
local tests, first_test, last_test = {}, 1, 0
local current_test

local DEFAULT_PATIENCE = 10

-- Every name that coroutine.status pushes lives as long as this table: asking needs no memory.
local is_over = { suspended = false, dead = true, normal = false, running = false }

local function start(entry)
	entry.thread = coroutine.create(entry.fn)
	count = count + 1
	threads[count] = entry
end

-- Whether the caller runs in a coroutine of ours.
local function inside()
	local thread = running()
	for i = 1, count do
		if threads[i].thread == thread then return true end
	end
	return false
end

function native.leave()
	if inside() then
		while true do yield() end
	end
end

-- Runs fn in a coroutine, from the next tick on. An error in it ends the run.
function host.run(fn) start({ fn = fn }) end

-- Waits for so many ticks (1).
function host.pass(ticks)
	if not inside() then error("host.pass works inside host.run and host.test", 2) end
	for _ = 1, ticks or 1 do yield() end
end

-- Waits until condition() is true and returns its answer. After so many seconds (10) it raises if `what` is given,
-- otherwise returns false.
function host.wait(condition, seconds, what)
	if not inside() then error("host.wait works inside host.run and host.test", 2) end
	seconds = seconds or DEFAULT_PATIENCE
	local deadline = SysTime() + seconds
	while true do
		local answer = condition()
		if answer then return answer end
		if SysTime() >= deadline then break end
		yield()
	end
	if what then error(what .. ": not within " .. seconds .. " s", 2) end
	return false
end

-- Tests run one after the other. When the last is done, the host prints the result and ends the run.
function host.test(name, fn)
	last_test = last_test + 1
	tests[last_test] = { name = name, fn = fn, test = true }
end

local function finish_test(entry, err)
	current_test = nil
	native.test_result(err == nil)
	if err == nil then
		native.print("ok      " .. entry.name .. "\n")
	else
		native.print("FAILED  " .. entry.name .. "\n" .. tostring(err) .. "\n" .. traceback(entry.thread) .. "\n")
	end
end

local function finish(entry, ok, err)
	if entry.test then
		if not ok and err == nil then err = "error(nil)" end
		return finish_test(entry, not ok and err or nil)
	end
	if not ok then native.abort(tostring(err), traceback(entry.thread) .. "\n") end
end

local function next_test()
	if current_test or last_test == 0 then return end
	if first_test > last_test then
		last_test = 0
		local result = native.test_result()
		native.print(format("%d passed, %d failed\n", result[1], result[2]))
		native.exit(result[2] == 0 and 0 or 1)
		return
	end
	current_test = tests[first_test]
	first_test = first_test + 1
	start(current_test)
end

-- Each waiting coroutine runs until it waits again. Allocates nothing except at a test's start and end.
function native.run_coroutines()
	next_test()
	local kept = 0
	local last = count
	for i = 1, last do
		local entry = threads[i]
		local ok, err = resume(entry.thread)
		if is_over[status(entry.thread)] then
			-- If it left memory failing, that ends here, so that its error can be reported.
			native.fail_allocations(nil)
			entry.dead = true
			finish(entry, ok, err)
		end
	end
	for i = 1, count do
		local entry = threads[i]
		if not entry.dead then
			kept = kept + 1
			threads[kept] = entry
		end
	end
	for i = kept + 1, count do threads[i] = nil end
	count = kept
	next_test()
end
