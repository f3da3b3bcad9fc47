-- Posting to players, for realtime.Players. Each call has a random token, under which Redis keeps its outcome: so when an answer is lost
-- with the connection, Redis knows whether the post was stored; and if it was not, it never will be.
return function(realtime, addon)
	local SysTime = SysTime
	local SCRIPT = "players_post"
	local TIMEOUT = 10 -- seconds, unless a call says otherwise
	local MAX_TIMEOUT = 86400 -- math.huge, too: for so long Redis keeps an outcome
	local KEPT = 60 -- seconds that it is kept beyond the timeout
	local AGAIN = 0.1 -- seconds until a refused question is asked again
	local posting = { DATA = { bytes = 65536, elements = 20000 } }
	addon.players_posting = posting

	local ERRORS = {
		full = { "FULL", "100 posts wait for him already, or 1 MiB" },
		size = { "TOOLARGE", "the data have more than 64 KiB, or more than 20,000 elements" },
		json = { "ERR", "Redis does not take the data as JSON" },
		void = { "DISCONNECTED", "the connection broke before it was stored, and it will not be" },
	}

	local function finish(self, call, err, id)
		if self.calls[call.token] ~= call then return end
		self.calls[call.token] = nil
		if call.fn then
			addon.Protect(call.fn, err, id)
		elseif err then
			addon.SayRarely(self, string.format('players: a post "%s" to %s was not stored: %s', addon.Printable(call.name, 64), call.player, tostring(err)))
		end
	end

	local function timeout_error(call)
		return addon.Error("TIMEOUT", string.format("the connection broke, and Redis could not be asked within %g s whether the post was stored%s",
			call.timeout, call.refusal and ": " .. tostring(call.refusal) or ""), true)
	end

	local handle_answer

	-- Asks Redis what became of it; and again, whatever stands in the way, until the call's deadline.
	local function ask(self, call)
		local left = call.deadline - SysTime()
		if left <= 0 then return finish(self, call, timeout_error(call)) end
		call.ask_at = nil
		local accepted = addon.RunScript(self.client, SCRIPT, call.keys, { "ask", call.token, call.kept, self.id, call.player, call.name, 1, "" },
			function(err, reply)
				if not err then return handle_answer(self, call, nil, reply) end
				if err.code == "TIMEOUT" then return finish(self, call, timeout_error(call)) end
				if err.code ~= "DISCONNECTED" then call.refusal = err end
				call.ask_at = SysTime() + AGAIN
			end, left)
		if not accepted then call.ask_at = SysTime() + AGAIN end
	end

	function handle_answer(self, call, err, reply)
		if self.calls[call.token] ~= call then return end
		if err then
			-- Any other error is Redis's own, and then nothing was stored.
			if err.sent and err.code == "DISCONNECTED" then return ask(self, call) end
			return finish(self, call, err)
		end
		local outcome, id, told = unpack(reply)
		if outcome ~= "done" then
			local code, reason = unpack(ERRORS[outcome] or { "ERR", "players_post.lua answered " .. tostring(outcome) })
			return finish(self, call, addon.Error(code, string.format('%s (a post to the player %s)', reason, call.player), false))
		end
		if told ~= 1 and not isnumber(told) then
			addon.SayRarely(self, "players: a post was stored, but the player's server was not told at once: " .. addon.Printable(tostring(told), 160))
		end
		finish(self, call, nil, id)
	end

	-- Answers as client:Command; fn(err, id).
	function posting.Send(self, player, name, text, options, fn)
		addon.EnsureTick()
		local token, timeout, key = realtime.RandomToken(), math.min(options.timeout or TIMEOUT, MAX_TIMEOUT), addon.PlayersKey
		self.called = self.called + 1
		local call = {
			token = token, player = player, name = name, fn = fn, order = self.called, timeout = timeout, deadline = SysTime() + timeout,
			kept = math.ceil(timeout) + KEPT,
			keys = { key("posts:" .. player), key("waiting"), key("claims"), key("leases"), key("token:" .. token) },
		}
		if options.once then call.keys[6] = key("once:" .. options.once) end
		self.calls[token] = call
		local arguments = { "post", token, call.kept, self.id, player, name, options.expires, text }
		local accepted, err = addon.RunScript(self.client, SCRIPT, call.keys, arguments, function(...) handle_answer(self, call, ...) end, timeout)
		if accepted then return true end
		self.calls[token] = nil
		return false, err
	end

	local function in_order(self, wanted)
		local list = {}
		for _, call in pairs(self.calls) do
			if wanted(call) then list[#list + 1] = call end
		end
		table.sort(list, function(a, b) return a.order < b.order end)
		return list
	end

	function posting.Tick(self, now)
		if not next(self.calls) then return end
		for _, call in ipairs(in_order(self, function(call) return call.ask_at and now >= call.ask_at end)) do ask(self, call) end
	end

	-- The client was closed.
	function posting.Close(self)
		for _, call in ipairs(in_order(self, function() return true end)) do
			finish(self, call, addon.Error("CLOSED", "the client was closed", true))
		end
	end

	function posting.New(self) self.calls, self.called = {}, 0 end
end
