-- What hostile publishers say: envelopes of each helper's kind, right but for some fields, and bytes that were changed.
-- Each message comes from a seed of its own, so that it can be made again alone.

local words = {}

local band, bxor, lshift, rshift, tobit = bit.band, bit.bxor, bit.lshift, bit.rshift, bit.tobit
local floor, concat, format = math.floor, table.concat, string.format

-- xorshift: the addon may call math.random, and must not change what comes next.
local state = 1
local function seed(number)
	state = tobit(number % 2 ^ 31)
	state = bxor(state, 0x5bd1e995)
	if state == 0 then state = 1 end
end
local function next_number()
	state = bxor(state, lshift(state, 13))
	state = bxor(state, rshift(state, 17))
	state = bxor(state, lshift(state, 5))
	return band(state, 0x7fffffff)
end
local function random(most) return next_number() % most + 1 end
local function one_in(count) return random(count) == 1 end
local function pick(list) return list[random(#list)] end
words.random = random

local function quoted(text) return '"' .. text:gsub('["\\]', "\\%0") .. '"' end

local ODD_TEXTS = {
	"", " ", "x", "null", "\27[2J\27[1;1H", "\7\7\7", "line\\nfeed", "a\\u001b]0;title\\u0007", "\194\155" .. "31m", "\155" .. "31m",
	"\\u009b31m", "\226\128\174evil", "\\u202eevil", "\226\129\166\226\129\169", "\255\254", "\240\159", "\195\188ber", "\\ud800", "\\u0000",
	"\0", "[realtime] all is well", "\\r[realtime] all is well", "%s%d%n", "../../x", "realtime:presence", "\\ud834\\udd1e",
}
local ODD_NUMBERS = {
	"0", "-0", "1", "-1", "0.5", "1e300", "-1e300", "1e308", "1e999", "9007199254740992", "9007199254740993", "18446744073709551615", "1e-300",
	"255", "65536", "4294967296", "-9007199254740993", "0.1e1", "100000000000000000000000000000",
}

-- How large something large is: from nothing to `words.largest`, the smaller the likelier.
local function large_size() return floor(2 ^ (random(1000) / 1000 * math.log(words.largest) / math.log(2))) end
local function size() return one_in(60) and large_size() or random(20) end

local value

local function long_text()
	local piece = one_in(3) and pick(ODD_TEXTS) or pick({ "x", "ab ", "\\n", "\\u00e9", " ", "\195\188" })
	if piece == "" then piece = "x" end
	return '"' .. piece:rep(floor(size() / #piece)) .. '"'
end

local function deep()
	local open, close = "[", "]"
	if one_in(2) then open, close = '{"a":', "}" end
	local depth = one_in(2) and random(70) or random(3000)
	return open:rep(depth) .. "1" .. (one_in(4) and "" or close:rep(depth))
end

local function list(bytes)
	local element = pick({ "[]", "{}", "1", '"x"', "null", "1e5", "[1,2]", '{"a":[]}', "\n 1" })
	return "[" .. (element .. ","):rep(floor((bytes or size()) / (#element + 1))) .. "0]"
end

local function map(depth)
	local pieces = {}
	if one_in(20) then
		local count = floor(large_size() / 14)
		for i = 1, count do pieces[i] = '"k' .. next_number() .. '":1' end
	else
		for i = 1, random(4) - 1 do pieces[i] = quoted("k" .. random(5)) .. ":" .. value(depth + 1) end
	end
	return "{" .. concat(pieces, ",") .. "}"
end

-- Any value, as JSON or almost.
function value(depth)
	local kind = random(depth > 4 and 5 or 9)
	if kind == 1 then return pick({ "true", "false", "null", "NaN", "undefined" }) end
	if kind == 2 then return pick(ODD_NUMBERS) end
	if kind == 3 then return '"' .. pick(ODD_TEXTS) .. '"' end
	if kind == 4 then return tostring(random(100000)) end
	if kind == 5 then return long_text() end
	if kind == 6 then return deep() end
	if kind == 7 then return list() end
	return map(depth or 0)
end

local function a_number(most) return tostring(random(most) - 1) end
local function boolean() return one_in(2) and "true" or "false" end

-- Right in most cases.
local function field(right) return one_in(12) and value(0) or right end

local function object(fields)
	local pieces = {}
	for _, each in ipairs(fields) do
		if not one_in(25) then pieces[#pieces + 1] = quoted(each[1]) .. ":" .. field(each[2]) end
	end
	if one_in(20) then pieces[#pieces + 1] = '"more' .. random(99) .. '":' .. value(0) end
	if one_in(30) and #pieces > 0 then pieces[#pieces + 1] = pick(pieces) end
	return "{" .. concat(pieces, ",") .. "}"
end

local function hex(length)
	local digits = {}
	for i = 1, length do digits[i] = format("%x", random(16) - 1) end
	return concat(digits)
end

local function id(world)
	local kind = random(12)
	if kind <= 3 then return world.id end
	if kind <= 6 then return world.peer end
	if kind == 7 then return pick(ODD_TEXTS) end
	if kind == 8 then return ("i"):rep(random(100)) end
	return "s" .. random(one_in(3) and 20 or 100000)
end

-- Few servers speak again and again, under an instance that belongs to their id.
local function instance(world)
	local kind = random(6)
	if kind == 1 then return hex(64) end
	if kind == 2 then return world.instance or "?" end
	return "instance" .. random(4)
end

local kinds = {}

function kinds.presence(world)
	local fields = {
		{ "instance", quoted(instance(world)) }, { "map", '"gm_flatgrass"' }, { "players", a_number(20) }, { "bots", a_number(3) },
		{ "max_players", a_number(64) }, { "name", '"A server ' .. random(9) .. '"' }, { "fields", one_in(4) and map(1) or one_in(15) and '{"mode":' .. list(large_size()) .. "}" or "{}" },
		{ "duplicate", one_in(4) and "true" or "false" },
	}
	if one_in(3) then fields[#fields + 1] = { "ask", boolean() } end
	if one_in(8) then
		fields = { fields[1], { "bye", "true" } }
		if one_in(2) then fields[3] = { "proof", quoted(hex(32)) } end
	end
	return object(fields)
end

function kinds.request(world)
	local answer_to = one_in(3) and world.answers or "realtime:answers:" .. hex(pick({ 16, 32 }))
	if one_in(10) then
		answer_to = pick({ "realtime:presence", "realtime:answers:", "realtime:answers:\\u001b[2J", "realtime:answers:a b",
			"realtime:answersx", "realtime:requests:" .. world.id, "realtime:answers:" .. ("x"):rep(300) })
	end
	return object({
		{ "request", quoted(pick(world.names)) }, { "number", one_in(4) and pick(ODD_NUMBERS) or a_number(1000000) },
		{ "answer_to", '"' .. answer_to .. '"' }, { "data", value(1) },
	})
end

function kinds.answer(world, from)
	local number = next(world.open) and one_in(2) and format("%.0f", pick(world.open)) or pick(ODD_NUMBERS)
	return object({
		{ "number", number }, { "data", one_in(2) and '{"spoof":' .. quoted(from .. "=" .. from) .. "}" or value(1) },
		{ "err", one_in(2) and "null" or object({ { "code", '"CODE"' }, { "message", value(1) } }) },
	})
end

function kinds.tables() return value(0) end

local function envelope(data, from)
	local pieces = { '"from":' .. field('"' .. from .. '"'), '"data":' .. data }
	if one_in(15) then pieces[#pieces + 1] = '"time":' .. value(1) end
	if one_in(15) then pieces[#pieces + 1] = '"mac":' .. value(1) end
	if one_in(20) then table.insert(pieces, 1, '"more":' .. value(1)) end
	if one_in(40) then table.remove(pieces, random(#pieces)) end
	return "{" .. concat(pieces, ",") .. "}"
end

-- Changes to bytes. `other`: some other message.
local mutations = {
	function(text) -- one byte is another
		local at = random(#text + 1)
		return text:sub(1, at - 1) .. string.char(random(256) - 1) .. text:sub(at + 1)
	end,
	function(text) return text:sub(1, random(#text + 1) - 1) end,
	function(text)
		local from = random(#text + 1)
		local to = from + random(40)
		return text:sub(1, to) .. text:sub(from)
	end,
	function(text, other)
		return text:sub(1, random(#text + 1) - 1) .. other:sub(random(#other + 1))
	end,
	function(text)
		local at = random(#text + 1)
		local piece = pick({ "\0", "\27[2J", "\n", "\r\n", "\255", "\194\155", '"', "\\", "{", "}", "[", "]", ",", ":", "-", "e", "  \n" })
		return text:sub(1, at - 1) .. piece:rep(random(one_in(10) and 3000 or 3)) .. text:sub(at)
	end,
}

-- Nothing that is JSON at all.
local function garbage()
	local piece = pick({ " ", "\n", "\t ", "x", "\0", "\255", "[", "{", "[]", "1", '"', "\\u", "\27", "{}", "-", " \n" })
	local text = piece:rep(floor((one_in(6) and large_size() or random(200)) / #piece))
	if one_in(2) then text = (" "):rep(random(3000)) .. "\n" .. text end
	return text .. pick({ "", "x", "\n", "]", "}", '"' })
end

local function text_for(kind, world)
	if one_in(40) then return garbage() end
	local from = id(world)
	local text = envelope(kinds[kind](world, from), from)
	if one_in(8) then
		local other = one_in(2) and garbage() or envelope(kinds.tables(world), from)
		for _ = 1, random(3) do text = pick(mutations)(text, other) end
	end
	return text
end

-- Message number `index` of a run: a channel and a text. `world` says what an attacker has learned: the server's id, its
-- channel of answers, the numbers of open requests.
function words.message(run_seed, index, world)
	seed(run_seed * 7919 + index * 104729)
	for _ = 1, 4 do next_number() end
	local target = pick(world.targets)
	local channel = target[2]
	if target[3] then channel = channel .. (one_in(2) and random(5) or pick({ "\27[2J", "\194\155", "x y", ("c"):rep(300), next_number() })) end
	local text = text_for(target[1], world)
	return channel, text:sub(1, words.largest)
end

return words
