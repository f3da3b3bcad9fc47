-- Players: the library `player`, and a player's methods. join.lua makes the players.
local native = ...
local base = native.entity
local record_of, find_record = base.record, base.find_record
local Player = base.new_class("Player", FindMetaTable("Entity"))
native.Player = Player

HUD_PRINTNOTIFY, HUD_PRINTCONSOLE, HUD_PRINTTALK, HUD_PRINTCENTER = 1, 2, 3, 4

-- What each player has seen: lines of the chat, of the console, in the middle of the screen, and the code of SendLua.
-- It is kept after the player has left. `chat_parts` has the arguments of chat.AddText for each line of the chat, or
-- false.
local seen = setmetatable({}, { __mode = "k" })
native.seen = seen
function native.nothing_seen() return { chat = {}, chat_parts = {}, console = {}, center = {}, lua = {}, left = nil } end

local function show(ply, where, line, parts)
	local record, list = record_of(ply), seen[ply][where]
	list[#list + 1] = line
	if where == "chat" then seen[ply].chat_parts[#list] = parts or false end
	native.tell(record.name .. " sees" .. (where == "chat" and ": " or " (" .. where .. "): ") .. line)
end
native.show = show

local function present(wanted)
	local found = {}
	for _, entity in ipairs(native.entities()) do
		if entity:IsPlayer() and wanted(find_record(entity)) then found[#found + 1] = entity end
	end
	return found
end

local function all() return present(function() return true end) end
native.players = all

player = {}
player.GetAll = all
function player.GetHumans() return present(function(record) return not record.is_bot end) end
function player.GetBots() return present(function(record) return record.is_bot end) end
function player.GetCount() return #all() end
function player.Iterator() return ipairs(all()) end

-- false if there is none.
local function first(key, wanted)
	return present(function(record) return record[key] == wanted end)[1] or false
end
function player.GetBySteamID64(id) return first("id64", tostring(id)) end
function player.GetBySteamID(id) return first("id", tostring(id):upper()) end
function player.GetByAccountID(id) return first("account", id) end
function player.GetByUniqueID(id) return first("unique_id", id) end
function player.GetByID(index)
	local found = Entity(index)
	return found:IsPlayer() and found or NULL
end
_G.Player = function(user_id) return first("user_id", user_id) or NULL end

function PrintMessage(kind, text)
	for _, ply in ipairs(all()) do ply:PrintMessage(kind, text) end
end
function BroadcastLua(code)
	for _, ply in ipairs(all()) do ply:SendLua(code) end
end

-- Methods that read or set the engine's data.
local function getter(key) return function(self) return record_of(self)[key] end end
local function setter(key) return function(self, value) record_of(self)[key] = value end end
local function counter(key)
	return getter(key), setter(key), function(self, more) record_of(self)[key] = record_of(self)[key] + more end
end
Player.Nick, Player.Name, Player.GetName = getter("name"), getter("name"), getter("name")
Player.SteamID, Player.SteamID64, Player.OwnerSteamID64 = getter("id"), getter("id64"), getter("owner_id64")
Player.AccountID, Player.UniqueID, Player.UserID = getter("account"), getter("unique_id"), getter("user_id")
Player.IPAddress, Player.Ping, Player.IsBot = getter("address"), getter("ping"), getter("is_bot")
Player.IsFullyAuthenticated, Player.Team, Player.SetTeam = getter("is_validated"), getter("team"), setter("team")
Player.Armor, Player.GetMaxArmor, Player.SetMaxArmor = getter("armor"), getter("max_armor"), setter("max_armor")
Player.Alive = getter("is_alive")
Player.Frags, Player.SetFrags, Player.AddFrags = counter("frags")
Player.Deaths, Player.SetDeaths, Player.AddDeaths = counter("deaths")
function Player:SetArmor(armor) record_of(self).armor = math.Truncate(armor) end
function Player:IsPlayer() return find_record(self) ~= nil end
function Player:IsConnected() return find_record(self) ~= nil end
function Player:IsListenServerHost() return false end
function Player:PacketLoss() return record_of(self) and 0 end
function Player:TimeConnected() return CurTime() - record_of(self).since end

function Player:GetUserGroup() return self:GetNWString("UserGroup", "user") end
function Player:SetUserGroup(group) self:SetNWString("UserGroup", group) end
function Player:IsUserGroup(group) return self:IsValid() and self:GetUserGroup() == group end
function Player:IsSuperAdmin() return self:IsUserGroup("superadmin") end
function Player:IsAdmin() return self:IsSuperAdmin() or self:IsUserGroup("admin") end

local places = { [HUD_PRINTNOTIFY] = "console", [HUD_PRINTCONSOLE] = "console", [HUD_PRINTTALK] = "chat",
	[HUD_PRINTCENTER] = "center" }
function Player:PrintMessage(kind, text)
	record_of(self)
	show(self, places[kind] or error("no HUD_PRINT… has the number " .. tostring(kind), 2), tostring(text))
end
function Player:ChatPrint(text)
	record_of(self)
	show(self, "chat", tostring(text))
end
function Player:SendLua(code)
	record_of(self)
	show(self, "lua", tostring(code))
end

-- Weapons.
function Player:GetWeapons()
	local carried = {}
	for i, weapon in ipairs(record_of(self).weapons) do carried[i] = weapon end
	return carried
end
function Player:GetWeapon(class)
	for _, weapon in ipairs(self:GetWeapons()) do
		if weapon:GetClass() == class then return weapon end
	end
	return NULL
end
function Player:HasWeapon(class) return self:GetWeapon(class) ~= NULL end
function Player:GetActiveWeapon() return record_of(self).active_weapon or NULL end
function Player:SelectWeapon(class)
	local weapon = self:GetWeapon(class)
	if weapon ~= NULL then record_of(self).active_weapon = weapon end
end
-- The new weapon; NULL if the player has one of that class.
function Player:Give(class)
	local record = record_of(self)
	if self:HasWeapon(class) then return NULL end
	local weapon = ents.Create(class)
	weapon:SetOwner(self)
	record.weapons[#record.weapons + 1] = weapon
	record.active_weapon = record.active_weapon or weapon
	return weapon
end
local function strip(ply, wanted)
	local record, kept = record_of(ply), {}
	for _, weapon in ipairs(record.weapons) do
		if not wanted or weapon:GetClass() == wanted then native.remove_entity(weapon) else kept[#kept + 1] = weapon end
	end
	record.weapons = kept
	if not IsValid(record.active_weapon) then record.active_weapon = kept[1] end
end
function Player:StripWeapon(class) strip(self, class) end
function Player:StripWeapons() strip(self) end

-- Vehicles.
function Player:GetVehicle() return record_of(self).vehicle or NULL end
function Player:InVehicle() return self:GetVehicle() ~= NULL end
function Player:EnterVehicle(vehicle)
	local record, seat = record_of(self), record_of(vehicle)
	if record.vehicle or seat.driver then return end
	record.vehicle, seat.driver = vehicle, self
	native.engine_hook("PlayerEnteredVehicle", self, vehicle, 0)
end
function Player:ExitVehicle()
	local record = record_of(self)
	local vehicle = record.vehicle
	if not vehicle then return end
	record.vehicle, (find_record(vehicle) or {}).driver = nil, nil
	native.engine_hook("PlayerLeaveVehicle", self, vehicle)
end
