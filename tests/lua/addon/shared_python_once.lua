-- unix; servers: real; redis: 5.0
-- A web panel in Python and a game server write to one table, by lua/examples/bridge/shared.py.

local bridges = include("_bridge.lua")
bridges = bridges and bridges()
if not bridges then return end
local kit = include("../_kit.lua")

local function python(program)
	local code, said = bridges.python("from bridge import Redis\nfrom shared import NotDone, Shared\n"
		.. "call = Redis(" .. string.format("%q", host.redis_url) .. ").ask\n" .. program)
	kit.eq(code, 0, said)
	return said
end

host.test("a panel bans with expiry, and the servers hear of it", function()
	local bans, heard = realtime.Shared("bans"), kit.recorder()
	bans:On("changed", heard.fn)
	kit.wait("ready", function() return bans:IsReady() end)
	python([[
bans = Shared("bans", call)
bans.set("76561198000000001", {"reason": "cheats", "by": "Bob ☃"}, expires=3600)
bans.set("76561198000000002", {"reason": "for ever"})
bans.set("76561198000000003", False, expires=0.001)
]])
	kit.wait("the bans", function() return bans:Get("76561198000000002") and bans:Count() == 2 end)
	kit.eq(bans:Get("76561198000000001"), { reason = "cheats", by = "Bob ☃" })
	assert(bans:Expires("76561198000000001") > 3000)
	kit.eq(heard[1], { "76561198000000001", { reason = "cheats", by = "Bob ☃" }, nil, "web", "set" })
	kit.eq(python([[
bans = Shared("bans", call)
print(bans.remove("76561198000000002"), bans.remove("76561198000000002"))
print(bans.get("76561198000000001")["reason"], bans.get("76561198000000003"), bans.get("none"))
]]), "True False\ncheats None None\n")
	kit.wait("the pardon", function() return not bans:Get("76561198000000002") end)
end)

host.test("a stock is never below nothing, and an order counts once", function()
	local stock = realtime.Shared("stock")
	kit.wait("ready", function() return stock:IsReady() end)
	local set
	stock:Set("crowbar", 2, function(err) set = not err end)
	kit.wait("the stock", function() return set end)
	kit.eq(python([[
stock = Shared("stock", call)
print(stock.add("crowbar", -1, least=0, once="order-7"), stock.add("crowbar", -1, least=0, once="order-7"))
print(stock.add("crowbar", -1, least=0))
try:
    stock.add("crowbar", -1, least=0)
except NotDone as why:
    print(why)
]]), "1 1\n0\nlimit\n")
	kit.wait("none", function() return stock:Get("crowbar") == 0 end)
end)
