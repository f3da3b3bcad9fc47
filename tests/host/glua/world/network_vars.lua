-- Values that the server shows to all clients: SetGlobal…, SetGlobal2…, and those of an entity, SetNW…, SetNW2….
local native = ...
local plain_type, truncate = native.plain_type, math.Truncate
local Entity = FindMetaTable("Entity")

-- For each kind: the default, and the conversion of a value that is set.
local function expected(wanted)
	return function(value, name)
		if plain_type(value) == wanted then return value end
		error("bad argument #2 to '" .. name .. "' (" .. wanted .. " expected, got " .. type(value) .. ")", 3)
	end
end
local number, text = expected("number"), expected("string")
local kinds = {
	Bool = { false, function(value) return value and true or false end },
	Int = { 0, function(value, name) return truncate(number(value, name)) end },
	Float = { 0, number },
	String = { "", text },
	Entity = { NULL, function(value) return value end },
	Var = { nil, function(value) return value end },
}

-- A value is read as the kind with which it was set, or by Var.
local function read(store, name, kind, fallback)
	local found = store[name]
	if found and (kind == "Var" or found.kind == kind or found.kind == "Var") then return found.value end
	if fallback ~= nil then return fallback end
	return kinds[kind][1]
end

local function write(store, name, kind, value, caller)
	store[name] = value ~= nil and { kind = kind, value = kinds[kind][2](value, caller) } or nil
end

for _, version in pairs({ "", "2" }) do
	local globals, stores = {}, setmetatable({}, { __mode = "k" })
	local function store_of(entity)
		native.entity.record(entity)
		stores[entity] = stores[entity] or {}
		return stores[entity]
	end
	for kind in pairs(kinds) do
		local setter = "SetGlobal" .. version .. kind
		_G[setter] = function(name, value) write(globals, name, kind, value, setter) end
		_G["GetGlobal" .. version .. kind] = function(name, fallback) return read(globals, name, kind, fallback) end
		local method = "NW" .. version .. kind
		Entity["Set" .. method] = function(self, name, value) write(store_of(self), name, kind, value, "Set" .. method) end
		Entity["Get" .. method] = function(self, name, fallback) return read(store_of(self), name, kind, fallback) end
	end
end
