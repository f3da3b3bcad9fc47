-- Tells the kind of a file in garrysmod/lua/bin by its header, not by its name. A file that ends too early must not
-- be loaded: on Linux the first access to the missing part ends the whole game.
local module_file = {}

local START_BYTES = 512 -- read of any file
local MAX_SEGMENTS, MAX_SECTIONS = 128, 96 -- a library of ours has fewer: the header is damaged
local MAX_BYTES = 2 ^ 40 -- the same
local MAX_HEADER_AT = 4096 -- the latest place of a Windows library's own header
local SHOWN_BYTES = 16

local elf_machines = { [3] = "x86", [40] = "ARM", [62] = "x64", [183] = "64-bit ARM" }
local pe_machines = { [0x14c] = "x86", [0x8664] = "x64", [0x1c4] = "ARM", [0xaa64] = "64-bit ARM" }
local systems = {
	Linux = { x64 = "64-bit Linux", x86 = "32-bit Linux" },
	Windows = { x64 = "64-bit Windows", x86 = "32-bit Windows" },
}

-- "64-bit Linux" for "Linux", "x64"; nil for a system without a build of the module.
function module_file.System(os, arch) return systems[os] and systems[os][arch] end

-- The whole number in `bytes` bytes, in little-endian order; `at` counts from 0.
local function number(text, at, bytes)
	local sum = 0
	for i = bytes, 1, -1 do sum = sum * 256 + text:byte(at + i) end
	return sum
end

-- `bytes` bytes of the file, or fewer at its end.
local function read(handle, at, bytes)
	handle:Seek(at)
	return handle:Read(bytes) or ""
end

local function incomplete(system, size, whole) return { kind = "incomplete", system = system, size = size, whole = whole } end
local function damaged(system, size) return { kind = "damaged", system = system, size = size } end

-- `whole`: the end of the last part that the header names.
local function library(system, size, whole)
	if whole > MAX_BYTES then return damaged(system, size) end
	if size < whole then return incomplete(system, size, whole) end
	return { kind = "library", system = system, size = size }
end

-- Linux: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
local function elf(handle, start, size)
	local is_64 = start:byte(5) == 2
	local header = is_64 and 64 or 52
	if #start < header then return incomplete(nil, size) end
	if start:byte(6) ~= 1 then return { kind = "library", system = "a system with another order of bytes", size = size } end
	local machine = number(start, 18, 2)
	local arch = elf_machines[machine] or "another processor"
	local system = module_file.System("Linux", arch) or "Linux on " .. arch
	if number(start, 16, 2) ~= 3 then return { kind = "other", what = "a program or an object file, not a library" } end
	local word = is_64 and 8 or 4
	local segments_at, sections_at = number(start, is_64 and 32 or 28, word), number(start, is_64 and 40 or 32, word)
	local sizes = is_64 and 54 or 42
	local segment_size, segments = number(start, sizes, 2), number(start, sizes + 2, 2)
	local section_size, sections = number(start, sizes + 4, 2), number(start, sizes + 6, 2)
	if segments == 0 or segments > MAX_SEGMENTS or segment_size ~= (is_64 and 56 or 32) then return damaged(system, size) end
	-- The table of sections is the last part of the file. Some tools remove it; then the last segment is.
	local whole = math.max(sections_at + sections * section_size, segments_at + segments * segment_size)
	local table_of_segments = read(handle, segments_at, segments * segment_size)
	if #table_of_segments < segments * segment_size then return incomplete(system, size, sections > 0 and whole or nil) end
	for i = 0, segments - 1 do
		local at = i * segment_size
		local offset, bytes = at + (is_64 and 8 or 4), at + (is_64 and 32 or 16)
		local ends = number(table_of_segments, offset, word) + number(table_of_segments, bytes, word)
		-- Bytes were lost or added before it, as in the text mode of FTP.
		if sections > 0 and ends > sections_at then return damaged(system, size) end
		whole = math.max(whole, ends)
	end
	local found = library(system, size, whole)
	if found.kind == "library" and sections > 0 then
		-- The first section is empty, with zeros only. If there is anything else, bytes were lost or added before it.
		if read(handle, sections_at, section_size):find("[^%z]") then return damaged(system, size) end
	end
	return found
end

