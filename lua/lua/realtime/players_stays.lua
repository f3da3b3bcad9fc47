-- The players on this server, for realtime.Players: who is here, and whether Redis agrees. redis/players_claims.lua
-- has the other half.
return function(realtime, addon)
	local SysTime, tonumber, floor, min, format = SysTime, tonumber, math.floor, math.min, string.format
	local SCRIPT = "players_claims"
	local PATIENCE = 3.2 -- renewals that may fail before another server may have the players
	local SPAWNING = 5 -- seconds after which a player counts although PlayerInitialSpawn did not run, because another addon's hook ended it
	local HOLD = 30 -- seconds that a player who left can be held
	local RETRY, MOST_RETRY = 1, 60 -- seconds after an error of Redis: longer each time
	local DRIFT = 0.0002 -- seconds that two clocks may drift apart in a second
	local stays = {}
	addon.players_stays = stays

	local function key(name) return "realtime:players:{players}:" .. name end
	addon.PlayersKey = key
	local KEYS = { key("claims"), key("leases"), key("instances"), key("waiting") }
	stays.KEYS = KEYS

	local function say(self, text, ...) addon.SayRarely(self, format("players: " .. text, ...)) end

	local function describe(self, stay)
		local nick, group = stay.ply:Nick(), stay.ply:GetUserGroup()
		if nick == stay.nick and group == stay.group then return end
		local register = addon.players_register
		stay.nick, stay.group, self.has_news = nick, group, true
		stay.name, stay.rank = addon.Printable(nick, register.MAX_NAME), addon.Printable(group, register.MAX_RANK)
	end

	-- Begins once Steam has confirmed who the player is. Before that, somebody with a stolen id could drive its owner
	-- from another server.
	local function begin(self, ply, id)
		self.made = self.made + 1
		local stay = { id = id, ply = ply, stay = self.made, at = SysTime(), state = "new", holds = 0, posts = {} }
		describe(self, stay)
		self.stays[id] = stay
		self.is_changed = true
	end

	-- Addons expect PlayerInitialSpawn to run before a post reaches a player.
	local function has_spawned(self, ply, now)
		if self.spawned[ply] == true then return true end
		self.spawned[ply] = self.spawned[ply] or now
		return now - self.spawned[ply] >= SPAWNING
	end

	-- Compares the known players with those of the game.
	local function look(self, now)
		self.look_at, self.unvalidated = now + addon.players_interval, 0
		for _, ply in ipairs(player.GetHumans()) do
			local id = ply:SteamID64()
			local stay = self.stays[id]
			if self.departed[ply] or not has_spawned(self, ply, now) then -- the game has not removed the player yet, or has not finished letting the player in
			elseif stay and stay.ply == ply then
				describe(self, stay)
			elseif ply:IsFullyAuthenticated() then
				begin(self, ply, id)
			else
				self.unvalidated = self.unvalidated + 1
			end
		end
		for id, stay in pairs(self.stays) do
			if not stay.left_at and not IsValid(stay.ply) then stay.left_at = now end
			-- After all hooks of PlayerDisconnected, which may hold the player.
			if stay.left_at and now > stay.left_at and (stay.holds == 0 or now - stay.left_at >= HOLD) then
				self.stays[id] = nil
				self.is_changed, self.has_news = true, true
			end
		end
	end

	local function handle(self, reply, sent)
		local _, time, told, held, lost, waiting = unpack(reply)
		self.began = self.began or tonumber(time)
		if told ~= 1 then
			say(self, "another server was not told at once that its player is here: %s", addon.Printable(tostring(told), 160))
		end
		for i = 1, #held, 3 do
			local stay = sent[held[i]]
			if stay then
				local number = tonumber(held[i + 1])
				if stay.state ~= "held" or stay.number ~= number then self.has_news = true end
				stay.number, stay.since, stay.state = number, tonumber(held[i + 2]), "held"
			end
		end
		for _, id in ipairs(waiting) do
			if sent[id] then addon.players_delivery.Wake(self, id) end
		end
		for i = 1, #lost, 2 do
			local stay, server = sent[lost[i]], lost[i + 1]
			if stay and stay.state ~= "lost" then
				stay.state, self.has_news = "lost", true
				if self.stays[stay.id] == stay and not stay.left_at and IsValid(stay.ply) then
					addon.Tell(self, "taken", function() return stay.ply, server end)
				end
			end
		end
	end

	-- Redis's time is SysTime() plus an offset, and each answer gives its bounds: Redis ran the script after it was
	-- sent, and before now. The upper bound is kept as `most_offset`.
	local function note_time(self, time, sent_at)
		local now = SysTime()
		local least, most = time / 1e6 - now, time / 1e6 - sent_at
		local before = self.most_offset and self.most_offset + (now - self.offset_at) * DRIFT
		-- Below the lower bound: the clock has been set.
		if before and before >= least then most = min(before, most) end
		self.most_offset, self.offset_at = most, now
	end

	-- The latest possible time now, by Redis's clock in microseconds; 0 if nothing is known about that clock.
	local function latest_moment(self, now)
		if not self.most_offset then return "0" end
		return format("%.0f", (now + self.most_offset + (now - self.offset_at) * DRIFT) * 1e6)
	end

	-- The report to Redis of who is here, and the players in it. `state`: "loading" at the end of the Lua state.
	local function words(self, state, now)
		local is_twin = addon.HasTwin(self.presence)
		self.sequence = self.sequence + 1
		local lease = state == "loading" and addon.players_absence or PATIENCE * addon.presence_interval
		local arguments, sent = { "sync", self.instance, self.id, self.sequence, floor(lease * 1000), state, latest_moment(self, now) }, {}
		for id, stay in SortedPairs(self.stays) do
			if is_twin and stay.state == "new" then
				say(self, 'two servers have the id "%s", so players who join now are not registered. Give each its own "id" in ' ..
					"garrysmod/data/realtime.json.", self.id)
			elseif not (state == "loading" and stay.left_at) then
				sent[id] = stay
				table.Add(arguments, {
					id, stay.stay, floor((now - stay.at) * 1000), stay.since and format("%.0f", stay.since) or "0", stay.state == "new" and "new" or "known",
				})
			end
		end
		return arguments, sent
	end

	local function sync(self, now)
		local arguments, sent = words(self, "here", now)
		self.is_changed, self.sync_at = false, now + addon.presence_interval
		self.is_asking = true
		local accepted = addon.RunScript(self.client, SCRIPT, KEYS, arguments, function(err, reply)
			self.is_asking = false
			if not err and not istable(reply) then err = "the server's answer is not one of redis/players_claims.lua" end
			if not err then
				self.refusals = 0
				if reply[1] == "synced" then
					note_time(self, tonumber(reply[2]), now)
					return handle(self, reply, sent)
				end
				self.is_changed = true -- "late": Redis has a later report, and the answer to that was lost
				return
			end
			self.is_changed = true
			if istable(err) and (err.code == "DISCONNECTED" or err.code == "TIMEOUT" or err.code == "CLOSED") then return end
			self.refusals = self.refusals + 1
			self.pause_until = SysTime() + min(RETRY * 2 ^ (self.refusals - 1), MOST_RETRY)
			say(self, "%s", tostring(err))
		end)
		if not accepted then self.is_asking, self.is_changed, self.pause_until = false, true, now + RETRY end
	end

	function stays.Tick(self, now)
		self.is_shutting_down = false
		if now >= self.look_at or self.is_looked_for then
			self.is_looked_for = false
			look(self, now)
		end
		if self.is_asking or now < self.pause_until or not self.client:IsConnected() then return end
		if self.is_changed or now >= self.sync_at then sync(self, now) end
	end

	-- Called by the game's hooks.
	function stays.Look(self) self.is_looked_for = true end
	function stays.Spawned(self, ply) self.spawned[ply], self.is_looked_for = true, true end
	function stays.Left(self, ply)
		if self.is_shutting_down then return end -- the next Lua state continues with the player, after a return
		self.departed[ply] = true
		for _, stay in pairs(self.stays) do
			if stay.ply == ply then stay.left_at = SysTime() end
		end
		self.is_looked_for = true
	end

	-- Another server claims one of our players.
	function stays.Wake(self) self.is_changed = true end

	-- It may be another Redis, with another clock.
	function stays.Connected(self) self.is_changed, self.most_offset = true, nil end

	-- The hook ShutDown: later the game may have no players any more.
	function stays.LastLook(self)
		look(self, SysTime())
		self.is_shutting_down = true
	end

	-- The next Lua state of this server continues with its players.
	function stays.Close(self) addon.RunScriptLast(self.client, SCRIPT, KEYS, (words(self, "loading", SysTime()))) end

	-- The stay of a player who is here, and whom Redis counts as here; or nil.
	function stays.Find(self, id)
		local stay = self.stays[id]
		return stay and stay.state == "held" and not stay.left_at and IsValid(stay.ply) and stay or nil
	end

	-- Keeps a player registered for a while after leaving. Returns a function that ends this; or nil and why.
	function stays.Hold(self, id)
		local stay = self.stays[id]
		if not stay then return nil, "the player is not on this server" end
		stay.holds = stay.holds + 1
		local is_held = true
		return function()
			if not is_held then return false end
			is_held = false
			stay.holds = stay.holds - 1
			self.is_looked_for = true
			return true
		end
	end

	function stays.New(self)
		self.stays, self.made, self.sequence, self.refusals, self.unvalidated = {}, 0, 0, 0, 0
		self.departed, self.spawned = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" }) -- true, or since when the player is seen
		for _, ply in ipairs(player.GetHumans()) do self.spawned[ply] = true end
		self.look_at, self.sync_at, self.pause_until, self.is_looked_for = 0, 0, 0, true
	end
end
