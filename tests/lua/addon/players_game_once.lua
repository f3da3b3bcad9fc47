-- servers: real; redis: 5.0
-- realtime.Players with the game's own players and hooks: joins, late or missing confirmations, leaving at a bad moment, quick returns.

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")

local client = kit.connect()
local players = assert(realtime.Players(client, kit.unique("a")))
local here = players:Id()
local ID = "76561198000000001"
local function where(id, want)
	kit.wait(id .. " on " .. tostring(want), function() return players:Where(id) == want end)
end

-- Another server that claims him, too: it only runs the script.
local function claim(id)
	local script, key = file.Read("realtime/redis/players_claims.lua", "LUA"), "realtime:players:{players}:"
	local err, reply = kit.command(client, { "EVAL", script, 4, key .. "claims", key .. "leases", key .. "instances", key .. "waiting", "sync",
		realtime.RandomToken(), "elsewhere", 1, 60000, "here", 0, id, 1, 0, 0, "new" })
	assert(not err, tostring(err))
	kit.eq(#reply[4], 3)
end

host.test("who joins is here, and who leaves is not; bots never are", function()
	local bot = host.players.add({ bot = true })
	local alice = host.players.add({ name = "Alice", steamid64 = ID })
	where(ID, here)
	kit.eq((players:Where(alice)), here)
	kit.eq(#players:Find(""), 1)
	kit.eq({ players:Where(bot), players:Hold(bot) }, { nil, nil, "a bot is not registered" })
	for _, method in ipairs({ "Ask", "Post" }) do
		local accepted, refusal = players[method](players, bot, "x", 1, function() error("no bot") end)
		kit.eq({ accepted, refusal.code }, { false, "BOT" }, method)
	end
	host.players.leave(alice)
	where(ID, nil)
	host.players.leave(bot)
end)

host.test("who is confirmed late is here from then on; who is never is nobody, and leaves without a trace", function()
	local late = host.players.add({ name = "Late", steamid64 = ID, validated = false })
	local never = host.players.add({ name = "Never", steamid64 = "76561198000000002", validated = false })
	kit.wait("a look at both", function() return players.unvalidated == 2 end)
	kit.eq({ players:Where(late), players:Where(never), players:Hold(never) }, { nil, nil, nil, "the player is not on this server" })
	host.players.validate(late)
	where(ID, here)
	host.players.leave(never)
	host.players.leave(late)
	where(ID, nil)
	kit.eq(select(2, kit.command(client, { "HEXISTS", "realtime:players:{players}:claims", "76561198000000002" })), 0)
end)

host.test("who leaves in the middle of joining, and comes back at once, is here once", function()
	hook.Add("PlayerInitialSpawn", "test", function(ply)
		if ply:Nick() == "Kicked" then ply:Kick("not today") end
	end)
	host.players.add({ name = "Kicked", steamid64 = ID })
	kit.wait("his way out", function() return player.GetCount() == 0 end)
	hook.Remove("PlayerInitialSpawn", "test")
	where(ID, nil)
	for i = 1, 3 do
		local ply = host.players.add({ name = "Again " .. i, steamid64 = ID })
		if i < 3 then host.players.leave(ply) end
	end
	kit.wait("the last one", function() return players:Find("again 3")[1] end)
	kit.eq(#players:Find(""), 1)
	host.players.leave(player.GetBySteamID64(ID))
	where(ID, nil)
end)

host.test("who has joined another server is told here, and may be kicked; who is not confirmed is not told", function()
	local taken = kit.recorder()
	players:On("taken", "test", function(ply, server)
		taken.fn(ply, server)
		ply:Kick("You play on " .. server)
	end)
	local alice = host.players.add({ name = "Alice", steamid64 = ID })
	local impostor = host.players.add({ name = "Impostor", steamid64 = "76561198000000003", validated = false })
	where(ID, here)
	claim("76561198000000003")
	claim(ID)
	kit.wait("his way out", function() return host.players.seen(alice).left end)
	kit.eq({ taken, host.players.seen(alice).left }, { { { alice, "elsewhere" }, fn = taken.fn }, "You play on elsewhere" })
	kit.eq(host.players.seen(impostor).left, nil)
	-- Releasing him does not affect the other server.
	local told
	assert(players:Ask(ID, "x", nil, function(err) told = err.code end, 1))
	kit.wait("word", function() return told end)
	kit.eq(select(2, kit.command(client, { "HEXISTS", "realtime:players:{players}:claims", ID })), 1)
	host.players.leave(impostor)
end)

host.test("the console shows how many there are", function()
	local ply = host.players.add({ name = "Unconfirmed", validated = false })
	where(ID, nil)
	kit.wait("a look", function() return players.unvalidated == 1 end)
	RunConsoleCommand("realtime_status")
	local said = table.concat(host.console(), "\n")
	assert(said:find("    players        0 here, 0 on all servers; 1 here whom Steam has not confirmed", 1, true), said)
	host.players.leave(ply)
	client:Disconnect()
end)

host.test("a file that is saved five times leaves one of everything", function()
	saved = { client = kit.ready({ id = "saved" }), name = kit.unique("saved"), gifts = 0, joined = 0, saving = 0, jobs = 0 }
	local function there()
		local hooks = 0
		for _, list in pairs(hook.GetTable()) do hooks = hooks + table.Count(list) end
		local goodbyes = 0
		for _, list in pairs(realtime.addon.goodbyes) do goodbyes = goodbyes + table.Count(list) end
		return { hooks, goodbyes, saved.client:Stats().subscriptions }
	end
	include("_players_saved.lua")
	local once = there()
	for _ = 1, 4 do include("_players_saved.lua") end
	kit.eq(there(), once)
	local players, wallets = realtime.Players(saved.client, "saved"), realtime.Profiles(saved.name, saved.client, "saved")
	local ply, is_open, is_saved = host.players.add({ name = "Saver" }), false, false
	wallets:Open(ply, function(err)
		assert(not err, tostring(err))
		is_open = true
	end)
	kit.wait("him", function() return is_open and saved.joined == 1 end)
	players:Post(ply, "gift", 1)
	wallets:Save(ply, { 1 })
	saved.saving = 0
	wallets:Save(ply, function() is_saved = true end)
	kit.wait("it", function() return saved.gifts > 0 and is_saved and saved.jobs > 0 end)
	kit.ticks(10)
	kit.eq({ saved.gifts, saved.joined, saved.saving, saved.jobs }, { 1, 1, 1, 1 })
	host.players.leave(ply)
	saved.client:Disconnect()
	saved = nil
end)
