-- Opening documents of realtime.Profiles: asks Redis for the lock until this server has it, and then for the
-- document. redis/profiles_open.lua decides who gets it.
return function(realtime, addon)
	local SysTime, tonumber, min, max, format = SysTime, tonumber, math.min, math.max, string.format
	local SCRIPT = "profiles_open"
	addon.profiles_lease = 30 -- seconds for which a silent server keeps a document
	addon.profiles_interval = 30 -- seconds between two checks whether an open document has changed
	addon.profiles_look = 1 -- seconds until a document that another server holds is asked for again
	local MAX_HANDED = 64 -- documents that wait here for players who are on their way
	local opening = {}
	addon.profiles_opening = opening
	opening.MOST_HOLD = 3600 -- seconds that a document may wait for such a player
	opening.DOCUMENT = { bytes = 256 * 1024, elements = 100000 }

	function opening.Key(self, id) return self.channel .. ":" .. id end
	function opening.Lease() return math.floor(addon.profiles_lease * 1000) end

	function opening.Say(self, id, text, ...)
		addon.SayRarely(self, format('profile "%s" of %s: ' .. text, self.name, id, ...))
	end

	-- The connection broke, or the answer did not come: it is unknown whether Redis has run the script.
	function opening.IsUnknown(err)
		return istable(err) and (err.code == "DISCONNECTED" or err.code == "TIMEOUT" or err.code == "CLOSED")
	end

	-- A document is "opening", "loading" (from the addon's own storage), "open", "handed" (it waits for its player),
	-- or "closing".
	function opening.Begin(self, id, hold)
		self.begun = self.begun + 1
		local profile = {
			parent = self, id = id, order = self.begun, state = "opening", hold = hold, token = self.prefix .. realtime.RandomToken():sub(17),
			openers = {}, callers = {}, closers = {}, next_at = 0, refusals = 0, number = 0, acknowledged = 0,
		}
		self.profiles[id] = profile
		return profile
	end

	-- This server does not hold the document any more. Callers that asked for it meanwhile open it again.
	function opening.End(profile)
		local self = profile.parent
		profile.state = "ended"
		if self.profiles[profile.id] ~= profile then return end
		self.profiles[profile.id] = nil
		if profile.openers[1] then opening.Begin(self, profile.id).openers = profile.openers end
	end

	-- Releases what Redis may have given to an opening that nothing waits for any more.
	local function abandon(profile)
		profile.state, profile.next_at = "closing", 0
	end

	-- The opener was a player who has left: the player's callback is not called any more.
	local function has_left(opener) return isentity(opener.owner) and not IsValid(opener.owner) end

	-- Whether Steam has confirmed the player. As long as a player who is here is not confirmed, nobody gets the
	-- document, not even by the SteamID.
	local function is_confirmed(profile, opener)
		local owner = opener.owner
		if not isentity(owner) then owner = player.GetBySteamID64(profile.id) or nil end
		return not IsValid(owner) or owner:IsFullyAuthenticated()
	end

	local function answer(profile, openers, err)
		for _, opener in ipairs(openers) do
			if not has_left(opener) then
				if not err and profile.state ~= "open" then
					err = addon.Error("NOTOPEN", format('the profile "%s" of %s was closed again', profile.parent.name, profile.id))
				end
				if err then
					addon.Protect(opener.fn, err)
				else
					addon.Protect(opener.fn, nil, profile.data)
				end
			end
		end
	end

	-- All callers that wait for it get the error.
	function opening.Answer(profile, err)
		local openers = profile.openers
		profile.openers = {}
		answer(profile, openers, err)
	end

	local function fail(profile, err)
		abandon(profile)
		opening.Answer(profile, err)
	end

	-- The document is here.
	local function opened(profile, data)
		local text, reason
		if data ~= nil then text, reason = addon.json.Encode(data, opening.DOCUMENT) end
		if reason then return fail(profile, addon.Error("UNREADABLE", format('the profile "%s": %s', profile.parent.name, reason))) end
		-- `text`: the text to save; `saved`: the text that was last saved.
		profile.data, profile.text, profile.saved = data, text, text
		profile.next_at, profile.refusals = 0, 0
		profile.state = "handed"
		profile.handed_until = SysTime() + (profile.hold or 0)
		if profile.openers[1] then opening.Take(profile) end
	end

	-- Whether a player who is here has opened it.
	function opening.IsPlayers(profile) return isentity(profile.owner) and IsValid(profile.owner) end

	-- Passes it to the callers that wait for it. A player who is not confirmed keeps waiting, and never becomes its
	-- owner.
	function opening.Take(profile)
		local confirmed, others = {}, {}
		for _, opener in ipairs(profile.openers) do
			local list = is_confirmed(profile, opener) and confirmed or others
			if not has_left(opener) then list[#list + 1] = opener end
		end
		profile.openers = others
		if not confirmed[1] then return end
		profile.state, profile.hold, profile.is_leaving = "open", nil, false
		-- Its owner is the player who opened it last, or an id if it was opened by ids alone.
		for _, opener in ipairs(confirmed) do
			if isentity(opener.owner) or not opening.IsPlayers(profile) then profile.owner = opener.owner end
		end
		profile.autosave_at = profile.autosave_at or SysTime() + addon.profiles_interval
		answer(profile, confirmed)
	end

	-- Asks the addon's own storage.
	local function load(profile)
		profile.state = "loading"
		local is_over = false
		local function done(err, data)
			if is_over then return end
			is_over = true
			if profile.state ~= "loading" then return end -- too late
			if err then
				fail(profile, addon.Error("STORAGE", format('the profile "%s" could not be loaded: %s', profile.parent.name, tostring(err))))
			else
				opened(profile, data)
			end
		end
		local fine, reason = addon.Protect(profile.parent.storage.load, profile.id, done, profile.fence)
		if not fine then done(reason) end
	end

	local answers = {}

	function answers.open(profile, reply, sent)
		profile.fence, profile.renewed_at = tonumber(reply[2]), sent
		if not profile.openers[1] and not profile.hold then return abandon(profile) end
		if profile.parent.storage then return load(profile) end
		if reply[3] ~= 1 then return opened(profile) end
		local data, reason = addon.json.Decode(reply[4], opening.DOCUMENT)
		if data == nil then
			return fail(profile, addon.Error("UNREADABLE", format('the profile "%s" in Redis is no JSON: %s', profile.parent.name, reason)))
		end
		opened(profile, data)
	end

	function answers.held(profile, reply)
		profile.holder = reply[3]
		profile.next_at = SysTime() + (profile.is_free and 0 or min(reply[2] / 1000 + 0.02, addon.profiles_look))
		if reply[4] ~= 1 then
			addon.SayRarely(profile.parent, format('profile "%s": servers cannot be asked at once to let go: %s', profile.parent.name,
				addon.Printable(tostring(reply[4]), 160)))
		end
	end

	function answers.gone(profile)
		-- Its player has arrived meanwhile, and is no longer just on the way.
		profile.hold, profile.next_at = nil, 0
		if not profile.openers[1] then opening.End(profile) end
	end

	local function has_confirmed(profile)
		for _, opener in ipairs(profile.openers) do
			if is_confirmed(profile, opener) then return true end
		end
		return false
	end

	local function ask(profile)
		local self, sent = profile.parent, SysTime()
		profile.is_asking, profile.is_free, profile.was_asked = true, false, true
		local action = has_confirmed(profile) and "open" or "claim"
		local arguments = { action, profile.token, opening.Lease(), self.id, self.channel, profile.id }
		local accepted = addon.RunScript(self.client, SCRIPT, { opening.Key(self, profile.id) }, arguments, function(err, reply)
			profile.is_asking = false
			if profile.state ~= "opening" then return end -- closed with all others
			if not err and not (istable(reply) and answers[reply[1]]) then
				err = addon.Error("ERR", "the server's answer is not one of redis/profiles_open.lua")
			end
			if not err then return answers[reply[1]](profile, reply, sent) end
			profile.next_at = SysTime()
			if not opening.IsUnknown(err) then fail(profile, err) end
		end)
		if not accepted then profile.is_asking, profile.next_at = false, sent + 1 end
	end

	local function timeout_error(profile, opener)
		local reason = "there was no answer"
		if not profile.parent.client:IsConnected() then
			reason = "there is no connection to Redis"
		elseif profile.state == "loading" then
			reason = "its storage did not answer"
		elseif not is_confirmed(profile, opener) then
			reason = "Steam has not confirmed the player"
		elseif profile.state == "closing" then
			reason = "it is not saved yet after it was closed here"
		elseif profile.holder then
			reason = '"' .. profile.holder .. '" has it'
		end
		return addon.Error("TIMEOUT", format('the profile "%s" could not be opened within %g s: %s', profile.parent.name, opener.seconds, reason))
	end

	-- Callers whose time is over get an error; players who left are forgotten.
	function opening.Expire(profile, now)
		if not profile.openers[1] then return end
		local late, waiting = {}, {}
		for _, opener in ipairs(profile.openers) do
			local list = now >= opener.deadline and late or waiting
			if not has_left(opener) then list[#list + 1] = opener end
		end
		profile.openers = waiting
		for _, opener in ipairs(late) do addon.Protect(opener.fn, timeout_error(profile, opener)) end
	end

	-- The work of a tick, while it is "opening" or "loading".
	function opening.Tick(profile, now)
		if profile.is_asking then return end
		if not profile.openers[1] and not profile.hold then
			if profile.was_asked then return abandon(profile) end
			return opening.End(profile)
		end
		if profile.state == "loading" or now < profile.next_at then return end
		-- An id that Steam has not confirmed may be anybody's: for it nothing is taken from another server.
		if profile.parent.client:IsConnected() and (profile.hold or has_confirmed(profile)) then ask(profile) end
	end

	-- It may be free now.
	function opening.Look(profile)
		profile.is_free, profile.next_at = true, min(profile.next_at, 0)
	end

	-- A player is on the way here: the document is opened before the player arrives.
	function opening.Expect(self, id, hold)
		local handed = 0
		for _, profile in pairs(self.profiles) do
			if profile.hold then handed = handed + 1 end
		end
		if handed < MAX_HANDED then opening.Begin(self, id, min(max(hold, 1), opening.MOST_HOLD)) end
	end
end
