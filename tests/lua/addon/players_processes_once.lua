-- unix; servers: real; redis: 5.0
-- The unchanged examples of realtime.Players on three servers, each a process of its own: this one is "hub".

local processes = include("_processes.lua")
local EXAMPLES = { "network_chat", "no_multirun", "hub_queue", "donations" }

if host.map_number == 1 then
	host.put("data/realtime.json", processes.configuration("hub"))
	for _, name in ipairs(EXAMPLES) do
		host.put("addons/network/lua/autorun/server/" .. name .. ".lua", processes.read("lua/examples/" .. name .. ".lua"))
	end
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local players = realtime.Players()

local function start(id)
	local server = processes.start(id, "garrysmod/addons/network")
	function server.join(name, number)
		server.type(string.format('%s = host.players.add({ name = "%s", steamid64 = "7656119800000000%d" })', name, name, number))
	end
	function server.say(name, text) server.type(string.format("host.players.say(%s, %q)", name, text)) end
	server.type("realtime.addon.presence_interval = 1") -- found dead after 3 s
	return server
end
local function id_of(number) return "7656119800000000" .. number end
local function where(number, server)
	kit.wait(number .. " on " .. tostring(server), function() return players:Where(id_of(number)) == server end)
end

host.test("three servers", function()
	local one, two = start("ttt-1"), start("ttt-2")
	one.join("Alice", 1)
	two.join("Bob", 2)
	local carla = host.players.add({ name = "Carla", steamid64 = id_of(3) })
	carla:SetUserGroup("superadmin")
	local chat, lua = host.players.seen(carla).chat, host.players.seen(carla).lua
	where(1, "ttt-1")
	where(2, "ttt-2")
	where(3, "hub")
	for _, server in ipairs({ one, two }) do
		server.type('realtime.After(0, "ready", function() end) host.run(function() host.wait(function() return #realtime.Players():Find("") == 3 end, 60, "all three") ' ..
			'host.wait(function() return realtime.Shared("mutes"):IsReady() end, 60, "the mutes") print("it knows " .. "them") end)')
		server.says("it knows them")
	end
	realtime.addon.presence_interval = 1

	-- Chat, private messages, and a mute.
	one.say("Alice", "hello all")
	kit.wait("her line", function() return chat[1] end)
	two.says("(ttt-1) Alice: hello all")
	two.say("Bob", "/msg ali psst")
	one.says("Alice sees: (ttt-2) Bob to you: psst")
	two.says("Bob sees: To Alice: psst")
	two.say("Bob", "/msg nobody psst")
	two.says("Bob sees: Nobody is called that.")
	host.players.say(carla, "/mute bob 5")
	kit.wait("the mute", function() return realtime.Shared("mutes"):Get(id_of(2)) end)
	two.type('host.run(function() host.wait(function() return realtime.Shared("mutes"):Get("' .. id_of(2) .. '") end, 60, "mute") host.players.say(Bob, "quiet") end)')
	two.says("Bob sees: You are muted.")

	-- On one server only: the newest counts.
	two.join("Alice", 1)
	one.says("Alice has left: You play on ttt-2 now")
	where(1, "ttt-2")

	-- A donation waits for an absent player, and reaches a present one.
	players:Post(id_of(4), "donation", { points = 5 })
	players:Post(id_of(1), "donation", { points = 7 })
	two.says("Alice sees: Thank you! You have 7 points now.")
	one.join("Dora", 4)
	one.says("Dora sees: Thank you! You have 5 points now.")

	-- A server dies: its players may join elsewhere at once, and are not removed there later.
	two.kill()
	one.join("Bob", 2)
	where(2, "ttt-1")

	kit.wait("all to know of its death", function() return not realtime.Presence():Server("ttt-2") end)

	-- Four of them queue, wherever they are, and go to one server together.
	one.join("Fay", 6)
	where(6, "ttt-1")
	one.say("Fay", "!queue")
	one.say("Dora", "!queue")
	host.players.say(carla, "!queue")
	host.players.say(assert(host.players.add({ name = "Emil", steamid64 = id_of(5) })), "!queue")
	kit.wait("her way", function() return lua[1] end)
	kit.eq(lua, { 'permissions.AskToConnect("203.0.113.5:27016")' })
	one.says("Fay sees (lua): permissions.AskToConnect")
	one.says("Dora sees: You play with ")
	kit.eq(realtime.Shared("queue"):Count(), 0)
	-- She joins it, and learns who she plays with.
	host.players.leave(carla)
	one.join("Carla", 3)
	one.says("Carla sees: You play with ")
	where(3, "ttt-1")
	where(1, nil)
	players:Post(id_of(3), "party", { server = "nowhere", names = "all" })
	one.says("[hub_queue] left out a post that is no party")
	one.quit()
end)
