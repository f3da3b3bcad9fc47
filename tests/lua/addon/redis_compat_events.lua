-- servers: fake, real
-- Callbacks: when they run, their arguments, and callbacks that raise; connections that are lost and come back.

local kit = include("_redis.lua")

-- A client's events, as one word each, oldest first.
local function log_of(client)
	local log = {}
	for _, name in ipairs({ "OnConnected", "OnDisconnected" }) do
		client[name] = function(this, ...)
			assert(this == client and select("#", ...) == 0, name .. " gets the client alone")
			log[#log + 1] = name
		end
	end
	function log.count(name)
		local n = 0
		for i = 1, #log do n = n + (log[i] == name and 1 or 0) end
		return n
	end
	return log
end

host.test("nothing runs outside of Poll", function()
	local client, channel = kit.client(), kit.unique("quiet")
	local log, runs = log_of(client), 0
	local subscriber, heard = kit.listening(channel)
	client:Publish(channel, "a", function() runs = runs + 1 end)
	client:Ping(function() runs = runs + 1 end)
	client:Commit()
	for _, native in ipairs(realtime.Clients()) do
		kit.wait("the answers to be there", function() return native:Stats().pending == 0 end)
	end
	kit.ticks(10)
	kit.eq({ runs, #heard, #log }, { 0, 0, 0 })
	assert(client:Poll())
	kit.eq({ runs, #heard }, { 2, 0 }, "Poll is each client's own")
	kit.eq(log, { "OnConnected", count = log.count }, "told before the answers")
	kit.poll("the message", function() return #heard == 1 end, subscriber)
	kit.eq({ client:Poll(), subscriber:Poll() }, { false, false }, "nothing is left")
	client:Destroy()
	subscriber:Destroy()
end)

host.test("what is not committed is not sent", function()
	local client, other, key = kit.client(), kit.client(), kit.unique("uncommitted")
	client:Set(key, "x")
	kit.ticks(3)
	kit.eq(kit.ask(other, "Get", key), nil)
	client:Commit()
	kit.wait("the value", function() return kit.ask(other, "Get", key) == "x" end)
	client:Destroy()
	other:Destroy()
end)

host.test("Poll until an answer, without a tick in between", function()
	local client, reply = redis.CreateClient(), nil
	assert(client:Connect(kit.host, kit.port, kit.LONG))
	local tick = host.ticks()
	client:Ping(function(_, text) reply = text end)
	client:Commit()
	kit.block_until("the answer", function()
		client:Poll()
		return reply
	end)
	kit.eq({ reply, host.ticks() }, { "PONG", tick })
	client:Destroy()
end)

host.test("Poll from hooks, and on an empty server", function()
	local channel = kit.unique("hooks")
	local subscriber, heard = kit.listening(channel)
	-- A client is a name for a hook as an entity is: the hook ends with it.
	hook.Add("Think", subscriber, function(this) this:Poll() end)
	host.server.publish(channel, "by Think")
	kit.wait("the message", function() return #heard == 1 end)
	host.hibernate(true)
	timer.Create("redis_compat", 0, 0, function() subscriber:Poll() end)
	host.server.publish(channel, "while nobody plays")
	kit.wait("the message", function() return #heard == 2 end)
	host.hibernate(false)
	timer.Remove("redis_compat")
	subscriber:Destroy()
	kit.ticks(2)
	assert(not hook.GetTable().Think[subscriber])
end)

host.test("a callback that raises is reported; the others run", function()
	local client, channel, order = kit.client(), kit.unique("raising"), {}
	local subscriber = kit.subscriber()
	client.OnConnected = function() error("connected raises") end
	client:Poll()
	client:Ping(function() error("reply raises") end)
	client:Ping(function() error({ "a table" }) end)
	client:Ping(function() order[#order + 1] = "third" end)
	client:Commit()
	kit.poll("the third", function() return #order == 1 end, client)
	kit.listening(channel, subscriber)
	local n = 0
	function subscriber:OnMessage() n = n + 1 error("message raises") end
	for _ = 1, 3 do host.server.publish(channel, "x") end
	kit.poll("three messages", function() return n == 3 end, subscriber)
	local console = table.concat(host.console(), "\n")
	for _, what in ipairs({ "OnConnected callback error%] .-connected raises", "Send callback error%] .-reply raises",
		"Send callback error%] table: ", "OnMessage callback error%] .-message raises" }) do
		assert(console:find("%[redis " .. what), what)
	end
	assert(console:find("reply raises\nstack traceback:", 1, true))
	kit.eq(host.errors(), {}, "gm_redis reports by ErrorNoHalt")
	client:Destroy()
	subscriber:Destroy()
end)

host.test("callbacks may call anything", function()
	local client, other, order = kit.client(), kit.client(), {}
	client:Ping(function(this)
		order[#order + 1] = 1
		this:Ping(function() order[#order + 1] = "nested" end)
		this:Commit()
		this:Poll()
	end)
	client:Ping(function() order[#order + 1] = 2 end)
	client:Commit()
	kit.poll("the nested one", function() return #order == 3 end, client)
	kit.eq(order, { 1, 2, "nested" })
	-- It ends itself while more messages wait.
	local after = 0
	other:Ping(function(this) this:Destroy() end)
	other:Ping(function() after = after + 1 end)
	other:Commit()
	kit.wait("the end", function() return not other:IsValid() or (other:Poll() and false) end)
	kit.eq(after, 0)
	client:Ping(function(this) this:Disconnect() this:Ping() end)
	client:Commit()
	kit.poll("the end", function() return not client:IsConnected() end, client)
	client:Destroy()
end)

host.test("OnConnected once for each connection, OnDisconnected for each loss", function()
	local client, subscriber = kit.client(), kit.subscriber()
	local log, heard_log = log_of(client), log_of(subscriber)
	for round = 1, 3 do
		kit.poll("the connections", function()
			return log.count("OnConnected") == round and heard_log.count("OnConnected") == round
		end, client, subscriber)
		if round < 3 then host.server.drop() end
	end
	for _, each in ipairs({ log, heard_log }) do
		kit.eq(each[1], "OnConnected")
		for i = 2, #each do assert(each[i] ~= "OnConnected" or each[i - 1] == "OnDisconnected", "out of order") end
		assert(each.count("OnDisconnected") >= 2)
	end
	client:Disconnect()
	kit.ticks(5)
	local before = #log
	client:Poll()
	kit.eq(#log, before, "one's own Disconnect is no loss")
	client:Destroy()
	subscriber:Destroy()
end)

host.test("subscriptions live on after a reconnection", function()
	local channel, pattern = kit.unique("alive"), kit.unique("pattern")
	local subscriber, heard = kit.listening(channel)
	local log = log_of(subscriber)
	subscriber:PSubscribe(pattern .. ".*")
	subscriber:Commit()
	kit.there(pattern .. ".a", subscriber, heard)
	for _ = 1, 3 do
		local before = log.count("OnConnected")
		host.server.stop()
		kit.poll("the loss", function() return subscriber:IsReconnecting() end, subscriber)
		assert(not subscriber:IsConnected())
		local unused = kit.unique("unused")
		kit.eq({ subscriber:Subscribe(unused), subscriber:Unsubscribe(unused), subscriber:Commit() }, { true, true, true })
		local ok, err = subscriber:Connect(kit.host, kit.port, kit.LONG)
		assert(ok == nil and isstring(err), "Connect during the reconnection says what is wrong")
		host.server.start()
		kit.poll("the connection", function() return log.count("OnConnected") > before end, subscriber)
		kit.eq({ subscriber:Connect(kit.host, kit.port, kit.LONG) }, { true }, "it is back: what retries may stop")
		kit.there(channel, subscriber, heard)
		kit.there(pattern .. ".b", subscriber, heard)
	end
	host.server.publish(channel, "once")
	kit.poll("the message", function() return #heard == 1 end, subscriber)
	kit.ticks(3)
	subscriber:Poll()
	kit.eq(#heard, 1, "once, whatever was subscribed again")
	subscriber:Destroy()
end)

host.test("subscriptions live on after Disconnect and Connect, and those made before Connect", function()
	local channel, pattern, early, gone = kit.unique("again"), kit.unique("pattern"), kit.unique("early"), kit.unique("gone")
	local subscriber, heard = kit.listening(channel)
	subscriber:PSubscribe(pattern .. ".*")
	subscriber:Subscribe(gone)
	subscriber:PSubscribe(gone .. ".*")
	subscriber:Commit()
	kit.there(pattern .. ".a", subscriber, heard)
	subscriber:Unsubscribe(gone)
	subscriber:PUnsubscribe(gone .. ".*")
	subscriber:Disconnect()
	subscriber:Subscribe(early)
	kit.eq({ subscriber:Commit() }, { nil, "tcp_client is disconnected" })
	assert(subscriber:Connect(kit.host, kit.port, kit.LONG))
	kit.there(channel, subscriber, heard)
	kit.there(early, subscriber, heard)
	kit.there(pattern .. ".b", subscriber, heard)
	local sender = kit.client()
	kit.eq({ kit.ask(sender, "Publish", gone, "x"), kit.ask(sender, "Publish", gone .. ".x", "x") }, { 0, 0 },
		"what was unsubscribed stays so")
	sender:Destroy()
	subscriber:Destroy()
end)

host.test("commands wait out a reconnection", function()
	local client, key = kit.client(), kit.unique("waits")
	host.server.stop()
	kit.poll("the loss", function() return client:IsReconnecting() end, client)
	local done
	client:Set(key, "kept", function(_, reply) done = reply end)
	kit.eq({ client:Commit() }, { true })
	host.server.start()
	kit.poll("the answer", function() return done end, client)
	kit.eq(done, "OK")
	client:Destroy()
end)

host.test("maxReconnects: it gives up, and says so once more", function()
	local client, subscriber = kit.client(nil, 0), kit.subscriber(nil, 2, 1)
	local log, other = log_of(client), log_of(subscriber)
	client:Poll()
	local answer
	client:Ping(function(_, ...) answer = { ... } end)
	host.server.stop()
	kit.poll("the end", function()
		local has_lost = other.count("OnDisconnected") > 0 -- maybe later than the client
		return log.count("OnDisconnected") == 2 and has_lost and not subscriber:IsReconnecting() and not subscriber:Poll()
	end, client, subscriber)
	kit.eq({ answer[1], answer[2].code }, { "network failure", "DISCONNECTED" })
	local before = #other
	assert(other.count("OnDisconnected") >= 4, "the loss, two attempts, the end")
	kit.ticks(10)
	client:Poll()
	subscriber:Poll()
	kit.eq({ #log, #other }, { 3, before })
	assert(not client:IsReconnecting())
	host.server.start()
	kit.eq({ client:Connect(kit.host, kit.port, kit.LONG) }, { true })
	client:Destroy()
	subscriber:Destroy()
end)

-- The pauses before attempts are random, so all attempts may be over much sooner than with gm_redis.
host.test("maxReconnects: it does not give up before as many intervals have passed", function()
	local clock, now = SysTime, SysTime()
	local client, subscriber = kit.client(nil, 2), kit.subscriber(nil, 2, 1)
	local log, other = log_of(client), log_of(subscriber)
	SysTime = function() return now end
	host.server.stop()
	local function try(what)
		local attempts, others = log.count("OnDisconnected") + 4, other.count("OnDisconnected") + 4
		kit.poll(what, function()
			return log.count("OnDisconnected") >= attempts and other.count("OnDisconnected") >= others
		end, client, subscriber)
		assert(client:IsReconnecting() and subscriber:IsReconnecting(), what)
	end
	try("attempts while no time passes")
	now = now + 0.00199
	try("attempts shortly before the end of 2 x 1 ms")
	now = now + 0.00002
	kit.poll("the end of the subscriber", function() return not subscriber:IsReconnecting() end, client, subscriber)
	assert(client:IsReconnecting(), "its intervals are of 250 ms")
	now = now + 0.498
	kit.poll("the end of the client", function() return not client:IsReconnecting() end, client)
	SysTime = clock
	host.server.start()
	client:Destroy()
	subscriber:Destroy()
end)

host.test("Disconnect answers what waits", function()
	local client, replies = kit.client(), kit.recorder()
	client:Ping(replies.fn)
	client:Disconnect()
	kit.eq(#replies, 0, "not at once")
	client:Poll()
	kit.eq(#replies, 1)
	kit.eq({ replies[1][2], replies[1][3].code }, { "network failure", "CLOSED" })
	client:Set("key", "never sent", replies.fn)
	kit.eq({ client:Commit() }, { nil, "tcp_client is disconnected" })
	client:Poll()
	kit.eq({ replies[2][2], replies[2][3].code }, { "network failure", "DISCONNECTED" })
	-- Commands that wait for another database, and the selection itself.
	local before = #realtime.Clients()
	assert(client:Connect(kit.host, kit.port, kit.LONG))
	client:Select(5, replies.fn)
	client:Ping(replies.fn)
	client:Commit()
	client:Disconnect()
	client:Poll()
	kit.eq({ #replies, replies[3][2], replies[4][2] }, { 4, "network failure", "network failure" })
	assert(#realtime.Clients() <= before, "something is left open")
	client:Destroy()
end)

host.test("Connect inside a callback: of gm_redis's and of realtime's", function()
	local native = realtime.Connect(host.redis_url, { id = "native" })
	for _, caller in ipairs({ "gm_redis", "realtime" }) do
		local good, bad, client, results = redis.CreateClient(), redis.CreateClient(), kit.client(), nil
		local function connect()
			results = { { good:Connect(kit.host, kit.port, kit.LONG) }, { bad:Connect("127.0.0.1", 1) } }
		end
		if caller == "realtime" then
			native:Ping(connect)
		else
			client:Ping(connect)
			client:Commit()
		end
		kit.poll("the results", function() return results end, client)
		kit.eq(results[1], { true }, caller)
		assert(results[2][1] == nil and isstring(results[2][2]), caller)
		kit.eq(kit.ask(good, "Ping"), "PONG")
		for _, each in ipairs({ good, bad, client }) do each:Destroy() end
	end
	native:Disconnect()
end)
