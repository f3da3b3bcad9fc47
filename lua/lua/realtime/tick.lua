-- The addon's clock: work at each tick, on an empty server too, where CurTime and ordinary timers stand still.
return function(_, addon)
	local TIMER = "realtime.Addon"
	local SysTime, timer_exists = SysTime, timer.Exists
	local tasks = {}

	local function report(err) ErrorNoHaltWithStack(err) end

	-- Calls what an addon gave us: an error is reported as any hook's. Returns whether there was none.
	function addon.Protect(fn, ...)
		return (xpcall(fn, report, ...))
	end

	-- Never raises: the game removes a timer whose function does.
	local function tick()
		local now = SysTime()
		for _, task in pairs(tasks) do addon.Protect(task, now) end
	end

	-- A zero-delay timer goes on while the server hibernates. Should an addon remove it, it comes back.
	local function ensure()
		if not timer_exists(TIMER) then timer.Create(TIMER, 0, 0, tick) end
	end
	addon.EnsureTick = ensure

	-- Calls task(SysTime()) at every tick until RemoveTask. `key`: anything, one task for each.
	function addon.AddTask(key, task)
		local changed = {}
		for k, v in pairs(tasks) do changed[k] = v end
		changed[key] = task
		-- A new table: a round that is under way goes on over the old one.
		tasks = changed
		ensure()
	end

	function addon.RemoveTask(key)
		local changed = {}
		for k, v in pairs(tasks) do
			if k ~= key then changed[k] = v end
		end
		tasks = changed
	end

	hook.Add("Think", TIMER, ensure)
end
