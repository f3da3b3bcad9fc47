-- Publishing on channels of realtime.Durable. Each call has a random token, under which Redis keeps its outcome: so when an answer is lost
-- with the connection, Redis knows whether the message was published; and if it was not, it never will be.
return function(realtime, addon)
	local SysTime = SysTime
	local SCRIPT = "durable_publish"
	local TIMEOUT = 10 -- seconds, unless a call says otherwise
	local MAX_TIMEOUT = 86400 -- math.huge, too: for so long Redis keeps an outcome
	local KEPT = 60 -- seconds that it is kept beyond the timeout
	local AGAIN = 0.1 -- seconds until a refused question is asked again
	local publishes = {}
	addon.durable_publishes = publishes
	publishes.MESSAGE = { bytes = 65536, elements = 20000 }

	local ERRORS = {
		full = { "FULL", "as many messages wait as the channel keeps (keep)" },
		size = { "TOOLARGE", "the message has more than 64 KiB" },
		json = { "ERR", "Redis does not take the message as JSON" },
		void = { "DISCONNECTED", "the connection broke before the message was published, and it will not be published" },
	}

	local function finish(self, call, err, id)
		if self.publishes[call.token] ~= call then return end
		self.publishes[call.token] = nil
		if call.fn then
			addon.Protect(call.fn, err, id)
		elseif err then
			addon.SayRarely(self, string.format('durable channel "%s": a message was not published: %s', call.channel, tostring(err)))
		end
	end

	local function timeout_error(call)
		return addon.Error("TIMEOUT", string.format("the connection broke, and Redis could not be asked within %g s whether the message was " ..
			"published%s", call.timeout, call.refusal and ": " .. tostring(call.refusal) or ""), true)
	end

	local handle_answer

	-- Asks Redis what became of it; and again, whatever stands in the way, until the call's deadline.
	local function ask(self, call)
		local left = call.deadline - SysTime()
		if left <= 0 then return finish(self, call, timeout_error(call)) end
		call.ask_at = nil
		local accepted = addon.RunScript(self.client, SCRIPT, call.keys, { "ask", call.token, call.kept, self.id, "" }, function(err, reply)
			if not err then return handle_answer(self, call, nil, reply) end
			if err.code == "TIMEOUT" then return finish(self, call, timeout_error(call)) end
			if err.code ~= "DISCONNECTED" then call.refusal = err end
			call.ask_at = SysTime() + AGAIN
		end, left)
		if not accepted then call.ask_at = SysTime() + AGAIN end
	end

	function handle_answer(self, call, err, reply)
		if self.publishes[call.token] ~= call then return end
		if err then
			-- Any other error is Redis's own, and then nothing was published.
			if err.sent and err.code == "DISCONNECTED" then return ask(self, call) end
			return finish(self, call, err)
		end
		local outcome, id, told = unpack(reply)
		if outcome ~= "done" then
			local code, reason = unpack(ERRORS[outcome] or { "ERR", "durable_publish.lua answered " .. tostring(outcome) })
			return finish(self, call, addon.Error(code, string.format('%s (the durable channel "%s")', reason, call.channel), false))
		end
		if told ~= 1 then
			addon.SayRarely(self, string.format('durable channel "%s": a message was stored, but servers were not told at once: %s', call.channel,
				addon.Printable(tostring(told), 160)))
		end
		finish(self, call, nil, id)
	end

	-- Answers as client:Command; fn(err, id).
	function publishes.Send(self, channel, text, options, fn)
		addon.EnsureTick()
		local token, timeout = realtime.RandomToken(), math.min(options.timeout or TIMEOUT, MAX_TIMEOUT)
		local key = addon.DurableKey(channel)
		self.published = self.published + 1
		local call = {
			token = token, channel = channel, fn = fn, order = self.published, timeout = timeout, deadline = SysTime() + timeout,
			kept = math.ceil(timeout) + KEPT, keys = { key, key .. ":about", key .. ":token:" .. token },
		}
		if options.once then call.keys[4] = key .. ":once:" .. options.once end
		self.publishes[token] = call
		local accepted, err = addon.RunScript(self.client, SCRIPT, call.keys, { "publish", token, call.kept, self.id, text }, function(...)
			handle_answer(self, call, ...)
		end, timeout)
		if accepted then return true end
		self.publishes[token] = nil
		return false, err
	end

	local function in_order(self, wanted)
		local list = {}
		for _, call in pairs(self.publishes) do
			if wanted(call) then list[#list + 1] = call end
		end
		table.sort(list, function(a, b) return a.order < b.order end)
		return list
	end

	function publishes.Tick(self, now)
		if not next(self.publishes) then return end
		for _, call in ipairs(in_order(self, function(call) return call.ask_at and now >= call.ask_at end)) do ask(self, call) end
	end

	-- The client was closed.
	function publishes.Close(self)
		for _, call in ipairs(in_order(self, function() return true end)) do
			finish(self, call, addon.Error("CLOSED", "the client was closed", true))
		end
	end
end
