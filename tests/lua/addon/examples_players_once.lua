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

host.test("a post that makes no sense to an example ends with a line, and a message is no post", function()
	world.example("donations")
	local ID = alice:SteamID64()
	local function post(name, data)
		local posted
		players:Post(ID, name, data, nil, function(err) posted = { err } end)
		kit.wait("the post", function() return posted end)
		kit.eq(posted, {})
	end
	for _, strange in ipairs({ "5", { points = "5" }, { points = 0 }, { points = 100001 } }) do post("donation", strange) end
	local answer
	players:Ask(ID, "donation", { points = 5 }, function(err) answer = err.message end)
	kit.wait("the answer", function() return answer end)
	kit.eq(answer, "it is no post")
	post("donation", { points = 5 })
	kit.wait("her thanks", function() return world.chat()[1] end)
	kit.eq(world.chat(), { "Thank you! You have 5 points now." })
	kit.wait("the end of all posts", function()
		local count
		realtime.Default():Command({ "EXISTS", "realtime:players:{players}:posts:" .. ID }, function(_, found) count = found end)
		kit.wait("an answer", function() return count end)
		return count == 0
	end)
	local text = table.concat(host.console(), "\n")
	local _, lines = text:gsub("%[donations%] a donation for " .. ID .. " was left out", "")
	kit.eq({ lines, text:find("comes again", 1, true) }, { 4 })
end)
