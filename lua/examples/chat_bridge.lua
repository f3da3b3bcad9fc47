-- One chat for all servers, with ranks and colours. To use it, copy it into lua/autorun/ of an addon of yours: the server runs
-- it, and so do the players' games.

local MESSAGE = "chat_bridge"

if CLIENT then
	net.Receive(MESSAGE, function()
		local place, color, name, text = net.ReadString(), net.ReadColor(false), net.ReadString(), net.ReadString()
		chat.AddText(color_white, place, color, name, color_white, ": " .. text)
	end)
	return
end

AddCSLuaFile()
util.AddNetworkString(MESSAGE)

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local tables, problem = realtime.Tables()
if not tables then return print("[chat_bridge] " .. problem) end

local CHANNEL = "chat"
local MAX_LINES = 10 -- in a second: players who cannot take more reliable messages are disconnected

-- A publisher chooses the content of a line: its texts are cut and cleaned of control characters before players get
-- them.
local function clean(text, most) return (text:sub(1, most):gsub("%c", " ")) end

local second, lines = 0, 0
local function are_too_many()
	local now = math.floor(SysTime())
	if now ~= second then second, lines = now, 0 end
	lines = lines + 1
	return lines > MAX_LINES
end

hook.Add("PlayerSay", "chat_bridge", function(ply, text, team_only)
	if team_only then return end
	local color = team.GetColor(ply:Team())
	tables:Publish(CHANNEL, {
		id = ply:SteamID64(), name = ply:Nick(), rank = ply:GetUserGroup(), color = { color.r, color.g, color.b }, text = text,
	})
end)

-- Another program may leave the colour out.
local function color_of(line)
	local color = istable(line.color) and line.color or {}
	local function part(n) return math.Clamp(tonumber(color[n]) or 255, 0, 255) end
	return Color(part(1), part(2), part(3))
end

-- Lines of other servers: this server's own are in its chat already.
tables:SubscribeOthers(CHANNEL, function(line, from)
	if not istable(line) or not isstring(line.name) or not isstring(line.text) or are_too_many() then return end
	local place = isstring(line.rank) and string.format("[%s] (%s) ", from, clean(line.rank, 32)) or string.format("[%s] ", from)
	net.Start(MESSAGE)
	net.WriteString(place)
	net.WriteColor(color_of(line), false)
	net.WriteString(clean(line.name, 64))
	net.WriteString(clean(line.text, 255))
	net.Broadcast()
end)
