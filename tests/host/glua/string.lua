-- The game's additions to strings.
local string, table, tostring, tonumber = string, table, tostring, tonumber
local floor = math.floor

function string.ToTable(value)
	local text, letters = tostring(value), {}
	for i = 1, #text do letters[i] = text:sub(i, i) end
	return letters
end

function string.PatternSafe(text) return (text:gsub("[%-%^%$%(%)%%%.%[%]%*%+%?]", "%%%0"):gsub("%z", "%%z")) end

local scripts = { ["\0"] = "\\x00", ["\b"] = "\\b", ["\t"] = "\\t", ["\n"] = "\\n", ["\v"] = "\\v", ["\f"] = "\\f", ["\r"] = "\\r" }
function string.JavascriptSafe(text)
	text = text:gsub("[\\\"'`$%{%}]", "\\%0"):gsub("[%z\b-\r]", scripts)
	return (text:gsub("\226\128[\168\169]", "\\%0"))
end

function string.Explode(separator, text, with_pattern)
	if separator == "" then return string.ToTable(text) end
	local pieces, from = {}, 1
	-- A pattern with an empty match is tried once for each letter.
	for _ = 1, #text do
		local start, stop = text:find(separator, from, not with_pattern)
		if not start then break end
		pieces[#pieces + 1] = text:sub(from, start - 1)
		from = stop + 1
	end
	pieces[#pieces + 1] = text:sub(from)
	return pieces
end

function string.Split(text, separator) return string.Explode(separator, text) end
function string.Implode(separator, pieces) return table.concat(pieces, separator) end
function string.StartsWith(text, start) return text:sub(1, #start) == start end
string.StartWith = string.StartsWith
function string.EndsWith(text, stop) return stop == "" or text:sub(-#stop) == stop end
function string.Left(text, count) return text:sub(1, count) end
-- All of it for 0.
function string.Right(text, count) return text:sub(-count) end
function string.GetChar(text, at) return text:sub(at, at) end
function string.SetChar(text, at, letter) return text:sub(0, at - 1) .. letter .. text:sub(at + 1) end

-- Between all letters, if it searches for nothing.
function string.Replace(text, search, replacement) return table.concat(string.Explode(search, text), replacement) end

local function class_of(letter) return letter and string.PatternSafe(letter) or "%s" end
function string.Trim(text, letter)
	local class = class_of(letter)
	return text:match("^" .. class .. "*(.-)" .. class .. "*$") or text
end
function string.TrimLeft(text, letter) return text:match("^" .. class_of(letter) .. "*(.-)$") or text end
function string.TrimRight(text, letter) return text:match("^(.-)" .. class_of(letter) .. "*$") or text end

function string.GetExtensionFromFilename(path) return path:match("%.([^%.\\/]*)$") end
function string.StripExtension(path) return (path:gsub("%.[^%.\\/]*$", "")) end
function string.GetPathFromFilename(path) return path:match("^(.*[/\\])[^/\\]-$") or "" end
function string.GetFileFromFilename(path) return path:match("[^/\\]*$") end

function string.Comma(number, separator)
	if separator ~= nil and not isstring(separator) then
		error("bad argument #2 to 'string.Comma' (string expected, got " .. type(separator) .. ")", 2)
	elseif separator and separator:find("%d") then
		error("bad argument #2 to 'string.Comma' (non-numerical values expected, got " .. separator .. ")", 2)
	end
	local digits = isnumber(number) and string.format("%f", number):match("^(.-)%.?0*$") or number
	while true do
		local replaced, count = digits:gsub("^(-?%d+)(%d%d%d)", "%1" .. (separator or ",") .. "%2")
		digits = replaced
		if count == 0 then return digits end
	end
end

function string.FormattedTime(seconds, format)
	seconds = seconds or 0
	local hundredths, minutes = (seconds - floor(seconds)) * 100, floor(seconds / 60 % 60)
	local rest = floor(seconds % 60)
	if format then return string.format(format, minutes, rest, hundredths) end
	return { h = floor(seconds / 3600), m = minutes, s = rest, ms = hundredths }
end
function string.ToMinutesSeconds(seconds) return string.FormattedTime(seconds, "%02i:%02i") end
function string.ToMinutesSecondsMilliseconds(seconds) return string.FormattedTime(seconds, "%02i:%02i:%02i") end

local UNITS = { { 60, "second" }, { 60, "minute" }, { 24, "hour" }, { 7, "day" }, { 365 / 7, "week" }, { math.huge, "year" } }
function string.NiceTime(seconds)
	if seconds == nil then return "a few seconds" end
	local size = 1
	for _, unit in ipairs(UNITS) do
		if unit[2] == "year" then size = 365 * 24 * 3600 end
		if seconds < size * unit[1] then
			local count = floor(seconds / size)
			return count .. " " .. unit[2] .. (count ~= 1 and "s" or "")
		end
		size = size * unit[1]
	end
end

function string.NiceSize(bytes)
	bytes = tonumber(bytes)
	if bytes <= 0 then return "0" end
	if bytes < 1e3 then return bytes .. " Bytes" end
	if bytes < 1e6 then return math.Round(bytes / 1e3, 2) .. " KB" end
	if bytes < 1e9 then return math.Round(bytes / 1e6, 2) .. " MB" end
	return math.Round(bytes / 1e9, 2) .. " GB"
end

function string.FromColor(color) return string.format("%i %i %i %i", color.r, color.g, color.b, color.a) end
function string.ToColor(text)
	local r, g, b = text:match("(%d+) (%d+) (%d+)")
	local a = text:match("%d+ %d+ %d+ (%d+)")
	return Color(tonumber(r) or 255, tonumber(g) or 255, tonumber(b) or 255, tonumber(a) or 255)
end

function string.Interpolate(text, values) return (text:gsub("{([_%a][_%w]*)}", values)) end

local ORDINALS = { "st", "nd", "rd" }
function string.CardinalToOrdinal(number)
	local is_teen = number % 100 >= 11 and number % 100 <= 13
	return number .. (not is_teen and ORDINALS[number % 10] or "th")
end

-- ("abc")[2] is "b".
getmetatable("").__index = function(text, key)
	local method = string[key]
	if method ~= nil then return method end
	local position = tonumber(key)
	if position then return text:sub(position, position) end
end

Format = string.format
