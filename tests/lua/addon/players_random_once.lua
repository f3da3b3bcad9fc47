-- realtime.Players in random histories in virtual time (_players_virtual.lua): four servers that may die, stand still, be cut off,
-- change its map or have a twin, a Redis that may lose data or be replaced, and players who move, crash, and are validated late or
-- never. A model knows where each player really is. Arguments: histories=N, seed=N, only=N.
--
--     target/debug/gmod-host --addon lua --timeout 4000 tests/lua/addon/players_random_once.lua histories=2000 seed=7

local kit = include("../_kit.lua")
local virtual = include("_players_virtual.lua")
local format = string.format

local settings = { histories = 12, seed = 1, only = 0 }
for _, argument in ipairs(host.args) do
	local key, value = argument:match("^(%w+)=(%d+)$")
	if key then settings[key] = tonumber(value) end
end
local EXECUTED = { "now", "later", "never" }
local SERVERS, PLAYERS, STEPS, STEP = 4, 5, 60, 0.1

-- Whole numbers from a seed, the same everywhere.
local function new_random(seed)
	local state = seed % 2147483647 + 1
	return function(from, to)
		state = state * 16807 % 2147483647
		return from + state % (to - from + 1)
	end
end

local function id_of(p) return format("765611980000000%02d", p) end

