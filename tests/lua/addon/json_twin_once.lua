-- The module's JSON beside its naive twin in Lua: the same values, texts and reasons, for random values and texts. The
-- argument seed=N chooses others; a failure names its seed.

local kit = include("../_kit.lua")
local twin = include("_json_twin.lua")(realtime)

local seed = tonumber((host.args[1] or ""):match("^seed=(%d+)$")) or 1
math.randomseed(seed)
local random, pick = math.random, function(list) return list[math.random(#list)] end
local hint = "seed=" .. seed

local STRINGS = {
	"", "a", "data", "key with spaces", "76561198000000001", '"', "\\", "\n", "\0", "\127", "é€𝄞", "\255\192", "0", "1", "-1", "1e5",
	("x"):rep(63), ("x"):rep(64), ("x"):rep(65), ('"'):rep(70), "end", "_a1", "NULL", "line\r\nline\t", "\1\31 ",
}
local NUMBERS = {
	0, -0, 1, -1, 0.5, 1 / 3, 0.1 + 0.2, 1e-5, 0.0001, 123.456, 2 ^ 53, -2 ^ 53, 2 ^ 53 + 2, 1e300, -1e15, 1e15 + 0.5, 5e-324,
	1 / 0, -1 / 0, 0 / 0, 255, 65536, -7.25, 1024.53125,
}

local function string_of(length)
	local bytes = {}
	for i = 1, length do bytes[i] = string.char(random(0, 255)) end
	return table.concat(bytes)
end

local function a_string() return random() < 0.8 and pick(STRINGS) or string_of(random(0, 30)) end

local function a_number()
	local kind = random(6)
	if kind == 1 then return pick(NUMBERS) end
	if kind == 2 then return random(-1e9, 1e9) end
	if kind == 3 then return random(-1e9, 1e9) / 10 ^ random(1, 8) end
	if kind == 4 then return (random() - 0.5) * 10 ^ random(-300, 15) end
	return random(-100, 100)
end

local ODD = { print, coroutine.create(print), newproxy(), NULL, host.players.add() }

-- `odd`: how often a value without a form in JSON comes.
local function value(depth, odd)
	local kind = random(depth > 5 and 5 or 9)
	if random() < odd then return pick(ODD) end
	if kind == 1 then return random() < 0.5 end
	if kind == 2 then return realtime.NULL end
	if kind == 3 then return a_number() end
	if kind <= 5 then return a_string() end
	local made = {}
	if kind <= 7 then
		for i = 1, random(0, 6) do made[i] = value(depth + 1, odd) end
		-- Lists that were filled in another order, holes, and keys beside them.
		if random() < 0.1 then
			local backwards = {}
			for i = #made, 1, -1 do backwards[i] = made[i] end
			made = backwards
		end
		if random() < odd then made[random(1, 9)] = true end
		if random() < odd then made.x = 1 end
	else
		for _ = 1, random(0, 6) do made[a_string()] = value(depth + 1, odd) end
		if random() < odd then made[pick({ 5, 1.5, true, print, 1, -1 })] = 1 end
	end
	if random() < 0.05 then
		setmetatable(made, { __index = function() error("an index") end, __len = function() return 7 end, __pairs = error })
	end
	return made
end

-- Equal in value and type, tables in depth.
local function same(a, b)
	if type(a) ~= "table" or type(b) ~= "table" or a == realtime.NULL or b == realtime.NULL then
		return rawequal(a, b) and (a ~= 0 or 1 / a == 1 / b)
	end
	for key, inner in pairs(a) do
		if not same(inner, b[key]) then return false end
	end
	for key in pairs(b) do
		if a[key] == nil then return false end
	end
	return true
end

local function bounds()
	if random() < 0.7 then return nil end
	return { bytes = random(0, 300), elements = random(0, 60) }
end

local function check_encode(given)
	local most = bounds()
	local text, reason = realtime.EncodeJson(given, most and most.bytes, most and most.elements)
	local expected, why = twin.Encode(given, most)
	kit.eq({ text, reason }, { expected, why }, hint)
	return text
end

local function check_decode(text)
	local most, key = bounds(), random() < 0.3 and pick({ "data", "a", "" }) or nil
	local span = key and { key = key }
	local expected, why, is_no_json = twin.Decode(text, most, span)
	local got, first, last = realtime.DecodeJson(text, most and most.bytes, most and most.elements, key)
	local about = hint .. ", " .. kit.show(text)
	if why then
		kit.eq({ got, first, last }, { nil, why, is_no_json or false }, about)
	else
		assert(same(got, expected), about)
		kit.eq({ first, last }, { span and span.first, span and span.last }, about)
	end
end

local TOKENS = {
	"[", "]", "{", "}", ",", ":", '"a"', '"a":', '"data":', "1", "null", "true", "false", " ", "\n", "[1]", '{"a":1}', "[", "]", "{", "}", ",",
	"-", "0", "01", "1.", ".5", "1e", "1e5", "1E-9", "1e999", "1e-999", "9007199254740992", "9007199254740993", "-0", '"', "\\", '"\\n"',
	'"\\u00e9"', '"\\ud834\\udd1e"', '"\\ud834"', '"\\x"', "'", "//", "#", "“", "\239\187\191", "nul", "\t", "\r", "\12", "\0", "x", "\255",
	"1e1048576", "1e-1048575", "0.1000000000000000055511151231257827", "123456789012345678", "0.0000001",
}

host.test("the longest number is as long", function()
	for bytes = 16382, 16386 do
		for _, text in ipairs({ "0." .. ("1"):rep(bytes - 2), "1e-" .. ("0"):rep(bytes - 3), ("1"):rep(bytes) }) do
			local expected, why = twin.Decode(text)
			kit.eq({ realtime.DecodeJson(text), (select(2, realtime.DecodeJson(text))) }, { expected, why }, bytes)
			assert((why ~= nil) == (bytes > 16384 or text:find("^11") ~= nil), why)
		end
	end
end)

host.test("random values have the same text, or the same reason", function()
	for i = 1, 3000 do
		local given = value(1, i % 3 == 0 and 0.05 or 0)
		local text = check_encode(given)
		if text then check_decode(text) end
	end
	host.pass(1)
end)

host.test("random numbers have the same text, which reads back as that number", function()
	for _ = 1, 5000 do
		local number = a_number()
		local text = check_encode(number)
		if text then kit.eq(tonumber(text), number, hint) end
	end
end)

-- Keys that eight bytes do not tell apart, keys that need an escape, an empty key; and more keys than the cache holds.
local KEYS = {
	"", "a", "b", "\0", "a\0", "\n", "same bytes 1", "same bytes 2", "same byte", "same byt", "same bytf", "é", "x\127",
	("k"):rep(8), ("k"):rep(9), ("k"):rep(7) .. "\0",
}
for i = 1, 40 do KEYS[#KEYS + 1] = "key" .. i end

local function small()
	local kind = random(4)
	if kind == 1 then return random(99) end
	if kind == 2 then return a_string() end
	if kind == 3 then return { random(9), realtime.NULL, random() < 0.5 } end
	return { [pick(KEYS)] = random(9), [pick(KEYS)] = {} }
end

host.test("lists of objects have the same value, whatever keys come again", function()
	for _ = 1, 200 do
		local keys, list = {}, {}
		for i = 1, random(1, 12) do keys[i] = pick(KEYS) end
		for i = 1, random(10, 60) do
			local object = {}
			for _, key in ipairs(keys) do
				if random() < 0.9 then object[key] = small() end
			end
			if random() < 0.1 then object[a_string()] = i end
			list[i] = object
		end
		-- A key that ends within eight bytes of the text's end.
		if random() < 0.5 then list[#list + 1] = { [pick(KEYS)] = 1 } end
		check_decode(twin.Encode(list))
	end
	-- Each key comes once, until the cache is not searched any more; then some come again.
	local object, again = {}, {}
	for i = 1, 500 do object["id " .. i] = i end
	for i = 1, 50 do again[i] = { a = i, b = { a = i } } end
	check_decode(twin.Encode({ object, again }))
end)

host.test("random texts have the same value, or the same reason", function()
	for _ = 1, 6000 do
		local tokens = {}
		for i = 1, random(0, 20) do tokens[i] = pick(TOKENS) end
		check_decode(table.concat(tokens))
	end
end)

host.test("and so have texts with something wrong in them", function()
	for _ = 1, 3000 do
		local text = twin.Encode({ data = value(1, 0), a = value(2, 0) })
		if text then
			local at = random(1, #text)
			local put = random() < 0.5 and string.char(random(0, 255)) or pick(TOKENS)
			check_decode(text:sub(1, at - 1) .. put .. text:sub(at + random(0, 2)))
			check_decode(text:sub(1, at))
		end
	end
end)

host.test("depth, and tables in themselves", function()
	for depth = 60, 70 do
		for _, make in ipairs({ function(v) return { v } end, function(v) return { a = v } end, function(v) return { v, { a = v } } end }) do
			local nested = 1
			-- Each level of the last one contains the level before twice, so the bytes limit it.
			for _ = 1, depth do nested = make(nested) end
			local most = { bytes = 20000, elements = 100000 }
			kit.eq({ realtime.EncodeJson(nested, most.bytes, most.elements) }, { twin.Encode(nested, most) })
		end
		for _, pair in ipairs({ { "[", "]" }, { '{"a":', "}" } }) do check_decode(pair[1]:rep(depth) .. "1" .. pair[2]:rep(depth)) end
	end
	local loop = {}
	loop[1] = { a = loop }
	kit.eq({ realtime.EncodeJson(loop) }, { twin.Encode(loop) })
end)

host.test("every byte in a string", function()
	for byte = 0, 255 do
		for before = 0, 9 do
			local text = ("x"):rep(before) .. string.char(byte) .. ("y"):rep(9)
			check_encode(text)
			check_encode({ [text] = print })
			check_decode('["' .. text .. '"]')
		end
	end
end)
