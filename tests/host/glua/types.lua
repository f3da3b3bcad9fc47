-- What kind of value is it?
local type, getmetatable = type, getmetatable

function isstring(value) return type(value) == "string" end
function isnumber(value) return type(value) == "number" end
function istable(value) return type(value) == "table" end
function isfunction(value) return type(value) == "function" end
function isbool(value) return type(value) == "boolean" end
function isentity() return false end
function isvector() return false end
function isangle() return false end
function ispanel() return false end

TYPE_NONE, TYPE_INVALID, TYPE_NIL, TYPE_BOOL, TYPE_LIGHTUSERDATA, TYPE_NUMBER, TYPE_STRING = -1, -1, 0, 1, 2, 3, 4
TYPE_TABLE, TYPE_FUNCTION, TYPE_USERDATA, TYPE_THREAD = 5, 6, 7, 8

local ids = {
	["nil"] = TYPE_NIL, boolean = TYPE_BOOL, number = TYPE_NUMBER, string = TYPE_STRING, table = TYPE_TABLE,
	["function"] = TYPE_FUNCTION, userdata = TYPE_USERDATA, thread = TYPE_THREAD,
}
function TypeID(value) return ids[type(value)] end

function IsValid(object)
	if not object then return false end
	local kind = type(object)
	if kind ~= "table" and kind ~= "userdata" then return false end
	local is_valid = object.IsValid
	return is_valid and is_valid(object) or false
end

-- No entity: who types into the server's console, for instance.
NULL = setmetatable({}, {
	MetaName = "Entity",
	__index = { IsValid = function() return false end, IsPlayer = function() return false end },
	__tostring = function() return "[NULL Entity]" end,
})

function tobool(value)
	return value ~= nil and value ~= false and value ~= 0 and value ~= "0" and value ~= "" and value ~= "false"
end

function Either(condition, yes, no)
	if condition then return yes end
	return no
end

function FindMetaTable(name)
	local found = debug.getregistry()[name]
	return type(found) == "table" and found or nil
end

function RegisterMetaTable(name, metatable)
	metatable.MetaName = name
	debug.getregistry()[name] = metatable
end

debug.getregistry().Function = getmetatable(print) or {}
