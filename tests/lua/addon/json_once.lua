-- Values come out as they went in. Values without a form in JSON are refused, with their place.

local kit = include("../_kit.lua")

local function round(value)
	local text, reason = realtime.Encode(value, "here")
	assert(text, reason)
	local back, from = realtime.Decode(text)
	kit.eq(from, "here")
	return back, text
end

host.test("values of every kind come back as they were", function()
	for _, value in ipairs({
		"text", "", '"quotes" \\ and / \n\r\t \0 \127 \1', "snow ☃ 𝄞", "76561198000000001", true, false, 0, -1, 2 ^ 53, -2 ^ 53,
		0.1, 1 / 3, -2.5e-300, 1.7976931348623157e308 / 1e300 + 0.5, {}, { 1, 2, 3 }, { a = { b = { c = "d" } } },
		{ ["76561198000000001"] = "Alice", ["1"] = "one", ["true"] = 1, inf = 2, nan = 3, [""] = 4 },
		{ "x", { "y", { z = false } } }, { list = { { id = 1 }, { id = 2 } }, ["[1 2 3]"] = "[1 2 3]" },
	}) do
		kit.eq(round(value), value, kit.show(value))
	end
end)

host.test("a SteamID64 survives as key and as value, where the game's own reader loses it", function()
	local id = "76561198000000001"
	local back, text = round({ [id] = id })
	kit.eq(back, { [id] = id })
	local game = util.JSONToTable(text).data
	assert(game[id] == nil, "the stand-in for util.JSONToTable is kinder than the game")
end)

host.test("integers that a number cannot hold come as text", function()
	local data = realtime.Decode('{"from":"bot","data":{"id":76561198000000001,"small":9007199254740992,"neg":-76561198000000001,"f":1.5e3}}')
	kit.eq(data, { id = "76561198000000001", small = 2 ^ 53, neg = "-76561198000000001", f = 1500 })
	-- In any form, so that every decoded value can be encoded.
	data = realtime.Decode('{"from":"bot","data":[1e300,-1e17,9007199254740993,9007199254740992.0,-9007199254740993,9007199254740991,1e-300]}')
	kit.eq(data, { "1e300", "-1e17", "9007199254740993", "9007199254740992.0", "-9007199254740993", 2 ^ 53 - 1, 1e-300 })
	assert(realtime.Encode(data))
end)

