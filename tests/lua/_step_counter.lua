-- Counts how much work a function does, in steps that are the same on every machine: instructions of the VM, and a step for
-- each byte or element that a function of the string and table libraries reads. Time would depend on the machine.
--
--   local counter = include("_step_counter.lua")
--   counter.install()               -- before the code to be counted is loaded: it may keep string.find in a local
--   local steps, … = counter.count(fn, …)
--
-- Patterns are matched by _lua_patterns.lua, so that the work in string.match and similar functions is counted, too.
-- Not counted: the length of the results of `..`, colliding keys in a table, and the work of C functions of the host.
-- counter.allocated(fn, …) shows the first.

local counter = {}

local EVERY = 1 -- instructions between two calls of the hook, unless count_every says otherwise
local every = EVERY
-- Two sums: the hook may run in the middle of an addition to the other one.
local instructions, touched = 0, 0

local sethook, collect, select, type, max, min = debug.sethook, collectgarbage, select, type, math.max, math.min
local is_paused, most = false, math.huge
local function touch(count) if count > 0 then touched = touched + count end end
local function tick()
	if is_paused then return end
	instructions = instructions + every
	if instructions + touched > most then
		debug.sethook()
		error("more than " .. most .. " steps", 0)
	end
end
local function pause() is_paused = true end
local function go_on() is_paused = false end

-- The work of each function, from its arguments.
local function length(text) return type(text) == "string" and #text or 8 end

local strings = {
	byte = function(text, from, to) return (to or from or 1) - (from or 1) + 1 end,
	char = function(...) return select("#", ...) end,
	lower = length, upper = length, reverse = length,
	rep = function(text, count, separator) return (length(text) + (separator and #separator or 0)) * max(count, 0) end,
	sub = function(text, from, to)
		local size = length(text)
		to = to or -1
		if from < 0 then from = max(size + from + 1, 1) end
		if to < 0 then to = size + to + 1 end
		return min(to, size) - max(from, 1) + 1
	end,
	format = function(...)
		local size = 0
		for i = 1, select("#", ...) do size = size + length((select(i, ...))) end
		return size
	end,
}

local tables = {
	concat = function(list, separator, from, to)
		local size = 0
		for i = from or 1, to or #list do size = size + length(list[i]) + (separator and #separator or 0) end
		return size
	end,
	insert = function(list, place, value) return value ~= nil and #list - place + 1 or 1 end,
	remove = function(list, place) return place and #list - place or 1 end,
	-- A comparing function counts by itself.
	sort = function(list) return #list * max(math.ceil(math.log(#list + 1) / math.log(2)), 1) end,
	maxn = function(list) return #list end,
}

local function wrapped(real, size)
	return function(...)
		touch(size(...))
		return real(...)
	end
end

local originals

-- Replaces the real functions with counting ones, and turns the compiler off: compiled code calls no hook.
function counter.install()
	if originals then return end
	originals = { string = {}, table = {}, _G = { unpack = unpack, tonumber = tonumber } }
	jit.off()
	jit.flush()
	for name, fn in pairs(string) do originals.string[name] = fn end
	for name, fn in pairs(table) do originals.table[name] = fn end
	for name, size in pairs(strings) do string[name] = wrapped(originals.string[name], size) end
	for name, size in pairs(tables) do table[name] = wrapped(originals.table[name], size) end
	for name, fn in pairs(include("_lua_patterns.lua").functions(touch, pause, go_on)) do string[name] = fn end
	local real_unpack, real_tonumber = unpack, tonumber
	function _G.unpack(list, from, to)
		touch((to or #list) - (from or 1) + 1)
		return real_unpack(list, from, to)
	end
	function _G.tonumber(value, ...)
		touch(length(value))
		return real_tonumber(value, ...)
	end
end

-- Restores the real functions. Code that was loaded in between keeps the counting ones.
function counter.uninstall()
	for library, functions in pairs(originals or {}) do
		for name, fn in pairs(functions) do _G[library][name] = fn end
	end
	originals = nil
	jit.on()
end

-- The hook runs after so many instructions instead of each one: faster, but less exact by about that number.
function counter.count_every(count) every = count end

-- Steps are counted between these two calls, which do not nest. With `limit` an error ends code that takes more.
function counter.start(limit)
	instructions, touched, is_paused, most = 0, 0, false, limit or math.huge
	sethook(tick, "", every)
end
function counter.stop()
	sethook()
	return instructions + touched
end

local function finish(ok, ...)
	local steps = counter.stop()
	if not ok then error(..., 0) end
	return steps, ...
end

-- The steps that fn(…) takes, and its results. The same call takes the same steps each time, except for a few more at the
-- first use of a pattern.
function counter.count(fn, ...)
	counter.start()
	return finish(pcall(fn, ...))
end

local function grown(before, ...) return (collect("count") - before) * 1024, ... end

-- The bytes that fn(…) takes from the allocator without the collector, and its results.
function counter.allocated(fn, ...)
	collect()
	collect()
	collect("stop")
	local before = collect("count")
	local function restart(...)
		collect("restart")
		return ...
	end
	return restart(grown(before, fn(...)))
end

-- Loads the addon again, so that its locals hold the current functions of the globals. First it removes the timer of an
-- addon that was loaded before.
function counter.load_addon()
	timer.Remove("realtime.Addon")
	if realtime then realtime.ADDON_VERSION = nil end
	return assert(include("realtime/load.lua"))
end

return counter
