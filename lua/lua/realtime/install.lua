-- Which file this server needs and where, and which files are there now.
local module_file = include("realtime/module_file.lua")
local install = {}

local FOLDER = "garrysmod/lua/bin"
local PREFIX = "gmsv_realtime_"
local MAX_LOOKED_AT = 64 -- files in that folder

-- The game's names for the files. It uses .dll on every system.
local platforms = {
	Linux = { x64 = "linux64", x86 = "linux" },
	Windows = { x64 = "win64", x86 = "win32" },
}
-- "linux64", "64-bit Linux"; nil for a system without a build of the module.
function install.Platform()
	local platform = platforms[jit.os] and platforms[jit.os][jit.arch]
	return platform, module_file.System(jit.os, jit.arch)
end

function install.File()
	local platform = install.Platform()
	return platform and PREFIX .. platform .. ".dll"
end

-- Names of the files there; "MOD" is the game's own folder, while "GAME" includes addons.
local function files_in(root)
	local found = file.Find("lua/bin/*", root) or {}
	local set = {}
	for i = 1, #found do set[found[i]] = true end
	return found, set
end

-- The names of the files, and for files that could be meant for this module, what they are.
local function listing(found)
	if #found == 0 then return "There is nothing in that folder now, or no such folder: make it." end
	local names = {}
	for i = 1, #found do
		local is_ours = i <= MAX_LOOKED_AT and found[i]:lower():find("realtime", 1, true)
		local what = is_ours and module_file.Inspect("lua/bin/" .. found[i])
		names[i] = found[i] .. (what and " (" .. module_file.Describe(what) .. ")" or "")
	end
	return "In that folder there is now: " .. table.concat(names, ", ") .. "."
end

-- The right file for this server under a name that the game does not look for.
local function misnamed(found, description)
	for i = 1, math.min(#found, MAX_LOOKED_AT) do
		local what = found[i]:lower():find("realtime", 1, true) and module_file.Inspect("lua/bin/" .. found[i])
		if what and what.kind == "library" and what.system == description then return found[i] end
	end
end

local function unsupported()
	return string.format("there is no binary module for this system (%s, %s): it is built for Linux and Windows on x86.",
		tostring(jit.os), tostring(jit.arch))
end

-- The message for a server without the binary.
function install.Missing()
	local name = install.File()
	if not name then return unsupported() end
	local _, description = install.Platform()
	local found = files_in("MOD")
	local _, mounted = files_in("GAME")
	local lines = {
		"the binary module is missing. This server runs on " .. description .. " and needs the file",
		"    " .. FOLDER .. "/" .. name,
		listing(found),
	}
	local same = misnamed(found, description)
	if same then
		lines[#lines + 1] = same .. " is that file under another name: rename it to " .. name .. ", and restart the server."
		return table.concat(lines, "\n")
	end
	if mounted[name] then
		lines[#lines + 1] = "The file lies in lua/bin of an addon, where the game does not look: move it to " .. FOLDER .. "."
	end
	lines[#lines + 1] = "Put the file there, under exactly this name, and restart the server."
	return table.concat(lines, "\n")
end

local function anew(name) return "Take " .. name .. " out of the release's zip again (stop the server first), and restart the server." end

-- The message for a file that must not be loaded; nil if it may be.
function install.Unfit()
	local name = install.File()
	local path = name and "lua/bin/" .. name
	local found = path and module_file.Inspect(path)
	if not found then return end
	local _, description = install.Platform()
	local shown = FOLDER .. "/" .. name
	if found.kind == "library" then
		if found.system == description then return end
		return table.concat({
			shown .. " is not for this server, whatever its name says:",
			"    it is for " .. found.system .. ", and this server runs on " .. description .. ".",
			anew(name),
		}, "\n")
	end
	if found.kind == "other" then
		return table.concat({ shown .. " is not a module:", "    it is " .. found.what .. ".", anew(name) }, "\n")
	end
	local lines = {}
	if found.kind == "damaged" then
		lines[1] = shown .. " is damaged:"
		lines[2] = "    its beginning is that of a module, but the rest is not. FTP in text mode does that: use binary mode, or SFTP."
	else
		lines[1] = shown .. " is incomplete:"
		lines[2] = string.format(found.whole and "    %d bytes of it are there, of %d." or "    %d bytes of it are there.",
			found.size, found.whole)
	end
	lines[3] = "It was not loaded, because that can end the game."
	lines[4] = anew(name)
	return table.concat(lines, "\n")
end

-- What the system's error means, and what to do.
local function advice(reason)
	local libc = reason:match("GLIBC_[%d.]+")
	if libc and reason:find("not found", 1, true) then
		return "It was built for a newer libc (" .. libc .. ") than this system's. The released file needs only 2.17 (2012): " ..
			"take that one, or build it with cargo dist."
	end
	if reason:find("cannot open shared object file", 1, true) then
		return "This system lacks a library that it needs. libgcc_s.so.1 is in Debian's package libgcc-s1, for 32 bits in lib32gcc-s1."
	end
	if reason:find("wrong ELF class", 1, true) or reason:find("invalid ELF header", 1, true) then
		return "It was built for another system or number of bits."
	end
end

-- The message for a binary that does not load. `reason`: the error of require.
function install.Broken(reason)
	local name = install.File()
	if not name then return unsupported() end
	local _, description = install.Platform()
	reason = tostring(reason)
	local found = module_file.Inspect("lua/bin/" .. name)
	local lines = { "the game cannot load " .. FOLDER .. "/" .. name .. ":", "    " .. reason }
	lines[#lines + 1] = advice(reason)
	if not found then
		lines[#lines + 1] = "This addon cannot read the file: check who owns it, and that the server's user may read it."
	else
		lines[#lines + 1] = "The file is " .. module_file.Describe(found) .. "; this server runs on " .. description .. "."
	end
	lines[#lines + 1] = anew(name)
	return table.concat(lines, "\n")
end

local function parts(version)
	local major, minor = tostring(version):match("^(%d+)%.(%d+)%.%d+")
	return tonumber(major), tonumber(minor)
end

-- nil if module and addon are compatible, otherwise the message. Before 1.0 any change of a version's second
-- number may break something.
function install.Mismatch(module, addon)
	local module_major, module_minor = parts(module)
	local addon_major, addon_minor = parts(addon)
	if module_major == addon_major and module_minor == addon_minor then return end
	local together = module_major == addon_major and addon_major and addon_major >= 1
	if together and module_minor > addon_minor then return end
	local older = not module_major or module_major < addon_major
		or (module_major == addon_major and module_minor < addon_minor)
	local what
	if older then
		local name = install.File()
		what = "The module is the older one: replace " .. FOLDER .. "/" .. (name or "") .. " (stop the server first)."
	else
		what = "The addon is the older one: update addons/realtime, or the Workshop's copy of it."
	end
	return string.format("module %s and addon %s do not go together. %s", tostring(module), tostring(addon), what)
end

-- A message is printed in full once for a Lua state: later callers get its first line.
function install.Once(message)
	local told = REALTIME_TOLD
	REALTIME_TOLD = message
	if told ~= message then return "[realtime] " .. message end
	return "[realtime] " .. message:match("^[^\n]*") .. " (told in full above)"
end

return install
