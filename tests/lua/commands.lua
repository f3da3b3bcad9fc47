-- servers: fake, real
-- Publish, Command, Transaction, CommandSync, Ping: arguments, answers, errors.

local kit = include("_kit.lua")

host.test("a command's answer comes with the error first", function()
	local client, key = kit.ready(), kit.unique("key")
	kit.eq({ kit.command(client, { "SET", key, "value" }) }, { nil, "OK" })
	kit.eq({ kit.command(client, { "GET", key }) }, { nil, "value" })
	kit.eq({ kit.command(client, { "GET", key .. "none" }) }, {}, "a null")
	kit.eq({ kit.command(client, { "INCRBY", key .. "n", 41 }) }, { nil, 41 })
	kit.eq({ kit.command(client, { "incr", key .. "n" }) }, { nil, 42 }, "lower case")
	client:Disconnect()
end)

host.test("answers come in the order of the commands", function()
	local client, key, got = kit.ready(), kit.unique("n"), {}
	for i = 1, 2000 do
		assert(client:Command({ "INCR", key }, function(err, reply) got[i] = err or reply end))
	end
	kit.wait("the last answer", function() return got[2000] ~= nil end)
	for i = 1, 2000 do kit.eq(got[i], i) end
	client:Disconnect()
end)

host.test("the server's error keeps its code and says that it was sent", function()
	local client, key = kit.ready(), kit.unique("str")
	kit.command(client, { "SET", key, "x" })
	local err, reply = kit.command(client, { "LPUSH", key, "y" })
	kit.eq(err.code, "WRONGTYPE")
	kit.eq(err.sent, true)
	kit.eq(reply, nil)
	assert(tostring(err):find("^WRONGTYPE: "), tostring(err))
	assert(not err.message:find("WRONGTYPE"), "the code stands in the message again: " .. err.message)
	err = kit.command(client, { "NOSUCHCOMMAND", "x" })
	kit.eq(err.code, "ERR")
	assert(err.message:find("unknown command"), err.message)
	client:Disconnect()
end)

host.test("an error concatenates as its text, on either side of whatever there is", function()
	local client = kit.ready()
	local text = "ERR: wrong number of arguments for 'get' command"
	local errors = { (kit.command(client, { "GET" })) }
	client:Disconnect()
	kit.wait("the end", function() return client:Stats().pending == nil end)
	local _, refused = client:Publish("chat", "x")
	errors[2], errors[3] = refused, client:CommandSync({ "PING" })
	for _, err in ipairs(errors) do
		local text = tostring(err)
		kit.eq({ "failed: " .. err, err .. "!", err .. err, 5 .. err, err .. 0.5, "a " .. err .. " z" },
			{ "failed: " .. text, text .. "!", text .. text, "5" .. text, text .. "0.5", "a " .. text .. " z" })
		-- Nothing may raise in an error path.
		local odd = setmetatable({}, { __tostring = function() error("raises") end })
		kit.eq({ err .. nil, true .. err, err .. odd }, { text .. "nil", "true" .. text, text .. "(error object is a table value)" })
	end
	kit.eq("failed: " .. errors[1], "failed: " .. text)
end)

