-- unix; servers: real; redis: 5.0
-- A shop in Python delivers to players, by lua/examples/bridge/players.py.

local bridges = include("_bridge.lua")
bridges = bridges and bridges()
if not bridges then return end
local kit = include("../_kit.lua")

local function python(program)
	local code, said = bridges.python("from bridge import Redis\nfrom players import NotDone, post, where\n"
		.. "call = Redis(" .. string.format("%q", host.redis_url) .. ").ask\n" .. program)
	kit.eq(code, 0, said)
	return said
end

local ID = "76561198000000077"

host.test("what is sold waits for the player, counts once, and the shop learns where he is", function()
	local players, got = assert(realtime.Players()), {}
	kit.eq(python([[
print(post(call, "76561198000000077", "gift", {"item": "vip ☃"}, once="order-1") == post(call, "76561198000000077", "gift", {}, once="order-1"))
print(where(call, "76561198000000077"))
]]), "True\nNone\n")
	players:Answer("gift", function(ply, data, from) got[#got + 1] = { ply:SteamID64(), data, from } end)
	local alice = host.players.add({ steamid64 = ID })
	kit.wait("the gift", function() return #got == 1 end)
	kit.eq(got, { { ID, { item = "vip ☃" }, "web" } })
	kit.eq(python([[
print(where(call, "76561198000000077"))
post(call, "76561198000000077", "gift", 2)
try:
    post(call, "76561198000000077", "gift", "x" * 70000)
except NotDone as why:
    print(why)
]]), realtime.ServerId() .. "\nsize\n")
	kit.wait("the second", function() return #got == 2 end)
	host.players.leave(alice)
end)
