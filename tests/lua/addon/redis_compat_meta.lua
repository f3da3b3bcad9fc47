-- servers: fake, real
-- Metatables that an addon extends, fields on clients, and a library like those that are written over gm_redis.

local kit = include("_redis.lua")

local CLIENT, SUBSCRIBER = FindMetaTable("redis_client"), FindMetaTable("redis_subscriber")

host.test("fields of any kind, and what comes before them", function()
	local client, other = redis.CreateClient(), redis.CreateClient()
	client.Hostname, client[1], client[client], client.callback = "db", "one", true, print
	kit.eq({ client.Hostname, client[1], client[client], client.callback }, { "db", "one", true, print })
	kit.eq({ other.Hostname, other[1], client.nothing }, {})
	client.Hostname = nil
	kit.eq(client.Hostname, nil)
	client.Poll = "a field"
	assert(isfunction(client.Poll), "the metatable comes first")
	local fields = { [client] = "a key" }
	kit.eq({ fields[client], fields[other] }, { "a key" })
	client:Destroy()
	kit.eq(client[1], "one", "fields can be read after the end")
end)

host.test("loading redis.core again leaves clients alive", function()
	local client, subscriber = kit.client(), kit.subscriber()
	client.field = "kept"
	local options = redis.Options
	include("includes/modules/redis.core.lua")
	include("includes/modules/redis.lua")
	assert(redis.Options == options, "options are kept as well")
	assert(FindMetaTable("redis_client") == CLIENT and getmetatable(client) == CLIENT)
	assert(client:IsConnected() and subscriber:IsConnected())
	kit.eq({ client.field, kit.ask(client, "Ping") }, { "kept", "PONG" })
	client:Destroy()
	subscriber:Destroy()
end)

host.test("a client's table tells no secret", function()
	local client = kit.client()
	client:Auth("hunter2")
	local function search(t, seen)
		if seen[t] then return end
		seen[t] = true
		for key, value in pairs(t) do
			assert(key ~= "hunter2" and value ~= "hunter2", "the password is in it")
			if istable(value) then search(value, seen) end
		end
	end
	search(client, {})
	client:Destroy()
end)

