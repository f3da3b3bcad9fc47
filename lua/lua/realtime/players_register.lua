-- The register of each server of realtime.Players: which players the other servers have. Every server publishes its
-- own players, piece by piece, and its announcements of presence name the current version. A server that missed
-- a version of another one asks it for all of its players.
return function(realtime, addon)
	local SysTime, random, min = SysTime, math.random, math.min
	local CHANNEL = "realtime:players"
	local ENVELOPE_BYTES, ELEMENTS = 256, 512
	local BOUNDS = addon.Bounds(8192 - ENVELOPE_BYTES, ENVELOPE_BYTES, ELEMENTS)
	local PIECE, PIECE_BYTES = 32, 7600 -- players in a message, and bytes of them
	local MAX_PIECES, MAX_PLAYERS = 32, 256 -- of one server
	local MAX_NAME, MAX_RANK = 64, 32 -- bytes
	local MAX_NUMBER = 2 ^ 53
	addon.players_interval = 1 -- seconds between two looks at the game's players, and two messages about them
	local ASKING = 0.5 -- the longest wait, as a share of this interval, before it asks for all players of a server, so that not all servers ask at once
	local MOVE = 120 -- seconds within which leaving one server and joining another counts as a move
	local PATIENCE = 3.2 -- announcements that may be missing before another Lua state of a server counts
	local MAX_LEFT = 4096 -- how many players who left are remembered
	addon.players_absence = 180 -- seconds within which a server has to be back after the end of its Lua state, because its players are loading
	local register = {}
	addon.players_register = register

	-- A record in the form that addons get.
	function register.Shown(record)
		return {
			id = record.id, name = record.name, server = record.server, rank = record.rank, since = record.since / 1e6, loading = record.is_loading,
		}
	end

	local function forget_old(self, now)
		if table.Count(self.left) <= MAX_LEFT then return end
		for id, left in pairs(self.left) do
			if now - left.at > MOVE then self.left[id] = nil end
		end
	end

	local function tell_left(self, record)
		local now = SysTime()
		self.left[record.id] = { server = record.server, at = now }
		forget_old(self, now)
		addon.Tell(self, "left", function() return register.Shown(record) end)
	end

	-- Players who were there before this server began are not reported.
	local function tell_joined(self, record)
		local left = self.left[record.id]
		if not left and not (self.began and record.since > self.began) then return end
		self.left[record.id] = nil
		local from = left and left.server ~= record.server and SysTime() - left.at <= MOVE and left.server or nil
		addon.Tell(self, "joined", function()
			local shown = register.Shown(record)
			shown.from = from
			return shown
		end)
	end

	-- If several servers have a player, the newest claim counts.
	local function reindex(self, id)
		local best
		for _, server in pairs(self.servers) do
			local record = server.players[id] or server.loading[id]
			if record and (not best or record.number > best.number) then best = record end
		end
		local before = self.index[id]
		self.index[id] = best
		if before and (not best or best.server ~= before.server) then tell_left(self, before) end
		if best and self.index[id] == best and (not before or best.server ~= before.server) then tell_joined(self, best) end
	end

	local function reindex_all(self, ids)
		for id in SortedPairs(ids) do reindex(self, id) end
	end

	local function server_of(self, id)
		local server = self.servers[id]
		if not server then
			server = { id = id, players = {}, count = 0, loading = {} }
			self.servers[id] = server
		end
		return server
	end

	local function is_number(value) return isnumber(value) and value % 1 == 0 and value >= 0 and value <= MAX_NUMBER end

	-- The form in which a player is sent, { SteamID64, name, rank, number, since }; and only the SteamID64 for one
	-- who is gone.
	local function list_of(stay) return { stay.id, stay.name, stay.rank, stay.number, stay.since } end
	local function record_of(server, list)
		local id, name, rank, number, since = unpack(list, 1, 5)
		if not isstring(name) or not isstring(rank) or not is_number(number) or not is_number(since) then return end
		return {
			id = id, name = addon.Printable(name, MAX_NAME), rank = addon.Printable(rank, MAX_RANK), number = number, since = since, server = server,
			is_loading = false, lower = name:lower(),
		}
	end

	-- Changes of a server's players; `touched` gets their ids. Invalid entries are left out.
	local function apply(server, list, touched)
		for i = 1, min(#list, PIECE) do
			local entry = list[i]
			local id = istable(entry) and entry[1]
			if isstring(id) and id:find("^7656119%d%d%d%d%d%d%d%d%d%d$") then
				local record = #entry > 1 and record_of(server.id, entry) or nil
				local count = server.count + (record and 1 or 0) - (server.players[id] and 1 or 0)
				if count <= MAX_PLAYERS then
					server.players[id], server.count, touched[id] = record, count, true
					if record then server.loading[id] = nil end
				end
			end
		end
	end

	-- All players of a server: players missing from it have left, or are still loading.
	local function replace(self, server, instance, version, pieces)
		local touched = {}
		for id in pairs(server.players) do touched[id] = true end
		server.instance, server.version, server.players, server.count, server.ask_at, server.parts = instance, version, {}, 0, nil, nil
		for _, list in ipairs(pieces) do apply(server, list, touched) end
		reindex_all(self, touched)
	end

	local function want(server)
		server.ask_at = server.ask_at or SysTime() + random() * ASKING * addon.players_interval
	end

	-- A server has announced its current version: "INSTANCE:VERSION".
	function register.Announced(self, id, text)
		local instance, version = (isstring(text) and text or ""):match("^(%x+):(%d+)$")
		version = tonumber(version)
		if not instance or #instance > 64 or not is_number(version) then return end
		local server, now = server_of(self, id), SysTime()
		-- Two servers with one id: the one that was heard first counts until it is silent, as after a crash.
		local is_other = server.expected and server.expected ~= instance
		if is_other and server.heard and now - server.heard < PATIENCE * addon.presence_interval then return end
		server.expected, server.heard = instance, now
		if server.instance == instance and server.version and server.version >= version then return end
		if version == 0 then return replace(self, server, instance, 0, {}) end
		want(server)
	end

	-- One piece of all players, or changes.
	local function hear_players(self, server, data)
		local version, list = data.version, data.players
		if data.part == nil then
			if server.instance == data.instance and server.version == data.before then
				server.version = version
				local touched = {}
				apply(server, list, touched)
				reindex_all(self, touched)
			elseif server.instance ~= data.instance or not server.version or version > server.version then
				want(server)
			end
			return
		end
		if server.instance == data.instance and server.version and server.version >= version then return end
		local part, parts = data.part, data.parts
		if not is_number(part) or not is_number(parts) or part < 1 or part > parts or parts > MAX_PIECES then return end
		local whole = server.parts
		if not whole or whole.instance ~= data.instance or whole.version ~= version or whole.parts ~= parts then
			whole = { instance = data.instance, version = version, parts = parts, got = {}, count = 0 }
			server.parts = whole
		end
		if not whole.got[part] then whole.count = whole.count + 1 end
		whole.got[part] = list
		if whole.count == parts then replace(self, server, whole.instance, version, whole.got) end
	end

	function register.Hear(self, data, from)
		if not istable(data) or from == self.id then return end
		if data.ask == self.instance then self.is_asked = true end
		local server = self.servers[from]
		if not server or server.expected == nil or data.instance ~= server.expected then return end
		if is_number(data.version) and istable(data.players) then hear_players(self, server, data) end
	end

	local function forget_loading(self, server)
		local ids = server.loading
		server.loading, server.loading_until = {}, nil
		if server.is_away then self.servers[server.id] = nil end -- it did not come back
		reindex_all(self, ids)
	end

	-- Its Lua state ends: the next one may continue with its players.
	function register.Away(self, id)
		local server = self.servers[id]
		if not server or server.is_away then return end
		if table.Count(server.loading) > MAX_PLAYERS then forget_loading(self, server) end
		server.is_away, server.heard = true, nil
		server.loading_until = SysTime() + addon.players_absence
		for player_id, record in pairs(server.players) do
			local loading = table.Copy(record)
			loading.is_loading = true
			server.loading[player_id] = loading
			if self.index[player_id] == record then self.index[player_id] = loading end
		end
		server.players, server.count, server.version, server.parts, server.ask_at = {}, 0, nil, nil, nil
	end
	function register.Back(self, id)
		if self.servers[id] then self.servers[id].is_away = nil end
	end

	-- Presence considers it gone. If its Lua state ended, its players have more time.
	function register.Gone(self, id, is_away)
		local server = self.servers[id]
		if not server or is_away then return end
		self.servers[id] = nil
		local ids = {}
		for player_id in pairs(server.players) do ids[player_id] = true end
		for player_id in pairs(server.loading) do ids[player_id] = true end
		reindex_all(self, ids)
	end

	local function publish(self, data)
		data.instance = self.instance
		local text, reason = addon.Encode(data, self.id, CHANNEL, BOUNDS)
		if not text then return ErrorNoHaltWithStack("players: " .. reason) end
		self.client:Publish(CHANNEL, text, function() end)
	end

	local function pieces_of(lists)
		local pieces, piece, bytes = {}, {}, 0
		for _, list in ipairs(lists) do
			local size = #addon.json.Encode(list) + 1
			if #piece == PIECE or bytes + size > PIECE_BYTES then
				pieces[#pieces + 1] = piece
				piece, bytes = {}, 0
			end
			piece[#piece + 1] = list
			bytes = bytes + size
		end
		if piece[1] or not pieces[1] then pieces[#pieces + 1] = piece end
		return pieces
	end

	local function is_told(told, stay)
		return told and told.name == stay.name and told.rank == stay.rank and told.number == stay.number and told.since == stay.since
	end

	-- Reports changes of this server's own players to the other servers and to the listeners here.
	local function tell_changes(self)
		local lists = {}
		for id, stay in SortedPairs(self.stays) do
			if stay.state == "held" and not is_told(self.told[id], stay) then
				lists[#lists + 1] = list_of(stay)
				self.told[id] = { name = stay.name, rank = stay.rank, number = stay.number, since = stay.since }
			end
		end
		for id in SortedPairs(table.Copy(self.told)) do
			local stay = self.stays[id]
			if not stay or stay.state ~= "held" then
				lists[#lists + 1] = { id }
				self.told[id] = nil
			end
		end
		if not lists[1] then return end
		local own, touched = server_of(self, self.id), {}
		for _, list in ipairs(pieces_of(lists)) do
			self.version = self.version + 1
			publish(self, { version = self.version, before = self.version - 1, players = list })
			apply(own, list, touched)
		end
		reindex_all(self, touched)
		return true
	end

	local function tell_all(self)
		local lists = {}
		for id, stay in SortedPairs(self.stays) do
			if self.told[id] and stay.state == "held" then lists[#lists + 1] = list_of(stay) end
		end
		local pieces = pieces_of(lists)
		for part, list in ipairs(pieces) do publish(self, { version = self.version, part = part, parts = #pieces, players = list }) end
	end

	function register.Tick(self, now)
		local is_connected = self.client:IsConnected()
		if not is_connected then return end
		if self.has_news and now >= self.tell_at then
			self.has_news = false
			if tell_changes(self) then self.tell_at = now + addon.players_interval end
		end
		if self.is_asked and now >= self.tell_all_at then
			self.is_asked, self.tell_all_at = nil, now + addon.players_interval
			tell_all(self)
		end
		local late
		for id, server in pairs(self.servers) do
			if server.ask_at and now >= server.ask_at then
				server.ask_at = nil
				publish(self, { ask = server.expected })
			end
			if server.loading_until and now >= server.loading_until then
				late = late or {}
				late[id] = server
			end
		end
		for _, server in SortedPairs(late or {}) do forget_loading(self, server) end
	end

	-- The text in this server's announcements.
	function register.Announcement(self) return self.instance .. ":" .. string.format("%.0f", self.version) end

	function register.New(self)
		self.servers, self.index, self.left, self.told = {}, {}, {}, {}
		self.version, self.tell_at, self.tell_all_at = 0, 0, 0
		addon.Listen(realtime.Tables(self.client, self.id), "Subscribe", CHANNEL, self.hook, BOUNDS, function(data, from)
			register.Hear(self, data, from)
		end, addon.Head(self.id))
	end

	local function is_before(a, b)
		local first, second = a.name:lower(), b.name:lower()
		if first ~= second then return first < second end
		return a.id < b.id
	end

	-- The records whose name contains a text, ignoring the case of ASCII letters; or that have this SteamID64.
	function register.Find(self, text)
		text = text:lower()
		local found = {}
		for id, record in pairs(self.index) do
			if id == text or record.lower:find(text, 1, true) then found[#found + 1] = register.Shown(record) end
		end
		table.sort(found, is_before)
		return found
	end
	register.MAX_NAME, register.MAX_RANK = MAX_NAME, MAX_RANK
end
