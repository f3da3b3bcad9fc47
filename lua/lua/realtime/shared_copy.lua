-- This server's copy of a table of realtime.Shared: reads it, keeps it up to date by messages, and checks it.
--
-- Each change has a version, and its message names the version before it. A message is applied if the copy has that version. Any
-- other message makes the copy ask Redis for the table's version ("check"). If Redis has another version than the copy, the messages
-- that are still on their way should bring the copy to it; if they do not, the table is read again. Versions are compared for
-- equality only: after a failover, or FLUSHALL, a later one may be lower.
return function(realtime, addon)
	local SysTime, format = SysTime, string.format
	addon.shared_interval = 10 -- seconds between two checks
	addon.shared_spread = 2 -- seconds: servers that lose a copy at the same time begin to read within this time, at different moments
	addon.shared_patience = 1 -- how many seconds a message may come later than Redis's answers indicate
	local CHECK_PAUSE = 0.1 -- the shortest time between two checks, in seconds
	local MIN_PAUSE, MAX_PAUSE = 1, 30 -- seconds until a failed read is tried again
	local FIRST_SLICE, MAX_SLICE = 10, 100 -- keys that are read at a time
	local SLICE_BYTES, SLICE_SECONDS = 32768, 0.0005 -- the limits of a slice, estimated from those before
	local MAX_LOG = 10000 -- messages that are kept while the table is read
	local MAX_UNMARKED = 100 -- how many of them may be from anybody, because the table's mark is not known yet
	local BUDGET = 0.001 -- seconds of a tick for taking in the read entries, comparing, and reporting differences
	local entries, differences = addon.shared_entries, addon.shared_differences
	local change, tell = entries.Change, addon.Tell
	local copy = {}
	addon.shared_copy = copy

	local function digits(number) return format("%.0f", number) end

	-- The copy is as new as the answers to these writes, so it shows them.
	local function show(self, writes)
		for _, write in ipairs(writes) do addon.shared_writes.Shown(self, write) end
	end

	-- The writes that Redis has answered so far: a version that is asked for from now on includes them.
	local function answered_writes(self)
		local list = {}
		for _, write in pairs(self.pending) do
			if write.outcome then list[#list + 1] = write end
		end
		table.sort(list, function(a, b) return a.order < b.order end)
		return list
	end

	function copy.Stale(self, err)
		self.load, self.expected, self.settling, self.check_at, self.passed, self.early = nil, nil, nil, nil, nil, nil
		if not self.is_ready then return end
		self.is_ready = false
		tell(self, "stale", function() return err end)
	end

	-- Reads the table after `seconds`.
	local function read_in(self, seconds)
		local at = SysTime() + seconds
		self.load_at = self.load_at and math.min(self.load_at, at) or at
	end

	-- The copy may be out of date: it is stale, and the table is read again.
	function copy.ReadAgain(self, err)
		copy.Stale(self, err)
		read_in(self, math.random() * addon.shared_spread)
	end

	-- Checks the version soon, but at most once in CHECK_PAUSE.
	function copy.CheckSoon(self)
		self.check_at = math.min(self.check_at or math.huge, self.checked + CHECK_PAUSE)
	end

	local finish

	-- Applies a message whose version follows the copy's.
	local function apply(self, message)
		self.version = digits(message.version)
		if self.passed then self.passed[self.version] = true end
		local from = addon.IsId(message.from) and message.from or nil
		for _, changed in ipairs(message.changes) do
			local key, entry = changed.key, nil
			if not self.watched or self.watched[key] then
				local old = self.entries[key]
				if old and old.expires > 0 and old.expires <= message.time then change(self, key, nil, nil, "expired") end
				if changed.value ~= nil then
					entry = { version = self.version, expires = changed.expires or 0, value = changed.value }
				end
				change(self, key, entry, from, entry and "set" or "removed")
			end
		end
		local write = self.pending[message.token]
		if write then addon.shared_writes.Shown(self, write) end
		local expected = self.expected
		if expected and expected.version == self.version and expected.mark == self.mark then
			self.expected = nil
			show(self, expected.writes)
		end
	end

	local function hear(self, message)
		if self.load then
			local log, mark = self.load.log, self.load.mark
			if mark and mark ~= "-" and message.mark ~= mark then return end
			if (not mark or mark == "-") and #log >= MAX_UNMARKED then return end
			log[#log + 1] = message
			if #log > MAX_LOG then return copy.ReadAgain(self, addon.Error("OVERLOADED", "more changes came than this server can keep")) end
			return self.load.final and finish(self)
		end
		if not self.is_ready then return end
		if self.version == "0" then
			-- The first changes of a table that did not exist. Its mark comes from Redis.
			local early = self.early and #self.early < MAX_UNMARKED and self.early or {}
			self.early = early
			early[#early + 1] = message
			return copy.CheckSoon(self)
		end
		if message.mark == self.mark and digits(message.before) == self.version then return apply(self, message) end
		if message.mark == self.mark and digits(message.version) == self.version then return end
		copy.CheckSoon(self)
	end

	-- Handles a message on the table's channel. Anybody may publish there, but only a reader of the table knows its
	-- mark.
	function copy.Hear(self, message)
		addon.EnsureTick()
		if entries.IsMessage(message) then hear(self, message) elseif self.is_ready then copy.CheckSoon(self) end
	end

	-- fn(err, version, mark, next, reply). Returns the same as client:Command.
	local function read(self, arguments, fn, seconds)
		local function answer(err, reply)
			if err then return fn(err) end
			entries.Clock(self, reply[1])
			fn(nil, digits(reply[2]), reply[3], reply[4], reply)
		end
		return addon.RunScript(self.client, "shared_read", { self.key }, arguments, answer, seconds)
	end
	copy.Read = read

	-- Asks Redis for a key: fn(err, entry). Returns the same as client:Command.
	function copy.Fetch(self, key, fn, seconds)
		return read(self, { "keys", key }, function(err, _, _, _, reply)
			if err then return fn(err) end
			fn(nil, reply[6] and entries.Read(self, key, reply[6]) or nil)
		end, seconds)
	end

	-- Whether the copy and Redis agree on a key, as far as this server can know.
	function copy.HasNewest(self, key)
		if not self.is_ready or (self.watched and (not self.watched[key] or self.unread[key])) then return false end
		for _, write in pairs(self.pending) do
			if table.HasValue(write.keys, key) then return false end
		end
		return true
	end

	-- The table was created: starts from an empty one with the messages received meanwhile. Returns whether the first
	-- one is among them.
	local function adopt(self, mark)
		local early = self.early or {}
		self.early = nil
		for _, message in ipairs(early) do
			if self.version ~= "0" then
				hear(self, message)
			elseif message.mark == mark and message.before == 0 then
				self.mark = mark
				apply(self, message)
			end
		end
		return self.version ~= "0"
	end

	local function check(self)
		self.check_at, self.checked = nil, SysTime()
		local writes = answered_writes(self)
		local passed = { [self.version] = true } -- versions that the copy has had since Redis was asked
		self.passed = passed
		local accepted = read(self, { "check" }, function(err, version, mark)
			if self.passed ~= passed then return end
			local was_made = not err and self.version == "0" and version ~= "0"
			local is_missing = was_made and not adopt(self, mark)
			if self.passed == passed then self.passed = nil end
			if err or not self.is_ready then return end
			if is_missing then return read_in(self, 0) end
			if mark == self.mark and passed[version] then return show(self, writes) end
			if mark ~= self.mark then return copy.ReadAgain(self, addon.Error("GAP", "the table was made anew")) end
			self.expected = { version = version, mark = mark, writes = writes, deadline = SysTime() + addon.shared_patience }
		end)
		if not accepted then self.passed = nil end
	end

	local function retry_later(self, load, err)
		if self.load ~= load then return end
		copy.Stale(self, err)
		self.pause = math.min((self.pause or MIN_PAUSE / 2) * 2, MAX_PAUSE)
		self.failure = err -- for realtime_check
		read_in(self, self.pause)
		if err.code ~= "DISCONNECTED" and err.code ~= "CLOSED" and err.code ~= "GAP" then
			addon.SayRarely(self, format('shared table "%s" cannot be read: %s', self.name, tostring(err)))
		end
	end

	-- The size of the next slice, in keys, from the bytes and seconds of the last one, so that no slice takes long. While Lua collects
	-- garbage, allocations take several times as long.
	local function size_after(keys, bytes, seconds)
		local fitting = math.floor(keys * math.min(SLICE_BYTES / bytes, SLICE_SECONDS / seconds, MAX_SLICE))
		return math.Clamp(fitting, 1, math.min(keys * 4, MAX_SLICE))
	end

	-- Reads the next slice of the keys of `load`.
	local function read_slice(self, load)
		local arguments = { "all", load.cursor, load.slice }
		if load.keys then
			arguments = { "keys" }
			for i = load.cursor, math.min(load.cursor + load.slice, #load.keys + 1) - 1 do arguments[#arguments + 1] = load.keys[i] end
		end
		local accepted, refused = read(self, arguments, function(err, version, mark, cursor, reply)
			if self.load ~= load then return end
			if err then
				if err.code ~= "TOOLARGE" or load.slice == 1 then return retry_later(self, load, err) end
				load.slice = math.max(math.floor(load.slice / 10), 1)
				return read_slice(self, load)
			end
			load.version, load.mark = load.version or version, load.mark or mark
			if load.mark ~= mark then return retry_later(self, load, addon.Error("GAP", "the table was made anew meanwhile")) end
			-- Answers come in the order of the calls: the slice includes every write that was answered before it, and no later one.
			load.reply = { at = 5, fields = reply, version = version, next = cursor, writes = answered_writes(self), bytes = 0, seconds = 0 }
		end)
		if not accepted then retry_later(self, load, refused) end
	end

	-- Takes in the entries of a slice, as many as fit into a tick. Then it asks for the next slice, or ends.
	local function take_reply(self, load)
		local reply, began = load.reply, SysTime()
		local fields, stop, at = reply.fields, began + BUDGET, reply.at
		while fields[at] do
			local field = fields[at + 1]
			load.entries[fields[at]] = entries.Read(self, fields[at], field) or nil
			at, reply.bytes = at + 2, reply.bytes + #field
			if SysTime() >= stop then break end
		end
		reply.at, reply.seconds = at, reply.seconds + SysTime() - began
		if fields[at] then return end
		load.reply = nil
		local is_last = reply.next == "0"
		if load.keys then
			reply.next = load.cursor + load.slice
			is_last = reply.next > #load.keys
		end
		if not is_last then
			load.cursor, load.slice = reply.next, size_after(load.slice, reply.bytes, reply.seconds)
			return read_slice(self, load)
		end
		load.final, load.writes, load.deadline = reply.version, reply.writes, SysTime() + addon.shared_patience
		finish(self)
	end

	local function begin(self)
		self.load_at = nil
		local load = { entries = {}, log = {}, slice = FIRST_SLICE, cursor = "0" }
		if self.watched then
			load.keys, load.cursor = table.GetKeys(self.watched), 1
		end
		self.load = load
		read_slice(self, load)
	end

	-- Once all messages from the first slice to the last have come, the read entries with their changes are the table at the time of the
	-- last slice.
	function finish(self)
		local load = self.load
		local next_of, version = {}, load.version
		for _, message in ipairs(load.log) do
			if message.mark == load.mark then next_of[digits(message.before)] = message end
		end
		local chain = {}
		while version ~= load.final do
			local message = next_of[version]
			if not message then return end
			next_of[version] = nil
			version = digits(message.version)
			chain[#chain + 1] = message
		end
		for _, message in ipairs(chain) do
			for _, changed in ipairs(message.changes) do
				local is_there = changed.value ~= nil and (not self.watched or self.watched[changed.key])
				load.entries[changed.key] = is_there and {
					version = digits(message.version), expires = changed.expires or 0, value = changed.value,
				} or nil
			end
		end
		load.at, load.final, load.deadline = load.final, nil, nil -- later messages follow
		self.settling, load.own = load, differences.OwnEntries(self, load, chain)
		load.stages = differences.Stages(self, load)
	end

	-- Compares, then reports the differences, as many as fit into a tick; then the copy is ready.
	function copy.Settle(self)
		local load, stop = self.settling, SysTime() + BUDGET
		while load.stages[1] do
			local stage = load.stages[1]
			stage.at = entries.EachUntil(stage.of, stage.at, stop, stage.fn)
			if stage.at ~= nil then return end
			table.remove(load.stages, 1)
			if stage.done then stage.done() end
		end
		local at, differing = load.told or 0, load.differing
		while at < #differing do
			at = at + 1
			load.told = at
			local key = differing[at]
			local entry, old = differences.LiveEntry(self, key, load.own[key] or load.entries[key]), self.entries[key]
			if entry ~= old then
				local why = entry and "set" or "removed"
				if not entry and old.expires > 0 and old.expires <= entries.Now(self) then why = "expired" end
				change(self, key, entry, load.own[key] and self.id or nil, why)
			end
			if self.settling ~= load or SysTime() >= stop then return end
		end
		local first, was_ready = not self.was_told, self.is_ready
		self.load, self.settling, self.pause, self.failure = nil, nil, nil, nil
		self.version, self.mark = load.at, load.mark
		self.was_read, self.was_told, self.is_ready, self.checked = true, true, true, SysTime()
		show(self, load.writes)
		if not was_ready then tell(self, "ready", function() return { first = first } end) end
		for _, message in ipairs(load.log) do
			if self.is_ready then hear(self, message) end
		end
	end

	-- Does the next due step.
	function copy.Tick(self, now)
		local is_connected = self.client:IsConnected()
		if not is_connected and (self.is_ready or self.settling) then
			local reason = self.client:Stats().error or "the connection was lost"
			copy.Stale(self, addon.Error("DISCONNECTED", (reason:gsub("^%u+: ", "")))) -- one code is enough
		end
		entries.Expire(self)
		if not is_connected then return end
		if self.load and self.load.reply then
			take_reply(self, self.load)
		elseif self.settling then
			copy.Settle(self)
		elseif self.load and self.load.deadline and now >= self.load.deadline then
			retry_later(self, self.load, addon.Error("GAP", "messages about changes did not come"))
		elseif self.load_at and now >= self.load_at and not self.load then
			begin(self)
		end
		if not self.is_ready or self.load then return end
		if self.expected and now >= self.expected.deadline then
			return copy.ReadAgain(self, addon.Error("GAP", "messages about changes did not come"))
		end
		if not self.passed and not self.expected and now >= math.min(self.check_at or math.huge, self.checked + addon.shared_interval) then
			check(self)
		end
	end

	-- The client is connected, for the first time or again.
	function copy.Connected(self)
		self.measured = -math.huge -- the clock may be another one
		if not self.was_told then
			copy.Stale(self) -- the running read came over the old connection
			return read_in(self, 0)
		end
		copy.ReadAgain(self, addon.Error("DISCONNECTED", "the connection was lost"))
	end
end
