-- util.TableToJSON and util.JSONToTable.
util = util or {}

-- Taken now: an addon may replace them.
local count, type = table.Count, type

-- Numbers first. Any keys can be compared so.
local function sorted_keys(t)
	local keys = table.GetKeys(t)
	table.sort(keys, function(a, b)
		if type(a) == "number" and type(b) == "number" then return a < b end
		if type(a) == "number" or type(b) == "number" then return type(a) == "number" end
		return tostring(a) < tostring(b)
	end)
	return keys
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quoted(text)
	return '"' .. text:gsub('[%c"\\]', function(c) return escapes[c] or string.format("\\u%04x", c:byte()) end) .. '"'
end

local function number_text(number)
	if number ~= number or number == math.huge or number == -math.huge then return "null" end
	if number == math.floor(number) and math.abs(number) < 2 ^ 53 then return string.format("%d", number) end
	-- As the game does: a SteamID64 that is a number loses its last digits.
	return string.format("%.14g", number)
end

local encode

local function encode_table(t, pretty, indent, parents)
	if parents[t] then error("attempt to serialise a structure with cyclical references", 0) end
	parents[t] = true
	local pieces, open, close = {}, "{", "}"
	local inner = pretty and indent .. "\t" or ""
	if #t > 0 and count(t) == #t then
		open, close = "[", "]"
		for i = 1, #t do pieces[i] = inner .. encode(t[i], pretty, inner, parents) end
	else
		for _, key in ipairs(sorted_keys(t)) do
			local text = encode(t[key], pretty, inner, parents)
			if text then pieces[#pieces + 1] = inner .. quoted(tostring(key)) .. ":" .. (pretty and " " or "") .. text end
		end
		if #pieces == 0 and next(t) == nil then open, close = "[", "]" end
	end
	parents[t] = nil
	if #pieces == 0 then return open .. close end
	if pretty then return open .. "\n" .. table.concat(pieces, ",\n") .. "\n" .. indent .. close end
	return open .. table.concat(pieces, ",") .. close
end

function encode(value, pretty, indent, parents)
	local kind = type(value)
	if kind == "string" then return quoted(value) end
	if kind == "number" then return number_text(value) end
	if kind == "boolean" then return tostring(value) end
	if kind == "table" then return encode_table(value, pretty, indent, parents) end
end

function util.TableToJSON(t, pretty)
	if type(t) ~= "table" then error("bad argument #1 to 'TableToJSON' (table expected, got " .. type(t) .. ")", 2) end
	return encode_table(t, pretty, "", {})
end

local unescapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

local function utf8_text(code)
	if code < 0x80 then return string.char(code) end
	if code < 0x800 then return string.char(0xC0 + math.floor(code / 0x40), 0x80 + code % 0x40) end
	if code < 0x10000 then
		return string.char(0xE0 + math.floor(code / 0x1000), 0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
	end
	return string.char(0xF0 + math.floor(code / 0x40000), 0x80 + math.floor(code / 0x1000) % 0x40,
		0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
end

local decode
local meanings = { ["true"] = true, ["false"] = false, inf = math.huge }

local function skip(text, at) return text:match("^[ \t\r\n]*()", at) end

local function decode_string(text, at)
	local pieces = {}
	at = at + 1
	while true do
		local plain, stop, after = text:match('^([^"\\]*)(["\\])()', at)
		if not plain then error("unfinished string") end
		pieces[#pieces + 1] = plain
		if stop == '"' then return table.concat(pieces), after end
		local letter = text:sub(after, after)
		if letter == "u" then
			local code, next_at = tonumber(text:match("^%x%x%x%x", after + 1) or error("bad escape"), 16), after + 5
			local low = code >= 0xD800 and code < 0xDC00 and text:match("^\\u([dD][c-fC-F]%x%x)", next_at)
			if low then
				code, next_at = 0x10000 + (code - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00, next_at + 6
			end
			pieces[#pieces + 1], at = utf8_text(code), next_at
		else
			pieces[#pieces + 1], at = unescapes[letter] or error("bad escape"), after + 1
		end
	end
end

local function decode_list(text, at)
	local list, count = {}, 0
	at = skip(text, at + 1)
	if text:sub(at, at) == "]" then return list, at + 1 end
	while true do
		count = count + 1
		list[count], at = decode(text, at)
		at = skip(text, at)
		local mark = text:sub(at, at)
		if mark == "]" then return list, at + 1 end
		if mark ~= "," then error("no comma in list") end
		at = at + 1
	end
end

local function decode_map(text, at, keep_keys)
	local map = {}
	at = skip(text, at + 1)
	if text:sub(at, at) == "}" then return map, at + 1 end
	while true do
		at = skip(text, at)
		if text:sub(at, at) ~= '"' then error("no key") end
		local key, value
		key, at = decode_string(text, at)
		at = skip(text, at)
		if text:sub(at, at) ~= ":" then error("no colon") end
		value, at = decode(text, at + 1, keep_keys)
		if not keep_keys then
			-- The game turns keys that look like numbers into numbers, and some words into their values.
			local number = tonumber(key)
			if number then key = number elseif meanings[key] ~= nil then key = meanings[key] end
		end
		map[key] = value
		at = skip(text, at)
		local mark = text:sub(at, at)
		if mark == "}" then return map, at + 1 end
		if mark ~= "," then error("no comma in map") end
		at = at + 1
	end
end

local words = { ["true"] = true, ["false"] = false }

function decode(text, at, keep_keys)
	at = skip(text, at)
	local mark = text:sub(at, at)
	if mark == "{" then return decode_map(text, at, keep_keys) end
	if mark == "[" then return decode_list(text, at) end
	if mark == '"' then return decode_string(text, at) end
	local word = text:match("^%a+", at)
	if word == "null" then return nil, at + 4 end
	if word and words[word] ~= nil then return words[word], at + #word end
	local digits = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
	local number = digits and tonumber(digits)
	if not number then error("no value") end
	return number, at + #digits
end

-- Returns nothing for a text that is not JSON, or is neither a list nor a map.
function util.JSONToTable(text, _, keep_keys)
	if type(text) ~= "string" then error("bad argument #1 to 'JSONToTable' (string expected, got " .. type(text) .. ")", 2) end
	local ok, value, at = pcall(decode, text, 1, keep_keys)
	if ok and type(value) == "table" and skip(text, at) > #text then return value end
end

-- As the game gives it: a decimal number in a string.
function util.CRC(text)
	local crc = bit.bnot(0)
	for i = 1, #text do
		crc = bit.bxor(crc, text:byte(i))
		for _ = 1, 8 do
			crc = bit.bxor(bit.rshift(crc, 1), bit.band(0xEDB88320, -bit.band(crc, 1)))
		end
	end
	return string.format("%.0f", bit.bnot(crc) % 2 ^ 32)
end