host.test("numbers are sent as plain digits or the shortest text that reads back", function()
	local client = kit.ready()
	local cases = {
		{ 0, "0" }, { -0.0, "0" }, { 1, "1" }, { -17, "-17" }, { 1e14, "100000000000000" }, { 2 ^ 53, "9007199254740992" },
		{ -2 ^ 53, "-9007199254740992" }, { 0.5, "0.5" }, { 0.1, "0.1" }, { 1 / 3, "0.3333333333333333" },
		{ 1e-7, "1e-7" }, { 123456.789, "123456.789" },
	}
	for _, case in ipairs(cases) do
		local _, reply = kit.command(client, { "ECHO", case[1] })
		kit.eq(tonumber(reply), case[1] + 0, "reads back")
		if case[2] ~= "1e-7" then kit.eq(reply, case[2]) end
	end
	local channel, got = kit.unique("num"), kit.recorder()
	client:Subscribe(channel, got.fn)
	kit.publish(client, channel, 12)
	kit.publish(client, channel, 0.25)
	kit.wait("two messages", function() return #got == 2 end)
	kit.eq(got[1][1], "12")
	kit.eq(got[2][1], "0.25")
	client:Disconnect()
end)

host.test("a number beyond 2^53 raises and says what to do", function()
	local client = kit.ready()
	local message = kit.raises("string", client.Command, client, { "SET", "k", 76561198000000001 })
	assert(message:find("3"), "names the index: " .. message)
	kit.raises("2%^53", client.Publish, client, "c", 2 ^ 53 + 2)
	client:Disconnect()
end)

host.test("booleans, NaN, infinity, tables and holes raise and name the index", function()
	local client = kit.ready()
	for _, bad in ipairs({ true, false, 0 / 0, 1 / 0, -1 / 0, {}, print }) do
		kit.raises("3", client.Command, client, { "SET", "k", bad })
		kit.raises("", client.Publish, client, "c", bad)
	end
	kit.raises("2", client.Command, client, { "SET", nil, "v" })
	kit.raises("", client.Command, client, {})
	kit.raises("", client.Transaction, client, {})
	kit.raises("", client.Transaction, client, { { "SET", "k", true } })
	kit.raises("", client.Transaction, client, { "SET" })
	client:Disconnect()
end)

host.test("commands that would break the connection raise and name what to use", function()
	local client = kit.ready()
	for name, hint in pairs({
		SUBSCRIBE = "use client:Subscribe", psubscribe = "use client:PSubscribe", UNSUBSCRIBE = "use client:Unsubscribe",
		PUNSUBSCRIBE = "use client:PUnsubscribe", SSUBSCRIBE = "use client:SSubscribe", SUNSUBSCRIBE = "use client:SUnsubscribe",
		MULTI = "use client:Transaction", EXEC = "client:Transaction", DISCARD = "client:Transaction",
		WATCH = "use client:Transaction, or EVAL", HELLO = "protocol", AUTH = "password of realtime.Connect",
		SELECT = "option db of realtime.Connect", QUIT = "use client:Disconnect", RESET = "client:Disconnect", MONITOR = "",
		SYNC = "", PSYNC = "", BLPOP = "LPOP", BRPOP = "RPOP", BLMOVE = "LMOVE", BRPOPLPUSH = "", BZPOPMIN = "", BZPOPMAX = "",
		WAIT = "",
	}) do
		local message = kit.raises(name:upper(), client.Command, client, { name, "x", "y" })
		assert(message:find(hint, 1, true), message)
		kit.raises(name:upper(), client.CommandSync, client, { name, "x", "y" })
		kit.raises(name:upper(), client.Transaction, client, { { name, "x", "y" } })
	end
	kit.raises("BLOCK", client.Command, client, { "XREAD", "BLOCK", "0", "STREAMS", "s", "$" })
	kit.raises("REPLY", client.Command, client, { "CLIENT", "REPLY", "OFF" })
	kit.eq(kit.command(client, { "CLIENT", "GETNAME" }), nil, "CLIENT GETNAME is fine")
	client:Disconnect()
end)

host.test("a transaction runs in one piece and answers with a list", function()
	local client, key = kit.ready(), kit.unique("tx")
	local done, err, replies
	assert(client:Transaction({ { "SET", key, "1" }, { "INCR", key }, { "GET", key }, { "GET", key .. "none" } },
		function(e, r) done, err, replies = true, e, r end))
	kit.wait("the answer", function() return done end)
	kit.eq(err, nil)
	kit.eq(replies, { "OK", 2, "2", realtime.NULL })
	client:Disconnect()
end)

host.test("an error inside a transaction is an error table in the list", function()
	local client, key = kit.ready(), kit.unique("tx")
	local done, err, replies
	client:Transaction({ { "SET", key, "x" }, { "INCR", key }, { "GET", key } }, function(e, r)
		done, err, replies = true, e, r
	end)
	kit.wait("the answer", function() return done end)
	kit.eq(err, nil)
	kit.eq(replies[1], "OK")
	kit.eq(replies[2].code, "ERR")
	assert(tostring(replies[2]):find("not an integer"), tostring(replies[2]))
	kit.eq(replies[3], "x")
	client:Disconnect()
end)

host.test("a transaction that the server refuses is an EXECABORT", function()
	local client = kit.ready()
	local done, err
	client:Transaction({ { "SET", "only-one-argument" }, { "PING" } }, function(e) done, err = true, e end)
	kit.wait("the answer", function() return done end)
	kit.eq(err.code, "EXECABORT")
	assert(err.message:find("wrong number of arguments"), err.message)
	kit.eq({ kit.command(client, { "ECHO", "fine" }) }, { nil, "fine" }, "the next command")
	client:Disconnect()
end)

host.test("CommandSync returns error and reply, before the client is connected too", function()
	local client, key = kit.connect(), kit.unique("sync")
	kit.eq({ client:CommandSync({ "SET", key, "1" }) }, { nil, "OK" })
	kit.eq({ client:CommandSync({ "GET", key }) }, { nil, "1" })
	kit.eq({ client:CommandSync({ "GET", key .. "none" }) }, {})
	local err = client:CommandSync({ "LPUSH", key, "x" })
	kit.eq(err.code, "WRONGTYPE")
	client:Disconnect()
end)

host.test("CommandSync runs no other callback and overtakes what is queued", function()
	local client, channel, got = kit.ready(), kit.unique("sync"), kit.recorder()
	kit.subscribe(client, channel, got.fn)
	for i = 1, 100 do client:Publish(channel, i) end
	local err, reply = client:CommandSync({ "ECHO", "now" })
	kit.eq({ err, reply }, { nil, "now" })
	kit.eq(#got, 0, "callbacks that ran meanwhile")
	kit.wait("the messages", function() return #got == 100 end)
	client:Disconnect()
end)

host.test("Ping tells the round trip in seconds", function()
	local client, got = kit.ready(), kit.recorder()
	assert(client:Ping(got.fn))
	kit.wait("the answer", function() return #got == 1 end)
	kit.eq(got[1][1], nil)
	assert(got[1][2] > 0 and got[1][2] < kit.PATIENCE, tostring(got[1][2]))
	assert(client:Stats().round_trip > 0)
	assert(client:Ping(), "without a callback")
	client:Disconnect()
end)

host.test("an error that nobody waits for is an event with command and channel, never arguments", function()
	local client, key, got = kit.ready(), kit.unique("nobody"), kit.recorder()
	client:On("error", got.fn)
	kit.command(client, { "SET", key, "x" })
	client:Command({ "LPUSH", key, "s3cret" })
	kit.wait("the event", function() return #got == 1 end)
	local info = got[1][1]
	kit.eq(info.command, "LPUSH")
	kit.eq(info.err.code, "WRONGTYPE")
	kit.eq(info.channel, nil)
	assert(got[1][2] == client, "the client is the second argument")
	assert(not kit.show(info):find("s3cret"), "the arguments leaked")
	client:Disconnect()
end)

host.test("replies of every kind that HGETALL and its like give", function()
	local client, key = kit.ready(), kit.unique("hash")
	for _, field in ipairs({ "a", "b" }) do kit.command(client, { "HSET", key, field, field:byte() - 96 }) end
	local err, reply = kit.command(client, { "HGETALL", key })
	kit.eq(err, nil)
	kit.eq(realtime.Map(reply), { a = "1", b = "2" }, "Map under either protocol")
	kit.command(client, { "RPUSH", key .. "l", "x", "y", "z" })
	kit.eq({ kit.command(client, { "LRANGE", key .. "l", 0, -1 }) }, { nil, { "x", "y", "z" } })
	kit.command(client, { "SADD", key .. "s", "one" })
	kit.eq({ kit.command(client, { "SMEMBERS", key .. "s" }) }, { nil, { "one" } })
	kit.command(client, { "SET", key .. "n", "9007199254740993" })
	kit.eq({ kit.command(client, { "INCR", key .. "n" }) }, { nil, "9007199254740994" }, "beyond 2^53")
	kit.eq({ kit.command(client, { "LRANGE", key .. "none", 0, -1 }) }, { nil, {} }, "an empty list")
	client:Disconnect()
end)
