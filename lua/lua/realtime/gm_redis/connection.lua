-- The state of a gm_redis client or subscriber: a client of realtime's, commands that wait for Commit, and events
-- that wait for Poll. Used by includes/modules/redis.core.lua.

local values = include("realtime/gm_redis/values.lua")

-- The limits of events that wait for Poll. gm_redis had none: a subscriber that was never polled filled the server's
-- memory.
local MAX_MESSAGES, MAX_BYTES = 65536, 32 * 1024 * 1024
-- Limits of commands that wait for Commit or for their turn, and of those passed on at a time.
local MAX_COMMANDS, MAX_IN_FLIGHT = 65536, 5000
-- Realtime's default for the option command_timeout.
local COMMAND_TIMEOUT = 10
-- How long Connect sleeps between two checks.
local SLICE = 0.01
-- Seconds between two lines of one connection on the console.
local QUIET = 10

local weak_values = { __mode = "v" }

local Connection = {}
Connection.__index = Connection

-- Clients of realtime's in use, each with a weak reference to its connection: gm_redis closed a client when it was
-- garbage-collected, realtime does not.
local links = {}
local last_id, next_sweep = 0, 0

function Connection.sweep(now)
	if now < next_sweep then return end
	next_sweep = now + 1
	for native, weak in pairs(links) do
		if not native:IsValid() then
			links[native] = nil
		elseif not weak[1] then
			links[native] = nil
			native:Disconnect()
		end
	end
end

function Connection.new(kind, options)
	return setmetatable({
		kind = kind, options = options, fields = {}, address = "",
		events = {}, first = 1, last = 0, messages = 0, bytes = 0, dropped = 0,
		buffer = {}, queue = {}, head = 1, tail = 0,
		channels = {}, patterns = {}, said = -QUIET, sides = {},
	}, Connection)
end

function Connection:say(text)
	local now = SysTime()
	if now - self.said < QUIET then return end
	self.said = now
	print("[realtime] " .. self.kind .. " " .. self.address .. ": " .. text)
end

-- Events, three slots each: "message", channel, text; "connected"; "disconnected", nil, error; or a callback, its answer, its error.

function Connection:push(what, a, b)
	if self.destroyed then return end
	if what == "message" then
		if self.messages >= MAX_MESSAGES or self.bytes >= MAX_BYTES then
			self.dropped = self.dropped + 1
			return
		end
		self.messages, self.bytes = self.messages + 1, self.bytes + #b
	end
	local events, last = self.events, self.last
	events[last + 1], events[last + 2], events[last + 3] = what, a, b
	self.last = last + 3
end

function Connection:take()
	local events, first = self.events, self.first
	if first > self.last then return end
	local what, a, b = events[first], events[first + 1], events[first + 2]
	events[first], events[first + 1], events[first + 2] = nil, nil, nil
	self.first = first + 3
	if self.first > self.last then self.first, self.last = 1, 0 end
	if what == "message" then self.messages, self.bytes = self.messages - 1, self.bytes - #b end
	return what, a, b
end

function Connection:answer(entry, err, reply)
	if entry.callback then
		if err then reply = values.text_of(err) end
		self:push(entry.callback, reply, err)
	elseif err and entry.words then
		self:say(entry.name .. ": " .. err)
	end
end

-- Links. `self.link` is in use; `self.trial` is a new one with another password or database, which replaces it when
-- it is ready; `self.locked` means that the server wants a password first.

local function merged(base, over)
	local all = {}
	for key, value in pairs(base) do all[key] = value end
	for key, value in pairs(over) do all[key] = value end
	return all
end

function Connection:open(settings)
	local options = merged(self.chosen, settings)
	last_id = last_id + 1
	options.id = "gm_redis " .. last_id
	-- A user named in the options waits for the password of Auth.
	if not options.password then options.username = nil end
	-- gm_redis speaks RESP2: HGETALL answers a flat list, ZSCORE a text.
	if self.kind == "redis_client" then options.protocol = 2 end
	local ok, native = pcall(realtime.Connect, options)
	if not ok then return nil, values.failure("ERR", native) end
	local link, weak = { native = native, in_flight = 0, attempts = -1 }, setmetatable({ self }, weak_values)
	link.weak = weak
	links[native] = weak
	for _, event in ipairs({ "ready", "down" }) do
		native:On(event, "gm_redis", function(info)
			local connection = weak[1]
			if connection then connection[event](connection, link, info) else native:Disconnect() end
		end)
	end
	for channel in pairs(self.channels) do self:subscribe(link, "Subscribe", channel) end
	for pattern in pairs(self.patterns) do self:subscribe(link, "PSubscribe", pattern) end
	return link
end

function Connection:subscribe(link, method, name)
	local weak = link.weak
	local ok, err = pcall(link.native[method], link.native, name, "gm_redis", function(message, channel)
		local connection = weak[1]
		if connection then connection:push("message", channel, message) else link.native:Disconnect() end
	end)
	if not ok then self:say(method .. ": " .. err) end
end

