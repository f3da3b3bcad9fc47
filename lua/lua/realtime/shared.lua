-- One table on all servers: a hash in Redis, a copy of it here, and messages about each change.
return function(realtime, addon)
	local methods = {}
	local copy, entries, writes = addon.shared_copy, addon.shared_entries, addon.shared_writes
	local check = addon.shared_arguments
	local check_key, check_function, encode, expiry = check.Key, check.Function, check.Encode, check.Expiry
	local options_and_function = check.OptionsAndFunction
	local SysTime = SysTime
	local MAX_KEYS = 1000 -- of one SetMany
	local SLICE = 50 -- how many watched keys are read at a time
	local MESSAGE = { bytes = 81920, elements = 40000 } -- the limits of shared_write.lua
	local SCRIPTS = { "shared_read", "shared_write", "shared_ask" }
	local OPTIONS = { watched = true, snapshot = true }

	function methods:Name() return self.name end
	function methods:Id() return self.id end
	function methods:IsReady() return self.is_ready end
	function methods:Count() return self.count end

	-- A key's value, or nil. A table is a new copy each time.
	function methods:Get(key)
		check_key("Get", 1, key)
		local entry = self.entries[key]
		if entry then return entries.Fresh(entry.value) end
	end

	-- Calls fn(key, value) for each key, or for those with a prefix, in any order. The values are the copy's own, not
	-- new tables.
	function methods:Each(prefix, fn)
		if isfunction(prefix) and fn == nil then prefix, fn = "", prefix end
		if not isstring(prefix) then error("bad argument #1 to 'Each' (a prefix or a function expected)", 2) end
		if not isfunction(fn) then error("bad argument #2 to 'Each' (function expected)", 2) end
		local length = #prefix
		for key, entry in pairs(self.entries) do
			if length == 0 or key:sub(1, length) == prefix then fn(key, entry.value) end
		end
	end

	-- The keys, or those with a prefix, sorted.
	function methods:Keys(prefix)
		if prefix ~= nil and not isstring(prefix) then error("bad argument #1 to 'Keys' (a prefix expected)", 2) end
		local keys, length = {}, prefix and #prefix or 0
		for key in pairs(self.entries) do
			if length == 0 or key:sub(1, length) == prefix then keys[#keys + 1] = key end
		end
		table.sort(keys)
		return keys
	end

	-- The seconds until a key expires; nil if it does not expire or does not exist.
	function methods:Expires(key)
		check_key("Expires", 1, key)
		local entry = self.entries[key]
		if entry and entry.expires > 0 then return math.max((entry.expires - entries.Now(self)) / 1e6, 0) end
	end

	-- Without the token, which only Update needs.
	local function send(...)
		local accepted, refused = writes.Send(...)
		if accepted then return true end
		return false, refused
	end

	function methods:Set(key, value, options, fn)
		check_key("Set", 1, key)
		local text = encode("Set", key, value)
		options, fn = options_and_function("Set", 3, options, fn)
		return send(self, key, { "set", key, text, expiry(options, "never"), "" }, options, fn and function(err) fn(err) end)
	end

	-- Sets several keys at once: servers see all of them or none.
	function methods:SetMany(values, options, fn)
		if not istable(values) or next(values) == nil then error("bad argument #1 to 'SetMany' (a table of keys and values expected)", 2) end
		for key in pairs(values) do check_key("SetMany", 1, key) end
		options, fn = options_and_function("SetMany", 2, options, fn)
		local changes, count, first = {}, 0, nil
		for key, value in SortedPairs(values) do
			table.Add(changes, { "set", key, encode("SetMany", key, value), expiry(options, "never"), "" })
			count, first = count + 1, first or key
		end
		if count > MAX_KEYS then error("'SetMany': at most " .. MAX_KEYS .. " keys", 2) end
		return send(self, first, changes, options, fn and function(err) fn(err) end)
	end

	function methods:Remove(key, fn)
		check_key("Remove", 1, key)
		check_function("Remove", 2, fn)
		return send(self, key, { "remove", key, "", "", "" }, {}, fn and function(err, existed)
			if err then return fn(err) end
			fn(nil, existed == "1")
		end)
	end

	-- Adds to a number; a missing key counts as 0.
	function methods:Add(key, number, options, fn)
		check_key("Add", 1, key)
		if not isnumber(number) or number ~= number or math.abs(number) == math.huge then
			error("bad argument #2 to 'Add' (a number expected)", 2)
		end
		options, fn = options_and_function("Add", 3, options, fn)
		local function bound(value, infinite)
			return value and math.abs(value) ~= math.huge and string.format("%.17g", value) or infinite
		end
		local bounds = bound(options.min, "-inf") .. " " .. bound(options.max, "inf")
		local change = { "add", key, string.format("%.17g", number), expiry(options, "keep"), bounds }
		return send(self, key, change, options, fn and function(err, value)
			fn(err, tonumber(value))
		end)
	end

	-- Sets a key to the result of compute(old), which runs at once, and again with the newer value if another server
	-- was quicker. `old` includes the results of this server's earlier Updates, also of those under way.
	function methods:Update(key, compute, options, fn)
		check_key("Update", 1, key)
		if not isfunction(compute) then error("bad argument #2 to 'Update' (function expected)", 2) end
		options, fn = options_and_function("Update", 3, options, fn)
		return addon.shared_update(self, key, compute, options, fn)
	end

	-- Reads a key from Redis: fn(err, value). Returns the same as client:Command.
	function methods:Fetch(key, fn)
		check_key("Fetch", 1, key)
		if not isfunction(fn) then error("bad argument #2 to 'Fetch' (function expected)", 2) end
		return copy.Fetch(self, key, function(err, entry)
			if err then return addon.Protect(fn, err) end
			addon.Protect(fn, nil, entry and entries.Fresh(entry.value))
		end)
	end

	-- Copies a key of a table with watched = true: fn(err, value) once it is read. False and an error on a closed
	-- client.
	function methods:Watch(key, fn)
		check_key("Watch", 1, key)
		check_function("Watch", 2, fn)
		if not self.watched then error("'Watch': the table \"" .. self.name .. '" is copied whole: make it with { watched = true }', 2) end
		if not self.client:IsValid() then return false, addon.Error("CLOSED", "the client was closed") end
		addon.EnsureTick()
		if self.watched[key] and not self.unread[key] then
			if fn then addon.Soon(self, function() fn(nil, self:Get(key)) end) end
			return true
		end
		self.watched[key] = true
		self.unread[key] = self.unread[key] or {}
		table.insert(self.unread[key], fn)
		return true
	end

	-- Stops copying a watched key.
	function methods:Forget(key)
		check_key("Forget", 1, key)
		if not self.watched then error("'Forget': the table \"" .. self.name .. '" is copied whole', 2) end
		for _, fn in ipairs(self.unread[key] or {}) do
			addon.Soon(self, function() fn(addon.Error("FORGOTTEN", "Forget was called before the key was read")) end)
		end
		self.watched[key], self.unread[key] = nil, nil
		if self.entries[key] then entries.Store(self, key, nil) end
	end

	local function watched_now(self, keys)
		for _, key in ipairs(keys) do
			local functions = self.unread[key] or {}
			self.unread[key] = nil
			for _, fn in ipairs(functions) do addon.Protect(fn, nil, self:Get(key)) end
		end
	end

	-- Reads keys that were watched after the copy became ready. The answer counts if its version is the copy's; if not, they are read again.
	local function read_watched(self)
		local keys, arguments = {}, { "keys" }
		for key in pairs(self.unread) do
			if #keys < SLICE then keys[#keys + 1] = key end
		end
		if #keys == 0 then return end
		table.sort(keys)
		table.Add(arguments, keys)
		self.is_reading_watched = copy.Read(self, arguments, function(err, version, mark, _, reply)
			self.is_reading_watched = false
			if err or not self.is_ready or self.load or mark ~= self.mark or version ~= self.version then return end
			for i = 5, #reply, 2 do
				local key = reply[i]
				if self.watched[key] then entries.Store(self, key, entries.Read(self, key, reply[i + 1]) or nil) end
			end
			watched_now(self, keys)
		end)
	end

	-- Also calls listeners that are added after the copy is ready.
	addon.AddEvents(methods, "shared", { "changed", "ready", "stale" }, " of a table", function(self, event, identifier, fn)
		if event ~= "ready" or not self.is_ready then return end
		addon.Soon(self, function()
			if self.is_ready and self.listeners.ready[identifier] == fn then fn({ first = true }) end
		end)
	end)

	local function tick(self, now)
		if not self.client:IsValid() then
			self.close()
			return
		end
		copy.Tick(self, now)
		writes.Tick(self, now)
		if self.watched and self.is_ready and not self.load and not self.is_reading_watched then read_watched(self) end
		addon.shared_snapshot.Tick(self, now)
		addon.RunSoon(self)
	end

	-- Blocks the game until the copy is ready, at most this long. Waiting callbacks run meanwhile.
	function methods:Wait(seconds)
		if not isnumber(seconds) or not (seconds > 0 and seconds < math.huge) then
			error("bad argument #1 to 'Wait' (seconds above 0 expected)", 2)
		end
		local stop = SysTime() + seconds
		while not self.is_ready and self.client:IsValid() do
			local left = stop - SysTime()
			if left <= 0 then break end
			-- Waits without spinning: for the connection, and then for the answers to earlier commands.
			self.client:CommandSync({ "PING" }, left)
			realtime.ProcessEvents(math.huge)
			tick(self, SysTime())
		end
		return self.is_ready
	end

	local meta = addon.Meta("Shared", methods)
	function meta.__tostring(self) return "RealtimeShared [" .. self.name .. "]" end

	local function create(name, client, id, options)
		local self = setmetatable({
			name = name, client = client, id = id, key = "realtime:shared:{" .. name .. "}",
			entries = {}, count = 0, due = {}, version = "0", mark = "-", is_ready = false, checked = -math.huge,
			pending = {}, updates = {}, updates_sent = 0, soon = {}, unread = {}, places = {}, watched = options.watched and {} or nil,
			listeners = { changed = {}, ready = {}, stale = {} },
		}, meta)
		local identifier = "realtime.Shared " .. id .. " " .. name
		client:Subscribe(self.key, identifier, function(message)
			copy.Hear(self, message)
		end, { format = "json", max_bytes = MESSAGE.bytes, max_elements = MESSAGE.elements, unreadable = true })
		client:On("ready", identifier, function() copy.Connected(self) end)
		hook.Add("ShutDown", identifier, function() addon.shared_snapshot.Save(self) end)
		function self.close()
			addon.RemoveTask(self)
			hook.Remove("ShutDown", identifier)
			self.forget()
			addon.shared_snapshot.Close(self)
			local closed = addon.Error("CLOSED", "the client was closed")
			copy.Stale(self, closed)
			addon.RunSoon(self)
			local unread = self.unread
			self.unread = {}
			for _, functions in SortedPairs(unread) do
				for _, fn in ipairs(functions) do addon.Protect(fn, closed) end
			end
			writes.Close(self)
		end
		addon.AddTask(self, function(now) tick(self, now) end)
		return self
	end

	local made = setmetatable({}, { __mode = "k" }) -- client → place → table
	addon.shared_tables = made

	-- For realtime_status.
	function addon.ShowShared(say, client)
		for _, self in SortedPairs(made[client] or {}) do
			say("    shared table   %s: %s, %d keys, %d changes wait for an answer", self.name,
				self.is_ready and "ready" or self.was_told and "stale" or "not read yet", self.count, table.Count(self.pending))
		end
	end

	-- realtime.Shared(name [, options] [, client [, id]])
	function realtime.Shared(name, options, client, id)
		addon.CheckDot("Shared", name)
		if not addon.IsId(name) then
			error("bad argument #1 to 'Shared' (a table's name: 1 to 64 letters, digits, '_', '.' or '-')", 2)
		end
		local position = 3
		if istable(options) and getmetatable(options) == FindMetaTable("RealtimeClient") then
			options, client, id, position = nil, options, client, 2
		end
		options = options == nil and {} or options
		if not istable(options) then error("bad argument #2 to 'Shared' (a table of options or a client expected)", 2) end
		for option in pairs(options) do
			if not OPTIONS[option] then
				error("bad argument #2 to 'Shared' (there is no option \"" .. tostring(option) .. '"; the options are snapshot and watched)', 2)
			end
		end
		client, id = addon.ClientAndId("Shared", position, client, id)
		if not client then return nil, id end
		for _, script in ipairs(SCRIPTS) do
			local text, reason = addon.ScriptText(script)
			if not text then return nil, reason end
		end
		made[client] = made[client] or {}
		local place = id .. " " .. name
		local self = made[client][place]
		if not self then
			self = create(name, client, id, options)
			self.forget = function() made[client][place] = nil end
			made[client][place] = self
		elseif options.watched ~= nil and options.watched ~= (self.watched ~= nil) then
			error("'Shared': the table \"" .. name .. '" is here already, with another "watched"; that changes with the next map', 2)
		end
		if options.snapshot then addon.shared_snapshot.Begin(self) end
		return self
	end
end
