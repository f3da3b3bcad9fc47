-- Tables as messages: JSON in an envelope with the sender.
return function(realtime, addon)
	local methods = {}
	local SysTime = SysTime

	-- A channel's name in the form that the module accepts, or nil, so that the module reports the error.
	local function name_of(channel)
		if isnumber(channel) then return (addon.json.Encode(channel)) end
		return isstring(channel) and channel or nil
	end

	-- Publishes a table, a string, a number or a boolean. Returns the same as the client's method; raises for a value
	-- without a form in JSON, and names its place in the table.
	local function publisher(name)
		methods[name] = function(self, channel, data, fn, seconds)
			addon.EnsureTick()
			local text, reason = addon.Encode(data, self.id, name_of(channel), addon.table_bounds)
			if not text then
				-- Channel and keys may come from outside.
				error(addon.Printable("'" .. name .. "' to " .. tostring(channel) .. ": " .. reason), 2)
			end
			return self.client[name](self.client, channel, text, fn, seconds)
		end
	end
	publisher("Publish")
	publisher("SPublish")

	-- Another server publishes under this server's id: then each of the two takes the other's requests for its own.
	local SHOUT = 60 -- seconds between two complaints about it
	local function shout(self, channel)
		local now = SysTime()
		if self.shouted and now - self.shouted < SHOUT then return end
		self.shouted = now
		addon.SayRarely(self, string.format('TWO SERVERS HAVE THE ID "%s": this one, and one that publishes on %s. Give each its ' ..
			'own in garrysmod/data/realtime.json ("id"); until then requests reach both.', self.id, addon.Printable(channel, 40)))
	end

	-- Separates the identifiers of these callbacks from those of callbacks for plain messages.
	local PREFIX = "realtime.Tables: "

	-- Calls a method of the client with a topic that a script gave. An error names the script's line.
	local function with_topic(self, method, topic, ...)
		local fine, problem = pcall(self.client[method], self.client, topic, ...)
		if not fine then addon.Raise(problem) end
	end

	-- `bounds`: the limits of a message's data. A message that exceeds them, or cannot be read, is reported under the
	-- subscription's name. `own`: the beginning of messages that are skipped. fn(data, from, is_own, channel,
	-- pattern).
	function addon.Listen(self, method, topic, identifier, bounds, fn, own)
		local kind = method .. " " .. tostring(topic)
		-- The module makes no string and no table of a message that is too large, and makes a table of many elements
		-- in several ticks.
		with_topic(self, method, topic, PREFIX .. identifier, function(envelope, channel, pattern, text, message)
			-- On an empty server no hook runs that could restore the timer.
			addon.EnsureTick()
			local data, from, is_own = addon.Open(envelope, channel, text, message)
			if data == nil then
				return addon.SayRarely(kind, string.format("a message on %s was left out: %s", addon.Printable(channel, 64), from))
			end
			fn(data, from, is_own, channel, pattern)
		end, {
			format = "json", max_bytes = bounds.message.bytes, max_elements = bounds.message.elements, skip_prefix = own,
			text_of = addon.text_of, unreadable = true,
		})
	end

	local KINDS = { Subscribe = "the channel", PSubscribe = "the pattern", SSubscribe = "the sharded channel" }

	local function note_place(self, name, method, topic, identifier, fn)
		addon.NotePlace(self.places, method .. " " .. tostring(topic) .. " " .. identifier, 3, fn, name, function(before)
			return string.format('this callback replaces that of line %d: without an identifier a file has one callback for %s "%s", ' ..
				'of %s and %sOthers together. To keep both, write tables:%s("%s", "an identifier", …)', before.line,
				KINDS[method], tostring(topic), method, method, name, tostring(topic))
		end)
	end

	local function subscriber(name, method, others)
		methods[name] = function(self, topic, identifier, fn, ...)
			local is_unnamed
			identifier, fn, is_unnamed = addon.IdentifierAndFunction(name, 2, identifier, fn, ...)
			if is_unnamed then note_place(self, name, method, topic, identifier, fn) end
			addon.Listen(self, method, topic, identifier, addon.table_bounds, function(data, from, is_own, channel, pattern)
				if from == self.id then
					if not is_own then
						shout(self, channel)
					elseif others then
						return
					end
				end
				fn(data, from, channel, pattern)
			end, others and addon.Head(self.id) or nil)
		end
	end
	subscriber("Subscribe", "Subscribe", false)
	subscriber("SubscribeOthers", "Subscribe", true)
	subscriber("PSubscribe", "PSubscribe", false)
	subscriber("PSubscribeOthers", "PSubscribe", true)
	subscriber("SSubscribe", "SSubscribe", false)
	subscriber("SSubscribeOthers", "SSubscribe", true)

	local function unsubscriber(name, method)
		methods[name] = function(self, topic, identifier)
			identifier = addon.Identifier(name, 2, identifier)
			self.places[method .. " " .. tostring(topic) .. " " .. identifier] = nil
			with_topic(self, name, topic, PREFIX .. identifier)
		end
	end
	unsubscriber("Unsubscribe", "Subscribe")
	unsubscriber("PUnsubscribe", "PSubscribe")
	unsubscriber("SUnsubscribe", "SSubscribe")

	addon.Constructor("Tables", methods, function(self) self.places = {} end)
end
