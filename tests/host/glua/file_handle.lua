-- file.Open: files that are read and written piece by piece. A file is a userdata.
local native = ...
local error, setmetatable, tostring, char, byte, floor = error, setmetatable, tostring, string.char, string.byte, math.floor
-- Taken now: in the game these are made of file.Open.
local read_file, write_file, append_file = file.Read, file.Write, file.Append

-- {path, mode, size, at}, and the text of one that is read; writing goes through to the disk at once. None for one that was closed.
local records = setmetatable({}, { __mode = "k" })
local File = { MetaID = TYPE_FILE }
File.__index = File
RegisterMetaTable("File", File)

local function record_of(handle)
	return records[handle] or error("Tried to use invalid object (type File) (Object was NULL or not of the right type)", 3)
end

function File:__tostring() return records[self] and "File [" .. records[self].path .. "]" or "File [NULL]" end

local MODES = { r = "r", rb = "r", w = "w", wb = "w", a = "a", ab = "a" }

-- Nil if the file does not exist, or may not be written.
function file.Open(path, mode, root)
	mode = MODES[mode]
	if not mode then return nil end
	local text = ""
	if mode == "r" or mode == "a" then
		text = read_file(path, root or "GAME")
		if mode == "r" and not text then return nil end
	end
	text = text or ""
	if mode ~= "r" and (root ~= "DATA" or not write_file(path, text)) then return nil end
	local made = native.new_userdata(File)
	records[made] = { path = path, mode = mode, text = mode == "r" and text or "", size = #text, at = mode == "a" and #text or 0 }
	return made
end

function File:Close()
	record_of(self)
	records[self] = nil
end
function File:Flush() record_of(self) end
function File:Size() return record_of(self).size end
function File:Tell() return record_of(self).at end
function File:EndOfFile() return record_of(self).at >= record_of(self).size end

local function seek(record, at) record.at = math.Clamp(at, 0, record.size) end
function File:Seek(at) seek(record_of(self), at) end
function File:Skip(bytes)
	local record = record_of(self)
	seek(record, record.at + bytes)
end

local function read(record, bytes)
	local text = record.mode == "r" and record.text:sub(record.at + 1, record.at + bytes) or ""
	record.at = record.at + #text
	return text ~= "" and text or nil
end

-- Nil at the end of the file. The whole rest without an argument.
function File:Read(bytes)
	local record = record_of(self)
	return read(record, bytes or #record.text)
end

-- With its end.
function File:ReadLine()
	local record = record_of(self)
	local _, stop = record.text:find("\n", record.at + 1, true)
	return read(record, (stop or #record.text) - record.at)
end

local function write(record, text)
	if record.mode == "r" then return end
	if record.at == record.size then
		append_file(record.path, text)
	else
		local before = read_file(record.path, "DATA") or ""
		write_file(record.path, before:sub(1, record.at) .. text .. before:sub(record.at + #text + 1))
	end
	record.at = record.at + #text
	record.size = math.max(record.size, record.at)
end
function File:Write(text) write(record_of(self), tostring(text)) end

-- Whole numbers, the lowest byte first.
local function add_number(name, bytes, is_signed)
	File["Read" .. name] = function(self)
		local text, number = read(record_of(self), bytes), 0
		if not text or #text < bytes then return nil end
		for i = bytes, 1, -1 do number = number * 256 + byte(text, i) end
		return is_signed and number >= 256 ^ bytes / 2 and number - 256 ^ bytes or number
	end
	File["Write" .. name] = function(self, number)
		local text = ""
		number = floor(number) % 256 ^ bytes
		for _ = 1, bytes do
			text = text .. char(number % 256)
			number = floor(number / 256)
		end
		write(record_of(self), text)
	end
end
add_number("Byte", 1, false)
add_number("Short", 2, true)
add_number("UShort", 2, false)
add_number("Long", 4, true)
add_number("ULong", 4, false)

function File:ReadBool()
	local number = self:ReadByte()
	return number and number ~= 0
end
function File:WriteBool(value) self:WriteByte(value and 1 or 0) end

function file.Rename(from, to) return native.rename("DATA", from:lower(), to:lower()) end
