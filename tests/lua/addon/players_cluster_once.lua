-- servers: real; redis: 7.0
-- realtime.Players on a cluster: all keys lie in one hash slot, and its scripts name each key that they use. Also a failover to a
-- replica that lacks data.

local world = include("_players.lua")
local kit = world.kit
local server, close, where, ask, done = world.server, world.close, world.where, world.ask, world.done

host.test("a cluster's node takes every call", function()
	local node = host.new_real({ "cluster-enabled yes" })
	node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	kit.wait("the cluster", function() return node.command("CLUSTER", "INFO"):find("cluster_state:ok", 1, true) end)
	local a, b, id, got = server(nil, { url = node.url() }), server(nil, { url = node.url() }), world.steamid(), nil
	a.players:Answer("x", function(_, data, _, reply)
		got = data
		reply(nil, "x")
	end)
	kit.eq(done(b, "Post", id, "x", "a post", { once = id }), nil)
	local ply = a.join(id)
	where(id, a.id, a, b)
	kit.wait("the post", function() return got == "a post" end)
	kit.eq({ ask(b, id, "x", nil) }, { nil, "x" })
	b.join(id)
	kit.wait("word of it", function() return table.HasValue(a.told(id), "taken " .. b.id) end)
	a.leave(ply)
	kit.eq({ ask(a, id, "x", nil) }, { "UNKNOWN" })
	local slots = {}
	for _, key in ipairs(node.command("KEYS", "*")) do slots[node.command("CLUSTER", "KEYSLOT", key)] = true end
	kit.eq(table.Count(slots), 1)
	close(a, b)
end)

host.test("after a failover to a replica that missed the newest claims, they are there again", function()
	local replica = host.new_real({ "replicaof 127.0.0.1 " .. host.redis_url:match(":(%d+)") })
	local proxy = host.proxy()
	local function behind_proxy()
		local each = server(nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.02, interval = 0.5 })
		for _, event in ipairs({ "down", "error" }) do each.client:On(event, function() end) end
		return each
	end
	local a, b, id, other = behind_proxy(), behind_proxy(), world.steamid(), world.steamid()
	a.join(id)
	where(id, a.id, a, b)
	kit.wait("the replica's claim", function() return replica.command("HEXISTS", "realtime:players:{players}:claims", id) == 1 end)
	-- From now on it replicates nothing.
	replica.command("REPLICAOF", "NO", "ONE")
	b.join(id)
	b.join(other)
	where(id, b.id, a, b)
	proxy.swap(replica.url())
	proxy.cut("reset")
	for _, each in ipairs({ a, b }) do
		kit.wait("an answer", function() return ask(each, id, "x", nil, 2) == "UNKNOWN" and each.players:Where(id) == b.id end)
	end
	kit.wait("the other one", function() return replica.command("HEXISTS", "realtime:players:{players}:claims", other) == 1 end)
	kit.wait("the newest claim", function() return replica.command("HGET", "realtime:players:{players}:claims", id):find(" " .. b.id, 1, true) end)
	-- The replica may show him on the first server for a moment, which is then reported again. The newest server never loses him.
	assert(table.HasValue(a.told(id), "taken " .. b.id) and not table.HasValue(b.told(id), "taken " .. a.id), kit.show(b.told(id)))
	close(a, b)
end)
