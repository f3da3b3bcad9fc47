-- Who drives what, on all servers. To use it, copy it into lua/autorun/server/ of an addon of yours.
--
-- One channel for each kind of event: vehicle.spawned, .entered, .left, .removed. Those of other servers run the hook
-- "VehicleElsewhere". Events that happen while this server is away are not delivered later. For a state that must be
-- right, see shared_bans.lua.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local tables, problem = realtime.Tables()
if not tables then return print("[vehicle_events] " .. problem) end

local PREFIX = "vehicle."
local MAX_EVENTS = 10 -- of other servers in a second, so that hooks and the console stay fast
local EVENTS = { spawned = true, entered = true, left = true, removed = true }
local CLASS, STEAMID64 = "^[%w_]+$", "^7656119%d%d%d%d%d%d%d%d%d%d$"

local function tell(event, vehicle, ply)
	local by_player = IsValid(ply)
	tables:Publish(PREFIX .. event, {
		vehicle = vehicle:EntIndex(), class = vehicle:GetClass(), -- an index is unique only on its server
		player = by_player and ply:SteamID64() or nil, name = by_player and ply:Nick() or nil,
	})
end

hook.Add("PlayerSpawnedVehicle", "vehicle_events", function(ply, vehicle) tell("spawned", vehicle, ply) end)
hook.Add("PlayerEnteredVehicle", "vehicle_events", function(ply, vehicle) tell("entered", vehicle, ply) end)
hook.Add("PlayerLeaveVehicle", "vehicle_events", function(ply, vehicle) tell("left", vehicle, ply) end)
hook.Add("EntityRemoved", "vehicle_events", function(entity)
	if entity:IsVehicle() then tell("removed", entity) end
end)

local second, events = 0, 0
local function are_too_many()
	local now = math.floor(SysTime())
	if now ~= second then second, events = now, 0 end
	events = events + 1
	return events > MAX_EVENTS
end

-- A publisher chooses the content of a message, and the channel's name. Hooks get only these fields, each of its type
-- and size.
local function checked(vehicle)
	if not istable(vehicle) or not isstring(vehicle.class) or #vehicle.class > 64 or not vehicle.class:find(CLASS) then return end
	return {
		vehicle = isnumber(vehicle.vehicle) and vehicle.vehicle or nil, class = vehicle.class,
		player = isstring(vehicle.player) and vehicle.player:match(STEAMID64) or nil,
		name = isstring(vehicle.name) and vehicle.name:sub(1, 64):gsub("%c", " ") or nil,
	}
end

tables:PSubscribeOthers(PREFIX .. "*", function(vehicle, from, channel)
	local event = channel:sub(#PREFIX + 1)
	vehicle = checked(vehicle)
	if vehicle and EVENTS[event] and not are_too_many() then hook.Run("VehicleElsewhere", event, vehicle, from) end
end)

-- An example of a use. The console gets plain ASCII: some terminals obey bytes above 127, too.
hook.Add("VehicleElsewhere", "vehicle_events", function(event, vehicle, from)
	local by = vehicle.name and " by " .. vehicle.name:gsub("[^ -~]", "?") or ""
	print(string.format("[%s] %s %s%s", from, vehicle.class, event, by))
end)
