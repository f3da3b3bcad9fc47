-- The part of gm_redis that was C++ (gmsv_redis.core, the SuperiorServers fork, version 1.21), over realtime. The game runs
-- this file only where that binary is not installed. docs/gm_redis.md lists what is the same and what is better.
require("realtime")

local Connection = include("realtime/gm_redis/connection.lua")
local values = include("realtime/gm_redis/values.lua")

-- gm_redis 1.0 and 1.1 had VersionNum: addons made for those versions compare it with a number.
-- Options of realtime.Connect for which gm_redis has no argument, such as username or name; and first_index, the
-- number of a list's first item: 1, or 0 as in gm_redis before 1.1.0. Read by each Connect.
redis = { Version = 1.21, VersionNum = 10201, Options = istable(redis) and redis.Options or {} }

-- The key under which a client stores its state, in a function, so that printing or copying a client's table reveals
-- no password. A string, so that clients survive when this file is loaded again.
local KEY = "\0gm_redis"

local function find(meta, this)
	local behind = type(this) == "table" and getmetatable(this) == meta and rawget(this, KEY)
	return behind and behind() or nil
end

-- The state of a client. Raises for a destroyed client, and for anything else.
local function get(meta, this)
	local connection = find(meta, this)
	if not connection or connection.destroyed then error("Tried to use a NULL " .. meta.MetaName, 3) end
	return connection
end

local function traceback(err) return debug.traceback(tostring(err), 2) end

local function call(name, fn, ...)
	local ok, err = xpcall(fn, traceback, ...)
	if not ok then ErrorNoHalt("[redis " .. name .. " callback error] ", err, "\n") end
end

-- OnConnected, OnDisconnected, OnMessage: the client's own, or its metatable's. Returns whether there is one.
local function fire(meta, connection, this, name, ...)
	local fn = connection.fields[name]
	if fn == nil then fn = rawget(meta, name) end
	if fn == nil then return false end
	call(name, fn, this, ...)
	return true
end

local function handle(meta, connection, this, what, a, b)
	if what == "message" then
		fire(meta, connection, this, "OnMessage", a, b)
	elseif what == "connected" then
		fire(meta, connection, this, "OnConnected")
	elseif what == "disconnected" then
		if not fire(meta, connection, this, "OnDisconnected") then connection:say(tostring(b)) end
	else
		call("Send", what, this, a, b)
	end
end

-- The metatable with the methods that clients and subscribers share. Called again, it returns the same one, because
-- clients may use it.
local function metatable(name)
	local meta = FindMetaTable(name)
	if not meta then
		meta = { MetaName = name }
		RegisterMetaTable(name, meta)
	end

	-- A field of the metatable takes precedence over a client's own field of that name.
	function meta.__index(this, key)
		local value = rawget(meta, key)
		if value ~= nil then return value end
		local connection = find(meta, this)
		return connection and connection.fields[key]
	end

	function meta.__newindex(this, key, value) get(meta, this).fields[key] = value end

	function meta.__eq(a, b)
		local one, other = find(meta, a), find(meta, b)
		return one == other or (one and other and one.destroyed and other.destroyed) == true
	end

	function meta.__tostring(this)
		local connection = find(meta, this)
		if not connection or connection.destroyed then return "[NULL " .. name .. "]" end
		return "[" .. name .. ": " .. connection.place .. "]"
	end

	function meta:IsValid()
		local connection = find(meta, self)
		return connection ~= nil and not connection.destroyed
	end

	function meta:IsConnected() return get(meta, self):is_connected() or false end
	function meta:IsReconnecting() return get(meta, self):is_reconnecting() end

	function meta:Connect(host, port, timeout, max_reconnects, interval)
		local connection = get(meta, self)
		host = values.check_string(host, 1, "Connect")
		port = tonumber(values.check_integer(port, 2, "Connect"))
		local settings = port == 0 and { path = host } or { host = host, port = port }
		if type(interval) == "number" and interval > 0 then
			settings.reconnect_min, settings.reconnect_max = interval / 1000, interval / 1000
		else
			settings.reconnect_max, interval = 5, 250
		end
		connection.max_reconnects = type(max_reconnects) == "number" and max_reconnects or -1
		-- gm_redis waits for the whole interval before each attempt, realtime for a random part of it.
		connection.min_outage = connection.max_reconnects * interval / 1000
		-- gm_redis waits only for the connection; here the server must answer as well, so the time is doubled.
		local patience = type(timeout) == "number" and timeout or 250
		patience = patience > 0 and patience / 500 or 5
		return connection:connect(host .. ":" .. port, settings, patience)
	end

	function meta:Disconnect() get(meta, self):close(values.failure("CLOSED", "the client was disconnected")) end
	function meta:Commit() return get(meta, self):commit() end

	-- Runs the callbacks of all events that have come. Returns whether any had.
	function meta:Poll()
		local connection = get(meta, self)
		Connection.sweep(SysTime())
		-- Scripts poll in a loop for an answer, without a tick in between.
		if connection.first > connection.last then realtime.ProcessEvents() end
		local had = false
		while connection.first <= connection.last do
			had = true
			handle(meta, connection, self, connection:take())
		end
		if connection.dropped > 0 then
			connection:say(connection.dropped .. " messages were dropped: too many waited for Poll")
			connection.dropped = 0
		end
		return had
	end

	function meta:Destroy()
		local connection = find(meta, self)
		if not connection or connection.destroyed then return end
		connection:close()
		connection.destroyed, connection.first, connection.last, connection.events = true, 1, 0, {}
	end

	meta.__gc = meta.Destroy
	return meta
