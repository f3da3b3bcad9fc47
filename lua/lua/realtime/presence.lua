-- Which servers are up. Each tells of itself every few seconds, and at once when somebody new asks.
return function(realtime, addon)
	local methods = {}
	local CHANNEL = "realtime:presence"
	addon.presence_interval = 5 -- seconds between two words of a server
	local PATIENCE = 3.2 -- intervals of silence, until it counts as gone
	local SHOUT = 60 -- seconds between two complaints about a twin
	local MAX_TWINS = 32 -- remembered at a time
	local SysTime = SysTime
	local EVENTS = { joined = true, left = true, changed = true, duplicate = true }

	local function tell(self, event, server)
		for _, fn in pairs(table.Copy(self.listeners[event])) do addon.Protect(fn, server) end
	end

	local function has_twin(self)
		return self.twin_heard ~= nil and SysTime() - self.twin_heard < PATIENCE * addon.presence_interval
	end

	-- What others learn of this server. Asked for each time: at load there is no host name yet, and players come and go.
	local function description(self)
		return {
			instance = self.instance, map = game.GetMap(), players = player.GetCount(), bots = #player.GetBots(),
			max_players = game.MaxPlayers(), name = GetHostName(), fields = self.fields, duplicate = has_twin(self),
		}
	end

	local function announce(self, ask)
		self.next = SysTime() + addon.presence_interval
		local word = description(self)
		word.ask = ask
		-- While the link is down it would only wait for its own timeout.
		if self.client:IsConnected() then realtime.Tables(self.client, self.id):Publish(CHANNEL, word, function() end) end
	end

	-- A program on the other side may leave things out: what addons join and add up is always there.
	local function text(value) return isstring(value) and value or "" end
	local function number(value) return isnumber(value) and value or 0 end

	local function entry(id, word)
		return {
			id = id, instance = word.instance, map = text(word.map), players = number(word.players), bots = number(word.bots),
			max_players = number(word.max_players), name = text(word.name), fields = istable(word.fields) and word.fields or {},
			duplicate = word.duplicate == true, heard = SysTime(),
		}
	end

	local function is_same(a, b)
		if not istable(a) or not istable(b) then return a == b end
		for key, value in pairs(a) do
			if key ~= "heard" and key ~= "instance" and not is_same(value, b[key]) then return false end
		end
		for key in pairs(b) do
			if a[key] == nil then return false end
		end
		return true
	end

	local function shout(self, server, here)
		local now, id = SysTime(), server.id
		if self.shouted[id] and now - self.shouted[id] < SHOUT then return end
		for old, at in pairs(self.shouted) do
			if now - at >= SHOUT then self.shouted[old] = nil end
		end
		self.shouted[id] = now
		local name, map = addon.Printable(server.name), addon.Printable(server.map)
		local other = here and string.format("this one, and %s on %s", name, map)
			or string.format("one of them is %s on %s", name, map)
		addon.Say(string.format('TWO SERVERS HAVE THE ID "%s": %s. Give each its own in garrysmod/data/realtime.json ("id"); ' ..
			"until then requests reach both.", addon.Printable(id), other))
		server.duplicate = true
		tell(self, "duplicate", server)
	end

	-- Somebody else with this server's id. Heard once, it may be this server's own last word before a map change.
	local function hear_twin(self, word)
		if word.bye then return end
		if table.Count(self.twins) > MAX_TWINS then self.twins = {} end
		local count = (self.twins[word.instance] or 0) + 1
		self.twins[word.instance] = count
		if count == 1 then return announce(self, true) end -- whoever is really there answers at once
		self.twin_heard = SysTime()
		shout(self, entry(self.id, word), true)
	end

	local function hear(self, word, id)
		if not istable(word) or not isstring(word.instance) then
			addon.SayRarely("presence", 'a word of "' .. id .. '" on ' .. CHANNEL .. " was left out: it has no instance")
			return
		end
		if word.instance == self.instance then return end
		if word.ask then self.next = 0 end
		if id == self.id then return hear_twin(self, word) end
		local known = self.servers[id]
		if word.bye then
			if known and known.instance == word.instance then
				self.servers[id] = nil
				tell(self, "left", known)
			end
			return
		end
		local server = entry(id, word)
		self.servers[id] = server
		if not known then
			tell(self, "joined", server)
		elseif not is_same(known, server) then
			tell(self, "changed", server)
		end
		if server.duplicate then shout(self, server, false) end
	end

	local function tick(self, now)
		if not self.client:IsValid() then return self:Stop() end
		-- While this server stood still nobody was heard, and nobody has left: what they said waits.
		if now - (self.ticked or now) > PATIENCE / 2 * addon.presence_interval then self.listening = self.listening and now end
		self.ticked = now
		if now >= self.next then announce(self) end
		-- Nor without a connection.
		if not self.client:IsConnected() or not self.listening then return end
		-- First these, then what is told of them: a callback that lets others be heard adds to the table.
		local gone
		for id, server in pairs(self.servers) do
			if now - math.max(server.heard, self.listening) > PATIENCE * addon.presence_interval then
				gone = gone or {}
				gone[id] = server
			end
		end
		if not gone then return end
		for id in pairs(gone) do self.servers[id] = nil end
		for _, server in SortedPairs(gone) do tell(self, "left", server) end
	end

	local function shown(server, now)
		return {
			id = server.id, map = server.map, players = server.players, bots = server.bots, max_players = server.max_players,
			name = server.name, fields = server.fields, duplicate = server.duplicate, own = server.own or false,
			age = server.own and 0 or now - server.heard,
		}
	end

	local function own(self)
		local server = entry(self.id, description(self))
		server.own = true
		return server
	end

	-- Every server that is up, this one included, in the order of their ids.
	function methods:Servers()
		local list, now = { shown(own(self), SysTime()) }, SysTime()
		for _, server in pairs(self.servers) do list[#list + 1] = shown(server, now) end
		table.sort(list, function(a, b) return a.id < b.id end)
		return list
	end

	-- One server, or nil.
	function methods:Server(id)
		if id == self.id then return shown(own(self), SysTime()) end
		return self.servers[id] and shown(self.servers[id], SysTime())
	end

	-- A field of this server's own, told to the others with the next tick. nil takes it away.
	function methods:Set(key, value)
		if not isstring(key) then error("bad argument #1 to 'Set' (a field's name expected)", 2) end
		if value ~= nil then
			local text, reason = addon.json.Encode(value)
			if not text then error("'Set' \"" .. key .. "\": " .. reason, 2) end
			-- As it is now, whatever the addon does to its table.
			value = addon.json.Decode(text)
		end
		self.fields[key] = value
		self.next = 0
	end

	-- event: "joined", "left", "changed" or "duplicate".
	function methods:On(event, identifier, fn)
		if not EVENTS[event] then error('bad argument #1 to \'On\' ("joined", "left", "changed" or "duplicate" expected)', 2) end
		identifier, fn = addon.IdentifierAndFunction("On", 2, identifier, fn)
		self.listeners[event][identifier] = function(server) fn(shown(server, SysTime())) end
	end
	function methods:Off(event, identifier)
		if not EVENTS[event] then error('bad argument #1 to \'Off\' ("joined", "left", "changed" or "duplicate" expected)', 2) end
		self.listeners[event][identifier or addon.CallingFile(2)] = nil
	end

	-- Says goodbye, and hears nobody from now on.
	function methods:Stop()
		addon.RemoveTask(self)
		self.forget()
		hook.Remove("ShutDown", self.hook)
		self.servers = {}
		if not self.client:IsValid() then return end
		self.goodbye()
		realtime.Tables(self.client, self.id):Unsubscribe(CHANNEL, self.hook)
		self.client:Off("ready", self.hook)
	end

	addon.Constructor("Presence", methods, function(self)
		self.instance = addon.RandomName()
		self.fields, self.servers, self.twins, self.shouted = {}, {}, {}, {} -- twins: how often each was heard
		self.listeners = { joined = {}, left = {}, changed = {}, duplicate = {} }
		self.next = math.huge -- until the first `ready`
		self.hook = "realtime.Presence " .. self.id
		realtime.Tables(self.client, self.id):Subscribe(CHANNEL, self.hook, function(word, from) hear(self, word, from) end)
		self.client:On("ready", self.hook, function()
			self.listening = SysTime()
			announce(self, true)
		end)
		self.goodbye = function()
			realtime.Tables(self.client, self.id):Publish(CHANNEL, { instance = self.instance, bye = true }, function() end)
		end
		-- What is accepted at the end of the Lua state is still sent.
		hook.Add("ShutDown", self.hook, function() if self.client:IsValid() then self.goodbye() end end)
		addon.AddTask(self, function(now) tick(self, now) end)
	end)
end
