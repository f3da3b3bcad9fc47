-- A purchase on a web site is given once, whichever servers are up. To use it, copy it into lua/autorun/server/ of an
-- addon of yours, on every server. The web site sells with bridge/durable.py.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local durable, problem = realtime.Durable()
if not durable then return print("[purchases] " .. problem) end
local ranks = realtime.Shared("ranks")

durable:Work("purchases", function(purchase, _, done, info)
	if not istable(purchase) or not isstring(purchase.steamid) or not isstring(purchase.item) then return done("it is no purchase") end
	ranks:Set(purchase.steamid, purchase.item:sub(1, 40), { once = info.id }, done)
end)

ranks:On("changed", function(steamid, rank)
	local ply = player.GetBySteamID64(steamid)
	if IsValid(ply) and isstring(rank) then ply:ChatPrint("You are " .. rank .. " now. Thank you!") end
end)
