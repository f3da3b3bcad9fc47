-- servers: real; redis: 6.0
-- realtime.Shared with users of few permissions, and on a Redis that is full.

local world = include("_shared.lua")
local kit, realtime, addon = world.kit, world.realtime, world.addon
local server, ready, close, done, sees, raw = world.server, world.ready, world.close, world.done, world.sees, world.raw

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
	-- With exactly the permissions that the page names.
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

host.test("a user who may not run one of the commands changes nothing", function()
	local a = server(kit.unique("t"), "a")
	ready(a)
	local first = { number = 5, ends = 1, stays = 1 }
	kit.eq(done(a, "SetMany", first), nil)
	kit.eq(done(a, "Set", "ends", 1, { expires = 3600 }), nil)
	local before, expiry = raw(a, "HGETALL", a.key), raw(a, "ZRANGE", a.key .. ":expiry", "0", "-1", "WITHSCORES")
	local heard = kit.recorder()
	a:On("changed", heard.fn)
	local calls = {
		hset = { { "Set", "stays", 2 }, { "Remove", "stays" } }, hdel = { { "Remove", "stays" } }, set = { { "Add", "number", 1 }, { "Remove", "stays" } },
		zadd = { { "Set", "stays", 2, { expires = 5 } } }, zrem = { { "Set", "ends", 2 }, { "Remove", "ends" } },
	}
	for denied, cases in pairs(calls) do
		local client = kit.ready({ url = kit.user(kit.unique("u"), "on >pw ~realtime:shared:* &* +@all -" .. denied) })
		client:On("error", function() end)
		local shared = realtime.Shared(a.name, client, "b")
		ready(shared)
		for _, case in ipairs(cases) do
			assert(done(shared, unpack(case)), denied .. " " .. case[1]) -- NOPERM; ERR before Redis 7.2
			kit.eq(raw(a, "HGETALL", a.key), before, denied .. " " .. case[1])
			kit.eq(raw(a, "ZRANGE", a.key .. ":expiry", "0", "-1", "WITHSCORES"), expiry, denied .. " " .. case[1])
		end
		client:Disconnect()
	end
	-- A user whose rules leave out the keys of outcomes.
	local url = kit.user(kit.unique("u"), string.format("on >pw ~%s ~%s:expiry ~%s:token:* &* +@all", a.key, a.key, a.key))
	local client = kit.ready({ url = url })
	client:On("error", function() end)
	local shared = realtime.Shared(a.name, client, "b")
	ready(shared)
	assert(done(shared, "Add", "number", 1, { once = "id" }))
	kit.eq(raw(a, "HGETALL", a.key), before)
	kit.eq(#heard, 0)
	close(a, shared)
end)

host.test("a Redis that refuses to tell what became of a call is asked again", function()
	local name, proxy, user = kit.unique("t"), host.proxy(), kit.unique("u")
	local direct = server(name, "direct")
	kit.user(user, "on >pw ~* &* +@all")
	local url = proxy.url():gsub("//", "//" .. user .. ":pw@")
	local a, client = server(name, "a", nil, { url = url, reconnect_min = 0.01, reconnect_max = 0.02 })
	for _, event in ipairs({ "down", "error" }) do client:On(event, function() end) end
	ready(direct, a)
	local function lose(options)
		local answer = kit.recorder()
		ready(a)
		proxy.edit({ down_stall = true })
		local before = direct:Get("n") or 0
		a:Add("n", 5, options, answer.fn)
		sees(direct, "n", before + 5)
		host.real.command("ACL", "SETUSER", user, "-get")
		proxy.cut("reset")
		return answer
	end
	local answer = lose()
	local asked, RunScript = 0, addon.RunScript
	function addon.RunScript(of, script, ...)
		if of == client and script == "shared_ask" then asked = asked + 1 end
		return RunScript(of, script, ...)
	end
	kit.wait("the second question", function() return asked > 2 end)
	addon.RunScript = RunScript
	kit.eq(#answer, 0)
	host.real.command("ACL", "SETUSER", user, "+get")
	kit.wait("the answer", function() return #answer == 1 end)
	kit.eq(answer[1], { nil, 5 })
	answer = lose({ timeout = 2 })
	kit.wait("the answer", function() return #answer == 1 end)
	kit.eq({ answer[1][1].code, answer[1][1].sent }, { "TIMEOUT", true })
	assert(answer[1][1].message:find("whether the change was made: %u+: "), answer[1][1].message)
	close(a, direct)
end)

host.test("a Redis that is full changes nothing, and says so", function()
	local a = server(kit.unique("t"), "a")
	ready(a)
	kit.eq(done(a, "SetMany", { x = 1, y = 1 }), nil)
	local heard = kit.recorder()
	a:On("changed", heard.fn)
	host.real.command("CONFIG", "SET", "maxmemory", "1")
	local err = done(a, "SetMany", { x = 2, y = ("y"):rep(1000), z = 3 }, { expires = 60 })
	kit.eq({ a:Get("x"), a:Get("y"), a:Get("z"), #heard }, { 1, 1, nil, 0 })
	kit.eq({ done(a, "Remove", "y") }, { nil, true }, "what makes room is taken")
	host.real.command("CONFIG", "SET", "maxmemory", "0")
	assert(tostring(err):find("OOM", 1, true), tostring(err))
	kit.eq(done(a, "Set", "z", 3), nil)
	kit.eq({ a:Get("x"), a:Get("y"), a:Get("z"), #heard }, { 1, nil, 3, 2 })
	close(a)
end)
