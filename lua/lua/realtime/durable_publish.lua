-- Publishing on channels of realtime.Durable.
return function(_, addon)
	local format = string.format
	local SCRIPT = "durable_publish"
	local publishes = {}
	addon.durable_publishes = publishes
	publishes.MESSAGE = { bytes = 65536, elements = 20000 }

	local calls
	calls = addon.TokenCalls({
		script = SCRIPT,
		what = "the message was published",
		errors = {
			full = { "FULL", "as many messages wait as the channel keeps (keep)" },
			size = { "TOOLARGE", "the message has more than 64 KiB" },
			json = { "ERR", "Redis does not take the message as JSON" },
			void = { "DISCONNECTED", "the connection broke before the message was published, and it will not be published" },
		},
		About = function(_, call) return format('the durable channel "%s"', call.channel) end,
		Ask = function(self, call) return SCRIPT, call.keys, { "ask", call.token, call.kept, self.id, "" } end,
		Unheard = function(self, call, err)
			addon.SayRarely(self, format('durable channel "%s": a message was not published: %s', call.channel, tostring(err)))
		end,
		Done = function(self, call, reply)
			local _, id, told = unpack(reply)
			if told ~= 1 then
				addon.SayRarely(self, format('durable channel "%s": a message was stored, but servers were not told at once: %s', call.channel,
					addon.Printable(tostring(told), 160)))
			end
			calls.Finish(self, call, nil, id)
		end,
	})
	publishes.Tick, publishes.Close = calls.Tick, calls.Close

	-- Returns the same as client:Command; fn(err, id).
	function publishes.Send(self, channel, text, options, fn)
		local call, key = calls.New(self, { channel = channel }, fn, options.timeout), addon.DurableKey(channel)
		call.keys = { key, key .. ":about", key .. ":token:" .. call.token }
		if options.once then call.keys[4] = key .. ":once:" .. options.once end
		return calls.Send(self, call, call.keys, { "publish", call.token, call.kept, self.id, text })
	end
end
