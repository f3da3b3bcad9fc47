-- servers: fake, real
-- The examples of lua/examples do what they say. This server is "hub"; another client stands for another server.

if host.map_number == 1 then
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "hub" }', host.redis_url))
	host.next_map()
	return
end

local kit = include("../_kit.lua")

local chat = {}
local function somebody(name, id)
	return {
		IsValid = function() return true end, Nick = function() return name end, SteamID64 = function() return id end,
		GetUserGroup = function() return "vip" end, ChatPrint = function(_, text) chat[#chat + 1] = text end,
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

local other = kit.connect({ id = "other" })
local others = realtime.Tables(other, "ttt-2")

host.test("chat_bridge", function()
	example("chat_bridge")
	local heard = kit.recorder()
	others:Subscribe("chat", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	hook.Run("PlayerSay", alice, "for my team", true)
	hook.Run("PlayerSay", alice, "hello", false)
	kit.wait("the line there", function() return #heard == 1 end)
	kit.eq(heard[1], { { id = "76561198000000001", name = "Alice", rank = "vip", text = "hello" }, "hub", "chat" })
	others:Publish("chat", { name = "Bob", rank = "admin", text = "hi" })
	kit.wait("the answer here", function() return #chat == 1 end)
	kit.eq(chat, { "[ttt-2] (admin) Bob: hi" })
	others:Publish("chat", "no table")
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
	kit.command(other, { "DEL", "bans" })
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