function Connection:unsubscribe(method, wanted, name)
	self[wanted][name] = nil
	if self.link then self.link.native[method](self.link.native, name, "gm_redis") end
end

function Connection:ready(link, info)
	if link == self.trial then return self:adopt(link) end
	if link ~= self.link or info.first then return end
	link.attempts = -1
	self:push("connected")
	self:flush()
end

function Connection:down(link, info)
	local err = values.failure_of(info.err)
	link.err = err
	if link == self.trial then
		self.trial = nil
		link.native:Disconnect()
		self:answer(link.entry, err)
		return self:pump()
	end
	if link ~= self.link or link.connecting then return end
	link.attempts = link.attempts + 1
	if link.attempts == 0 then link.lost = SysTime() end
	self:push("disconnected", nil, err)
	local most = self.max_reconnects
	if most >= 0 and link.attempts >= most and SysTime() - link.lost >= self.min_outage then
		self:push("disconnected", nil, values.failure("DISCONNECTED", "gave up after " .. link.attempts .. " attempts"))
		self:close(err)
	end
end

function Connection:is_connected() return self.locked or self.link ~= nil and self.link.native:IsConnected() end
function Connection:is_reconnecting()
	return self.link ~= nil and not self.link.connecting and not self.link.native:IsConnected()
end

-- Blocks for at most `patience` seconds, like gm_redis, and returns whether the server is there.
function Connection:connect(address, settings, patience)
	local link, err = self.link, nil
	if address == self.address and self:is_connected() then return true end
	if self:is_connected() then return nil, "tcp_client is already connected" end
	if link and address == self.address then return nil, tostring(link.err or "the connection is being made") end
	if link then
		self.link = nil
		link.native:Disconnect()
	end
	self.chosen = merged(self.options(), {})
	-- This option is ours, the others are realtime's.
	self.first_index, self.chosen.first_index = self.chosen.first_index or 1, nil
	if self.first_index ~= 0 and self.first_index ~= 1 then return nil, 'ERR option "first_index" must be 0 or 1' end
	link, err = self:open(settings)
	if not link then return nil, tostring(err) end
	self.link, self.address, self.settings, link.connecting = link, address, settings, true
	local native, deadline, looks = link.native, SysTime() + patience, 0
	repeat
		native:CommandSync({ "PING" }, SLICE)
		-- The reason of a failure comes as an event. Inside one of realtime's callbacks no event comes, so the state
		-- has to do.
		if not native:IsConnected() and realtime.ProcessEvents(0) == 0 and native:State() == "waiting" then looks = looks + 1 end
	until native:IsConnected() or link.err or looks > 10 or SysTime() >= deadline
	link.connecting = false
	if native:IsConnected() then
		self:push("connected")
		return true
	end
	self.link = nil
	native:Disconnect()
	if link.err and link.err.code == "NOAUTH" then
		self.locked = true
		self:push("connected")
		return true
	end
	return nil, tostring(link.err or values.failure("TIMEOUT", "no connection to " .. address .. " in time"))
end

-- Ends the links. Waiting commands are answered with the error; those in flight, by realtime. Subscriptions are kept
-- for the next Connect.
function Connection:close(err)
	local link, trial = self.link, self.trial
	self.link, self.trial, self.locked, self.transaction = nil, nil, nil, nil
	if link then link.native:Disconnect() end
	if trial then
		trial.native:Disconnect()
		self:answer(trial.entry, err)
	end
	for i = self.head, self.tail do self:answer(self.queue[i], err) end
	for _, entry in ipairs(self.buffer) do self:answer(entry, err) end
	self.queue, self.head, self.tail, self.buffer = {}, 1, 0, {}
	self:close_sides(err)
end

-- Commands. An entry is { name, words, callback } or { name = "Subscribe" or "PSubscribe", channel }.

