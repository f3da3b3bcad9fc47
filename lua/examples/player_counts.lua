-- The number of players on each server, live, for example for a hub. To use it, copy it into lua/autorun/server/ of
-- an addon of yours, on every server, with your ids. Players type !servers; portals and scoreboards ask on the
-- client:
--
--     GetGlobal2Int("players:ttt-1", -1)  -- -1: that server is down
--     GetGlobal2Int("players", 0)         -- on all servers

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local presence, problem = realtime.Presence()
if not presence then return print("[player_counts] " .. problem) end

-- A publisher can claim to be a server. A global is sent to every player and stays until the map ends, so only these
-- servers get one.
local SERVERS = { ["hub"] = true, ["ttt-1"] = true, ["ttt-2"] = true }
local MAX_PLAYERS = 128 -- of one server

local function known()
	local list = {}
	for _, server in ipairs(presence:Servers()) do
		if SERVERS[server.id] then list[#list + 1] = server end
	end
	return list
end

local function count(server) return math.Clamp(math.floor(server.players), 0, MAX_PLAYERS) end

local function set(server, players)
	if not SERVERS[server.id] then return end
	SetGlobal2Int("players:" .. server.id, players)
	local total = 0
	for _, each in ipairs(known()) do total = total + count(each) end
	SetGlobal2Int("players", total)
end

local function show(server) set(server, count(server)) end
presence:On("joined", "player_counts", show)
presence:On("changed", "player_counts", show)
presence:On("left", "player_counts", function(server) set(server, -1) end)

-- Presence reports players of other servers without hooks. These hooks update this server's own count with
-- the next tick, because a leaving player still counts while the hook runs.
local function show_own()
	realtime.After(0, function() show(presence:Server(presence:Id())) end)
end
hook.Add("PlayerInitialSpawn", "player_counts", show_own)
hook.Add("PlayerDisconnected", "player_counts", show_own)

hook.Add("PlayerSay", "player_counts", function(ply, text)
	if text ~= "!servers" then return end
	for _, server in ipairs(known()) do
		ply:ChatPrint(string.format("%s: %d of %d on %s%s", server.id, count(server), math.Clamp(server.max_players, 0, MAX_PLAYERS),
			server.map:sub(1, 64):gsub("[^%w_-]", "?"), server.own and " (here)" or server.away and " (changes its map)" or ""))
	end
	return ""
end)
