-- Types of values.
local native = ...
local plain_type, getmetatable = type, getmetatable
-- For the prelude, which runs before an addon can replace anything.
native.plain_type = plain_type

-- A userdata is of the type that its metatable names.
function type(value)
	local kind = plain_type(value)
	if kind ~= "userdata" then return kind end
	local meta = getmetatable(value)
	local name = plain_type(meta) == "table" and meta.MetaName
	return plain_type(name) == "string" and name or "UserData"
end

TYPE_NONE, TYPE_INVALID, TYPE_COLOR, TYPE_COUNT = -1, -1, 255, 44
local KINDS = [[
	NIL BOOL LIGHTUSERDATA NUMBER STRING TABLE FUNCTION USERDATA THREAD ENTITY VECTOR ANGLE PHYSOBJ SAVE RESTORE DAMAGEINFO
	EFFECTDATA MOVEDATA RECIPIENTFILTER USERCMD SCRIPTEDVEHICLE MATERIAL PANEL PARTICLE PARTICLEEMITTER TEXTURE USERMSG CONVAR
	IMESH MATRIX SOUND PIXELVISHANDLE DLIGHT VIDEO FILE LOCOMOTION PATH NAVAREA SOUNDHANDLE NAVLADDER PARTICLESYSTEM
	PROJECTEDTEXTURE PHYSCOLLIDE SURFACEINFO
]]
local number = 0
for name in KINDS:gmatch("%u+") do
	_G["TYPE_" .. name] = number
	number = number + 1
end

local ids = {
	["nil"] = TYPE_NIL, boolean = TYPE_BOOL, number = TYPE_NUMBER, string = TYPE_STRING, table = TYPE_TABLE,
	["function"] = TYPE_FUNCTION, thread = TYPE_THREAD,
}
function TypeID(value)
	local id = ids[plain_type(value)]
	if id then return id end
	local meta = getmetatable(value)
	return plain_type(meta) == "table" and meta.MetaID or TYPE_USERDATA
end

function isstring(value) return plain_type(value) == "string" end
function isnumber(value) return plain_type(value) == "number" end
function istable(value) return plain_type(value) == "table" end
function isfunction(value) return plain_type(value) == "function" end
function isbool(value) return plain_type(value) == "boolean" end
function isvector(value) return type(value) == "Vector" end
function isangle(value) return type(value) == "Angle" end
function ismatrix(value) return type(value) == "VMatrix" end
function ispanel(value) return type(value) == "Panel" end

-- Players, weapons and the like are entities, too: their metatable's base is that of entities.
function isentity(value)
	if plain_type(value) ~= "userdata" then return false end
	local meta = getmetatable(value)
	if plain_type(meta) ~= "table" then return false end
	if meta.MetaName == "Entity" then return true end
	return meta.MetaBaseClass ~= nil and meta.MetaBaseClass.MetaName == "Entity"
end
IsEntity = isentity

-- Raises for values that cannot be indexed: true, numbers, functions.
function IsValid(object)
	if not object then return false end
	local is_valid = object.IsValid
	if not is_valid then return false end
	return is_valid(object)
end

function tobool(value)
	return value ~= nil and value ~= false and value ~= 0 and value ~= "0" and value ~= "false"
end

function Either(condition, yes, no)
	if condition then return yes end
	return no
end

-- Metatables that have a name. Lua cannot reach the registry itself: debug.getregistry gives a table that looks these
-- up.
local registry = debug.getregistry()
local registered = setmetatable({}, {
	__index = function(_, name) return FindMetaTable(name) end,
	__newindex = function(t, key, value)
		rawset(t, key, value)
		if isstring(key) and istable(value) then RegisterMetaTable(key, value) end
	end,
})
function debug.getregistry() return registered end

function FindMetaTable(name)
	local found = isstring(name) and registry[name]
	return plain_type(found) == "table" and found or nil
end

function RegisterMetaTable(name, metatable)
	metatable.MetaName = name
	registry[name] = metatable
end

RegisterMetaTable("Function", getmetatable(print) or {})
native.registry = registry
