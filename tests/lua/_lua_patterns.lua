-- string.find, match, gmatch and gsub in Lua: a port of LuaJIT's lib_string.c, function by function. Its work is done by
-- instructions of the VM, which _step_counter.lua counts; a call of the real functions is a single step, however long it takes.
-- tests/lua/patterns_once.lua compares both.
-- Without the limit of 200 levels, and the texts of errors.

local byte, sub, real_find = string.byte, string.sub, string.find
local concat, floor, select, type, tostring, unpack = table.concat, math.floor, select, type, tostring, unpack

local UNFINISHED, POSITION = -1, -2
local MAX_CAPTURES = 32
local ZERO, NINE, PERCENT = 48, 57, 37

-- classes[letter][c]: whether %letter contains c, from the real functions.
local classes = {}
for letter in ("acdglpsuwxzACDGLPSUWXZ"):gmatch(".") do
	local class = {}
	for c = 0, 255 do class[c] = real_find(string.char(c), "%" .. letter) ~= nil end
	classes[letter:byte()] = class
end

local function match_class(c, letter)
	local class = classes[letter]
	if class then return class[c] end
	return letter == c
end

-- A pattern ends at its first NUL or at its end: `at` answers 0 for both.
local function at(text, index) return byte(text, index) or 0 end

local function class_end(p, i)
	local c = at(p, i)
	i = i + 1
	if c == PERCENT then
		if at(p, i) == 0 then error("malformed pattern (ends with '%')", 0) end
		return i + 1
	end
	if c ~= 91 then return i end -- [
	if at(p, i) == 94 then i = i + 1 end -- ^
	repeat
		local inside = at(p, i)
		if inside == 0 then error("malformed pattern (missing ']')", 0) end
		i = i + 1
		if inside == PERCENT and at(p, i) ~= 0 then i = i + 1 end
	until at(p, i) == 93
	return i + 1
end

-- `last`: the index of the closing bracket.
local function match_set(c, p, i, last)
	local found = true
	if at(p, i + 1) == 94 then found, i = false, i + 1 end
	i = i + 1
	while i < last do
		local inside = byte(p, i)
		if inside == PERCENT then
			i = i + 1
			if match_class(c, at(p, i)) then return found end
		elseif at(p, i + 1) == 45 and i + 2 < last then
			i = i + 2
			if inside <= c and c <= byte(p, i) then return found end
		elseif inside == c then
			return found
		end
		i = i + 1
	end
	return not found
end

local function match_single(c, p, i, after)
	local kind = byte(p, i)
	if kind == 46 then return true end -- .
	if kind == PERCENT then return match_class(c, byte(p, i + 1)) end
	if kind == 91 then return match_set(c, p, i, after - 1) end
	return kind == c
end

-- For each pattern and place in it: the end of the item there, and its bytes. It is built once, and not counted, between the calls of
-- `pause` and `go_on`.
local MAX_KNOWN = 500
local items, known = {}, 0
local pause, go_on = function() end, function() end

local function make_item(p, i, after)
	if not items[p] then
		if known >= MAX_KNOWN then items, known = {}, 0 end
		items[p], known = {}, known + 1
	end
	local item = { after = after }
	for c = 0, 255 do item[c] = match_single(c, p, i, after) end
	items[p][i] = item
	return item
end

local function item_at(p, i)
	local of_pattern = items[p]
	local item = of_pattern and of_pattern[i]
	if item then return item end
	local after = class_end(p, i)
	pause()
	item = make_item(p, i, after)
	go_on()
	return item
end

local match

local function match_balance(ms, s, i)
	local open, close = at(ms.pattern, i), at(ms.pattern, i + 1)
	if open == 0 or close == 0 then error("unbalanced pattern", 0) end
	local text, stop = ms.text, ms.stop
	if at(text, s) ~= open then return nil end
	local depth = 1
	s = s + 1
	while s < stop do
		local c = byte(text, s)
		if c == close then
			depth = depth - 1
			if depth == 0 then return s + 1 end
		elseif c == open then
			depth = depth + 1
		end
		s = s + 1
	end
end

local function max_expand(ms, s, item)
	local text, stop, count = ms.text, ms.stop, 0
	while s + count < stop and item[byte(text, s + count)] do count = count + 1 end
	while count >= 0 do
		local found = match(ms, s + count, item.after + 1)
		if found then return found end
		count = count - 1
	end
end

local function min_expand(ms, s, item)
	local text, stop = ms.text, ms.stop
	while true do
		local found = match(ms, s, item.after + 1)
		if found then return found end
		if not (s < stop and item[byte(text, s)]) then return nil end
		s = s + 1
	end
end

local function start_capture(ms, s, i, what)
	local level = ms.level + 1
	if level > MAX_CAPTURES then error("too many captures", 0) end
	ms.init[level], ms.length[level] = s, what
	ms.level = level
	local found = match(ms, s, i)
	if not found then ms.level = ms.level - 1 end
	return found
end

local function end_capture(ms, s, i)
	local level = ms.level
	while level > 0 and ms.length[level] ~= UNFINISHED do level = level - 1 end
	if level == 0 then error("invalid pattern capture", 0) end
	ms.length[level] = s - ms.init[level]
	local found = match(ms, s, i)
	if not found then ms.length[level] = UNFINISHED end
	return found
end

-- %1 to %9: the text of an earlier capture.
local function match_capture(ms, s, digit)
	local level = digit - ZERO
	if level < 1 or level > ms.level or ms.length[level] == UNFINISHED then error("invalid capture index", 0) end
	local length, init = ms.length[level], ms.init[level]
	-- C takes a position's length as an unsigned number, which is huge.
	if length == POSITION or ms.stop - s < length then return nil end
	for k = 0, length - 1 do
		if byte(ms.text, init + k) ~= byte(ms.text, s + k) then return nil end
	end
	return s + length
end

function match(ms, s, i)
	local text, p, stop = ms.text, ms.pattern, ms.stop
	while true do
		local c, after_c = at(p, i), at(p, i + 1)
		local is_item = false
		if c == 0 then return s end
		if c == 40 then -- (
			if after_c == 41 then return start_capture(ms, s, i + 2, POSITION) end
			return start_capture(ms, s, i + 1, UNFINISHED)
		elseif c == 41 then -- )
			return end_capture(ms, s, i + 1)
		elseif c == PERCENT and after_c == 98 then -- %b
			s = match_balance(ms, s, i + 2)
			if not s then return nil end
			i = i + 4
		elseif c == PERCENT and after_c == 102 then -- %f
			i = i + 2
			if at(p, i) ~= 91 then error("missing '[' after '%f' in pattern", 0) end
			local after = class_end(p, i)
			local previous = s > 1 and byte(text, s - 1) or 0
			if match_set(previous, p, i, after - 1) or not match_set(at(text, s), p, i, after - 1) then return nil end
			i = after
		elseif c == PERCENT and after_c >= ZERO and after_c <= NINE then
			s = match_capture(ms, s, after_c)
			if not s then return nil end
			i = i + 2
		elseif c == 36 and after_c == 0 then -- $
			return s == stop and s or nil
		else
			is_item = true
		end
		if is_item then
			local item = item_at(p, i)
			local after = item.after
			local fits = s < stop and item[byte(text, s)]
			local mark = at(p, after)
			if mark == 42 then return max_expand(ms, s, item) end -- *
			if mark == 43 then return fits and max_expand(ms, s + 1, item) or nil end -- +
			if mark == 45 then return min_expand(ms, s, item) end -- -
			if mark == 63 then -- ?
				local found = fits and match(ms, s + 1, after + 1)
				if found then return found end
				i = after + 1
			elseif fits then
				s, i = s + 1, after
			else
				return nil
			end
		end
	end
end

local function state(text, pattern)
	return { text = text, pattern = pattern, stop = #text + 1, level = 0, init = {}, length = {} }
end

-- `s`, `e`: the begin and end of the whole match.
local function capture(ms, number, s, e)
	if number > ms.level then
		if number ~= 1 then error("invalid capture index", 0) end
		return sub(ms.text, s, e - 1)
	end
	local length = ms.length[number]
	if length == UNFINISHED then error("unfinished capture", 0) end
	if length == POSITION then return ms.init[number] end
	return sub(ms.text, ms.init[number], ms.init[number] + length - 1)
end

local function captures(ms, s, e)
	local all, count = {}, ms.level == 0 and s and 1 or ms.level
	for number = 1, count do all[number] = capture(ms, number, s, e) end
	return all
end

local function string_argument(value, position, name)
	if type(value) == "number" then return tostring(value) end
	if type(value) ~= "string" then
		error("bad argument #" .. position .. " to '" .. name .. "' (string expected, got " .. type(value) .. ")", 3)
	end
	return value
end

local function start_of(text, init)
	init = init == nil and 1 or floor(tonumber(init))
	if init < 0 then init = #text + init + 1 end
	if init < 1 then return 1 end
	return math.min(init, #text + 1)
end

local function search(text, pattern, init, is_find)
	local s, i = start_of(text, init), 1
	local is_anchored = byte(pattern, 1) == 94
	if is_anchored then i = 2 end
	local ms = state(text, pattern)
	repeat
		ms.level = 0
		local e = match(ms, s, i)
		if e then
			if is_find then return s, e - 1, unpack(captures(ms)) end
			return unpack(captures(ms, s, e))
		end
		s = s + 1
	until s > ms.stop or is_anchored
	return nil
end

local patterns = {}

-- `touch` gets the number of bytes that a plain search reads. The work between `pause` and `go_on` is done once for each
-- pattern.
function patterns.functions(touch, pause_counting, go_on_counting)
	local functions = {}
	pause, go_on = pause_counting or pause, go_on_counting or go_on

	function functions.find(text, pattern, init, plain)
		text, pattern = string_argument(text, 1, "find"), string_argument(pattern, 2, "find")
		if plain or not real_find(pattern, "[%^%$%*%+%?%.%(%[%%%-]") then
			local s, e = real_find(text, pattern, init, true)
			touch(#pattern + (e or #text) - start_of(text, init) + 1)
			return s, e
		end
		return search(text, pattern, init, true)
	end

	function functions.match(text, pattern, init)
		return search(string_argument(text, 1, "match"), string_argument(pattern, 2, "match"), init, false)
	end

	function functions.gmatch(text, pattern)
		text, pattern = string_argument(text, 1, "gmatch"), string_argument(pattern, 2, "gmatch")
		local from = 1
		return function()
			local ms = state(text, pattern)
			for s = from, ms.stop do
				ms.level = 0
				local e = match(ms, s, 1)
				if e then
					from = e == s and e + 1 or e
					return unpack(captures(ms, s, e))
				end
			end
			from = ms.stop + 1
			return nil
		end
	end

	local function replacement_text(ms, replacement, s, e)
		local out, i = {}, 1
		while i <= #replacement do
			local c = byte(replacement, i)
			if c == PERCENT then
				i = i + 1
				c = at(replacement, i)
				if c == ZERO then
					out[#out + 1] = sub(ms.text, s, e - 1)
				elseif c > ZERO and c <= NINE then
					out[#out + 1] = capture(ms, c - ZERO, s, e)
				else
					out[#out + 1] = string.char(c)
				end
			else
				out[#out + 1] = sub(replacement, i, i)
			end
			i = i + 1
		end
		return concat(out)
	end

	local function replaced(ms, replacement, kind, s, e)
		local value
		if kind == "string" then
			return replacement_text(ms, replacement, s, e)
		elseif kind == "function" then
			value = replacement(unpack(captures(ms, s, e)))
		else
			value = replacement[capture(ms, 1, s, e)]
		end
		if not value then return sub(ms.text, s, e - 1) end
		if type(value) ~= "string" and type(value) ~= "number" then
			error("invalid replacement value (a " .. type(value) .. ")", 0)
		end
		return value
	end

	function functions.gsub(text, pattern, replacement, most)
		text, pattern = string_argument(text, 1, "gsub"), string_argument(pattern, 2, "gsub")
		local kind = type(replacement)
		if kind == "number" then kind, replacement = "string", tostring(replacement) end
		if kind ~= "string" and kind ~= "function" and kind ~= "table" then
			error("bad argument #3 to 'gsub' (string/function/table expected, got " .. kind .. ")", 2)
		end
		most = most == nil and #text + 1 or most
		local s, i, count, out = 1, 1, 0, {}
		local is_anchored = byte(pattern, 1) == 94
		if is_anchored then i = 2 end
		local ms = state(text, pattern)
		while count < most do
			ms.level = 0
			local e = match(ms, s, i)
			if e then
				count = count + 1
				out[#out + 1] = replaced(ms, replacement, kind, s, e)
			end
			if e and e > s then
				s = e
			elseif s < ms.stop then
				out[#out + 1] = sub(text, s, s)
				s = s + 1
			else
				break
			end
			if is_anchored then break end
		end
		out[#out + 1] = sub(text, s)
		touch(#text)
		return concat(out), count
	end

	return functions
end

return patterns
