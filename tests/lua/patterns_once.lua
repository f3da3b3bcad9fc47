-- _lua_patterns.lua against the real functions, and _step_counter.lua's promises.

local kit = include("_kit.lua")
local counter = include("_step_counter.lua")

local real = { find = string.find, match = string.match, gsub = string.gsub, gmatch = string.gmatch }
local port = include("_lua_patterns.lua").functions(function() end)

local function all_matches(gmatch)
	return function(text, pattern)
		local found = {}
		for a, b, c in gmatch(text, pattern) do
			found[#found + 1] = { a, b, c }
			if #found > 200 then break end
		end
		return found
	end
end

local calls = {
	{ "find", real.find, port.find }, { "match", real.match, port.match },
	{ "gmatch", all_matches(real.gmatch), all_matches(port.gmatch) }, { "gsub", real.gsub, port.gsub },
}

local REPLACEMENTS = { "", "<%0>", "%1%%", "%2", 5, { a = "A", b = false, [1] = "one" }, function(a, b)
	return b and a .. "," .. tostring(b) or nil
end }

local refused, compared = 0, 0
-- Both give the same results, or both raise.
local function compare(name, one, other, ...)
	local wanted, got = { pcall(one, ...) }, { pcall(other, ...) }
	compared = compared + 1
	if not wanted[1] then
		refused = refused + 1
		wanted, got = { false }, { got[1] }
	end
	if not kit.same(got, wanted) then kit.eq(got, wanted, name .. kit.show({ ... })) end
end

local function compare_all(text, pattern)
	for _, call in ipairs(calls) do
		local name, one, other = unpack(call)
		if name == "gsub" then
			for _, replacement in ipairs(REPLACEMENTS) do compare(name, one, other, text, pattern, replacement) end
			compare(name, one, other, text, pattern, "x", 1)
		elseif name == "gmatch" then
			compare(name, one, other, text, pattern)
		else
			compare(name, one, other, text, pattern)
			for _, init in ipairs({ -3, 0, 2, 100 }) do compare(name, one, other, text, pattern, init) end
		end
	end
	compare("find, plain", real.find, port.find, text, pattern, 1, true)
end

local PATTERNS = {
	"", "a", ".", "a*", "a+", "a-", "a?", "^a", "^a*", "a$", "^$", "^", "$", "^a-$", "[abc]+", "[^abc]+", "[a-c]", "[]]", "[^]]", "[a-]",
	"[-a]", "[%a_]+", "[%]]", "[^%s]*", "%a", "%d+", "%s*", "%w+", "%p", "%c", "%x+", "%l", "%u", "%g", "%z", "%A+", "%D", "%S*", "%W", "%%",
	"%.", "%-?%d+", "()", "(a)", "(a*)(b*)", "(a(b))", "()a()", "(a)%1", "(.)%1", "(.-)b", "((a)*)", "^%s*(.-)%s*$", "%b()", "%bab", "%b\"\"",
	"%f[%w]%w+", "%f[%s]", "%f[^%z]", "%f[%z]", "([^,]*),?", "^(%a+)=(.+)$", "[ \t\r\n]*()", "%$", "a$b", "^^", "a^", "(()())",
	-- Malformed patterns; some fail only if matching reaches the mistake.
	"%", "[", "[a", "[%", "[^", "[]", "(", "(a", ")", "a)", "%b", "%ba", "%f", "%fa", "%1", "(a%1)", "%0", "()%1", "a[", "a%", "(.-", "\0a", "a\0b",
}
local TEXTS = {
	"", "a", "b", "aaa", "abc", "aab", "  two words ", "key=value", "(a(b)c)(", "a,b,,c", "x\0y", "\0", "THE (quick) fox", "-12.5e3", "\n\t\r",
	"aabbaabb", '"quoted" "', "\128\255\200", "[]]^-%$", "abab", "1", "_a1 ", "a^b$c",
}

host.test("the port answers as the real functions do: a table", function()
	for _, pattern in ipairs(PATTERNS) do
		for _, text in ipairs(TEXTS) do compare_all(text, pattern) end
	end
	assert(refused > 1000 and compared > 20000, refused .. " of " .. compared)
end)

-- Pieces of random patterns, and of the texts to match.
local PIECES = {
	"a", "b", ".", "%a", "%d", "%s", "%W", "[ab]", "[^a]", "[%d_]", "[a-c]", "%b()", "%f[%a]", "(", ")", "()", "%1", "*", "+", "-", "?", "^", "$", "%(", ",",
}
local LETTERS = { "a", "b", "c", "1", " ", "(", ")", ",", "_", "\0", "\n", "\200" }

host.test("the port answers as the real functions do: random patterns", function()
	local seed = tonumber(host.args[1]) or 1
	math.randomseed(seed)
	local function some(list, most)
		local pieces = {}
		for i = 1, math.random(0, most) do pieces[i] = list[math.random(#list)] end
		return table.concat(pieces)
	end
	for i = 1, 8000 do
		local pattern, text = some(PIECES, 7), some(LETTERS, 14)
		compare_all(text, pattern)
		if i % 500 == 0 then host.pass(1) end
	end
end)

host.test("wrong arguments are refused as before", function()
	for _, call in ipairs(calls) do
		for _, arguments in ipairs({ {}, { "a" }, { {}, "a", "" }, { "a", {}, "" }, { 5, "5", "" }, { "5", 5, "" }, { "a", "a", print, 0 } }) do
			compare(call[1], call[2], call[3], unpack(arguments, 1, 4))
		end
	end
	compare("gsub", real.gsub, port.gsub, "a", "a", true)
	compare("gsub", real.gsub, port.gsub, "a", "a", function() return {} end)
end)

host.test("work inside of the libraries is counted, in proportion, and the same each time", function()
	counter.install()
	local text = ("x"):rep(1000)
	local list = {}
	for i = 1, 1000 do list[i] = (i * 7919) % 1000 end
	local cases = {
		{ "find", string.find, text, "y" }, { "find, plain", string.find, text, "y", 1, true }, { "match", string.match, text, ".-$" },
		{ "gsub", string.gsub, text, "x", "y" }, { "sub", string.sub, text, 2 }, { "rep", string.rep, "ab", 500 },
		{ "lower", string.lower, text }, { "upper", string.upper, text }, { "reverse", string.reverse, text },
		{ "format", string.format, "%s", text }, { "concat", table.concat, list }, { "sort", table.sort, { unpack(list) } },
		{ "byte", string.byte, text, 1, -1 + #text }, { "unpack", unpack, list }, { "tonumber", tonumber, ("1"):rep(1000) },
		{ "insert", table.insert, list, 1, 0 }, { "gmatch", function() for _ in text:gmatch("x") do end end },
		{ "a method", function() return text:match("y*z") end },
	}
	for _, case in ipairs(cases) do
		local steps = counter.count(unpack(case, 2, #case))
		assert(steps >= 990, case[1] .. ": " .. steps)
	end
	text = text:sub(1, 100)
	string.match(text, "(x-)y") -- a pattern's first use takes a little more
	local first = counter.count(string.match, text, "(x-)y")
	for _ = 1, 3 do kit.eq(counter.count(string.match, text, "(x-)y"), first) end
	assert(first > 100 ^ 2, "each start is tried: " .. first)
	kit.eq({ select(2, counter.count(function(...) return ... end, 1, nil, 3)) }, { 1, nil, 3 })
	kit.raises("^on purpose$", counter.count, error, "on purpose", 0)
	assert(counter.count(function() for _ = 1, 1000 do end end) >= 1000)
	counter.uninstall()
	for name, fn in pairs(real) do assert(string[name] == fn, name) end
end)

host.test("what `..` makes is seen as memory", function()
	local function joined(count)
		local text = ""
		for i = 1, count do text = text .. i end
		return text
	end
	local one, other = counter.allocated(joined, 500), counter.allocated(joined, 1000)
	assert(other > 3 * one, one .. ", " .. other)
end)
