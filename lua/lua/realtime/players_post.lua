-- Posting to players, for realtime.Players.
return function(_, addon)
	local format = string.format
	local SCRIPT = "players_post"
	local posting = { DATA = { bytes = 65536, elements = 20000 } }
	addon.players_posting = posting

	local calls
	calls = addon.TokenCalls({
		script = SCRIPT,
		what = "the post was stored",
		errors = {
			full = { "FULL", "100 posts or 1 MiB wait for the player already" },
			size = { "TOOLARGE", "the data have more than 64 KiB, or more than 20,000 elements" },
			json = { "ERR", "Redis does not accept the data as JSON" },
			void = { "DISCONNECTED", "the connection broke before it was stored, and it will not be" },
		},
		About = function(_, call) return "a post to the player " .. call.player end,
		Ask = function(self, call)
			return SCRIPT, call.keys, { "ask", call.token, call.kept, self.id, call.player, call.name, 1, "" }
		end,
		Unheard = function(self, call, err)
			addon.SayRarely(self, format('players: a post "%s" to %s was not stored: %s', addon.Printable(call.name, 64), call.player, tostring(err)))
		end,
		Done = function(self, call, reply)
			local _, id, told = unpack(reply)
			if told ~= 1 and not isnumber(told) then
				addon.SayRarely(self, "players: a post was stored, but the player's server was not told at once: " .. addon.Printable(tostring(told), 160))
			end
			calls.Finish(self, call, nil, id)
		end,
	})
	posting.Tick, posting.Close = calls.Tick, calls.Close

	-- Returns the same as client:Command; fn(err, id).
	function posting.Send(self, player, name, text, options, fn)
		local call, key = calls.New(self, { player = player, name = name }, fn, options.timeout), addon.PlayersKey
		call.keys = { key("posts:" .. player), key("waiting"), key("claims"), key("leases"), key("token:" .. call.token) }
		if options.once then call.keys[6] = key("once:" .. options.once) end
		return calls.Send(self, call, call.keys, { "post", call.token, call.kept, self.id, player, name, options.expires, text })
	end

	function posting.New(self) self.pending = {} end
end
