-- One kill feed for all servers. To use it, copy it into lua/autorun/server/ of an addon of yours.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local tables, problem = realtime.Tables()
if not tables then return print("[kill_feed] " .. problem) end

local PREFIX = "kills." -- and the server's id: who wants one server's kills alone subscribes to that channel

-- Guns name their owner as the inflictor; what did it is in his hands then.
local function weapon_of(inflictor, attacker)
	if inflictor == attacker and attacker:IsPlayer() then inflictor = attacker:GetActiveWeapon() end
	return IsValid(inflictor) and inflictor:GetClass() or nil
end

hook.Add("PlayerDeath", "kill_feed", function(victim, inflictor, attacker)
	local kill = { victim = victim:Nick() }
	if IsValid(attacker) and attacker ~= victim then -- the world is no valid entity
		kill.attacker = attacker:IsPlayer() and attacker:Nick() or attacker:GetClass()
		kill.weapon = weapon_of(inflictor, attacker)
	end
	tables:Publish(PREFIX .. tables:Id(), kill)
end)

tables:PSubscribeOthers(PREFIX .. "*", function(kill, from)
	if not istable(kill) or not isstring(kill.victim) then return end
	local line
	if isstring(kill.attacker) then
		line = string.format("[%s] %s killed %s (%s)", from, kill.attacker, kill.victim, tostring(kill.weapon or "?"))
	else
		line = string.format("[%s] %s died", from, kill.victim)
	end
	PrintMessage(HUD_PRINTTALK, line)
end)
