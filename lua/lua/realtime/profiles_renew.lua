-- Keeping documents of realtime.Profiles: every ten seconds this server renews its leases, and learns which other
-- servers want the documents.
return function(realtime, addon)
	local SysTime, format = SysTime, string.format
	local opening, saving = addon.profiles_opening, addon.profiles_saving
	local SCRIPT = "profiles_renew"
	local SEVERAL = 100 -- documents of one call
	local RETRY = 1 -- seconds after an error
	local renewing = {}
	addon.profiles_renewing = renewing

	local function heard(profile, outcome, detail, sent)
		if outcome == "lost" then return saving.Lose(profile, detail) end
		if outcome == "free" then
			if profile.state ~= "closing" then saving.Lose(profile, "") end
			return
		end
		profile.renewed_at = sent
		-- A document that was never saved cannot be lost.
		if outcome == "behind" and not profile.parent.storage and profile.text ~= nil then profile.saved, profile.acknowledged = saving.UNKNOWN, 0 end
		if detail ~= "" then saving.LetGo(profile, detail) end
	end

	-- fn(): once it is answered.
	local function renew(self, profiles, fn)
		local keys, arguments, sent, fences = {}, { opening.Lease(), self.id }, SysTime(), {}
		for i, profile in ipairs(profiles) do
			keys[i], fences[i] = opening.Key(self, profile.id), profile.fence
			table.Add(arguments, { profile.token, format("%.0f", profile.fence), profile.acknowledged })
		end
		local accepted = addon.RunScript(self.client, SCRIPT, keys, arguments, function(err, reply)
			if not err and not istable(reply) then err = "the server's answer is not one of redis/profiles_renew.lua" end
			fn(err)
			if err then return end
			for i, profile in ipairs(profiles) do
				local is_current = self.profiles[profile.id] == profile and profile.state ~= "ended"
				if is_current then heard(profile, reply[i * 2 - 1], reply[i * 2], sent) end
			end
		end)
		if not accepted then fn("OVERLOADED") end
	end

	-- One document: another server asked for it.
	local function look(profile)
		if profile.is_looking or not profile.fence then return end
		profile.is_looking = true
		renew(profile.parent, { profile }, function() profile.is_looking = false end)
	end

	-- Documents whose last save is in flight are released with it.
	local function is_held(profile)
		if not profile.fence or profile.state == "ended" then return false end
		return profile.state ~= "closing" or not profile.flight or profile.flight.done ~= nil
	end

	function renewing.Tick(self, now)
		if self.is_renewing or now < self.renew_at or not self.client:IsConnected() then return end
		local parts, part = {}, nil
		for _, profile in pairs(self.profiles) do
			if is_held(profile) then
				if not part or #part == SEVERAL then
					part = {}
					parts[#parts + 1] = part
				end
				part[#part + 1] = profile
			end
		end
		self.renew_at = now + addon.profiles_lease / 3
		local open = #parts
		for _, each in ipairs(parts) do
			self.is_renewing = true
			renew(self, each, function(err)
				open = open - 1
				if open == 0 then self.is_renewing = false end
				if not err then return end
				self.renew_at = opening.IsUnknown(err) and 0 or SysTime() + RETRY
				if not opening.IsUnknown(err) then
					addon.SayRarely(self, format('profile "%s": the server could not renew its leases: %s', self.name, tostring(err)))
				end
			end)
		end
	end

	-- A token of this Lua state that belongs to no document: an opening that was given up, whose answer came late.
	local function release(self, id, token)
		if self.is_releasing then return end
		self.is_releasing = true
		local arguments = { "release", token, 0, 0, opening.Lease(), self.id, self.channel, id, "none", "", "", 0 }
		local accepted = addon.RunScript(self.client, "profiles_save", { opening.Key(self, id) }, arguments, function()
			self.is_releasing = false
		end)
		if not accepted then self.is_releasing = false end
	end

	-- A message only says which document to check: Redis knows the truth.
	function renewing.Hear(self, message)
		if not message then return end -- too long for one of ours
		local what, id = message:match("^(%l+) (%d+)")
		if not what then return end
		local rest = message:sub(#what + #id + 3)
		local profile = self.profiles[id]
		if what == "wanted" then
			if profile and profile.token == rest then return look(profile) end
			if #rest == 32 and rest:sub(1, 16) == self.prefix then release(self, id, rest) end
		elseif what == "free" or what == "handed" then
			if profile and profile.state == "opening" then return opening.Look(profile) end
			local server, hold = rest:match("^(%S+) (%d+)$")
			if what == "handed" and not profile and server == self.id then opening.Expect(self, id, tonumber(hold)) end
		end
	end
end
