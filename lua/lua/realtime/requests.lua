-- Requests from server to server, each answered once: by that server, or by an error.
return function(realtime, addon)
	local methods = {}
	local SECONDS = 5
	local REQUESTS, ANSWERS = "realtime:requests:", "realtime:answers:"
	local MAX_NAME, MAX_CODE, MAX_MESSAGE = 128, 64, 512 -- bytes sent beside the data
	local MAX_NUMBER = 2 ^ 53
	local SysTime, tonumber = SysTime, tonumber

	-- 52 random bits, so that only a server that received a request can answer it. In two pieces: on Windows and with
	-- 32 bits, tonumber makes 2^32 - 1 of every larger hexadecimal number.
	local function random_number()
		local token = realtime.RandomToken()
		return tonumber(token:sub(1, 6), 16) * 2 ^ 28 + tonumber(token:sub(7, 13), 16)
	end

	local function finish(self, number, err, data)
		local request = self.pending[number]
		if not request then return end
		self.pending[number] = nil
		addon.Protect(request.fn, err, data)
	end

	local function check_deadlines(self, now)
		local closed = not self.client:IsValid()
		-- First collects these, then calls their functions, which may ask again: the table must not grow during the
		-- walk.
		local due = {}
		for number, request in pairs(self.pending) do
			if closed or now >= request.deadline then due[#due + 1] = { number, request } end
		end
		table.sort(due, function(a, b) return a[2].order < b[2].order end)
		for _, entry in ipairs(due) do
			local number, request = entry[1], entry[2]
			finish(self, number, closed and addon.Error("CLOSED", "the client was closed", true)
				or addon.Error("TIMEOUT", string.format('"%s" did not answer "%s" within %g s',
					request.server, request.name, request.seconds), true))
		end
		if closed then addon.RemoveTask(self) end
	end

	-- Whether the number of receivers that Redis reports covers all servers: a node of a cluster knows only its own
	-- subscribers, and so does a replica.
	local function counts_all(client)
		local stats = client:Stats()
		return stats.mode ~= "cluster" and stats.role ~= "replica"
	end

	-- Asks another server, or this one. fn(err, data) runs exactly once if this returns true; otherwise false, err.
	function methods:Ask(server, name, data, fn, seconds)
		if not addon.IsId(server) then error("bad argument #1 to 'Ask' (a server's id expected)", 2) end
		if not isstring(name) or #name > MAX_NAME then
			error("bad argument #2 to 'Ask' (the request's name expected, at most " .. MAX_NAME .. " bytes)", 2)
		end
		if not isfunction(fn) then error("bad argument #4 to 'Ask' (function expected)", 2) end
		seconds = seconds == nil and SECONDS or seconds
		if not isnumber(seconds) or not (seconds > 0 and seconds < math.huge) then
			error("bad argument #5 to 'Ask' (seconds above 0 expected)", 2)
		end
		local number, channel = random_number(), REQUESTS .. server
		local request = { request = name, number = number, answer_to = self.answers, data = data }
		local text, reason = addon.Encode(request, self.id, channel, addon.table_bounds)
		if not text then error(addon.Printable("'Ask' \"" .. name .. "\": " .. reason), 2) end
		self.asked = self.asked + 1
		self.pending[number] = {
			fn = fn, server = server, name = name, seconds = seconds, deadline = SysTime() + seconds, order = self.asked,
		}
		local accepted, refusal = self.client:Publish(channel, text, function(err, receivers)
			if err then
				finish(self, number, err)
			elseif receivers == 0 and counts_all(self.client) then
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

	-- Answers requests of that name with fn(data, from, reply): reply(err, data), now or later, at most once. One
	-- function for each name; nil removes it.
	function methods:Answer(name, fn)
		if not isstring(name) or #name > MAX_NAME then
			error("bad argument #1 to 'Answer' (the request's name expected, at most " .. MAX_NAME .. " bytes)", 2)
		end
		if fn ~= nil and not isfunction(fn) then error("bad argument #2 to 'Answer' (function expected)", 2) end
		self.handlers[name] = fn
		if not fn then
			self.places[name] = nil
			return
		end
		addon.NotePlace(self.places, name, 2, fn, "Answer", function(before)
			return string.format('this answer to "%s" replaces that of %s:%d: one function answers the requests of a name', name,
				before.file, before.line)
		end)
	end

	-- The form in which an error is sent: a text, or a table with code and message.
	local function portable(err)
		if err == nil then return nil end
		local code, message = "ERROR", err
		if istable(err) then code, message = err.code or "ERROR", err.message or "" end
		return { code = addon.Printable(tostring(code), MAX_CODE), message = addon.Printable(tostring(message), MAX_MESSAGE) }
	end

	-- The error of an answer, or nil. It may come from anybody, and addons print it.
	local function error_of(answer)
		local err = answer.err
		if err == nil then return nil end
		if not istable(err) or not isstring(err.code) or not isstring(err.message) then
			return addon.Error("ERROR", "the answer has an error without code and message", true)
		end
		return addon.Error(addon.Printable(err.code, MAX_CODE), addon.Printable(err.message, MAX_MESSAGE), true)
	end

	-- Whether it is a channel that we make: others must not choose where this server publishes. Addons from before
	-- 2026-12 use 16 digits, which are accepted for one release.
	local function is_answers_channel(channel)
		if not isstring(channel) or channel:sub(1, #ANSWERS) ~= ANSWERS then return false end
		local token = channel:sub(#ANSWERS + 1)
		return (#token == 32 or #token == 16) and not token:find("[^0-9a-f]")
	end

	-- What is wrong with a request, or nil.
	local function fault(request)
		if not istable(request) then return "it is no table" end
		local name, number = request.request, request.number
		if not isstring(name) or #name > MAX_NAME then return '"request" is no name' end
		if not isnumber(number) or number % 1 ~= 0 or number < 0 or number > MAX_NUMBER then
			return '"number" is not a whole number from 0 to 2^53'
		end
		if not is_answers_channel(request.answer_to) then return '"answer_to" is not a channel for answers' end
	end

	local function handle(self, request, from)
		local replied = false
		local function send(err, data, level)
			if replied then return false end
			local answer = { number = request.number, err = portable(err), data = data }
			local text, reason = addon.Encode(answer, self.id, request.answer_to, addon.table_bounds)
			if not text then error('reply to "' .. request.request .. '": ' .. reason, level + 1) end
			replied = true
			return (self.client:Publish(request.answer_to, text))
		end
		local name = addon.Printable(request.request, MAX_NAME)
		local fn = self.handlers[request.request]
		if not fn then
			send({ code = "UNKNOWN", message = '"' .. self.id .. '" does not answer "' .. name .. '"' }, nil, 1)
			return
		end
		local fine = addon.Protect(fn, request.data, from, function(err, data) return send(err, data, 2) end)
		if not fine then
			send({ code = "FAILED", message = '"' .. self.id .. '" had an error of its own in "' .. name .. '"' }, nil, 1)
		end
	end

	-- Only the server that was asked may answer. An unknown number is late or a guess, and ignored.
	local function hear(self, answer, from)
		local number = istable(answer) and answer.number
		local request = isnumber(number) and self.pending[number]
		if not request then return end
		if from ~= request.server then
			addon.SayRarely("answer", string.format('an answer of "%s" was left out: "%s" was asked', from, request.server))
			return
		end
		finish(self, number, error_of(answer), answer.data)
	end

	addon.Constructor("Requests", methods, function(self)
		self.answers = ANSWERS .. realtime.RandomToken()
		self.asked, self.pending, self.handlers, self.places = 0, {}, {}, {}
		self.check = function(now) check_deadlines(self, now) end
		local tables = realtime.Tables(self.client, self.id)
		tables:Subscribe(REQUESTS .. self.id, "realtime.Requests", function(request, from)
			local wrong = fault(request)
			if wrong then
				addon.SayRarely("request", 'a request of "' .. from .. '" was left out: ' .. wrong)
			else
				handle(self, request, from)
			end
		end)
		tables:Subscribe(self.answers, "realtime.Requests", function(answer, from) hear(self, answer, from) end)
	end)
end
