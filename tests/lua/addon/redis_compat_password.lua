-- servers: real
-- Auth at a redis-server with a password; before Redis 6 it has another error for a wrong one.

local kit = include("_redis.lua")

host.test("a wrong password, then the right one, for clients and subscribers", function()
	host.real.command("CONFIG", "SET", "requirepass", "secret")
	local client = kit.client()
	local _, err = kit.ask(client, "Ping")
	kit.eq(err.code, "NOAUTH")
	_, err = kit.ask(client, "Auth", "wrong")
	assert(err.code == "WRONGPASS" or tostring(err):find("AUTH the server refused the login: wrong user name or password", 1, true) == 1, tostring(err))
	assert(client:IsConnected())
	_, err = kit.ask(client, "Ping")
	kit.eq(err.code, "NOAUTH")
	kit.eq(kit.ask(client, "Auth", "secret"), "OK")
	kit.eq(kit.ask(client, "Ping"), "PONG")

	local subscriber, got = kit.subscriber(), nil
	function subscriber:OnMessage(_, message) got = message end
	assert(subscriber:Auth("secret") and subscriber:Subscribe("chat") and subscriber:Commit())
	kit.poll("the subscription", function() return host.real.publish("chat", "hello") == 1 end, subscriber)
	kit.poll("the message", function() return got == "hello" end, subscriber)

	-- Password and subscription are restored after the server was away.
	host.server.drop()
	got = nil
	kit.poll("the subscription", function() return host.real.publish("chat", "again") == 1 end, subscriber)
	kit.poll("the message", function() return got == "again" end, subscriber)
	kit.poll("the client", function() return client:IsConnected() end, client)
	kit.eq(kit.ask(client, "Ping"), "PONG")
	client:Destroy()
	subscriber:Destroy()
end)
