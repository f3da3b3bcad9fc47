-- Tables as messages: JSON in an envelope that says who sent it.
return function(realtime, addon)
	local methods = {}

	-- Publishes a table, a string, a number or a boolean. Answers as client:Publish does; raises for what has no form in
	-- JSON, and says where in the table it is.
	function methods:Publish(channel, data, fn, seconds)
		local text, reason = realtime.Encode(data, self.id)
		if not text then error("'Publish' to " .. tostring(channel) .. ": " .. reason, 2) end
		return self.client:Publish(channel, text, fn, seconds)
	end

	local function listener(self, fn, others)
		return function(message, channel, pattern)
			-- On an empty server no hook runs that could do it.
			addon.EnsureTick()
			local data, from = realtime.Decode(message)
			if data == nil then
				addon.SayRarely("decode " .. channel, string.format("a message on %s was left out: %s", channel, from))
			elseif not others or from ~= self.id then
				fn(data, from, channel, pattern)
			end
		end
	end

	-- Beside callbacks for plain messages that have the same identifier.
	local PREFIX = "realtime.Tables: "

	local function subscriber(name, method, others)
		methods[name] = function(self, channel, identifier, fn)
			identifier, fn = addon.IdentifierAndFunction(name, 2, identifier, fn)
			self.client[method](self.client, channel, PREFIX .. identifier, listener(self, fn, others))
		end
	end
	subscriber("Subscribe", "Subscribe", false)
	subscriber("SubscribeOthers", "Subscribe", true)
	subscriber("PSubscribe", "PSubscribe", false)
	subscriber("PSubscribeOthers", "PSubscribe", true)

	function methods:Unsubscribe(channel, identifier)
		self.client:Unsubscribe(channel, PREFIX .. (identifier or addon.CallingFile(2)))
	end
	function methods:PUnsubscribe(pattern, identifier)
		self.client:PUnsubscribe(pattern, PREFIX .. (identifier or addon.CallingFile(2)))
	end

	addon.Constructor("Tables", methods, function() end)
end
