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

hook.Add("PlayerSay", "chat_bridge", function(ply, text, team_only)
	if team_only then return end
	local color = team.GetColor(ply:Team())
	tables:Publish(CHANNEL, {
		id = ply:SteamID64(), name = ply:Nick(), rank = ply:GetUserGroup(), color = { color.r, color.g, color.b }, text = text,
	})
end)

-- A program that is no game server may leave the colour out.
local function color_of(line)
	local color = istable(line.color) and line.color or {}
	return Color(tonumber(color[1]) or 255, tonumber(color[2]) or 255, tonumber(color[3]) or 255)
end

-- The others' lines: this server's own are in its chat already.
tables:SubscribeOthers(CHANNEL, function(line, from)
	if not istable(line) then return end
	local place = line.rank and string.format("[%s] (%s) ", from, tostring(line.rank)) or string.format("[%s] ", from)
	net.Start(MESSAGE)
	net.WriteString(place)
	net.WriteColor(color_of(line), false)
	net.WriteString(tostring(line.name))
	net.WriteString(tostring(line.text))
	net.Broadcast()
end)
