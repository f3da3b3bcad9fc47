-- What a copy of a table of realtime.Shared takes from the entries that were read.
return function(_, addon)
	local MAX_SORTED = 1000 -- differences that are reported in the order of their keys: to sort more takes too long for a tick
	local entries = addon.shared_entries
	local differences = {}
	addon.shared_differences = differences

	local function digits(number) return string.format("%.0f", number) end

	-- A read entry, unless it has expired or its key is not watched any more.
	function differences.LiveEntry(self, key, entry)
		if not entry or (self.watched and not self.watched[key]) then return end
		if entry.expires == 0 or entry.expires > entries.Now(self) then return entry end
	end

	-- The entries that this server wrote, by key: those of writes that were answered before the last slice, and those of the messages in
	-- `chain`, whose writes the copy then shows as well.
	function differences.OwnEntries(self, load, chain)
		local own, is_shown = {}, {}
		local function note(key, version)
			local entry = load.entries[key]
			if entry and entry.version == version then own[key] = entry end
		end
		for _, write in ipairs(load.writes) do
			is_shown[write] = true
			for _, key in ipairs(write.keys) do note(key, write.version) end
		end
		for _, message in ipairs(chain) do
			local write = self.pending[message.token]
			if write and not is_shown[write] then load.writes[#load.writes + 1] = write end
			for _, changed in ipairs(write and message.changes or {}) do note(changed.key, digits(message.version)) end
		end
		return own
	end

	local function stages_of_first(self, load)
		-- This server's own earlier writes are reported like any other of its writes; everything else by `ready`.
		load.differing = table.GetKeys(load.own)
		table.sort(load.differing)
		local new = entries.New(self, load.entries)
		local function add(key, entry)
			if not load.own[key] and differences.LiveEntry(self, key, entry) then entries.Keep(new, key, entry) else new.entries[key] = nil end
		end
		return { { of = load.entries, fn = add, done = function() entries.Replace(self, new) end } }
	end
	local function stages_of_differences(self, load)
		local differing = {}
		load.differing = differing
		local function compare(key, entry)
			local known = self.entries[key]
			if not known or known.version ~= entry.version then differing[#differing + 1] = key end
		end
		local function look_for(key)
			if not load.entries[key] then differing[#differing + 1] = key end
		end
		local function sort()
			if #differing <= MAX_SORTED then table.sort(differing) end
		end
		return { { of = load.entries, fn = compare }, { of = self.entries, fn = look_for, done = sort } }
	end

	-- The stages in which the read entries become the copy: a table to go through, over several ticks, and a function to run afterwards.
	function differences.Stages(self, load)
		return (self.was_read and stages_of_differences or stages_of_first)(self, load)
	end
end
