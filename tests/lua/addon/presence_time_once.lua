-- Presence in virtual time: players who come and go, map changes, and why a server has left.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")
local PRESENCE = "realtime:presence"

local map = "gm_old"
function game.GetMap() return map end

-- Two servers that know each other, and the first one's events about the other.
local function two()
	local world, log = new_world(), {}
	local here, there = world.client(), world.client()
	local presence = world.realtime.Presence(here, "here")
	for _, event in ipairs({ "joined", "left", "changed" }) do
		presence:On(event, "test", function(server, reason)
			log[#log + 1] = { event, server.id, server.map, server.players, server.away, reason }
		end)
	end
	local function start(name)
		map = name or "gm_old"
		local peer = world.realtime.Presence(there, "peer")
		world.exchange()
		world.pass(1.1)
		world.exchange()
		return peer
	end
	-- The Lua state of the peer ends as in the game, which does the same at a map change and at a shutdown.
	local function stop(peer)
		world.addon.goodbyes.Presence[peer]()
		world.addon.RemoveTask(peer)
		world.addon.RemoveGoodbye("Presence", peer)
		peer.forget()
		world.exchange()
	end
	return { world = world, presence = presence, log = log, start = start, stop = stop, here = here, there = there }
end

-- Both servers hear each other all the time.
local function pass(case, seconds)
	for _ = 1, seconds do
		case.world.pass(1, 0.1)
		case.world.exchange()
	end
end

local function with_players(run)
	local get_count, count = player.GetCount, 0
	player.GetCount = function() return count end
	local ok, err = pcall(run, function(n) count = n end)
	player.GetCount = get_count
	if not ok then error(err, 0) end
end

host.test("a player's coming and going is told with the next tick, without anything set", function()
	with_players(function(set)
		local case = two()
		case.start()
		case.log[1] = nil
		case.world.pass(2, 0.1)
		case.world.exchange()
		set(1)
		case.world.pass(0.015)
		case.world.exchange()
		kit.eq(case.log, { { "changed", "peer", "gm_old", 1, false, nil } })
		case.world.pass(1.1, 0.1)
		case.world.exchange()
		set(0)
		case.world.pass(0.015)
		case.world.exchange()
		kit.eq({ #case.log, case.log[2][4], case.presence:Server("peer").players }, { 2, 0, 0 })
	end)
end)

host.test("many who come and go make one announcement a second, and the last count is right", function()
	with_players(function(set)
		local case = two()
		case.start()
		case.world.pass(1.1)
		case.there.published = {}
		for i = 1, 40 do
			set(i)
			case.world.pass(0.1, 0.05)
		end
		local count = #case.there.published
		assert(count >= 4 and count <= 5, count .. " announcements in 4 s")
		case.world.pass(1.1, 0.1)
		case.world.exchange()
		kit.eq(case.presence:Server("peer").players, 40)
		-- Without a connection nothing is published, and nothing piles up.
		case.there.connected = false
		for i = 1, 20 do
			set(i)
			case.world.pass(0.5)
		end
		kit.eq(#case.there.published, 0)
	end)
end)

host.test("a map change is told as a change: nobody has left or joined", function()
	local case = two()
	case.stop(case.start("gm_old"))
	local peer = case.presence:Server("peer")
	kit.eq({ peer.map, peer.away, #case.presence:Servers() }, { "gm_old", true, 2 })
	pass(case, 55) -- a slow map
	case.start("gm_new")
	kit.eq(case.log, {
		{ "joined", "peer", "gm_old", 0, false, nil },
		{ "changed", "peer", "gm_old", 0, true, nil },
		{ "changed", "peer", "gm_new", 0, false, "map change" },
	})
	peer = case.presence:Server("peer")
	kit.eq({ peer.map, peer.away, peer.duplicate }, { "gm_new", false, false })
	pass(case, 100)
	kit.eq(#case.log, 3, "it stays")
	kit.eq(case.world.lines, {})
end)

host.test("a server that does not come back from its goodbye has left after a minute", function()
	local case = two()
	case.stop(case.start())
	pass(case, 59)
	kit.eq({ #case.log, case.presence:Server("peer") ~= nil }, { 2, true })
	pass(case, 2)
	kit.eq({ case.log[3], case.presence:Server("peer") }, { { "left", "peer", "gm_old", 0, true, "goodbye" }, nil })
	case.start()
	kit.eq(case.log[4], { "joined", "peer", "gm_old", 0, false, nil }, "then it is a newcomer")
end)

host.test("Stop and silence have their reasons", function()
	local case = two()
	case.start():Stop()
	case.world.exchange()
	kit.eq(case.log[2], { "left", "peer", "gm_old", 0, false, "goodbye" }, "at once")
	case.start()
	case.there.valid = false
	pass(case, 17)
	kit.eq(case.log[4], { "left", "peer", "gm_old", 0, false, "silence" })
end)

host.test("nobody leaves while this server has no connection, one that changes its map neither", function()
	local case = two()
	case.stop(case.start())
	case.here.connected = false
	pass(case, 100)
	kit.eq(#case.log, 2)
	assert(case.presence:Server("peer"))
end)

host.test("only the server itself can say that it goes and comes back; one from before has left at once", function()
	local case = two()
	local peer = case.start()
	case.there.published = {}
	peer:Set("x", 1)
	case.world.pass(0.1)
	local word = realtime.Decode(case.there.published[1][2])
	case.world.exchange()
	case.world.say(PRESENCE, "peer", { instance = word.instance, bye = true, returns = true })
	case.world.say(PRESENCE, "peer", { instance = word.instance, bye = true, returns = true, proof = "x" })
	kit.eq(case.presence:Server("peer").away, false)
	case.world.say(PRESENCE, "old", { instance = "0123456789abcdef", map = "gm" })
	case.world.say(PRESENCE, "old", { instance = "0123456789abcdef", bye = true })
	kit.eq({ case.presence:Server("old"), case.log[#case.log][1] }, { nil, "left" })
	-- Old servers understand the new goodbye as theirs.
	case.stop(peer)
	local again = case.start()
	case.world.addon.goodbyes.Presence[again]()
	local goodbye = realtime.Decode(case.there.published[#case.there.published][2])
	kit.eq({ goodbye.bye, goodbye.returns, realtime.SHA256(goodbye.proof) == goodbye.instance }, { true, true, true })
end)
