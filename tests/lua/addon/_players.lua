-- Shared by the suites of realtime.Players: several servers in one host, each with its own players, hooks and addon files. Loaded with
-- include("_players.lua").

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")
local world = { kit = kit, realtime = realtime }
local PARTS = {
	"token_calls", "goodbye", "objects", "events", "requests", "presence", "players_register", "players_stays", "players_requests", "players_post",
	"players_delivery", "players",
}

-- A new SteamID64.
local made = 0
function world.steamid()
	made = made + 1
	return string.format("7656119%010d", 8000000000 + math.floor(SysTime() * 1000) % 100000 * 10000 + made)
end

-- The globals that differ from server to server, and functions for the players of a test.
local function new_game()
	local game = { humans = {}, hooks = {} }
	local hooks = {}
	function hooks.Add(event, name, fn)
		game.hooks[event] = game.hooks[event] or {}
		game.hooks[event][name] = fn
	end
	function hooks.Remove(event, name)
		if game.hooks[event] then game.hooks[event][name] = nil end
	end
	function game.run(event, ...)
		for _, fn in SortedPairs(game.hooks[event] or {}) do fn(...) end
	end
	-- The Lua state ends normally: first hooks run, then modules are closed. `between`, if given, runs after the hooks.
	function game.end_state(addon, between)
		game.run("ShutDown")
		if between then between() end
		for _, helper in ipairs({ "Players", "Presence" }) do
			for _, fn in pairs(addon.goodbyes[helper]) do fn() end
		end
	end
	local library = {}
	function library.GetCount() return #game.humans end
	function library.GetBots() return {} end
	function library.GetHumans() return { unpack(game.humans) } end
	game.env = setmetatable({ player = library, hook = hooks }, { __index = _G })

	-- A player joins. Options: name, rank, validated.
	function game.join(id, options)
		options = options or {}
		local ply = { is_here = true, is_validated = options.validated ~= false, name = options.name or "Player " .. id:sub(-4), rank = options.rank or "user" }
		function ply:IsValid() return self.is_here end
		function ply:IsBot() return false end
		function ply:SteamID64() return id end
		function ply:Nick() return self.name end
		function ply:GetUserGroup() return self.rank end
		function ply:IsFullyAuthenticated() return self.is_validated end
		game.humans[#game.humans + 1] = ply
		game.run("PlayerInitialSpawn", ply)
		return ply
	end
	function game.validate(ply)
		ply.is_validated = true
		game.run("NetworkIDValidated", ply.name, util.SteamIDFrom64(ply:SteamID64()), ply:SteamID64())
	end
	-- A player leaves; or vanishes without any hook.
	function game.vanish(ply)
		table.RemoveByValue(game.humans, ply)
		ply.is_here = false
	end
	function game.leave(ply)
		game.run("PlayerDisconnected", ply)
		game.vanish(ply)
	end
	return game
end

world.new_game = new_game

-- The addon's files for one server.
local function load_parts(game, interval)
	local own, addon = setmetatable({}, { __index = realtime }), setmetatable({}, { __index = realtime.addon })
	function own.OnClose() end
	for _, part in ipairs(PARTS) do
		local fn = include("realtime/" .. part .. ".lua")
		setfenv(fn, game.env)(own, addon)
	end
	addon.presence_interval, addon.presence_pause, addon.players_interval = interval or 5, 0.1, 0.1
	return own, addon
end

-- Options: url and others of the client; interval (seconds between two renewals).
function world.server(id, options)
	options = table.Copy(options or {})
	local interval = options.interval
	options.interval = nil
	local server = new_game()
	server.realtime, server.addon = load_parts(server, interval)
	server.client = kit.ready(options)
	server.players = assert(server.realtime.Players(server.client, id or kit.unique("s")))
	server.id, server.events = server.players:Id(), {}
	for _, event in ipairs({ "joined", "left" }) do
		server.players:On(event, "test", function(who)
			server.events[#server.events + 1] = { event, who.id, who.server, who.from }
		end)
	end
	server.players:On("taken", "test", function(ply, by) server.events[#server.events + 1] = { "taken", ply:SteamID64(), by } end)
	-- The events of a player, in order: "joined a", "left a", "taken b", "joined b from a".
	function server.told(player)
		local list = {}
		for _, event in ipairs(server.events) do
			if event[2] == player then list[#list + 1] = event[1] .. " " .. event[3] .. (event[4] and " from " .. event[4] or "") end
		end
		return list
	end
	kit.fence(server.client)
	-- It has begun by Redis's clock, so it reports players who join from now on.
	kit.wait("the first answer", function() return server.players.began end)
	return server
end

-- From now on it renews every so many seconds, and drops others after three times as long. It renews at once, to shorten its lease.
function world.hasten(server, interval)
	server.addon.presence_interval = interval
	server.players.presence.next, server.players.sync_at = 0, 0
	kit.wait("a renewal", function() return server.players.sync_at > 0 and not server.players.is_asking end)
end

function world.close(...)
	for _, server in ipairs({ ... }) do server.client:Disconnect() end
	kit.ticks(2)
end

-- Its process dies, without notice.
world.kill = world.close

-- Its Lua state ends normally.
function world.leave(server)
	server.end_state(server.addon)
	-- No further tick may renew its lease.
	for _, object in ipairs({ server.players, server.players.presence }) do server.addon.RemoveTask(object) end
	kit.command(server.client, { "PING" })
	world.close(server)
end

-- Waits until each of these servers reports the player there; nil: nowhere.
function world.where(player, where, ...)
	for _, server in ipairs({ ... }) do
		kit.wait(server.id .. " to know where " .. player .. " is", function() return server.players:Where(player) == where end)
	end
end

function world.told(server, player, want)
	kit.wait("events", function() return #server.told(player) >= #want end)
	kit.eq(server.told(player), want)
end

-- Calls a method that takes a callback last, and waits for it.
function world.done(server, method, ...)
	local got, arguments, count = kit.recorder(), { ... }, select("#", ...)
	arguments[count + 1] = got.fn
	assert(server.players[method](server.players, unpack(arguments, 1, count + 1)))
	kit.wait("the answer to " .. method, function() return #got > 0 end)
	local err, value = unpack(got[1], 1, 2)
	return istable(err) and err.code or err, value
end

-- Asks a player's server: the error's code and the answer.
function world.ask(server, id, name, data, seconds)
	local got = kit.recorder()
	assert(server.players:Ask(id, name, data, got.fn, seconds or kit.PATIENCE))
	kit.wait("the answer to " .. name, function() return #got > 0 end)
	local err, value = unpack(got[1], 1, 2)
	return err and err.code, value
end

return world
