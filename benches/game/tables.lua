-- The cost of a table as a message: its text, and the table from a text, by the module, by the addon with its
-- envelope, and by the Lua codec that the module replaced (its twin in the tests). Medians of several rounds in which
-- all alternate. Each text is different, because Lua finds a known string faster. `_bare_` is a C loop over the calls
-- that make the same table from ready strings, at its final size.
--
-- = chat_line_decode_ns          a chat line of 173 bytes to its table, envelope included: realtime.DecodeJson
-- = chat_line_decode_bare_ns     the bare calls
-- = chat_line_decode_ratio       the module to the bare calls
-- = chat_line_decode_addon_ns    realtime.Decode, which checks the envelope as well
-- = chat_line_decode_lua_ns      the Lua codec
-- = chat_line_encode_ns          the data of that line to its text: realtime.EncodeJson; of tables made long ago, which no cache holds
-- = chat_line_encode_fresh_ns    of a table that was made just before, as a server does; its making is measured apart
-- = chat_line_encode_addon_ns    realtime.Encode, with its envelope
-- = chat_line_encode_lua_ns      the Lua codec
-- = inventory_bytes              a table of 160 items
-- = inventory_decode_us          the module
-- = inventory_decode_bare_us     the bare calls
-- = inventory_decode_lua_us      the Lua codec
-- = inventory_decode_part        the module to the Lua codec
-- = inventory_encode_us          the module
-- = inventory_encode_lua_us      the Lua codec
-- = large_bytes                  a list of objects
-- = large_decode_ms              the module, in one call
-- = large_decode_lua_ms          the Lua codec
-- = large_encode_ms              the module
-- = large_encode_lua_ms          the Lua codec

local kit, samples = include("_kit.lua"), include("_samples.lua")
local settings = kit.settings({ rounds = 15, lines = 20000, inventories = 40, large = 2000000 },
	{ rounds = 2, lines = 200, inventories = 2, large = 50000 })

local json = include("../../tests/lua/addon/_json_twin.lua")(realtime)
local figures = kit.rounds()

