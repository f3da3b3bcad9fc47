-- One chat for all servers. To use it, copy it into lua/autorun/server/ of an addon of yours.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local tables, problem = realtime.Tables()
if not tables then return print("[chat_bridge] " .. problem) end

local CHANNEL = "chat"

hook.Add("PlayerSay", "chat_bridge", function(ply, text, team_only)
	if team_only then return end
	tables:Publish(CHANNEL, { id = ply:SteamID64(), name = ply:Nick(), rank = ply:GetUserGroup(), text = text })
end)

-- The others' lines: this server's own are in its chat already.
tables:SubscribeOthers(CHANNEL, function(line, from)
	if not istable(line) then return end
	PrintMessage(HUD_PRINTTALK, string.format("[%s] (%s) %s: %s", from, tostring(line.rank), tostring(line.name),
		tostring(line.text)))
end)
