-- A purchase on a web site is given once, whichever servers are up. To use it, copy it into lua/autorun/server/ of an
-- addon of yours, on every server. The web site sells with bridge/durable.py.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local durable, problem = realtime.Durable()
if not durable then return print("[purchases] " .. problem) end
local ranks = realtime.Shared("ranks")

local function is_purchase(it)
	return istable(it) and isstring(it.steamid) and it.steamid:find("^7656119%d%d%d%d%d%d%d%d%d%d$") and isstring(it.item) and #it.item <= 40
end

durable:Work("purchases", function(purchase, _, done, info)
	if not is_purchase(purchase) then
		print("[purchases] the message " .. info.id .. " was left out: it needs a SteamID64 and an item of at most 40 bytes")
		return done() -- after an error it would come again
	end
	ranks:Set(purchase.steamid, purchase.item, { once = info.id }, done)
end)

ranks:On("changed", function(steamid, rank)
	local ply = player.GetBySteamID64(steamid)
	if IsValid(ply) and isstring(rank) then ply:ChatPrint("You are " .. rank .. " now. Thank you!") end
end)
