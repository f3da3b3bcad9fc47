-- Timers by SysTime: they also run on an empty server, where the game's own stand still.
return function(realtime, addon)
	local SysTime, pcall, floor, huge = SysTime, pcall, math.floor, math.huge
	local SetTickBudget = realtime.SetTickBudget
	local budget = 0.002 -- seconds of a tick that timers may take: the same as for the module's callbacks
	local FEW = 64 -- stopped timers that may stay in the heap, however few others there are

	-- A binary heap: the timer that is due first is at its top, and among those due at one time the oldest.
	local heap, count, stopped = {}, 0, 0
	local made = 0
	local named = {}

	local function is_before(a, b)
		if a.due ~= b.due then return a.due < b.due end
		return a.order < b.order
	end

	local function push(timer)
		count = count + 1
		local at = count
		while at > 1 do
			local parent = floor(at / 2)
			if not is_before(timer, heap[parent]) then break end
			heap[at], at = heap[parent], parent
		end
		heap[at] = timer
	end

	local function pop()
		local first, last = heap[1], heap[count]
		heap[count] = nil
		count = count - 1
		if count == 0 then return first end
		local at = 1
		while true do
			local child = at * 2
			if child > count then break end
			if child < count and is_before(heap[child + 1], heap[child]) then child = child + 1 end
			if not is_before(heap[child], last) then break end
			heap[at], at = heap[child], child
		end
		heap[at] = last
		return first
	end

	-- A stopped timer stays in the heap until it is due. If most of them are stopped, they are removed.
	local function sweep()
		if stopped <= FEW or stopped <= count / 2 then return end
		local all = heap
		heap, count, stopped = {}, 0, 0
		for _, timer in ipairs(all) do
			if timer.fn then push(timer) end
		end
	end

	-- Calls fn after `seconds`; with an interval, again at that interval until it is stopped.
	function addon.StartTimer(seconds, fn, interval)
		made = made + 1
		local timer = { due = SysTime() + seconds, order = made, fn = fn, interval = interval, waits = true }
		push(timer)
		addon.EnsureTick()
		return timer
	end

	function addon.EndTimer(timer)
		if not timer.fn then return end
		timer.fn = nil
		if timer.identifier and named[timer.identifier] == timer then named[timer.identifier] = nil end
		if not timer.waits then return end
		stopped = stopped + 1
		sweep()
	end

	local function run(timer, now)
		local fn = timer.fn
		if timer.interval then
			timer.due = timer.due + timer.interval
			-- After a stall once, and not for each missed time.
			if timer.due <= now then timer.due = now + timer.interval end
			made = made + 1
			timer.order, timer.waits = made, true
			push(timer)
		else
			addon.EndTimer(timer)
		end
		addon.Protect(fn)
	end

	local function tick(now)
		if count == 0 or heap[1].due > now then return end
		-- First collects these, then calls their functions, which may start timers that are due at once: those run
		-- with the next tick.
		local due = {}
		while count > 0 and heap[1].due <= now do
			local timer = pop()
			if timer.fn then
				timer.waits = false
				due[#due + 1] = timer
			else
				stopped = stopped - 1
			end
		end
		local started, is_over = SysTime(), false
		for _, timer in ipairs(due) do
			if timer.fn then
				if is_over then
					timer.waits = true
					push(timer)
				else
					run(timer, now)
					is_over = SysTime() - started >= budget
				end
			end
		end
	end
	addon.AddTask("realtime.Timers", tick)

	realtime.SetTickBudget = function(...)
		local fine, message = pcall(SetTickBudget, ...)
		if not fine then error(message, 2) end
		budget = ...
	end

	-- Checks an argument in seconds.
	function addon.CheckSeconds(name, seconds, level)
		if isnumber(seconds) and seconds >= 0 and seconds < huge then return end
		error("bad argument #1 to '" .. name .. "' (seconds expected, 0 or more)", level + 1)
	end

	-- A timer with an existing identifier replaces the earlier one.
	local function name_timer(timer, identifier)
		if named[identifier] then addon.EndTimer(named[identifier]) end
		timer.identifier = identifier
		named[identifier] = timer
	end

	-- Calls fn once, in `seconds`.
	function realtime.After(seconds, identifier, fn, ...)
		addon.CheckDot("After", seconds)
		addon.CheckSeconds("After", seconds, 2)
		local is_unnamed
		identifier, fn, is_unnamed = addon.IdentifierAndFunction("After", 2, identifier, fn, ...)
		local timer = addon.StartTimer(seconds, fn)
		if not is_unnamed then return name_timer(timer, identifier) end
		addon.NoteLoad(function() addon.EndTimer(timer) end)
	end

	-- Calls fn at an interval of `seconds`, the first time after one interval.
	function realtime.Every(seconds, identifier, fn, ...)
		addon.CheckDot("Every", seconds)
		addon.CheckSeconds("Every", seconds, 2)
		if not isstring(identifier) then error("'Every': expected an identifier (string) and a function", 2) end
		identifier, fn = addon.IdentifierAndFunction("Every", 2, identifier, fn, ...)
		name_timer(addon.StartTimer(seconds, fn, seconds), identifier)
	end

	-- Ends a timer of After or Every. Returns whether there was one.
	function realtime.StopTimer(identifier)
		addon.CheckDot("StopTimer", identifier)
		if not isstring(identifier) then error("bad argument #1 to 'StopTimer' (the timer's identifier expected)", 2) end
		local timer = named[identifier]
		if timer then addon.EndTimer(timer) end
		return timer ~= nil
	end
end
