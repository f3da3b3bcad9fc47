-- Points from a web shop, delivered on the player's server, now or after the next join, each once. To use it, copy it
-- beside wallet.lua, which opens the wallets. The web shop posts with bridge/players.py:
--
--     post(redis.execute_command, "76561198000000001", "wallet_donation", {"points": 500}, once="order-17")

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local players, problem = realtime.Players()
if not players then return print("[wallet_donations] " .. problem) end
local wallets = realtime.Profiles("wallet") ---@type RealtimeProfiles

local MOST = 100000 -- points of one donation
local REMEMBERED = 40 * 86400 -- seconds: a post waits for 30 days

players:Answer("wallet_donation", function(ply, donation, _, reply, info)
	if not info then return reply("it is no post") end -- a message, which anyone with the right to publish can send
	local points = istable(donation) and donation.points
	if not isnumber(points) or not (points > 0 and points <= MOST) then
		print("[wallet_donations] a donation for " .. ply:SteamID64() .. " was left out: its points must be above 0 and at most " .. MOST)
		return reply() -- after an error it would come again for 30 days
	end
	local wallet = wallets:Get(ply)
	if not wallet then return reply("the wallet is not here yet") end -- it comes again in a few seconds
	-- Points and id are in one document: if the post comes again, it is recognized, whatever failed in between.
	wallet.donations = wallet.donations or {}
	local is_new = not wallet.donations[info.id]
	if is_new then
		for id, time in pairs(wallet.donations) do
			if os.time() - time > REMEMBERED then wallet.donations[id] = nil end
		end
		wallet.donations[info.id] = os.time()
		wallet.points = wallet.points + points
	end
	wallets:Save(ply, wallet, function(err)
		if not err and IsValid(ply) then ply:ChatPrint("You got " .. points .. " points. Thank you!") end
		reply(err)
	end)
	return true -- the reply comes later
end)
