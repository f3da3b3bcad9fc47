-- One chat for all servers, private messages to players on any of them (/msg NAME TEXT), and mutes on all servers
-- (/mute NAME MINUTES, for admins). To use it, copy it into lua/autorun/server/ of an addon of yours, on every
-- server.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local players, problem = realtime.Players()
if not players then return print("[network_chat] " .. problem) end
local tables, mutes = realtime.Tables(), realtime.Shared("mutes")

-- A publisher chooses the content of a line: its texts are cut and cleaned of control characters before players get
-- them.
local function clean(text) return (text:sub(1, 200):gsub("%c", " ")) end
local function is_line(line) return istable(line) and isstring(line.name) and isstring(line.text) end

local function find(ply, name) -- the one player on all servers with this name, or with a name that contains it
	local found, exact = players:Find(name), {}
	for _, who in ipairs(found) do
		if who.name:lower() == name:lower() then exact[#exact + 1] = who end
	end
	if #exact == 1 then return exact[1] end
	if #found == 1 then return found[1] end
	ply:ChatPrint(#found == 0 and "Nobody is called that." or #found .. " players are called that.")
end

players:Answer("msg", function(ply, line, from, reply)
	if not is_line(line) then return reply("it is no line") end
	ply:ChatPrint(string.format("(%s) %s to you: %s", from, clean(line.name), clean(line.text)))
end)

local commands = {}
commands["/msg"] = function(ply, name, text)
	local who = find(ply, name)
	if not who then return end
	players:Ask(who.id, "msg", { name = ply:Nick(), text = text }, function(err)
		if IsValid(ply) then ply:ChatPrint(err and who.name .. " cannot be reached." or "To " .. who.name .. ": " .. text) end
	end)
end
commands["/mute"] = function(ply, name, minutes)
	local who = ply:IsAdmin() and find(ply, name)
	if who then mutes:Set(who.id, true, { expires = math.Clamp(tonumber(minutes) or 10, 1, 10000) * 60 }) end
end

-- Hooks run in any order: a line that another addon's PlayerSay hook suppresses, to gag a player, may be on the other
-- servers already. If the gamemode leaves the chat to the game, the event player_say (gameevent.Listen) is better for
-- sending lines: it comes after all hooks.
hook.Add("PlayerSay", "network_chat", function(ply, text, team_only)
	local command, name, rest = text:match("^(/%l+) (%S+) ?(.*)$")
	local is_muted = mutes:Get(ply:SteamID64())
	if is_muted then ply:ChatPrint("You are muted.") elseif commands[command] then commands[command](ply, name, rest) end
	if is_muted or commands[command] then return "" end
	if not team_only then tables:Publish("network_chat", { name = ply:Nick(), text = text }) end
end)
tables:SubscribeOthers("network_chat", function(line, from)
	if is_line(line) then PrintMessage(HUD_PRINTTALK, string.format("(%s) %s: %s", from, clean(line.name), clean(line.text))) end
end)
