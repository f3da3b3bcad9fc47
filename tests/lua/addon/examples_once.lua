-- servers: fake, real
-- The examples of lua/examples work as described, whatever others publish.

local world = include("_examples.lua")
if not world then return end
local kit = include("../_kit.lua")
local alice, other, others = world.alice, world.other, world.others

host.test("chat_bridge", function()
	host.players.client(alice, function() include("../../../lua/examples/chat_bridge.lua") end)
	world.example("chat_bridge")
	-- The lines of her game, without those of this server's chat.
	local function shown()
		local lines = {}
		for _, parts in ipairs(host.players.seen(alice).chat_parts) do
			if parts then lines[#lines + 1] = parts end
		end
		return lines
	end
	local heard = kit.recorder()
	others:Subscribe("chat", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	host.players.say(alice, "for my team", true)
	host.players.say(alice, "hello")
	kit.wait("the line there", function() return #heard == 1 end)
	local line = { id = "76561198000000001", name = "Alice", rank = "vip", color = { 255, 160, 0 }, text = "hello" }
	kit.eq(heard[1], { line, "hub", "chat" })
	others:Publish("chat", "no table")
	others:Publish("chat", { name = "Bob", rank = "admin", color = { 1, 2, 3 }, text = "hi" })
	others:Publish("chat", { name = "Web", text = "hi, too" })
	kit.wait("the answers here", function() return #shown() == 2 end)
	kit.eq(shown()[1], { color_white, "[ttt-2] (admin) ", Color(1, 2, 3), "Bob", color_white, ": hi" })
	kit.eq(shown()[2], { color_white, "[ttt-2] ", color_white, "Web", color_white, ": hi, too" })
	-- Wrong types, control characters, length, invalid colours; then more lines than allowed in a second.
	for _, line in ipairs({ { name = 5, text = "x" }, { name = "x", text = { "x" } }, { name = "x" }, { text = "x" } }) do
		others:Publish("chat", line)
	end
	others:Publish("chat", { name = ("\27"):rep(500), rank = ("\n"):rep(500), color = { 1e9, -5, "x" }, text = ("a\n"):rep(500) })
	others:Publish("chat", { name = "Bob", rank = { "vip" }, color = 5, text = "hi" })
	kit.wait("the cut line", function() return #shown() == 4 end)
	kit.eq(shown()[3], { color_white, "[ttt-2] (" .. (" "):rep(32) .. ") ", Color(255, 0, 255), (" "):rep(64), color_white,
		": " .. ("a "):rep(128):sub(1, 255) })
	kit.eq(shown()[4], { color_white, "[ttt-2] ", color_white, "Bob", color_white, ": hi" })
	world.at_one_moment(function()
		for i = 1, 30 do others:Publish("chat", { name = "Bob", text = tostring(i) }) end
		world.settle()
	end)
	kit.ticks(2) -- until the broadcast has arrived
	kit.eq(#shown(), 4 + 10)
end)

host.test("kill_feed", function()
	world.example("kill_feed")
	local heard = kit.recorder()
	others:Subscribe("kills.hub", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	local bob, world_itself, zombie = host.players.add({ name = "Bob" }), game.GetWorld(), ents.Create("npc_zombie")
	bob:Give("weapon_357")
	hook.Run("PlayerDeath", alice, bob, bob) -- with the weapon in his hands
	hook.Run("PlayerDeath", alice, ents.Create("npc_grenade_frag"), bob)
	alice:Kill() -- by herself
	hook.Run("PlayerDeath", alice, world_itself, world_itself)
	hook.Run("PlayerDeath", alice, zombie, zombie)
	alice:Spawn()
	host.players.leave(bob)
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
	kit.wait("theirs", function() return #world.chat() == 2 end)
	kit.eq(world.chat(), { "[ttt-2] Dave killed Carol (weapon_crowbar)", "[ttt-2] Erin died" }) -- and none of this server's own
	others:Publish("kills.ttt-2", { victim = ("\n"):rep(500), attacker = ("\27"):rep(500), weapon = { "x" } })
	others:Publish("kills.ttt-2", { victim = "Erin", attacker = { "x" }, weapon = ("\27"):rep(500) })
	others:Publish("kills.ttt-2", { victim = "Erin", attacker = "Dave", weapon = ("\27"):rep(500) })
	others:Publish("kills.ttt-2", { victim = ("Erin"):rep(500) })
	kit.wait("the cut lines", function() return #world.chat() == 6 end)
	local blank = (" "):rep(64)
	kit.eq({ world.chat()[3], world.chat()[4], world.chat()[5], world.chat()[6] }, {
		"[ttt-2] " .. blank .. " killed " .. blank .. " (?)", "[ttt-2] Erin died", "[ttt-2] Dave killed Erin (" .. blank .. ")",
		"[ttt-2] " .. ("Erin"):rep(16) .. " died",
	})
	world.at_one_moment(function()
		for _ = 1, 30 do others:Publish("kills.ttt-2", { victim = "Erin" }) end
		world.settle()
	end)
	kit.eq(#world.chat(), 6 + 10)
end)

host.test("vehicle_events", function()
	world.example("vehicle_events")
	local heard, elsewhere = kit.recorder(), kit.recorder()
	others:PSubscribe("vehicle.*", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	hook.Add("VehicleElsewhere", "test", elsewhere.fn)
	local jeep, crate = ents.Create("prop_vehicle_jeep"), ents.Create("prop_physics")
	local index = jeep:EntIndex()
	hook.Run("PlayerSpawnedVehicle", alice, jeep)
	alice:EnterVehicle(jeep)
	alice:ExitVehicle()
	crate:Remove()
	jeep:Remove()
	kit.wait("four events", function() return #heard == 4 end)
	local with = { vehicle = index, class = "prop_vehicle_jeep", player = "76561198000000001", name = "Alice" }
	for i, event in ipairs({ "spawned", "entered", "left" }) do
		kit.eq(heard[i], { with, "hub", "vehicle." .. event, "vehicle.*" })
	end
	kit.eq(heard[4], { { vehicle = index, class = "prop_vehicle_jeep" }, "hub", "vehicle.removed", "vehicle.*" })
	local airboat = { vehicle = 3, class = "prop_vehicle_airboat", player = "76561198000000002", name = "Bob" }
	others:Publish("vehicle.entered", { "no vehicle" })
	others:Publish("vehicle.entered", airboat)
	kit.wait("theirs", function() return #elsewhere == 1 end)
	kit.eq(elsewhere, { { "entered", airboat, "ttt-2" }, fn = elsewhere.fn }) -- and none of this server's own
	assert(table.concat(host.console(), "\n"):find("[ttt-2] prop_vehicle_airboat entered by Bob", 1, true), "the line")
	-- Unknown events and classes, fields of wrong types or lengths, and a surplus field.
	others:Publish("vehicle.\27[31m", airboat)
	others:Publish("vehicle.sold", airboat)
	for _, class in ipairs({ 5, "", "a b", "\27[31m", ("a"):rep(65) }) do others:Publish("vehicle.entered", { class = class }) end
	others:Publish("vehicle.entered", { class = "jeep", vehicle = "3", player = "\n", name = { "Bob" }, more = ("x"):rep(1000) })
	others:Publish("vehicle.entered", { class = "jeep", player = 5, name = ("\27\194\155"):rep(500) })
	kit.wait("what is left of them", function() return #elsewhere == 3 end)
	kit.eq(elsewhere[2], { "entered", { class = "jeep" }, "ttt-2" })
	kit.eq(elsewhere[3], { "entered", { class = "jeep", name = (" \194\155"):rep(22):sub(1, 64) }, "ttt-2" })
	world.flood(function() others:Publish("vehicle.entered", airboat) end)
	kit.eq(#elsewhere, 3 + 10)
	world.console_is_clean()
end)

host.test("player_counts", function()
	realtime.addon.presence_interval = 1000 -- no announcement comes by itself
	local function shown(server) return GetGlobal2Int(server and "players:" .. server or "players", -100) end
	world.example("player_counts")
	local there, told = realtime.Presence(other, "ttt-2"), kit.recorder()
	there:On("changed", told.fn)
	kit.wait("they know each other", function() return there:Server("hub") and shown("ttt-2") >= 0 end)
	kit.eq({ shown("ttt-2"), shown() }, { 1, 2 }) -- Alice, who is on the one host, and so on both servers
	host.players.add({ name = "Bob" })
	local carol = host.players.add({ name = "Carol" })
	kit.wait("it is told at once", function() return #told >= 1 and told[#told][1].players == 3 end)
	kit.wait("its own", function() return shown("hub") == 3 end)
	kit.wait("the other's", function() return shown("ttt-2") == 3 and shown() == 6 end)
	host.players.leave(carol) -- a leaving player counts until the hook is over
	kit.wait("one less", function() return told[#told][1].players == 2 and shown("hub") == 2 end)
	kit.wait("the other's, too", function() return shown("ttt-2") == 2 end)
	host.players.say(alice, "!servers")
	kit.eq(world.chat(), { "hub: 2 of 16 on gm_construct (here)", "ttt-2: 2 of 16 on gm_construct" })
	there:Stop()
	kit.wait("it has left", function() return shown("ttt-2") == -1 end)
	kit.eq(shown(), 2)
	-- A sender with an unknown name gets no global and no line; one with a known name gets a limited number.
	local function spoof(id, ask)
		realtime.Tables(other, id):Publish("realtime:presence", {
			instance = ("ab"):rep(32), map = "gm_\27[31m" .. ("x"):rep(500), players = 1000, bots = 0, max_players = 1000, name = "",
			fields = {}, ask = ask,
		})
	end
	for i = 1, 20 do spoof("evil-" .. i) end
	spoof("ttt-1")
	kit.wait("the known name", function() return shown("ttt-1") >= 0 end)
	kit.eq({ shown(), shown("hub"), shown("ttt-1"), shown("ttt-2") }, { 2 + 128, 2, 128, -1 })
	for i = 1, 20 do kit.eq(shown("evil-" .. i), -100) end
	world.forget_chat()
	host.players.say(alice, "!servers")
	kit.eq(#world.chat(), 2)
	assert(world.chat()[2]:find("^ttt%-1: 128 of 128 on gm_[%w_?-]+$") and #world.chat()[2] < 100, world.chat()[2])
end)

host.test("shop", function()
	kit.wait("the other one's connection", function() return other:IsConnected() end)
	kit.command(other, { "SET", "shop:stock:crowbar", 2 })
	world.example("shop")
	local sold = {}
	for _ = 1, 3 do Shop.Buy(alice, "crowbar", function(item) sold[#sold + 1] = item end) end
	kit.wait("three answers", function() return #world.chat() == 3 end)
	kit.eq(sold, { "crowbar", "crowbar" })
	kit.eq(world.chat(), { "You bought a crowbar.", "You bought a crowbar.", "Sold out: no crowbar is left" })
	kit.wait("the stock is put right", function()
		local _, left = kit.command(other, { "GET", "shop:stock:crowbar" })
		return left == "0"
	end)
	local answers = kit.recorder()
	local asker = realtime.Requests(other, "ttt-2")
	local orders = {
		{ nothing = true }, { item = { "crowbar" }, buyer = "76561198000000001" }, { item = "tank", buyer = "76561198000000001" },
		{ item = "crowbar" }, { item = "crowbar", buyer = 5 }, { item = "crowbar", buyer = "76561198000000001\n[realtime] forged" },
	}
	for _, order in ipairs(orders) do asker:Ask("hub", "shop.buy", order, answers.fn) end
	kit.wait("the refusals", function() return #answers == #orders end)
	for i, answer in ipairs(answers) do
		kit.eq(answer[1].message, i <= 3 and "an order needs an item that is sold here" or "an order needs a buyer")
	end
	-- A flood of orders, in batches that fit into the queue: each is answered, and few reach Redis.
	kit.command(other, { "SET", "shop:stock:crowbar", 1000 })
	local codes, answered = {}, 0
	world.at_one_moment(function()
		for i = 1, 200 do
			if i % 40 == 0 then kit.wait("the answers so far", function() return answered == i - 1 end) end
			asker:Ask("hub", "shop.buy", { item = "crowbar", buyer = "76561198000000001" }, function(err)
				local code = err and err.code or "sold"
				codes[code], answered = (codes[code] or 0) + 1, answered + 1
			end)
		end
		kit.wait("all answers", function() return answered == 200 end)
	end)
	kit.eq(codes, { sold = 10, BUSY = 190 })
	kit.eq({ kit.command(other, { "GET", "shop:stock:crowbar" }) }, { nil, "990" })
	-- Another server may pose as the seller: its texts are cleaned before players and the console get them.
	local says
	realtime.Requests():Answer("shop.buy", function(_, _, reply) reply(says, { item = ("\n"):rep(1000) }) end)
	world.forget_chat()
	sold = {}
	for _, word in ipairs({ false, { code = "SOLDOUT", message = ("\n"):rep(1000) }, { code = "\27[31m", message = "\n" } }) do
		says = word or nil
		local before = #world.chat()
		Shop.Buy(alice, "crowbar", function(item) sold[#sold + 1] = item end)
		kit.wait("her answer", function() return #world.chat() > before end)
	end
	kit.eq(world.chat(), { "You bought a crowbar.", "Sold out: no crowbar is left", "The shop does not answer, try later." })
	kit.eq(sold, { "crowbar" })
	world.console_is_clean()
	-- Its server is away.
	realtime.Tables():Unsubscribe("realtime:requests:hub", "realtime.Requests")
	kit.wait("the end of its subscription", function() return select(2, kit.publish(other, "realtime:requests:hub", "")) == 0 end)
	world.forget_chat()
	Shop.Buy(alice, "crowbar", function() error("nobody sold this") end)
	kit.wait("the message", function() return #world.chat() == 1 end)
	kit.eq(world.chat(), { "The shop is closed: its server is down." })
end)

host.test("web_bridge", function()
	world.example("web_bridge")
	local heard = kit.recorder()
	other:Subscribe("web.from_game", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	host.players.say(alice, 'a "quoted" line')
	kit.wait("what the web gets", function() return #heard == 1 end)
	local seen = util.JSONToTable(heard[1][1])
	kit.eq({ seen.from, seen.data }, { "hub", { steamid = "76561198000000001", name = "Alice", text = 'a "quoted" line' } })
	world.forget_chat()
	host.server.publish("web.to_game", '{"from":"discord","data":{"user":"Bob","text":"5"}}')
	host.server.publish("web.to_game", '{"from":"discord","data":{"user":"Bob","text":["no","text"]}}')
	host.server.publish("web.to_game", '{"from":"discord","data":{"user":"Bob","text":"' .. ("long\\n"):rep(100) .. '"}}')
	kit.wait("two lines", function() return #world.chat() == 2 end)
	kit.eq(world.chat(), { "[discord] Bob: 5", "[discord] Bob: " .. ("long "):rep(40) })
	others:Publish("web.to_game", { user = { "Bob" }, text = "hi" })
	others:Publish("web.to_game", { user = ("\27"):rep(500), text = "hi" })
	kit.wait("one more", function() return #world.chat() == 3 end)
	kit.eq(world.chat()[3], "[ttt-2] " .. (" "):rep(32) .. ": hi")
	world.at_one_moment(function()
		for i = 1, 30 do others:Publish("web.to_game", { user = "Bob", text = tostring(i) }) end
		world.settle()
	end)
	kit.eq(#world.chat(), 3 + 10)
end)

host.test("demo: what a stranger says in between", function()
	-- Its channels are named after the time at which it is loaded.
	local now, real, demo = SysTime(), { SysTime, host.run, host.exit, host.wait }, nil
	local prefix = string.format("demo.%d.", math.floor(now * 1e6) % 1e9)
	SysTime, host.run = function() return now end, function(fn) demo = fn end
	include("../../../lua/examples/demo.lua")
	SysTime, host.run, host.exit = real[1], real[2], function() end
	-- C1 as a byte and in UTF-8, marks that reorder a line, and harmless text.
	local hostile = "\155[2J \194\155[31m \226\128\174\226\129\166\239\187\191\216\156 \27]0; é"
	function host.wait(...)
		host.wait = real[4]
		local connected = host.wait(...)
		local function say(channel, fields)
			for key in pairs(fields) do fields[key] = hostile .. ("x"):rep(5000) end
			host.server.publish(prefix .. channel, util.TableToJSON(fields))
		end
		say("chat", { server = "", player = "", text = "" })
		say("kills." .. hostile, { attacker = "", victim = "", weapon = "" })
		for _, event in ipairs({ "spawned", "entered", "destroyed" }) do say("vehicle." .. event, { class = "", driver = "" }) end
		host.server.publish(prefix .. "vehicle.moved", ("x"):rep(65537)) -- too large to be looked at
		return connected
	end
	demo()
	host.exit = real[3]
	local said, shown = table.concat(host.console(), "\n"), hostile:gsub("[^ -~]", "?") .. "xxx"
	for _, start in ipairs({ "[alpha] chat   (", "[beta] kill   on ?[2J ", "[beta] spawned   " }) do assert(said:find(start, 1, true), start) end
	assert(not said:find("follows moves", 1, true), "what is too large counts as a move")
	assert(said:find(shown, 1, true) and not said:find(("x"):rep(100), 1, true), "cut, and in ASCII")
	world.console_is_clean()
	for _, client in ipairs(realtime.Clients()) do
		if tostring(client):find("demo") or tostring(client):find("alpha") or tostring(client):find("beta") then client:Disconnect() end
	end
end)
