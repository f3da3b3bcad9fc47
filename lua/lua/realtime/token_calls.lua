-- Calls of scripts with a random token, under which Redis keeps the outcome: so when an answer is lost with the
-- connection, Redis knows whether the call was done; and if it was not, it never will be. An object's calls that wait
-- for their outcome are in its table `pending`.
return function(realtime, addon)
	local SysTime, format = SysTime, string.format
	local TIMEOUT = 10 -- seconds, unless a call says otherwise
	local MAX_TIMEOUT = 86400 -- for math.huge, too: how long Redis keeps an outcome
	local KEPT = 60 -- seconds that it is kept beyond the timeout
	local AGAIN = 0.1 -- seconds until a refused question is asked again

	-- The parts that differ between kinds of calls. `kind`:
	--   script: its name
	--   what: the fact that is unknown after a timeout, such as "the message was published"
	--   errors: outcome → code and text
	--   details: with such an error, fn also gets the parts of the answer from this number on; nil for none
	--   About(self, call) → the subject of an error
	--   Ask(self, call) → script, keys and arguments of the question for its outcome
	--   Answered(self, reply), optional: an answer has come
	--   Done(self, call, reply): it was done. Ends with Finish
	--   Unheard(self, call, err): an error of a call that has no fn
	function addon.TokenCalls(kind)
		local calls = {}
		addon.repeatable_scripts[kind.script] = true

		function calls.Finish(self, call, err, ...)
			if self.pending[call.token] ~= call then return end
			self.pending[call.token] = nil
			if call.fn then
				addon.Protect(call.fn, err, ...)
			elseif err then
				kind.Unheard(self, call, err)
			end
		end

		local function finish_late(self, call)
			calls.Finish(self, call, addon.Error("TIMEOUT", format("the connection broke, and Redis could not be asked within %g s whether %s%s",
				call.timeout, kind.what, call.refusal and ": " .. tostring(call.refusal) or ""), true))
		end

		local handle

		-- Asks Redis for its outcome; repeatedly, whatever fails, until the call's deadline.
		function calls.Ask(self, call)
			if self.pending[call.token] ~= call then return end
			local left = call.deadline - SysTime()
			if left <= 0 then return finish_late(self, call) end
			call.ask_at = nil
			local script, keys, arguments = kind.Ask(self, call)
			local accepted = addon.RunScript(self.client, script, keys, arguments, function(err, reply)
				if not err then return handle(self, call, nil, reply) end
				if err.code == "TIMEOUT" then return finish_late(self, call) end
				if err.code ~= "DISCONNECTED" then call.refusal = err end
				call.ask_at = SysTime() + AGAIN
			end, left)
			if not accepted then call.ask_at = SysTime() + AGAIN end
		end

		function handle(self, call, err, reply)
			if self.pending[call.token] ~= call then return end
			if err then
				-- Any other error is Redis's own, so nothing was done.
				if err.sent and err.code == "DISCONNECTED" then return calls.Ask(self, call) end
				return calls.Finish(self, call, err)
			end
			if kind.Answered then kind.Answered(self, reply) end
			local outcome = reply[1]
			if outcome == "done" then return kind.Done(self, call, reply) end
			local code, reason = unpack(kind.errors[outcome] or { "ERR", kind.script .. ".lua answered " .. tostring(outcome) })
			local refusal = addon.Error(code, format("%s (%s)", reason, kind.About(self, call)), false)
			calls.Finish(self, call, refusal, unpack(reply, kind.details or #reply + 1))
		end

		-- Gives a call its token and its times; fn and the option `timeout` may be nil.
		function calls.New(self, call, fn, timeout)
			timeout = math.min(timeout or TIMEOUT, MAX_TIMEOUT)
			self.calls_made = (self.calls_made or 0) + 1
			call.token, call.fn, call.order = realtime.RandomToken(), fn, self.calls_made
			call.timeout, call.deadline, call.kept = timeout, SysTime() + timeout, math.ceil(timeout) + KEPT
			return call
		end

		-- Returns the same as client:Command.
		function calls.Send(self, call, keys, arguments)
			addon.EnsureTick()
			self.pending[call.token] = call
			local accepted, err = addon.RunScript(self.client, kind.script, keys, arguments, function(...) handle(self, call, ...) end, call.timeout)
			if accepted then return true end
			self.pending[call.token] = nil
			return false, err
		end

		-- The calls for which is_wanted is true, in order.
		function calls.InOrder(self, is_wanted)
			local list
			for _, call in pairs(self.pending) do
				if is_wanted(call) then
					list = list or {}
					list[#list + 1] = call
				end
			end
			if not list then return {} end
			table.sort(list, function(a, b) return a.order < b.order end)
			return list
		end

		function calls.Tick(self, now)
			if not next(self.pending) then return end
			for _, call in ipairs(calls.InOrder(self, function(call) return call.ask_at and now >= call.ask_at end)) do calls.Ask(self, call) end
		end

		-- The client was closed.
		function calls.Close(self)
			for _, call in ipairs(calls.InOrder(self, function() return true end)) do
				calls.Finish(self, call, addon.Error("CLOSED", "the client was closed", true))
			end
		end

		return calls
	end
end
