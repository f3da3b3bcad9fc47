-- Which file belongs where for this very server, and what lies there now.
local install = {}

local FOLDER = "garrysmod/lua/bin"
local PREFIX = "gmsv_realtime_"

-- As the game names the files. It says .dll on every system.
local platforms = {
	Linux = { x64 = "linux64", x86 = "linux" },
	Windows = { x64 = "win64", x86 = "win32" },
}
local descriptions = {
	linux64 = "64-bit Linux", linux = "32-bit Linux", win64 = "64-bit Windows", win32 = "32-bit Windows",
}

-- "linux64", "64-bit Linux"; nil for a system that the module is not built for.
function install.Platform()
	local platform = platforms[jit.os] and platforms[jit.os][jit.arch]
	return platform, descriptions[platform]
end

function install.File()
	local platform = install.Platform()
	return platform and PREFIX .. platform .. ".dll"
end

-- Names of the files there; "MOD" is the game's own folder, into "GAME" addons are mounted as well.
local function files_in(root)
	local found = file.Find("lua/bin/*", root) or {}
	local set = {}
	for i = 1, #found do set[found[i]] = true end
	return found, set
end

local function listing(found)
	if #found == 0 then return "There is nothing in that folder now, or no such folder: make it." end
	local names = {}
	for i = 1, #found do
		local platform = found[i]:match("^" .. PREFIX .. "(.*)%.dll$")
		names[i] = found[i] .. (descriptions[platform] and " (for " .. descriptions[platform] .. ")" or "")
	end
	return "In that folder there is now: " .. table.concat(names, ", ") .. "."
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
	if mounted[name] then
		lines[#lines + 1] = "The file lies in lua/bin of an addon, where the game does not look: move it to " .. FOLDER .. "."
	end
	lines[#lines + 1] = "Put the file there, under exactly this name, and restart the server."
	return table.concat(lines, "\n")
end

-- The message for a binary that is there and does not load. `reason`: what require said.
function install.Broken(reason)
	local name = install.File()
	if not name then return unsupported() end
	local _, description = install.Platform()
	local found = files_in("MOD")
	return table.concat({
		"the game cannot load " .. FOLDER .. "/" .. name .. ":",
		"    " .. tostring(reason),
		"It was built for another system or number of bits, or for a newer libc than this server's.",
		"This server runs on " .. description .. ". " .. listing(found),
		"Take the file " .. name .. " of the release anew, and restart the server.",
	}, "\n")
end

local function parts(version)
	local major, minor = tostring(version):match("^(%d+)%.(%d+)%.%d+")
	return tonumber(major), tonumber(minor)
end

-- nil if module and addon go together, else the message. Before 1.0 every second number may break something.
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

-- A message is told in full once for a Lua state: to those that come later, its first line is enough.
function install.Once(message)
	local told = REALTIME_TOLD
	REALTIME_TOLD = message
	if told ~= message then return "[realtime] " .. message end
	return "[realtime] " .. message:match("^[^\n]*") .. " (told in full above)"
end

return install
