-- Messages that wait for a server: they stay in Redis until each subscriber, or one worker, has handled them.
return function(realtime, addon)
	local methods = {}
	local publishes, subscribers, workers = addon.durable_publishes, addon.durable_subscribers, addon.durable_workers
	local SysTime, tonumber, format = SysTime, tonumber, string.format
	local MAX_ONCE, MAX_KEEP = 128, 1000000
	local BUDGET = 0.002 -- seconds of a tick that callbacks may take
	local SCRIPTS = { "durable_publish", "durable_read", "durable_work", "durable_manage" }
	local PREFIX = "realtime.Durable "

	function addon.DurableKey(channel) return "realtime:durable:{" .. channel .. "}" end

	-- Redis's clock in milliseconds, from an answer.
	function addon.DurableClock(self, time) self.offset = time - SysTime() * 1000 end

	-- The `info` of a callback.
	function addon.DurableInfo(self, message, deliveries)
		-- The first id of the message: Retry gives it another one. A plain XADD may write anything there.
		local published = tonumber(message.first:match("^%d+%-") and message.first:match("^%d+") or message.id:match("^%d+"))
		local age = self.offset and (SysTime() * 1000 + self.offset - published) / 1000 or 0
		return { id = message.first, age = math.max(age, 0), deliveries = deliveries }
	end

	function addon.DurableTell(self, event, channel, info)
		addon.Tell(self, event, function() return channel, table.Copy(info) end)
	end

	local function check_name(name, position, what, value)
		if not addon.IsId(value) then
			error(format("bad argument #%d to '%s' (%s: 1 to 64 letters, digits, '_', '.' or '-')", position, name, what), 3)
		end
	end
	local function check_function(name, position, fn)
		if fn ~= nil and not isfunction(fn) then
			error(format("bad argument #%d to '%s' (function expected, got %s)", position, name, type(fn)), 3)
		end
	end
	local function is_whole(value, most) return isnumber(value) and value % 1 == 0 and value >= 1 and value <= most end
	local function is_seconds(value) return isnumber(value) and value > 0 end
	local CHECKS = {
		keep = { function(value) return is_whole(value, MAX_KEEP) end, "a whole number from 1 to 1000000" },
		parallel = { function(value) return is_whole(value, 100) end, "a whole number from 1 to 100" },
		max_deliveries = { function(value) return is_whole(value, 1000) end, "a whole number from 1 to 1000" },
		patience = { function(value) return is_seconds(value) and value >= 1 and value <= 3600 end, "seconds from 1 to 3600" },
		timeout = { is_seconds, "seconds above 0" },
		from = { function(value) return value == "now" or value == "start" end, '"now" or "start"' },
		once = { function(value) return isstring(value) and value ~= "" and #value <= MAX_ONCE end, "a text of 1 to " .. MAX_ONCE .. " bytes" },
	}
	-- `known`: the existing options, in their order.
	local function check_options(name, position, options, known)
		if options == nil then return {} end
		local function wrong(what) error(format("bad argument #%d to '%s' (%s)", position, name, what), 4) end
		if not istable(options) then wrong("a table of options expected, got " .. type(options)) end
		for key, value in pairs(options) do
			if not table.HasValue(known, key) then wrong('there is no option "' .. tostring(key) .. '"; there is ' .. table.concat(known, ", ")) end
			if not CHECKS[key][1](value) then wrong(key .. ": " .. CHECKS[key][2] .. " expected") end
		end
		return options
	end

	-- Publishes a table, a string, a number or a boolean: fn(err, id). Returns the same as client:Command.
	function methods:Publish(channel, data, options, fn)
		check_name("Publish", 1, "a channel", channel)
		if isfunction(options) and fn == nil then options, fn = nil, options end
		options = check_options("Publish", 3, options, { "once", "timeout" })
		check_function("Publish", 4, fn)
		if data == nil or data == realtime.NULL then error("'Publish' to " .. channel .. ": nil is no message", 2) end
		local text, reason = addon.json.Encode(data, publishes.MESSAGE)
		if not text then error("'Publish' to " .. channel .. ": " .. reason, 2) end
		return publishes.Send(self, channel, text, options, fn)
	end

	-- On one server a channel is either for Subscribe or for Work.
	local function use(self, name, channel, kind)
		local used = self.channels[channel]
		if used and used.kind ~= kind then
			error(format("'%s': \"%s\" is a channel for %s here; a channel is for one or the other", name, channel, used.kind), 3)
		end
		if used then return used end
		used = { kind = kind, subscribers = {} }
		self.channels[channel] = used
		self.client:Subscribe(addon.DurableKey(channel), PREFIX .. self.id, function()
			for _, sub in pairs(used.subscribers) do subscribers.Wake(sub) end
			if used.worker then workers.Wake(used.worker) end
		end, { max_bytes = 64 }) -- an id; a longer message, from anybody else, does not become a string
		return used
	end

	-- Calls fn(data, from, info) for each message, in order, also for those that came while this server was down. Returns true; or nil and
	-- why, without an id.
	function methods:Subscribe(channel, identifier, fn, options)
		check_name("Subscribe", 1, "a channel", channel)
		local is_unnamed = isfunction(identifier)
		if is_unnamed then identifier, fn, options = channel, identifier, fn end
		local position = is_unnamed and 2 or 3
		if fn == nil and not isstring(identifier) then
			error("bad argument #2 to 'Subscribe' (function expected, or an identifier and a function; got " .. type(identifier) .. ")", 2)
		end
		check_name("Subscribe", 2, "an identifier", identifier)
		if not isfunction(fn) then error(format("bad argument #%d to 'Subscribe' (function expected, got %s)", position, type(fn)), 2) end
		options = check_options("Subscribe", position + 1, options, { "from", "keep", "max_deliveries" })
		if not self.is_named then
			return nil, 'this server has no id of its own, by which Redis could know its place: write "id" into garrysmod/data/realtime.json'
		end
		if is_unnamed then
			addon.NotePlace(self.places, "Subscribe " .. channel, 2, fn, "Subscribe", function(before)
				return format('this callback replaces that of %s:%d: without an identifier a channel has one callback. To keep both, write ' ..
					'durable:Subscribe("%s", "an identifier", …)', before.file, before.line, channel)
			end)
		end
		local used = use(self, "Subscribe", channel, "Subscribe")
		local sub = used.subscribers[identifier] or subscribers.New(self, channel, identifier)
		used.subscribers[identifier] = sub
		sub.fn, sub.from, sub.keep, sub.max_deliveries = fn, options.from or "now", options.keep, options.max_deliveries or 10
		return true
	end

	-- Calls fn(data, from, done, info) for messages, each on one server only; again after done(err), or if the server
	-- dies.
	function methods:Work(channel, fn, options)
		check_name("Work", 1, "a channel", channel)
		if not isfunction(fn) then error("bad argument #2 to 'Work' (function expected, got " .. type(fn) .. ")", 2) end
		options = check_options("Work", 3, options, { "parallel", "patience", "timeout", "keep" })
		addon.NotePlace(self.places, "Work " .. channel, 2, fn, "Work", function(before)
			return format("this function replaces that of %s:%d: a channel has one function for Work on a server", before.file, before.line)
		end)
		local used = use(self, "Work", channel, "Work")
		local worker = used.worker or workers.New(self, channel)
		used.worker = worker
		worker.fn, worker.is_on, worker.keep = fn, true, options.keep
		worker.parallel, worker.patience, worker.timeout = options.parallel or 1, options.patience or 30, options.timeout or 600
		return true
	end

	-- Ends Subscribe or Work on this server. A worker's running messages continue. Returns whether there was one.
	function methods:Stop(channel, identifier)
		check_name("Stop", 1, "a channel", channel)
		local is_unnamed = identifier == nil
		if is_unnamed then identifier = channel end
		check_name("Stop", 2, "an identifier", identifier)
		local used = self.channels[channel]
		local sub = used and used.subscribers[identifier]
		if sub then
			used.subscribers[identifier] = nil
			subscribers.Close(sub)
			return true
		end
		local was_on = is_unnamed and used ~= nil and used.worker ~= nil and used.worker.is_on
		if was_on then used.worker.is_on = false end
		return was_on
	end

	-- answer(err, reply). Without it only errors are printed.
	local function manage(self, channel, arguments, answer)
		addon.EnsureTick()
		local key = addon.DurableKey(channel)
		local keys = { key, key .. ":about", key .. ":groups", key .. ":held", key .. ":dead" }
		return addon.RunScript(self.client, "durable_manage", keys, arguments, function(err, reply)
			if answer then
				addon.Protect(answer, err, reply)
			elseif err then
				addon.SayRarely(self, format('durable channel "%s": %s failed: %s', channel, arguments[1], tostring(err)))
			end
		end)
	end

	-- fn(err, stats) with the waiting messages of a channel. Returns the same as client:Command.
	function methods:Stats(channel, fn)
		check_name("Stats", 1, "a channel", channel)
		if not isfunction(fn) then error("bad argument #2 to 'Stats' (function expected, got " .. type(fn) .. ")", 2) end
		return manage(self, channel, { "stats" }, function(err, reply)
			if err then return fn(err) end
			local kind, keep, length, dead, oldest, pending, number = unpack(reply)
			local stats = {
				kind = kind ~= "" and kind or nil, keep = keep, length = length, dead = dead, pending = pending,
				oldest = oldest >= 0 and oldest / 1000 or nil, behind = 0, groups = {},
			}
			for i = 8, #reply, 3 do
				local behind = reply[i + 1] >= 0 and math.max(number - reply[i + 1], 0) or length
				stats.groups[reply[i]] = { behind = behind, heard = reply[i + 2] / 1000 }
				stats.behind = math.max(stats.behind, behind)
			end
			if kind ~= "subscribe" then stats.behind = length - pending end
			fn(nil, stats)
		end)
	end

	-- Puts a dead message back: fn(err, found). Returns the same as client:Command.
	function methods:Retry(channel, id, fn)
		check_name("Retry", 1, "a channel", channel)
		if not isstring(id) then error("bad argument #2 to 'Retry' (a message's id expected)", 2) end
		check_function("Retry", 3, fn)
		local total = 0
		local function go_on(position)
			return manage(self, channel, { "retry", id, position }, function(err, reply)
				if not err then
					total = total + reply[1]
					if reply[2] == "" then return fn and fn(nil, total > 0) end
					local accepted
					accepted, err = go_on(reply[2])
					if accepted then return end
				end
				if fn then return fn(err) end
				addon.SayRarely(self, format('durable channel "%s": retry failed: %s', channel, tostring(err)))
			end)
		end
		return go_on("")
	end

	-- Removes Redis's record of a server that subscribed to the channel: fn(err, found). Returns the same as
	-- client:Command.
	function methods:Forget(channel, id, fn)
		check_name("Forget", 1, "a channel", channel)
		check_name("Forget", 2, "a server's id", id)
		check_function("Forget", 3, fn)
		return manage(self, channel, { "forget", id }, fn and function(err, count)
			if err then return fn(err) end
			fn(nil, count > 0)
		end)
	end

	-- fn(channel, info). Also called for channels that are ready already.
	addon.AddEvents(methods, "durable", { "ready", "failed", "lost" }, "", function(self, event, identifier, fn)
		if event ~= "ready" then return end
		for channel, used in SortedPairs(self.channels) do
			for _, sub in SortedPairs(used.subscribers) do
				if sub.is_ready then
					addon.Soon(self, function()
						if self.listeners.ready[identifier] == fn then fn(channel, { identifier = sub.identifier }) end
					end)
				end
			end
		end
	end)

	local function tick(self, now)
		if not self.client:IsValid() then
			addon.RemoveTask(self)
			addon.RemoveGoodbye("Durable", self)
			self.forget()
			addon.durables[self] = nil
			return publishes.Close(self)
		end
		publishes.Tick(self, now)
		local stop = SysTime() + BUDGET
		for _, used in pairs(self.channels) do
			for _, sub in pairs(used.subscribers) do subscribers.Tick(sub, now, stop) end
			if used.worker then workers.Tick(used.worker, now, stop) end
		end
		addon.RunSoon(self)
	end

	-- The end of this Lua state does not count as a death: it gives its messages back, and the next Lua state continues at its place.
	local function close(self)
		for _, used in pairs(self.channels) do
			for _, sub in pairs(used.subscribers) do subscribers.Close(sub) end
			if used.worker then workers.Release(used.worker) end
		end
	end

	addon.durables = {} -- the existing ones

	-- For realtime_status.
	function addon.ShowDurable(say, client)
		for self in pairs(addon.durables) do
			for channel, used in SortedPairs(self.client == client and self.channels or {}) do
				for identifier, sub in SortedPairs(used.subscribers) do
					say("    durable        %s for %s: %s, %d messages are here", channel, identifier,
						sub.busy_since and "another server with this id has it" or sub.is_ready and "ready" or "not ready yet", #sub.queue - sub.at + 1)
				end
				if used.worker then
					say("    durable        %s: works on %d of %d at most%s", channel, used.worker.count, used.worker.parallel,
						used.worker.is_on and "" or ", stopped")
				end
			end
		end
	end

	addon.Constructor("Durable", methods, function(self)
		addon.durables[self] = true
		self.instance = realtime.RandomToken()
		self.pending, self.channels, self.soon, self.places = {}, {}, {}, {}
		self.listeners = { ready = {}, failed = {}, lost = {} }
		self.client:On("ready", PREFIX .. self.id, function()
			for _, used in pairs(self.channels) do
				for _, sub in pairs(used.subscribers) do subscribers.Wake(sub) end
				if used.worker then workers.Wake(used.worker) end
			end
		end)
		addon.AddGoodbye("Durable", self, function()
			if self.client:IsValid() then close(self) end
		end)
		addon.AddTask(self, function(now) tick(self, now) end)
	end)

	local construct = realtime.Durable
	-- realtime.Durable([client [, id]])
	realtime.Durable = function(client, id)
		for _, script in ipairs(SCRIPTS) do
			local text, reason = addon.ScriptText(script)
			if not text then return nil, reason end
		end
		local self, message = construct(client, id)
		if not self then return nil, message end
		self.is_named = id ~= nil or select(2, realtime.ServerId())
		return self
	end
end
