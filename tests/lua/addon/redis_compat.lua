-- servers: fake, real
-- Every function that gm_redis's sources define, called as an addon calls them.

local kit = include("_redis.lua")

-- By the sources of the SuperiorServers fork; the last two of each come from other forks.
local BASE = { "IsValid", "IsConnected", "IsReconnecting", "Connect", "Disconnect", "Poll", "Commit", "Destroy" }
local METHODS = {
	redis_client = { "Send", "Ping", "Auth", "Select", "Publish", "Exists", "Delete", "Get", "Set", "SetEx", "TTL",
		"State", "Save", "LastSave", "Expire", "GetConfig", "SetConfig" },
	redis_subscriber = { "Subscribe", "Unsubscribe", "PSubscribe", "PUnsubscribe", "Auth", "Ping" },
}
local META = { "__tostring", "__eq", "__index", "__newindex", "__gc" }

local fake = host.server.kind() == "fake"

-- The embedded server does not know every command: then its refusal must arrive.
local function unless_unknown(reply, err, check)
	if fake and err then
		assert(tostring(err):find("^ERR unknown"), tostring(err))
	else
		assert(not err, tostring(err))
		check(reply)
	end
end

host.test("everything is there, and nothing besides", function()
	for name, own in pairs(METHODS) do
		local meta, known = FindMetaTable(name), { MetaName = true, MetaID = true }
		for _, list in ipairs({ BASE, META, own }) do
			for _, method in ipairs(list) do
				assert(isfunction(meta[method]), name .. " has no " .. method)
				known[method] = true
			end
		end
		for key in pairs(meta) do assert(known[key], name .. " has " .. key) end
		kit.eq(meta.MetaName, name)
	end
	kit.eq({ redis.Version, redis.VersionNum }, { 1.21, 10201 })
	for _, name in ipairs({ "CreateClient", "CreateSubscriber", "GetClientsTable", "GetSubscribersTable" }) do
		assert(isfunction(redis[name]), name)
	end
end)

host.test("a client, from its making to its end", function()
	local client = redis.CreateClient()
	assert(tostring(client):find("^%[redis_client: 0x%x+%]$"), tostring(client))
	assert(IsValid(client) and client:IsValid() and not client:IsConnected() and not client:IsReconnecting())
	kit.eq({ client:Poll() }, { false })
	kit.eq({ client:Commit() }, { nil, "tcp_client is disconnected" })
	kit.eq({ client:Connect(kit.host, kit.port, kit.LONG) }, { true })
	assert(client:IsConnected() and not client:IsReconnecting())
	kit.eq({ client:Connect("localhost", kit.port) }, { nil, "tcp_client is already connected" })
	kit.eq({ client:Disconnect() }, {})
	assert(not client:IsConnected() and not client:IsReconnecting() and client:IsValid())
	kit.eq({ client:Connect(kit.host, kit.port, kit.LONG, -1, 250) }, { true })
	assert(client:IsConnected())
	kit.eq({ client:Destroy() }, {})
	assert(not client:IsValid() and not IsValid(client))
	kit.eq(tostring(client), "[NULL redis_client]")
	kit.eq({ client:Destroy() }, {})
	for _, method in ipairs({ "Poll", "Commit", "Connect", "Disconnect", "IsConnected", "IsReconnecting", "Ping" }) do
		kit.raises("Tried to use a NULL redis_client", client[method], client, "localhost", 1)
	end
	kit.raises("Tried to use a NULL redis_client", function() client.field = 1 end)
	kit.raises("Tried to use a NULL redis_client", client.Poll, redis.CreateSubscriber())
	kit.raises("Tried to use a NULL redis_client", client.Poll)
	assert(client ~= redis.CreateClient() and client == client)
end)

host.test("Connect says why it failed", function()
	local client = redis.CreateClient()
	local ok, err = client:Connect("127.0.0.1", 1)
	assert(ok == nil and err:find("127.0.0.1:1", 1, true), tostring(err))
	assert(not client:IsConnected() and not client:IsReconnecting())
	-- The host answers for names on Unix alone.
	if jit.os ~= "Windows" then
		ok, err = client:Connect("stuck.invalid", 1, 10)
		assert(ok == nil and err:find("TIMEOUT", 1, true), tostring(err))
	end
	ok, err = client:Connect("127.0.0.1", 70000)
	assert(ok == nil and err:find("port", 1, true), tostring(err))
	kit.eq({ client:Poll() }, { false }, "no event came of it")
	kit.raises("bad argument #1 to 'Connect' %(string expected, got table%)", client.Connect, client, {}, 1)
	kit.raises("bad argument #2 to 'Connect' %(number expected, got no value%)", client.Connect, client, "localhost")
	kit.eq({ client:Connect(kit.host, tostring(kit.port), kit.LONG) }, { true })
	client:Destroy()
end)

