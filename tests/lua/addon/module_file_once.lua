-- The kinds of files in lua/bin, and the messages about files that do not fit this server. tests/host/tests/host/owner.rs tests that no
-- file is loaded that would end the game, because a process that has loaded the module once keeps it.

local binaries = include("_binaries.lua")
local platform = include("_platform.lua")
local FILE = platform.file
local NAME = FILE:match("[^/]*$")
local KEPT = "kept.dll"
local OTHER_SYSTEM = jit.os == "Linux" and "Windows" or "Linux"

-- The result for a file with these bytes, or with the first `cut` of an existing one.
local function inspect(contents)
	local module_file = include("realtime/module_file.lua")
	local open = file.Open
	function file.Open()
		local at = 0
		return {
			Size = function() return #contents end,
			Seek = function(_, to) at = to end,
			Read = function(_, bytes)
				local text = contents:sub(at + 1, at + bytes)
				at = at + #text
				return text ~= "" and text or nil
			end,
			Close = function() end,
		}
	end
	local ok, found = pcall(module_file.Inspect, "lua/bin/x.dll")
	file.Open = open
	assert(ok, found)
	return found, module_file.Describe(found)
end

-- The existing file cut after so many bytes.
local function inspect_cut(module_file, size)
	local open = file.Open
	function file.Open(...)
		local whole = open(...)
		return {
			Size = function() return size end,
			Seek = function(_, at) whole:Seek(math.min(at, size)) end,
			Read = function(_, bytes) return whole:Read(math.min(bytes, size - whole:Tell())) end,
			Close = function() whole:Close() end,
		}
	end
	local ok, found = pcall(module_file.Inspect, FILE)
	file.Open = open
	assert(ok, found)
	return found
end

local function first_bytes(path, count)
	local handle = file.Open(path, "rb", "MOD")
	local text = handle:Read(count)
	handle:Close()
	return text
end

-- A step with another file in the module's place.
local function in_its_place(name, contents, ...)
	local lines = { ... }
	return {
		name = name,
		before = function() host.put(FILE, isfunction(contents) and contents() or contents) end,
		check = function(said)
			for _, line in ipairs(lines) do said(line) end
			assert(realtime == nil, "it was loaded")
			local loaded, message = include("realtime/load.lua")
			assert(loaded == nil and message:find(lines[1], 1, true), message)
		end,
	}
end

local function cut_to(part)
	return function() return first_bytes(KEPT, math.floor(file.Size(KEPT, "MOD") * part)) end
end

