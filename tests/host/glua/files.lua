-- Files, as far as the game lets Lua near them.
local native = ...

file = {}

function file.Read(path, root)
	if root == true then root = "GAME" elseif not root then root = "DATA" end
	return native.read(root, path)
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
function file.Exists(path, root) return native.kind(root or "DATA", path) ~= nil end
function file.IsDir(path, root) return native.kind(root or "DATA", path) == "folder" end
function file.Size(path, root)
	local contents = native.read(root or "DATA", path)
	return contents and #contents or -1
end

function file.Find(pattern, root)
	local folder, name = pattern:match("^(.-)([^/]*)$")
	local listing = native.list(root, folder)
	if not listing then return nil, nil end
	local wanted = "^" .. name:gsub("[%-%^%$%(%)%%%.%[%]%+%?]", "%%%0"):gsub("%*", ".*") .. "$"
	local files, folders = {}, {}
	for i = 1, #listing, 2 do
		local into = listing[i + 1] and folders or files
		if listing[i]:find(wanted) then into[#into + 1] = listing[i] end
	end
	return files, folders
end