host.test("port 0 is a Unix socket", function()
	if jit.os == "Windows" then
		local ok, err = redis.CreateClient():Connect("/a/socket", 0)
		assert(ok == nil and err:find("works on Unix systems alone", 1, true), tostring(err))
		return
	end
	local client, server = redis.CreateClient(), host.new_fake({ socket = "compat.sock" })
	local path = server.url():match("^unix://(/[^?]*)")
	kit.eq({ client:Connect(path, 0, kit.LONG) }, { true })
	kit.eq(kit.ask(client, "Ping"), "PONG")
	client:Destroy()
end)

host.test("strings, keys and numbers", function()
	local client, key, other = kit.client(), kit.unique("key"), kit.unique("key")
	kit.eq(kit.ask(client, "Set", key, "value"), "OK")
	kit.eq(kit.ask(client, "Get", key), "value")
	kit.eq(kit.ask(client, "Get", other), nil)
	kit.eq(kit.ask(client, "Exists", key), 1)
	kit.eq(kit.ask(client, "Exists", { key, other }), 1)
	kit.eq(kit.ask(client, "Set", other, 5), "OK")
	kit.eq(kit.ask(client, "Get", other), "5")
	local reply, err = kit.ask(client, "SetEx", other, 100, 6)
	unless_unknown(reply, err, function()
		kit.eq(reply, "OK")
		local ttl = kit.ask(client, "TTL", other)
		assert(ttl > 0 and ttl <= 100, ttl)
	end)
	reply, err = kit.ask(client, "TTL", key)
	unless_unknown(reply, err, function() kit.eq(reply, -1) end)
	reply, err = kit.ask(client, "Expire", key, 100)
	unless_unknown(reply, err, function() kit.eq(reply, 1) end)
	kit.eq(kit.ask(client, "Delete", key), 1)
	kit.eq(kit.ask(client, "Delete", { key, other }), 1)
	client:Destroy()
end)

host.test("Send: a list or a word, of anything", function()
	local client, key = kit.client(), kit.unique("list")
	kit.eq(kit.ask(client, "Send", "PING"), "PONG")
	kit.eq(kit.ask(client, "Ping"), "PONG")
	kit.eq(kit.ask(client, "Send", { "RPUSH", key, 12, 1e14, 0.25, true, setmetatable({}, { __tostring = function() return "t" end }) }), 5)
	kit.eq(kit.ask(client, "Send", { "LRANGE", key, 0, -1 }), { "12", "100000000000000", "0.25", "true", "t" })
	kit.eq({ client:Send({ "DEL", key, nil, "x" }) }, { true })
	kit.eq({ client:Send({}) }, { nil, "ERR empty command" })
	kit.raises("bad argument #2 to 'Send' %(function expected, got string%)", client.Send, client, "PING", "PONG")
	client:Destroy()
end)

