-- Timers. One whose function raises is reported and removed. While the server hibernates, only those made by
-- timer.Create(name, 0, 0, fn) run.
local native = ...
local type, game_time = type, native.game_time

-- A script may replace the global.
local timer = {}
_G.timer = timer

local named = {}
-- In the order of their making. Dead ones are swept out after the round in which they died.
local list, length = {}, 0

local function add(entry)
	length = length + 1
	list[length] = entry
	return entry
end

local function check(delay, fn, name, position)
	if type(delay) ~= "number" then error("bad argument #" .. position .. " to '" .. name .. "' (number expected)", 3) end
	if type(fn) ~= "function" then error("bad argument to '" .. name .. "' (function expected)", 3) end
end

function timer.Create(name, delay, repetitions, fn)
	if name == nil then error("bad argument #1 to 'Create' (value expected)", 2) end
	check(delay, fn, "Create", 2)
	timer.Remove(name)
	named[name] = add({
		name = name, delay = delay, left = repetitions or 0, fn = fn, due = game_time() + delay,
		endless = (repetitions or 0) == 0, immortal = delay <= 0 and (repetitions or 0) == 0,
	})
end

function timer.Simple(delay, fn)
	check(delay, fn, "Simple", 1)
	add({ delay = delay, left = 1, fn = fn, due = game_time() + delay })
end

function timer.Exists(name) return named[name] ~= nil end

local function kill(entry)
	entry.dead = true
	if entry.name ~= nil and named[entry.name] == entry then named[entry.name] = nil end
end

function timer.Remove(name) if named[name] then kill(named[name]) end end
timer.Destroy = timer.Remove

function timer.Adjust(name, delay, repetitions, fn)
	local entry = named[name]
	if not entry then return false end
	entry.delay = delay
	if repetitions ~= nil then entry.left, entry.endless = repetitions, repetitions == 0 end
	if fn ~= nil then entry.fn = fn end
	entry.immortal = delay <= 0 and entry.endless
	entry.due = game_time() + delay
	return true
end

function timer.Pause(name)
	local entry = named[name]
	if not entry or entry.rest then return false end
	entry.rest = entry.due - game_time()
	return true
end

function timer.UnPause(name)
	local entry = named[name]
	if not entry or not entry.rest then return false end
	entry.due, entry.rest = game_time() + entry.rest, nil
	return true
end

function timer.Toggle(name) return timer.Pause(name) or timer.UnPause(name) end

function timer.Stop(name)
	local entry = named[name]
	if not entry then return false end
	entry.rest = entry.delay
	return true
end

function timer.Start(name)
	local entry = named[name]
	if not entry then return false end
	entry.due, entry.rest = game_time() + entry.delay, nil
	return true
end

function timer.RepsLeft(name) return named[name] and named[name].left end
function timer.TimeLeft(name)
	local entry = named[name]
	return entry and (entry.rest or math.max(0, entry.due - game_time()))
end

local protected = native.protected

local function fire(entry, now)
	entry.due = now + entry.delay
	if not entry.endless then
		entry.left = entry.left - 1
		if entry.left <= 0 then kill(entry) end
	end
	if not protected(entry.fn) then kill(entry) end
end

local function sweep()
	local kept = 0
	for i = 1, length do
		local entry = list[i]
		if not entry.dead then
			kept = kept + 1
			list[kept] = entry
		end
	end
	for i = kept + 1, length do list[i] = nil end
	length = kept
end

-- Zero-delay timers first, then the others. Timers made meanwhile run in the next tick. Allocates nothing.
function native.run_timers(hibernating)
	local now, last = game_time(), length
	for i = 1, last do
		local entry = list[i]
		if entry.immortal and not entry.dead and not entry.rest then fire(entry, now) end
	end
	if not hibernating then
		for i = 1, last do
			local entry = list[i]
			if not entry.immortal and not entry.dead and not entry.rest and entry.due <= now then fire(entry, now) end
		end
	end
	sweep()
end