-- Calls fn for each element, and adds the time of one.
local function time(name, list, fn)
	collectgarbage()
	collectgarbage("stop")
	local start = SysTime()
	for i = 1, #list do fn(list[i]) end
	figures.add(name, (SysTime() - start) / #list)
	collectgarbage("restart")
end

-- The variants, in a different order in each round.
local function times(round, ways)
	for i = 1, #ways do time(unpack(ways[(i + round) % #ways + 1])) end
end

local made = 0
local function many(count, make)
	local values, texts, enveloped = {}, {}, {}
	for i = 1, count do
		made = made + 1
		values[i] = make(made)
		texts[i] = json.Encode(values[i])
		enveloped[i] = '{"from":"ttt-1","state":"3f9a2c7140b1d2e3","data":' .. texts[i] .. "}"
	end
	return values, texts, enveloped
end

-- Encodes lines that are made just before, from ready strings. Without an encoder: the time of the making. Both run in the
-- interpreter, because a compiled loop would make tables faster where it calls no C function.
local kept = {}
local function fresh(texts, encode)
	for i = 1, #texts do
		local line = { player = "76561198000000001", name = "Alice", text = texts[i], team = 3, dead = false }
		kept[i] = line
		encode(line)
	end
end
local function unencoded(texts)
	for i = 1, #texts do
		local line = { player = "76561198000000001", name = "Alice", text = texts[i], team = 3, dead = false }
		kept[i] = line
	end
end
if jit then
	jit.off(fresh)
	jit.off(unencoded)
end

local function seconds_of(fn, ...)
	collectgarbage()
	collectgarbage("stop")
	local start = SysTime()
	fn(...)
	local seconds = SysTime() - start
	collectgarbage("restart")
	return seconds
end

local function fresh_lines()
	local texts = {}
	for i = 1, settings.lines do
		made = made + 1
		texts[i], kept[i] = samples.chat_line(made).text, false
	end
	local making = seconds_of(unencoded, texts)
	figures.add("line_encode_fresh", (seconds_of(fresh, texts, realtime.EncodeJson) - making) / settings.lines)
end

local function lines(round)
	local values, _, texts = many(settings.lines, samples.chat_line)
	times(round, {
		{ "line_decode", texts, realtime.DecodeJson },
		{ "line_encode", values, realtime.EncodeJson },
	})
	_, _, texts = many(settings.lines, samples.chat_line)
	times(round, {
		{ "line_decode_addon", texts, realtime.Decode },
		{ "line_encode_addon", values, function(value) return realtime.Encode(value, "ttt-1") end },
	})
	_, _, texts = many(settings.lines, samples.chat_line)
	times(round, { { "line_decode_lua", texts, json.Decode }, { "line_encode_lua", values, json.Encode } })
	fresh_lines()
	collectgarbage()
	collectgarbage("stop")
	figures.add("line_bare", bare.chat_lines(settings.lines) / settings.lines)
	collectgarbage("restart")
end

local function inventories(round)
	local values, texts = many(settings.inventories, samples.inventory)
	times(round, {
		{ "inventory_decode", texts, realtime.DecodeJson }, { "inventory_encode", values, realtime.EncodeJson },
		{ "inventory_decode_lua", texts, json.Decode }, { "inventory_encode_lua", values, json.Encode },
	})
	collectgarbage()
	collectgarbage("stop")
	figures.add("inventory_bare", bare.inventories(settings.inventories) / settings.inventories)
	collectgarbage("restart")
	return #texts[1]
end

host.run(function()
	assert(include("realtime/load.lua"), "the addon: --addon lua")
	local value = samples.large(settings.large)
	local text = json.Encode(value)
	local inventory_bytes
	for round = 0, settings.rounds do
		-- The first one warms up.
		if round == 1 then figures = kit.rounds() end
		host.pass()
		lines(round)
		inventory_bytes = inventories(round)
		times(round, {
			{ "large_decode", { text }, realtime.DecodeJson }, { "large_encode", { value }, realtime.EncodeJson },
			{ "large_decode_lua", { text }, json.Decode }, { "large_encode_lua", { value }, json.Encode },
		})
	end
	local function result(key, name, scale) kit.result(key, figures.get(name) * scale) end
	result("chat_line_decode_ns", "line_decode", 1e9)
	result("chat_line_decode_bare_ns", "line_bare", 1e9)
	kit.result("chat_line_decode_ratio", figures.get("line_decode") / figures.get("line_bare"))
	result("chat_line_decode_addon_ns", "line_decode_addon", 1e9)
	result("chat_line_decode_lua_ns", "line_decode_lua", 1e9)
	result("chat_line_encode_ns", "line_encode", 1e9)
	result("chat_line_encode_fresh_ns", "line_encode_fresh", 1e9)
	result("chat_line_encode_addon_ns", "line_encode_addon", 1e9)
	result("chat_line_encode_lua_ns", "line_encode_lua", 1e9)
	kit.result("inventory_bytes", inventory_bytes)
	result("inventory_decode_us", "inventory_decode", 1e6)
	result("inventory_decode_bare_us", "inventory_bare", 1e6)
	result("inventory_decode_lua_us", "inventory_decode_lua", 1e6)
	kit.result("inventory_decode_part", figures.get("inventory_decode") / figures.get("inventory_decode_lua"))
	result("inventory_encode_us", "inventory_encode", 1e6)
	result("inventory_encode_lua_us", "inventory_encode_lua", 1e6)
	kit.result("large_bytes", #text)
	result("large_decode_ms", "large_decode", 1e3)
	result("large_decode_lua_ms", "large_decode_lua", 1e3)
	result("large_encode_ms", "large_encode", 1e3)
	result("large_encode_lua_ms", "large_encode_lua", 1e3)
	host.exit(0)
end)
