-- One kill feed for all servers. To use it, copy it into lua/autorun/server/ of an addon of yours.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local tables, problem = realtime.Tables()
if not tables then return print("[kill_feed] " .. problem) end

local PREFIX = "kills." -- followed by the server's id: for the kills of one server only, subscribe to that channel

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

-- Guns name their owner as the inflictor; the weapon is the one in the owner's hands then.
local function weapon_of(inflictor, attacker)
	if inflictor == attacker and attacker:IsPlayer() then inflictor = attacker:GetActiveWeapon() end
	return IsValid(inflictor) and inflictor:GetClass() or nil
end

hook.Add("PlayerDeath", "kill_feed", function(victim, inflictor, attacker)
	local kill = { victim = victim:Nick() }
	if IsValid(attacker) and attacker ~= victim then -- the world is not a valid entity
		kill.attacker = attacker:IsPlayer() and attacker:Nick() or attacker:GetClass()
		kill.weapon = weapon_of(inflictor, attacker)
	end
	tables:Publish(PREFIX .. tables:Id(), kill)
end)

tables:PSubscribeOthers(PREFIX .. "*", function(kill, from)
	if not istable(kill) or not isstring(kill.victim) or are_too_many() then return end
	local line = string.format("[%s] %s died", from, clean(kill.victim, 64))
	if isstring(kill.attacker) then
		line = string.format("[%s] %s killed %s (%s)", from, clean(kill.attacker, 64), clean(kill.victim, 64),
			isstring(kill.weapon) and clean(kill.weapon, 64) or "?")
	end
	PrintMessage(HUD_PRINTTALK, line)
end)
