-- Entities: NULL, and the base for everything else that exists on a map. An entity is a userdata. Its metatable belongs to its
-- class, which has the methods. Its fields are in a table of its own, so `entity.score = 1` works.
local native = ...
local debug_setmetatable, newproxy, rawequal, type = debug.setmetatable, newproxy, rawequal, native.plain_type
local error, pairs, setmetatable, tostring = error, pairs, setmetatable, tostring

local NO_ENTITY = "Tried to use a NULL entity!"

-- The engine's records of existing entities. A removed one has no record, and equals NULL.
local records = setmetatable({}, { __mode = "k" })
local by_index = {}

local entity = {}
native.entity = entity

-- A new userdata of a class.
local function new_userdata(class)
	local made = newproxy()
	debug_setmetatable(made, class)
	return made
end
native.new_userdata = new_userdata

-- The engine's record of an entity: {index, class, name, fields}, to which a class may add. Raises for NULL and for
-- removed entities, in the name of the function that called the caller.
function entity.record(of)
	return records[of] or error(NO_ENTITY, 3)
end

-- The same, or nil.
function entity.find_record(of) return records[of] end

local function to_text(of)
	local record = records[of]
	if not record then return "[NULL Entity]" end
	return string.format("%s [%d][%s]", record.kind, record.index, record.name)
end

local function is_same(a, b) return rawequal(a, b) or not records[a] and not records[b] end

local function text_or_entity(value) return type(value) == "userdata" and tostring(value) or value end
local function concatenate(a, b) return text_or_entity(a) .. text_or_entity(b) end

local function set_field(of, key, value)
	local record = records[of]
	if not record then error(NO_ENTITY, 2) end
	record.fields[key] = value
end

-- Makes the metatable of a class: the one named "Entity", or one above it, such as "Player".
function entity.new_class(name, base)
	local class = { MetaID = TYPE_ENTITY, MetaBaseClass = base }
	RegisterMetaTable(name, class)
	function class.__index(of, key)
		local value = class[key]
		if value == nil and base then value = base[key] end
		if value ~= nil then return value end
		local record = records[of]
		if record then value = record.fields[key] end
		-- Raises for NULL, as in the game.
		if value == nil and key == "Owner" then return of:GetOwner() end
		return value
	end
	class.__newindex, class.__eq, class.__concat, class.__tostring = set_field, is_same, concatenate, to_text
	return class
end

local Entity = entity.new_class("Entity")

-- A new entity of a class. `record`: index, class ("prop_physics"), and name (the class if absent), which is shown.
function entity.create(class, record)
	local made = new_userdata(class)
	record.name, record.kind, record.fields = record.name or record.class, class.MetaName, {}
	records[made], by_index[record.index] = record, made
	return made
end

-- The value of a removed entity continues to exist, but is no longer valid.
function entity.remove(of)
	local record = records[of]
	if not record then return end
	records[of], by_index[record.index] = nil, nil
end

-- Each entity that exists, by its index.
function entity.each() return pairs(by_index) end

-- The entity for no entity, for example the caller of a command in the server's console.
NULL = new_userdata(Entity)

-- The map itself: it exists, but IsValid is false for it.
local WORLD = 0
entity.world = entity.create(Entity, { index = WORLD, class = "worldspawn" })

_G.Entity = function(index) return by_index[index] or NULL end

function Entity:IsValid() return records[self] ~= nil and records[self].index ~= WORLD end
-- 0 for the world, and for NULL: addons recognize the server's console by that.
function Entity:EntIndex() return records[self] and records[self].index or 0 end
function Entity:GetTable() return records[self] and records[self].fields end
function Entity:GetClass() return entity.record(self).class end
function Entity:GetOwner() return entity.record(self).owner or NULL end
function Entity:SetOwner(owner) entity.record(self).owner = owner end
function Entity:IsWorld() return records[self] ~= nil and records[self].index == WORLD end

for _, kind in pairs({ "Constraint", "NPC", "NextBot", "Player", "Ragdoll", "Vehicle", "Weapon" }) do
	Entity["Is" .. kind] = function() return false end
end
