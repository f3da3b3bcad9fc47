-- What the game has and this host has not: it says so by name. Runs last.
--
-- Addons probe: `if http then`, `if http.Fetch then`. In the game the answer is yes, so it is yes here, and the addon goes on
-- as it does there; the error comes when it calls what is lacking. A "no" would lead it onto a way that it never takes.
-- A constant cannot wait for a call: reading it raises. What only clients have is nil, as on any server.
local native = ...
local byte, error, pairs, rawget, rawset, type = string.byte, error, pairs, rawget, rawset, native.plain_type

local function set_of(names)
	local set = {}
	for name in names:gmatch("%S+") do set[name] = true end
	return set
end

-- The fields of `t` that are among these names and lack are functions that raise.
local function complete(t, names, prefix)
	if getmetatable(t) then error(prefix .. " has a metatable already") end
	setmetatable(t, { __index = function(_, key)
		if not names[key] then return nil end
		local name = prefix .. key
		local function lacking() error("gmod-host has no " .. name, 2) end
		rawset(t, key, lacking)
		return lacking
	end })
end

local functions = native.game_functions
for library, names in pairs(functions) do
	if library ~= "_G" then
		local parent, name = _G, library
		local outer, inner = library:match("^(%w+)%.(%w+)$")
		if outer then parent, name = _G[outer], inner end
		parent[name] = rawget(parent, name) or {}
		complete(parent[name], set_of(names), library .. ".")
	end
end

for class, names in pairs(native.game_methods) do
	local meta = FindMetaTable(class)
	if not meta then
		meta = {}
		RegisterMetaTable(class, meta)
	end
	names = set_of(names)
	complete(meta, names, class .. ":")
	local methods = rawget(meta, "__index")
	if type(methods) == "table" and methods ~= meta then complete(methods, names, class .. ":") end
end

local constants = set_of(native.game_constants)

-- ACT_…: there are 1,600. Reads that find nothing make no string, so that they work when memory is out.
local function is_activity(name)
	if type(name) ~= "string" then return false end
	local a, c, t, line = byte(name, 1, 4)
	return a == 65 and c == 67 and t == 84 and line == 95
end

complete(_G, set_of(functions._G), "")
local globals = getmetatable(_G)
local function_for = globals.__index
function globals.__index(_, name)
	if constants[name] or is_activity(name) then error("gmod-host has no " .. name, 2) end
	return function_for(_, name)
end
