-- servers: real; redis: 6.0
-- realtime.Shared with users of few rights.

local world = include("_shared.lua")
local kit, realtime, addon = world.kit, world.realtime, world.addon
local server, ready, close, done, sees = world.server, world.ready, world.close, world.done, world.sees

host.test("a user without the channel stores, and says what is missing; others find it", function()
	addon.shared_interval = 0.2
	local name = kit.unique("t")
	local a = server(name, "a")
	ready(a)
	kit.eq(done(a, "Set", "x", 0), nil)
	local url = kit.user(kit.unique("u"), "on >pw ~realtime:shared:* resetchannels +@all")
	local client = kit.ready({ url = url })
	client:On("error", function() end)
	local b = realtime.Shared(name, client, "b")
	ready(b)
	local said = kit.lines("shared table.*")
	kit.eq(done(b, "Set", "x", 1), nil)
	kit.eq(b:Get("x"), 1)
	sees(a, "x", 1)
	assert(#said() == 1 and said()[1]:find("not told at once: .*channel"), kit.show(said()))
	-- With what the page names, and nothing more.
	url = kit.user(kit.unique("u"), "on >pw ~realtime:shared:* &realtime:shared:* +subscribe +unsubscribe +publish +ping +role " ..
		"+eval +evalsha +script|load +time +hget +hgetall +hscan +hset +hdel +zadd +zrem +zrangebyscore +get +set")
	client = kit.ready({ url = url })
	client:On("error", function(info) error("not allowed: " .. tostring(info.err)) end)
	local c = realtime.Shared(name, client, "c")
	ready(c)
	kit.eq(done(c, "Set", "x", 2, { expires = 0.1, once = "id" }), nil)
	kit.eq({ done(c, "Remove", "none") }, { nil, false })
	kit.wait("its end", function() return not a:Get("x") end)
	addon.shared_interval = 10
	close(a, b, c)
end)
