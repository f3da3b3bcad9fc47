-- Handmade files that may lie in a module's place.
local binaries = {}

-- A number as so many bytes, the lowest first.
local function bytes(number, count)
	local text = ""
	for _ = 1, count do
		text = text .. string.char(number % 256)
		number = math.floor(number / 256)
	end
	return text
end

local ZERO = "\0"

-- A library of Linux with one segment and, unless it was stripped of them, three sections; machine: 62 x86-64, 3 x86.
function binaries.elf(options)
	local is_64, machine = options.bits ~= 32, options.machine or (options.bits == 32 and 3 or 62)
	local word = is_64 and 8 or 4
	local header, segment, section = is_64 and 64 or 52, is_64 and 56 or 32, is_64 and 64 or 40
	local body = ("code"):rep(100)
	local code_at = header + segment
	local sections_at = options.no_sections and 0 or code_at + #body
	local text = "\127ELF" .. string.char(is_64 and 2 or 1, 1, 1) .. ZERO:rep(9)
		.. bytes(options.type or 3, 2) .. bytes(machine, 2) .. bytes(1, 4) .. bytes(0, word)
		.. bytes(header, word) .. bytes(sections_at, word) .. bytes(0, 4)
		.. bytes(header, 2) .. bytes(segment, 2) .. bytes(1, 2)
		.. bytes(options.no_sections and 0 or section, 2) .. bytes(options.no_sections and 0 or 3, 2) .. bytes(0, 2)
	assert(#text == header)
	if is_64 then
		text = text .. bytes(1, 4) .. bytes(5, 4) .. bytes(code_at, 8) .. bytes(0, 16) .. bytes(#body, 8) .. bytes(#body, 8) .. bytes(4096, 8)
	else
		text = text .. bytes(1, 4) .. bytes(code_at, 4) .. bytes(0, 8) .. bytes(#body, 4) .. bytes(#body, 4) .. bytes(5, 4) .. bytes(4096, 4)
	end
	return text .. body .. (options.no_sections and "" or ZERO:rep(section) .. ("s"):rep(2 * section))
end

-- A library of Windows with two sections; machine: 0x8664 x64, 0x14c x86.
function binaries.pe(options)
	local optional = options.bits == 32 and 224 or 240
	local machine = options.machine or (options.bits == 32 and 0x14c or 0x8664)
	local code_at = 128 + 24 + optional + 80
	local symbols = options.symbols and bytes(code_at + 1024, 4) .. bytes(2, 4) or ZERO:rep(8)
	local text = "MZ" .. ZERO:rep(58) .. bytes(128, 4) .. ("This program cannot be run in DOS mode.\r\r\n$"):sub(1, 64)
	text = text .. ZERO:rep(128 - #text)
		.. "PE\0\0" .. bytes(machine, 2) .. bytes(2, 2) .. ZERO:rep(4) .. symbols .. bytes(optional, 2) .. bytes(options.program and 0x22 or 0x2022, 2)
		.. ZERO:rep(optional)
	text = text .. ".text\0\0\0" .. bytes(512, 4) .. bytes(4096, 4) .. bytes(512, 4) .. bytes(code_at, 4) .. ZERO:rep(16)
		.. ".data\0\0\0" .. bytes(512, 4) .. bytes(8192, 4) .. bytes(512, 4) .. bytes(code_at + 512, 4) .. ZERO:rep(16)
	assert(#text == code_at)
	return text .. ("d"):rep(1024) .. (options.symbols and ("s"):rep(36) .. bytes(10, 4) .. "names\0" or "")
end

-- One for this platform, and one for another.
function binaries.of(os, arch)
	return os == "Windows" and binaries.pe({ bits = arch == "x86" and 32 or 64 }) or binaries.elf({ bits = arch == "x86" and 32 or 64 })
end

return binaries