host.test("methods that an addon adds, and those that it replaces", function()
	function CLIENT:Increment(key, callback) return self:Send({ "INCR", key }, callback) end
	local client, key, sent = kit.client(), kit.unique("incr"), {}
	kit.eq(kit.ask(client, "Increment", key), 1)
	local send, commit = CLIENT.Send, CLIENT.Commit
	function CLIENT:Send(command, callback)
		sent[#sent + 1] = istable(command) and command[1] or command
		return send(self, command, callback)
	end
	function CLIENT:Commit()
		self.commits = (self.commits or 0) + 1
		return commit(self)
	end
	kit.eq(kit.ask(client, "Increment", key), 2)
	kit.eq(kit.ask(client, "Get", key), "2")
	kit.eq(kit.ask(client, "Delete", { key }), 1)
	kit.eq(kit.ask(client, "Publish", key, "x"), 0)
	kit.ask(client, "Auth", nil)
	kit.ask(client, "Ping")
	kit.eq(sent, { "INCR", "GET", "DEL", "PUBLISH", "AUTH" }, "what redis.lua defines goes by Send")
	kit.eq(client.commits, 6)
	CLIENT.Send, CLIENT.Commit, CLIENT.Increment = send, commit, nil
	client:Destroy()
end)

host.test("callbacks of the metatable; a client's own come first", function()
	local heard, downs = {}, 0
	function SUBSCRIBER:OnMessage(channel, message) heard[#heard + 1] = { self, channel, message } end
	function SUBSCRIBER:OnConnected() self.ups = (self.ups or 0) + 1 end
	function SUBSCRIBER:OnDisconnected() downs = downs + 1 end
	local channel = kit.unique("meta")
	local one, own = kit.listening(channel), nil
	local two = kit.subscriber()
	two:Subscribe(channel)
	two:Commit()
	kit.poll("the second", function()
		host.server.publish(channel, "there?")
		return #heard > 0
	end, two)
	assert(heard[1][1] == two and heard[1][2] == channel and heard[1][3] == "there?")
	kit.eq({ one.ups, two.ups }, { 1, 1 })
	one.OnMessage = function(_, _, message) own = message end
	host.server.publish(channel, "own")
	kit.poll("the message", function() return own == "own" end, one)
	one.OnMessage = nil
	local before = #heard
	host.server.publish(channel, "meta again")
	kit.poll("the message", function() return heard[#heard][1] == one end, one)
	assert(#heard > before)
	host.server.drop()
	kit.poll("the loss", function() return downs >= 2 end, one, two)
	SUBSCRIBER.OnMessage, SUBSCRIBER.OnConnected, SUBSCRIBER.OnDisconnected = nil, nil, nil
	one:Destroy()
	two:Destroy()
end)

-- A library over gm_redis, similar to those in use: methods of its own that wait in place, its own Send and Subscribe,
-- a hook that commits and polls, and a timer that connects again, although the client does so itself.
local function install_library()
	local send, subscribe, commit = CLIENT.Send, SUBSCRIBER.Subscribe, CLIENT.Commit

	function CLIENT:Send(command, callback)
		self.Pending = (self.Pending or 0) + 1
		return send(self, command, callback)
	end

	function CLIENT:Commit()
		self.Pending = 0
		return commit(self)
	end

	function CLIENT:Wait(method, ...)
		local arguments, answer = { ... }, nil
		arguments[#arguments + 1] = function(_, ...) answer = { ... } end
		method(self, unpack(arguments))
		self:Commit()
		local deadline = SysTime() + kit.PATIENCE
		while not answer and SysTime() < deadline do self:Poll() end
		return unpack(answer)
	end

	function CLIENT:TryConnect()
		local ok, err = self:Connect(self.Hostname, self.Port)
		if not ok then return false, err end
		if self.Database and self:Wait(self.Select, self.Database) ~= "OK" then return false end
		hook.Run("LibraryConnected", self)
		return true
	end

	function CLIENT:OnDisconnected()
		local id = "LibraryRetry" .. tostring(self)
		timer.Create(id, 0.05, 0, function()
			if not IsValid(self) or self:TryConnect() then timer.Remove(id) end
		end)
	end

	function SUBSCRIBER:Subscribe(channel, callback)
		self.Callbacks = self.Callbacks or {}
		self.Callbacks[channel] = callback
		return subscribe(self, channel)
	end

	function SUBSCRIBER:OnMessage(channel, message) self.Callbacks[channel](message) end

	function SUBSCRIBER:OnDisconnected()
		local id = "LibraryRetry" .. tostring(self)
		timer.Create(id, 0.05, 0, function()
			if IsValid(self) and not self:Connect(kit.host, kit.port) then return end
			timer.Remove(id)
			for channel, callback in pairs(self.Callbacks) do self:Subscribe(channel, callback) end
			self:Commit()
		end)
	end

	function redis.ConnectClient(hostname, port, database)
		local client = redis.CreateClient()
		client.Hostname, client.Port, client.Database, client.Pending = hostname, port, database, 0
		kit.wait("the connection", function() return client:TryConnect() end) -- half a second is too short for a busy machine
		hook.Add("Think", client, function()
			if client.Pending > 0 then client:Commit() end
			client:Poll()
		end)
		return client
	end
end

host.test("a library that keeps its own connections", function()
	install_library()
	local connected, key, channel = 0, kit.unique("library"), kit.unique("library")
	hook.Add("LibraryConnected", "test", function() connected = connected + 1 end)
	local client = redis.ConnectClient(kit.host, kit.port, 2)
	kit.eq(connected, 1)
	local got
	client:Set(key, "stored")
	client:Get(key, function(_, value) got = value end)
	kit.wait("the value", function() return got == "stored" end)

	local subscriber, heard = kit.subscriber(), {}
	subscriber:Subscribe(channel, function(message) heard[#heard + 1] = message end)
	subscriber:Commit()
	hook.Add("Think", subscriber, function() subscriber:Poll() end)
	for round = 1, 3 do
		kit.wait("a message", function()
			if #heard == 0 then client:Publish(channel, "round " .. round) client:Commit() end
			return heard[#heard] == "round " .. round
		end)
		host.server.drop()
		kit.wait("the library to see it and connect again", function() return connected > round end)
		heard = {}
	end
	got = nil
	client:Get(key, function(_, value) got = value end)
	kit.wait("the value, in database 2 as before", function() return got == "stored" end)
	kit.wait("the timers' end", function()
		return not timer.Exists("LibraryRetry" .. tostring(client)) and not timer.Exists("LibraryRetry" .. tostring(subscriber))
	end)
	client:Destroy()
	subscriber:Destroy()
end)
