-- Loads the game's own Lua files, lua/includes/, in place of the stand-ins for them. Runs last, and only if their
-- folder is given.
local native = ...
host.stubs = {}
if not native.has_game_lua() then return end

local rawget, rawset, setmetatable, type, G = rawget, rawset, setmetatable, native.plain_type, _G

-- The C++ functions that those files use while they are loaded and that this host does not have. Each is a value that
-- accepts any operation and does nothing. Functions that the files use later are missed when they are called.
local LACKING = {}
for name in ([[
	Angle DEFINE_BASECLASS Material Matrix SENSORBONE SQLStr Vector ents net physenv resource sound umsg
]]):gmatch("%S+") do LACKING[name] = true end

local stub = {}
do
	local function itself() return stub end
	local meta = { __index = itself, __call = itself, __concat = function() return "" end }
	for _, operation in ipairs({ "add", "sub", "mul", "div", "mod", "pow", "unm" }) do meta["__" .. operation] = itself end
	setmetatable(stub, meta)
end

-- The stand-ins for the game's Lua are removed first, so that none of them stays.
for _, name in ipairs({ "hook", "concommand", "cvars", "team" }) do
	rawset(G, name, nil)
	package.loaded[name] = nil
end
for _, name in ipairs({ "string", "table", "math" }) do
	for key in pairs(G[name]) do
		if not native.plain_names[name][key] then G[name][key] = nil end
	end
end
for name in ([[
	TypeID isstring isnumber istable isfunction isbool isentity IsEntity isvector isangle ismatrix ispanel IsValid tobool Either
	Color ColorAlpha IsColor color_white color_black color_transparent PrintTable Lerp Format SortedPairs SortedPairsByValue
	SortedPairsByMemberValue RandomPairs GetConVar GetConVarNumber GetConVarString
]]):gmatch("%S+") do rawset(G, name, nil) end
G.type = native.plain_type
file.Read, file.Write, file.Append = nil, nil, nil
util.IsBinaryModuleInstalled, player.Iterator = nil, nil

local function add_stub(t, name, prefix, value)
	host.stubs[#host.stubs + 1] = prefix .. name
	rawset(t, name, value)
	return value
end

-- While the files are loaded, missing values are made up.
local metatables, last_constant = {}, 1000
local function make_up(t, index)
	metatables[t] = getmetatable(t) or false
	setmetatable(t, nil)
	setmetatable(t, { __index = index })
end
make_up(G, function(_, name)
	if LACKING[name] then return add_stub(G, name, "", stub) end
	-- Numbers of the engine, each another one.
	if name == "CLIENT_DLL" or not name:find("^%u[%u%d]*_[%u%d_]+$") then return nil end
	last_constant = last_constant + 1
	return add_stub(G, name, "", last_constant)
end)
for _, library in ipairs({ "engine", "ents", "game", "net", "player", "util" }) do
	local t = rawget(G, library)
	if t then make_up(t, function(_, name) return add_stub(t, name, library .. ".", stub) end) end
end
-- Their hooks use the database later.
add_stub(G, "sql", "", stub)

local find_meta_table = FindMetaTable
function FindMetaTable(name)
	local found = find_meta_table(name)
	if not found and type(name) == "string" then
		found = {}
		RegisterMetaTable(name, found)
		host.stubs[#host.stubs + 1] = "the methods of " .. name
	end
	return found
end

native.run_file(native.find_lua(nil, "includes/init.lua"))

FindMetaTable = find_meta_table
for t, metatable in pairs(metatables) do setmetatable(t, metatable or nil) end
for _, name in ipairs(host.stubs) do
	local library, field = name:match("^(%w+)%.(.*)$")
	local t = library and rawget(G, library) or G
	if name ~= "sql" and rawget(t, field or name) == stub then rawset(t, field or name, nil) end
end
