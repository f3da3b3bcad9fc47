-- servers: real; redis: 5.0
-- realtime.Players: an example of each promise. players_random_once.lua has all of them together, with faults.

local world = include("_players.lua")
local kit, realtime = world.kit, world.realtime
local server, close, kill, leave = world.server, world.close, world.kill, world.leave
local where, told, ask, done = world.where, world.told, world.ask, world.done

host.test("who joins is known everywhere, and who leaves is not any more; a move says from where", function()
	local a, b, id = server(), server(), world.steamid()
	local ply = a.join(id, { name = "Alice ☃", rank = "vip" })
	where(id, a.id, a, b)
	local _, record = b.players:Where(id)
	assert(record.since > 1e9, record.since)
	record.since = nil
	kit.eq(record, { id = id, name = "Alice ☃", rank = "vip", server = a.id, loading = false })
	kit.eq({ b.players:Where(util.SteamIDFrom64(id)) == a.id, b.players:Where(world.steamid()) }, { true })
	a.leave(ply)
	where(id, nil, a, b)
	b.join(id)
	where(id, b.id, a, b)
	for _, each in ipairs({ a, b }) do told(each, id, { "joined " .. a.id, "left " .. a.id, "joined " .. b.id .. " from " .. a.id }) end
	close(a, b)
end)

