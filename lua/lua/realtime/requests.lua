-- Requests from server to server, each answered once: by that server, or by an error.
return function(realtime, addon)
	local methods = {}
	local SECONDS = 5
	local REQUESTS, ANSWERS = "realtime:requests:", "realtime:answers:"
	local SysTime = SysTime

	local function finish(self, number, err, data)
		local request = self.pending[number]
		if not request then return end
		self.pending[number] = nil
		addon.Protect(request.fn, err, data)
	end

	local function check_deadlines(self, now)
		local closed = not self.client:IsValid()
		-- First these, then their functions, which may ask anew: the table that is walked must not grow.
		local due
		for number, request in pairs(self.pending) do
			if closed or now >= request.deadline then
				due = due or {}
				due[number] = request
			end
		end
		if not due and not closed then return end
		for number, request in SortedPairs(due or {}) do
			finish(self, number, closed and addon.Error("CLOSED", "the client was closed", true)
				or addon.Error("TIMEOUT", string.format('"%s" did not answer "%s" within %g s',
					request.server, request.name, request.seconds), true))
		end
		if closed then addon.RemoveTask(self) end
	end

	-- Asks another server, or this one. fn(err, data) runs exactly once if this returns true; else false, err.
	function methods:Ask(server, name, data, fn, seconds)
		if not isstring(server) then error("bad argument #1 to 'Ask' (a server's id expected)", 2) end
		if not isstring(name) then error("bad argument #2 to 'Ask' (the request's name expected)", 2) end
		if not isfunction(fn) then error("bad argument #4 to 'Ask' (function expected)", 2) end
		seconds = seconds == nil and SECONDS or seconds
		if not isnumber(seconds) or not (seconds > 0 and seconds < math.huge) then
			error("bad argument #5 to 'Ask' (seconds above 0 expected)", 2)
		end
		local number = self.number + 1
		local text, reason = realtime.Encode({ request = name, number = number, answer_to = self.answers, data = data }, self.id)
		if not text then error("'Ask' \"" .. name .. "\": " .. reason, 2) end
		self.number = number
		self.pending[number] = { fn = fn, server = server, name = name, seconds = seconds, deadline = SysTime() + seconds }
		local accepted, refusal = self.client:Publish(REQUESTS .. server, text, function(err, receivers)
			if err then
				finish(self, number, err)
			elseif receivers == 0 then
				finish(self, number, addon.Error("NOBODY", 'no server with the id "' .. server .. '" is there', true))
			end
		end, seconds)
		if not accepted then
			self.pending[number] = nil
			return false, refusal
		end
		addon.AddTask(self, self.check)
		return true
	end

	-- Answers requests of that name with fn(data, from, reply): reply(err, data), now or later, at most once. One function
	-- for each name; nil takes it away.
	function methods:Answer(name, fn)
		if not isstring(name) then error("bad argument #1 to 'Answer' (the request's name expected)", 2) end
		if fn ~= nil and not isfunction(fn) then error("bad argument #2 to 'Answer' (function expected)", 2) end
		self.handlers[name] = fn
	end

	-- An error as it travels: a text, or a table with code and message.
	local function portable(err)
		if err == nil then return nil end
		if istable(err) then return { code = tostring(err.code or "ERROR"), message = tostring(err.message or "") } end
		return { code = "ERROR", message = tostring(err) }
	end

	local function handle(self, request, from)
		local replied = false
		local function send(err, data, level)
			if replied then return false end
			local answer = { number = request.number, err = portable(err), data = data }
			local text, reason = realtime.Encode(answer, self.id)
			if not text then error('reply to "' .. request.request .. '": ' .. reason, level + 1) end
			replied = true
			return (self.client:Publish(request.answer_to, text))
		end
		local fn = self.handlers[request.request]
		if not fn then
			send({ code = "UNKNOWN", message = '"' .. self.id .. '" does not answer "' .. request.request .. '"' }, nil, 1)
			return
		end
		local fine = addon.Protect(fn, request.data, from, function(err, data) return send(err, data, 2) end)
		if not fine then
			send({ code = "FAILED", message = '"' .. self.id .. '" had an error of its own in "' .. request.request .. '"' }, nil, 1)
		end
	end

	addon.Constructor("Requests", methods, function(self)
		self.answers = ANSWERS .. addon.RandomName()
		self.number, self.pending, self.handlers = 0, {}, {}
		self.check = function(now) check_deadlines(self, now) end
		local tables = realtime.Tables(self.client, self.id)
		tables:Subscribe(REQUESTS .. self.id, "realtime.Requests", function(request, from)
			if not istable(request) or not isstring(request.request) or not isstring(request.answer_to)
				or not isnumber(request.number) or request.answer_to:sub(1, #ANSWERS) ~= ANSWERS then
				addon.SayRarely("request", 'a request from "' .. from .. '" was left out: it has no request, number or answer_to')
				return
			end
			handle(self, request, from)
		end)
		tables:Subscribe(self.answers, "realtime.Requests", function(answer)
			if not istable(answer) then return end
			local err = istable(answer.err) and addon.Error(answer.err.code, answer.err.message, true) or nil
			finish(self, answer.number, err, answer.data)
		end)
	end)
end
