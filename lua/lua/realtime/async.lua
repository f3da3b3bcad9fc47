-- Coroutines that wait: for the answer to a call, or for time to pass.
return function(realtime, addon)
	local running, create, resume, yield = coroutine.running, coroutine.create, coroutine.resume, coroutine.yield
	local pcall, select, unpack = pcall, select, unpack

	-- By coroutine. A task must not refer to its coroutine, not even through a function, or neither would ever be
	-- collected: in LuaJIT the value of a weak table keeps everything alive that it refers to.
	local tasks = setmetatable({}, { __mode = "k" })
	local named = {}

	local function finish(task)
		task.is_over = true
		if task.timer then addon.EndTimer(task.timer) end
		task.timer = nil
		if task.identifier and named[task.identifier] == task then named[task.identifier] = nil end
	end

	local function go_on(task, thread)
		if task.is_over then return end
		local fine, err = resume(thread)
		-- Errors of fn are reported in the coroutine, with its stack. This one could not be: the coroutine's memory
		-- or stack ran out.
		if not fine then
			finish(task)
			ErrorNoHaltWithStack(tostring(err))
		end
	end

	-- The task that calls one of these functions, and its coroutine.
	local function current(name)
		local thread = running()
		local task = thread and tasks[thread]
		if not task then error("'" .. name .. "' must be called in a function that realtime.Async runs", 3) end
		-- Another task with its identifier was begun: this one does not continue.
		if task.is_over then yield() end
		return task, thread
	end

	local function begin(task, fn)
		local thread = create(function()
			addon.Protect(fn)
			finish(task)
		end)
		tasks[thread] = task
		go_on(task, thread)
	end

	-- For parts of the addon: ends only when fn returns, and not because a file is loaded again.
	function addon.Async(fn) begin({}, fn) end

	-- Runs fn as a coroutine, immediately up to its first wait. The same identifier again ends the earlier task at
	-- its wait.
	function realtime.Async(identifier, fn, ...)
		addon.CheckDot("Async", identifier)
		local is_unnamed
		identifier, fn, is_unnamed = addon.IdentifierAndFunction("Async", 2, identifier, fn, ...)
		local task = {}
		if is_unnamed then
			addon.NoteLoad(function() finish(task) end)
		else
			if named[identifier] then finish(named[identifier]) end
			task.identifier = identifier
			named[identifier] = task
		end
		begin(task, fn)
	end

	-- Raises an error of a method. If it names no place, as an error about arguments may, it gets the place of Await's caller.
	local function raise(message)
		local has_place = not isstring(message) or message:find("^[^\n]-:%d+: ")
		error(message, has_place and 0 or 3)
	end

	-- Calls object:method(…, fn), waits, and returns the arguments of fn: err, and the answer. If the call is
	-- refused, the refusal.
	function realtime.Await(object, method, ...)
		addon.CheckDot("Await", object)
		local task, thread = current("Await")
		local methods = istable(object) and object
		local call = methods and methods[method]
		if not methods then error("bad argument #1 to 'Await' (an object expected, such as a client)", 2) end
		if not isfunction(call) then
			error(string.format("bad argument #2 to 'Await' (%s has no method \"%s\")", tostring(object), tostring(method)), 2)
		end
		local answer, count, waits = nil, 0, false
		local given = select("#", ...)
		local arguments = { ... }
		arguments[given + 1] = function(...)
			if answer then return end
			answer, count = { ... }, select("#", ...)
			if waits then go_on(task, thread) end
		end
		local fine, accepted, refusal = pcall(call, object, unpack(arguments, 1, given + 1))
		if not fine then raise(accepted) end
		if accepted == false and not answer then return refusal end
		if not answer then
			waits = true
			yield()
		end
		return unpack(answer, 1, count)
	end

	-- Waits `seconds`, also on an empty server; at least until the next tick.
	function realtime.Sleep(seconds)
		addon.CheckDot("Sleep", seconds)
		local task, thread = current("Sleep")
		addon.CheckSeconds("Sleep", seconds, 2)
		task.timer = addon.StartTimer(seconds, function()
			task.timer = nil
			go_on(task, thread)
		end)
		yield()
	end
end
