-- Files, as far as the game lets Lua near them.
local native = ...

file = {}

-- The places of a root, in order: addons are mounted before the game's folder, "MOD" is that folder alone.
local function places(root, path)
	if root == "GAME" or root == "LUA" or root == "lsv" then
		local own = root == "GAME" and path or "lua/" .. path
		local found, addons = {}, native.list("MOD", "addons") or {}
		for i = 1, #addons, 2 do
			found[#found + 1] = "MOD"
			found[#found + 1] = "addons/" .. addons[i] .. "/" .. own
		end
		found[#found + 1] = "MOD"
		found[#found + 1] = own
		return found
	end
	return { root, path }
end

local function first(get, root, path)
	local all = places(root or "DATA", path)
	for i = 1, #all, 2 do
		local found = get(all[i], all[i + 1])
		if found ~= nil then return found end
	end
end

function file.Read(path, root)
	if root == true then root = "GAME" end
	return first(native.read, root, path)
end

-- The game takes only some endings, and lower-cases names.
local endings = { txt = true, json = true, dat = true, xml = true, csv = true, jpg = true, png = true, vtf = true, vmt = true,
	mp3 = true, wav = true, ogg = true }

local function writable(path)
	local ending = path:match("%.(%w+)$")
	return ending and endings[ending:lower()] and path:lower()
end

function file.Write(path, contents)
	local name = writable(path)
	return name and native.write("DATA", name, contents) or false
end

function file.Append(path, contents)
	local name = writable(path)
	return name and native.append("DATA", name, contents) or false
end

function file.Delete(path) return native.delete("DATA", path:lower()) end
function file.CreateDir(path) return native.make_folder("DATA", path:lower()) end
function file.Exists(path, root) return first(native.kind, root, path) ~= nil end
function file.IsDir(path, root) return first(native.kind, root, path) == "folder" end
function file.Size(path, root) return first(native.size, root, path) or -1 end

-- A file that is open for reading.
local handle = {}
handle.__index = handle

function handle:Size() return self.size end
function handle:Tell() return self.at end
function handle:Seek(at) self.at = math.max(0, math.min(at, self.size)) end
function handle:Skip(bytes) self:Seek(self.at + bytes) end
function handle:EndOfFile() return self.at >= self.size end
function handle:Close() self.size, self.at = 0, 0 end

-- nil at the end of the file.
function handle:Read(bytes)
	local text = first(function(root, path) return native.read_at(root, path, self.at, bytes or self.size) end, self.root, self.path)
	if not text or text == "" then return end
	self.at = self.at + #text
	return text
end

-- Reading alone: "r" and "rb".
function file.Open(path, mode, root)
	local size = (mode == "rb" or mode == "r") and first(native.size, root, path)
	return size and setmetatable({ path = path, root = root, size = size, at = 0 }, handle) or nil
end

local ROOTS = { GAME = true, LUA = true, lsv = true, DATA = true, MOD = true }

-- Nothing for a root that there is none of; two empty tables for a folder that does not exist.
function file.Find(pattern, root)
	if not ROOTS[root] then return nil, nil end
	local folder, name = pattern:match("^(.-)([^/]*)$")
	local wanted = "^" .. name:gsub("[%-%^%$%(%)%%%.%[%]%+%?]", "%%%0"):gsub("%*", ".*") .. "$"
	local files, folders, seen = {}, {}, {}
	local all = places(root, folder)
	for i = 1, #all, 2 do
		local listing = native.list(all[i], all[i + 1])
		for j = 1, listing and #listing or 0, 2 do
			local entry, into = listing[j], listing[j + 1] and folders or files
			if entry:find(wanted) and not seen[entry] then
				seen[entry] = true
				into[#into + 1] = entry
			end
		end
	end
	table.sort(files)
	table.sort(folders)
	return files, folders
end