host.test("Publish and Auth take what Send takes, as in gm_redis's redis.lua", function()
	local client, channel = kit.client(), kit.unique("lax")
	local subscriber, heard = kit.listening(channel)
	local function publish(value) return kit.ask(client, "Publish", channel, value) end
	kit.eq({ publish(true), publish(0.5), publish({}) }, { 1, 1, 1 })
	kit.eq(kit.ask(client, "Publish", setmetatable({}, { __tostring = function() return channel end }), "by a table"), 1)
	kit.poll("the messages", function() return #heard == 4 end, subscriber)
	kit.eq({ heard[1][2], heard[2][2], heard[4][2] }, { "true", "0.5", "by a table" })
	assert(heard[3][2]:find("^table: 0x"), heard[3][2])
	-- A nil ends the command.
	for name, count in pairs({ Publish = 2, Auth = 1 }) do
		local reply, err = kit.ask(client, name, unpack({}, 1, count))
		kit.eq(reply, "ERR wrong number of arguments for '" .. name:lower() .. "' command")
		kit.eq({ err.code, tostring(err) }, { "ERR", reply })
	end
	assert(publish(nil):find("wrong number of arguments", 1, true))
	client:Destroy()
	subscriber:Destroy()
end)

host.test("the server's own", function()
	local client = kit.client()
	local reply, err = kit.ask(client, "State")
	assert(err and (fake or tostring(err):find("cluster support disabled", 1, true)), tostring(err))
	reply, err = kit.ask(client, "LastSave")
	unless_unknown(reply, err, function() assert(reply > 1e9, reply) end)
	reply, err = kit.ask(client, "Save")
	unless_unknown(reply, err, function() kit.eq(reply, "Background saving started") end)
	reply, err = kit.ask(client, "SetConfig", "slowlog-max-len", 99)
	unless_unknown(reply, err, function() kit.eq(reply, "OK") end)
	reply, err = kit.ask(client, "GetConfig", "slowlog-max-len")
	unless_unknown(reply, err, function() kit.eq(reply, { "slowlog-max-len", "99" }) end)
	client:Destroy()
end)

host.test("databases, over a reconnection, too", function()
	local client, key = kit.client(), kit.unique("db")
	kit.eq(kit.ask(client, "Set", key, "in 0"), "OK")
	kit.eq(kit.ask(client, "Select", 3), "OK")
	assert(client:IsConnected())
	kit.eq(kit.ask(client, "Get", key), nil)
	kit.eq(kit.ask(client, "Set", key, "in 3"), "OK")
	kit.eq(kit.ask(client, "Send", { "SELECT", 0 }), "OK")
	kit.eq(kit.ask(client, "Get", key), "in 0")
	-- One pipeline: each command in the database that was chosen before it.
	local order = {}
	local function note(name) return function(_, reply) order[#order + 1] = name .. "=" .. tostring(reply) end end
	client:Get(key, note("a"))
	client:Select(3, note("b"))
	client:Get(key, note("c"))
	client:Select(0, note("d"))
	client:Get(key, note("e"))
	client:Commit()
	kit.poll("five answers", function() return #order == 5 end, client)
	kit.eq(order, { "a=in 0", "b=OK", "c=in 3", "d=OK", "e=in 0" })
	local _, err = kit.ask(client, "Select", 100000)
	assert(tostring(err):find("^ERR"), tostring(err))
	_, err = kit.ask(client, "Select", -1)
	kit.eq(tostring(err), "ERR invalid DB index")
	kit.eq(kit.ask(client, "Get", key), "in 0", "a database that is refused changes nothing")
	kit.eq(kit.ask(client, "Select", 3), "OK")
	local back = false
	function client:OnConnected() back = true end
	host.server.drop()
	kit.poll("the connection", function() return back end, client)
	kit.eq(kit.ask(client, "Get", key), "in 3")
	client:Destroy()
end)

host.test("transactions by way of Send", function()
	local client, key, replies = kit.client(), kit.unique("multi"), kit.recorder()
	for _, command in ipairs({ "MULTI", { "SET", key, "1" }, { "INCR", key }, "EXEC", "DISCARD", "EXEC" }) do
		assert(client:Send(command, replies.fn))
	end
	client:Commit()
	kit.poll("the answers", function() return #replies == 6 end, client)
	kit.eq(replies[1][2], "OK")
	kit.eq(replies[2][2], "QUEUED")
	kit.eq(replies[3][2], "QUEUED")
	kit.eq(replies[4][2], { "OK", 2 })
	kit.eq(tostring(replies[5][2]), "ERR DISCARD without MULTI")
	kit.eq(tostring(replies[6][2]), "ERR EXEC without MULTI")
	assert(client:Send("MULTI"))
	kit.eq(kit.ask(client, "Send", "exec"), {})
	assert(client:Send("MULTI") and client:Send({ "SET", key, "9" }) and client:Send("DISCARD"))
	kit.eq(kit.ask(client, "Get", key), "2")
	client:Destroy()
end)

host.test("publish and subscribe", function()
	local client, channel = kit.client(), kit.unique("chat")
	local subscriber, heard = kit.listening(channel)
	assert(tostring(subscriber):find("^%[redis_subscriber: 0x%x+%]$"))
	kit.eq(kit.ask(client, "Publish", channel, "hello"), 1)
	kit.eq(kit.ask(client, "Publish", channel, 7), 1)
	kit.poll("the messages", function() return #heard == 2 end, subscriber)
	kit.eq({ heard[1], heard[2] }, { { channel, "hello" }, { channel, "7" } })

	kit.eq({ subscriber:PSubscribe(channel .. ".*") }, { true })
	kit.eq({ subscriber:Commit() }, { true })
	kit.there(channel .. ".x", subscriber, heard)
	kit.eq(kit.ask(client, "Publish", channel .. ".x", "by pattern"), 1)
	kit.poll("the message", function() return #heard == 3 end, subscriber)
	kit.eq(heard[3], { channel .. ".x", "by pattern" }, "the channel, not the pattern")

	kit.eq({ subscriber:Unsubscribe(channel) }, { true })
	kit.eq({ subscriber:PUnsubscribe(channel .. ".*") }, { true })
	kit.eq({ subscriber:Unsubscribe("never subscribed") }, { true })
	subscriber:Commit()
	kit.wait("nobody to listen", function()
		return kit.ask(client, "Publish", channel, "x") == 0 and kit.ask(client, "Publish", channel .. ".x", "x") == 0
	end)
	subscriber:Poll()
	kit.eq(#heard, 3, "silent after Unsubscribe")
	kit.eq({ subscriber:Ping() }, { true })
	kit.eq({ subscriber:Commit() }, { true })
	kit.raises("bad argument #1 to 'Subscribe' %(string expected, got no value%)", subscriber.Subscribe, subscriber)
	kit.raises("bad argument #1 to 'PUnsubscribe'", subscriber.PUnsubscribe, subscriber, {})
	client:Destroy()
	subscriber:Destroy()
	kit.raises("Tried to use a NULL redis_subscriber", subscriber.Subscribe, subscriber, "x")
	kit.raises("Tried to use a NULL redis_subscriber", subscriber.Unsubscribe, subscriber, "x")
end)

host.test("the lists of clients and subscribers have no gaps and keep none of them", function()
	for _, kind in ipairs({ "Client", "Subscriber" }) do
		local create, list_of = redis["Create" .. kind], redis["Get" .. kind .. "sTable"]
		collectgarbage()
		local before, kept = #list_of(), {}
		for i = 1, 4 do kept[i] = create() end
		kit.eq(#list_of(), before + 4, kind)
		local two, four = kept[2], kept[4]
		kept = nil
		collectgarbage()
		collectgarbage()
		local list, found = list_of(), 0
		for i = 1, #list do
			assert(list[i] ~= nil)
			if list[i] == two or list[i] == four then found = found + 1 end
		end
		kit.eq(found, 2, kind)
		assert(#list < before + 4)
	end
end)

host.test("a client that nobody keeps is closed", function()
	local function open() return #realtime.Clients() end
	local keeper = kit.client()
	collectgarbage()
	collectgarbage()
	local before = open()
	local client = kit.client()
	-- No later event may remind it.
	kit.ticks(5)
	kit.eq(open(), before + 1)
	client = nil
	kit.poll("its end", function()
		collectgarbage()
		return open() <= before
	end, keeper)
	keeper:Destroy()
end)

-- Methods of redis.core only, where a callback is required.
host.test("redis.core's own Get, Exists and TTL want a callback", function()
	local client = kit.client()
	kit.raises("bad argument #2 to 'TTL' %(function expected, got no value%)", client.TTL, client, "key")
	include("includes/modules/redis.core.lua")
	client = redis.CreateClient()
	kit.raises("bad argument #2 to 'Get' %(function expected", client.Get, client, "key")
	kit.raises("bad argument #2 to 'Exists' %(function expected", client.Exists, client, "key", 1)
	kit.raises("bad argument #2 to 'Set' %(string expected, got boolean", client.Set, client, "key", true)
	kit.raises("bad argument #2 to 'SetEx' %(number expected, got string", client.SetEx, client, "key", "x", "y")
	kit.raises("bad argument #1 to 'Select' %(number expected", client.Select, client, {})
	assert(client:Connect(kit.host, kit.port, kit.LONG))
	local key = kit.unique("core")
	local reply, err = kit.ask(client, "SetEx", key, "12.9", "x")
	unless_unknown(reply, err, function() assert(kit.ask(client, "TTL", key) <= 12) end)
	kit.eq(kit.ask(client, "Set", key, 9), "OK")
	kit.eq(kit.ask(client, "Get", key), "9")
	kit.eq(kit.ask(client, "Exists", { key }), 1)
	kit.eq(kit.ask(client, "Delete", key), 1)
	client:Destroy()
end)
