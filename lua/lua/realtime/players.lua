-- Players: on which server each is, and messages that find them.
return function(realtime, addon)
	local methods = {}
	local register, stays, requests = addon.players_register, addon.players_stays, addon.players_requests
	local posting, delivery = addon.players_posting, addon.players_delivery
	local format = string.format
	local SCRIPTS = { "players_claims", "players_post", "players_take" }
	local PREFIX = "realtime.Players "
	local SECONDS = 5 -- that Ask waits
	local MONTH, YEAR = 30 * 86400, 366 * 86400 -- seconds
	local MAX_ONCE = 128 -- bytes

	-- The server that the player is on, and the player's record; nil if on none.
	function methods:Where(id)
		if addon.IsBot(id) then return end
		local record = self.index[addon.SteamID64("Where", 1, id)]
		if record then return record.server, register.Shown(record) end
	end

	-- Records of the players whose name contains this text, or who have this SteamID64; in the order of their names.
	function methods:Find(text)
		if not isstring(text) then error("bad argument #1 to 'Find' (a part of a name expected, got " .. type(text) .. ")", 2) end
		return register.Find(self, text)
	end

	local function check_name(method, position, name)
		if not isstring(name) or name == "" or #name > requests.MAX_NAME then
			error(format("bad argument #%d to '%s' (the request's name expected, 1 to %d bytes)", position, method, requests.MAX_NAME), 3)
		end
	end

	-- Asks the server that the player is on: fn(err, answer). Returns the same as client:Command.
	function methods:Ask(id, name, data, fn, seconds)
		if addon.IsBot(id) then return addon.RefuseBot("nobody is asked about a bot") end
		id = addon.SteamID64("Ask", 1, id)
		check_name("Ask", 2, name)
		if not isfunction(fn) then error("bad argument #4 to 'Ask' (function expected, got " .. type(fn) .. ")", 2) end
		seconds = seconds == nil and SECONDS or seconds
		if not isnumber(seconds) or not (seconds > 0 and seconds < math.huge) then error("bad argument #5 to 'Ask' (seconds above 0 expected)", 2) end
		if data ~= nil then
			local text, reason = addon.json.Encode(data, posting.DATA)
			if not text then error("'Ask' \"" .. name .. "\": " .. reason, 2) end
		end
		return requests.Ask(self, id, name, data, fn, seconds)
	end

	-- Answers requests and posts of that name to players on this server: fn(ply, data, from, reply, info). nil
	-- removes it.
	function methods:Answer(name, fn)
		check_name("Answer", 1, name)
		if fn ~= nil and not isfunction(fn) then error("bad argument #2 to 'Answer' (function expected)", 2) end
		local file, before = addon.Identifier("Answer", 2), self.handlers[name]
		if fn and before and before.file ~= file then
			error(format("'Answer': \"%s\" is answered by %s already, so %s cannot; a name has one file", name, before.file, file), 2)
		end
		self.handlers[name] = fn and { fn = fn, file = file } or nil
		if fn then delivery.Answered(self, name) end
	end

	local CHECKS = {
		expires = { function(value) return isnumber(value) and value > 0 and value <= YEAR end, "seconds above 0, a year at most" },
		once = { function(value) return isstring(value) and value ~= "" and #value <= MAX_ONCE end, "a text of 1 to " .. MAX_ONCE .. " bytes" },
		timeout = { function(value) return isnumber(value) and value > 0 end, "seconds above 0" },
	}
	local function check_options(options)
		if options == nil then return {} end
		local function wrong(what) error("bad argument #4 to 'Post' (" .. what .. ")", 4) end
		if not istable(options) then wrong("a table of options expected, got " .. type(options)) end
		for key, value in pairs(options) do
			if not CHECKS[key] then wrong('there is no option "' .. tostring(key) .. '"; there is expires, once, timeout') end
			if not CHECKS[key][1](value) then wrong(key .. ": " .. CHECKS[key][2] .. " expected") end
		end
		return options
	end

	-- Leaves a message for a player: Answer's function gets it on the player's server, now or after the next join.
	-- fn(err, id). Returns the same as client:Command.
	function methods:Post(id, name, data, options, fn)
		if addon.IsBot(id) then return addon.RefuseBot("a bot gets no posts") end
		id = addon.SteamID64("Post", 1, id)
		check_name("Post", 2, name)
		if isfunction(options) and fn == nil then options, fn = nil, options end
		options = check_options(options)
		if fn ~= nil and not isfunction(fn) then error("bad argument #5 to 'Post' (function expected, got " .. type(fn) .. ")", 2) end
		if data == nil or data == realtime.NULL then error("'Post' \"" .. name .. "\": nil is no message", 2) end
		local text, reason = addon.json.Encode(data, posting.DATA)
		if not text then error("'Post' \"" .. name .. "\": " .. reason, 2) end
		return posting.Send(self, id, name, text, { expires = options.expires or MONTH, once = options.once, timeout = options.timeout }, fn)
	end

	-- Keeps a player registered for up to 30 s after leaving. Returns a function that ends this; or nil and why.
	function methods:Hold(id)
		if addon.IsBot(id) then return nil, "a bot is not registered" end
		return stays.Hold(self, addon.SteamID64("Hold", 1, id))
	end

	-- "joined" and "left", fn(who); "taken", fn(ply, server).
	addon.AddEvents(methods, "players", { "joined", "left", "taken" }, "")

	-- For realtime_status and realtime_check.
	function addon.CountPlayers(self)
		local here, lost = 0, 0
		for _, stay in pairs(self.stays) do
			if stay.state == "held" then here = here + 1 elseif stay.state == "lost" then lost = lost + 1 end
		end
		return format("%d here, %d on all servers%s%s%s", here, table.Count(self.index),
			self.unvalidated > 0 and format("; %d here whom Steam has not confirmed", self.unvalidated) or "",
			lost > 0 and format("; %d here who are on another server as well", lost) or "",
			self.unreadable > 0 and format("; %d posts that could not be read", self.unreadable) or "")
	end
	function addon.ShowPlayers(say, client)
		for self in pairs(addon.players) do
			if self.client == client then say("    players        %s", addon.CountPlayers(self)) end
		end
	end

	-- An addon may have stopped presence.
	local function listen_to_presence(self)
		local presence = realtime.Presence(self.client, self.id)
		self.presence = presence
		addon.CarryRegister(presence, {
			Announcement = function() return register.Announcement(self) end,
			Announced = function(id, text) register.Announced(self, id, text) end,
		})
		presence:On("changed", self.hook, function(server)
			if server.away then register.Away(self, server.id) else register.Back(self, server.id) end
		end)
		presence:On("left", self.hook, function(server) register.Gone(self, server.id, server.away) end)
	end

	local HOOKS = { "PlayerInitialSpawn", "NetworkIDValidated", "PlayerDisconnected", "ShutDown" }
	local function add_hooks(self)
		hook.Add("PlayerInitialSpawn", self.hook, function(ply) stays.Spawned(self, ply) end)
		hook.Add("NetworkIDValidated", self.hook, function() stays.Look(self) end)
		hook.Add("PlayerDisconnected", self.hook, function(ply) stays.Left(self, ply) end)
		hook.Add("ShutDown", self.hook, function() stays.LastLook(self) end)
		addon.AddGoodbye("Players", self, function()
			if not self.client:IsValid() or not self.client:IsConnected() then return end
			delivery.Close(self)
			stays.Close(self)
		end)
	end

	local function close(self)
		addon.RemoveTask(self)
		for _, name in ipairs(HOOKS) do hook.Remove(name, self.hook) end
		addon.RemoveGoodbye("Players", self)
		self.forget()
		addon.players[self] = nil
		posting.Close(self)
	end

	local function tick(self, now)
		if not self.client:IsValid() then return close(self) end
		if not addon.presences[self.presence] then listen_to_presence(self) end
		stays.Tick(self, now)
		register.Tick(self, now)
		posting.Tick(self, now)
		delivery.Tick(self, now)
	end

	addon.players = {} -- the existing ones

	addon.Constructor("Players", methods, function(self)
		addon.players[self] = true
		self.instance, self.hook = realtime.RandomToken(), PREFIX .. self.id
		self.listeners, self.places = { joined = {}, left = {}, taken = {} }, {}
		register.New(self)
		stays.New(self)
		requests.New(self)
		posting.New(self)
		delivery.New(self)
		listen_to_presence(self)
		self.client:Subscribe("realtime:players:" .. self.id, self.hook, function(text)
			local id = text:match("^post (%d+)$")
			if id then delivery.Wake(self, id) else stays.Wake(self) end
		end, { max_bytes = 64 })
		self.client:On("ready", self.hook, function() stays.Connected(self) end)
		add_hooks(self)
		addon.AddTask(self, function(now) tick(self, now) end)
	end)

	local construct = realtime.Players
	-- realtime.Players([client [, id]])
	realtime.Players = function(client, id)
		for _, script in ipairs(SCRIPTS) do
			local text, reason = addon.ScriptText(script)
			if not text then return nil, reason end
		end
		if id == nil and not select(2, realtime.ServerId()) then
			return nil, 'this server has no id of its own, by which others could find its players: write "id" into garrysmod/data/realtime.json'
		end
		return construct(client, id)
	end
end