local function new_history(seed)
	local random, case = new_random(seed), virtual.new_case()
	local history = { case = case, servers = {}, seats = {}, log = {}, posts = {}, counts = {}, random = random }
	local running = {}

	local function note(text, ...) history.log[#history.log + 1] = format("%.1f " .. text, case.now, ...) end
	history.note = note
	function history.pass(seconds)
		local stop = case.now + seconds
		while case.now < stop do case.step(STEP, running) end
	end
	local function count(what) history.counts[what] = (history.counts[what] or 0) + 1 end

	-- Nobody joins twice within the time that a request may be on its way.
	function history.is_settled(p) return not history.joined[p] or case.now - history.joined[p].since >= 3 end

	-- A seat is a player's game that is connected to a server: { player, server's number, ply, since (when Steam confirmed it) }.
	local function seat_of(ply)
		for _, seat in ipairs(history.seats) do
			if seat.ply == ply then return seat end
		end
	end
	-- Where a player really is: the seat that was confirmed last.
	function history.newest(p)
		local newest
		for _, seat in ipairs(history.seats) do
			if seat.p == p and seat.since and (not newest or seat.since > newest.since) then newest = seat end
		end
		return newest
	end

	local function watch(server, i)
		local known = {} -- player → server, as reported
		for _, event in ipairs({ "joined", "left" }) do
			server.players:On(event, "test", function(who)
				if event == "joined" then
					assert(not known[who.id], "joined twice")
					known[who.id] = who.server
				else
					assert(known[who.id] == nil or known[who.id] == who.server, "left another server than he joined")
					known[who.id] = nil
				end
			end)
		end
		server.known = known
		server.players:On("taken", "test", function(ply, by)
			count("taken")
			local seat = assert(seat_of(ply), "taken: nobody of ours")
			assert(seat.i == i and seat.since, "taken from another server, or unconfirmed")
			seat.taken = (seat.taken or 0) + 1
			-- A confirmed game of the player has joined elsewhere later; it may have left again.
			local later = history.joined[seat.p]
			assert(later and later.since > seat.since and later.i ~= i, format("taken by %s without a reason: %s", by, kit.show(later or {})))
		end)
		server.players:Answer("post", function(ply, data, _, reply, info)
			local seat = assert(seat_of(ply), "a post for nobody of ours")
			assert(seat.i == i and seat.since and not seat.is_gone, "a post for another one")
			local post = history.posts[data]
			assert(post.p == seat.p and post.outcome ~= "not done", "a post for another player, or one that was not posted")
			assert(not post.id or post.id == info.id, "a post that was stored twice")
			post.id = info.id
			if history.is_quiet or random(1, 3) > 1 then
				post.handed = true
				return
			end
			if random(1, 2) == 1 then return reply("not now") end
			return true
		end)
		server.players:Answer("where", function(ply, _, _, reply)
			local seat = assert(seat_of(ply), "asked for nobody of ours")
			assert(seat.since, "an unconfirmed one was asked")
			reply(nil, i)
		end)
		server.players_patience = 20
	end

	history.joined = {} -- player → his newest seat, also if it is gone
	function history.start(i)
		local game = virtual.new_game()
		local server = case.server("s" .. i, game)
		history.servers[i], running[#running + 1] = server, server
		watch(server, i)
	end
	local function remove(server) table.RemoveByValue(running, server) end
	-- A server starts with another one's id: while both are there, neither registers joining players.
	function history.begin_twin(i)
		note("%d has a twin", i)
		count("twins")
		history.twin = case.server("s" .. i, virtual.new_game())
		running[#running + 1] = history.twin
	end
	function history.end_twin(in_order)
		if not history.twin then return end
		note("the twin ends")
		if in_order then history.twin.game.end_state(history.twin.addon) end
		case.kill(history.twin, EXECUTED[random(1, 3)])
		remove(history.twin)
		history.twin = nil
	end

	local function confirm(seat)
		seat.since = case.now
		local before = history.joined[seat.p]
		if not before or before.since < seat.since then history.joined[seat.p] = seat end
	end
	history.confirm = confirm
	function history.sit(p, i, is_validated)
		local seat = { p = p, i = i }
		history.seats[#history.seats + 1] = seat
		if is_validated then confirm(seat) end
		local game = history.servers[i].game
		-- The hooks run inside join.
		local run = game.run
		function game.run(event, ply, ...)
			seat.ply = seat.ply or ply
			return run(event, ply, ...)
		end
		game.join(id_of(p), { validated = is_validated })
		game.run = run
		note("%d sits down on %d%s", p, i, is_validated and "" or ", unconfirmed")
		return seat
	end
	function history.get_up(seat, how)
		if seat.is_gone then return end
		seat.is_gone = true
		table.RemoveByValue(history.seats, seat)
		local game = history.servers[seat.i].game
		if how == "vanish" then game.vanish(seat.ply) else game.leave(seat.ply) end
		note("%d gets up on %d", seat.p, seat.i)
	end
	local function seats_on(i)
		local list = {}
		for _, seat in ipairs(history.seats) do
			if seat.i == i then list[#list + 1] = seat end
		end
		return list
	end

	function history.die(i)
		local server = history.servers[i]
		note("%d dies", i)
		count("deaths")
		case.kill(server, EXECUTED[random(1, 3)])
		remove(server)
		for _, seat in ipairs(seats_on(i)) do
			seat.is_gone = true
			table.RemoveByValue(history.seats, seat)
		end
		history.servers[i] = nil
	end
	-- Its players load the next map, some more slowly than others; some do not come back.
	function history.change_map(i)
		local server = history.servers[i]
		note("%d changes its map", i)
		count("maps")
		server.game.end_state(server.addon)
		if server.client.connected then history.pass(0.1) end
		case.kill(server, "now")
		remove(server)
		local seats = seats_on(i)
		for _, seat in ipairs(seats) do
			seat.is_gone = true
			table.RemoveByValue(history.seats, seat)
		end
		history.servers[i] = nil
		history.pass(random(1, 20))
		history.start(i)
		for _, seat in ipairs(seats) do
			history.pass(random(0, 30) / 10)
			-- Players who are on another server now do not load a map here.
			if random(1, 4) > 1 and (not seat.since or history.joined[seat.p] == seat) then
				local again = history.sit(seat.p, i, false)
				if seat.since then
					confirm(again)
					history.servers[i].game.validate(again.ply)
				end
			end
		end
	end

	function history.post(p)
		local number = #history.posts + 1
		local post = { p = p }
		history.posts[number] = post
		local i = random(1, SERVERS)
		local server = history.servers[i]
		if not server or server.is_stopped then return end
		server.players:Post(id_of(p), "post", number, function(err)
			assert(post.outcome == nil, "answered twice")
			post.outcome = not err and "done" or err.sent and "unknown" or "not done"
			assert(post.outcome ~= "not done" or not post.handed, "handed out although it was told to be not posted")
			count(post.outcome)
		end)
		-- The connection may break while it is on its way, there or back.
		if random(1, 2) == 1 and server.client.connected then
			history.pass(random(0, 1) / 10)
			note("%d is cut off with a post on its way", i)
			case.cut(server.client, EXECUTED[random(1, 3)])
			history.pass(random(1, 10) / 10)
			case.connect(server.client)
		end
	end
	for i = 1, SERVERS do history.start(i) end
	return history
end

-- One thing happens, at random.
local function disturb(history)
	local random, case, p, i = history.random, history.case, history.random(1, PLAYERS), history.random(1, SERVERS)
	local server, what = history.servers[i], history.random(1, 21)
	if not server then
		if random(1, 2) == 1 then history.start(i) end
		return
	end
	if server.is_stopped then
		if random(1, 2) == 1 then
			server.is_stopped = false
			history.note("%d goes on", i)
		end
		return
	end
	local here = history.newest(p)
	if what <= 6 then -- he joins it; his old seat is left before, or later, or its server notices by itself
		for _, seat in ipairs(history.seats) do
			if seat.p == p and seat.i == i then return end
		end
		if here and random(1, 3) > 1 and not history.servers[here.i].is_stopped then
			history.get_up(here)
			history.pass(random(0, 40) / 10)
		end
		if history.is_settled(p) then history.sit(p, i, true) end
	elseif what <= 8 then
		local seat = history.seats[random(1, math.max(#history.seats, 1))]
		if seat and not history.servers[seat.i].is_stopped then history.get_up(seat, random(1, 3) == 1 and "vanish" or nil) end
	elseif what == 9 then -- unconfirmed, perhaps for ever
		for _, seat in ipairs(history.seats) do
			if seat.p == p and seat.i == i then return end
		end
		history.sit(p, i, false)
	elseif what == 10 then
		for _, seat in ipairs(history.seats) do
			if not seat.since and not history.servers[seat.i].is_stopped and history.is_settled(seat.p) then
				history.confirm(seat)
				history.servers[seat.i].game.validate(seat.ply)
				history.note("%d is confirmed on %d", seat.p, seat.i)
				break
			end
		end
	elseif what <= 12 then
		history.note("%d is cut off", i)
		case.cut(server.client, EXECUTED[random(1, 3)])
	elseif what == 13 then
		history.die(i)
	elseif what == 14 then
		server.is_stopped = true
		history.note("%d stands still", i)
	elseif what == 15 then
		history.change_map(i)
	elseif what == 16 and random(1, 2) == 1 then
		history.note("Redis loses its claims")
		for _, name in ipairs({ "claims", "instances" }) do case.redis.hashes["realtime:players:{players}:" .. name] = nil end
		case.redis.sets["realtime:players:{players}:leases"] = nil
	elseif what == 16 then
		-- Its data of some time ago, with a slightly different clock. The rest is lost.
		for _, each in pairs(history.servers) do
			if each.is_stopped then return end
		end
		history.note("another Redis takes over")
		history.counts.failovers = (history.counts.failovers or 0) + 1
		case.fail_over(history.snapshot, random(-15, 15) / 10)
		for _, post in ipairs(history.posts) do
			if post.outcome == "done" then post.outcome = "unknown" end
		end
	elseif what == 21 then
		if history.twin then history.end_twin(random(1, 2) == 1) else history.begin_twin(i) end
	elseif what == 17 then
		history.snapshot = case.redis.snapshot()
	else
		history.post(p)
	end
end

local function check(history)
	local case, servers = history.case, history.servers
	for p = 1, PLAYERS do
		local newest = history.newest(p)
		local id, want = id_of(p), newest and "s" .. newest.i or nil
		for i = 1, SERVERS do
			local players = servers[i].players
			kit.eq(players:Where(id) or "nowhere", want or "nowhere", format("where server %d sees player %d", i, p))
			if servers[i].known[id] then kit.eq(servers[i].known[id], want, format("what server %d was told of player %d", i, p)) end
			local err, answer
			players:Ask(id, "where", nil, function(problem, where_he_is) err, answer = problem and problem.code, where_he_is end)
			history.pass(1)
			kit.eq({ err, answer }, newest and { nil, newest.i } or { "NOBODY" }, format("what server %d hears of player %d", i, p))
		end
		for _, seat in ipairs(history.seats) do
			if seat.p == p and seat.since then
				local stay = servers[seat.i].players.stays[id]
				kit.eq(stay.state, seat == newest and "held" or "lost", format("player %d on server %d", p, seat.i))
				if seat ~= newest then assert(seat.taken, format("player %d was not told to be taken from %d", p, seat.i)) end
			end
		end
	end
	for number, post in ipairs(history.posts) do
		assert(post.outcome ~= "done" or post.handed or not history.newest(post.p), "post " .. number .. " was not handed out")
	end
	local claims = case.redis.hashes["realtime:players:{players}:claims"] or {}
	for id in pairs(claims) do assert(history.newest(tonumber(id:sub(-2))), "a claim of nobody: " .. id) end
end

local totals = {}
local function run(number)
	local history = new_history(settings.seed * 100003 + number)
	local case, random = history.case, history.random
	local fine, problem = xpcall(function()
		for _ = 1, STEPS do
			disturb(history)
			history.pass(random(1, 40) / 10)
			for i = 1, SERVERS do
				local server = history.servers[i]
				if server and not server.is_stopped and not server.client.connected and random(1, 3) == 1 then
					case.connect(server.client)
					history.note("%d is connected", i)
				end
			end
		end
		-- No more faults, for long enough to settle.
		history.is_quiet = true
		history.end_twin(false)
		for i = 1, SERVERS do
			if not history.servers[i] then history.start(i) end
			history.servers[i].is_stopped = false
			history.pass(0.2)
			case.connect(history.servers[i].client)
		end
		history.pass(400)
		check(history)
		if case.errors[1] then error(case.errors[1], 0) end
	end, function(err) return debug.traceback(tostring(err)) end)
	for what, count in pairs(history.counts) do totals[what] = (totals[what] or 0) + count end
	if fine then return end
	if case.errors[1] then problem = problem .. "\nand " .. case.errors[1] end
	error(format("history %d of seed %d: %s\n%s", number, settings.seed, problem, table.concat(history.log, "\n")), 0)
end

host.test("random histories", function()
	for number = 1, settings.histories do
		if settings.only == 0 or settings.only == number then run(number) end
	end
	print(kit.show(totals))
	if settings.only == 0 then
		for _, what in ipairs({ "taken", "deaths", "maps", "done" }) do assert((totals[what] or 0) >= settings.histories / 2, what .. " is too rare") end
		assert(totals.failovers and totals.failovers >= 3, "failovers are too rare")
	end
end)
