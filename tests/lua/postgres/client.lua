-- A client of PostgreSQL: messages, statements, transactions, and calls that are refused at once.

local kit = include("../_kit.lua")

if not realtime.FEATURES.postgres then
	host.run(function() host.exit(0) end)
	return
end

local function connect(options)
	local client = realtime.Connect(host.redis_url, options or {})
	kit.wait("ready", function() return client:IsConnected() and client:Stats().protocol end)
	return client
end

-- The answer to a statement: error, rows, result.
local function ask(client, words)
	local got
	assert(client:Command(words, function(...) got = { n = select("#", ...), ... } end, kit.PATIENCE))
	kit.wait("the answer to " .. words[1], function() return got end)
	return got[1], got[2], got[3], got.n
end

host.test("a message reaches its callback, and one of another program", function()
	local client, messages = connect(), {}
	client:Subscribe("chat", function(message, channel) messages[#messages + 1] = channel .. ":" .. message end)
	local err, receivers = kit.publish(client, "chat", "hello")
	kit.eq({ err, receivers }, {}, "nobody counts receivers")
	kit.wait("the message", function() return messages[1] end)
	host.server.publish("chat", "it's from psql")
	kit.wait("the other", function() return messages[2] end)
	kit.eq(messages, { "chat:hello", "chat:it's from psql" })
	client:Disconnect()
end)

host.test("rows are tables by the names of their columns", function()
	local client = connect()
	kit.eq((ask(client, { "CREATE TABLE players (id text PRIMARY KEY, points int8, alive bool, tags text[], note text)" })), nil)
	local err, rows, result = ask(client, {
		"INSERT INTO players VALUES ($1, $2, $3, $4, $5)", "76561198000000001", 42, "true", "{a,b}", realtime.NULL,
	})
	kit.eq({ err, #rows, result.affected }, { nil, 0, 1 })
	err, rows, result = ask(client, { "SELECT * FROM players" })
	kit.eq(err, nil)
	kit.eq(rows, { { id = "76561198000000001", points = 42, alive = true, tags = { "a", "b" }, note = realtime.NULL } })
	kit.eq(result.columns, { "id", "points", "alive", "tags", "note" })
	assert(result.rows == rows and result.affected == 1)
	err, rows = ask(client, { "SELECT 9007199254740993::int8 AS big, 1.10::numeric AS exact, 0.5::float8 AS half, '\\x00ff'::bytea AS raw" })
	kit.eq(err, nil)
	kit.eq(rows, { { big = "9007199254740993", exact = "1.10", half = 0.5, raw = "\0\255" } })
	client:Disconnect()
end)

host.test("an error has the server's SQLSTATE, its detail, and no result", function()
	local client = connect()
	local err, rows, _, count = ask(client, { "INSERT INTO players VALUES ($1)", "76561198000000001" })
	kit.eq({ err.code, err.sent, rows, count }, { "23505", true, nil, 2 })
	assert(err.message:find("duplicate key", 1, true) and err.message:find("detail: Key (id)", 1, true), err.message)
	kit.eq({ (ask(client, { "SELECT 1" })) }, {}, "and the connection goes on")
	client:Disconnect()
end)

host.test("a transaction is done as a whole, its message with it", function()
	local client, messages, got = connect(), {}, nil
	client:Subscribe("bans", function(message) messages[#messages + 1] = message end)
	local function transact(commands)
		got = nil
		assert(client:Transaction(commands, function(...) got = { ... } end, kit.PATIENCE))
		kit.wait("the answer", function() return got end)
		return unpack(got, 1, 2)
	end
	local err, results = transact({
		{ "UPDATE players SET points = points + $1 RETURNING points", 8 },
		{ "SELECT pg_notify('bans', $1)", "one" },
	})
	kit.eq({ err, results[1].rows, results[1].affected }, { nil, { { points = 50 } }, 1 })
	err, results = transact({
		{ "SELECT pg_notify('bans', 'never')" },
		{ "UPDATE players SET points = 1" },
		{ "SELECT 1/0" },
	})
	kit.eq({ err.code, results }, { "22012", nil })
	assert(err.message:find("statement 3 of 3 failed", 1, true), err.message)
	local _, rows = ask(client, { "SELECT points FROM players" })
	kit.eq(rows, { { points = 50 } })
	kit.publish(client, "bans", "two")
	kit.wait("the messages", function() return messages[2] end)
	kit.eq(messages, { "one", "two" })
	client:Disconnect()
end)

host.test("CommandSync gives rows and their result", function()
	local client = connect()
	local err, rows, result = client:CommandSync({ "SELECT $1::int + 1 AS n", 41 }, kit.PATIENCE)
	kit.eq({ err, rows, result.affected }, { nil, { { n = 42 } }, 1 })
	client:Disconnect()
end)

host.test("what PostgreSQL has not raises and says why", function()
	local client = connect()
	local function nothing() end
	kit.raises("PostgreSQL has no patterns", client.PSubscribe, client, "chat.*", nothing)
	kit.raises("no sharded channels", client.SSubscribe, client, "chat", nothing)
	kit.raises("1 to 63 bytes", client.Subscribe, client, ("x"):rep(64), nothing)
	kit.raises("up to 7999 bytes", client.Publish, client, "chat", ("x"):rep(8000))
	kit.raises("is not UTF%-8", client.Publish, client, "chat", "\255")
	kit.raises("use client:Subscribe", client.Command, client, { "LISTEN chat" })
	kit.raises("use client:Transaction", client.Command, client, { "BEGIN" })
	kit.raises("parameter %$1", client.Command, client, { "SELECT $1", "a\0b" })
	client:Disconnect()
end)

host.test("a client whose connections are cut is back by itself and tells the gap", function()
	local client, gaps, messages = connect({ reconnect_max = 0.1 }), 0, {}
	client:Subscribe("chat", function(message) messages[#messages + 1] = message end)
	client:On("gap", function() gaps = gaps + 1 end)
	kit.publish(client, "chat", "before")
	kit.wait("the first message", function() return messages[1] end) -- over another connection than the answer
	host.server.drop()
	kit.wait("the gap", function() return gaps == 1 and client:IsConnected() end)
	kit.publish(client, "chat", "after")
	kit.wait("the message", function() return messages[2] end)
	kit.eq(messages, { "before", "after" })
	client:Disconnect()
end)
