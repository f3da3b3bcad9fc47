-- realtime.Shared's Update: an addon's function computes the new value from the old one, again if others are quicker.
return function(realtime, addon)
	local copy, entries, writes, check = addon.shared_copy, addon.shared_entries, addon.shared_writes, addon.shared_arguments
	local encode, expiry, SysTime = check.Encode, check.Expiry, SysTime
	local TIMEOUT = 10 -- seconds, unless a call says otherwise

	-- Sends the result of `update`, on the condition that the key is unchanged.
	local function attempt(self, key, update, options, fn, old, version, deadline)
		local is_first = deadline == nil
		local function call(value) return update(entries.Fresh(value)) end
		local value
		if is_first then
			value = call(old)
		else
			local fine = addon.Protect(function() value = call(old) end)
			if not fine then return fn and addon.Protect(fn, addon.Error("FAILED", "the function raised an error")) end
		end
		if value == nil and is_first and not copy.HasNewest(self, key) then
			-- `update` wants no change, but the value that it got may differ from Redis's.
			local seconds = options.timeout or TIMEOUT
			deadline = SysTime() + seconds
			return copy.Fetch(self, key, function(err, entry)
				if not err then return attempt(self, key, update, options, fn, entry and entry.value, entry and entry.version or "0", deadline) end
				if fn then addon.Protect(fn, addon.Error(err.code, err.message, false)) end -- sent = false: a read changes nothing
			end, seconds)
		end
		if value == nil then
			if not fn then return true end
			if is_first then
				addon.Soon(self, function() fn(nil, entries.Fresh(old), false) end)
			else
				addon.Protect(fn, nil, entries.Fresh(old), false)
			end
			return true
		end
		local changes = { "remove", key, "", "", version }
		if value ~= realtime.NULL then
			local text, reason
			if is_first then
				text = encode("Update", key, value)
			else
				text, reason = addon.json.Encode(value, entries.VALUE)
				if not text then
					ErrorNoHaltWithStack(addon.Printable("'Update' \"" .. key .. '": ' .. reason))
					return fn and addon.Protect(fn, addon.Error("FAILED", reason))
				end
			end
			changes = { "set", key, text, expiry(options, "keep"), version }
			value = addon.json.Decode(text, entries.VALUE) -- as it is now, whatever the addon does to its table
		end
		deadline = deadline or SysTime() + (options.timeout or TIMEOUT)
		local settings = { once = options.once, timeout = math.max(deadline - SysTime(), 0.001) }
		local accepted, refused = writes.Send(self, key, changes, settings, function(err, detail, extra)
			if err and err.code == "OTHER" and SysTime() < deadline then
				local now
				if extra ~= "" then now = addon.json.Decode(extra, entries.VALUE) end
				return attempt(self, key, update, options, fn, now, detail, deadline)
			end
			if err and err.code == "OTHER" then err = addon.Error("TIMEOUT", "others changed the key again and again; it was not changed") end
			if not fn then
				if err then addon.SayRarely(self, string.format('shared table "%s": an update failed: %s', self.name, tostring(err))) end
				return
			end
			if err then return fn(err) end
			if extra == true then -- `once` was there before
				if copy.HasNewest(self, key) then return fn(nil, self:Get(key), false) end
				local function tell(problem, entry)
					local now
					if problem then now = self:Get(key) elseif entry then now = entries.Fresh(entry.value) end
					addon.Protect(fn, nil, now, false)
				end
				return copy.Fetch(self, key, tell) or tell(true)
			end
			if value == realtime.NULL then return fn(nil, nil, old ~= nil) end
			fn(nil, value, true)
		end)
		if not accepted and not is_first and fn then addon.Protect(fn, refused) end
		return accepted, refused
	end

	addon.shared_update = attempt
end
