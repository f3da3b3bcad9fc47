-- The processor time of the ticks of this process's main thread, and the parts of the longest one: the slices of the helpers,
-- answers, messages, callbacks, and LuaJIT's compiler. The rest is the module's own (it makes strings and tables) and
-- the host's. The garbage collector has no share of its own, because it runs in small steps wherever something is allocated. A thread that
-- lost its core to another process continues more slowly, because its caches are cold.
--
-- Loaded with include("_ticks.lua"), before the helpers are used.

local addon = include("realtime/load.lua").addon
if addon.load_ticks then return addon.load_ticks end -- two scripts in one Lua state
local registry = debug.getregistry()
local ffi = registry._LOADED.ffi or registry._PRELOAD.ffi("ffi") -- a second opening would lose the declarations of the first
ffi.cdef("int getrusage(int who, long *usage);")
local RUSAGE_THREAD, SYSTEM_TIME, PAGE_FAULTS, TAKEN_AWAY = 1, 2, 8, 17 -- and indexes in its result
local thread_time, format = host.thread_time, string.format
local ticks = {}
addon.load_ticks = ticks

-- Seconds of each part in this tick, and how often it ran; for running parts, the time of other parts within them.
local parts, running = {}, {}

local function add(name, seconds)
	local part = parts[name] or { seconds = 0, count = 0 }
	parts[name] = part
	part.seconds, part.count = part.seconds + seconds, part.count + 1
end

local function ended(name, began, ...)
	local spent, within = thread_time() - began, table.remove(running)
	if running[1] then running[#running] = running[#running] + spent end
	add(name, spent - within)
	return ...
end

local function measured(name, fn, ...)
	running[#running + 1] = 0
	return ended(name, thread_time(), fn(...))
end

local function measure(library, function_name, name)
	local fn = library[function_name]
	library[function_name] = function(...) return measured(name, fn, ...) end
end
measure(addon, "Protect", "callbacks")
measure(addon.shared_copy, "Hear", "messages of Shared")
measure(addon.shared_copy, "Settle", "comparing of Shared")
measure(addon.shared_entries, "Expire", "expiry of Shared")
measure(addon.shared_snapshot, "Tick", "snapshot of Shared")
measure(addon.durable_subscribers, "Tick", "subscribers of Durable")
measure(addon.durable_workers, "Tick", "workers of Durable")

local run_script, add_task = addon.RunScript, addon.AddTask
function addon.RunScript(client, name, keys, arguments, answer, seconds)
	local function answered(...) return measured("answers of " .. name, answer, ...) end
	return measured("calls of " .. name, run_script, client, name, keys, arguments, answered, seconds)
end
function addon.AddTask(key, task)
	local name = "tick of " .. (istable(key) and getmetatable(key) and getmetatable(key).MetaName or tostring(key))
	return add_task(key, function(now) return measured(name, task, now) end)
end

local compiling_since, compiling_depth
jit.attach(function(what)
	if what == "start" then
		compiling_since, compiling_depth = thread_time(), #running
	elseif compiling_since and (what == "stop" or what == "abort") then
		local spent = thread_time() - compiling_since
		if #running == compiling_depth then
			add("LuaJIT's compiler", spent)
			if running[1] then running[#running] = running[#running] + spent end
		end
		compiling_since = nil
	end
end, "trace")

-- The kernel's counts for this thread: milliseconds in the kernel, page faults, and how often another thread got the core.
local usage = ffi.new("long[18]")
local function kernel()
	ffi.C.getrusage(RUSAGE_THREAD, usage)
	local function number(at) return tonumber(usage[at]) end
	return { number(SYSTEM_TIME) * 1000 + number(SYSTEM_TIME + 1) / 1000, number(PAGE_FAULTS), number(TAKEN_AWAY) }
end

local times, last, last_wall, last_kernel, last_memory, begun, longest = {}, nil, 0, nil, 0, 0, nil

local function text_of(seconds, wall)
	local memory, now = collectgarbage("count") - last_memory, kernel()
	local list, rest = {}, seconds
	for name, part in pairs(parts) do
		list[#list + 1] = { name = name, seconds = part.seconds, count = part.count }
		rest = rest - part.seconds
	end
	table.sort(list, function(a, b) return a.seconds > b.seconds end)
	local words = {}
	for _, part in ipairs(list) do
		if part.seconds < 0.00005 then break end
		words[#words + 1] = format("%s %.2f%s", part.name, part.seconds * 1000, part.count > 1 and format(" (%d)", part.count) or "")
	end
	words[#words + 1] = format("the rest %.2f", rest * 1000)
	return format("%.2f ms (%.2f by the wall clock, %.1f s after the beginning, Lua's memory %+.0f KB, %.1f ms in the kernel, %d page faults, "
		.. "%d times off the core): %s", seconds * 1000, wall * 1000, last_wall - begun, memory, now[1] - last_kernel[1], now[2] - last_kernel[2],
		now[3] - last_kernel[3], table.concat(words, ", "))
end

timer.Create("load", 0, 0, function()
	local seconds, wall = thread_time() - (last or 0), SysTime() - last_wall
	if last then
		times[#times + 1] = seconds
		if not longest or seconds > longest.seconds then
			longest = { seconds = seconds, text = text_of(seconds, wall) }
		end
	end
	parts = {}
	last_kernel, last_memory, last_wall, last = kernel(), collectgarbage("count"), SysTime(), thread_time()
end)

-- The current tick does not count.
function ticks.Begin()
	times, last, longest, begun = {}, nil, nil, SysTime()
end

-- The number of ticks, the sum of their seconds, and a function: the milliseconds that a share of them does not exceed. The caller's use of
-- it is not part of the next tick.
function ticks.Figures()
	last = nil
	table.sort(times)
	local sum = 0
	for _, time in ipairs(times) do sum = sum + time end
	return #times, sum, function(share) return (times[math.max(1, math.ceil(#times * share))] or 0) * 1000 end
end

-- The parts of the longest tick.
function ticks.Longest() return longest and longest.text or "no tick" end

function ticks.Said()
	local count, _, at = ticks.Figures()
	return format("%d ticks, p50 %.2f, p99 %.2f, max %.2f ms\n    the longest: %s", count, at(0.5), at(0.99), at(1), ticks.Longest())
end

return ticks
