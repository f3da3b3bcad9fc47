-- realtime.Shared's Update: an addon's function computes the new value from the old one, again if others are quicker.
--
-- The Updates of a key that this server has under way do not compete. Each computes its value from the result of
-- the one before it, and Redis makes the change only if the key still has that result ("after"). So if Redis refuses
-- an Update, because another server has changed the key, it refuses those that follow. Each of them runs again when
-- its refusal comes, in the same order, from the new result of the one before it.
return function(realtime, addon)
	local copy, entries, writes, check = addon.shared_copy, addon.shared_entries, addon.shared_writes, addon.shared_arguments
	local encode, expiry, SysTime = check.Encode, check.Expiry, SysTime
	local TIMEOUT = 10 -- seconds, unless a call says otherwise
	local NOTHING = { version = "0" } -- of a key that does not exist

	-- self.updates: key → the last of its Updates under way. Each has `before` and `next`, `value` (that of the key after
	-- it), and the condition under which the key still has this value: `version`, or `after` (the token of its write).
	local function link(self, update)
		if update.is_linked then return end
		local last = self.updates[update.key]
		update.is_linked, update.before = true, last
		if last then last.next = update end
		self.updates[update.key] = update
	end

	-- It is over: tells its callback.
	local function finish(self, update, err, ...)
		local before, following = update.before, update.next
		if before then before.next = following end
		if following then following.before = before else self.updates[update.key] = before end
		if update.fn then
			addon.Protect(update.fn, err, ...)
		elseif err and err.code ~= "FAILED" then -- that was reported where it happened
			addon.SayRarely(self, string.format('shared table "%s": an update failed: %s', self.name, tostring(err)))
		end
	end

	local again

	local function answered(self, update, err, detail, extra, has_changed)
		if err and err.code == "OTHER" then
			if SysTime() >= update.deadline then
				return finish(self, update, addon.Error("TIMEOUT", "others changed the key again and again; it was not changed"))
			end
			return again(self, update, { version = detail, value = extra ~= "" and addon.json.Decode(extra, entries.VALUE) or nil })
		end
		if err then return finish(self, update, err) end
		if extra ~= true then return finish(self, update, nil, entries.Fresh(update.value), has_changed) end
		-- `once` was there before: the outcome is that of the earlier change, and the value may have changed since.
		if copy.HasNewest(self, update.key) then return finish(self, update, nil, self:Get(update.key), has_changed) end
		local function tell(problem, entry)
			local now
			if problem then now = self:Get(update.key) elseif entry then now = entries.Fresh(entry.value) end
			finish(self, update, nil, now, has_changed)
		end
		return copy.Fetch(self, update.key, tell) or tell(true)
	end

	-- Sends the result of the function for the value of `base`, an Update or an entry. If it returned nil, it wants no change;
	-- but its value may differ from Redis's, so it runs again with Redis's value. Returns the same as client:Command.
	local function send(self, update, base, value, text)
		local key, old, token = update.key, base.value, nil
		local left = math.max(update.deadline - SysTime(), 0.001)
		local accepted, refused
		if value == nil then
			accepted, refused = copy.Fetch(self, key, function(err, entry)
				if not err then return again(self, update, entry or NOTHING) end
				finish(self, update, addon.Error(err.code, err.message, false)) -- sent = false: a read changes nothing
			end, left)
		else
			local condition = base.after and "after" or base.version
			local change = text and { "set", key, text, expiry(update.options, "keep"), condition } or { "remove", key, "", "", condition }
			accepted, refused, token = writes.Send(self, key, change, { once = update.options.once, timeout = left, after = base.after },
				function(...) answered(self, update, ...) end)
		end
		if not accepted then return false, refused end
		if value == nil then
			update.value, update.version, update.after = old, base.version, base.after
		else
			-- As it is now, whatever the addon does to its table.
			update.value, update.version, update.after = text and addon.json.Decode(text, entries.VALUE), nil, token
		end
		self.updates_sent = self.updates_sent + 1
		update.sent = self.updates_sent
		link(self, update)
		return true
	end

	-- The function wants no change now. But with `once`, an earlier call may have made one.
	local function end_unchanged(self, update, value)
		local once = update.options.once
		if not once then return finish(self, update, nil, entries.Fresh(value), false) end
		local accepted, refused = self.client:Command({ "GET", writes.OnceKey(self, once) }, function(err, outcome)
			if err then return finish(self, update, addon.Error(err.code, err.message, false)) end
			finish(self, update, nil, entries.Fresh(value), isstring(outcome) and not outcome:find("^0 "))
		end, math.max(update.deadline - SysTime(), 0.001))
		if not accepted then finish(self, update, refused) end
	end

	-- Runs the function again with the value that Redis has, `now`. But if the Update before this one was sent later than
	-- this one, with the result of that Update, which is newer.
	function again(self, update, now)
		local before, value, text, reason = update.before, nil, nil, nil
		local is_known = not before or before.sent < update.sent
		local base = is_known and now or before
		local fine = addon.Protect(function() value = update.compute(entries.Fresh(base.value)) end)
		if not fine then return finish(self, update, addon.Error("FAILED", "the function raised an error")) end
		if value == nil and is_known then return end_unchanged(self, update, base.value) end
		if value ~= nil and value ~= realtime.NULL then
			text, reason = addon.json.Encode(value, entries.VALUE)
			if not text then
				ErrorNoHaltWithStack(addon.Printable("'Update' \"" .. update.key .. '": ' .. reason))
				return finish(self, update, addon.Error("FAILED", reason))
			end
		end
		local accepted, refused = send(self, update, base, value, text)
		if not accepted then finish(self, update, refused) end
	end

	-- Returns the same as client:Command.
	function addon.shared_update(self, key, compute, options, fn)
		local update = { key = key, compute = compute, options = options, fn = fn, deadline = SysTime() + (options.timeout or TIMEOUT) }
		local last = self.updates[key]
		local base = last or self.entries[key] or NOTHING
		local old = base.value
		local value = compute(entries.Fresh(old))
		local text = value ~= nil and value ~= realtime.NULL and encode("Update", key, value) or nil
		if value == nil and not last and not options.once and copy.HasNewest(self, key) then
			if fn then addon.Soon(self, function() fn(nil, entries.Fresh(old), false) end) end
			return true
		end
		return send(self, update, base, value, text)
	end
end