-- Windows: https://learn.microsoft.com/windows/win32/debug/pe-format
local function pe(handle, start, size)
	if #start < 64 then return incomplete(nil, size) end
	local at = number(start, 60, 4)
	if at > MAX_HEADER_AT then return damaged("Windows", size) end
	local header = read(handle, at, 24)
	if #header < 24 then return incomplete("Windows", size) end
	if header:sub(1, 4) ~= "PE\0\0" then return damaged("Windows", size) end
	local arch = pe_machines[number(header, 4, 2)] or "another processor"
	local system = module_file.System("Windows", arch) or "Windows on " .. arch
	if math.floor(number(header, 22, 2) / 0x2000) % 2 == 0 then return { kind = "other", what = "a Windows program, not a library" } end
	local sections, optional = number(header, 6, 2), number(header, 20, 2)
	if sections == 0 or sections > MAX_SECTIONS then return damaged(system, size) end
	local table_at = at + 24 + optional
	local table_of_sections = read(handle, table_at, sections * 40)
	if #table_of_sections < sections * 40 then return incomplete(system, size) end
	local whole = table_at + #table_of_sections
	-- Symbols, which a release does not have: 18 bytes each, then their names after the length of these in bytes.
	local symbols_at = number(header, 12, 4)
	if symbols_at > 0 then
		local names_at = symbols_at + 18 * number(header, 16, 4)
		local bytes = read(handle, names_at, 4)
		whole = math.max(whole, names_at + (#bytes == 4 and math.max(4, number(bytes, 0, 4)) or 4))
	end
	for i = 0, sections - 1 do
		whole = math.max(whole, number(table_of_sections, i * 40 + 16, 4) + number(table_of_sections, i * 40 + 20, 4))
	end
	return library(system, size, whole)
end

-- Other files that are found in place of a module, by their first bytes; in lower case, without leading white space.
local beginnings = {
	{ "<!doctype html", "a web page" }, { "<html", "a web page" }, { "<?xml", "a web page, or another XML file" },
	{ "version https://git-lfs.github.com", "a Git LFS pointer, which stands for the file in a repository" },
	{ "pk\3\4", "a zip archive: unpack it" }, { "rar!", "a RAR archive: unpack it" }, { "7z\188\175", "a 7z archive: unpack it" },
	{ "\31\139", "a gzip archive: unpack it" }, { "\253" .. "7zxz", "an xz archive: unpack it" },
	{ "\207\250\237\254", "a module for macOS" }, { "\206\250\237\254", "a module for macOS" },
	{ "\202\254\186\190", "a module for macOS" }, { "!<arch>", "a static library" },
	{ "{", "a JSON file" }, { "404", "a web server's error message" }, { "not found", "a web server's error message" },
	{ "#!", "a script" },
}

local function other(start, size)
	local text = start:gsub("^\239\187\191", ""):gsub("^%s+", ""):lower()
	for _, beginning in ipairs(beginnings) do
		if text:sub(1, #beginning[1]) == beginning[1] then return beginning[2] end
	end
	if not start:find("[^%z]") then return "a file of zeros: its upload or download has not ended" end
	if not start:find("[^\9\10\13\32-\126]") then return "a text file" end
	local shown = start:sub(1, SHOWN_BYTES):gsub("[^\32-\126]", function(byte) return string.format("\\x%02x", byte:byte()) end)
	return string.format("not a module; it begins with %s", shown)
end

-- Describes a file below garrysmod: nil if it cannot be read, otherwise a table with `kind`:
--   "library": complete, and for `system`, such as "64-bit Linux"
--   "incomplete": `size` bytes of it are there, of `whole` if that is known; for `system` if that is known
--   "damaged": its size may be right, its content is not
--   "other": something else, `what`
function module_file.Inspect(path)
	local handle = file.Open(path, "rb", "MOD")
	if not handle then return end
	local size = handle:Size()
	local start = read(handle, 0, START_BYTES)
	local found
	if size == 0 then
		found = { kind = "other", what = "an empty file" }
	elseif start == "" then
		found = nil -- it is not empty, but nothing of it can be read
	elseif start:sub(1, 4) == "\127ELF" then
		found = elf(handle, start, size)
	elseif start:sub(1, 2) == "MZ" then
		found = pe(handle, start, size)
	elseif ("\127ELF"):sub(1, #start) == start or start == "M" then
		found = incomplete(nil, size)
	else
		found = { kind = "other", what = other(start, size) }
	end
	handle:Close()
	return found
end

-- The result in a few words.
function module_file.Describe(found)
	if found.kind == "library" then return "for " .. found.system end
	if found.kind == "other" then return found.what end
	local of = found.system and " for " .. found.system or ""
	if found.kind == "damaged" then return "damaged" .. of end
	if found.whole then return string.format("incomplete%s: %d bytes of %d", of, found.size, found.whole) end
	return string.format("incomplete%s: the first %d bytes", of, found.size)
end

return module_file
