-- No pattern of the addon's may take more than linear time over a text from outside. Two shapes are refused:
--   * without `^`, a part of any length with something after it, if the pattern may also start inside that part:
--     each start runs over the same text again. Above all a quantifier before `$`.
--   * two adjacent parts of any length that can match the same characters: each length of the first is tried with each of
--     the second.
-- Where the text cannot be from outside, a comment in the line says so: `-- not from outside: …`.
-- Patterns must be written where they are used, or in a local of the same file.

local kit = include("../_kit.lua")

local MARK = "%-%- not from outside: %S"
local FOLDERS = { "realtime/", "realtime/gm_redis/", "autorun/server/", "includes/modules/" }

-- The parts of a pattern: { chars = what one character may be, has = the quantifier or "", repeats = any length }.
local function parts_of(pattern)
	local parts, i = {}, 1
	local is_anchored = pattern:sub(1, 1) == "^"
	if is_anchored then i = 2 end
	while i <= #pattern do
		local c = pattern:sub(i, i)
		local item
		if c == "(" or c == ")" then
			i = i + 1
		elseif c == "$" and i == #pattern then
			parts[#parts + 1] = { is_end = true }
			i = i + 1
		elseif pattern:sub(i, i + 1) == "%b" then
			-- From a bracket on to its partner, wherever that is.
			parts[#parts + 1] = { item = "%" .. pattern:sub(i + 2, i + 2), repeats = false }
			parts[#parts + 1] = { item = ".", repeats = true }
			parts[#parts + 1] = { item = "%" .. pattern:sub(i + 3, i + 3), repeats = false }
			i = i + 4
		elseif pattern:sub(i, i + 1) == "%f" then
			i = i + 2
			local stop = pattern:find("]", i + 2, true)
			i = stop + 1
		else
			if c == "%" then
				item = pattern:sub(i, i + 1)
			elseif c == "[" then
				local stop = i + 1
				if pattern:sub(stop, stop) == "^" then stop = stop + 1 end
				repeat
					stop = stop + (pattern:sub(stop, stop) == "%" and 2 or 1)
				until pattern:sub(stop, stop) == "]"
				item = pattern:sub(i, stop)
			else
				item = c
			end
			i = i + #item
			local quantifier = pattern:sub(i, i)
			if quantifier ~= "" and ("*+-?"):find(quantifier, 1, true) then i = i + 1 else quantifier = "" end
			parts[#parts + 1] = { item = item, repeats = quantifier ~= "" and quantifier ~= "?", optional = quantifier ~= "" and quantifier ~= "+" }
		end
	end
	return parts, is_anchored
end

local function meet(a, b)
	for c = 0, 255 do
		local char = string.char(c)
		if char:find(a.item) and char:find(b.item) then return true end
	end
	return false
end

-- The fault of a pattern, or nil.
local function fault(pattern)
	local parts, is_anchored = parts_of(pattern)
	for i, part in ipairs(parts) do
		local following = parts[i + 1]
		if part.repeats and following then
			if not is_anchored then
				if following.is_end then return "a quantifier before $, without ^" end
				-- It may start at any of the first optional parts, and at the first that is not optional.
				for k = 1, i do
					if meet(parts[k], part) then return "without ^ it begins anew inside of " .. part.item .. ", which something comes after" end
					if not parts[k].optional then break end
				end
			end
			local k = i + 1
			while parts[k] and not parts[k].is_end do
				if parts[k].repeats and meet(part, parts[k]) then return part.item .. " and " .. parts[k].item .. ": both of any length, in a row" end
				if not parts[k].optional then break end
				k = k + 1
			end
		end
	end
end

host.test("the scan knows what is bad from what is not", function()
	for _, pattern in ipairs({
		"[^\n]*$", "%s+$", "(.-)$", "^(.-).*$", "^%s*(.-)%s*$", "%a*%w*", "%[(.*)%]", ".*x", "a*b", "^[%a_]*[%w]+$", "^a*b?a*c", "%b()",
		'"from":"x".*"instance":', "x-%d?y",
	}) do
		assert(fault(pattern), pattern .. " is let through")
	end
	for _, pattern in ipairs({
		"", "^%x%x%x%x", "^[ \t\r\n]*()", '["\\]', "^(%-?%d+)()", "^(%.%d+)()", "^[%w_.-]+$", "%c", "[%c%z]", "[^%w]", "^(%a+)=(%d+)$", "%d+", ".[\128-\191]*",
		"^%-?0%d", "a?b$", "%f[%w]%w+", "^[^\n]*", "//[%d.]+:", '"[^"]*"?$',
	}) do
		kit.eq(fault(pattern), nil, pattern)
	end
end)

-- The end of a quoted text that begins at `at`, and its content.
local function literal(source, at)
	local mark, stop, pieces = source:sub(at, at), at + 1, {}
	local letters = { n = "\n", r = "\r", t = "\t", ["0"] = "\0" }
	while source:sub(stop, stop) ~= mark do
		local c = source:sub(stop, stop)
		if c == "\\" then
			local digits = source:match("^%d%d?%d?", stop + 1)
			if digits then
				pieces[#pieces + 1] = string.char(tonumber(digits))
				stop = stop + #digits
			else
				c = source:sub(stop + 1, stop + 1)
				pieces[#pieces + 1] = letters[c] or c
				stop = stop + 1
			end
		elseif c == "" or c == "\n" then
			return nil, at + 1
		else
			pieces[#pieces + 1] = c
		end
		stop = stop + 1
	end
	return table.concat(pieces), stop + 1
end

-- The arguments of a call, as { text } for quoted texts and { name } for anything else, joined by `..`.
local function arguments_of(source, at)
	local arguments, depth, current = {}, 1, {}
	while at <= #source do
		local c = source:sub(at, at)
		if c == '"' or c == "'" then
			local text
			text, at = literal(source, at)
			if depth == 1 then current[#current + 1] = { text = text } end
		else
			if c == "(" or c == "{" or c == "[" then depth = depth + 1 end
			if c == ")" or c == "}" or c == "]" then depth = depth - 1 end
			if depth == 0 then
				arguments[#arguments + 1] = current
				return arguments
			end
			local name = source:match("^[%a_][%w_]*", at)
			if c == "," and depth == 1 then
				arguments[#arguments + 1] = current
				current = {}
				at = at + 1
			elseif name then
				current[#current + 1] = { name = name }
				at = at + #name
			else
				at = at + 1
			end
		end
	end
	return arguments
end

-- The pattern of a call, or nil for a plain search, or nil and the unknown part.
local function pattern_of(source, arguments, is_method)
	local first = is_method and 1 or 2
	local plain = arguments[first + 2]
	if plain and plain[1] and plain[1].name == "true" then return nil end
	local pieces = {}
	for _, piece in ipairs(arguments[first] or {}) do
		local text = piece.text or source:match("local " .. piece.name .. '%s*=%s*"([^"\n]*)"')
		if not text then return nil, piece.name end
		pieces[#pieces + 1] = text
	end
	return table.concat(pieces)
end

host.test("no pattern of the addon's takes more than linear time over what comes from outside", function()
	local bad, seen, files = {}, 0, 0
	for _, folder in ipairs(FOLDERS) do
		for _, name in ipairs((file.Find("lua/" .. folder .. "*.lua", "GAME"))) do
			local source = file.Read("lua/" .. folder .. name, "GAME")
			files = files + 1
			-- A function of the file itself that happens to have such a name.
			local own = source:match("local function (find)%(") or source:match("local function (match)%(")
			local number = 0
			for line in (source .. "\n"):gmatch("([^\n]*)\n") do
				number = number + 1
				local code, from = line, 1
				local is_exempt = line:find(MARK)
				while not is_exempt do
					local start, stop, mark, method = code:find("([%.:]?)(g?%a+)%(", from)
					if not start then break end
					from = stop + 1
					if method == "find" or method == "match" or method == "gmatch" or method == "gsub" then
						if method == own and mark == "" then continue end
						-- `string.find(…)` is a function, and so is a local one.
						local pattern, unknown = pattern_of(source, arguments_of(line, from), mark == ":")
						local wrong = pattern and fault(pattern) or unknown and "its pattern is not known: " .. unknown
						seen = seen + 1
						if wrong then bad[#bad + 1] = string.format("%s%s:%d: %s: %s", folder, name, number, pattern or "?", wrong) end
					end
				end
			end
		end
	end
	assert(files >= 15 and seen >= 25, files .. " files with " .. seen .. " patterns")
	if #bad > 0 then error("\n" .. table.concat(bad, "\n"), 0) end
end)
