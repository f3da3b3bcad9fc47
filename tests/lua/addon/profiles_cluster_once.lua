-- servers: real; redis: 7.0
-- realtime.Profiles on a cluster: the documents of a name lie in one hash slot, and its scripts name each key that they use. And through a
-- failover to a replica that lacks data.

local world = include("_profiles.lua")
local kit = world.kit
local server, close, done, opens = world.server, world.close, world.done, world.opens

host.test("a cluster's node takes every call", function()
	local node = host.new_real({ "cluster-enabled yes" })
	node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	kit.wait("the cluster", function() return node.command("CLUSTER", "INFO"):find("cluster_state:ok", 1, true) end)
	local name, ids = kit.unique("wallet"), { world.player_id(), world.player_id() }
	local a, b = server(name, nil, { url = node.url() }), server(name, nil, { url = node.url() })
	for _, id in ipairs(ids) do
		opens(a, id, nil)
		kit.eq(done(a, "Save", id, 1), nil)
	end
	a.profiles.renew_at = 0 -- both in one call
	opens(b, ids[1], 1)
	kit.eq(done(a, "Close", ids[2], 2, { to = b.id }), nil)
	kit.wait("the hand-over", function() return b.profiles.profiles[ids[2]] and b.profiles.profiles[ids[2]].state == "handed" end)
	opens(b, ids[2], 2)
	kit.eq(#a.taken, 1)
	local slots, keys = {}, node.command("KEYS", "*")
	for _, key in ipairs(keys) do slots[node.command("CLUSTER", "KEYSLOT", key)] = true end
	kit.eq({ table.Count(slots), #keys }, { 1, 2 })
	close(a, b)
end)

host.test("after a failover to a replica that missed the newest openings and saves, they are there again", function()
	local replica = host.new_real({ "replicaof 127.0.0.1 " .. host.redis_url:match(":(%d+)") })
	local proxy, name, id = host.proxy(), kit.unique("wallet"), world.player_id()
	local function behind_proxy()
		local each = server(name, nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.02 })
		for _, event in ipairs({ "down", "error" }) do each.client:On(event, function() end) end
		return each
	end
	local a, b = behind_proxy(), behind_proxy()
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, { points = 1 }), nil)
	local key = "realtime:profiles:{" .. name .. "}:" .. id
	kit.wait("the replica's document", function() return replica.command("HGET", key, "data") == '{"points":1}' end)
	-- From now on it replicates nothing.
	replica.command("REPLICAOF", "NO", "ONE")
	kit.eq(done(a, "Save", id, { points = 2 }), nil)
	opens(b, id, { points = 2 })
	kit.eq(done(b, "Save", id, { points = 3 }), nil)
	proxy.swap(replica.url())
	proxy.cut("reset")
	kit.wait("what was saved last", function() return replica.command("HGET", key, "data") == '{"points":3}' end)
	kit.eq({ replica.command("HGET", key, "server"), b.profiles:Get(id), #b.taken }, { b.id, { points = 3 }, 0 })
	opens(a, id, { points = 3 })
	close(a, b)
end)
