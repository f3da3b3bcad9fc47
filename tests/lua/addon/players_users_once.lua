-- servers: real; redis: 6.0
-- realtime.Players with users of few permissions, on a Redis that is full, and through a proxy that cuts.

local world = include("_players.lua")
local kit, realtime = world.kit, world.realtime
local server, close, where, ask, done = world.server, world.close, world.where, world.ask, world.done

local BASE = "on >pw ~realtime:players:* resetchannels +subscribe +unsubscribe +publish +ping +role +hello +info +client|info +client|setname "
local RIGHTS = "+eval +evalsha +script|load +time +get +set +hget +hmget +hset +hdel +hlen +hgetall +pexpire +zadd +zrem +zscore +zrangebyscore +zremrangebyscore "

host.test("a user with the page's rights, and nothing more, may do all of it", function()
	local a = server(nil, { url = kit.user(kit.unique("u"), BASE .. RIGHTS .. "&realtime:*") })
	local b = server()
	a.client:On("error", function(info) error("not allowed: " .. tostring(info.err)) end)
	local id, other = world.steamid(), world.steamid()
	local dead = server()
	dead.join(other)
	where(other, dead.id, a)
	world.hasten(dead, 0.1)
	world.kill(dead)
	b.join(id)
	where(id, b.id, a)
	local ply = a.join(id) -- and the other one is notified
	where(id, a.id, a, b)
	local got
	a.players:Answer("x", function(_, data, _, reply) got = data reply(nil, "x") end)
	kit.eq({ ask(a, id, "x", nil) }, { nil, "x" })
	kit.eq(done(a, "Post", id, "x", "a post", { once = id }), nil)
	kit.wait("the post", function() return got == "a post" end)
	world.hasten(a, 0.3) -- only now, because so short a lease would end while the machine stands still
	where(other, nil, a)
	a.leave(ply)
	where(id, b.id, b)
	world.leave(a)
	close(b)
end)

host.test("a user without the channels claims and posts, and says what is missing; others find it", function()
	local a, b, id = server(nil, { interval = 0.3 }), server(nil, { interval = 0.3 }), world.steamid()
	local said = kit.lines("players: .*")
	a.join(id)
	where(id, a.id, a, b)
	local got
	a.players:Answer("x", function(_, data, _, reply) got = data end)
	local few = server(nil, { url = kit.user(kit.unique("u"), BASE .. RIGHTS .. "&realtime:presence &realtime:requests:* &realtime:answers:*") })
	few.client:On("error", function() end)
	local answer
	few.players:Post(id, "x", "found", function(err) answer = { err } end)
	kit.wait("the post", function() return answer and got == "found" end)
	kit.eq(answer, {})
	assert(said()[1]:find("not told at once: .*channel"), kit.show(said()))
	-- It takes the player, and the old server notices that by itself.
	few.join(id)
	kit.wait("the news", function() return a.told(id)[2] == "taken " .. few.id end)
	close(a, b, few)
end)

host.test("a user who lacks one command of a post posts nothing", function()
	local a, id = server(), world.steamid()
	local posts = "realtime:players:{players}:posts:" .. id
	for command in ("get set hgetall hset pexpire zadd zremrangebyscore"):gmatch("%S+") do
		local client = kit.ready({ url = kit.user(kit.unique("u"), BASE .. RIGHTS .. "-" .. command .. " &realtime:*") })
		client:On("error", function() end)
		local few = { players = realtime.Players(client, kit.unique("s")), client = client }
		local err = done(few, "Post", id, "x", command, { once = command })
		assert(err == "ERR" or err == "NOPERM", command .. ": " .. tostring(err))
		kit.eq(host.real.command("EXISTS", posts, "realtime:players:{players}:once:" .. command), 0, command)
		client:Disconnect()
	end
	for _ = 1, 2 do kit.eq(done(a, "Post", id, "x", 1, { once = "hset" }), nil) end
	kit.eq(host.real.command("HLEN", posts), 1)
	close(a)
end)

host.test("on a Redis that is full a post fails and says so, and who is here stays here", function()
	local a, id = server(), world.steamid()
	a.join(id)
	where(id, a.id, a)
	host.real.command("CONFIG", "SET", "maxmemory", "1")
	kit.eq((done(a, "Post", id, "x", 1)), "OOM")
	host.real.command("CONFIG", "SET", "maxmemory", "0")
	kit.eq(done(a, "Post", id, "x", 1), nil)
	kit.eq((a.players:Where(id)), a.id)
	close(a)
end)

host.test("whatever breaks the connection, each post is stored once, and handed out at least once", function()
	local proxy = host.proxy()
	local options = { reconnect_min = 0.01, reconnect_max = 0.05, ping_interval = 0.5, ping_timeout = 0.5, interval = 0.3 }
	local through = table.Copy(options)
	through.url = proxy.url()
	local a, b, id = server(nil, through), server(nil, options), world.steamid()
	for _, event in ipairs({ "down", "error" }) do
		a.client:On(event, function() end)
		b.client:On(event, function() end)
	end
	b.join(id)
	where(id, b.id, b)
	local answers, outcomes, got, ids = 0, {}, {}, {}
	b.players:Answer("x", function(_, data, _, reply, info)
		assert(got[data] == nil or got[data] == info.id, "posted twice")
		got[data] = info.id
	end)
	for i = 1, 40 do
		a.players:Post(id, "x", i, function(err)
			assert(outcomes[i] == nil, "answered twice")
			answers, outcomes[i] = answers + 1, err and (err.sent and "unknown" or "not done") or "done"
		end)
		if i % 5 == 0 then
			proxy.faults({ [i % 10 == 0 and "up_cut_at" or "down_cut_at"] = 900 + i * 41 })
			proxy.cut("reset")
		end
		host.pass(3)
	end
	proxy.faults({})
	kit.wait("every answer", function() return answers == 40 end)
	kit.wait("all that was done", function()
		for i = 1, 40 do
			if outcomes[i] == "done" and not got[i] then return false end
		end
		return true
	end)
	kit.wait("an empty box", function()
		local _, count = kit.command(b.client, { "EXISTS", "realtime:players:{players}:posts:" .. id })
		return count == 0
	end)
	for i = 1, 40 do assert(outcomes[i] ~= "not done" or not got[i], i .. " was posted although it was told to be not") end
	close(a, b)
end)
