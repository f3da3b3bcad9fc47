-- A shop with one stock for all servers: the server with the id "hub" sells, the others ask it.
-- To use it, copy it into lua/autorun/server/ of an addon of yours, on every server.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local client, problem = realtime.Default()
if not client then return print("[shop] " .. problem) end
local requests = realtime.Requests()

local SELLER, STOCK = "hub", "shop:stock:" -- followed by the item
local ITEMS = { crowbar = true, medkit = true } -- a publisher can ask for anything
local MAX_ORDERS = 10 -- in a second: each is one or two commands for Redis, and a publisher can ask without limit
local STEAMID64 = "^7656119%d%d%d%d%d%d%d%d%d%d$"

local second, orders = 0, 0
local function are_too_many()
	local now = math.floor(SysTime())
	if now ~= second then second, orders = now, 0 end
	orders = orders + 1
	return orders > MAX_ORDERS
end

Shop = {}

-- Redis counts: of two orders at the same moment only one can get the last item.
function Shop.Sell(order, from, reply)
	if not istable(order) or not ITEMS[order.item] then return reply("an order needs an item that is sold here") end
	if not isstring(order.buyer) or not order.buyer:find(STEAMID64) then return reply("an order needs a buyer") end
	if are_too_many() then return reply({ code = "BUSY", message = "more orders than the shop takes in a second" }) end
	client:Command({ "INCRBY", STOCK .. order.item, -1 }, function(err, left)
		if err then return reply(err) end
		if left < 0 then
			client:Command({ "INCRBY", STOCK .. order.item, 1 })
			return reply({ code = "SOLDOUT", message = "no " .. order.item .. " is left" })
		end
		print(string.format("[shop] %s for %s on %s, %d left", order.item, order.buyer, from, left))
		reply(nil, { item = order.item, left = left })
	end)
end

if realtime.ServerId() == SELLER then requests:Answer("shop.buy", Shop.Sell) end

-- fn(item) if it was sold.
function Shop.Buy(ply, item, fn)
	requests:Ask(SELLER, "shop.buy", { item = item, buyer = ply:SteamID64() }, function(err)
		if not IsValid(ply) then return end
		if not err then
			ply:ChatPrint("You bought a " .. item .. ".")
			return fn(item)
		end
		if err.code == "SOLDOUT" then return ply:ChatPrint("Sold out: no " .. item .. " is left") end
		if err.code == "BUSY" then return ply:ChatPrint("The shop is busy: try again in a moment.") end
		if err.code == "NOBODY" then return ply:ChatPrint("The shop is closed: its server is down.") end
		-- TIMEOUT, DISCONNECTED: it may or may not have been sold.
		ply:ChatPrint("The shop does not answer, try later.")
		print("[shop] " .. tostring(err):sub(1, 200):gsub("[^ -~]", "?")) -- the text may come from the seller
	end)
end
