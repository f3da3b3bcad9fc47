-- What the game adds to strings.
local string, table = string, table

function string.ToTable(text)
	local letters = {}
	for i = 1, #text do letters[i] = text:sub(i, i) end
	return letters
end

function string.PatternSafe(text) return (text:gsub("[%-%^%$%(%)%%%.%[%]%*%+%?]", "%%%0"):gsub("%z", "%%z")) end

function string.Explode(separator, text, with_pattern)
	if separator == "" then return string.ToTable(text) end
	local pieces, from = {}, 1
	while true do
		local start, stop = text:find(separator, from, not with_pattern)
		if not start or stop < start then break end
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
function string.Right(text, count) return count == 0 and "" or text:sub(-count) end

function string.Replace(text, search, replacement)
	return (text:gsub(string.PatternSafe(search), (replacement:gsub("%%", "%%%%"))))
end

function string.Trim(text, letter)
	letter = letter and string.PatternSafe(letter) or "%s"
	return text:match("^" .. letter .. "*(.-)" .. letter .. "*$")
end
function string.TrimLeft(text, letter) return text:match("^" .. (letter and string.PatternSafe(letter) or "%s") .. "*(.*)$") end
function string.TrimRight(text, letter)
	return text:match("^(.-)" .. (letter and string.PatternSafe(letter) or "%s") .. "*$")
end

function string.GetExtensionFromFilename(path) return path:match("%.([^%.\\/]+)$") end
function string.StripExtension(path) return (path:gsub("%.[^%.\\/]*$", "")) end
function string.GetPathFromFilename(path) return path:match("^(.*[/\\])[^/\\]-$") or "" end
function string.GetFileFromFilename(path) return path:match("[^/\\]*$") end

function string.Comma(number, separator)
	local digits = tostring(number)
	while true do
		local replaced, count = digits:gsub("^(-?%d+)(%d%d%d)", "%1" .. (separator or ",") .. "%2")
		digits = replaced
		if count == 0 then return digits end
	end
end

-- ("abc")[2] is "b".
getmetatable("").__index = function(text, key)
	local method = string[key]
	if method ~= nil then return method end
	local position = tonumber(key)
	if position then return text:sub(position, position) end
end
