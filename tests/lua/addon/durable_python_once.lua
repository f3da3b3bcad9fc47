-- unix; servers: real; redis: 5.0
-- A shop in Python sells to the game servers, by lua/examples/bridge/durable.py.

local bridges = include("_bridge.lua")
bridges = bridges and bridges()
if not bridges then return end
local kit = include("../_kit.lua")

local function python(program)
	local code, said = bridges.python("from bridge import Redis\nfrom durable import NotDone, publish\n"
		.. "call = Redis(" .. string.format("%q", host.redis_url) .. ").ask\n" .. program)
	kit.eq(code, 0, said)
	return said
end

host.test("what is sold while no server works waits, and an order counts once", function()
	local ids = python([[
print(publish(call, "purchases", {"item": "vip ☃"}, once="order-1") == publish(call, "purchases", {"item": "vip ☃"}, once="order-1"))
publish(call, "purchases", "last")
]])
	kit.eq(ids, "True\n")
	local durable, got = realtime.Durable(), {}
	durable:Work("purchases", function(data, from, done)
		got[#got + 1] = { data, from }
		done()
	end, { keep = 1 })
	kit.wait("both", function() return #got == 2 end)
	kit.eq(got, { { { item = "vip ☃" }, "web" }, { "last", "web" } })
	local is_empty
	kit.wait("the end of both", function()
		durable:Stats("purchases", function(_, stats) is_empty = stats.length == 0 end)
		return is_empty
	end)
	durable:Stop("purchases")
	kit.eq(python([[
publish(call, "purchases", 1)
try:
    publish(call, "purchases", 2)
except NotDone as why:
    print(why)
]]), "full\n")
end)