function Connection:add(entry)
	if self.tail - self.head + 1 + #self.buffer >= MAX_COMMANDS then
		return nil, "OVERLOADED " .. MAX_COMMANDS .. " commands wait already"
	end
	self.buffer[#self.buffer + 1] = entry
	return true
end

function Connection:commit()
	if not self.link and not self.locked then
		self:close(values.failure("DISCONNECTED", "the client is not connected"))
		return nil, "tcp_client is disconnected"
	end
	self:flush()
	return true
end

function Connection:command_timeout() return self.chosen.command_timeout or COMMAND_TIMEOUT end

function Connection:flush()
	local now = SysTime()
	for i, entry in ipairs(self.buffer) do
		entry.committed = now
		self.queue[self.tail + i] = entry
	end
	self.tail, self.buffer = self.tail + #self.buffer, {}
	self:pump()
end

-- Commands that are answered here, in the name of the server. The answer waits for those of earlier commands.
local here = {}

function here.AUTH(self, entry)
	local words = entry.words
	if #words < 2 or #words > 3 then
		return self:answer(entry, values.failure("ERR", "wrong number of arguments for 'auth' command"))
	end
	self:switch(entry, words[#words], #words == 3 and words[2] or nil, self.settings.db)
end

function here.SELECT(self, entry)
	local db = tonumber(entry.words[2])
	if #entry.words ~= 2 or not db or db < 0 or db % 1 ~= 0 then
		return self:answer(entry, values.failure("ERR", "invalid DB index"))
	end
	if db == (self.settings.db or self.chosen.db or 0) then return self:answer(entry, nil, "OK") end
	self:switch(entry, self.settings.password, self.settings.username, db)
end

function here.MULTI(self, entry)
	if self.transaction then return self:answer(entry, values.failure("ERR", "MULTI calls can not be nested")) end
	self.transaction = {}
	self:answer(entry, nil, "OK")
end

function here.DISCARD(self, entry)
	if not self.transaction then return self:answer(entry, values.failure("ERR", "DISCARD without MULTI")) end
	self.transaction = nil
	self:answer(entry, nil, "OK")
end

-- Another password or database: a new link, which replaces the old one if the server accepts it.
function Connection:switch(entry, password, username, db)
	local settings = merged(self.settings, {})
	settings.password, settings.username, settings.db = password, username, db
	local link, err = self:open(settings)
	if not link then return self:answer(entry, err) end
	self.trial, link.entry, link.settings = link, entry, settings
end

function Connection:adopt(link)
	local old = self.link
	self.link, self.trial, self.locked, self.settings = link, nil, nil, link.settings
	if old then old.native:Disconnect() end
	self:retire_side()
	self:answer(link.entry, nil, "OK")
	self:pump()
end

-- The module's reason for refusing a command, in gm_redis's words.
local function refusal(message)
	local _, before = message:find("(command: ", 1, true)
	local reason = before and message:sub(before + 1, -2) or message
	reason = reason:gsub("client:(P?Subscribe)", "redis.CreateSubscriber() and its %1"):gsub("client:(P?Unsubscribe)", "the subscriber's %1")
	return (reason:gsub("client:Transaction", "MULTI and EXEC"))
end

local function send(self, link, entry)
	local weak, method, words = link.weak, "Command", entry.words
	if entry.name == "EXEC" then method, words = "Transaction", entry.commands end
	local left = entry.patience or math.max(entry.committed + self:command_timeout() - SysTime(), 0.001)
	local native = link.native
	local ok, accepted, err = pcall(native[method], native, words, function(failed, reply)
		link.in_flight = link.in_flight - 1
		local connection = weak[1]
		if not connection then return end
		connection:answer(entry, failed and values.failure_of(failed), values.answer(reply, connection.first_index))
		if link.waiting then return connection:unblocked(link, failed) end
		if link.in_flight == 0 or link.in_flight == MAX_IN_FLIGHT / 2 then connection:pump() end
	end, left, entry.patience ~= nil or entry.name == "EXEC")
	if not ok then return values.failure("ERR", refusal(accepted)) end
	if not accepted then return values.failure_of(err) end
	link.in_flight = link.in_flight + 1
end

include("realtime/gm_redis/blocking.lua")(Connection, Connection.open, send)

-- Returns the error of a command that could not be passed on.
local function perform(self, entry)
	local wanted = entry.name == "Subscribe" and self.channels or entry.name == "PSubscribe" and self.patterns
	if wanted then
		if wanted[entry.channel] and self.link then self:subscribe(self.link, entry.name, entry.channel) end
	elseif entry.failure then
		self:answer(entry, entry.failure)
	elseif here[entry.name] and (entry.name == "AUTH" or not self.locked) then
		here[entry.name](self, entry)
	elseif self.locked then
		self:answer(entry, values.failure("NOAUTH", "Authentication required."))
	elseif self.transaction and entry.name ~= "EXEC" then
		table.insert(self.transaction, entry.words)
		self:answer(entry, nil, "QUEUED")
	else
		if entry.name == "EXEC" and not entry.commands then
			entry.commands, self.transaction = self.transaction, nil
			if not entry.commands then return values.failure("ERR", "EXEC without MULTI") end
			if #entry.commands == 0 then return self:answer(entry, nil, {}) end
		end
		-- Its turn may come late, because earlier commands were answered first.
		if SysTime() >= entry.committed + self:command_timeout() then
			return values.failure("TIMEOUT", "earlier commands were not answered in time, so this one was not sent")
		end
		if self:is_blocking(entry) then return self:block(entry) end
		return send(self, self.link, entry)
	end
end

-- Passes on the committed commands, as far as possible now.
function Connection:pump()
	while self.head <= self.tail and not self.trial and (self.link or self.locked) do
		local entry, busy = self.queue[self.head], self.link and self.link.in_flight or 0
		local fence = entry.failure or here[entry.name] or self.transaction or self:is_blocking(entry)
		if busy >= MAX_IN_FLIGHT or (fence and busy > 0) then return end
		self.queue[self.head] = nil
		self.head = self.head + 1
		local err = perform(self, entry)
		if err then
			self.head = self.head - 1
			self.queue[self.head] = entry
			-- Too many at a time is no error as long as answers come.
			if err.code == "OVERLOADED" and busy > 0 then return end
			entry.failure = err
		end
	end
	if self.head > self.tail then self.head, self.tail = 1, 0 end
end

return Connection
