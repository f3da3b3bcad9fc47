-- Tables as messages: JSON in an envelope that says who sent it.
return function(realtime, addon)
	local methods = {}

	-- A channel's name as the module takes it, or nil, and then the module says what is wrong.
	local function name_of(channel)
		if isnumber(channel) then return (addon.json.Encode(channel)) end
		return isstring(channel) and channel or nil
	end

	-- Publishes a table, a string, a number or a boolean. Answers as client:Publish does; raises for what has no form in
	-- JSON, and says where in the table it is.
	function methods:Publish(channel, data, fn, seconds)
		local text, reason = addon.Encode(data, self.id, name_of(channel), addon.table_bounds)
		if not text then error("'Publish' to " .. tostring(channel) .. ": " .. reason, 2) end
		return self.client:Publish(channel, text, fn, seconds)
	end

	-- Beside callbacks for plain messages that have the same identifier.
	local PREFIX = "realtime.Tables: "

	-- `bounds`: what a message's data may have. What is over them, or cannot be read, is told under the subscription's name.
	function addon.Listen(self, method, topic, identifier, bounds, fn)
		local kind = method .. " " .. tostring(topic)
		self.client[method](self.client, topic, PREFIX .. identifier, function(message, channel, pattern)
			-- On an empty server no hook runs that could do it.
			addon.EnsureTick()
			local data, from = addon.Decode(message, channel, bounds)
			if data == nil then
				addon.SayRarely(kind, string.format("a message on %s was left out: %s", addon.Printable(channel, 64), from))
			else
				fn(data, from, channel, pattern)
			end
		end)
	end

	local function subscriber(name, method, others)
		methods[name] = function(self, channel, identifier, fn)
			identifier, fn = addon.IdentifierAndFunction(name, 2, identifier, fn)
			local id = self.id
			addon.Listen(self, method, channel, identifier, addon.table_bounds, not others and fn or function(data, from, ...)
				if from ~= id then fn(data, from, ...) end
			end)
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
