-- The printed text, line by line, and whether a line steers the terminal.

-- Marks that change the direction of writing.
local CONTROLS = { [0x61C] = true, [0x200E] = true, [0x200F] = true }
for code = 0x202A, 0x202E do CONTROLS[code] = true end
for code = 0x2066, 0x2069 do CONTROLS[code] = true end

local function continues(byte) return byte and byte >= 0x80 and byte < 0xC0 end

-- The first byte that steers a terminal, or nil: a control character, as a byte or as a character of UTF-8, or one of those
-- marks.
local function steers(line)
	local i, size = 1, #line
	while i <= size do
		local a, b, c, d = line:byte(i, i + 3)
		if a < 0x20 or a == 0x7F then return i end
		local length, code = 1, a
		if a >= 0xC2 and a < 0xE0 and continues(b) then
			length, code = 2, (a - 0xC0) * 64 + b - 128
		elseif a >= 0xE0 and a < 0xF0 and continues(b) and continues(c) then
			length, code = 3, (a - 0xE0) * 4096 + (b - 128) * 64 + c - 128
		elseif a >= 0xF0 and a < 0xF5 and continues(b) and continues(c) and continues(d) then
			length, code = 4, 0x10000
		end
		if (code >= 0x80 and code < 0xA0) or CONTROLS[code] then return i end
		i = i + length
	end
end

-- From now on printed lines go only to on_line(line, the first byte that steers or nil), and reported errors
-- to on_error(text).
return function(on_line, on_error)
	local unfinished = ""

	-- A line feed inside a printed text makes two lines, as on a console.
	local function put(text)
		unfinished = unfinished .. text
		while true do
			local stop = unfinished:find("\n", 1, true)
			if not stop then return end
			local line = unfinished:sub(1, stop - 1)
			unfinished = unfinished:sub(stop + 1)
			on_line(line, steers(line))
		end
	end

	local function join(separator, ...)
		local pieces = {}
		for i = 1, select("#", ...) do pieces[i] = tostring((select(i, ...))) end
		return table.concat(pieces, separator)
	end

	function ErrorNoHaltWithStack(...) on_error(join("", ...)) end
	function ErrorNoHalt(...) on_error(join("", ...)) end
	function print(...) put(join("\t", ...) .. "\n") end
	function Msg(...) put(join("", ...)) end
	function MsgN(...) put(join("", ...) .. "\n") end
	function MsgC(...)
		for i = 1, select("#", ...) do
			local piece = select(i, ...)
			if not IsColor(piece) then put(tostring(piece)) end
		end
	end
end
