-- Mock players do as the game's.
local function same(got, wanted)
	if got ~= wanted then error(string.format("got %s, wanted %s", tostring(got), tostring(wanted)), 2) end
end

local log = {}
local function note(event, fn)
	hook.Add(event, "test", function(...)
		log[#log + 1] = event
		if fn then return fn(...) end
	end)
end
local function logged(wanted)
	same(table.concat(log, " "), wanted)
	log = {}
end
local ALICE = "76561198000000001"

host.test("a player joins: the hooks and events are the game's, in its order", function()
	note("CheckPassword", function(id64, address, _, typed, name)
		same(id64, ALICE)
		same(address:match("^127%.0%.0%.1:%d+$"), address)
		same(typed .. name, "secretAlice")
	end)
	note("PlayerConnect", function(name) same(name, "Alice") same(player.GetCount(), 0) end)
	note("player_connect", function(data) same(data.name .. data.networkid .. data.bot, "AliceSTEAM_0:1:198671360") end)
	note("NetworkIDValidated", function(name, id, owner) same(name .. id .. owner, "AliceSTEAM_0:1:19867136" .. ALICE) end)
	note("OnEntityCreated")
	note("PlayerAuthed", function(ply, id, unique) same(ply:SteamID() .. ply:UniqueID(), id .. unique) end)
	note("PlayerInitialSpawn", function(ply, transition) same(player.GetAll()[1], ply) same(transition, false) end)
	note("player_activate")
	note("PlayerSpawn")
	note("PlayerLoadout")
	note("player_spawn")
	for _, event in ipairs({ "player_connect", "player_activate", "player_spawn" }) do gameevent.Listen(event) end
	local alice = host.players.add({ name = "Alice", steamid64 = ALICE, password = "secret" })
	logged("CheckPassword PlayerConnect player_connect NetworkIDValidated OnEntityCreated PlayerAuthed PlayerInitialSpawn "
		.. "player_activate PlayerSpawn PlayerLoadout player_spawn")
	same(alice:IsFullyAuthenticated(), true)
	same(host.players.seen(alice).left, nil)
	for _, event in ipairs({ "CheckPassword", "PlayerConnect", "player_connect", "NetworkIDValidated", "PlayerAuthed", "PlayerInitialSpawn" }) do
		hook.Remove(event, "test")
	end
end)

host.test("a player is what the game's is", function()
	local alice = player.GetBySteamID64(ALICE)
	same(type(alice), "Player")
	same(TypeID(alice), TYPE_ENTITY)
	same(isentity(alice) and IsValid(alice) and alice:IsPlayer() and not alice:IsVehicle() and not alice:IsBot(), true)
	same(tostring(alice), "Player [1][Alice]")
	same(alice:Nick() .. alice:Name() .. alice:GetClass() .. alice:EntIndex(), "AliceAliceplayer1")
	same(alice:SteamID(), "STEAM_0:1:19867136")
	same(alice:SteamID64(), ALICE)
	same(alice:AccountID(), 39734273)
	same(getmetatable(alice), FindMetaTable("Player"))
	FindMetaTable("Player").Wave = function(self) return self:Nick() .. " waves" end
	same(alice:Wave(), "Alice waves")
	alice.score = 5
	same(alice.score, 5)
	same(alice:GetUserGroup(), "user")
	alice:SetUserGroup("superadmin")
	same(alice:IsSuperAdmin() and alice:IsAdmin() and alice:IsUserGroup("superadmin"), true)
	-- Steam's names of the largest account, too.
	for _, pair in ipairs({ { "STEAM_0:1:7099", "76561197960279927" }, { "STEAM_0:1:2147483647", "76561202255233023" } }) do
		same(util.SteamIDTo64(pair[1]), pair[2])
		same(util.SteamIDFrom64(pair[2]), pair[1])
	end
	same(util.SteamIDTo64("nobody") .. util.SteamIDFrom64("nobody"), "0STEAM_0:0:0")
end)

host.test("the library finds them", function()
	local alice, bot = player.GetBySteamID64(ALICE), player.CreateNextBot("Bot")
	local bob = host.players.add({ name = "Bob" })
	same(#player.GetAll() .. #player.GetHumans() .. #player.GetBots() .. player.GetCount(), "3213")
	same(player.GetBots()[1], bot)
	same(bot:IsBot() and bot:SteamID(), "BOT")
	same(player.GetBySteamID(alice:SteamID()), alice)
	same(player.GetBySteamID("STEAM_0:0:1"), false)
	same(player.GetBySteamID64("76561198999999999"), false)
	same(player.GetByAccountID(bob:AccountID()), bob)
	same(Player(bob:UserID()), bob)
	same(Player(99), NULL)
	same(Entity(bob:EntIndex()), bob)
	local found = {}
	for _, ply in player.Iterator() do found[#found + 1] = ply:Nick() end
	same(table.concat(found, " "), "Alice Bot Bob")
	host.players.leave(bot)
	host.players.leave(bob)
	log = {}
end)

host.test("who may not enter is no player; nor is one too many", function()
	hook.Add("CheckPassword", "test", function() return false, "not you" end)
	local ply, reason = host.players.add({ name = "Eve" })
	same(ply, nil)
	same(reason, "not you")
	hook.Remove("CheckPassword", "test")
	logged("")
	same(player.GetCount(), 1)
	for _ = 2, game.MaxPlayers() do assert(host.players.add({ bot = true })) end
	same(select(2, host.players.add()), "Server is full")
	for _, bot in ipairs(player.GetBots()) do host.players.leave(bot) end
	assert(not pcall(host.players.add, { steamid64 = ALICE }), "she is here already")
	assert(not pcall(host.players.add, { steamid64 = "5" }), "no SteamID64")
	log = {}
end)

host.test("Steam may validate him later", function()
	note("NetworkIDValidated", function(name) same(name, "Bob") end)
	local bob = host.players.add({ name = "Bob", validated = false })
	same(bob:IsFullyAuthenticated(), false)
	assert(not table.HasValue(log, "NetworkIDValidated"))
	host.players.validate(bob)
	same(bob:IsFullyAuthenticated() and log[#log], "NetworkIDValidated")
	hook.Remove("NetworkIDValidated", "test")
	host.players.leave(bob)
	log = {}
end)

host.test("he may have to wait until he spawns", function()
	local bob = host.players.add({ name = "Bob", spawned = false })
	same(bob:Alive(), false)
	assert(not table.HasValue(log, "PlayerSpawn"))
	bob:Spawn()
	same(bob:Alive(), true)
	assert(table.HasValue(log, "PlayerSpawn"))
	host.players.leave(bob)
	log = {}
end)

host.test("what he says is seen by all or by his team, as hooks let it", function()
	local alice, bob = player.GetBySteamID64(ALICE), host.players.add({ name = "Bob" })
	local eve = host.players.add({ name = "Eve" })
	team.SetUp(7, "Crew", Color(1, 2, 3))
	alice:SetTeam(7)
	bob:SetTeam(7)
	local events = {}
	gameevent.Listen("player_say")
	hook.Add("player_say", "test", function(data) events[#events + 1] = data.userid .. data.text .. data.teamonly end)
	host.players.say(alice, "hello")
	alice:Say("crew", true)
	hook.Add("PlayerSay", "test", function(ply, text, team_only)
		same(ply, alice)
		same(team_only, false)
		return text == "!secret" and "" or text:upper()
	end)
	host.players.say(alice, "!secret")
	host.players.command(alice, 'say "louder"')
	hook.Remove("PlayerSay", "test")
	same(table.concat(host.players.seen(bob).chat, "|"), "Alice: hello|(TEAM) Alice: crew|Alice: LOUDER")
	same(table.concat(host.players.seen(eve).chat, "|"), "Alice: hello|Alice: LOUDER")
	same(table.concat(events, "|"), "1hello0|1crew1|1LOUDER0")
	same(host.console()[#host.console()], "Alice: LOUDER")
	host.players.leave(eve, "")
	bob:ChatPrint("yours")
	PrintMessage(HUD_PRINTCENTER, "all of you")
	alice:PrintMessage(HUD_PRINTCONSOLE, "console")
	BroadcastLua("print(1)")
	same(host.players.seen(bob).chat[4] .. host.players.seen(bob).center[1] .. host.players.seen(bob).lua[1], "yoursall of youprint(1)")
	same(#host.players.seen(eve).center .. host.players.seen(alice).console[1], "0console")
end)

host.test("he is there until PlayerDisconnected is over; what a kick asks for comes with the next tick", function()
	local bob, was = player.GetAll()[2], nil
	log = {}
	note("PlayerDisconnected", function(ply) was = ply:Nick() .. player.GetCount() end)
	note("EntityRemoved", function(entity) same(entity:IsValid(), true) end)
	bob:Give("weapon_crowbar")
	log = {}
	bob:Kick("out")
	same(IsValid(bob), true)
	host.pass()
	same(was, "Bob2")
	logged("PlayerDisconnected EntityRemoved EntityRemoved") -- he, after what he carried
	same(host.players.seen(bob).left, "out")
	same(IsValid(bob), false)
	same(bob, NULL)
	assert(not pcall(bob.Nick, bob))
	same(player.GetCount(), 1)
end)

host.test("he types commands", function()
	local alice, got = player.GetBySteamID64(ALICE), nil
	concommand.Add("shout", function(ply, name, arguments, text)
		got = table.concat({ ply:Nick(), name, #arguments, arguments[2], text }, ",")
	end)
	host.players.command(alice, 'shout a "b c"')
	same(got, 'Alice,shout,2,b c,a "b c"')
	alice:ConCommand("shout x y")
	host.pass()
	same(got, "Alice,shout,2,y,x y")
end)

host.test("weapons, vehicles and deaths", function()
	local alice = player.GetBySteamID64(ALICE)
	local gun = alice:Give("weapon_357")
	same(type(gun), "Weapon")
	same(gun:IsWeapon() and gun:GetOwner(), alice)
	same(alice:Give("weapon_357"), NULL)
	alice:Give("weapon_crowbar")
	same(#alice:GetWeapons() .. alice:GetActiveWeapon():GetClass(), "2weapon_357")
	alice:SelectWeapon("weapon_crowbar")
	same(alice:GetActiveWeapon():GetClass(), "weapon_crowbar")
	alice:StripWeapon("weapon_crowbar")
	same(alice:HasWeapon("weapon_crowbar"), false)

	local jeep = ents.Create("prop_vehicle_jeep")
	same(type(jeep) .. jeep:EntIndex(), "Vehicle" .. game.MaxPlayers() + 2) -- behind the gun
	log = {}
	note("PlayerEnteredVehicle", function(ply, vehicle) same(vehicle, jeep) same(ply, alice) end)
	note("PlayerLeaveVehicle")
	alice:EnterVehicle(jeep)
	same(jeep:GetDriver() == alice and alice:GetVehicle(), jeep)
	alice:ExitVehicle()
	same(alice:InVehicle(), false)
	logged("PlayerEnteredVehicle PlayerLeaveVehicle")
	same(ents.FindByClass("prop_vehicle_*")[1], jeep)
	same(#ents.FindByClass("prop_vehicle_"), 0)
	jeep:Remove()
	same(IsValid(jeep), true)
	host.pass()
	same(IsValid(jeep), false)

	GAMEMODE = { PlayerLoadout = function(_, ply) ply:Give("weapon_pistol") end }
	note("PlayerDeath", function(victim, _, attacker) same(victim, attacker) same(victim:Alive(), false) end)
	alice:SetHealth(5)
	log = {}
	alice:Kill()
	same(#alice:GetWeapons() .. alice:Deaths(), "01")
	alice:Spawn()
	same(alice:Health(), 100)
	same(alice:GetActiveWeapon():GetClass(), "weapon_pistol")
end)

host.test("values that all clients see", function()
	local alice = player.GetBySteamID64(ALICE)
	for _, version in ipairs({ "", "2" }) do
		local set, get = _G["SetGlobal" .. version .. "Int"], _G["GetGlobal" .. version .. "Int"]
		same(get("x"), 0)
		same(get("x", 5), 5)
		set("x", 7.9)
		same(get("x", 5), 7)
		same(_G["GetGlobal" .. version .. "String"]("x", "none"), "none")
		same(_G["GetGlobal" .. version .. "Var"]("x"), 7)
		assert(not pcall(set, "x", "7"))
		alice["SetNW" .. version .. "Bool"](alice, "vip", true)
		same(alice["GetNW" .. version .. "Bool"](alice, "vip"), true)
		same(alice["GetNW" .. version .. "Entity"](alice, "friend"), NULL)
	end
	same(GetGlobalInt("y"), 0)
	same(team.NumPlayers(7) .. team.GetName(7), "1Crew")
	same(team.GetColor(7), Color(1, 2, 3))
	team.AddScore(7, 3)
	same(team.GetScore(7), 3)
	same(team.GetColor(99), Color(255, 255, 100))
	same(team.BestAutoJoinTeam(), 7)
end)

host.test("a server with players does not hibernate", function()
	host.hibernate(true)
	host.players.leave(host.players.add())
	local thinks = 0
	hook.Add("Think", "test", function() thinks = thinks + 1 end)
	host.wait(function() return thinks > 0 end, 10, "the server's Think")
end)

host.test("a hook that raises is reported, and the player joins", function()
	hook.Add("PlayerInitialSpawn", "test", function() error("no luck") end)
	host.expect_errors(1)
	local bob = host.players.add({ name = "Bob" })
	same(IsValid(bob) and bob:Alive(), true)
	assert(host.errors()[1]:find("no luck", 1, true), host.errors()[1])
end)
