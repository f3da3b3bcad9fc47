-- servers: real; redis: 6.0
-- realtime.Shared when a replica without the newest data takes over: all copies lose these data, and report that.

local world = include("_shared.lua")
local kit = world.kit
local server, ready, close, done, sees = world.server, world.ready, world.close, world.done, world.sees

host.test("the copies follow the replica", function()
	local replica = host.new_real({ "replicaof 127.0.0.1 " .. host.redis_url:match(":(%d+)") })
	local name, proxy = kit.unique("t"), host.proxy()
	local function behind_proxy(id)
		local shared = server(name, id, nil, { url = proxy.url(), id = id, reconnect_min = 0.01, reconnect_max = 0.02 })
		for _, event in ipairs({ "down", "error" }) do shared.client:On(event, function() end) end
		return shared
	end
	local a, b = behind_proxy("a"), behind_proxy("b")
	ready(a, b)
	kit.eq(done(a, "SetMany", { x = 1, sum = 5 }), nil)
	kit.wait("the replica's data", function() return replica.command("HEXISTS", a.key, "x") == 1 end)
	-- From now on it replicates nothing.
	replica.command("REPLICAOF", "NO", "ONE")
	kit.eq({ done(a, "Add", "sum", 1, { once = "lost" }) }, { nil, 6 })
	kit.eq(done(a, "Set", "x", 2), nil)
	kit.eq(done(b, "Set", "lost", 1), nil)
	sees(b, "x", 2)
	sees(a, "lost", 1)
	local log = {}
	for id, shared in pairs({ a = a, b = b }) do
		log[id] = {}
		shared:On("stale", function() table.insert(log[id], "stale") end)
		shared:On("changed", function(key, value, old, _, why)
			table.insert(log[id], string.format("%s %s %s %s", key, tostring(value), tostring(old), why))
		end)
		shared:On("ready", function(info) if not info.first then table.insert(log[id], "ready") end end)
	end
	proxy.swap(replica.url())
	proxy.cut("reset")
	for _, list in pairs(log) do kit.wait("ready", function() return list[#list] == "ready" end) end
	for _, list in pairs(log) do kit.eq(list, { "stale", "lost nil 1 removed", "sum 5 6 set", "x 1 2 set", "ready" }) end
	-- And it works from there on.
	kit.eq({ done(b, "Add", "sum", 1, { once = "lost" }) }, { nil, 6 })
	sees(a, "sum", 6)
	close(a, b)
end)
