-- servers: real; redis: 6.0
-- realtime.Durable with users of few permissions, on a Redis that is full, and through a proxy that cuts.

local world = include("_durable_real.lua")
local kit, realtime = world.kit, world.realtime
local server, close, done, gets = world.server, world.close, world.done, world.gets

local RULES = "on >pw ~realtime:durable:* +subscribe +unsubscribe +publish +ping +role +hello +info +client|setname "

host.test("a user with the page's rights, and nothing more, may do all of it", function()
	local rights = "&realtime:durable:* +eval +evalsha +script|load +time +get +set +hget +hmget +hgetall +hset +hdel +xadd +xtrim +xdel +xlen " ..
		"+xrange +xrevrange +zadd +zrem +zcard +zrangebyscore"
	local a = server(nil, { url = kit.user(kit.unique("u"), RULES .. "resetchannels " .. rights) })
	a.client:On("error", function(info) error("not allowed: " .. tostring(info.err)) end)
	local news, work, tries = kit.unique("news"), kit.unique("work"), 0
	a.subscribe(news, { max_deliveries = 1, keep = 3 }, function(data)
		if data == "bad" then error("on purpose") end
	end)
	host.expect_errors(1)
	a.work(work, function(_, _, finish)
		tries = tries + 1
		finish(tries == 1 and "no luck")
	end)
	a.durable:Publish(news, "bad")
	kit.wait("its end", function() return a.count("failed") == 1 end) -- before it is trimmed
	for i = 1, 5 do kit.eq(done(a, "Publish", news, i, { once = "id" .. i }), nil) end
	a.durable:Publish(work, "x")
	kit.wait("the second try", function() return tries == 2 end)
	kit.wait("the last one", function() return table.HasValue(a.got, 5) end)
	kit.eq(select(2, done(a, "Stats", news)).dead, 1)
	local _, info = a.count("failed")
	assert(info)
	kit.eq({ done(a, "Forget", news, a.durable:Id()) }, { nil, true })
	world.leave(a)
end)

host.test("a user without the channel stores, and says what is missing; others find it", function()
	local channel, a = kit.unique("news"), server()
	a.subscribe(channel)
	local client = kit.ready({ url = kit.user(kit.unique("u"), RULES .. "resetchannels +@all") })
	client:On("error", function() end)
	local said = kit.lines("durable channel.*")
	local b = realtime.Durable(client, "b")
	local answer
	b:Publish(channel, "x", function(err) answer = { err } end)
	kit.wait("the answer", function() return answer end)
	kit.eq(answer, {})
	assert(said()[1]:find("not told at once: .*channel"), kit.show(said()))
	gets(a, { "x" })
	close(a)
	client:Disconnect()
end)

host.test("a Redis that is full takes nothing, says so, and loses nothing that is there", function()
	local channel, a, finish = kit.unique("work"), server(), nil
	a.work(channel, function(_, _, its_done) finish = its_done end)
	kit.eq(done(a, "Publish", channel, "x"), nil)
	gets(a, { "x" })
	host.real.command("CONFIG", "SET", "maxmemory", "1")
	local err = done(a, "Publish", channel, "y")
	kit.eq(finish(), true)
	host.real.command("CONFIG", "SET", "maxmemory", "0")
	assert(tostring(err):find("OOM", 1, true), tostring(err))
	kit.wait("the end", function() return select(2, done(a, "Stats", channel)).length == 0 end)
	kit.eq(done(a, "Publish", channel, "z"), nil)
	gets(a, { "x", "z" })
	close(a)
end)

host.test("on a Redis that is full, two live workers do not take a message from each other, and subscribers read", function()
	local work, news, a, b, runs = kit.unique("work"), kit.unique("news"), server(), server(), 0
	local function count() runs = runs + 1 end
	a.work(work, count, { patience = 60 })
	kit.eq(done(a, "Publish", work, "x"), nil)
	kit.wait("the run", function() return runs == 1 end)
	b.work(work, count, { patience = 60 })
	local id = kit.unique("s")
	local reader = server(id)
	reader.subscribe(news)
	world.leave(reader)
	kit.eq(done(a, "Publish", news, "waits"), nil)
	host.real.command("CONFIG", "SET", "maxmemory", "1")
	reader = server(id)
	reader.durable:Subscribe(news, function(data) reader.got[#reader.got + 1] = data end)
	-- It runs longer than the first lease, by Redis's clock.
	local first = world.held_until(work)
	kit.wait("a renewal", function() return world.held_until(work) > first end)
	kit.wait("the reader", function() return reader.got[1] end)
	host.real.command("CONFIG", "SET", "maxmemory", "0")
	kit.eq({ runs, reader.got }, { 1, { "waits" } })
	close(a, b, reader)
end)

host.test("a user who may not do one step of Publish publishes nothing", function()
	for _, missing in ipairs({ "set", "xtrim", "hset", "xadd" }) do
		local channel, a = kit.unique("news"), server()
		a.subscribe(channel)
		local client = kit.ready({ url = kit.user(kit.unique("u"), "on >pw ~realtime:durable:* &* +@all -" .. missing) })
		client:On("error", function() end)
		local answer
		realtime.Durable(client, "b"):Publish(channel, "x", function(err) answer = { tostring(err) } end)
		kit.wait("the answer", function() return answer end)
		assert(answer[1] ~= "nil", missing)
		kit.eq(host.real.command("XLEN", "realtime:durable:{" .. channel .. "}"), 0, "without +" .. missing)
		close(a)
		client:Disconnect()
	end
end)

host.test("whatever breaks the connection, each message is published once, and each subscriber gets it once or again", function()
	local channel, proxy = kit.unique("news"), host.proxy()
	local options = { reconnect_min = 0.01, reconnect_max = 0.05, ping_interval = 0.5, ping_timeout = 0.5 }
	local through = table.Copy(options)
	through.url = proxy.url()
	local a, b = server(nil, through), server(nil, options)
	for _, event in ipairs({ "down", "error" }) do a.client:On(event, function() end) b.client:On(event, function() end) end
	b.subscribe(channel)
	a.subscribe(channel)
	local answers, outcomes = 0, {}
	for i = 1, 60 do
		a.durable:Publish(channel, i, function(err)
			assert(outcomes[i] == nil, "answered twice")
			answers, outcomes[i] = answers + 1, err and (err.sent and "unknown" or "not done") or "done"
		end)
		if i % 6 == 0 then
			proxy.faults({ [i % 12 == 0 and "up_cut_at" or "down_cut_at"] = 900 + i * 41 })
			proxy.cut("reset")
		end
		host.pass(3)
	end
	proxy.faults({})
	kit.wait("every answer", function() return answers == 60 end)
	kit.eq(done(b, "Publish", channel, "end"), nil)
	kit.wait("the end", function() return a.got[#a.got] == "end" and b.got[#b.got] == "end" end)
	local want = {}
	for _, data in ipairs(b.got) do
		assert(not want[data], "published twice")
		assert(data == "end" or outcomes[data] ~= "not done", "published although it was told to be not")
		want[data] = true
	end
	for i = 1, 60 do assert(outcomes[i] ~= "done" or want[i], i .. " is missing") end
	for _, data in ipairs(a.got) do want[data] = nil end
	kit.eq(want, {}, "what the cut one missed")
	close(a, b)
end)
