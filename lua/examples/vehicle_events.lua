-- Who drives what, on all servers. To use it, copy it into lua/autorun/server/ of an addon of yours.
--
-- One channel for each kind of event: vehicle.spawned, .entered, .left, .removed. Those of other servers run the hook
-- "VehicleElsewhere". These are events: what happened while this server was away is not told later. For a state that
-- must be right, see shared_bans.lua.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local tables, problem = realtime.Tables()
if not tables then return print("[vehicle_events] " .. problem) end

local PREFIX = "vehicle."

local function tell(event, vehicle, ply)
	local by_player = IsValid(ply)
	tables:Publish(PREFIX .. event, {
		vehicle = vehicle:EntIndex(), class = vehicle:GetClass(), -- an index is unique on its server alone
		player = by_player and ply:SteamID64() or nil, name = by_player and ply:Nick() or nil,
	})
end

hook.Add("PlayerSpawnedVehicle", "vehicle_events", function(ply, vehicle) tell("spawned", vehicle, ply) end)
hook.Add("PlayerEnteredVehicle", "vehicle_events", function(ply, vehicle) tell("entered", vehicle, ply) end)
hook.Add("PlayerLeaveVehicle", "vehicle_events", function(ply, vehicle) tell("left", vehicle, ply) end)
hook.Add("EntityRemoved", "vehicle_events", function(entity)
	if entity:IsVehicle() then tell("removed", entity) end
end)

tables:PSubscribeOthers(PREFIX .. "*", function(vehicle, from, channel)
	if not istable(vehicle) or not isstring(vehicle.class) then return end
	hook.Run("VehicleElsewhere", channel:sub(#PREFIX + 1), vehicle, from)
end)

-- What an addon may do with it.
hook.Add("VehicleElsewhere", "vehicle_events", function(event, vehicle, from)
	print(string.format("[%s] %s %s%s", from, vehicle.class, event, vehicle.name and " by " .. tostring(vehicle.name) or ""))
end)
