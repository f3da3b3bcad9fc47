-- Which servers are up. Each announces itself every few seconds, and immediately when a new one asks.
return function(realtime, addon)
	local methods = {}
	local CHANNEL = "realtime:presence"
	addon.presence_interval = 5 -- seconds between two announcements of a server
	local PATIENCE = 3.2 -- silent intervals after which a server counts as gone
	-- The game does not distinguish a map change from a shutdown. A server that says goodbye for either has so many
	-- seconds to be back.
	addon.presence_absence = 60
	local SHOUT = 60 -- seconds between two complaints about a twin
	local MAX_TWINS = 32 -- remembered at a time
	local SysTime = SysTime

	-- Anyone with the right to publish may send anything, under any id, as often as they like. So the state kept for
	-- others is bounded: a number of servers, and a size for each.
	local ENVELOPE_BYTES, ELEMENTS = 256, 256
	local BOUNDS = addon.Bounds(8192 - ENVELOPE_BYTES, ENVELOPE_BYTES, ELEMENTS)
	local MAX_SERVERS = 256
	local ESTABLISHED = 60 -- seconds after which a server is not removed for a newcomer
	local MAX_TEXT, MAX_INSTANCE = 128, 64 -- bytes of a name or a map, and of an instance
	local MAX_REGISTER = 64 -- bytes in which realtime.Players says which players are here
	local MAX_PLAYERS = 65535
	local SHOWN = 40 -- bytes of them in a line of the console
	addon.presence_pause = 1 -- seconds between two announcements that other servers, or joining and leaving players, cause

	local function shown(server, now)
		return {
			id = server.id, map = server.map, players = server.players, bots = server.bots, max_players = server.max_players,
			name = server.name, fields = server.fields, duplicate = server.duplicate, own = server.own or false,
			age = server.own and 0 or now - server.heard, away = server.away, database = server.database,
		}
	end

	-- `reason`: why a server has left or changed.
	local function tell(self, event, server, reason)
		addon.Tell(self, event, function() return shown(server, SysTime()), reason end)
	end

	local function patience() return PATIENCE * addon.presence_interval end

	local function has_twin(self)
		return self.twin_heard ~= nil and SysTime() - self.twin_heard < patience()
	end

	local function short(text) return #text <= MAX_TEXT and text or text:sub(1, MAX_TEXT) end

	-- The description of this server for others. Made each time, because at load there is no host name yet, and
	-- players come and go.
	local function description(self, fields)
		return {
			instance = self.instance, map = short(game.GetMap()), players = player.GetCount(), bots = #player.GetBots(),
			max_players = game.MaxPlayers(), name = short(GetHostName()), fields = fields, duplicate = has_twin(self),
			database = self.database, register = self.register and self.register.Announcement(),
		}
	end

	local function publish(self, data)
		local text, reason = addon.Encode(data, self.id, CHANNEL, BOUNDS)
		if not text then return ErrorNoHaltWithStack("presence: " .. reason) end
		self.client:Publish(CHANNEL, text, function() end)
	end

	local function announce(self)
		local now = SysTime()
		self.next, self.announced = now + addon.presence_interval, now
		local data = description(self, self.fields)
		self.players = data.players
		self.has_told_twin = data.duplicate
		data.ask, self.asks = self.asks, nil
		-- While the link is down, a publish would only wait for its timeout.
		if self.client:IsConnected() then publish(self, data) end
	end

	-- Others asked, or one has this server's id, or players came or left: announces immediately the first time, but
	-- not for each of them, which would flood the network.
	local function announce_soon(self)
		self.next = math.min(self.next, self.announced + addon.presence_pause)
	end

	-- Another program may leave fields out. Texts and numbers are filled in, because addons concatenate them and add
	-- them up. Texts are made safe to print.
	local function text(value) return isstring(value) and addon.Printable(value, MAX_TEXT) or "" end
	local function number(value)
		return isnumber(value) and value % 1 == 0 and value >= 0 and value <= MAX_PLAYERS and value or 0
	end

	local function entry(id, data)
		return {
			id = id, instance = data.instance, map = text(data.map), players = number(data.players), bots = number(data.bots),
			max_players = number(data.max_players), name = text(data.name), fields = istable(data.fields) and data.fields or {},
			duplicate = data.duplicate == true, away = false, heard = SysTime(),
			database = data.database ~= nil and number(data.database) or nil,
		}
	end

	local TOLD = { "map", "players", "bots", "max_players", "name", "fields", "duplicate", "away" }

	local function is_same(a, b)
		if not istable(a) or not istable(b) then return a == b end
		for key, value in pairs(a) do
			if not is_same(value, b[key]) then return false end
		end
		for key in pairs(b) do
			if a[key] == nil then return false end
		end
		return true
	end

	local function has_changed(known, server)
		for _, key in ipairs(TOLD) do
			if not is_same(known[key], server[key]) then return true end
		end
		return false
	end

	-- `holder` remembers when it was reported: the known server, or this one.
	local function shout(self, holder, server, here)
		local now = SysTime()
		if holder.shouted and now - holder.shouted < SHOUT then return end
		holder.shouted = now
		local other = (here and "this one, and " or "one of them is ")
			.. addon.Printable(server.name, SHOWN) .. " on " .. addon.Printable(server.map, SHOWN)
		addon.SayRarely(here and self or CHANNEL .. self.id, string.format('TWO SERVERS HAVE THE ID "%s": %s. Give each its own in ' ..
			'garrysmod/data/realtime.json ("id"); until then requests reach both.', server.id, other))
		server.duplicate = true
		tell(self, "duplicate", server)
	end

	-- Another server uses this server's id. If it was heard only once, it may be this server's own last announcement
	-- before a map change.
	local function hear_twin(self, data)
		if data.bye then return end
		if table.Count(self.twins) > MAX_TWINS then self.twins = {} end
		local twin = self.twins[data.instance] or { count = 0 }
		self.twins[data.instance] = twin
		twin.count, twin.heard, twin.knows = twin.count + 1, SysTime(), data.duplicate == true
		if twin.count == 1 then -- a server that is really there answers
			self.asks = true
			return announce_soon(self)
		end
		if not has_twin(self) then announce_soon(self) end
		self.twin_heard = SysTime()
		shout(self, self, entry(self.id, data), true)
	end

	-- An instance is the hash of a secret of its own server, which its goodbye reveals. Instances from before
	-- 2026-12, and those of other programs, are not hashes: for one release their announcement is enough.
	local function is_own_goodbye(data)
		local instance = data.instance
		if #instance ~= 64 or instance:find("[^0-9a-f]") then return true end
		return isstring(data.proof) and realtime.SHA256(data.proof) == instance
	end

	local function hear_goodbye(self, data, id)
		local known = self.servers[id]
		if not known or known.instance ~= data.instance or not is_own_goodbye(data) then return end
		-- While two instances claim this id, goodbyes are ignored, because one may be forged. The one that falls
		-- silent times out.
		if known.contested and SysTime() < known.contested then return end
		if data.returns then
			local was_away = known.away
			known.away, known.heard = true, SysTime()
			if not was_away then tell(self, "changed", known) end
			return
		end
		self.servers[id] = nil
		self.count = self.count - 1
		tell(self, "left", known, "goodbye")
	end

	-- Makes room for a newcomer, if a server is new enough to be removed: the one that was silent longest.
	local function make_room(self)
		if self.count < MAX_SERVERS then return true end
		local now, oldest = SysTime(), nil
		for _, server in pairs(self.servers) do
			if now - server.since < ESTABLISHED and (not oldest or server.heard < oldest.heard) then oldest = server end
		end
		addon.SayRarely("presence", string.format("more than %d servers say that they are up: %s", MAX_SERVERS,
			oldest and "those that were silent longest are left out" or "newcomers are left out"))
		if not oldest then return false end
		self.servers[oldest.id] = nil
		self.count = self.count - 1
		tell(self, "left", oldest, "crowded out")
		return self.count < MAX_SERVERS
	end

	local function hear(self, data, id)
		if not istable(data) or not isstring(data.instance) or #data.instance > MAX_INSTANCE then
			addon.SayRarely("presence", 'an announcement of "' .. id .. '" on ' .. CHANNEL .. " was left out: it has no instance")
			return
		end
		if data.instance == self.instance then return end
		if data.ask then announce_soon(self) end
		if id == self.id then return hear_twin(self, data) end
		if data.bye then return hear_goodbye(self, data, id) end
		local known = self.servers[id]
		if not known and not make_room(self) then return end
		local server = entry(id, data)
		known = self.servers[id] -- a listener may have let other messages be handled
		if known then
			server.since, server.shouted, server.contested = known.since, known.shouted, known.contested
			local fresh = server.heard - known.heard < patience()
			if known.instance ~= server.instance and fresh and not known.away then
				server.contested = server.heard + patience()
			end
		else
			server.since = server.heard
			self.count = self.count + 1
		end
		self.servers[id] = server
		if not known then
			tell(self, "joined", server)
		elseif has_changed(known, server) then
			tell(self, "changed", server, known.away and "map change" or nil)
		end
		if server.duplicate then shout(self, server, server, false) end
		if self.register and self.servers[id] == server then self.register.Announced(id, data.register) end
	end

	local function tick(self, now)
		if not self.client:IsValid() then return self:Stop() end
		-- While this server stood still it heard no other, so none has left: their messages wait.
		if now - (self.ticked or now) > PATIENCE / 2 * addon.presence_interval then self.listening = self.listening and now end
		self.ticked = now
		-- Checked without a hook: bots, and players whom no hook names, count, too.
		if self.players and player.GetCount() ~= self.players then announce_soon(self) end
		if now >= self.next then announce(self) end
		-- Without a connection no server is heard, so none has left.
		if not self.client:IsConnected() or not self.listening then return end
		-- First collects the servers, then calls listeners: a callback that lets messages be handled adds to the
		-- table.
		local gone
		for id, server in pairs(self.servers) do
			if now - math.max(server.heard, self.listening) > (server.away and addon.presence_absence or patience()) then
				gone = gone or {}
				gone[id] = server
			end
		end
		if not gone then return end
		for id in pairs(gone) do self.servers[id] = nil end
		self.count = table.Count(self.servers)
		for _, server in SortedPairs(gone) do tell(self, "left", server, server.away and "goodbye" or "silence") end
	end

	local function own(self)
		local server = entry(self.id, description(self, self.fields))
		server.own = true
		return server
	end

	-- Every server that is up, including this one, in the order of their ids.
	function methods:Servers()
		addon.EnsureTick()
		local list, now = { shown(own(self), SysTime()) }, SysTime()
		for _, server in pairs(self.servers) do list[#list + 1] = shown(server, now) end
		table.sort(list, function(a, b) return a.id < b.id end)
		return list
	end

	-- One server, or nil.
	function methods:Server(id)
		addon.EnsureTick()
		if id == self.id then return shown(own(self), SysTime()) end
		return self.servers[id] and shown(self.servers[id], SysTime())
	end

	-- Sets a field of this server, which is announced with the next tick. nil removes it.
	function methods:Set(key, value)
		if not isstring(key) then error("bad argument #1 to 'Set' (a field's name expected)", 2) end
		local fields = {}
		for name, field in pairs(self.fields) do fields[name] = field end
		if value ~= nil then
			local text, reason = addon.json.Encode(value)
			if not text then error("'Set' \"" .. key .. "\": " .. reason, 2) end
			-- A copy of the current value, whatever the addon does to its table later.
			value = addon.json.Decode(text)
		end
		fields[key] = value
		-- With a map and a host name of maximum length, so that no announcement fails later.
		local data = description(self, fields)
		data.map, data.name, data.ask, data.register = ("x"):rep(MAX_TEXT), ("\1"):rep(MAX_TEXT), true, ("x"):rep(MAX_REGISTER)
		local _, reason = addon.json.Encode(data, BOUNDS)
		if reason and value ~= nil then error("'Set' \"" .. key .. "\": all fields together: " .. reason:gsub("^the value: ", ""), 2) end
		self.fields = fields
		self.next = 0
	end

	addon.AddEvents(methods, "presence", { "joined", "left", "changed", "duplicate" }, "")

	-- Asks which database the client uses, which only the server knows (from Redis 6.2 on). Pub/sub is shared by all
	-- databases, keys are not.
	local function ask_database(self)
		if addon.IsPostgres(self.client) then return end
		self.client:Command({ "CLIENT", "INFO" }, function(err, reply)
			if err or not isstring(reply) then return end
			self.database = tonumber(reply:match("%f[%w]db=(%d+)"))
			announce_soon(self)
		end)
	end

	-- For realtime_status.
	function addon.ShowPresence(say, client)
		for self in pairs(addon.presences) do
			if self.client == client then
				say("    presence       as %s: %d other servers%s", self.id, self.count, has_twin(self) and ", AND ONE WITH THE SAME ID" or "")
			end
		end
	end

	addon.HasTwin = has_twin

	-- Whether a twin was heard lately, even if only once.
	function addon.HearsTwin(self)
		for _, twin in pairs(self.twins) do
			if SysTime() - twin.heard < patience() then return true end
		end
		return false
	end

	-- Whether this server and every twin that was heard lately know of each other, and have said so.
	function addon.TwinsKnow(self)
		for _, twin in pairs(self.twins) do
			if SysTime() - twin.heard < patience() and not twin.knows then return false end
		end
		return has_twin(self) and self.has_told_twin
	end

	-- From now on announcements carry register.Announcement(), and register.Announced(id, text) hears those of others.
	function addon.CarryRegister(self, register) self.register = register end

	-- For realtime_check: asks all servers to announce themselves, often enough to find a twin.
	function addon.AskPresence(self)
		self.asks = true
		self.next = 0
	end

	-- Says goodbye, and hears no server from now on.
	function methods:Stop()
		addon.RemoveTask(self)
		self.forget()
		addon.presences[self] = nil
		addon.RemoveGoodbye("Presence", self)
		self.servers, self.count = {}, 0
		if not self.client:IsValid() then return end
		self.goodbye()
		realtime.Tables(self.client, self.id):Unsubscribe(CHANNEL, self.hook)
		self.client:Off("ready", self.hook)
	end

	addon.presences = {} -- the running ones

	addon.Constructor("Presence", methods, function(self)
		addon.presences[self] = true
		local proof = realtime.RandomToken()
		self.instance = realtime.SHA256(proof)
		self.fields, self.servers, self.count, self.twins = {}, {}, 0, {} -- twins: by instance
		self.listeners, self.places = { joined = {}, left = {}, changed = {}, duplicate = {} }, {}
		self.next, self.announced = math.huge, -math.huge -- until the first `ready`
		self.hook = "realtime.Presence " .. self.id
		addon.Listen(realtime.Tables(self.client, self.id), "Subscribe", CHANNEL, self.hook, BOUNDS,
			function(data, from) hear(self, data, from) end)
		self.client:On("ready", self.hook, function()
			self.listening = SysTime()
			self.asks = true
			ask_database(self)
			announce(self)
		end)
		self.goodbye = function(returns)
			publish(self, { instance = self.instance, bye = true, proof = proof, returns = returns })
		end
		addon.AddGoodbye("Presence", self, function()
			if self.client:IsValid() then self.goodbye(true) end
		end)
		addon.AddTask(self, function(now) tick(self, now) end)
	end)
end