include("_steps.lua")({
	{
		name = "the built file is whole and for this server; cut anywhere, it is not whole",
		check = function()
			local module_file = include("realtime/module_file.lua")
			local found = module_file.Inspect(FILE)
			assert(found.kind == "library" and found.system == platform.description, module_file.Describe(found))
			local size = file.Size(FILE, "MOD")
			assert(found.size == size)
			local cuts = { size - 1, size - 63, size - 64, size - 65, math.floor(size / 2) }
			for cut = 1, 1200 do cuts[#cuts + 1] = cut end
			for n = 1, 1500 do cuts[#cuts + 1] = math.floor(size * n / 1501) end
			for _, cut in ipairs(cuts) do
				found = inspect_cut(module_file, cut)
				assert(found.kind == "incomplete" and found.size == cut, cut .. " bytes: " .. module_file.Describe(found))
				if jit.os == "Linux" and cut >= 64 then assert(found.whole and found.whole > cut, cut) end
			end
		end,
	},
	{
		name = "libraries are told by their headers",
		check = function()
			for _, case in ipairs({
				{ binaries.elf({}), "for 64-bit Linux" }, { binaries.elf({ bits = 32 }), "for 32-bit Linux" },
				{ binaries.elf({ no_sections = true }), "for 64-bit Linux" }, { binaries.elf({ machine = 183 }), "for Linux on 64-bit ARM" },
				{ binaries.elf({ machine = 8 }), "for Linux on another processor" }, { binaries.pe({}), "for 64-bit Windows" },
				{ binaries.pe({ bits = 32 }), "for 32-bit Windows" }, { binaries.pe({ machine = 0xaa64 }), "for Windows on 64-bit ARM" },
				-- With more than the header names: a signature, symbols.
				{ binaries.pe({}) .. "signature", "for 64-bit Windows" }, { binaries.elf({}) .. "more", "for 64-bit Linux" },
				{ binaries.elf({ type = 2 }), "a program or an object file, not a library" },
				{ binaries.pe({ program = true }), "a Windows program, not a library" },
			}) do
				local _, description = inspect(case[1])
				assert(description == case[2], description .. " is not " .. case[2])
			end
		end,
	},
	{
		name = "each is incomplete up to its last byte, and no byte in its header makes the look at it fail",
		check = function()
			for _, whole in ipairs({ binaries.elf({}), binaries.elf({ bits = 32 }), binaries.elf({ no_sections = true }), binaries.pe({}),
				binaries.pe({ bits = 32 }), binaries.pe({ symbols = true }) }) do
				for cut = 1, #whole - 1 do
					local found, description = inspect(whole:sub(1, cut))
					assert(found.kind == "incomplete", cut .. " of " .. #whole .. ": " .. description)
					assert(not found.whole or found.whole > cut, cut)
				end
				for at = 1, 600 do
					for _, byte in ipairs({ "\0", "\1", "\127", "\255" }) do inspect(whole:sub(1, at - 1) .. byte .. whole:sub(at + 1)) end
				end
			end
		end,
	},
	{
		name = "a text mode that took or added bytes is damage",
		check = function()
			local found = inspect((binaries.elf({}):gsub("code", "code\r", 3)))
			assert(found.kind == "damaged", found.kind)
			found = inspect((binaries.pe({}):gsub("\r\r\n", "\n")))
			assert(found.kind == "damaged", found.kind)
			-- The built module, cut also within its header.
			found = inspect((first_bytes(FILE, file.Size(FILE, "MOD")):gsub("\n", "\r\n")))
			assert(found.kind == (jit.os == "Linux" and "damaged" or found.kind) and found.kind ~= "library", found.kind)
		end,
	},
	{
		name = "what else comes in the place of a module is called by its name",
		check = function()
			for _, case in ipairs({
				{ "", "an empty file" }, { "\n<!DOCTYPE html>\n<html>", "a web page" }, { "\239\187\191<HTML lang='en'>", "a web page" },
				{ "PK\3\4\20\0", "a zip archive" }, { "Rar!\26\7\0", "a RAR archive" }, { "7z\188\175\39\28", "a 7z archive" },
				{ "\31\139\8\0", "a gzip archive" }, { "\253" .. "7zXZ\0", "an xz archive" },
				{ "version https://git-lfs.github.com/spec/v1\noid sha256:", "a Git LFS pointer" }, { "404: Not Found", "a web server's error" },
				{ '{"message":"Not Found"}', "a JSON file" }, { "\207\250\237\254\7\0", "a module for macOS" }, { ("\0"):rep(5000), "a file of zeros" },
				{ "hello there", "a text file" }, { "\27[2J\155\0x", "not a module; it begins with \\x1b[2J\\x9b\\x00x" },
			}) do
				local found, description = inspect(case[1])
				assert(found.kind == "other" and description:find(case[2], 1, true), description .. " is not " .. case[2])
			end
		end,
	},
	{
		name = "half of the module's file is not loaded",
		before = function()
			host.move(FILE, KEPT)
			host.put(FILE, cut_to(0.5)())
		end,
		check = function(said)
			local size = file.Size(KEPT, "MOD")
			said("garrysmod/" .. FILE .. " is incomplete:")
			if jit.os == "Linux" then said(string.format("    %d bytes of it are there, of %d.", math.floor(size / 2), size)) end
			said("It was not loaded, because that can end the game.")
			said("Take " .. NAME .. " out of the release's zip again (stop the server first), and restart the server.")
			assert(realtime == nil)
		end,
	},
	in_its_place("nor is what is nearly all of it", cut_to(0.999), "garrysmod/" .. FILE .. " is incomplete:"),
	in_its_place("nor its first page", cut_to(0.001), "garrysmod/" .. FILE .. " is incomplete:"),
	in_its_place("another platform's file under this one's name",
		function() return binaries.of(OTHER_SYSTEM, "x64") end,
		"garrysmod/" .. FILE .. " is not for this server, whatever its name says:",
		"    it is for 64-bit " .. OTHER_SYSTEM .. ", and this server runs on " .. platform.description .. "."),
	in_its_place("a web page", "<!DOCTYPE html><html>", "garrysmod/" .. FILE .. " is not a module:", "    it is a web page."),
	in_its_place("an empty file", "", "garrysmod/" .. FILE .. " is not a module:", "    it is an empty file."),
	{
		name = "a whole file that does not load: the system's own words are explained, and nothing is said that does not hold",
		before = function() host.put(FILE, binaries.of(jit.os, jit.arch)) end,
		check = function()
			local install = include("realtime/install.lua")
			for reason, words in pairs({
				["/x: version `GLIBC_2.34' not found (required by y)"] = "built for a newer libc (GLIBC_2.34) than this system's",
				["libgcc_s.so.1: cannot open shared object file: No such file or directory"] = "This system lacks a library that it needs. libgcc_s.so.1 is in",
				["wrong ELF class: ELFCLASS32"] = "built for another system or number of bits",
			}) do
				local message = install.Broken(reason)
				assert(message:find(words, 1, true) and message:find(reason, 1, true), message)
			end
			local message = install.Broken("something else")
			assert(message:find("The file is for " .. platform.description .. "; this server runs on " .. platform.description .. ".", 1, true), message)
			assert(not message:find("another system", 1, true) and not message:find("libc", 1, true), message)
		end,
	},
	{
		name = "the right file under another name is found",
		before = function()
			host.delete(FILE)
			host.move(KEPT, "lua/bin/librealtime.so")
			host.put("lua/bin/" .. platform.other[1], binaries.of(OTHER_SYSTEM, "x64"))
		end,
		check = function(said)
			said("the binary module is missing.")
			said("librealtime.so (for " .. platform.description .. ")")
			said(platform.other[1] .. " (for 64-bit " .. OTHER_SYSTEM .. ")")
			said("librealtime.so is that file under another name: rename it to " .. NAME .. ", and restart the server.")
		end,
	},
	{
		name = "renamed, it is loaded",
		before = function() host.move("lua/bin/librealtime.so", FILE) end,
		check = function(said) assert(realtime and realtime.Default, said()) end,
	},
})