host.test("players are found by a part of their names, and by SteamID64", function()
	local a, b = server(), server()
	local ids = { world.steamid(), world.steamid(), world.steamid() }
	local mark = kit.unique("x")
	a.join(ids[1], { name = "Bob " .. mark })
	a.join(ids[2], { name = "alice " .. mark })
	b.join(ids[3], { name = "ALICIA " .. mark })
	for _, each in ipairs({ a, b }) do
		kit.wait("all three", function() return #each.players:Find(mark) == 3 end)
		local names = {}
		for _, who in ipairs(each.players:Find("ali")) do
			if who.name:find(mark, 1, true) then names[#names + 1] = who.name .. "@" .. who.server end
		end
		kit.eq(names, { "alice " .. mark .. "@" .. a.id, "ALICIA " .. mark .. "@" .. b.id })
		kit.eq(each.players:Find(ids[1])[1].name, "Bob " .. mark)
		assert(#each.players:Find("") >= 3)
	end
	close(a, b)
end)

host.test("a name and a rank that change are told", function()
	local a, b, id = server(), server(), world.steamid()
	local ply = a.join(id)
	where(id, a.id, b)
	ply.name, ply.rank = "Another", "admin"
	kit.wait("both", function()
		local _, record = b.players:Where(id)
		return record.name == "Another" and record.rank == "admin"
	end)
	kit.eq(#b.told(id), 1)
	close(a, b)
end)

host.test("nobody can be driven away by an id that Steam has not confirmed", function()
	local a, b, id = server(), server(), world.steamid()
	a.join(id, { name = "the real one" })
	where(id, a.id, a, b)
	local got = {}
	for _, each in ipairs({ a, b }) do
		each.players:Answer("who", function(ply, _, _, reply)
			got[#got + 1] = ply:Nick()
			reply(nil, ply:Nick())
		end)
	end
	local impostor = b.join(id, { name = "impostor", validated = false })
	-- He is checked many times, and messages for the real player reach the real one.
	kit.wait("a look at him", function() return b.players.unvalidated == 1 end)
	kit.eq(done(b, "Post", id, "who", "secret"), nil)
	kit.eq({ ask(b, id, "who", nil) }, { nil, "the real one" })
	where(id, a.id, a, b)
	kit.eq({ a.told(id), b.told(id), (b.players:Hold(id)) }, { { "joined " .. a.id }, { "joined " .. a.id } })
	-- Once Steam has confirmed him, the requests go to him.
	b.validate(impostor)
	where(id, b.id, a, b)
	close(a, b)
end)

host.test("the newest claim counts, and only the server that lost it hears of it, once", function()
	local a, b, c, id = server(), server(), server(), world.steamid()
	local ply = a.join(id)
	where(id, a.id, a, b, c)
	b.join(id)
	where(id, b.id, a, b, c)
	kit.wait("all events", function() return #a.told(id) == 4 end)
	local list = a.told(id)
	table.sort(list)
	kit.eq(list, { "joined " .. a.id, "joined " .. b.id .. " from " .. a.id, "left " .. a.id, "taken " .. b.id })
	for _, each in ipairs({ b, c }) do told(each, id, { "joined " .. a.id, "left " .. a.id, "joined " .. b.id .. " from " .. a.id }) end
	-- The old one leaves only now, which changes nothing.
	a.leave(ply)
	local other = world.steamid()
	a.join(other)
	where(other, a.id, b)
	where(id, b.id, a, b, c)
	kit.eq({ #b.told(id), ask(c, id, "x", nil) }, { 3, "UNKNOWN" })
	close(a, b, c)
end)

host.test("a server that was cut off does not take back who has moved meanwhile, and hears that he was taken", function()
	local proxy = host.proxy()
	local a = server(nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.05 })
	for _, event in ipairs({ "down", "error" }) do a.client:On(event, "test", function() end) end
	local b, id, other = server(), world.steamid(), world.steamid()
	proxy.refuse()
	proxy.cut("reset")
	kit.wait("the loss", function() return not a.client:IsConnected() end)
	-- They join while it has no connection, and one of them moves on to the other server.
	a.join(id)
	a.join(other)
	kit.wait("both to be seen", function() return a.players.stays[id] and a.players.stays[other] end)
	-- Long before he moves on, because Redis cannot know how long a's first message after a loss was on its way.
	for _, player in ipairs({ id, other }) do a.players.stays[player].at = a.players.stays[player].at - 60 end
	b.join(id)
	where(id, b.id, b)
	proxy.accept()
	where(other, a.id, a, b)
	where(id, b.id, a, b)
	told(a, id, { "taken " .. b.id, "joined " .. b.id })
	told(b, id, { "joined " .. b.id })
	close(a, b)
end)

host.test("if the newest claim goes, whoever still has him has him again", function()
	local a, b, id = server(nil, { interval = 0.5 }), server(), world.steamid()
	a.join(id)
	where(id, a.id, a, b)
	local ply = b.join(id)
	where(id, b.id, a, b)
	b.leave(ply)
	where(id, a.id, a, b)
	close(a, b)
end)

host.test("a server that dies loses its players when its lease is over", function()
	local a, b, c, id = server(), server(), server(), world.steamid()
	a.join(id)
	where(id, a.id, a, b, c)
	kit.eq({ ask(b, id, "x", nil) }, { "UNKNOWN" })
	-- Its lease and the others' timeouts are short only from now on, or a machine that stands still would end them before.
	world.hasten(a, 0.5)
	kill(a)
	for _, each in ipairs({ b, c }) do world.hasten(each, 0.5) end
	where(id, nil, b, c)
	told(b, id, { "joined " .. a.id, "left " .. a.id })
	kit.wait("Redis to say so", function() return ask(b, id, "x", nil, 1) == "NOBODY" end)
	local _, left = kit.command(b.client, { "HGET", "realtime:players:{players}:claims", id })
	kit.wait("Redis to forget him", function()
		_, left = kit.command(b.client, { "HEXISTS", "realtime:players:{players}:claims", id })
		return left == 0
	end)
	close(b, c)
end)

host.test("between two maps a player is loading; his own server goes on with him, and nobody is told", function()
	local a, b, id, other, away = server(), server(), world.steamid(), world.steamid(), world.steamid()
	for _, player in ipairs({ id, other, away }) do a.join(player) end
	for _, player in ipairs({ id, other, away }) do where(player, a.id, a, b) end
	local _, before = b.players:Where(id)
	leave(a)
	kit.wait("loading", function()
		local where_he_is, record = b.players:Where(id)
		return where_he_is == a.id and record.loading
	end)
	kit.eq({ ask(b, id, "x", nil) }, { "NOBODY" })
	local again = server(a.id)
	again.join(id)
	kit.wait("no longer", function()
		local _, record = b.players:Where(id)
		return not record.loading
	end)
	local _, record = b.players:Where(id)
	kit.eq({ record.since, record.server, (again.players:Where(id)) }, { before.since, a.id, a.id })
	-- Another server takes one of them at once, and it is a move.
	b.join(other)
	where(other, b.id, again, b)
	told(b, other, { "joined " .. a.id, "left " .. a.id, "joined " .. b.id .. " from " .. a.id })
	kit.eq({ b.told(id), again.told(id), again.told(other) }, { { "joined " .. a.id }, {}, { "joined " .. b.id } })
	-- One player does not come back.
	b.addon.players_absence = 0
	kit.eq((b.players:Where(away)), a.id)
	for _, known in pairs(b.players.servers) do known.loading_until = known.loading_until and 0 end
	where(away, nil, b)
	told(b, away, { "joined " .. a.id, "left " .. a.id })
	close(again, b)
end)

host.test("who was there before a server began does not join there", function()
	local a, id, later = server(), world.steamid(), world.steamid()
	a.join(id)
	where(id, a.id, a)
	local b = server()
	where(id, a.id, b)
	a.join(later)
	where(later, a.id, b)
	kit.eq({ b.told(id), b.told(later) }, { {}, { "joined " .. a.id } })
	close(a, b)
end)

host.test("a player who is held stays registered until he is let go, unless another server has him", function()
	local a, b, id, other = server(), server(), world.steamid(), world.steamid()
	local ply, second = a.join(id), a.join(other)
	where(id, a.id, a, b)
	where(other, a.id, b)
	local let_go
	a.hooks.PlayerDisconnected.zzz = function(leaving)
		if leaving == ply then let_go = assert(a.players:Hold(id)) end
	end
	a.leave(ply)
	a.leave(second)
	where(other, nil, b)
	kit.eq({ (b.players:Where(id)), ask(b, id, "x", nil) }, { a.id, "NOBODY" })
	kit.eq({ let_go(), let_go() }, { true, false })
	where(id, nil, a, b)
	kit.eq({ a.players:Hold(id) }, { nil, "the player is not on this server" })
	close(a, b)
end)

host.test("a player is asked where he is, wherever that is", function()
	local a, b, id = server(), server(), world.steamid()
	local ply = a.join(id)
	where(id, a.id, b)
	local got = {}
	a.players:Answer("add", function(who, data, from, reply, info)
		got[#got + 1] = { who == ply, data, from, info }
		if data.silent then return end
		if data.later then
			a.realtime.After(0, function() kit.eq({ reply(nil, "later"), reply(nil, "twice") }, { true, false }) end)
			return true
		end
		if data.wrong then error("on purpose") end
		reply(data.no and { code = "NO", message = "no" }, data[1] and data[1] + data[2])
	end)
	kit.eq({ ask(b, id, "add", { 1, 2 }) }, { nil, 3 })
	kit.eq({ ask(a, id, "add", { 3, 4 }) }, { nil, 7 })
	kit.eq({ ask(b, id, "add", { silent = true }) }, {})
	kit.eq({ ask(b, id, "add", { later = true }) }, { nil, "later" })
	kit.eq({ ask(b, id, "add", { no = true }) }, { "NO" })
	host.expect_errors(1)
	kit.eq({ ask(b, id, "add", { wrong = true }) }, { "FAILED" })
	kit.eq({ ask(b, id, "subtract", nil) }, { "UNKNOWN" })
	kit.eq({ ask(b, world.steamid(), "add", nil) }, { "NOBODY" })
	kit.eq(got[1], { true, { 1, 2 }, b.id })
	close(a, b)
end)

host.test("of two servers with one id only the one that has him answers, and it is asked once", function()
	local a, b, id = server(), server(), world.steamid()
	a.join(id)
	where(id, a.id, a, b)
	local twin, runs = server(a.id), 0
	for _, each in ipairs({ a, twin }) do
		each.players:Answer("tell", function(_, _, _, reply)
			runs = runs + 1
			realtime.After(0.05, function() reply(nil, each == a) end) -- after the answer of the other one
			return true
		end)
	end
	for i = 1, 3 do kit.eq({ runs + 1, ask(b, id, "tell", nil) }, { i, nil, true }) end
	kit.eq(runs, 3)
	close(a, b, twin)
end)

host.test("if he moves while he is asked, he is asked where he has gone", function()
	local a, b, c, id = server(), server(), server(), world.steamid()
	a.join(id)
	where(id, a.id, a)
	for _, each in ipairs({ a, b }) do each.players:Answer("where", function(_, _, _, reply) reply(nil, each.id) end) end
	-- Redis has answered where he is, and the request is on its way: now he moves.
	local ask_server = c.players.requests.Ask
	function c.players.requests.Ask(...)
		c.players.requests.Ask = nil
		local arguments = { ... }
		b.join(id)
		c.realtime.Async(function()
			-- On `a` the answer of Redis counts, which may come after b's message to everyone.
			while b.players:Where(id) ~= b.id or not table.HasValue(a.told(id), "taken " .. b.id) do realtime.Sleep(0.01) end
			ask_server(unpack(arguments, 1, 6))
		end)
		return true
	end
	kit.eq({ ask(c, id, "where", nil, kit.PATIENCE) }, { nil, b.id })
	close(a, b, c)
end)

host.test("if Redis has lost all that it knew, it knows it again soon, and nobody is told", function()
	local a, b, id = server(), server(), world.steamid()
	a.join(id)
	where(id, a.id, a, b)
	a.players:Answer("x", function(_, _, _, reply) reply(nil, "here") end)
	kit.command(b.client, { "DEL", "realtime:players:{players}:claims", "realtime:players:{players}:leases", "realtime:players:{players}:instances" })
	a.players.sync_at = 0 -- its renewal is due
	kit.wait("an answer", function() return select(2, ask(b, id, "x", nil, 2)) == "here" end)
	kit.eq({ a.told(id), b.told(id) }, { { "joined " .. a.id }, { "joined " .. a.id } })
	close(a, b)
end)

host.test("a call that comes late changes nothing, and the same one twice says the same", function()
	local a, id, other, instance = server(), world.steamid(), world.steamid(), realtime.RandomToken()
	local script, key = file.Read("realtime/redis/players_claims.lua", "LUA"), "realtime:players:{players}:"
	local function call(...)
		local words = { "EVAL", script, 4, key .. "claims", key .. "leases", key .. "instances", key .. "waiting", ... }
		local err, reply = kit.command(a.client, words)
		assert(not err, tostring(err))
		return reply
	end
	local function sync(sequence, ...) return call("sync", instance, "web", sequence, 16000, "here", 0, ...) end
	local first = sync(5, id, 1, 0, 0, "new")
	local again = sync(5, id, 1, 100, 0, "new")
	kit.eq({ first[4], #first[4] }, { again[4], 3 })
	kit.eq({ sync(4), sync(4, other, 1, 0, 0, "new") }, { { "late" }, { "late" } })
	kit.eq({ call("where", id), call("where", other) }, { { "where", "web", "here", instance }, { "where" } })
	-- A player who has left and come back has a new stay, which is newer.
	local back = sync(6, id, 2, 0, 0, "new")
	assert(tonumber(back[4][2]) > tonumber(first[4][2]), kit.show(back))
	kit.eq(sync(7)[4], {})
	kit.eq(call("where", id), { "where" })
	close(a)
end)

host.test("while a server is cut off, nobody has left for it", function()
	local proxy = host.proxy()
	local b = server(nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.05 })
	for _, event in ipairs({ "down", "error" }) do b.client:On(event, "test", function() end) end
	local a, id, gone, new = server(), world.steamid(), world.steamid(), world.steamid()
	a.join(id)
	local ply = a.join(gone)
	where(id, a.id, a, b)
	where(gone, a.id, b)
	proxy.refuse()
	proxy.cut("reset")
	kit.wait("the loss", function() return not b.client:IsConnected() end)
	a.leave(ply)
	a.join(new)
	where(new, a.id, a)
	where(gone, nil, a)
	-- More than three of its intervals, which are short while it is cut off.
	local interval, until_when = b.addon.presence_interval, SysTime() + 0.8
	b.addon.presence_interval = 0.2
	kit.wait("some time", function() return SysTime() >= until_when end)
	b.addon.presence_interval = interval
	kit.eq({ (b.players:Where(id)), (b.players:Where(gone)), (b.players:Where(new)) }, { a.id, a.id })
	proxy.accept()
	where(gone, nil, b)
	where(new, a.id, b)
	kit.eq({ b.told(id), b.told(gone), b.told(new) }, { { "joined " .. a.id }, { "joined " .. a.id, "left " .. a.id }, { "joined " .. a.id } })
	close(a, b)
end)

host.test("bots are left out, and a server without an id has no players", function()
	local a, client = server(), kit.ready()
	local bot = a.join(world.steamid())
	function bot:IsFullyAuthenticated() return false end
	local none, problem = realtime.Players(client)
	kit.eq(none, nil)
	assert(problem:find('write "id" into garrysmod/data/realtime.json', 1, true), problem)
	client:Disconnect()
	close(a)
end)