end

local function options() return redis.Options or {} end

local function create(meta)
	Connection.sweep(SysTime())
	local this = {}
	local connection = Connection.new(meta.MetaName, options)
	connection.place = tostring(this):match("0x%x+") or tostring(this)
	this[KEY] = function() return connection end
	return setmetatable(this, meta)
end

local client, subscriber = metatable("redis_client"), metatable("redis_subscriber")

function redis.CreateClient() return create(client) end
function redis.CreateSubscriber() return create(subscriber) end

-- Commands wait for Commit. Each of these checks the client first, then the arguments.

local function entry(words, callback) return { name = words[1]:upper(), words = words, callback = callback } end

local text, integer, fn = values.check_string, values.check_integer, values.check_function

function client:Send(command, callback)
	local connection, words = get(client, self), values.words(command)
	fn(callback, 2, "Send", true)
	if not words[1] then return nil, "ERR empty command" end
	return connection:add(entry(words, callback))
end

function client:Ping(callback)
	return get(client, self):add(entry({ "PING" }, fn(callback, 1, "Ping", true)))
end

function client:Auth(password, callback)
	return get(client, self):add(entry({ "AUTH", text(password, 1, "Auth") }, fn(callback, 2, "Auth", true)))
end

function client:Select(database, callback)
	return get(client, self):add(entry({ "SELECT", integer(database, 1, "Select") }, fn(callback, 2, "Select", true)))
end

function client:Publish(channel, message, callback)
	return get(client, self):add(entry({ "PUBLISH", text(channel, 1, "Publish"), text(message, 2, "Publish") },
		fn(callback, 3, "Publish", true)))
end

function client:Exists(keys, callback)
	return get(client, self):add(entry(values.words(keys, "EXISTS"), fn(callback, 2, "Exists")))
end

function client:Delete(keys, callback)
	return get(client, self):add(entry(values.words(keys, "DEL"), fn(callback, 2, "Delete", true)))
end

function client:Get(key, callback)
	return get(client, self):add(entry({ "GET", text(key, 1, "Get") }, fn(callback, 2, "Get")))
end

function client:Set(key, value, callback)
	return get(client, self):add(entry({ "SET", text(key, 1, "Set"), text(value, 2, "Set") }, fn(callback, 3, "Set", true)))
end

function client:SetEx(key, seconds, value, callback)
	return get(client, self):add(entry({ "SETEX", text(key, 1, "SetEx"), integer(seconds, 2, "SetEx"), text(value, 3, "SetEx") },
		fn(callback, 4, "SetEx", true)))
end

function client:TTL(key, callback)
	return get(client, self):add(entry({ "TTL", text(key, 1, "TTL") }, fn(callback, 2, "TTL")))
end

-- Subscriptions wait, too. After an unsubscribe no message arrives from that moment on.

local function subscribe(method, wanted)
	subscriber[method] = function(self, name)
		local connection = get(subscriber, self)
		name = values.check_string(name, 1, method)
		connection[wanted][name] = true
		return connection:add({ name = method, channel = name })
	end
	local opposite = method:gsub("Subscribe", "Unsubscribe")
	subscriber[opposite] = function(self, name)
		local connection = get(subscriber, self)
		name = values.check_string(name, 1, opposite)
		connection:unsubscribe(opposite, wanted, name)
		return true
	end
end

subscribe("Subscribe", "channels")
subscribe("PSubscribe", "patterns")

-- Not in the SuperiorServers fork, but in others: without Auth, a subscriber cannot use a server with a password.
function subscriber:Auth(password, callback)
	return get(subscriber, self):add(entry({ "AUTH", text(password, 1, "Auth") }, fn(callback, 2, "Auth", true)))
end

function subscriber:Ping() return get(subscriber, self):add(entry({ "PING" })) end
