-- Chat with a web site or a Discord bot. To use it, copy it into lua/autorun/server/ of an addon of yours.
--
-- The other side is any program with a Redis library; bridge/bridge.py shows it without one. It subscribes to
-- `web.from_game`, and publishes to `web.to_game`:
--
--     {"from":"discord","data":{"user":"Bob","text":"hello"}}
--
-- Large ids (Discord's, Steam's) are sent as strings: as numbers they would lose digits in most languages; here they
-- are read as strings.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local tables, problem = realtime.Tables()
if not tables then return print("[web_bridge] " .. problem) end

local MAX_LINES = 10 -- in a second: players who cannot take more reliable messages are disconnected

-- The web is not the game: its texts are cut and cleaned of control characters before players get them.
local function clean(text, most) return (text:sub(1, most):gsub("%c", " ")) end

local second, lines = 0, 0
local function are_too_many()
	local now = math.floor(SysTime())
	if now ~= second then second, lines = now, 0 end
	lines = lines + 1
	return lines > MAX_LINES
end

hook.Add("PlayerSay", "web_bridge", function(ply, text, team_only)
	if team_only then return end
	tables:Publish("web.from_game", { steamid = ply:SteamID64(), name = ply:Nick(), text = text })
end)

tables:SubscribeOthers("web.to_game", function(line, from)
	if not istable(line) or not isstring(line.user) or not isstring(line.text) or are_too_many() then return end
	PrintMessage(HUD_PRINTTALK, string.format("[%s] %s: %s", from, clean(line.user, 32), clean(line.text, 200)))
end)
