-- servers: real; redis: 5.0
-- Posts of realtime.Players: an example of each promise.

local world = include("_players.lua")
local kit = world.kit
local server, close, where, done = world.server, world.close, world.where, world.done

host.test("a post finds him where he is, or waits until he joins somewhere; its order is kept", function()
	local a, b, id = server(), server(), world.steamid()
	a.join(id)
	where(id, a.id, a)
	local got = {}
	local function handler(each)
		return function(ply, data, from, reply, info)
			got[#got + 1] = { each.id, ply:SteamID64(), data, from, info.id }
			assert(info.age >= 0 and info.age < kit.PATIENCE, info.age)
			reply()
		end
	end
	a.players:Answer("gift", handler(a))
	local err, post = done(b, "Post", id, "gift", { item = "hat ☃" })
	kit.wait("the gift", function() return #got == 1 end)
	kit.eq({ err, got[1] }, { nil, { a.id, id, { item = "hat ☃" }, b.id, post } })
	local absent = world.steamid()
	for i = 1, 5 do kit.eq(done(a, "Post", absent, "gift", i), nil) end
	kit.eq({ done(a, "Post", absent, "gift", 5, { once = absent }) }, { done(b, "Post", absent, "gift", 5, { once = absent }) })
	-- It keeps waiting where no function answers to that name.
	local ply = b.join(absent)
	where(absent, b.id, a, b)
	kit.eq(#got, 1)
	b.leave(ply)
	a.join(absent)
	kit.wait("all of them", function() return #got == 7 end)
	for i = 1, 6 do kit.eq({ got[i + 1][1], got[i + 1][3] }, { a.id, math.min(i, 5) }) end
	kit.wait("nothing to wait", function()
		local _, count = kit.command(a.client, { "EXISTS", "realtime:players:{players}:posts:" .. absent })
		return count == 0
	end)
	local _, score = kit.command(a.client, { "ZSCORE", "realtime:players:{players}:waiting", absent })
	kit.eq(score, nil)
	close(a, b)
end)

host.test("a post comes again until its handler has replied without an error, here or elsewhere", function()
	local a, b, id = server(), server(), world.steamid()
	local ply = a.join(id)
	where(id, a.id, a)
	local tries = {}
	host.expect_errors(1)
	a.players:Answer("gift", function(_, data, _, reply, info)
		tries[#tries + 1] = "a" .. data
		if data == "raises" then error("on purpose") end
		if data == "refuses" then return reply("no room") end
		return true -- and never replies
	end)
	b.players:Answer("gift", function(_, data, _, reply) tries[#tries + 1] = "b" .. data end)
	for _, data in ipairs({ "raises", "refuses", "forgets" }) do kit.eq(done(b, "Post", id, "gift", data), nil) end
	kit.wait("three tries", function() return #tries == 3 end)
	a.leave(ply)
	b.join(id)
	kit.wait("three more", function() return #tries == 6 end)
	kit.eq(tries, { "araises", "arefuses", "aforgets", "braises", "brefuses", "bforgets" })
	kit.wait("nothing to wait", function()
		local _, count = kit.command(a.client, { "EXISTS", "realtime:players:{players}:posts:" .. id })
		return count == 0
	end)
	close(a, b)
end)

host.test("a reply that comes after the automatic one is told", function()
	local a, id = server(), world.steamid()
	a.join(id)
	where(id, a.id, a)
	local late
	a.players:Answer("gift", function(_, _, _, reply) late = reply end)
	kit.eq(done(a, "Post", id, "gift", 1), nil)
	kit.wait("the post", function() return late end)
	host.pass(2)
	kit.eq(late("failed after all"), false)
	kit.wait("the line", function()
		return table.concat(host.console(), "\n"):find('players: reply for "gift" was called after its function had returned, and did nothing', 1, true)
	end)
	close(a)
end)

host.test("a post that failed comes again on the same server, and so does one whose reply is missing", function()
	local a, id, tries = server(), world.steamid(), {}
	a.join(id)
	where(id, a.id, a)
	local ahead, clock = 0, SysTime
	a.addon.players_patience = 0.05
	a.players:Answer("gift", function(_, data, _, reply)
		tries[data] = (tries[data] or 0) + 1
		if tries[data] > 1 then return reply() end
		if data == "refused" then return reply("no") end
		return true
	end)
	kit.eq(done(a, "Post", id, "gift", "refused"), nil)
	kit.eq(done(a, "Post", id, "gift", "forgotten"), nil)
	kit.wait("both failures", function()
		local failed = 0
		local stay = a.players.stays[id]
		for _, post in pairs(stay.posts) do
			if post.errors == 1 and post.state == "waiting" then failed, post.at, stay.due_at = failed + 1, 0, 0 end
		end
		return tries.refused == 2 and tries.forgotten == 2 or failed < 0
	end)
	kit.wait("an end", function() return next(a.players.stays[id].posts) == nil end)
	close(a)
end)

host.test("a hundred posts wait at most, and those that have expired do not", function()
	local a, id = server(), world.steamid()
	local last
	for i = 1, 101 do a.players:Post(id, "x", i, { expires = i == 1 and 0.001 or nil }, function(err) last = { i, err and err.code } end) end
	kit.wait("all answers", function() return last and last[1] == 101 end)
	kit.eq(last, { 101 })
	kit.eq({ done(a, "Post", id, "x", 102) }, { "FULL" })
	kit.eq({ done(a, "Post", world.steamid(), "x", ("x"):rep(60000)) == nil, kit.raises("more than 65536", a.players.Post, a.players, id, "x", ("x"):rep(65536)) ~= nil },
		{ true, true })
	close(a)
end)

host.test("what a website posted without telling anybody is found by itself", function()
	local a, id, got = server(nil, { interval = 0.5 }), world.steamid(), nil
	a.join(id)
	where(id, a.id, a)
	a.players:Answer("gift", function(_, data, from) got = { data, from } end)
	local key = "realtime:players:{players}:"
	kit.command(a.client, { "HSET", key .. "posts:" .. id, "1-" .. id, '[9999999999999,"web","gift"]\n{"item":"vip"}' })
	kit.command(a.client, { "ZADD", key .. "waiting", "9999999999999", id })
	kit.wait("it", function() return got end)
	kit.eq(got, { { item = "vip" }, "web" })
	close(a)
end)

host.test("posts that nothing here answers cost no tick anything, are not kept, and come once something does", function()
	local a, id, other, got = server(), world.steamid(), world.steamid(), {}
	a.join(id)
	a.join(other)
	where(id, a.id, a)
	where(other, a.id, a)
	for i = 1, 3 do kit.eq(done(a, "Post", id, "later", { i }), nil) end
	kit.eq(done(a, "Post", other, "later", { 4 }), nil)
	local function held(player)
		local list = {}
		for _, post in SortedPairs(a.players.stays[player].posts) do list[#list + 1] = post end
		return list
	end
	kit.wait("all of them", function() return #held(id) == 3 and #held(other) == 1 end)
	kit.ticks(2)
	for _, post in ipairs(held(id)) do kit.eq({ post.state, post.data }, { "unanswered" }) end
	kit.eq(a.players.stays[id].due_at, math.huge)
	a.players:Answer("later", function(_, data) got[#got + 1] = data[1] end)
	kit.wait("their handler", function() return #got == 4 end)
	table.sort(got)
	kit.eq(got, { 1, 2, 3, 4 })
	close(a)
end)

host.test("no player waits because the handlers of another one's posts take all the time", function()
	local a, ids, got, most, is_open = server(), {}, {}, 0, false
	for i = 1, 3 do
		ids[i] = world.steamid()
		got[ids[i]] = 0
		a.join(ids[i])
		where(ids[i], a.id, a)
	end
	a.players:Answer("slow", function(ply, _, _, reply)
		if not is_open then return reply("not yet") end
		local id = ply:SteamID64()
		got[id] = got[id] + 1
		most = math.max(most, got[id] - math.min(got[ids[1]], got[ids[2]], got[ids[3]]))
		local stop = SysTime() + 0.003 -- longer than the time for posts in a tick
		while SysTime() < stop do end
	end)
	for _, id in ipairs(ids) do
		for j = 1, 5 do kit.eq(done(a, "Post", id, "slow", j), nil) end
	end
	local function each_post(fn)
		for _, id in ipairs(ids) do
			for _, post in pairs(a.players.stays[id].posts) do fn(a.players.stays[id], post) end
		end
	end
	kit.wait("all to be refused once", function()
		local count = 0
		each_post(function(_, post) count = count + (post.errors > 0 and 1 or 0) end)
		return count == 15
	end)
	is_open = true
	each_post(function(stay, post) post.at, stay.due_at = 0, 0 end)
	kit.wait("all handled", function() return got[ids[1]] == 5 and got[ids[2]] == 5 and got[ids[3]] == 5 end)
	assert(most <= 2, most)
	close(a)
end)

host.test("who leaves and comes back while a handler has his post is handed it once", function()
	local a, id, replies = server(), world.steamid(), {}
	local ply = a.join(id)
	where(id, a.id, a)
	a.players:Answer("gift", function(_, _, _, reply)
		replies[#replies + 1] = reply
		return true
	end)
	kit.eq(done(a, "Post", id, "gift", 1), nil)
	kit.wait("the handler", function() return replies[1] end)
	a.leave(ply)
	where(id, nil, a)
	a.join(id)
	where(id, a.id, a)
	kit.wait("his posts", function() return next(a.players.stays[id].posts) end)
	kit.ticks(3)
	kit.eq(#replies, 1)
	kit.eq(replies[1](), true)
	kit.wait("nothing to wait", function()
		local _, count = kit.command(a.client, { "EXISTS", "realtime:players:{players}:posts:" .. id })
		return count == 0 and next(a.players.stays[id].posts) == nil
	end)
	kit.eq(#replies, 1)
	close(a)
end)

host.test("data that no server would take are refused; what cannot be read is left out, told and counted", function()
	local a, id, got = server(), world.steamid(), {}
	a.join(id)
	where(id, a.id, a)
	a.players:Answer("gift", function(_, data) got[#got + 1] = istable(data) and #data or data end)
	local key, script = "realtime:players:{players}:", file.Read("realtime/redis/players_post.lua", "LUA")
	local function post(data)
		local token = realtime.RandomToken()
		local words = { "EVAL", script, 5, key .. "posts:" .. id, key .. "waiting", key .. "claims", key .. "leases", key .. "token:" .. token }
		table.Add(words, { "post", token, 60, "web", id, "gift", 60, data })
		local err, reply = kit.command(a.client, words)
		assert(not err, tostring(err))
		return reply[1]
	end
	local function list(count) return "[" .. ("1,"):rep(count - 1) .. "1]" end
	-- A table counts as four.
	kit.eq({ post(list(19996)), post(list(19997)) }, { "done", "size" })
	kit.eq({ post("{\"a\":" .. list(19992) .. "}"), post("{\"a\":" .. list(19993) .. "}") }, { "done", "size" })
	kit.wait("both", function() return #got == 2 end)
	kit.eq(got, { 19996, 0 })
	kit.command(a.client, { "HSET", key .. "posts:" .. id, "2-" .. id, '[9999999999999,"web","gift"]\n{' })
	kit.eq(post("1"), "done")
	kit.wait("the next one", function() return #got == 3 end)
	assert(a.addon.CountPlayers(a.players):find("; 1 posts that could not be read", 1, true), a.addon.CountPlayers(a.players))
	close(a)
end)
