-- What kind of value is it?
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

TYPE_NONE, TYPE_INVALID, TYPE_NIL, TYPE_BOOL, TYPE_LIGHTUSERDATA, TYPE_NUMBER, TYPE_STRING = -1, -1, 0, 1, 2, 3, 4
TYPE_TABLE, TYPE_FUNCTION, TYPE_USERDATA, TYPE_THREAD, TYPE_ENTITY = 5, 6, 7, 8, 9
TYPE_VECTOR, TYPE_ANGLE, TYPE_CONVAR, TYPE_FILE, TYPE_COLOR = 10, 11, 27, 34, 255

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

function IsValid(object)
	if not object then return false end
	local kind = plain_type(object)
	if kind ~= "table" and kind ~= "userdata" then return false end
	local is_valid = object.IsValid
	return is_valid and is_valid(object) or false
end

function tobool(value)
	return value ~= nil and value ~= false and value ~= 0 and value ~= "0" and value ~= "" and value ~= "false"
end

function Either(condition, yes, no)
	if condition then return yes end
	return no
end

function FindMetaTable(name)
	local found = debug.getregistry()[name]
	return plain_type(found) == "table" and found or nil
end

function RegisterMetaTable(name, metatable)
	metatable.MetaName = name
	debug.getregistry()[name] = metatable
end

debug.getregistry().Function = getmetatable(print) or {}