host.test("nulls: none in objects, realtime.NULL in lists", function()
	local data = realtime.Decode('{"from":"bot","data":{"a":null,"list":[null,1,null,false]}}')
	kit.eq(data.a, nil)
	kit.eq(#data.list, 4)
	assert(data.list[1] == realtime.NULL and data.list[3] == realtime.NULL and data.list[4] == false)
	local _, text = round({ 1, realtime.NULL })
	assert(text:find("[1,null]", 1, true), text)
end)

host.test("what has no form in JSON is refused with the reason and the place", function()
	local function refused(value, ...)
		local text, reason = realtime.Encode(value, "here")
		kit.eq(text, nil)
		for _, part in ipairs({ ... }) do
			assert(reason:find(part, 1, true), kit.show(reason) .. " does not say " .. part)
		end
	end
	refused({ pos = { 1, { y = 0 / 0 } } }, "pos[2].y: ", "NaN")
	refused({ speed = 1 / 0 }, "speed: ", "infinity")
	refused({ speed = -1 / 0 }, "speed: ", "infinity")
	refused(0 / 0, "the value: ", "NaN")
	refused(nil, "nil")
	refused({ ["a key"] = { print } }, '["a key"][1]: ', "function")
	-- A received text can be a key, and must not begin a line of the console or steer a terminal.
	refused({ ["a\n[realtime] b\194\1552J\27[2J"] = print }, '["a\\n[realtime] b?2J\\27[2J"]: ', "function")
	refused({ id = 76561198000000001 }, "id: ", "SteamID64 as a string")
	refused({ [5] = "x" }, "[5]: ", "tostring")
	refused({ "x", y = 1 }, "[1]: ", "tostring")
	refused({ 1, nil, 3, [7] = 7 }, "tostring")
	refused({ [true] = 1 }, "boolean")
	refused({ thread = coroutine.create(print) }, "thread: ")
	local alice = host.players.add({ name = "Alice" })
	refused({ e = NULL }, "e: an Entity has no form in JSON")
	refused({ gun = alice:Give("weapon_357") }, "gun: a Weapon has no form in JSON")
	refused({ who = { alice } }, "who[1]: a Player has no form in JSON: send its SteamID64")
	refused({ [alice] = 1 }, "a Player as a key")
	local loop = {}
	loop.loop = loop
	refused(loop, "a table that contains itself")
end)

host.test("what is no envelope is told as such, a mistake in one with line and column; nothing raises or runs on", function()
	local function wrong(text, part)
		local data, reason = realtime.Decode(text)
		kit.eq(data, nil, kit.show(text))
		assert(isstring(reason) and reason:find(part, 1, true), kit.show(text) .. ": " .. tostring(reason))
	end
	local NO_ENVELOPE = 'no envelope, such as {"from":"ttt-1","data":…}'
	local MISTAKE = NO_ENVELOPE .. ", because of a mistake in "
	wrong('{"from":"a",\n"data":x}', MISTAKE .. "line 2, column 8: expected a value")
	wrong('\239\187\191 \n{"from":"a","data":1', MISTAKE .. "line 2, column 21: expected ',' or '}'")
	for _, bare in ipairs({ "", " ", "hello", "5", "5 apples", "hello {}", '"text', "[1,", "NULL", "<html>", "from=a", "\239\187\191hello", "\0" }) do
		kit.eq({ realtime.Decode(bare) }, { nil, NO_ENVELOPE }, kit.show(bare))
	end
	for _, text in ipairs({
		"{", "[", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "[1,]", "[1 2]", '"abc', '"\\', '"\\x"', '"\\u12"', "tru", "nul", "-",
		"01", "-01", "1.", "1e", ".5", "+1", "1e999", "1e" .. ("9"):rep(50), "1e-" .. ("9"):rep(50), "[1] 2", "{1:2}", "{'a':1}", "\0", "NaN", "Infinity", "//", "[1,]]",
	}) do
		local data, reason = realtime.Decode(text)
		assert(data == nil and isstring(reason), kit.show(text))
	end
	wrong(("["):rep(4000), "no envelope")
	wrong(('{"a":'):rep(4000), "levels")
	wrong("[1,2,3]", "no envelope")
	wrong('{"data":1}', "no envelope")
	wrong('{"from":5,"data":1}', "no envelope")
	wrong('{"from":"a"}', "no envelope")
	wrong('{"from":"","data":1}', "no id")
	wrong('{"from":"a b","data":1}', "no id")
	wrong('{"from":"\\u001b[2J","data":1}', "no id")
	wrong('{"from":"' .. ("x"):rep(65) .. '","data":1}', "no id")
	wrong('"text"', "no envelope")
	kit.eq(realtime.Decode(5), nil)
	kit.eq({ realtime.Decode('{"from":"web","data":{"x":1},"time":5}') }, { { x = 1 }, "web" }, "more keys are no harm")
end)

host.test("a server's own id is the sender if none is given", function()
	local _, from = realtime.Decode(realtime.Encode({}))
	kit.eq(from, (realtime.ServerId()))
end)

host.test("random tables survive", function()
	math.randomseed(1)
	local function value(depth)
		local kind = math.random(depth > 4 and 4 or 6)
		if kind == 1 then return math.random() < 0.5 end
		if kind == 2 then return math.random(-1e9, 1e9) * (math.random() < 0.5 and 1 or math.random()) end
		if kind <= 4 then
			local bytes = {}
			for i = 1, math.random(0, 12) do bytes[i] = string.char(math.random(0, 127)) end
			return table.concat(bytes)
		end
		local t = {}
		for i = 1, math.random(0, 6) do
			t[kind == 5 and i or "k" .. math.random(0, 1e6)] = value(depth + 1)
		end
		return t
	end
	for _ = 1, 500 do
		local wanted = value(1)
		kit.eq(round(wanted), wanted)
	end
end)

local function envelope(data) return '{"from":"here","data":' .. data .. "}" end

host.test("data of 64 KiB passes, a byte more is refused at both ends", function()
	local text = ("x"):rep(65536 - 2) -- and two quotes
	kit.eq(round(text), text)
	local encoded, reason = realtime.Encode(text .. "x", "here")
	kit.eq({ encoded, reason }, { nil, "the value: more than 65536 bytes of JSON" })
	kit.eq({ realtime.Encode({ a = { b = text } }, "here") }, { nil, "the value: more than 65536 bytes of JSON" })
	kit.eq({ realtime.Encode({ [text] = 1 }, "here") }, { nil, "the value: more than 65536 bytes of JSON" })
	-- A message has 4 KiB beside its data: other programs may send more keys, or spaces.
	local bare = envelope("1")
	local spaces = (" "):rep(65536 + 4096 - #bare)
	kit.eq({ realtime.Decode(bare .. spaces) }, { 1, "here" })
	kit.eq({ realtime.Decode(bare .. spaces .. " ") }, { nil, "it has 69633 bytes, more than the 69632 allowed" })
end)

host.test("20,000 elements pass, one more is refused at both ends, before a table is made of any", function()
	-- A table counts as four, and so does the list itself.
	local numbers, tables = {}, {}
	for i = 1, 19996 do numbers[i] = 1 end
	for i = 1, 4999 do tables[i] = {} end
	kit.eq({ #round(numbers), #round(tables) }, { 19996, 4999 })
	for _, list in ipairs({ numbers, tables }) do
		list[#list + 1] = 1
		kit.eq({ realtime.Encode(list, "here") }, { nil, "the value: more than 20000 elements" })
	end
	-- The envelope has five elements itself; sixty-four are allowed for it.
	kit.eq(#realtime.Decode(envelope("[" .. ("1,"):rep(20054) .. "1]")), 20055)
	kit.eq(#realtime.Decode(envelope("[" .. ("[],"):rep(5012) .. "[]]")), 5013)
	for _, text in ipairs({
		envelope("[" .. ("[],"):rep(5013) .. "[]]"), envelope("[" .. ("1,"):rep(20055) .. "1]"),
		envelope("[" .. ('"",'):rep(20055) .. '""]'), envelope(("[{"):rep(20) .. ("1,"):rep(32000)),
		envelope("[" .. ('{"":1},'):rep(9000) .. "1]"),
	}) do
		collectgarbage()
		collectgarbage("stop")
		local before = collectgarbage("count")
		local data, reason = realtime.Decode(text)
		local kilobytes = collectgarbage("count") - before
		collectgarbage("restart")
		kit.eq({ data, reason }, { nil, "it has more than 20064 elements" })
		assert(kilobytes < 8, kilobytes .. " KiB were made of it")
	end
	-- Brackets and commas inside strings do not count, nor do keys; an empty table counts only as itself.
	local text = ('[{,\\"'):rep(10000)
	kit.eq(#realtime.Decode(envelope('"' .. text .. '"')), 40000)
	local keys = {}
	for i = 1, 2500 do keys["k" .. i] = { [","] = "[,]" } end
	kit.eq(round(keys), keys)
end)

host.test("what the encoder counts the decoder counts", function()
	local json = realtime.addon.json
	local value = { 1, {}, { a = {}, b = { 1, 2, { c = false } } }, "[,]", realtime.NULL } -- six tables, and six others
	local text = json.Encode(value)
	for most = 28, 32 do
		local bounds = { bytes = 1000, elements = most }
		local encoded = json.Encode(value, bounds)
		-- The decoder need not count a text that is too short for more than `most`.
		local decoded = json.Decode(text .. (" "):rep(600), bounds)
		kit.eq({ most, encoded ~= nil, decoded ~= nil }, { most, most >= 30, most >= 30 })
	end
end)
