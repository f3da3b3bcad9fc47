-- Writes to a table of realtime.Shared.
return function(_, addon)
	local SysTime, format = SysTime, string.format
	local writes = {}
	addon.shared_writes = writes

	local calls

	-- fn runs once Redis has answered and the copy shows it.
	local function finish_if_shown(self, write)
		if write.outcome and write.is_shown then calls.Finish(self, write, nil, unpack(write.outcome)) end
	end

	function writes.Shown(self, write)
		write.is_shown = true
		finish_if_shown(self, write)
	end

	calls = addon.TokenCalls({
		script = "shared_write",
		what = "the change was made",
		errors = {
			limit = { "LIMIT", "the number would leave its bounds" },
			number = { "WRONGTYPE", "the key's value is not a number" },
			full = { "FULL", "the table would have more than 16 MiB" },
			size = { "TOOLARGE", "the values have more than 64 KiB together, or with their keys and 50 bytes for each more than 79 KiB" },
			json = { "ERR", "Redis does not take a value as JSON" },
			other = { "OTHER", "the key was changed meanwhile" },
			void = { "DISCONNECTED", "the connection broke before the change was made, and it will not be made" },
		},
		details = 5,
		About = function(self, write) return format('"%s" of the shared table "%s"', addon.Printable(write.key, 64), self.name) end,
		Ask = function(_, write) return "shared_ask", write.keys_of_outcome, { write.kept } end,
		Unheard = function(self, write, err)
			if write.is_silent then return end
			addon.SayRarely(self, format('shared table "%s": a change was not made: %s', self.name, tostring(err)))
		end,
		Answered = function(self, reply) addon.shared_entries.Clock(self, reply[2]) end,
		Done = function(self, write, reply)
			local _, _, version, told, detail, extra = unpack(reply, 1, 6)
			if told ~= 1 then
				addon.SayRarely(self, format('shared table "%s": a change was stored, but servers were not told at once: %s', self.name,
					addon.Printable(tostring(told), 160)))
			end
			write.version = format("%.0f", version)
			write.outcome, write.answered = { detail, extra == "again", version ~= 0 }, SysTime()
			-- Perhaps no message follows, or it came earlier ("again", "late"): then the copy is compared with Redis.
			if version == 0 or extra or told ~= 1 then addon.shared_copy.CheckSoon(self) end
			finish_if_shown(self, write)
		end,
	})
	writes.Close = calls.Close

	-- Where Redis keeps the outcome of the change with this id, as shared_write.lua writes it: "VERSION DETAIL".
	function writes.OnceKey(self, id) return self.key .. ":once:" .. id end

	-- Sends changes, five arguments each as in shared_write.lua. options.after: the token of the write after which they come.
	-- fn(err, detail, again, changed): `again` if the change of an earlier call with the same `once` counts, and `changed` if the
	-- table was changed by it. Returns the same as client:Command, and as a third value the token.
	function writes.Send(self, key, changes, options, fn, is_silent)
		local write = calls.New(self, { key = key, keys = {}, is_silent = is_silent }, fn, options.timeout)
		write.keys_of_outcome = { self.key .. ":token:" .. write.token }
		for i = 2, #changes, 5 do write.keys[#write.keys + 1] = changes[i] end
		if options.once then write.keys_of_outcome[2] = writes.OnceKey(self, options.once) end
		local keys, arguments = { self.key, self.key .. ":expiry" }, { self.id, write.token, write.kept }
		table.Add(keys, write.keys_of_outcome)
		if options.after then
			keys[4] = keys[4] or keys[3]
			keys[5] = self.key .. ":token:" .. options.after
		end
		table.Add(arguments, changes)
		local accepted, refused = calls.Send(self, write, keys, arguments)
		return accepted, refused, write.token
	end

	function writes.Tick(self, now)
		if not next(self.pending) then return end
		local due = calls.InOrder(self, function(write)
			local is_late = write.outcome and (now >= write.deadline or now - write.answered > addon.shared_patience)
			return is_late or write.ask_at and now >= write.ask_at
		end)
		for _, write in ipairs(due) do
			if write.outcome and now >= write.deadline then
				calls.Finish(self, write, nil, unpack(write.outcome)) -- it was done: only this copy does not show it
			elseif write.outcome then
				addon.shared_copy.CheckSoon(self)
			else
				calls.Ask(self, write)
			end
		end
	end
end
