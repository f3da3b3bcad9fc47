-- A ban on one server is a ban on all. To use it, copy it into lua/autorun/server/ of an addon of yours, and call
-- SharedBans.Add("76561198000000001", 3600, "reason") and SharedBans.Remove("76561198000000001"). A web panel bans with bridge/shared.py.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local bans, problem = realtime.Shared("bans", { snapshot = true }) -- the bans stay in force while Redis is away at the start
if not bans then return print("[shared_bans] " .. problem) end

-- Any value can be written to the table, and an error in CheckPassword would let every player in.
local function refusal(id)
	local ban = bans:Get(id)
	if istable(ban) and isstring(ban.reason) then return "You are banned: " .. ban.reason:sub(1, 200) end
end

hook.Add("CheckPassword", "shared_bans", function(id)
	local text = refusal(id)
	if text then return false, text end
end)

local function kick(ply)
	local text = IsValid(ply) and refusal(ply:SteamID64())
	if text then ply:Kick(text) end
end

-- A player who is banned while loading cannot be found by SteamID64 yet. The first load does not call `changed`.
hook.Add("PlayerInitialSpawn", "shared_bans", kick)
bans:On("changed", function(id) kick(player.GetBySteamID64(id)) end)
bans:On("ready", function() for _, ply in ipairs(player.GetHumans()) do kick(ply) end end)

local function complain(err)
	if err then print("[shared_bans] " .. tostring(err)) end
end

SharedBans = {}

-- id: a SteamID64, as a string. seconds: 0 for ever.
function SharedBans.Add(id, seconds, reason)
	bans:Set(id, { reason = reason }, { expires = seconds > 0 and seconds or nil }, complain)
end

function SharedBans.Remove(id) bans:Remove(id, complain) end
