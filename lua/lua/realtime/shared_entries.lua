-- The entries of this server's copy of a table of realtime.Shared: values with their versions and expiry times.
return function(realtime, addon)
	local SysTime, format = SysTime, string.format
	local CLOCK_AGE = 60 -- how many seconds a reading of Redis's clock is valid
	local MAX_JUMP = 3600 -- how many seconds a clock may be ahead of the last reading
	local LOOK = 32 -- keys between two readings of the clock
	local entries = {}
	addon.shared_entries = entries
	entries.VALUE = { bytes = 65536, elements = 20000 } -- of a value

	local function is_number(value) return isnumber(value) and value >= 0 and value % 1 == 0 end

	-- Whether this is a message of shared_write.lua.
	function entries.IsMessage(message)
		if not istable(message) or not isstring(message.mark) or not is_number(message.version) or not is_number(message.before)
			or not is_number(message.time) or not isstring(message.token) or not istable(message.changes) then return false end
		for _, changed in ipairs(message.changes) do
			if not istable(changed) or not isstring(changed.key) or not (changed.expires == nil or is_number(changed.expires)) then
				return false
			end
		end
		return true
	end

	-- Calls fn(key, value) for the entries after the key `at`, until `stop`. Returns the last key, or nil at the end.
	function entries.EachUntil(all, at, stop, fn)
		repeat
			for _ = 1, LOOK do
				local value
				at, value = next(all, at)
				if at == nil then return nil end
				fn(at, value)
			end
		until SysTime() >= stop
		return at
	end

	-- A separate copy of a table for each caller, or the value itself.
	local function fresh(value)
		if type(value) ~= "table" or value == realtime.NULL then return value end
		local made = {}
		for key, element in pairs(value) do made[key] = fresh(element) end
		return made
	end
	entries.Fresh = fresh

	-- Redis's clock in microseconds. It is never ahead, because the time in an answer is past when it arrives.
	function entries.Now(self)
		return self.offset and SysTime() * 1e6 + self.offset or os.time() * 1e6
	end

	function entries.Clock(self, time)
		local offset, now = time - SysTime() * 1e6, SysTime()
		-- The newest, unless a recent one took less time on its way.
		if not self.offset or offset > self.offset or now - self.measured > CLOCK_AGE then self.offset, self.measured = offset, now end
	end

	-- Expiry: keys by the second in which they expire.
	local function schedule(self, key, entry)
		if entry.expires == 0 then return end
		local second = math.max(math.floor(entry.expires / 1e6), self.second or 0)
		self.due[second] = self.due[second] or {}
		self.due[second][key] = entry
	end

	-- Replaced entries are not kept.
	local function unschedule(self, key, entry)
		local second = math.floor(entry.expires / 1e6)
		local due = self.due[second]
		if not due or due[key] ~= entry then return end
		due[key] = nil
		if not next(due) then self.due[second] = nil end
	end

	local function store(self, key, entry)
		local old = self.entries[key]
		if old then unschedule(self, key, old) end
		self.entries[key] = entry
		self.count = self.count + (entry and 1 or 0) - (old and 1 or 0)
		self.is_saved = false
		if entry then schedule(self, key, entry) end
		return old
	end
	entries.Store = store

	-- Collects entries over several ticks, and then replaces all at once, without reporting them. The new table becomes
	-- the copy's own: another table would have to grow, and for 10,000 keys LuaJIT moves 8,192 at once for that.
	function entries.New(self, all) return { entries = all, count = 0, due = {}, second = self.second } end
	function entries.Keep(new, key, entry)
		new.count = new.count + 1
		schedule(new, key, entry)
	end
	function entries.Replace(self, new)
		self.entries, self.count, self.due, self.second, self.is_saved = new.entries, new.count, new.due, new.second, false
	end

	-- Replaces a key's entry, also with nil, and reports it.
	local function change(self, key, entry, from, why)
		local old = store(self, key, entry)
		if not entry and not old then return end
		addon.Tell(self, "changed", function()
			return key, entry and fresh(entry.value), old and fresh(old.value), from, why
		end)
	end
	entries.Change = change

	local function expire_second(self, second, now)
		local expired = {}
		for key, entry in pairs(self.due[second] or {}) do
			if self.entries[key] ~= entry then
				self.due[second][key] = nil
			elseif entry.expires <= now then
				expired[#expired + 1] = { key = key, entry = entry }
			end
		end
		table.sort(expired, function(a, b)
			if a.entry.expires ~= b.entry.expires then return a.entry.expires < b.entry.expires end
			return a.key < b.key
		end)
		for _, found in ipairs(expired) do
			if self.entries[found.key] == found.entry then change(self, found.key, nil, nil, "expired") end
		end
		if self.due[second] and not next(self.due[second]) then self.due[second] = nil end
	end

	-- Removes expired entries, and reports them.
	function entries.Expire(self)
		local now = entries.Now(self)
		local second = math.floor(now / 1e6)
		local from = self.second
		if not from or from > second or second - from > MAX_JUMP then -- the first time, or a clock was changed
			from = second
			self.second, self.due = second, {}
			for key, entry in pairs(self.entries) do schedule(self, key, entry) end
		end
		self.second = second
		for at = from, second do
			if self.due[at] then expire_second(self, at, now) end
		end
	end

	-- The entry of a field in Redis: "VERSION EXPIRY JSON". With an unchanged version it is the known entry. Nil if it has expired, and if
	-- another program wrote it in a wrong form, which is reported.
	function entries.Read(self, key, field)
		local version, expires, text = field:match("^(%d+) (%d+) (.*)$")
		local known = self.entries[key]
		if known and version and known.version == version then return known.expires == tonumber(expires) and known end
		local value, reason
		if text then value, reason = addon.json.Decode(text, entries.VALUE) end
		if value == nil then
			addon.SayRarely(self, format('shared table "%s": the key "%s" was left out: %s', self.name, addon.Printable(key, 64),
				addon.Printable(tostring(reason or "it is no VERSION, EXPIRY and JSON"), 100)))
			return
		end
		expires = tonumber(expires)
		if expires > 0 and expires <= entries.Now(self) then return end
		return { version = version, expires = expires, value = value }
	end
end
