-- servers: real; redis: 7.0
-- realtime.Shared on a cluster: a table's keys lie in one hash slot, and its scripts name each key that they use.

local world = include("_shared.lua")
local kit, realtime = world.kit, world.realtime
local ready, close, done, sees = world.ready, world.close, world.done, world.sees

host.test("a cluster's node takes every call", function()
	local node = host.new_real({ "cluster-enabled yes" })
	node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	kit.wait("the cluster", function() return node.command("CLUSTER", "INFO"):find("cluster_state:ok", 1, true) end)
	local name = kit.unique("t")
	local function server(id) return realtime.Shared(name, kit.ready({ url = node.url(), id = id }), id) end
	local a, b = server("a"), server("b")
	ready(a, b)
	kit.eq(done(a, "SetMany", { x = 1, y = { 2 } }, { expires = 60, once = "id" }), nil)
	sees(b, "y", { 2 })
	kit.eq({ done(b, "Add", "x", 1) }, { nil, 2 })
	kit.eq({ done(a, "Update", "x", function(old) return old + 1 end) }, { nil, 3, true })
	kit.eq({ done(a, "Remove", "x") }, { nil, true })
	sees(b, "x", nil)
	local slots = {}
	for _, key in ipairs(node.command("KEYS", "*")) do slots[node.command("CLUSTER", "KEYSLOT", key)] = true end
	kit.eq(table.Count(slots), 1)
	close(a, b)
end)
