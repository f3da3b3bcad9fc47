-- servers: real; redis: 5.0
-- The examples of realtime.Players on one server. players_processes_once.lua has them on several.

local world = include("_examples.lua")
if not world then return end
local kit = include("../_kit.lua")
local alice = world.alice
local players = realtime.Players()

host.test("network_chat: a message goes to who is called exactly like that, although another one has it in his name", function()
	kit.wait("her claim", function() return players:Where(alice) == "hub" end)
	world.example("network_chat")
	kit.wait("the mutes", function() return realtime.Shared("mutes"):IsReady() end)
	local al = host.players.add({ name = "Al", steamid64 = "76561198000000002" })
	kit.wait("his claim", function() return players:Where(al) == "hub" end)
	host.players.say(alice, "/msg al psst")
	kit.wait("the answer", function() return world.chat()[1] end)
	kit.eq({ world.chat()[1], host.players.seen(al).chat[1] }, { "To Al: psst", "(hub) Alice to you: psst" })
	host.players.say(alice, "/msg a psst")
	kit.wait("the answer", function() return world.chat()[2] end)
	kit.eq(world.chat()[2], "2 players are called that.")
	host.players.leave(al)
end)

host.test("hub_queue: who is not confirmed does not queue, who is gone leaves the queue after a minute, and strange keys at once", function()
	world.example("hub_queue")
	local queue, gone = realtime.Shared("queue"), "76561198000000009"
	kit.wait("the queue", function() return queue:IsReady() end)
	local impostor = host.players.add({ name = "Impostor", steamid64 = "76561198000000003", validated = false })
	host.players.say(impostor, "!queue")
	host.players.say(alice, "!queue")
	queue:Set(gone, 5)
	for _, key in ipairs({ "x", "7656119800000000", alice:SteamID64() .. "0" }) do queue:Set(key, 5) end
	queue:Set("76561198000000004", "x")
	kit.wait("all of them", function() return queue:Get(gone) and queue:Get("76561198000000004") end)
	kit.wait("the strange ones to go", function() return queue:Count() == 2 end)
	kit.eq({ queue:Get(gone), isnumber(queue:Get(alice:SteamID64())) }, { 5, true })
	local clock = SysTime
	function SysTime() return clock() + 70 end
	kit.wait("who is gone to be taken out", function() return queue:Count() == 1 end)
	SysTime = clock
	assert(queue:Get(alice:SteamID64()))
	host.players.leave(impostor)
end)
