-- The addon's helpers in virtual time, over clients that are tables: their publishes are recorded, tests hand messages
-- to them, and nothing happens between two calls. `settings`: secret, max_table_bytes, max_table_elements.
return function(settings)
	local world = { now = 1000, unix = 1800000000, lines = {}, errors = {} }
	local tasks, clients, added = {}, {}, 0
	local real = realtime
	local realtime = setmetatable({}, { __index = real })
	local addon = {
		error_meta = real.addon.error_meta, IsId = real.addon.IsId, max_table_bytes = settings and settings.max_table_bytes,
		max_table_elements = settings and settings.max_table_elements,
		Say = function(text) world.lines[#world.lines + 1] = text end,
		EnsureTick = function() end,
		default_listeners = {},
		ScriptText = function() return "" end,
		repeatable_scripts = {},
		AddTask = function(key, task)
			added = added + 1
			tasks[key] = { run = task, order = tasks[key] and tasks[key].order or added }
		end,
		RemoveTask = function(key) tasks[key] = nil end,
		Protect = function(fn, ...)
			local fine, message = xpcall(fn, function(err)
				world.errors[#world.errors + 1] = tostring(err)
				return tostring(err)
			end, ...)
			return fine, not fine and message or nil
		end,
	}
	-- A test calls addon.goodbyes of the objects whose Lua state ends.
	function realtime.OnClose() end
	if settings and settings.secret then
		function addon.Sign(text) return real.HMAC(settings.secret, text) end
	end
	world.realtime, world.addon = realtime, addon

	-- The files take their clocks when they are loaded; and tonumber, as it is on Windows and with 32 bits.
	local SysTime_before, time_before, tonumber_before = SysTime, os.time, tonumber
	SysTime, os.time = function() return world.now end, function() return world.unix end
	function tonumber(value, base)
		if not base then return tonumber_before(value) end
		local number = tonumber_before(value, base)
		return number and math.min(number, 2 ^ 32 - 1)
	end
	for _, part in ipairs({
		"token_calls", "goodbye", "report", "json", "envelope", "objects", "events", "tables", "requests", "presence", "timers", "async", "time", "once", "durable_publish",
		"durable_subscribe", "durable_work", "durable", "steamid", "profiles_open", "profiles_save", "profiles_renew", "profiles",
	}) do
		include("realtime/" .. part .. ".lua")(realtime, addon)
	end
	SysTime, os.time, tonumber = SysTime_before, time_before, tonumber_before

	-- A client that is connected. `published`: lists of channel, text and the function for the answer.
	function world.client()
		local client = { published = {}, listeners = {}, valid = true, connected = true }
		local function subscriber(kind)
			return function(_, topic, identifier, fn, options)
				client.listeners[kind .. topic] = client.listeners[kind .. topic] or {}
				client.listeners[kind .. topic][identifier] = { fn = fn, options = options }
			end, function(_, topic, identifier)
				if client.listeners[kind .. topic] then client.listeners[kind .. topic][identifier] = nil end
			end
		end
		client.Subscribe, client.Unsubscribe = subscriber("channel ")
		client.PSubscribe, client.PUnsubscribe = subscriber("pattern ")
		function client:Publish(channel, text, fn)
			self.published[#self.published + 1] = { tostring(channel), text, fn }
			return true
		end
		-- Nobody answers.
		function client:Command() return true end
		function client:On(event, _, fn)
			if event == "ready" then fn() end
		end
		function client:Off() end
		-- The values of a single Redis; a test may change them.
		client.role, client.mode = "master", "standalone"
		function client:Stats() return { role = self.role, mode = self.mode } end
		function client:IsValid() return self.valid end
		function client:IsConnected() return self.connected end
		clients[#clients + 1] = client
		return setmetatable(client, FindMetaTable("RealtimeClient"))
	end

	-- Calls a listener as the module does.
	local function deliver(fn, options, text, channel, pattern)
		local own = options.skip_prefix
		if own and text:sub(1, #own) == own then return end
		local value, first, last = real.DecodeJson(text, options.max_bytes, options.max_elements, options.text_of)
		if value == nil and first then return addon.Protect(fn, nil, channel, pattern, first, last and text or nil) end
		if value == nil then value = real.NULL end
		addon.Protect(fn, value, channel, pattern, first and text:sub(first, last))
	end

	-- A message arrives for all listeners. `pattern`: one that matches the channel.
	function world.hear(channel, text, pattern)
		for _, client in ipairs(clients) do
			for _, listener in pairs(client.listeners[pattern and "pattern " .. pattern or "channel " .. channel] or {}) do
				deliver(listener.fn, listener.options, text, channel, pattern)
			end
		end
	end

	-- The same for data in an envelope.
	function world.say(channel, from, data)
		local text = addon.json.Encode({ from = from, data = data })
		world.hear(channel, text)
		return text
	end

	-- Time passes in ticks of `step` seconds.
	function world.pass(seconds, step)
		local stop = world.now + seconds
		while world.now < stop do
			local now = math.min(stop, world.now + (step or 0.015))
			world.unix, world.now = world.unix + now - world.now, now
			local round = {}
			for _, task in pairs(tasks) do round[#round + 1] = task end
			table.sort(round, function(a, b) return a.order < b.order end)
			for _, task in ipairs(round) do addon.Protect(task.run, now) end
		end
	end

	-- Delivers the publishes of a client since the last call to all clients, its own included, as a server would.
	function world.exchange()
		for _, client in ipairs(clients) do
			local published = client.published
			client.published = {}
			for _, message in ipairs(published) do world.hear(message[1], message[2]) end
		end
	end

	return world
end
