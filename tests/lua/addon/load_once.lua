-- load.lua with the binary, without it, and with another one: its messages, and how often they come.

local kit = { raises = function(pattern, fn, ...)
	local ok, message = pcall(fn, ...)
	assert(not ok, "expected an error that says " .. pattern)
	assert(message:find(pattern, 1, true), message)
	return message
end }

local platform = include("_platform.lua")
local FILE = platform.file
local OTHER = "lua/bin/" .. platform.other[1]
local function count(text, part)
	local n = 0
	for _ in text:gmatch(string.PatternSafe(part)) do n = n + 1 end
	return n
end

include("_steps.lua")({
	{
		name = "with the binary there is one table, however it is asked for",
		check = function(said)
			local first, message = include("realtime/load.lua")
			assert(first == realtime and message == nil and first.Connect and first.Default)
			local connect, default = first.Connect, first.Default
			assert(include("realtime/load.lua") == first)
			require("realtime")
			assert(realtime == first and realtime.Connect == connect and realtime.Default == default)
			assert(realtime.ADDON_VERSION == realtime.VERSION, "both are released with one number")
			assert(not said():find("missing", 1, true))
		end,
	},
	{
		name = "a module that an addon required before is the one that is used",
		before = function()
			host.put("addons/early/lua/autorun/a.lua", 'require("realtime") early = realtime.Clients')
		end,
		check = function()
			assert(early and early == realtime.Clients and realtime.Default)
		end,
	},
	{
		name = "without the binary one message says which file belongs where, and what is there",
		before = function()
			host.delete("addons/early/lua/autorun/a.lua")
			host.move(FILE, "kept.dll")
			host.put("lua/bin/gmsv_another.dll", "")
		end,
		check = function(said)
			said("garrysmod/" .. FILE)
			said(platform.description)
			said("In that folder there is now: gmsv_another.dll")
			assert(count(said(), "the binary module is missing") == 1, said())
			assert(realtime == nil)
			local result, message = include("realtime/load.lua")
			assert(result == nil and message:find(FILE, 1, true), message)
			local short = kit.raises("the binary module is missing", require, "realtime")
			assert(short:find("told in full above", 1, true) and not short:find("\n"), short)
			assert(count(said(), "the binary module is missing") == 1, "an include later tells it again")
		end,
	},
	{
		name = "a require says it in full where nobody has",
		before = function() host.put("addons/early/lua/autorun/a.lua", 'early, why = pcall(require, "realtime")') end,
		check = function(said)
			assert(early == false and why:find("garrysmod/" .. FILE, 1, true) and why:find("In that folder there is now:", 1, true), why)
			assert(count(said(), "the binary module is missing") == 0, said())
		end,
	},
	{
		name = "files are described by what is in them, not by their names",
		before = function()
			host.delete("addons/early/lua/autorun/a.lua")
			host.move("kept.dll", OTHER)
			host.put("lua/bin/librealtime.so", "")
		end,
		check = function(said)
			said("garrysmod/" .. FILE)
			said(platform.other[1] .. " (for " .. platform.description .. "), librealtime.so (an empty file).")
			said(platform.other[1] .. " is that file under another name: rename it to " .. FILE:match("[^/]*$") .. ", and restart the server.")
		end,
	},
	{
		name = "each platform has its file",
		check = function()
			local install = include("realtime/install.lua")
			local os, arch = jit.os, jit.arch
			for _, case in ipairs({
				{ "Linux", "x64", "linux64", "64-bit Linux" }, { "Linux", "x86", "linux", "32-bit Linux" },
				{ "Windows", "x64", "win64", "64-bit Windows" }, { "Windows", "x86", "win32", "32-bit Windows" },
			}) do
				jit.os, jit.arch = case[1], case[2]
				local message = install.Missing()
				assert(message:find("garrysmod/lua/bin/gmsv_realtime_" .. case[3] .. ".dll\n", 1, true), message)
				assert(message:find(case[4], 1, true), message)
			end
			jit.os, jit.arch = "OSX", "arm64"
			assert(install.Missing():find("OSX, arm64", 1, true), install.Missing())
			jit.os, jit.arch = os, arch
		end,
	},
	{
		name = "an empty folder, or none",
		before = function()
			host.move("lua/bin", "elsewhere")
		end,
		check = function(said)
			said("There is nothing in that folder now, or no such folder: make it.")
		end,
	},
	{
		name = "a file in an addon's folder is where the game does not look",
		before = function()
			host.move("elsewhere", "lua/bin")
			host.move(OTHER, "addons/early/" .. FILE)
		end,
		check = function(said) said("The file lies in lua/bin of an addon, where the game does not look") end,
	},
	{
		name = "the right file at last",
		before = function() host.move("addons/early/" .. FILE, FILE) end,
		check = function(said)
			assert(realtime and realtime.Default, said())
		end,
	},
	{
		name = "module and addon must go together",
		check = function(said)
			local install = include("realtime/install.lua")
			for _, case in ipairs({
				{ "0.1.0", "0.1.0" }, { "0.1.9", "0.1.0" }, { "0.1.0", "0.1.9" }, { "1.4.0", "1.2.0" },
				{ "0.1.0", "0.2.0", "module" }, { "0.2.0", "0.1.0", "addon" }, { "1.2.0", "1.4.0", "module" },
				{ "1.9.9", "2.0.0", "module" }, { "2.0.0", "1.9.9", "addon" }, { "0.9.0", "1.0.0", "module" },
				{ "nonsense", "0.1.0", "module" },
			}) do
				local message = install.Mismatch(case[1], case[2])
				local what = case[1] .. " with " .. case[2] .. ": " .. tostring(message)
				if case[3] then
					assert(message and message:find("The " .. case[3] .. " is the older one", 1, true), what)
				else
					assert(message == nil, what)
				end
			end
			realtime.ADDON_VERSION, realtime.VERSION = nil, "0.0.1"
			local result, message = include("realtime/load.lua")
			assert(result == nil)
			assert(message:find("module 0.0.1 and addon " .. include("realtime/version.lua") .. " do not go together", 1, true), message)
			assert(message:find(FILE, 1, true), message)
			said(message)
		end,
	},
})
