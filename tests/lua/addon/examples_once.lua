-- servers: fake, real
-- The examples of lua/examples do what they say. This server is "hub"; another client stands for another server.

if host.map_number == 1 then
	-- A short queue: the tests can fill it.
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "hub", "options": { "queue_events": 50 } }', host.redis_url))
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local stand_ins = include("_stand_ins.lua")
local entity, NOTHING = stand_ins.entity, stand_ins.NOTHING

local chat = {}
local function somebody(name, id)
	return {
		IsValid = function() return true end, Nick = function() return name end, SteamID64 = function() return id end,
		GetUserGroup = function() return "vip" end, Team = function() return 7 end, ChatPrint = function(_, text) chat[#chat + 1] = text end,
		IsPlayer = function() return true end,
		PrintMessage = function(_, kind, text) kit.eq(kind, HUD_PRINTTALK) chat[#chat + 1] = text end,
	}
end
local alice = somebody("Alice", "76561198000000001")
function player.GetAll() return { alice } end

local function example(name)
	chat = {}
	include("../../../lua/examples/" .. name .. ".lua")
	kit.subscribe(realtime.Default(), kit.unique("fence"), function() end)
end

-- More messages than the queue has room for, after a look at what is before.
local function overflow(before)
	local client, channel = realtime.Default(), kit.unique("flood")
	kit.subscribe(client, channel, function() end)
	before()
	local stats = client:Stats()
	for i = 1, 500 do host.server.publish(channel, tostring(i)) end
	kit.block_until("the flood", function() return client:Stats().received >= stats.received + 500 end)
	kit.wait("word of it", function() return client:Stats().dropped > stats.dropped end)
	client:Unsubscribe(channel)
end

local other = kit.connect({ id = "other" })
local others = realtime.Tables(other, "ttt-2")

host.test("chat_bridge", function()
	local shown = stand_ins.network()
	SERVER, CLIENT = false, true
	include("../../../lua/examples/chat_bridge.lua")
	SERVER, CLIENT = true, false
	example("chat_bridge")
	local heard = kit.recorder()
	others:Subscribe("chat", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	hook.Run("PlayerSay", alice, "for my team", true)
	hook.Run("PlayerSay", alice, "hello", false)
	kit.wait("the line there", function() return #heard == 1 end)
	local line = { id = "76561198000000001", name = "Alice", rank = "vip", color = { 255, 160, 0 }, text = "hello" }
	kit.eq(heard[1], { line, "hub", "chat" })
	others:Publish("chat", "no table")
	others:Publish("chat", { name = "Bob", rank = "admin", color = { 1, 2, 3 }, text = "hi" })
	others:Publish("chat", { name = "Web", text = "hi, too" })
	kit.wait("the answers here", function() return #shown == 2 end)
	kit.eq(shown[1], { color_white, "[ttt-2] (admin) ", Color(1, 2, 3), "Bob", color_white, ": hi" })
	kit.eq(shown[2], { color_white, "[ttt-2] ", color_white, "Web", color_white, ": hi, too" })
end)

host.test("shared_bans", function()
	local key = "76561198000000007"
	kit.command(other, { "DEL", "bans" })
	kit.command(other, { "HSET", "bans", key, realtime.Encode({ reason = "old", expires = 0 }, "ttt-2") })
	example("shared_bans")
	local function answer(id) return { hook.Run("CheckPassword", id) } end
	kit.wait("the one from before", function() return answer(key)[1] == false end)
	kit.eq(answer(key), { false, "You are banned: old" })
	kit.eq(answer("76561198000000001"), {})
	SharedBans.Add("76561198000000001", 3600, "cheats")
	kit.wait("the new one", function() return answer("76561198000000001")[1] == false end)
	SharedBans.Add("76561198000000002", 1, "for a second")
	kit.wait("its end", function() return answer("76561198000000002")[1] == nil end)
	SharedBans.Remove("76561198000000001")
	kit.wait("the pardon", function() return answer("76561198000000001")[1] == nil end)
	-- What happens elsewhere while this server hears nothing.
	kit.command(other, { "HDEL", "bans", key })
	kit.command(other, { "HSET", "bans", "76561198000000009", realtime.Encode({ reason = "unheard", expires = 0 }, "ttt-2") })
	kit.eq(answer(key)[1], false)
	host.server.drop()
	kit.wait("it is read again", function() return answer("76561198000000009")[1] == false and answer(key)[1] == nil end)
	-- What its queue had no room for: the message about this change is as lost as those that fill it.
	kit.command(other, { "HSET", "bans", key, realtime.Encode({ reason = "dropped", expires = 0 }, "ttt-2") })
	overflow(function() kit.eq(answer(key), {}) end)
	kit.wait("it is read again", function() return answer(key)[1] == false end)
	-- The connection breaks behind the ban, before its answer: the others hear of it all the same.
	if host.server.kind() == "fake" then
		local told = kit.recorder()
		others:Subscribe("bans.changed", told.fn)
		kit.subscribe(other, kit.unique("fence"), function() end)
		local reconnects = realtime.Default():Stats().reconnects
		host.fake.on_next("exec", "run_then_close") -- ban and word are one command
		SharedBans.Add("76561198000000003", 0, "without an answer")
		kit.wait("word of it", function() return told[1] and told[1][1] == "76561198000000003" end)
		kit.wait("the break", function() return realtime.Default():Stats().reconnects > reconnects end)
		others:Unsubscribe("bans.changed")
	end
	kit.command(other, { "DEL", "bans" })
end)

-- MySQL as mysqloo shows it: answers come later, in the order of the questions.
local function fake_mysql()
	local rows, db = {}, { failing = true, attempts = 0 }
	local function find(id)
		for i, row in ipairs(rows) do if row.steamid == id then return i, row end end
	end
	local function run(sql, values)
		local id = values[1]
		if sql:find("^DELETE") then table.remove(rows, find(id)) return {} end
		if sql:find("^REPLACE") then
			table.insert(rows, { steamid = id, reason = values[2], expires = values[3] })
			return {}
		end
		if isstring(id) then return { table.Copy(select(2, find(id)) or nil) } end
		return table.Copy(rows)
	end
	function db:connect() self.attempts = self.attempts + 1 end
	function db:prepare(sql)
		local question, values = {}, {}
		function question:setString(i, value) assert(isstring(value)) values[i] = value end
		function question:setNumber(i, value) assert(isnumber(value)) values[i] = value end
		function question:start()
			timer.Simple(0, function()
				if db.failing then return self:onError("it is away", sql) end
				self:onSuccess(run(sql, values))
			end)
		end
		return question
	end
	mysqloo, package.loaded.mysqloo = { connect = function() return db end }, true
	local is_installed = util.IsBinaryModuleInstalled
	function util.IsBinaryModuleInstalled(name) return name == "mysqloo" or is_installed(name) end
	return db, rows
end

host.test("database_bans", function()
	example("database_bans")
	kit.eq({ DatabaseBans, host.console()[#host.console()] }, { nil, "[database_bans] mysqloo is not installed" })
	hook.Remove("CheckPassword", "shared_bans")
	local db, rows = fake_mysql()
	rows[1] = { steamid = "76561198000000007", reason = "old", expires = 0 }
	example("database_bans")
	local function reason(id) return select(2, hook.Run("CheckPassword", "7656119800000000" .. id)) end
	kit.wait("`ready` comes first", function() return host.console()[#host.console()] == "[database_bans] it is away" end)
	db:onConnectionFailed("refused")
	timer.Adjust("database_bans_connect", 0)
	kit.wait("one more attempt", function() return db.attempts == 2 end)
	db.failing = false
	db:onConnected()
	kit.wait("the one from before", function() return reason(7) == "You are banned: old" end)
	kit.eq(reason(1), nil)
	local told = kit.recorder()
	others:Subscribe("bans.changed", told.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	DatabaseBans.Add("76561198000000001", 3600, "cheats")
	kit.wait("the new one", function() return reason(1) == "You are banned: cheats" end)
	DatabaseBans.Add("76561198000000002", 0, "for ever")
	kit.wait("one for ever", function() return reason(2) == "You are banned: for ever" end)
	rows[#rows + 1] = { steamid = "76561198000000003", reason = "over", expires = os.time() - 1 }
	DatabaseBans.Remove("76561198000000001")
	kit.wait("the pardon", function() return not reason(1) and #told == 3 end)
	kit.eq(told[3], { "76561198000000001", "hub", "bans.changed" })
	-- A web site's change, and its message as the example's head has it.
	rows[#rows + 1] = { steamid = "76561198000000004", reason = "by the web", expires = 0 }
	host.server.publish("bans.changed", '{"from":"web","data":"76561198000000004"}')
	kit.wait("the web's", function() return reason(4) == "You are banned: by the web" end)
	-- Changes without a message, at `ready` and at `dropped`.
	rows[#rows + 1] = { steamid = "76561198000000005", reason = "unheard", expires = 0 }
	kit.ticks(3)
	kit.eq(reason(5), nil)
	host.server.drop()
	kit.wait("it is read again", function() return reason(5) end)
	kit.eq(reason(3), nil)
	table.remove(rows, 1)
	overflow(function() kit.eq(reason(7), "You are banned: old") end)
	kit.wait("it is read again", function() return not reason(7) end)
	-- MySQL is away: the copy counts, until the next attempt.
	db.failing = true
	local lines = #host.console()
	overflow(function() end)
	kit.wait("the complaint", function() return table.concat(host.console(), "\n", lines + 1):find("it is away", 1, true) end)
	kit.eq(reason(5), "You are banned: unheard")
	db.failing, rows[#rows] = false, nil
	timer.Adjust("database_bans", 0)
	kit.wait("it is read again", function() return not reason(5) end)
	-- Redis is away when somebody is banned: the others hear of it when it is back.
	if host.server.kind() == "fake" then
		local count = #told
		host.fake.on_next("publish", "close")
		DatabaseBans.Add("76561198000000008", 0, "without Redis")
		kit.wait("word of it", function() return #told > count end)
		kit.eq(told[#told][1], "76561198000000008")
	end
end)

host.test("kill_feed", function()
	example("kill_feed")
	local heard = kit.recorder()
	others:Subscribe("kills.hub", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	local bob = somebody("Bob", "76561198000000002")
	bob.GetActiveWeapon = function() return entity("weapon_357", 7) end
	hook.Run("PlayerDeath", alice, bob, bob) -- with what he holds
	hook.Run("PlayerDeath", alice, entity("npc_grenade_frag", 8), bob)
	hook.Run("PlayerDeath", alice, alice, alice) -- by herself
	hook.Run("PlayerDeath", alice, NOTHING, NOTHING) -- the world
	hook.Run("PlayerDeath", alice, entity("npc_zombie", 9), entity("npc_zombie", 9))
	kit.wait("five deaths", function() return #heard == 5 end)
	local kills = {}
	for i, kill in ipairs(heard) do kills[i] = kill[1] end
	kit.eq(kills, {
		{ victim = "Alice", attacker = "Bob", weapon = "weapon_357" },
		{ victim = "Alice", attacker = "Bob", weapon = "npc_grenade_frag" },
		{ victim = "Alice" },
		{ victim = "Alice" },
		{ victim = "Alice", attacker = "npc_zombie", weapon = "npc_zombie" },
	})
	kit.eq({ heard[1][2], heard[1][3] }, { "hub", "kills.hub" })
	others:Publish("kills.ttt-2", { victim = 5 })
	others:Publish("kills.ttt-2", { victim = "Carol", attacker = "Dave", weapon = "weapon_crowbar" })
	others:Publish("kills.ttt-2", { victim = "Erin" })
	kit.wait("theirs", function() return #chat == 2 end)
	kit.eq(chat, { "[ttt-2] Dave killed Carol (weapon_crowbar)", "[ttt-2] Erin died" }) -- and none of this server's own
end)

host.test("vehicle_events", function()
	example("vehicle_events")
	local heard, elsewhere = kit.recorder(), kit.recorder()
	others:PSubscribe("vehicle.*", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	hook.Add("VehicleElsewhere", "test", elsewhere.fn)
	local jeep = entity("prop_vehicle_jeep", 64)
	hook.Run("PlayerSpawnedVehicle", alice, jeep)
	hook.Run("PlayerEnteredVehicle", alice, jeep, 0)
	hook.Run("PlayerLeaveVehicle", alice, jeep)
	hook.Run("EntityRemoved", entity("prop_physics", 65))
	hook.Run("EntityRemoved", jeep)
	kit.wait("four events", function() return #heard == 4 end)
	local with = { vehicle = 64, class = "prop_vehicle_jeep", player = "76561198000000001", name = "Alice" }
	for i, event in ipairs({ "spawned", "entered", "left" }) do
		kit.eq(heard[i], { with, "hub", "vehicle." .. event, "vehicle.*" })
	end
	kit.eq(heard[4], { { vehicle = 64, class = "prop_vehicle_jeep" }, "hub", "vehicle.removed", "vehicle.*" })
	local airboat = { vehicle = 3, class = "prop_vehicle_airboat", player = "76561198000000002", name = "Bob" }
	others:Publish("vehicle.entered", { "no vehicle" })
	others:Publish("vehicle.entered", airboat)
	kit.wait("theirs", function() return #elsewhere == 1 end)
	kit.eq(elsewhere, { { "entered", airboat, "ttt-2" }, fn = elsewhere.fn }) -- and none of this server's own
	assert(table.concat(host.console(), "\n"):find("[ttt-2] prop_vehicle_airboat entered by Bob", 1, true), "the line")
end)

host.test("handoff: here", function()
	example("handoff")
	local requests = realtime.Requests(other, "ttt-2")
	kit.subscribe(other, kit.unique("fence"), function() end)
	local asked, say = kit.recorder(), nil
	requests:Answer("handoff", function(guest, from, reply)
		asked.fn(guest, from)
		reply(say, true)
	end)
	local sent = {}
	alice.SendLua = function(_, code) sent[#sent + 1] = code end
	alice.Health, alice.Armor = function() return 70 end, function() return 15 end
	alice.GetWeapons = function() return { entity("weapon_crowbar", 5), entity("weapon_357", 6) } end
	Handoff.Send(alice, "ttt-2")
	kit.wait("her way", function() return #sent == 1 end)
	kit.eq(sent, { 'permissions.AskToConnect("203.0.113.5:27016")' })
	kit.eq(asked[1], { { id = "76561198000000001", health = 70, armor = 15, weapons = { "weapon_crowbar", "weapon_357" } }, "hub" })
	say = { code = "FULL" }
	Handoff.Send(alice, "ttt-2")
	kit.wait("no seat", function() return #chat == 1 end)
	requests:Answer("handoff", nil)
	Handoff.Send(alice, "ttt-2")
	kit.wait("no such request", function() return #chat == 2 end)
	realtime.Tables(other, "ttt-2"):Unsubscribe("realtime:requests:ttt-2", "realtime.Requests")
	kit.subscribe(other, kit.unique("fence"), function() end)
	Handoff.Send(alice, "ttt-2")
	kit.wait("nobody there", function() return #chat == 3 end)
	Handoff.Send(alice, "ttt-3")
	Handoff.Send(alice, "hub")
	kit.eq(chat, { "ttt-2 is full.", "ttt-2 does not answer, try later.", "ttt-2 is down.", "There is no way to ttt-3.",
		"There is no way to hub." })
	kit.eq({ #sent, #asked }, { 1, 2 })
end)

host.test("handoff: over there", function()
	example("handoff")
	local requests, real = realtime.Requests(other, "ttt-3"), { SysTime, game.MaxPlayers }
	kit.subscribe(other, kit.unique("fence"), function() end)
	local function ask(guest)
		local answers = kit.recorder()
		requests:Ask("hub", "handoff", guest, answers.fn)
		kit.wait("the answer", function() return #answers == 1 end)
		return answers[1][1] and answers[1][1].code, answers[1][2]
	end
	local function guest(id) return { id = id, health = 5000, armor = 15, weapons = { "weapon_crowbar", 7, "weapon_357" } } end
	local function come(id)
		local got, ply = {}, somebody("Bob", id)
		ply.GetMaxHealth = function() return 100 end
		ply.SetHealth, ply.SetArmor = function(_, n) got.health = n end, function(_, n) got.armor = n end
		ply.Give = function(_, class) got[#got + 1] = class end
		return hook.Run("PlayerLoadout", ply), got
	end
	game.MaxPlayers = function() return 1 end
	kit.eq({ ask(guest("76561198000000002")) }, { nil, true })
	kit.eq({ ask(guest("76561198000000002")) }, { nil, true }, "his own seat")
	kit.eq({ ask(guest("76561198000000003")) }, { "FULL" })
	for _, missing in ipairs({ "id", "health", "armor", "weapons" }) do
		local incomplete = guest("76561198000000003")
		incomplete[missing] = nil
		kit.eq({ ask(incomplete) }, { "ERROR" }, "without " .. missing)
	end
	kit.eq({ come("76561198000000004") }, { nil, {} }, "somebody else")
	kit.eq({ come("76561198000000002") }, { true, { "weapon_crowbar", "weapon_357", health = 100, armor = 15 } })
	kit.eq({ come("76561198000000002") }, { nil, {} }, "his second life")
	-- Who does not come in time gets nothing, and blocks nobody.
	kit.eq({ ask(guest("76561198000000002")) }, { nil, true })
	SysTime = function() return real[1]() + 121 end
	kit.eq({ come("76561198000000002") }, { nil, {} }, "late")
	SysTime = real[1]
	kit.eq({ ask(guest("76561198000000003")) }, { nil, true })
	game.MaxPlayers = real[2]
end)

host.test("player_counts", function()
	realtime.addon.presence_interval = 1000 -- nothing comes by itself
	local shown, playing, get_count = {}, 0, player.GetCount
	function SetGlobal2Int(name, value) shown[name] = value end
	function player.GetCount() return playing end -- of the one host, so of both servers
	example("player_counts")
	local there, told = realtime.Presence(other, "ttt-2"), kit.recorder()
	there:On("changed", told.fn)
	kit.wait("they know each other", function() return there:Server("hub") and shown["players:ttt-2"] end)
	kit.eq({ shown["players:ttt-2"], shown.players }, { 0, 0 })
	playing = 3
	hook.Run("PlayerInitialSpawn", alice)
	kit.wait("it is told at once", function() return #told >= 1 and told[#told][1].players == 3 end)
	kit.wait("its own", function() return shown["players:hub"] == 3 end)
	there:Set("anything", 1) -- what such a hook does there
	kit.wait("the other's", function() return shown["players:ttt-2"] == 3 and shown.players == 6 end)
	hook.Run("PlayerDisconnected", alice)
	playing = 2 -- who leaves is counted until the hook is over
	kit.wait("one less", function() return told[#told][1].players == 2 and shown["players:hub"] == 2 end)
	kit.eq(hook.Run("PlayerSay", alice, "!servers", false), "")
	kit.eq(chat, { "hub: 2 of 16 on gm_construct (here)", "ttt-2: 3 of 16 on gm_construct" })
	there:Stop()
	kit.wait("it has left", function() return shown["players:ttt-2"] == -1 end)
	kit.eq(shown.players, 2)
	player.GetCount = get_count
end)

host.test("shop", function()
	kit.wait("the other one's connection", function() return other:IsConnected() end)
	kit.command(other, { "SET", "shop:stock:crowbar", 2 })
	example("shop")
	local sold = {}
	for _ = 1, 3 do Shop.Buy(alice, "crowbar", function(item) sold[#sold + 1] = item end) end
	kit.wait("three answers", function() return #chat == 3 end)
	kit.eq(sold, { "crowbar", "crowbar" })
	kit.eq(chat, { "You bought a crowbar.", "You bought a crowbar.", "Sold out: no crowbar is left" })
	kit.wait("the stock is put right", function()
		local _, left = kit.command(other, { "GET", "shop:stock:crowbar" })
		return left == "0"
	end)
	local answers = kit.recorder()
	local asker = realtime.Requests(other, "ttt-2")
	asker:Ask("hub", "shop.buy", { nothing = true }, answers.fn)
	kit.wait("the refusal", function() return #answers == 1 end)
	kit.eq(answers[1][1].message, "an order needs an item")
	-- Its server is away.
	realtime.Tables():Unsubscribe("realtime:requests:hub", "realtime.Requests")
	kit.wait("the end of its subscription", function() return select(2, kit.publish(other, "realtime:requests:hub", "")) == 0 end)
	chat = {}
	Shop.Buy(alice, "crowbar", function() error("nobody sold this") end)
	kit.wait("the message", function() return #chat == 1 end)
	kit.eq(chat, { "The shop is closed: its server is down." })
end)

host.test("web_bridge", function()
	example("web_bridge")
	local heard = kit.recorder()
	other:Subscribe("web.from_game", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	hook.Run("PlayerSay", alice, 'a "quoted" line', false)
	kit.wait("what the web gets", function() return #heard == 1 end)
	local seen = util.JSONToTable(heard[1][1])
	kit.eq({ seen.from, seen.data }, { "hub", { steamid = "76561198000000001", name = "Alice", text = 'a "quoted" line' } })
	chat = {}
	host.server.publish("web.to_game", '{"from":"discord","data":{"user":"Bob","text":"5"}}')
	host.server.publish("web.to_game", '{"from":"discord","data":{"user":"Bob","text":["no","text"]}}')
	host.server.publish("web.to_game", '{"from":"discord","data":{"user":"Bob","text":"' .. ("long\\n"):rep(100) .. '"}}')
	kit.wait("two lines", function() return #chat == 2 end)
	kit.eq(chat, { "[discord] Bob: 5", "[discord] Bob: " .. ("long "):rep(40) })
end)
