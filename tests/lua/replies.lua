-- How each kind of reply reaches Lua. The embedded server answers FAKE.REPLY with the given bytes.

local kit = include("_kit.lua")

local client

local function reply(bytes)
	client = client or kit.ready()
	return kit.command(client, { "FAKE.REPLY", bytes })
end

host.test("scalars", function()
	local cases = {
		{ "+OK\r\n", "OK" }, { "$3\r\na\0b\r\n", "a\0b" }, { ":42\r\n", 42 }, { ":-1\r\n", -1 },
		{ ":9007199254740992\r\n", 2 ^ 53 }, { ":9007199254740993\r\n", "9007199254740993" },
		{ ":-9223372036854775808\r\n", "-9223372036854775808" }, { ",1.5\r\n", 1.5 }, { ",inf\r\n", 1 / 0 },
		{ "#t\r\n", true }, { "#f\r\n", false }, { "(123456789012345678901234567890\r\n", "123456789012345678901234567890" },
		{ "=7\r\ntxt:abc\r\n", "abc" }, { "$?\r\n;2\r\nab\r\n;1\r\nc\r\n;0\r\n", "abc" }, { "|1\r\n+ttl\r\n:1\r\n+x\r\n", "x" },
	}
	for _, case in ipairs(cases) do
		kit.eq({ reply(case[1]) }, { nil, case[2] }, case[1])
	end
	local err, nan = reply(",nan\r\n")
	kit.eq(err, nil)
	assert(nan ~= nan, "NaN")
	for _, null in ipairs({ "_\r\n", "$-1\r\n", "*-1\r\n" }) do
		kit.eq({ reply(null) }, {}, null)
	end
end)

host.test("errors", function()
	local err = reply("-WRONGTYPE Operation against a key\r\n")
	kit.eq({ err.code, err.message, err.sent, tostring(err) },
		{ "WRONGTYPE", "Operation against a key", true, "WRONGTYPE: Operation against a key" })
	err = reply("!21\r\nSYNTAX invalid syntax\r\n")
	kit.eq({ err.code, err.message }, { "SYNTAX", "invalid syntax" })
	err = reply("-something without a code\r\n")
	kit.eq(err.code, "ERR")
	kit.eq(err.message, "something without a code")
end)

host.test("sequences and sets, nulls and errors inside", function()
	local NULL = realtime.NULL
	kit.eq({ reply("*3\r\n:1\r\n$-1\r\n:3\r\n") }, { nil, { 1, NULL, 3 } })
	kit.eq({ reply("*0\r\n") }, { nil, {} })
	kit.eq({ reply("~2\r\n+a\r\n+b\r\n") }, { nil, { "a", "b" } })
	kit.eq({ reply("*?\r\n:1\r\n*1\r\n_\r\n.\r\n") }, { nil, { 1, { NULL } } })
	local _, list = reply("*2\r\n-ERR inner\r\n:2\r\n")
	kit.eq(tostring(list[1]), "ERR: inner")
	kit.eq(list[2], 2)
end)

host.test("maps, with keys that Lua has trouble with", function()
	kit.eq({ reply("%2\r\n+a\r\n:1\r\n:7\r\n#t\r\n") }, { nil, { a = 1, [7] = true } })
	local err, map = reply("%3\r\n_\r\n+null\r\n,nan\r\n+nan\r\n#f\r\n_\r\n")
	kit.eq(err, nil)
	kit.eq(map[realtime.NULL], "null")
	kit.eq(map.nan, "nan")
	kit.eq(map[false], realtime.NULL)
	for _, key in ipairs({ "*0\r\n", "%0\r\n", "~1\r\n:1\r\n" }) do
		local refused = reply("%1\r\n" .. key .. "+v\r\n")
		kit.eq(refused.code, "UNSUPPORTED")
	end
	local refused = reply("*2\r\n:1\r\n%1\r\n*0\r\n+v\r\n")
	kit.eq(refused.code, "UNSUPPORTED", "deep inside as well")
end)

host.test("nesting as deep as the limit, and wide", function()
	local err, value = reply(("*1\r\n"):rep(100) .. ":7\r\n")
	kit.eq(err, nil)
	for _ = 1, 100 do value = value[1] end
	kit.eq(value, 7)
	local wide = { "*10000\r\n" }
	for i = 1, 10000 do wide[#wide + 1] = ":" .. i .. "\r\n" end
	err, value = reply(table.concat(wide))
	kit.eq(err, nil)
	kit.eq(#value, 10000)
	kit.eq(value[10000], 10000)
end)

host.test("an array that looks like a message is a reply", function()
	kit.eq({ reply("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n") }, { nil, { "message", "c", "m" } })
end)

host.test("every type that the server's own DEBUG PROTOCOL gives", function()
	for name, expected in pairs({ string = "Hello World", integer = 12345, double = 3.141, null = false, array = { 0, 1, 2 } }) do
		local err, value = kit.command(client, { "DEBUG", "PROTOCOL", name })
		kit.eq(err, nil, name)
		if host.protocol == 3 or name ~= "double" then kit.eq(value or false, expected, name) end
	end
	if host.protocol == 3 then
		kit.eq({ kit.command(client, { "DEBUG", "PROTOCOL", "true" }) }, { nil, true })
		kit.eq({ kit.command(client, { "DEBUG", "PROTOCOL", "false" }) }, { nil, false })
		kit.eq({ kit.command(client, { "DEBUG", "PROTOCOL", "bignum" }) }, { nil, "1234567999999999999999999999999999999" })
	end
end)

host.test("a reply that breaks the protocol costs the connection, not the process", function()
	local other = kit.ready({ reconnect_min = 0.02, reconnect_max = 0.1 })
	local err = kit.command(other, { "FAKE.REPLY", "*1\r\n?what\r\n" })
	assert(err.code == "PROTOCOL" or err.code == "DISCONNECTED", tostring(err))
	kit.wait("ready again", function() return other:IsConnected() end)
	kit.eq({ kit.command(other, { "ECHO", "x" }) }, { nil, "x" })
	other:Disconnect()
	client:Disconnect()
end)
