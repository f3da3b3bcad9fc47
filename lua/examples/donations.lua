-- A player gets purchases from a web shop on any server, now or after the next join. To use it, copy it into
-- lua/autorun/server/ of an addon of yours, on every server. The shop posts with bridge/players.py:
--
--     post(redis.execute_command, "76561198000000001", "donation", {"points": 500}, once="order-17", expires=6 * 86400)
--
-- The post expires in less than a week, because the shared table remembers for a week which posts it has counted.
-- wallet_donations.lua has no such limit.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local players, problem = realtime.Players()
if not players then return print("[donations] " .. problem) end
local points = realtime.Shared("points")
local MOST = 100000 -- points of one donation

players:Answer("donation", function(ply, donation, from, reply, info)
	if not info then return reply("it is no post") end -- a message, which anyone with the right to publish can send
	local count = istable(donation) and donation.points
	if not isnumber(count) or not (count > 0 and count <= MOST) then
		print("[donations] a donation for " .. ply:SteamID64() .. " was left out: its points must be above 0 and at most " .. MOST)
		return reply() -- after an error it would come again until it expires
	end
	-- It may come twice, if a server dies at that moment: its id makes it count once.
	points:Add(ply:SteamID64(), count, { once = info.id }, function(err, sum)
		if not err and IsValid(ply) then ply:ChatPrint(string.format("Thank you! You have %.0f points now.", sum)) end
		reply(err)
	end)
	return true -- the reply comes later
end)
