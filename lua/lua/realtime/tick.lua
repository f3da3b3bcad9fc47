-- The addon's clock: work at each tick, also on an empty server, where CurTime and ordinary timers stand still.
return function(_, addon)
	local NAME = "realtime.Addon"
	local SILENCE = 1 -- seconds without a tick, after which the timer is made again
	local SysTime, timer_exists = SysTime, timer.Exists
	local tasks = {}
	local ticked, hooked = SysTime(), -math.huge -- when the last tick came, and when the hooks were added

	-- While modules are closed the game's own functions may crash it (garrysmod-issues 5280); print works.
	local function report(err)
		if addon.is_ending then print(debug.traceback(tostring(err), 2)) else ErrorNoHaltWithStack(err) end
		return { message = tostring(err) }
	end

	-- Calls an addon's function: an error is reported like that of a hook. Returns true, or false and the
	-- error's message.
	function addon.Protect(fn, ...)
		local fine, reported = xpcall(fn, report, ...)
		if fine then return true end
		if not istable(reported) then
			-- `report` itself failed, for example because the stack is full there. Lua returns only that failure.
			local _
			_, reported = pcall(report, reported)
		end
		return false, istable(reported) and reported.message or tostring(reported)
	end

	local ensure

	-- Hooks run in any order, and one that returns something or raises ends its round: so there are two, each of
	-- which is enough.
	local function add_hooks()
		hook.Add("Think", NAME, ensure)
		hook.Add("Tick", NAME, ensure)
	end

	-- Never raises: the game removes a timer whose function does.
	local function tick()
		local now = SysTime()
		ticked = now
		if now - hooked >= SILENCE then -- an addon may have removed them
			hooked = now
			pcall(add_hooks)
		end
		for _, task in pairs(tasks) do addon.Protect(task, now) end
	end

	-- A zero-delay timer runs also while the server hibernates. If an addon removes or stops it, it is made again: by
	-- these hooks, with each message, and when an addon uses a helper.
	function ensure()
		if addon.is_ending then return end -- no tick comes any more
		if timer_exists(NAME) and SysTime() - ticked < SILENCE then return end
		ticked = SysTime()
		timer.Create(NAME, 0, 0, tick)
	end
	addon.EnsureTick = ensure

	-- Calls task(SysTime()) at every tick until RemoveTask. `key`: anything, one task for each.
	function addon.AddTask(key, task)
		local changed = {}
		for k, v in pairs(tasks) do changed[k] = v end
		changed[key] = task
		-- A new table, so that a round in progress continues with the old one.
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

	ensure()
end
