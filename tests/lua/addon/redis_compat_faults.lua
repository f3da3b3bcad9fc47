-- servers: fake, real
-- gm_redis's faults, one after the other: each test fails on gm_redis itself.

local kit = include("_redis.lua")

local BINARY = "a\0b\255\r\n\0"

host.test("payloads, keys and channels are not cut at NUL", function()
	local client, key, channel = kit.client(), kit.unique("bin\0ary"), kit.unique("ch\0annel")
	kit.eq(kit.ask(client, "Set", key, BINARY), "OK")
	kit.eq(kit.ask(client, "Get", key), BINARY)
	kit.eq(kit.ask(client, "Exists", key), 1)
	kit.eq(kit.ask(client, "Exists", (key:gsub("%z.*", ""))), 0)
	kit.eq(kit.ask(client, "Send", { "RPUSH", key .. "l", BINARY }), 1)
	kit.eq(kit.ask(client, "Send", { "LRANGE", key .. "l", 0, -1 }), { BINARY })
	local subscriber, heard = kit.listening(channel)
	kit.eq(kit.ask(client, "Publish", channel, BINARY), 1)
	kit.poll("the message", function() return #heard == 1 end, subscriber)
	kit.eq(heard[1], { channel, BINARY })
	local large = BINARY:rep(100000)
	kit.eq(kit.ask(client, "Publish", channel, large), 1)
	kit.poll("the large message", function() return #heard == 2 end, subscriber)
	assert(heard[2][2] == large)
	client:Destroy()
	subscriber:Destroy()
end)

host.test("an error is the server's text, as in gm_redis, and an error as the third argument", function()
	local client, key = kit.client(), kit.unique("error")
	kit.eq(kit.ask(client, "Send", { "RPUSH", key, "x" }), 1)
	local reply, err = kit.ask(client, "Get", key)
	local text = "WRONGTYPE Operation against a key holding the wrong kind of value"
	kit.eq(reply, text)
	kit.eq({ err.code, err.message, err.sent }, { "WRONGTYPE", text:match(" (.*)"), true })
	kit.eq({ tostring(err), "> " .. err .. " <" }, { text, "> " .. text .. " <" })
	-- What addons do with a reply without looking first.
	assert(not istable(reply) and #reply == #text and util.JSONToTable(reply) == nil)
	-- A value that only looks like an error is a value.
	kit.eq(kit.ask(client, "Set", key, text), "OK")
	local value, no_err = kit.ask(client, "Get", key)
	kit.eq({ value, no_err }, { text, nil })
	kit.eq({ kit.ask(client, "Get", kit.unique("nothing")) }, {}, "no value is no error")
	client:Destroy()
end)

host.test("an error among replies is the server's text", function()
	local client, key, replies = kit.client(), kit.unique("inner"), kit.recorder()
	for _, command in ipairs({ "MULTI", { "RPUSH", key, "x" }, { "GET", key }, { "DEL", key }, "EXEC" }) do
		client:Send(command, replies.fn)
	end
	client:Commit()
	kit.poll("the answers", function() return #replies == 5 end, client)
	kit.eq({ replies[5][2], replies[5][3] },
		{ { 1, "WRONGTYPE Operation against a key holding the wrong kind of value", 1 }, nil })
	client:Destroy()
end)

host.test("lists have no holes", function()
	local client, a, b = kit.client(), kit.unique("list"), kit.unique("list")
	kit.ask(client, "Set", a, "1")
	kit.ask(client, "Set", b, "2")
	local none = kit.unique("none")
	local list = kit.ask(client, "Send", { "MGET", none, a, none, b, none })
	kit.eq(list, { false, "1", false, "2", false })
	kit.eq(#list, 5)
	local seen = 0
	for i, value in ipairs(list) do seen = value and seen + i or seen end
	kit.eq(seen, 6)
	local falses = 0
	for _, value in pairs(list) do falses = falses + (value == false and 1 or 0) end
	kit.eq(falses, 3, "pairs shows what is not there as false")
	kit.eq(kit.ask(client, "Send", { "LRANGE", none, 0, -1 }), {})
	client:Destroy()
end)

host.test("replies have RESP2's shapes, from 1", function()
	local client, key = kit.client(), kit.unique("hash")
	kit.ask(client, "Send", { "HSET", key, "field", "value" })
	kit.eq(kit.ask(client, "Send", { "HGETALL", key }), { "field", "value" })
	kit.eq(kit.ask(client, "Send", { "HGET", key, "none" }), nil)
	kit.eq(kit.ask(client, "Send", { "HDEL", key, "field" }), 1)
	client:Destroy()
end)

host.test("lists from 0, for addons of that time", function()
	redis.Options.first_index = 0
	local client = kit.client()
	redis.Options.first_index = nil
	local other, key, none = kit.client(), kit.unique("from0"), kit.unique("none")
	kit.ask(client, "Send", { "RPUSH", key, "a", "b", "c" })
	local list = kit.ask(client, "Send", { "LRANGE", key, 0, -1 })
	kit.eq({ list, #list }, { { [0] = "a", "b", "c" }, 2 })
	kit.eq(kit.ask(other, "Send", { "LRANGE", key, 0, -1 }), { "a", "b", "c" }, "each client as its Connect found it")
	kit.eq(kit.ask(client, "Send", { "MGET", none, key, none }), { [0] = false, false, false })
	kit.eq({ kit.ask(client, "Send", { "LRANGE", none, 0, -1 }), kit.ask(client, "Send", { "LRANGE", key, 0, 0 }) },
		{ {}, { [0] = "a" } })
	-- Lists inside of lists, and after another connection has taken the first one's place.
	kit.eq(kit.ask(client, "Select", 1), "OK")
	local replies = kit.recorder()
	for _, command in ipairs({ "MULTI", { "RPUSH", key, "x" }, { "LRANGE", key, 0, -1 }, { "DEL", key }, "EXEC" }) do
		client:Send(command, replies.fn)
	end
	client:Commit()
	kit.poll("the answers", function() return #replies == 5 end, client)
	kit.eq(replies[5][2], { [0] = 1, { [0] = "x" }, 1 })
	redis.Options.first_index = 2
	kit.eq({ redis.CreateClient():Connect(kit.host, kit.port) }, { nil, 'ERR option "first_index" must be 0 or 1' })
	redis.Options.first_index = nil
	client:Destroy()
	other:Destroy()
end)

host.test("whole numbers are sent in full", function()
	local client, key = kit.client(), kit.unique("number")
	kit.ask(client, "Send", { "SET", key, 2 ^ 53 })
	kit.eq(kit.ask(client, "Get", key), "9007199254740992")
	kit.ask(client, "Set", key, -1e15)
	kit.eq(kit.ask(client, "Get", key), "-1000000000000000")
	client:Destroy()
end)

host.test("a connection calls OnConnected, not OnDisconnected", function()
	local client, calls = redis.CreateClient(), {}
	client.OnDisconnected = function() calls[#calls + 1] = "down" end
	assert(client:Connect(kit.host, kit.port, kit.LONG))
	client:Poll()
	kit.eq(calls, {}, "gm_redis calls OnDisconnected here")
	client:Disconnect()
	client.OnConnected = function() calls[#calls + 1] = "up" end
	assert(client:Connect(kit.host, kit.port, kit.LONG))
	client:Poll()
	kit.eq(calls, { "up" })
	client:Destroy()
end)

host.test("a command is not sent a second time when the connection breaks before its answer", function()
	local proxy = host.proxy()
	local port = tonumber(proxy.url():match(":(%d+)"))
	local client, witness, key = redis.CreateClient(), kit.client(), kit.unique("twice")
	assert(client:Connect("127.0.0.1", port, kit.LONG))
	proxy.edit({ down_stall = true })
	local reply, err
	client:Send({ "INCR", key }, function(_, ...) reply, err = ... end)
	client:Commit()
	kit.wait("the command to have run", function() return kit.ask(witness, "Get", key) == "1" end)
	proxy.cut()
	kit.poll("the answer", function() return reply end, client)
	kit.eq({ reply, err.code, err.sent }, { "network failure", "DISCONNECTED", true })
	kit.poll("the connection", function() return client:IsConnected() end, client)
	kit.eq(kit.ask(client, "Get", key), "1")
	client:Destroy()
	witness:Destroy()
end)

host.test("ten thousands of commands in one Commit, and a bound on what waits", function()
	local client, answered, wrong = kit.client(), 0, 0
	local function count(_, reply)
		answered = answered + 1
		if reply ~= "PONG" then wrong = wrong + 1 end
	end
	for _ = 1, 25000 do client:Ping(count) end
	client:Commit()
	kit.poll("the answers", function() return answered == 25000 end, client)
	kit.eq(wrong, 0)
	redis.Options.max_pending = 10
	local narrow = kit.client()
	redis.Options.max_pending = nil
	for _ = 1, 100 do narrow:Ping(count) end
	narrow:Commit()
	kit.poll("the answers through a narrow client", function() return answered == 25100 end, narrow)
	kit.eq(wrong, 0)
	narrow:Destroy()
	for _ = 1, 65536 do assert(client:Ping()) end
	local ok, err = client:Ping()
	assert(ok == nil and err:find("OVERLOADED", 1, true), tostring(err))
	client:Destroy()
end)

host.test("what is never polled stays bounded, and the loss is told", function()
	local channel = kit.unique("unpolled")
	local subscriber, heard = kit.listening(channel)
	local sender = realtime.Connect(host.redis_url, { id = "sender" })
	local message, most = ("x"):rep(1024 * 1024), 40
	local function delivered()
		local n = 0
		for _, native in ipairs(realtime.Clients()) do n = n + native:Stats().delivered end
		return n
	end
	local before = delivered()
	-- One at a time, because the wrapper's limit counts here, not realtime's.
	for i = 1, most do
		sender:Publish(channel, message)
		kit.wait("message " .. i, function() return delivered() == before + i end)
	end
	kit.poll("the messages", function() return #heard >= 32 end, subscriber)
	kit.eq(#heard, 32, "32 MiB")
	kit.wait("the line", function()
		subscriber:Poll()
		return table.concat(host.console(), "\n"):find("redis_subscriber .-: 8 messages were dropped: too many waited for Poll")
	end)
	sender:Disconnect()
	subscriber:Destroy()
end)

host.test("a callback may destroy its client while more waits", function()
	local channel = kit.unique("destroyed")
	local subscriber, n = kit.listening(channel), 0
	subscriber.OnMessage = function(this) n = n + 1 this:Destroy() end
	for _ = 1, 3 do host.server.publish(channel, "x") end
	kit.wait("its end", function() return not subscriber:IsValid() or subscriber:Poll() and false end)
	kit.eq(n, 1)
end)

host.test("commands that wait for earlier ones end as early as those, and none is carried out later", function()
	local key = kit.unique("late")
	local client, replies, witness = kit.before_a_stall()
	client:Set(key .. "x", "x", replies.fn)
	client:Send("MULTI", replies.fn)
	client:Send({ "INCRBY", key, 5 }, replies.fn)
	client:Send("EXEC", replies.fn)
	client:Publish(key, "x", replies.fn)
	client:Commit()
	kit.poll("the end of the first", function() return #replies > 0 end, client)
	host.server.resume()
	kit.poll("the end of all", function() return #replies == 5 end, client)
	local results = {}
	for i = 1, 5 do results[i] = replies[i][3] and replies[i][3].code or replies[i][2] end
	kit.eq(results, { "TIMEOUT", "OK", "QUEUED", "TIMEOUT", "TIMEOUT" })
	kit.eq({ replies[4][3].sent, replies[5][3].sent }, { false, false })
	kit.eq(kit.ask(witness, "Get", key), nil)
	client:Destroy()
	witness:Destroy()
end)
