-- Requests to players, for realtime.Players: the server that the player is on answers them.
return function(realtime, addon)
	local SysTime, format = SysTime, string.format
	local REQUEST = "realtime.Players"
	local SCRIPT = "players_claims"
	local TRIES = 2 -- how often Redis is asked for the player's server
	local MAX_NAME = 128 -- bytes
	local requests = { MAX_NAME = MAX_NAME }
	addon.players_requests = requests

	local function finish(ask, err, answer)
		if ask.is_done then return end
		ask.is_done = true
		addon.Protect(ask.fn, err, answer)
	end

	local locate

	local function nobody(self, ask)
		finish(ask, addon.Error("NOBODY", format("the player %s is on no server that could answer", ask.id), false))
	end

	local function send(self, ask, server, instance)
		local left = ask.deadline - SysTime()
		local data = { id = ask.id, instance = instance, name = ask.name, data = ask.data }
		local accepted, refusal = left > 0, nil
		if accepted then
			accepted, refusal = self.requests:Ask(server, REQUEST, data, function(err, answer)
				if err and err.code == "TIMEOUT" then
					local text = format('"%s" did not answer "%s" for %s within %g s', server, addon.Printable(ask.name, 64), ask.id, ask.seconds)
					return finish(ask, addon.Error("TIMEOUT", text, err.sent))
				end
				if not err or err.code ~= "GONE" and err.code ~= "NOBODY" then return finish(ask, err, answer) end
				-- The player has moved since.
				if ask.tries >= TRIES then return nobody(self, ask) end
				locate(self, ask)
			end, left)
		end
		if not accepted then finish(ask, refusal or addon.Error("TIMEOUT", format("Redis did not say within %g s where %s is", ask.seconds, ask.id), false)) end
	end

	function locate(self, ask)
		ask.tries = ask.tries + 1
		local left = ask.deadline - SysTime()
		local accepted, refusal = addon.RunScript(self.client, SCRIPT, addon.players_stays.KEYS, { "where", ask.id }, function(err, reply)
			if err then return finish(ask, err) end
			if not istable(reply) or not isstring(reply[2]) or reply[3] == "loading" then return nobody(self, ask) end
			send(self, ask, reply[2], reply[4])
		end, math.max(left, 0.001))
		if not accepted and ask.tries > 1 then finish(ask, refusal) end
		return accepted, refusal
	end

	-- Returns the same as client:Command; fn(err, answer).
	function requests.Ask(self, id, name, data, fn, seconds)
		addon.EnsureTick()
		return locate(self, { id = id, name = name, data = data, fn = fn, seconds = seconds, deadline = SysTime() + seconds, tries = 0 })
	end

	-- Calls the handler of a name for a player who is here. reply(err, data) is called once, unless the handler
	-- promises a reply by returning true and never gives one. `info`: that of a post.
	function requests.Handle(self, ply, name, data, from, reply, info)
		local is_replied, is_automatic = false, false
		local function answer(err, result)
			if is_automatic then
				addon.SayRarely(self.handlers, format('players: reply for "%s" was called after its function had returned, and did nothing: the function ' ..
					"must return true if the reply comes later", addon.Printable(name, 64)))
			end
			if is_replied then return false end
			local is_sent = reply(err, result) -- raises for a value without a form in JSON
			is_replied = true
			return is_sent
		end
		local handler, is_later = self.handlers[name], nil
		local fine = addon.Protect(function() is_later = handler.fn(ply, data, from, answer, info) end)
		if not fine then
			answer({ code = "FAILED", message = format('"%s" had an error of its own in "%s"', self.id, addon.Printable(name, 64)) }, nil)
		elseif is_later ~= true and not is_replied then
			answer(nil, nil)
			is_automatic = true
		end
	end

	function requests.New(self)
		self.handlers = {}
		self.requests = realtime.Requests(self.client, self.id)
		self.requests:Answer(REQUEST, function(request, from, reply)
			local id, name = istable(request) and request.id, istable(request) and request.name
			if not isstring(id) or not isstring(name) or #name > MAX_NAME then
				return reply({ code = "ERROR", message = "it is not a request to a player: id and name are missing" })
			end
			-- Another server has this id, too, and the player is there. An answer from here would end its request.
			if request.instance ~= nil and request.instance ~= self.instance then return end
			local stay = addon.players_stays.Find(self, id)
			if not stay then return reply({ code = "GONE", message = "he is not here" }) end
			if not self.handlers[name] then
				return reply({ code = "UNKNOWN", message = format('"%s" does not answer "%s" for its players', self.id, addon.Printable(name, 64)) })
			end
			requests.Handle(self, stay.ply, name, request.data, from, reply, nil)
		end)
	end
end
