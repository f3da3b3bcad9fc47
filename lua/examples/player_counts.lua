-- How many play where, live, as a hub shows it. To use it, copy it into lua/autorun/server/ of an addon of yours, on every
-- server. Players type !servers; portals and scoreboards ask on the client:
--
--     GetGlobal2Int("players:ttt-1", -1)  -- -1: that server is down
--     GetGlobal2Int("players", 0)         -- on all servers

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local presence, problem = realtime.Presence()
if not presence then return print("[player_counts] " .. problem) end

local function count(server) return isnumber(server.players) and server.players or 0 end

local function show_total()
	local total = 0
	for _, server in ipairs(presence:Servers()) do total = total + count(server) end
	SetGlobal2Int("players", total)
end

local function show(server)
	SetGlobal2Int("players:" .. server.id, count(server))
	show_total()
end
presence:On("joined", "player_counts", show)
presence:On("changed", "player_counts", show)
presence:On("left", "player_counts", function(server)
	SetGlobal2Int("players:" .. server.id, -1)
	show_total()
end)

-- Presence tells of this server every five seconds; a field that is set makes it tell with the next tick, when one who
-- leaves is not counted any more.
local function tell()
	presence:Set("gamemode", engine.ActiveGamemode())
	timer.Simple(0, function() show(presence:Server(presence:Id())) end)
end
hook.Add("PlayerInitialSpawn", "player_counts", tell)
hook.Add("PlayerDisconnected", "player_counts", tell)

hook.Add("PlayerSay", "player_counts", function(ply, text)
	if text ~= "!servers" then return end
	for _, server in ipairs(presence:Servers()) do
		ply:ChatPrint(string.format("%s: %d of %s on %s%s", server.id, count(server), tostring(server.max_players),
			tostring(server.map), server.own and " (here)" or ""))
	end
	return ""
end)
