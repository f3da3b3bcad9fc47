-- Writes to a table of realtime.Shared. Each has a random token, under which Redis keeps its outcome: so when an answer is lost with the
-- connection, Redis knows whether the write was done; and if it was not, it never will be.
return function(realtime, addon)
	local SysTime = SysTime
	local TIMEOUT = 10 -- seconds, unless a write says otherwise
	local MAX_TIMEOUT = 86400 -- math.huge, too: for so long Redis keeps an outcome
	local ASK_PAUSE = 0.1 -- seconds until it is asked again
	local KEPT = 60 -- seconds that it is kept beyond the timeout
	local writes = {}
	addon.shared_writes = writes

	local ERRORS = {
		limit = { "LIMIT", "the number would leave its bounds" },
		number = { "WRONGTYPE", "what the key has is no number" },
		full = { "FULL", "the table would have more than 16 MiB" },
		size = { "TOOLARGE", "the values have more than 64 KiB together, or with their keys and 50 bytes for each more than 79 KiB" },
		json = { "ERR", "Redis does not take a value as JSON" },
		other = { "OTHER", "the key was changed meanwhile" },
		void = { "DISCONNECTED", "the connection broke before the change was made, and it will not be made" },
	}

	local function finish(self, write, err, ...)
		if self.pending[write.token] ~= write then return end
		self.pending[write.token] = nil
		if write.fn then
			addon.Protect(write.fn, err, ...)
		elseif err and not write.is_silent then
			addon.SayRarely(self, string.format('shared table "%s": a change was not made: %s', self.name, tostring(err)))
		end
	end

	-- fn runs once Redis has answered and the copy shows it.
	local function finish_if_shown(self, write)
		if write.outcome and write.is_shown then finish(self, write, nil, unpack(write.outcome)) end
	end

	function writes.Shown(self, write)
		write.is_shown = true
		finish_if_shown(self, write)
	end

	local function timeout_error(write)
		return addon.Error("TIMEOUT", string.format("the connection broke, and Redis could not be asked within %g s whether the change was made%s",
			write.timeout, write.refusal and ": " .. tostring(write.refusal) or ""), true)
	end

	local handle_answer

	-- Asks Redis what became of it; and again, whatever stands in the way, until the write's deadline.
	local function ask(self, write)
		local left = write.deadline - SysTime()
		if left <= 0 then return finish(self, write, timeout_error(write)) end
		write.ask_at = nil
		local accepted = addon.RunScript(self.client, "shared_ask", write.keys_of_outcome, { write.kept }, function(err, reply)
			if not err then return handle_answer(self, write, nil, reply) end
			if err.code == "TIMEOUT" then return finish(self, write, timeout_error(write)) end
			if err.code ~= "DISCONNECTED" then write.refusal = err end
			write.ask_at = SysTime() + ASK_PAUSE
		end, left)
		if not accepted then write.ask_at = SysTime() + ASK_PAUSE end
	end

	function handle_answer(self, write, err, reply)
		if self.pending[write.token] ~= write then return end
		if err then
			-- Any other error is Redis's own, and then nothing was changed.
			if err.sent and err.code == "DISCONNECTED" then return ask(self, write) end
			return finish(self, write, err)
		end
		local outcome, time, version, told, detail, extra = unpack(reply)
		addon.shared_entries.Clock(self, time)
		if outcome ~= "done" then
			local code, reason = unpack(ERRORS[outcome] or { "ERR", "shared_write.lua answered " .. tostring(outcome) })
			local message = string.format('%s ("%s" of the shared table "%s")', reason, addon.Printable(write.key, 64), self.name)
			return finish(self, write, addon.Error(code, message, false), detail, extra)
		end
		if told ~= 1 then
			addon.SayRarely(self, string.format('shared table "%s": a change was stored, but servers were not told at once: %s', self.name,
				addon.Printable(tostring(told), 160)))
		end
		write.version = string.format("%.0f", version)
		write.outcome, write.answered = { detail, extra == "again" }, SysTime()
		-- No message may follow, or it came before ("again", "late"): then the copy is compared with Redis.
		if version == 0 or extra or told ~= 1 then addon.shared_copy.CheckSoon(self) end
		finish_if_shown(self, write)
	end

	-- Sends changes, five arguments each as shared_write.lua has them. fn(err, detail, again). Answers as client:Command.
	function writes.Send(self, key, changes, options, fn, is_silent)
		addon.EnsureTick()
		local token, timeout = realtime.RandomToken(), math.min(options.timeout or TIMEOUT, MAX_TIMEOUT)
		self.written = self.written + 1
		local write = {
			token = token, key = key, fn = fn, order = self.written, timeout = timeout, deadline = SysTime() + timeout,
			kept = math.ceil(timeout) + KEPT, keys = {}, keys_of_outcome = { self.key .. ":token:" .. token }, is_silent = is_silent,
		}
		for i = 2, #changes, 5 do write.keys[#write.keys + 1] = changes[i] end
		if options.once then write.keys_of_outcome[2] = self.key .. ":once:" .. options.once end
		local keys, arguments = { self.key, self.key .. ":expiry" }, { self.id, token, write.kept }
		table.Add(keys, write.keys_of_outcome)
		table.Add(arguments, changes)
		self.pending[token] = write
		local accepted, err = addon.RunScript(self.client, "shared_write", keys, arguments, function(...)
			handle_answer(self, write, ...)
		end, timeout)
		if not accepted then
			self.pending[token] = nil
			return false, err
		end
		return true
	end

	function writes.Tick(self, now)
		local due
		for _, write in pairs(self.pending) do
			local is_late = write.outcome and (now >= write.deadline or now - write.answered > addon.shared_patience)
			if is_late or (write.ask_at and now >= write.ask_at) then
				due = due or {}
				due[#due + 1] = write
			end
		end
		if not due then return end
		table.sort(due, function(a, b) return a.order < b.order end)
		for _, write in ipairs(due) do
			if write.outcome and now >= write.deadline then
				finish(self, write, nil, unpack(write.outcome)) -- it was done: only this copy does not show it
			elseif write.outcome then
				addon.shared_copy.CheckSoon(self)
			elseif self.pending[write.token] == write then
				ask(self, write)
			end
		end
	end

	-- The client was closed.
	function writes.Close(self)
		local list = {}
		for _, write in pairs(self.pending) do list[#list + 1] = write end
		table.sort(list, function(a, b) return a.order < b.order end)
		for _, write in ipairs(list) do finish(self, write, addon.Error("CLOSED", "the client was closed", true)) end
	end
end
