-- JSON that gives back what went in. util.JSONToTable does not: it makes numbers of keys that look like one (a SteamID64
-- loses its last digits), ends at 15,000 keys, and drops nulls of lists; util.TableToJSON writes NaN, which no reader takes.
return function(realtime, addon)
	local type, pairs, tonumber, tostring = type, pairs, tonumber, tostring
	local format, find, sub, match, gsub, byte, char = string.format, string.find, string.sub, string.match, string.gsub,
		string.byte, string.char
	local concat, floor, huge = table.concat, math.floor, math.huge
	local NULL = realtime.NULL

	local MAX_DEPTH = 64
	local MAX_INTEGER = 2 ^ 53
	local json = {}
	addon.json = json

	local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
	local function escape(c) return escapes[c] or format("\\u%04x", byte(c)) end
	local function quoted(text) return '"' .. gsub(text, '[%c"\\]', escape) .. '"' end

	-- The text of a number, or nil and the reason.
	local function number_text(number)
		if number ~= number then return nil, "NaN has no form in JSON" end
		if number == huge or number == -huge then return nil, "infinity has no form in JSON" end
		if number ~= floor(number) then
			local text = format("%.14g", number)
			return tonumber(text) == number and text or format("%.17g", number)
		end
		if number > MAX_INTEGER or number < -MAX_INTEGER then
			return nil, "an integer beyond 2^53 is not exact: send a SteamID64 as a string"
		end
		return format("%.0f", number == 0 and 0 or number)
	end

	local encode

	local function encode_list(out, list, count, depth)
		out[#out + 1] = "["
		for i = 1, count do
			if i > 1 then out[#out + 1] = "," end
			local reason, path = encode(out, list[i], depth)
			if reason then return reason, "[" .. i .. "]" .. path end
		end
		out[#out + 1] = "]"
	end

	local function encode_map(out, map, depth)
		local open = "{"
		for key, value in pairs(map) do
			if type(key) ~= "string" then
				local place = "[" .. tostring(key) .. "]"
				if type(key) == "number" then
					return "a number as a key of a table that is no list without holes: use tostring", place
				end
				return "a " .. type(key) .. " as a key", place
			end
			out[#out + 1] = open .. quoted(key) .. ":"
			open = ","
			local reason, path = encode(out, value, depth)
			if reason then return reason, (match(key, "^[%a_][%w_]*$") and "." .. key or format("[%q]", key)) .. path end
		end
		out[#out + 1] = "}"
	end

	-- Appends the value to `out`; or returns the reason why not, and the path to where.
	function encode(out, value, depth)
		local kind = type(value)
		if kind == "string" then
			out[#out + 1] = quoted(value)
		elseif kind == "number" then
			local text, reason = number_text(value)
			if not text then return reason, "" end
			out[#out + 1] = text
		elseif kind == "boolean" then
			out[#out + 1] = value and "true" or "false"
		elseif value == NULL then
			out[#out + 1] = "null"
		elseif kind == "table" then
			if depth > MAX_DEPTH then return "more than " .. MAX_DEPTH .. " tables in each other, or a table in itself", "" end
			local count, length = 0, #value
			for _ in pairs(value) do count = count + 1 end
			local is_list = count == length
			for i = 1, is_list and length or 0 do
				if value[i] == nil then is_list = false end
			end
			if is_list then return encode_list(out, value, length, depth + 1) end
			return encode_map(out, value, depth + 1)
		else
			return "a " .. kind .. " has no form in JSON", ""
		end
	end

	-- The text of a value; or nil and the reason, which begins with the path to what has no form in JSON.
	function json.Encode(value)
		local out = {}
		local reason, path = encode(out, value, 1)
		if reason then return nil, (path == "" and "the value" or gsub(path, "^%.", "")) .. ": " .. reason end
		return concat(out)
	end

	local unescapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

	local function utf8(code)
		if code < 0x80 then return char(code) end
		if code < 0x800 then return char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40) end
		if code < 0x10000 then return char(0xE0 + floor(code / 0x1000), 0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40) end
		return char(0xF0 + floor(code / 0x40000), 0x80 + floor(code / 0x1000) % 0x40, 0x80 + floor(code / 0x40) % 0x40,
			0x80 + code % 0x40)
	end

	-- Each of these takes the text and a place in it, and returns a value and the place behind it; or nil, the place, and
	-- what is wrong there.
	local function decode_string(text, at)
		local pieces, count = {}, 0
		at = at + 1
		while true do
			local stop = find(text, '["\\]', at)
			if not stop then return nil, at, "a string that does not end" end
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
				if not pieces[count] then return nil, stop, "an escape that there is not" end
			end
		end
	end

	local decode

	local function skip(text, at) return match(text, "^[ \t\r\n]*()", at) end

	local function decode_list(text, at, depth)
		local list, count, value, wrong = {}, 0, nil, nil
		at = skip(text, at + 1)
		if sub(text, at, at) == "]" then return list, at + 1 end
		while true do
			value, at, wrong = decode(text, at, depth)
			if wrong then return nil, at, wrong end
			count = count + 1
			-- No holes, as in replies.
			list[count] = value == nil and NULL or value
			at = skip(text, at)
			local mark = sub(text, at, at)
			if mark == "]" then return list, at + 1 end
			if mark ~= "," then return nil, at, "expected ',' or ']'" end
			at = at + 1
		end
	end

	local function decode_map(text, at, depth)
		local map, key, value, wrong = {}, nil, nil, nil
		at = skip(text, at + 1)
		if sub(text, at, at) == "}" then return map, at + 1 end
		while true do
			at = skip(text, at)
			if sub(text, at, at) ~= '"' then return nil, at, "expected a key in double quotes" end
			key, at, wrong = decode_string(text, at)
			if wrong then return nil, at, wrong end
			at = skip(text, at)
			if sub(text, at, at) ~= ":" then return nil, at, "expected ':'" end
			value, at, wrong = decode(text, at + 1, depth)
			if wrong then return nil, at, wrong end
			map[key] = value
			at = skip(text, at)
			local mark = sub(text, at, at)
			if mark == "}" then return map, at + 1 end
			if mark ~= "," then return nil, at, "expected ',' or '}'" end
			at = at + 1
		end
	end

	local function decode_number(text, at)
		local whole, behind = match(text, "^(%-?%d+)()", at)
		if not whole or match(whole, "^%-?0%d") then return nil, at, "expected a value" end
		local rest, stop = match(text, "^(%.%d+)()", behind)
		if not rest then rest, stop = "", behind end
		local power, after = match(text, "^([eE][+-]?%d+)()", stop)
		local number = tonumber(whole .. rest .. (power or ""))
		if number == huge or number == -huge then return nil, at, "a number that is too large" end
		-- As in replies: exact, as text.
		if not power and rest == "" and (number > MAX_INTEGER or number < -MAX_INTEGER) then return whole, behind end
		return number, after or stop
	end

	function decode(text, at, depth)
		at = skip(text, at)
		local mark = byte(text, at)
		if mark == 34 then return decode_string(text, at) end
		if mark == 123 or mark == 91 then
			if depth > MAX_DEPTH then return nil, at, "more than " .. MAX_DEPTH .. " levels" end
			return (mark == 123 and decode_map or decode_list)(text, at, depth + 1)
		end
		if sub(text, at, at + 3) == "true" then return true, at + 4 end
		if sub(text, at, at + 4) == "false" then return false, at + 5 end
		if sub(text, at, at + 3) == "null" then return nil, at + 4 end
		return decode_number(text, at)
	end

	-- The value in a text; or nil and what is wrong, with line and column. An object's nulls are left out, a list's are
	-- realtime.NULL; integers beyond 2^53 are strings.
	function json.Decode(text)
		-- Windows' Notepad begins files so.
		local start = sub(text, 1, 3) == "\239\187\191" and 4 or 1
		local value, at, wrong = decode(text, start, 1)
		if not wrong then
			at = skip(text, at)
			if at <= #text then wrong = "expected the end" end
		end
		if not wrong then return value end
		local before = sub(text, start, at - 1)
		local _, lines = gsub(before, "\n", "")
		return nil, format("line %d, column %d: %s", lines + 1, #match(before, "[^\n]*$") + 1, wrong)
	end

	-- The envelope: who sent it beside what was sent.
	function realtime.Encode(data, id)
		if data == nil then return nil, "the value: nil has no form in JSON" end
		if data == NULL then return nil, "the value: realtime.NULL alone is no message" end
		local text, reason = json.Encode(data)
		if not text then return nil, reason end
		return '{"from":' .. quoted(id or (realtime.ServerId())) .. ',"data":' .. text .. "}"
	end

	function realtime.Decode(text)
		if type(text) ~= "string" then return nil, "a " .. type(text) .. " is no text" end
		local envelope, wrong = json.Decode(text)
		if wrong then return nil, wrong end
		if type(envelope) ~= "table" or type(envelope.from) ~= "string" or envelope.data == nil then
			return nil, 'no envelope: {"from":"ttt-1","data":…}'
		end
		return envelope.data, envelope.from
	end
end
