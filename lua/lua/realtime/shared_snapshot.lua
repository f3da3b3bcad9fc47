-- The last copy of a table of realtime.Shared in a file: a server starts with it while Redis is down.
return function(realtime, addon)
	local SysTime = SysTime
	local entries = addon.shared_entries
	addon.shared_save_interval = 30 -- the shortest time between two files, in seconds
	local BUDGET = 0.001 -- seconds of a tick
	local FOLDER = "realtime_shared"
	local LINE = { bytes = 70000, elements = 20100 }
	local snapshot = {}
	addon.shared_snapshot = snapshot

	-- The game writes names in lower case: two names that differ in that alone still have two files. A server without an id in
	-- realtime.json has another id on each map, so its file is named by the table alone.
	local function path(self)
		local id, is_named = realtime.ServerId()
		local name = self.id == id and not is_named and self.name or self.id .. " " .. self.name
		return FOLDER .. "/" .. self.name:lower() .. "_" .. realtime.SHA256(name):sub(1, 16) .. ".txt"
	end
	-- A file that is written in slices has another name until it is complete.
	local function path_of_new(self) return (path(self):gsub("%.txt$", ".new.txt")) end

	local function read(self)
		-- If the old file is missing, the server died while it replaced it, and the new one is complete. Or the new one is the first ever; then
		-- a part of it is better than nothing.
		local text = file.Read(path(self), "DATA") or file.Read(path_of_new(self), "DATA")
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

	-- Saves the copy from now on, and starts with the last one.
	function snapshot.Begin(self)
		if self.keeps_snapshot then return end
		self.keeps_snapshot, self.next_save = true, SysTime() + addon.shared_save_interval
		if not self.was_told and not self.watched then read(self) end
	end

	local function line_of(key, entry)
		return addon.json.Encode({ key = key, version = entry.version, expires = entry.expires, value = entry.value }, LINE)
	end

	-- Completes an unfinished file.
	local function give_up(self)
		local saving = self.saving
		if not saving then return end
		self.saving, self.is_saved = nil, false
		saving.file:Close()
		file.Delete(path_of_new(self))
	end
	snapshot.Close = give_up

	-- Writes the copy in one piece: at the end of the Lua state.
	function snapshot.Save(self)
		give_up(self)
		if not self.keeps_snapshot or not self.was_told or self.is_saved then return end
		local lines = {}
		for key, entry in pairs(self.entries) do lines[#lines + 1] = line_of(key, entry) end
		file.CreateDir(FOLDER)
		file.Write(path(self), table.concat(lines, "\n"))
		self.is_saved = true
	end

	local function begin(self, now)
		file.CreateDir(FOLDER)
		self.next_save = now + addon.shared_save_interval
		local opened = file.Open(path_of_new(self), "wb", "DATA")
		if not opened then return addon.SayRarely(self, "garrysmod/data/" .. path_of_new(self) .. " cannot be written") end
		self.saving, self.is_saved = { file = opened, keys = table.GetKeys(self.entries), at = 0 }, true
	end

	-- Writes a slice in each tick, and then replaces the previous file.
	function snapshot.Tick(self, now)
		if not self.keeps_snapshot or not self.was_told then return end
		if not self.saving then
			if now >= self.next_save and not self.is_saved then begin(self, now) end
			return
		end
		local saving, lines, stop = self.saving, {}, SysTime() + BUDGET
		repeat
			saving.at = saving.at + 1
			local key = saving.keys[saving.at]
			local entry = key and self.entries[key]
			if entry then lines[#lines + 1] = line_of(key, entry) .. "\n" end
		until not key or SysTime() >= stop
		saving.file:Write(table.concat(lines))
		if saving.at < #saving.keys then return end
		saving.file:Close()
		file.Delete(path(self))
		file.Rename(path_of_new(self), path(self))
		self.saving, self.next_save = nil, SysTime() + addon.shared_save_interval
	end
end
