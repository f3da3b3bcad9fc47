-- Saving documents of realtime.Profiles, and releasing them. Only one save of a document is in flight at a time, so
-- that none overtakes another; redis/profiles_save.lua refuses saves of a server that does not hold the document any
-- more.
return function(realtime, addon)
	local SysTime, min, format = SysTime, math.min, string.format
	local opening = addon.profiles_opening
	local SCRIPT = "profiles_save"
	local RETRY, MOST_RETRY = 1, 60 -- seconds after an error: longer each time
	addon.profiles_patience = 30 -- seconds that the addon's own storage may take
	local saving = {}
	addon.profiles_saving = saving
	saving.UNKNOWN = {} -- in place of the text that was last saved

	local function tell(self, event, ...)
		local listeners = {}
		for _, fn in pairs(self.listeners[event]) do listeners[#listeners + 1] = fn end
		for _, fn in ipairs(listeners) do addon.Protect(fn, ...) end
	end

	saving.Tell = tell

	-- Notes the document's current content. Returns why it cannot be saved; each reason is printed once.
	function saving.Note(profile)
		if profile.data == nil then return end
		local text, reason = addon.json.Encode(profile.data, opening.DOCUMENT)
		if text then
			profile.text, profile.problem = text, nil
			return
		end
		if profile.problem ~= reason then
			profile.problem = reason
			addon.Say(format('profile "%s" of %s: it cannot be saved, and stays as it was saved last: %s', profile.parent.name, profile.id,
				addon.Printable(reason, 160)))
		end
		return reason
	end

	-- Says that the document is released as it was last saved, without later changes.
	local function say_lost(profile)
		addon.Say(format('profile "%s" of %s: changes since the last possible save are lost: %s', profile.parent.name, profile.id,
			addon.Printable(profile.problem, 160)))
	end

	-- Lets listeners for `saving` bring the document up to date, and then notes its content. If its player has
	-- left, the listeners are not called.
	function saving.Refresh(profile)
		local owner = profile.owner
		if profile.data ~= nil and not (isentity(owner) and not IsValid(owner)) then tell(profile.parent, "saving", owner, profile.data) end
		return saving.Note(profile)
	end

	local function answer(list, err)
		for _, caller in ipairs(list) do
			if caller.fn then addon.Protect(caller.fn, err) end
		end
	end

	-- All callers that wait for something of this document get the same result.
	function saving.AnswerAll(profile, err)
		local callers, closers, flight = profile.callers, profile.closers, profile.flight
		profile.callers, profile.closers, profile.flight = {}, {}, nil
		if flight then answer(flight.callers, err) end
		answer(callers, err)
		answer(closers, err)
	end

	-- Another server opened the document while this one was silent.
	function saving.Lose(profile, server)
		local self, was_open = profile.parent, profile.state == "open"
		if was_open then saving.Note(profile) end
		local who = server ~= "" and '"' .. server .. '"' or "somebody else"
		if profile.text ~= profile.saved then
			opening.Say(self, profile.id, "changes since the last save are lost: this server was silent for %g s, and %s opened it",
				addon.profiles_lease, addon.Printable(who, 70))
		elseif profile.problem then
			say_lost(profile)
		end
		-- A save whose answer was lost may have been the last one that counted.
		local outcome = profile.is_unsure and "may not have been saved" or "was not saved"
		local err = addon.Error("TAKEN", format('the profile "%s" of %s %s: %s opened it meanwhile', self.name, profile.id, outcome, who),
			profile.is_unsure)
		opening.End(profile)
		if was_open and not profile.is_leaving then tell(self, "taken", profile.owner, server ~= "" and server or nil) end
		saving.AnswerAll(profile, err)
	end

	-- Begins to release it. options: `to` and `hold` of a hand-over.
	function saving.Close(profile, options)
		profile.state = "closing"
		profile.to, profile.to_hold = options and options.to or "", options and options.hold or 0
		profile.next_at = 0
		if profile.problem then say_lost(profile) end
	end

	-- Another server wants it. Its current content is saved; later changes do not count.
	function saving.LetGo(profile, server)
		local self, state = profile.parent, profile.state
		profile.wanted_at = profile.wanted_at or SysTime()
		if state == "closing" then return end
		if state == "open" then saving.Refresh(profile) end
		saving.Close(profile)
		if state == "loading" then
			opening.Answer(profile, addon.Error("TAKEN", format('the profile "%s" of %s was opened by "%s" meanwhile', self.name, profile.id, server)))
		elseif state == "open" and not profile.is_leaving then
			tell(self, "taken", profile.owner, server)
		end
	end

	local outcomes = {}

	function outcomes.saved(profile, flight)
		profile.refusals = 0
		if flight.kind == "data" then profile.saved, profile.acknowledged, profile.is_unsure = flight.text, flight.number, false end
		answer(flight.callers)
	end

	function outcomes.closed(profile, flight)
		outcomes.saved(profile, flight)
		opening.End(profile)
		saving.AnswerAll(profile)
	end

	function outcomes.lost(profile, flight, server)
		profile.flight = flight
		saving.Lose(profile, server)
	end

	local function again(profile, flight)
		for i, caller in ipairs(flight.callers) do table.insert(profile.callers, i, caller) end
	end

	function outcomes.behind(profile, flight)
		profile.saved, profile.acknowledged = saving.UNKNOWN, 0
		again(profile, flight)
	end

	function outcomes.size(profile, flight)
		profile.text = profile.saved
		answer(flight.callers, addon.Error("TOOLARGE", "the document has more than 256 KiB"))
	end

	local function pause(profile)
		profile.refusals = profile.refusals + 1
		profile.next_at = SysTime() + min(RETRY * 2 ^ (profile.refusals - 1), MOST_RETRY)
	end

	-- Sends a save, or the last one. fn(err, reply), or nil if the answer is not needed; returns the same as
	-- client:Command.
	local function send(profile, action, kind, detail, fn)
		local self = profile.parent
		local arguments = {
			action, profile.token, format("%.0f", profile.fence or 0), profile.number, opening.Lease(), self.id, self.channel, profile.id, kind, detail,
			profile.to or "", profile.to_hold or 0,
		}
		local keys = { opening.Key(self, profile.id) }
		if not fn then return addon.RunScriptLast(self.client, SCRIPT, keys, arguments) end
		return addon.RunScript(self.client, SCRIPT, keys, arguments, fn)
	end

	-- The form in which the document goes to Redis: its text, or what is sent instead.
	local function content(profile)
		if profile.parent.storage or profile.text == nil then return "none", "" end
		if profile.text == profile.saved then return "same", profile.acknowledged end
		return "data", profile.text
	end

	local function fly(profile)
		local kind, detail = content(profile)
		local action = profile.state == "closing" and (profile.fence and "close" or "release") or "save"
		profile.number = profile.number + 1
		local flight = { callers = profile.callers, text = profile.text, kind = kind, number = profile.number }
		profile.callers, profile.flight = {}, flight
		local accepted = send(profile, action, kind, detail, function(err, reply)
			if profile.flight ~= flight then return end
			profile.flight = nil
			if not err and not (istable(reply) and outcomes[reply[1]]) then
				err = addon.Error("ERR", "the server's answer is not one of redis/profiles_save.lua")
			end
			if not err then return outcomes[reply[1]](profile, flight, reply[2]) end
			if opening.IsUnknown(err) then
				-- Redis may have saved it, or may do so later. Callers get their result once a save is confirmed.
				if kind == "data" then profile.saved, profile.is_unsure = saving.UNKNOWN, true end
				return again(profile, flight)
			end
			pause(profile)
			answer(flight.callers, err)
			if action == "release" then return opening.End(profile) end
			opening.Say(profile.parent, profile.id, "it was not saved, and this is tried again: %s", tostring(err))
		end)
		if accepted then return end
		profile.flight, profile.next_at = nil, SysTime() + 1
		again(profile, flight)
	end

	-- Others have waited for it as long as a lease lasts, and its storage fails.
	local function is_overdue(profile)
		return profile.state == "closing" and profile.refusals > 0 and profile.wanted_at and SysTime() - profile.wanted_at >= addon.profiles_lease
	end

	-- It is released without its last changes.
	local function give_up(profile)
		opening.Say(profile.parent, profile.id, "changes since the last save are lost: its storage fails, and others wait for it: %s",
			profile.failure)
		profile.text, profile.next_at = profile.saved, 0
	end

	-- The addon's own storage could not save it.
	local function storage_failed(profile, reason)
		pause(profile)
		profile.failure = reason
		if is_overdue(profile) then return give_up(profile) end
		opening.Say(profile.parent, profile.id, "it was not saved, and this is tried again: %s", reason)
	end

	-- Whether it is certain that no other server holds it: Redis has confirmed that within the lease.
	local function is_heard(profile) return SysTime() < profile.renewed_at + addon.profiles_lease end

	-- The addon's own storage saves it. Its fence grows with each save. `is_last`: no later tick comes.
	local function store(profile, is_last)
		profile.number = profile.number + 1
		local text = profile.text
		local flight = { callers = profile.callers, until_when = SysTime() + addon.profiles_patience }
		profile.callers, profile.flight = {}, flight
		local function done(err)
			if profile.flight ~= flight then return end
			profile.flight = nil
			if not err and is_heard(profile) then
				profile.saved, profile.refusals, profile.is_unsure = text, 0, false
				return answer(flight.callers)
			end
			-- It is unknown what the storage has now; and a save after the lease may not count.
			profile.saved, profile.is_unsure = saving.UNKNOWN, true
			if not err then
				profile.parent.renew_at = 0
				return again(profile, flight)
			end
			local reason = addon.Printable(tostring(err), 160)
			storage_failed(profile, reason)
			answer(flight.callers, addon.Error("STORAGE", format('the profile "%s" of %s was not saved: %s', profile.parent.name, profile.id, reason)))
		end
		flight.done = done
		local data = addon.json.Decode(text, opening.DOCUMENT)
		local fine, reason = addon.Protect(profile.parent.storage.save, profile.id, data, profile.fence + profile.number, done, is_last or false)
		if not fine then done(reason) end
	end

	-- Callers that waited too long get an error. The save goes on: the last state counts as long as this server holds
	-- the document.
	local function expire(profile, list, now)
		local late
		for i = #list, 1, -1 do
			if now >= list[i].deadline then
				late = late or {}
				table.insert(late, 1, table.remove(list, i))
			end
		end
		if not late then return end
		local reason = profile.parent.client:IsConnected() and "there was no answer" or "there is no connection to Redis"
		answer(late, addon.Error("TIMEOUT", format('the profile "%s" of %s was not saved in time: %s. It is tried again', profile.parent.name,
			profile.id, reason), true))
	end

	-- The work of a tick, while it is "open", "handed" or "closing".
	function saving.Tick(profile, now, stop)
		expire(profile, profile.callers, now)
		expire(profile, profile.closers, now)
		local flight = profile.flight
		if flight then
			expire(profile, flight.callers, now)
			if flight.done and now >= flight.until_when then
				flight.done(format("the storage did not answer within %g s", addon.profiles_patience))
			elseif flight.done and is_overdue(profile) then
				flight.done(profile.failure)
			end
			return
		end
		if profile.state ~= "closing" then
			if profile.openers[1] then
				-- After silence another server may hold it by now.
				if is_heard(profile) then opening.Take(profile) else profile.parent.renew_at = 0 end
			end
			if profile.is_leaving then
				saving.Note(profile)
				saving.Close(profile)
			elseif profile.state == "handed" and now >= profile.handed_until then
				saving.Close(profile)
			elseif profile.state == "open" and now >= profile.autosave_at and (not stop or SysTime() < stop) then
				profile.autosave_at = now + addon.profiles_interval
				saving.Refresh(profile)
				profile.is_leaving = isentity(profile.owner) and not IsValid(profile.owner) -- no hook reported it
			end
			if profile.state == "ended" then return end -- a listener closed the client
		end
		if profile.parent.storage and profile.text ~= profile.saved and is_overdue(profile) then give_up(profile) end
		local is_changed = profile.text ~= profile.saved
		if now < profile.next_at or not (is_changed or profile.callers[1] or profile.state == "closing") then return end
		if profile.parent.storage and is_changed then
			-- As above; the storage would not know that another server holds it.
			if is_heard(profile) then return store(profile) end
			profile.parent.renew_at = 0
		elseif profile.parent.client:IsConnected() then
			fly(profile)
		end
	end

	-- The hook ShutDown: the addon's own storage saves changed documents.
	function saving.StoreLast(profile)
		if profile.parent.storage and profile.text ~= profile.saved then store(profile, true) end
	end

	-- The Lua state ends, and answers are not received any more: it is sent at once. Returns whether it was. A
	-- document that the addon's own storage has not saved in the hook ShutDown stays locked until the lease is over,
	-- because a save may still be running.
	function saving.Finish(profile)
		if profile.state == "open" and profile.parent.is_shutting_down then
			saving.Note(profile)
		elseif profile.state == "open" then
			saving.Refresh(profile) -- another addon kept the hook from running
		end
		local is_unsaved = profile.problem ~= nil
		local is_changed = profile.text ~= profile.saved
		if profile.parent.storage and is_changed then return false end
		if profile.state == "opening" and not profile.was_asked then return true end
		if is_unsaved and profile.state ~= "closing" then say_lost(profile) end
		profile.state = "closing"
		local kind, detail = content(profile)
		profile.number = profile.number + 1
		local accepted = send(profile, profile.fence and "close" or "release", kind, detail)
		if is_unsaved then return false end
		return not is_changed or accepted and profile.parent.client:IsConnected() and is_heard(profile)
	end
end
