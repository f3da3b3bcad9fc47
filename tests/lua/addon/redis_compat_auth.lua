-- Servers that require a password or a user: Auth, and what happens before it.

local kit = include("_redis.lua")

local PASSWORD = "pa55 w\0rd"

local function guarded(options)
	local server = host.new_fake(options or { password = "secret" })
	return server, tonumber(server.url():match(":(%d+)[^:]*$"))
end

local function connected(create, port)
	local client = create()
	assert(client:Connect("127.0.0.1", port, kit.LONG))
	return client
end

host.test("before Auth a client is connected, and every command is refused", function()
	local _, port = guarded()
	local client, ups, downs = connected(redis.CreateClient, port), 0, 0
	function client:OnConnected() ups = ups + 1 end
	function client:OnDisconnected() downs = downs + 1 end
	assert(client:IsConnected() and not client:IsReconnecting())
	local reply, err = kit.ask(client, "Get", "key")
	kit.eq({ reply, err.code }, { "NOAUTH Authentication required.", "NOAUTH" })
	_, err = kit.ask(client, "Select", 1)
	kit.eq(err.code, "NOAUTH")
	_, err = kit.ask(client, "Auth", "wrong")
	kit.eq(err.code, "WRONGPASS")
	assert(not tostring(err):find("wrong$") and client:IsConnected())
	_, err = kit.ask(client, "Ping")
	kit.eq(err.code, "NOAUTH")
	local order = {}
	client:Auth("wrong", function(_, reply) order[1] = reply end)
	client:Ping(function(_, reply) order[2] = reply end)
	client:Commit()
	kit.poll("both answers", function() return order[2] end, client)
	assert(order[1]:find("^WRONGPASS .*invalid username%-password pair"), order[1])
	kit.eq(order[2], "NOAUTH Authentication required.")
	kit.eq(kit.ask(client, "Auth", "secret"), "OK")
	kit.eq(kit.ask(client, "Set", "key", "value"), "OK")
	kit.eq(kit.ask(client, "Get", "key"), "value")
	kit.eq({ ups, downs }, { 1, 0 })
	client:Destroy()
end)

host.test("Auth, Select and commands in one pipeline, in order; and again after a loss", function()
	local server, port = guarded()
	local client, order, back = connected(redis.CreateClient, port), {}, false
	local function note(_, reply) order[#order + 1] = tostring(reply) end
	client:Auth("secret", note)
	client:Send({ "SELECT", "4" }, note)
	client:Set("key", "value", note)
	client:Get("key", note)
	client:Commit()
	kit.poll("the answers", function() return #order == 4 end, client)
	kit.eq(order, { "OK", "OK", "OK", "value" })
	client:Poll()
	function client:OnConnected() back = true end
	server.drop("all")
	kit.poll("the connection", function() return back end, client)
	kit.eq(kit.ask(client, "Get", "key"), "value", "password and database are kept")
	client:Destroy()
end)

host.test("a user by Send, and by the options", function()
	local _, port = guarded({ user = "bot on >secret ~* &* +@all", password = "other" })
	local client = connected(redis.CreateClient, port)
	kit.eq(kit.ask(client, "Send", { "AUTH", "bot", "secret" }), "OK")
	kit.eq(kit.ask(client, "Ping"), "PONG")
	local _, err = kit.ask(client, "Send", { "AUTH" })
	assert(tostring(err):find("wrong number of arguments", 1, true))
	client:Destroy()
	redis.Options.username = "bot"
	client = connected(redis.CreateClient, port)
	kit.eq(kit.ask(client, "Auth", "secret"), "OK")
	redis.Options.username = nil
	client:Destroy()
	-- The database of the options is selected.
	redis.Options.db = 2
	client = kit.client()
	kit.eq(kit.ask(client, "Set", "options", "in 2"), "OK")
	kit.eq(kit.ask(client, "Select", 0), "OK")
	kit.eq(kit.ask(client, "Get", "options"), nil)
	kit.eq(kit.ask(client, "Select", 2), "OK")
	kit.eq(kit.ask(client, "Get", "options"), "in 2")
	redis.Options.db = nil
	client:Destroy()
end)

host.test("a wrong password leaves the connection as it was", function()
	local client, key = kit.client(), kit.unique("kept")
	kit.ask(client, "Set", key, "value")
	local _, err = kit.ask(client, "Auth", PASSWORD)
	assert(err and not tostring(err):find(PASSWORD, 1, true), tostring(err))
	assert(client:IsConnected())
	kit.eq(kit.ask(client, "Get", key), "value")
	client:Destroy()
end)

host.test("a subscriber behind a password", function()
	local server, port = guarded()
	local subscriber = connected(redis.CreateSubscriber, port)
	local heard, answer = {}, nil
	function subscriber:OnMessage(channel, message) heard[#heard + 1] = channel .. " " .. message end
	kit.eq({ subscriber:Subscribe("early") }, { true })
	kit.eq({ subscriber:Commit() }, { true })
	kit.eq({ subscriber:Auth("secret", function(this, reply) answer = this == subscriber and reply end) }, { true })
	kit.eq({ subscriber:PSubscribe("late.*") }, { true })
	subscriber:Commit()
	kit.poll("the login", function() return answer end, subscriber)
	kit.eq(answer, "OK")
	kit.wait("both subscriptions", function()
		return server.subscribers("early") == 1 and server.pattern_subscribers("late.*") == 1
	end)
	server.publish("early", "a")
	server.publish("late.x", "b")
	kit.poll("the messages", function() return #heard == 2 end, subscriber)
	kit.eq(heard, { "early a", "late.x b" })
	subscriber:Destroy()
end)
