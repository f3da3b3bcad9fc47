-- Entities that exist on the map: ents, weapons and vehicles.
local native = ...
local base = native.entity
local Entity = FindMetaTable("Entity")
local MOST_PLAYERS = game.MaxPlayers()
native.most_players = MOST_PLAYERS
local Weapon, Vehicle, NPC = base.new_class("Weapon", Entity), base.new_class("Vehicle", Entity), base.new_class("NPC", Entity)

function Weapon:IsWeapon() return base.find_record(self) ~= nil end
function Vehicle:IsVehicle() return base.find_record(self) ~= nil end
function NPC:IsNPC() return base.find_record(self) ~= nil end

MAX_EDICT_BITS, MAX_PLAYER_BITS = 13, 8
local MOST = 2 ^ MAX_EDICT_BITS

-- Players have the first places, everything else the later ones.
local function free_index(from, to)
	for index = from, to do
		if _G.Entity(index) == NULL then return index end
	end
end

-- The engine informs the game's own Lua, which caches lists of entities; here nothing caches them.
function InvalidateInternalEntityCache() end

-- A new entity in the first free place; nil if there is none.
function native.new_entity(class, record, from, to)
	record.index = free_index(from, to)
	if not record.index then return nil end
	record.born = CurTime()
	local made = base.create(class, record)
	InvalidateInternalEntityCache(made:IsPlayer())
	native.engine_hook("OnEntityCreated", made)
	return made
end

-- By the class's name: most are plain entities.
local function class_of(name)
	if name:find("^weapon_") then return Weapon end
	if name:find("^prop_vehicle_") then return Vehicle end
	if name:find("^npc_") and not name:find("^npc_grenade_") then return NPC end
	return Entity
end

local function remove(entity)
	if not base.find_record(entity) then return end
	local is_player = entity:IsPlayer()
	native.engine_hook("EntityRemoved", entity, false)
	base.remove(entity)
	InvalidateInternalEntityCache(is_player)
end
native.remove_entity = remove

ents = {}

function ents.Create(name)
	if not isstring(name) then error("bad argument #1 to 'Create' (string expected, got " .. type(name) .. ")", 2) end
	return native.new_entity(class_of(name), { class = name, health = 0 }, MOST_PLAYERS + 1, MOST - 1) or NULL
end

-- All of them, by their index.
function native.entities()
	local all = {}
	for index, entity in base.each() do all[#all + 1] = { index, entity } end
	table.sort(all, function(a, b) return a[1] < b[1] end)
	for i = 1, #all do all[i] = all[i][2] end
	return all
end
function ents.GetAll() return native.entities() end
function ents.Iterator() return ipairs(native.entities()) end
function ents.GetCount() return #native.entities() end
function ents.GetByIndex(index) return _G.Entity(index) end

-- A * at the end of a class stands for anything.
function ents.FindByClass(wanted)
	local pattern, found = "^" .. string.PatternSafe(wanted):gsub("%%%*", ".*") .. "$", {}
	for _, entity in ipairs(native.entities()) do
		if entity:GetClass():find(pattern) then found[#found + 1] = entity end
	end
	return found
end

function Entity:Spawn() base.record(self) end
function Entity:Activate() base.record(self) end
function Entity:IsConstraint() return false end
function Entity:GetCreationTime() return base.record(self).born or 0 end
-- Removes it at the next tick.
function Entity:Remove()
	base.record(self)
	if self:IsPlayer() or self:IsWorld() then error("players and the world cannot be removed", 2) end
	native.later(function() remove(self) end)
end
function SafeRemoveEntity(entity) if IsValid(entity) and not entity:IsPlayer() then entity:Remove() end end

function Entity:Health() return base.record(self).health or 0 end
function Entity:SetHealth(health) base.record(self).health = math.Truncate(health) end
function Entity:GetMaxHealth() return base.record(self).max_health or 100 end
function Entity:SetMaxHealth(health) base.record(self).max_health = math.Truncate(health) end

function Vehicle:GetDriver() return base.record(self).driver or NULL end
