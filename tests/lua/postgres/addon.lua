-- addon
-- What the addon makes of a client works over PostgreSQL, or says that it needs Redis.

local kit = include("../_kit.lua")

if not realtime.FEATURES.postgres then
	host.run(function() host.exit(0) end)
	return
end

local function connect()
	local client = realtime.Connect(host.redis_url)
	kit.wait("ready", function() return client:IsConnected() and client:Stats().protocol end)
	return client
end

host.test("a table arrives with its sender", function()
	local one, two = realtime.Tables(connect(), "one"), realtime.Tables(connect(), "two")
	local at_two = kit.recorder()
	two:Subscribe("tables", at_two.fn)
	kit.publish(two.client, "fence", "x")
	one:Publish("tables", { id = "76561198000000001", list = { 1, 2.5, false } })
	kit.wait("the table", function() return #at_two == 1 end)
	kit.eq(at_two[1], { { id = "76561198000000001", list = { 1, 2.5, false } }, "one", "tables" })
	one.client:Disconnect()
	two.client:Disconnect()
end)

host.test("one server asks another, and nobody is not told from silence", function()
	local one, two = realtime.Requests(connect(), "asker"), realtime.Requests(connect(), "answerer")
	two:Answer("players", function(data, from, reply) reply(nil, { n = data + 1, from = from }) end)
	kit.publish(two.client, "fence", "x")
	local got
	assert(one:Ask("answerer", "players", 41, function(err, answer) got = { err, answer } end))
	kit.wait("the answer", function() return got end)
	kit.eq(got, { nil, { n = 42, from = "asker" } })
	got = nil
	assert(one:Ask("nobody", "players", nil, function(err) got = err end, 0.2))
	kit.wait("the end", function() return got end)
	kit.eq(got.code, "TIMEOUT")
	one.client:Disconnect()
	two.client:Disconnect()
end)

host.test("servers learn of each other", function()
	local one, two = realtime.Presence(connect(), "here"), realtime.Presence(connect(), "there")
	kit.wait("both", function() return one:Server("there") and two:Server("here") end)
	one:Stop()
	two:Stop()
	one.client:Disconnect()
	two.client:Disconnect()
end)

host.test("what needs Redis says so when it is made, also before the client is connected", function()
	local client = realtime.Connect(host.redis_url)
	local function nothing() end
	for name, made in pairs({
		Shared = { realtime.Shared("bans", client, "here") },
		Durable = { realtime.Durable(client, "here") },
		Players = { realtime.Players(client, "here") },
		Profiles = { realtime.Profiles("money", client, "here") },
		Once = { realtime.Once("job", nothing, nil, client, "here") },
	}) do
		kit.eq(made, { nil, "realtime." .. name .. " needs Redis, and this client leads to PostgreSQL: give it a client of a Redis" })
	end
	for name, made in pairs({
		Tables = realtime.Tables(client, "here"),
		Requests = realtime.Requests(client, "here"),
		Presence = realtime.Presence(client, "here"),
	}) do
		assert(made, name .. " is there")
		if made.Stop then made:Stop() end
	end
	client:Disconnect()
end)
