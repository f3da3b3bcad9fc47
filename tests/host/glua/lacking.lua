-- Names the functions of the game that this host lacks. Runs last.
--
-- Addons probe: `if http then`, `if http.Fetch then`. In the game the answer is yes, so it is yes here, and the addon goes on
-- as it does there; the error comes when it calls what is lacking. If the answer were no, the addon would
-- take a branch that it never takes in the game.
-- A constant cannot wait for a call: reading it raises. What only clients have is nil, as on any server.
local native = ...
local byte, find = string.byte, string.find
local error, pairs, rawget, rawset, type = error, pairs, rawget, rawset, native.plain_type

-- Whether a name is among those of a list, with white space around each. Makes no string, so that a read that finds nothing
-- works when memory is out.
local function has(list, name)
	if type(name) ~= "string" or find(name, "[^%w_]") or name == "" then return false end
	local from = 1
	while true do
		local first, last = find(list, name, from, true)
		if not first then return false end
		if byte(list, first - 1) <= 32 and byte(list, last + 1) <= 32 then return true end
		from = last + 1
	end
end

-- Gives `t` a function that raises for each name in the list for which it has no field. A table with an __index
-- already is left alone.
local function complete(t, list, prefix)
	local meta = getmetatable(t) or {}
	if meta.__index then return end
	function meta.__index(_, key)
		if not has(list, key) then return nil end
		local name = prefix .. key
		local function lacking() error("gmod-host has no " .. name, 2) end
		rawset(t, key, lacking)
		return lacking
	end
	setmetatable(t, meta)
end

local functions = native.game_functions
for library, list in pairs(functions) do
	if library ~= "_G" then
		local parent, name = _G, library
		local outer, inner = library:match("^(%w+)%.(%w+)$")
		if outer then parent, name = _G[outer], inner end
		if rawget(parent, name) == nil then parent[name] = {} end
		complete(parent[name], list, library .. ".")
	end
end

for class, list in pairs(native.game_methods) do
	local meta = FindMetaTable(class)
	if not meta then
		meta = {}
		RegisterMetaTable(class, meta)
	end
	complete(meta, list, class .. ":")
	local methods = rawget(meta, "__index")
	if type(methods) == "table" and methods ~= meta then complete(methods, list, class .. ":") end
end

-- All have a line in their names. Those that begin with ACT_ are not listed: there are 1,600.
local constants = native.game_constants
local function is_constant(name)
	if type(name) ~= "string" or not find(name, "_", 1, true) then return false end
	return find(name, "^ACT_") ~= nil or has(constants, name)
end

complete(_G, functions._G, "")
local globals = getmetatable(_G)
local function_for = globals.__index
function globals.__index(_, name)
	if is_constant(name) then error("gmod-host has no " .. name, 2) end
	return function_for(_, name)
end
