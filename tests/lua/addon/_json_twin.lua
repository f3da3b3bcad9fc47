-- The naive twin of the module's JSON, in Lua: the same values, texts and reasons.
--
--   local twin = include("_json_twin.lua")(realtime)
--   local text, reason = twin.Encode(value, { bytes = 100, elements = 10 })
--   local value, reason, is_no_json = twin.Decode(text, { bytes = 100, elements = 10 }, { key = "data" })
return function(realtime)
	local type, pairs, tonumber, tostring = type, pairs, tonumber, tostring
	local format, find, sub, match, gsub, byte, char = string.format, string.find, string.sub, string.match, string.gsub,
		string.byte, string.char
	local concat, floor, huge = table.concat, math.floor, math.huge
	local NULL = realtime.NULL

	local MAX_DEPTH = 64
	local MAX_INTEGER = 2 ^ 53
	local MAX_TEXT = "9007199254740992"
	local MAX_NUMBER = 16384 -- bytes of its text
	local MAX_STEP = 64 -- bytes of a key in an error's path
	local UNBOUNDED = { bytes = huge, elements = huge }
	local TABLE_ELEMENTS = 4 -- of a table, because making one takes longer than reading a number or a short string
	local json = {}

	local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
	local function escape(c) return escapes[c] or format("\\u%04x", byte(c)) end
	local function quoted(text) return '"' .. gsub(text, '[%c"\\]', escape) .. '"' end

	-- The text of a number, or nil and the reason.
	local function number_text(number)
		if number ~= number then return nil, "NaN has no form in JSON" end
		if number == huge or number == -huge then return nil, "infinity has no form in JSON" end
		if number ~= floor(number) then
			for digits = 1, 17 do
				local text = format("%." .. digits .. "g", number)
				if tonumber(text) == number then return text end
			end
		end
		if number > MAX_INTEGER or number < -MAX_INTEGER then
			return nil, "an integer beyond 2^53 is not exact: send a SteamID64 as a string"
		end
		return format("%.0f", number == 0 and 0 or number)
	end

	local encode

	-- Each of these appends to `out`. On failure it returns the reason and the path to the value; an error of size has no path,
	-- because it concerns the whole.
	local function append(out, piece)
		local count = out.count + 1
		out.count, out[count] = count, piece
		out.bytes = out.bytes - #piece
		if out.bytes < 0 then return "more than " .. out.most.bytes .. " bytes of JSON" end
	end

	local function encode_list(out, list, count, depth)
		local reason, path = append(out, "["), nil
		for i = 1, count do
			if i > 1 then reason = append(out, ",") end
			if reason then return reason end
			reason, path = encode(out, list[i], depth)
			if reason then return reason, path and "[" .. i .. "]" .. path end
		end
		return append(out, "]")
	end

	local function step(key)
		if #key > MAX_STEP then key = sub(key, 1, MAX_STEP) .. "…" end
		if find(key, "^[%a_][%w_]*$") then return "." .. key end
		return (format("[%q]", key):gsub("\\\n", "\\n"):gsub("\194[\128-\159]", "?"))
	end

	local function encode_map(out, map, depth)
		local open = "{"
		for key, value in pairs(map) do
			if type(key) ~= "string" then
				local place = "[" .. tostring(key) .. "]"
				if type(key) == "number" then
					return "a number as a key, which only a list without holes has: use tostring", place
				end
				return "a " .. type(key) .. " as a key", place
			end
			local reason, path = append(out, open .. quoted(key) .. ":"), nil
			if reason then return reason end
			reason, path = encode(out, value, depth)
			if reason then return reason, path and step(key) .. path end
			open = ","
		end
		return append(out, "}")
	end

	-- A list 1, 2, 3 … without holes, and its length. An empty table is one.
	local function as_list(value)
		local count, length = 0, #value
		for _ in pairs(value) do count = count + 1 end
		if count ~= length then return end
		for i = 1, length do
			if value[i] == nil then return end
		end
		return length
	end

	function encode(out, value, depth)
		local kind = type(value)
		out.elements = out.elements - (kind == "table" and value ~= NULL and TABLE_ELEMENTS or 1)
		if out.elements < 0 then return "more than " .. out.most.elements .. " elements" end
		if kind == "string" then
			-- A text that is too long need not be quoted first.
			return append(out, #value > out.bytes and value or quoted(value))
		elseif kind == "number" then
			local text, reason = number_text(value)
			if not text then return reason, "" end
			return append(out, text)
		elseif kind == "boolean" then
			return append(out, value and "true" or "false")
		elseif value == NULL then
			return append(out, "null")
		elseif kind == "table" then
			if depth > MAX_DEPTH then return "more than " .. MAX_DEPTH .. " nested tables, or a table that contains itself", "" end
			local length = as_list(value)
			if length then return encode_list(out, value, length, depth + 1) end
			return encode_map(out, value, depth + 1)
		else
			local hint = kind == "Player" and ": send its SteamID64" or ""
			return (find(kind, "^[AEIOU]") and "an " or "a ") .. kind .. " has no form in JSON" .. hint, ""
		end
	end

	-- The text of a value; or nil and the reason, which begins with the path to the value at fault. `most`: the bytes and
	-- elements that it may have; every value is an element, a table counts as four, keys do not count.
	function json.Encode(value, most)
		most = most or UNBOUNDED
		local out = { count = 0, most = most, bytes = most.bytes, elements = most.elements }
		local reason, path = encode(out, value, 1)
		if not reason then return concat(out) end
		if not path or path == "" then return nil, "the value: " .. reason end
		return nil, gsub(path, "^%.", "") .. ": " .. reason
	end

	local unescapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

	local function utf8(code)
		if code < 0x80 then return char(code) end
		if code < 0x800 then return char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40) end
		if code < 0x10000 then return char(0xE0 + floor(code / 0x1000), 0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40) end
		return char(0xF0 + floor(code / 0x40000), 0x80 + floor(code / 0x1000) % 0x40, 0x80 + floor(code / 0x40) % 0x40,
			0x80 + code % 0x40)
	end

	-- Each of these takes the text and a place in it, and returns a value and the place after it; or nil, the place, and
	-- the mistake there.
	local function decode_string(text, at)
		local pieces, count = {}, 0
		at = at + 1
		while true do
			local stop = find(text, '["\\%z\1-\31]', at)
			if not stop then return nil, at, "a string that does not end" end
			if byte(text, stop) < 32 then
				return nil, stop, "a control character in a string: write it as an escape such as \\n; or a quote is missing before it"
			end
			count = count + 1
			pieces[count] = sub(text, at, stop - 1)
			if byte(text, stop) == 34 then return concat(pieces), stop + 1 end
			local letter = sub(text, stop + 1, stop + 1)
			local code = letter == "u" and match(text, "^%x%x%x%x", stop + 2)
			at = stop + 2
			count = count + 1
			if code then
				code, at = tonumber(code, 16), stop + 6
				local low = code >= 0xD800 and code < 0xDC00 and match(text, "^\\u([dD][c-fC-F]%x%x)", at)
				if low then code, at = 0x10000 + (code - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00, at + 6 end
				pieces[count] = utf8(code)
			else
				pieces[count] = unescapes[letter]
				if not pieces[count] then return nil, stop, "an invalid escape" end
			end
		end
	end

	local decode

	-- Describes an unexpected byte. It says more about mistakes that people make by hand.
	local function mistake(text, at, expected)
		local mark = byte(text, at)
		if not mark then return nil, at, expected .. ", but the text ends: a bracket or a quote is missing" end
		if mark == 47 or mark == 35 then return nil, at, "JSON has no comments" end
		if mark == 39 or find(text, "^\226\128[\152-\159]", at) then
			return nil, at, expected .. ': strings need plain double quotes (")'
		end
		return nil, at, expected
	end

	-- A comma before a closing bracket. `comma` and `at`: where the two are.
	local function comma_too_many(text, comma, at)
		return nil, comma, format("a comma too many: '%s' follows it", sub(text, at, at))
	end

	-- The place of the next byte that is not white space.
	local function skip(text, at)
		local c = byte(text, at)
		while c == 32 or c == 10 or c == 13 or c == 9 do
			at = at + 1
			c = byte(text, at)
		end
		return at, c
	end

	local function decode_list(text, at, depth)
		local list, count, value, wrong, mark, comma = {}, 0, nil, nil, nil, nil
		at, mark = skip(text, at + 1)
		if mark == 93 then return list, at + 1 end
		while true do
			value, at, wrong = decode(text, at, depth)
			if wrong then
				if comma and byte(text, at) == 93 and skip(text, comma + 1) == at then return comma_too_many(text, comma, at) end
				return nil, at, wrong
			end
			count = count + 1
			-- No holes, as in replies.
			list[count] = value == nil and NULL or value
			at, mark = skip(text, at)
			if mark == 93 then return list, at + 1 end
			if mark ~= 44 then return mistake(text, at, "expected ',' or ']'") end
			comma, at = at, at + 1
		end
	end

	-- If there is a `span`, it gets the begin and end of the text of the value whose key is span.key.
	local function decode_map(text, at, depth, span)
		local map, key, value, wrong, mark, comma = {}, nil, nil, nil, nil, nil
		at, mark = skip(text, at + 1)
		if mark == 125 then return map, at + 1 end
		while true do
			at, mark = skip(text, at)
			if mark ~= 34 then
				if comma and mark == 125 then return comma_too_many(text, comma, at) end
				return mistake(text, at, "expected a key in double quotes")
			end
			key, at, wrong = decode_string(text, at)
			if wrong then return nil, at, wrong end
			at, mark = skip(text, at)
			if mark ~= 58 then return mistake(text, at, "expected ':'") end
			local from = skip(text, at + 1)
			value, at, wrong = decode(text, from, depth)
			if wrong then return nil, at, wrong end
			map[key] = value
			if span and key == span.key then span.first, span.last = from, at - 1 end
			at, mark = skip(text, at)
			if mark == 125 then return map, at + 1 end
			if mark ~= 44 then return mistake(text, at, "expected ',' or '}'") end
			comma, at = at, at + 1
		end
	end

	local function decode_number(text, at)
		local whole, behind = match(text, "^(%-?%d+)()", at)
		if not whole or find(whole, "^%-?0%d") then return mistake(text, at, "expected a value") end
		local rest, stop = match(text, "^(%.%d+)()", behind)
		if not rest then rest, stop = "", behind end
		local power, after = match(text, "^([eE][+-]?%d+)()", stop)
		if (after or stop) - at > MAX_NUMBER then return nil, at, "a number out of range" end
		local number = tonumber(whole .. rest .. (power or ""))
		-- nil: an exponent of very many digits.
		if not number or number == huge or number == -huge then return nil, at, "a number out of range" end
		-- As in replies: exact, as text. Encode does not write such numbers, either.
		if number >= MAX_INTEGER or number <= -MAX_INTEGER then
			local text = whole .. rest .. (power or "")
			-- 2^53 itself: the number after it in the text would be rounded to the same.
			if text ~= MAX_TEXT and text ~= "-" .. MAX_TEXT then return text, after or stop end
		end
		return number, after or stop
	end

	function decode(text, at, depth, span)
		local mark
		at, mark = skip(text, at)
		if mark == 34 then return decode_string(text, at) end
		if mark == 123 or mark == 91 then
			if depth > MAX_DEPTH then return nil, at, "more than " .. MAX_DEPTH .. " levels" end
			if mark == 91 then return decode_list(text, at, depth + 1) end
			return decode_map(text, at, depth + 1, span)
		end
		if mark == 116 and sub(text, at, at + 3) == "true" then return true, at + 4 end
		if mark == 102 and sub(text, at, at + 4) == "false" then return false, at + 5 end
		if mark == 110 and sub(text, at, at + 3) == "null" then return nil, at + 4 end
		return decode_number(text, at)
	end

	-- Whether a text has more elements than `most`, without making any of them. Exact for valid JSON.
	local function has_more_elements(text, most)
		local count, in_string, after_open, at, size = 1, false, false, 1, #text
		while at <= size do
			local c = byte(text, at)
			if in_string then
				if c == 92 then
					at = at + 1
				elseif c == 34 then
					in_string = false
				end
			elseif c > 32 then
				if after_open then
					after_open = false
					if c ~= 93 and c ~= 125 then count = count + 1 end
				end
				if c == 44 then
					count = count + 1
				elseif c == 34 then
					in_string = true
				elseif c == 91 or c == 123 then
					after_open = true
					count = count + TABLE_ELEMENTS - 1
				end
				if count > most then return true end
			end
			at = at + 1
		end
		return false
	end

	local function line_and_column(text, start, at)
		local line, line_start = 1, start
		while true do
			local stop = find(text, "\n", line_start, true)
			if not stop or stop >= at then return line, at - line_start + 1 end
			line, line_start = line + 1, stop + 1
		end
	end

	-- The value in a text; or nil and the mistake, with line and column, and true if it is not JSON. Objects lose nulls, lists have
	-- realtime.NULL for them; numbers beyond 2^53 are strings. `most` as in Encode, `span` for the object that the text is.
	function json.Decode(text, most, span)
		most = most or UNBOUNDED
		if #text > most.bytes then return nil, format("it has %d bytes, more than the %d allowed", #text, most.bytes) end
		if has_more_elements(text, most.elements) then
			return nil, format("it has more than %d elements", most.elements)
		end
		-- Windows' Notepad begins files with this mark.
		local start = sub(text, 1, 3) == "\239\187\191" and 4 or 1
		local value, at, wrong = decode(text, start, 1, span)
		if not wrong then
			at = skip(text, at)
			if at <= #text then wrong = "expected the end" end
		end
		if not wrong then return value end
		local line, column = line_and_column(text, start, at)
		return nil, format("line %d, column %d: %s", line, column, wrong), true
	end
	return json
end
