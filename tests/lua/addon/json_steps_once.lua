-- The work for a table is in proportion to its text, with any content and any mistake: the addon's steps are counted (see
-- ../_step_counter.lua), and the memory that Lua allocates, while texts double in length. Work of the module inside a call is
-- counted by benches/instructions instead.

local counter = include("../_step_counter.lua")

local SIZES = { 2048, 4096, 8192, 16384, 32768 } -- bytes; below the largest message
local FEW_SIZES = { 1024, 2048, 4096 } -- where there are very many cases
local MOST = 2.2 -- times the steps for twice the text; quadratic work has 4
-- Times the memory from the first size to the last: tables grow by doubling, so it comes in leaps. Quadratic work has 256.
local MOST_MEMORY = 40
local HOOK_EVERY = 50 -- instructions
-- The hook runs after so many instructions, independent of where a case begins, so a count may be off by that many at both ends.
local INEXACT = 2 * HOOK_EVERY

counter.install()
counter.count_every(HOOK_EVERY)
local realtime = counter.load_addon()
local json = realtime.addon.json

local function fill(piece, size) return piece:rep(math.floor(size / #piece)) end

-- Counts again if there are too many steps: if no tick has come for a second, on a busy machine, the module restarts the ticks,
-- and that is counted, too.
local function steps_of(most, call, ...)
	realtime.ProcessEvents()
	local steps = counter.count(call, ...)
	if steps <= most then return steps end
	realtime.ProcessEvents()
	return math.min(steps, (counter.count(call, ...)))
end

local function check(name, make, call, sizes)
	local before
	for _, size in ipairs(sizes or SIZES) do
		local arguments = make(size)
		local most = before and MOST * before + INEXACT or math.huge
		local steps = steps_of(most, call, unpack(arguments, 1, 2))
		if steps > most then
			error(string.format("%s: %d steps for %d bytes, %d for half of them", name, steps, size, before), 0)
		end
		before = steps
	end
	if sizes then return end
	-- Joining texts is one instruction for any length; its work shows in the memory.
	local smallest = counter.allocated(call, unpack(make(SIZES[1]), 1, 2))
	local largest = counter.allocated(call, unpack(make(SIZES[#SIZES]), 1, 2))
	if largest > MOST_MEMORY * math.max(smallest, 1024) then
		error(string.format("%s: %d bytes of memory, and %d for %d times the text", name, smallest, largest,
			SIZES[#SIZES] / SIZES[1]), 0)
	end
end

-- Elements that texts consist of, as a list of many of one kind.
local FILLINGS = {
	{ "white space", " " }, { "tabs", "\t" }, { "line feeds", "\n" }, { "carriage returns and line feeds", "\r\n" },
	{ "numbers", "1," }, { "fractions", "-0.5e-3," }, { "words", "true,false,null," }, { "empty lists", "[]," },
	{ "empty objects", "{}," }, { "short strings", '"x",' }, { "escapes", [["\n\t\\\"\/",]] }, { "code points", [["\u00e9\u0001",]] },
	{ "surrogates", [["\ud834\udd1e",]] }, { "lone surrogates", [["\ud834\ud834\udd1e",]] }, { "lines", '"x",\n' },
	{ "lines and spaces", '\n    "x",' }, { "objects", '{"a":1,"b":[]},' },
}

-- Whole texts that are valid.
local TEXTS = {
	{ "one string", function(size) return '"' .. ("x"):rep(size) .. '"' end },
	{ "one string of escapes", function(size) return '"' .. fill([[\n\"]], size) .. '"' end },
	{ "one string of code points", function(size) return '"' .. fill([[\u0041]], size) .. '"' end },
	{ "one string of surrogates", function(size) return '"' .. fill([[\ud834\udd1e]], size) .. '"' end },
	{ "one long integer", function(size) return "[1" .. ("0"):rep(300) .. fill(",1", size) .. "]" end },
	{ "long fractions", function(size) return "[0" .. fill(",0." .. ("1"):rep(1000), size) .. "]" end },
	{ "many keys", function(size)
		local pieces = {}
		for i = 1, size / 12 do pieces[i] = string.format('"key%05d":1', i) end
		return "{" .. table.concat(pieces, ",") .. "}"
	end },
	{ "one key many times", function(size) return '{"a":0' .. fill(',"a":1', size) .. "}" end },
	{ "one long key", function(size) return '{"' .. ("k"):rep(size) .. '":1}' end },
	{ "as deep as it goes, many times", function(size)
		return "[" .. fill(("["):rep(60) .. ("]"):rep(60) .. ",", size) .. "0]"
	end },
	{ "a mark of UTF-8 and spaces", function(size) return "\239\187\191" .. (" "):rep(size) .. "1" end },
}

-- Mistakes at the end of such a list, and whole texts that are wrong.
local FAULTS = {
	"x", "+1", "01", "-", "tru", "nul", "1e999", '"', '"\\', '"\\x"', '"\\u12"', "{", "{5", '{"a"', '{"a" 5', '{"a":', '{"a":x',
	'{"a":1', '{"a":1 5', '{"a":1,}', "[1", "[1 5", "[1,]", "1 5", "1]]", "1] 2", "",
}
local WRONG = {
	{ "brackets", function(size) return ("["):rep(size) end },
	{ "braces", function(size) return fill('{"a":', size) end },
	{ "a string that does not end", function(size) return '"' .. ("x"):rep(size) end },
	{ "escapes, and no end", function(size) return '"' .. fill("\\n", size) end },
	{ "a key that does not end", function(size) return '{"' .. ("x"):rep(size) end },
	{ "digits", function(size) return ("9"):rep(size) end },
	{ "a nought and digits", function(size) return ("0"):rep(size) end },
	{ "an exponent of digits", function(size) return "1e" .. ("9"):rep(size) end },
	{ "minuses", function(size) return ("-"):rep(size) end },
	{ "control characters", function(size) return ("\1"):rep(size) end },
	{ "spaces, a line feed and an x", function(size) return (" "):rep(size) .. "\nx" end },
	{ "line feeds and spaces by halves", function(size) return ("\n"):rep(size / 2) .. (" "):rep(size / 2) .. "x" end },
	{ "spaces, and nothing", function(size) return (" "):rep(size) end },
	{ "spaces after the end", function(size) return "1" .. (" "):rep(size) .. "x" end },
	{ "keys, and a comment", function(size) return "{" .. fill('"a":1,', size) .. "// x" end },
	{ "keys, and one in single quotes", function(size) return "{" .. fill('"a":1,', size) .. "'x'" end },
	{ "spaces after a comma, and the end", function(size) return "[1," .. (" "):rep(size) .. "]" end },
	{ "keys, and one in no quotes", function(size) return "{" .. fill('"a":1,', size) .. "x" end },
}

-- Limits that a text keeps, and limits that it exceeds.
local BOUNDS = { bytes = 65536, elements = 20000 }
local FEW_BYTES, FEW_ELEMENTS = { bytes = 1000, elements = 1e9 }, { bytes = 1e9, elements = 10 }

host.test("every text is read, or refused, in steps in proportion to its length", function()
	local function run(name, make, sizes)
		check(name, function(size) return { make(size), BOUNDS } end, json.Decode, sizes)
		host.pass(1)
	end
	for _, list in ipairs({ TEXTS, WRONG }) do
		for _, case in ipairs(list) do run(case[1], case[2]) end
	end
	for _, filling in ipairs(FILLINGS) do
		run(filling[1], function(size) return "[" .. fill(filling[2], size) .. "0]" end)
		for _, fault in ipairs(FAULTS) do
			run(filling[1] .. ", then " .. fault, function(size) return "[" .. fill(filling[2], size) .. fault end, FEW_SIZES)
		end
	end
end)

host.test("so it is with an envelope around it, and without an envelope", function()
	local function shorter(name, make)
		check(name .. ", in an envelope", function(size) return { '{"from":"a","data":' .. make(size) .. "}" } end, realtime.Decode)
	end
	for _, list in ipairs({ TEXTS, WRONG }) do
		for _, case in ipairs(list) do shorter(case[1], case[2]) end
	end
	for _, filling in ipairs(FILLINGS) do
		shorter(filling[1], function(size) return "[" .. fill(filling[2], size) .. "0]" end)
		shorter(filling[1] .. ", then x", function(size) return "[" .. fill(filling[2], size) .. "x" end)
	end
	for _, case in ipairs(TEXTS) do
		check(case[1] .. ", without an envelope", function(size) return { case[2](size) } end, realtime.Decode)
	end
	check("a sender", function(size) return { '{"from":"' .. ("x"):rep(size) .. '","data":1}' } end, realtime.Decode)
	check("more fields", function(size) return { '{"from":"a"' .. fill(',"b":1', size) .. ',"data":1}' } end, realtime.Decode)
end)

host.test("what passes the bounds is refused in steps in proportion to its length", function()
	for _, case in ipairs(TEXTS) do
		check(case[1] .. ", too long", function(size) return { case[2](size), FEW_BYTES } end, json.Decode)
		check(case[1] .. ", too many elements", function(size) return { case[2](size), FEW_ELEMENTS } end, json.Decode)
	end
	for _, filling in ipairs(FILLINGS) do
		check(filling[1] .. ", too many elements", function(size) return { "[" .. fill(filling[2], size) .. "0]", FEW_ELEMENTS } end,
			json.Decode)
	end
end)

local function list_of(count, value)
	local list = {}
	for i = 1, count do list[i] = value end
	return list
end

local function map_of(count, value)
	local map = {}
	for i = 1, count do map[string.format("key%05d", i)] = value end
	return map
end

-- In `depth` tables, each with a key so long.
local function nested(depth, key, value)
	for _ = 1, depth do value = { [key] = value } end
	return value
end

local loop = {}
loop.loop = loop
local odd = print -- no form in JSON

local VALUES = {
	{ "a string", function(size) return ("x"):rep(size) end },
	{ "a string of control characters", function(size) return ("\1"):rep(size) end },
	{ "a string of quotes", function(size) return ('"'):rep(size) end },
	{ "a list of numbers", function(size) return list_of(size / 2, 1) end },
	{ "a list of fractions", function(size) return list_of(size / 20, 1 / 3) end },
	{ "a list of words", function(size) return list_of(size / 5, true) end },
	{ "a list of nulls", function(size) return list_of(size / 5, realtime.NULL) end },
	{ "a list of empty tables", function(size) return list_of(size / 3, {}) end },
	{ "a list of strings", function(size) return list_of(size / 10, "\n\"text") end },
	{ "many keys", function(size) return map_of(size / 12, 1) end },
	{ "a long key", function(size) return { [("k"):rep(size)] = 1 } end },
	{ "a long key of quotes", function(size) return { [('"'):rep(size)] = 1 } end },
	{ "long keys in each other", function(size) return nested(20, ("k"):rep(size / 20), 1) end },
	-- And values without a form in JSON.
	{ "NaN after many", function(size) return { list_of(size / 2, 1), 0 / 0 } end },
	{ "infinity after many", function(size) return { list_of(size / 2, 1), -1 / 0 } end },
	{ "an integer beyond 2^53 after many", function(size) return { list_of(size / 2, 1), 1e20 } end },
	{ "a function after many", function(size) return { list_of(size / 2, 1), odd } end },
	{ "a table in itself after many", function(size) return { list_of(size / 2, 1), loop } end },
	{ "a number as a key after many", function(size) return { list_of(size / 2, 1), { [5] = 1 } } end },
	{ "a boolean as a key after many", function(size) return { list_of(size / 2, 1), { [true] = 1 } } end },
	{ "a function under a long key", function(size) return { [("k"):rep(size)] = odd } end },
	{ "a function under a long key of quotes", function(size) return { [('"'):rep(size)] = odd } end },
	{ "a function under long keys in each other", function(size) return nested(20, ("k"):rep(size / 20), odd) end },
	{ "a function under long keys of zeros in each other", function(size) return nested(20, ("\0"):rep(size / 20), odd) end },
	{ "a player after many", function(size) return { list_of(size / 2, 1), player.GetAll() } end },
	{ "a list with a hole", function(size) return { list_of(size / 2, 1), { 1, [3] = 3 } } end },
}

host.players.add()
host.test("every value is written, or refused, in steps in proportion to its size", function()
	for _, case in ipairs(VALUES) do
		check(case[1], function(size) return { case[2](size), BOUNDS } end, json.Encode)
		check(case[1] .. ", in an envelope", function(size) return { case[2](size), "here" } end, realtime.Encode)
		check(case[1] .. ", too long", function(size) return { case[2](size), FEW_BYTES } end, json.Encode)
		check(case[1] .. ", too many elements", function(size) return { case[2](size), FEW_ELEMENTS } end, json.Encode)
		host.pass(1)
	end
	for _, value in ipairs({ "nil", "NULL" }) do
		check(value, function() return { value == "NULL" and realtime.NULL or nil, "here" } end, realtime.Encode)
	end
	check("no text", function() return { 5 } end, realtime.Decode)
end)
