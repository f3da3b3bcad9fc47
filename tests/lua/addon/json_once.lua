-- What goes in comes out; what has no form in JSON is refused, with the place where it is.

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
	refused({ id = 76561198000000001 }, "id: ", "SteamID64 as a string")
	refused({ [5] = "x" }, "[5]: ", "tostring")
	refused({ "x", y = 1 }, "[1]: ", "tostring")
	refused({ 1, nil, 3, [7] = 7 }, "tostring")
	refused({ [true] = 1 }, "boolean")
	refused({ thread = coroutine.create(print) }, "thread: ")
	local loop = {}
	loop.loop = loop
	refused(loop, "a table in itself")
end)

host.test("what is no JSON is told with line and column; nothing raises or runs on", function()
	local function wrong(text, part)
		local data, reason = realtime.Decode(text)
		kit.eq(data, nil, kit.show(text))
		assert(isstring(reason) and reason:find(part, 1, true), kit.show(text) .. ": " .. tostring(reason))
	end
	wrong('{"from":"a",\n"data":x}', "line 2, column 8: expected a value")
	wrong("", "line 1, column 1")
	for _, text in ipairs({
		"{", "[", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "[1,]", "[1 2]", '"abc', '"\\', '"\\x"', '"\\u12"', "tru", "nul", "-",
		"01", "-01", "1.", "1e", ".5", "+1", "1e999", "[1] 2", "{1:2}", "{'a':1}", "\0", "NaN", "Infinity", "//", "[1,]]",
	}) do
		local data, reason = realtime.Decode(text)
		assert(data == nil and isstring(reason), kit.show(text))
	end
	wrong(("["):rep(100000), "levels")
	wrong(('{"a":'):rep(100000), "levels")
	wrong("[1,2,3]", "no envelope")
	wrong('{"data":1}', "no envelope")
	wrong('{"from":5,"data":1}', "no envelope")
	wrong('{"from":"a"}', "no envelope")
	wrong('"text"', "no envelope")
	kit.eq(realtime.Decode(5), nil)
	kit.eq({ realtime.Decode('{"from":"web","data":{"x":1},"time":5}') }, { { x = 1 }, "web" }, "more keys are no harm")
end)

host.test("a server's own id is the sender if none is given", function()
	local _, from = realtime.Decode(realtime.Encode({}))
	kit.eq(from, (realtime.ServerId()))
end)

host.test("random tables survive", function()
	local seed = math.floor(SysTime() * 1e6) % 2 ^ 31
	math.randomseed(seed)
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
		kit.eq(round(wanted), wanted, "seed " .. seed)
	end
end)
