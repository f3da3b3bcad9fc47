-- The last copy of a table of realtime.Shared in a file: what a server begins with while Redis is down.
return function(realtime, addon)
	local SysTime = SysTime
	local entries = addon.shared_entries
	addon.shared_save_interval = 30 -- seconds between two files at least
	local BUDGET = 0.001 -- seconds of a tick
	local FOLDER = "realtime_shared"
	local LINE = { bytes = 70000, elements = 20100 }
	local snapshot = {}
	addon.shared_snapshot = snapshot

	-- The game writes names in lower case: two names that differ in that alone have two files. The id of a server that has no id in
	-- realtime.json is another one on each map: its file is named by the table alone.
	local function path(self)
		local id, is_named = realtime.ServerId()
		local name = self.id == id and not is_named and self.name or self.id .. " " .. self.name
		return FOLDER .. "/" .. self.name:lower() .. "_" .. realtime.SHA256(name):sub(1, 16) .. ".txt"
	end

	local function read(self)
		local text = file.Read(path(self), "DATA")
		if not text then return end
		local left_out = 0
		for line in text:gmatch("[^\n]+") do
			local entry = addon.json.Decode(line, LINE)
			if istable(entry) and isstring(entry.key) and isnumber(entry.expires) and entry.value ~= nil then
				if entry.expires == 0 or entry.expires > entries.Now(self) then
					entries.Store(self, entry.key, { version = tostring(entry.version), expires = entry.expires, value = entry.value })
				end
			else
				left_out = left_out + 1
			end
		end
		self.was_read, self.is_saved = true, true
		if left_out > 0 then addon.Say(string.format("garrysmod/data/%s: %d lines were left out, which are damaged", path(self), left_out)) end
	end

	-- Keeps the copy from now on, and begins with the last one.
	function snapshot.Begin(self)
		if self.keeps_snapshot then return end
		self.keeps_snapshot, self.next_save = true, SysTime() + addon.shared_save_interval
		if not self.was_told and not self.watched then read(self) end
	end

	local function line_of(key, entry)
		return addon.json.Encode({ key = key, version = entry.version, expires = entry.expires, value = entry.value }, LINE)
	end

	local function write(self, lines)
		file.CreateDir(FOLDER)
		file.Write(path(self), table.concat(lines, "\n"))
		self.saving, self.next_save = nil, SysTime() + addon.shared_save_interval
	end

	-- Writes the copy in one piece: at the end of the Lua state.
	function snapshot.Save(self)
		if not self.keeps_snapshot or not self.was_told or self.is_saved then return end
		local lines = {}
		for key, entry in pairs(self.entries) do lines[#lines + 1] = line_of(key, entry) end
		write(self, lines)
		self.is_saved = true
	end

	-- A piece of it in each tick, and then the file.
	function snapshot.Tick(self, now)
		if not self.keeps_snapshot or not self.was_told or now < self.next_save then return end
		local saving = self.saving
		if not saving then
			if self.is_saved then return end
			saving = { keys = self:Keys(), lines = {}, at = 0 }
			self.saving, self.is_saved = saving, true
		end
		local stop = SysTime() + BUDGET
		while saving.at < #saving.keys do
			saving.at = saving.at + 1
			local key = saving.keys[saving.at]
			local entry = self.entries[key]
			if entry then saving.lines[#saving.lines + 1] = line_of(key, entry) end
			if SysTime() >= stop then return end
		end
		write(self, saving.lines)
	end
end
