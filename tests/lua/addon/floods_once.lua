-- A publisher sends too much, too often, under too many names: the cost for us is limited.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")

local PRESENCE = "realtime:presence"

local function instance(n) return realtime.SHA256(tostring(n)) end

-- A presence message of that many bytes, envelope included.
local function word_of(bytes, from)
	local empty = #realtime.Encode({ instance = "i", fields = { x = "" } }, from)
	return realtime.Encode({ instance = "i", fields = { x = ("x"):rep(bytes - empty) } }, from)
end

host.test("an announcement has 8 KiB and 256 elements at most, told as any message that is left out", function()
	local world = new_world()
	local presence = world.realtime.Presence(world.client(), "here")
	world.hear(PRESENCE, word_of(8192, "fits"))
	kit.eq(#presence:Server("fits").fields.x, 8192 - #realtime.Encode({ instance = "i", fields = { x = "" } }, "fits"))
	world.hear(PRESENCE, word_of(8193, "large"))
	kit.eq({ presence:Server("large"), world.lines },
		{ nil, { "a message on realtime:presence was left out: it has 8193 bytes, more than the 8192 allowed" } })
	world.pass(11, 1)
	world.hear(PRESENCE, '{"from":"many","data":{"instance":"i","fields":{"x":[' .. ("1,"):rep(350) .. "1]}}}")
	kit.eq(presence:Server("many"), nil)
	assert(world.lines[2]:find("more than 320 elements", 1, true), world.lines[2])
end)

host.test("Set refuses what others would leave out, and keeps what there was", function()
	local world = new_world()
	local client = world.client()
	local presence = world.realtime.Presence(client, "here")
	presence:Set("mode", "ttt")
	kit.raises("'Set' \"motd\": all fields together: more than 7936 bytes of JSON", presence.Set, presence, "motd", ("x"):rep(8000))
	local many = {}
	for i = 1, 256 do many[i] = i end
	kit.raises("more than 256 elements", presence.Set, presence, "many", many)
	presence:Set("motd", ("x"):rep(6000))
	kit.eq(presence:Server("here").fields, { mode = "ttt", motd = ("x"):rep(6000) })
	-- With any map and host name, others accept the message.
	local other = world.realtime.Presence(world.client(), "other")
	local get_map, get_name = game.GetMap, GetHostName
	game.GetMap, GetHostName = function() return ("\1"):rep(5000) end, function() return ("\2"):rep(5000) end
	world.pass(0.1)
	world.exchange()
	game.GetMap, GetHostName = get_map, get_name
	assert(other:Server("here") and other:Server("here").fields.motd, kit.show(world.lines))
end)

host.test("256 servers at most: who was silent longest makes room, who was heard for a minute stays", function()
	local world = new_world()
	local presence = world.realtime.Presence(world.client(), "here")
	local log = {}
	presence:On("joined", "test", function(server) log[#log + 1] = "+" .. server.id end)
	presence:On("left", "test", function(server) log[#log + 1] = "-" .. server.id end)
	-- One server sends for over a minute, every five seconds.
	for _ = 1, 13 do
		world.say(PRESENCE, "old", { instance = "i" })
		world.pass(5, 1)
	end
	world.say(PRESENCE, "old", { instance = "i" })
	for i = 1, 255 do
		world.say(PRESENCE, "new" .. i, { instance = "i" })
		world.pass(0.01, 0.01)
	end
	kit.eq({ #presence:Servers(), #world.lines }, { 257, 0 }, "all and this one")
	log = {}
	world.say(PRESENCE, "new1", { instance = "i" }) -- so that the second has been silent longest
	world.say(PRESENCE, "more", { instance = "i" })
	kit.eq({ log, #presence:Servers() }, { { "-new2", "+more" }, 257 })
	kit.eq(world.lines, { "more than 256 servers say that they are up: those that were silent longest are left out" })
	for i = 1, 2000 do
		world.pass(0.001, 0.001)
		world.say(PRESENCE, "flood" .. i, { instance = "i" })
	end
	kit.eq({ #presence:Servers(), presence:Server("old") ~= nil, presence:Server("new1") }, { 257, true, nil })
	-- If the list is full of live servers, no other one is added.
	for _ = 1, 13 do
		for i = 1746, 2000 do world.say(PRESENCE, "flood" .. i, { instance = "i" }) end
		world.say(PRESENCE, "old", { instance = "i" })
		world.pass(5, 1)
	end
	log = {}
	world.say(PRESENCE, "late", { instance = "i" })
	kit.eq({ log, presence:Server("late"), #presence:Servers() }, { {}, nil, 257 })
	assert(world.lines[#world.lines]:find("newcomers are left out", 1, true), world.lines[#world.lines])
	-- And they leave as usual.
	world.pass(30, 1)
	kit.eq({ #presence:Servers(), #log }, { 1, 256 })
end)

host.test("what all servers of a hostile network may make us keep is less than 12 MB", function()
	local world = new_world()
	local presence = world.realtime.Presence(world.client(), "here")
	local function used() collectgarbage() collectgarbage() return collectgarbage("count") / 1024 end
	local before = used()
	-- Data with many or large tables in few bytes; a text fills the rest.
	for name, fields in pairs({
		lists = "[" .. ("[],"):rep(60) .. "[]]", maps = "[" .. ('{"":1},'):rep(48) .. "1]",
		chain = ('{"":'):rep(55) .. "1" .. ("}"):rep(55), keys = "{" .. ('"%d":1,'):rep(200) .. '"":1}',
		texts = "{" .. ('"%d":"",'):rep(230):gsub('""', '"t%%d"') .. '"":1}',
	}) do
		local is_filled = name == "keys" or name == "texts"
		for i = 1, 600 do
			local numbers = {}
			for k = 1, 460 do numbers[k] = i * 1000 + k end
			local text = string.format('{"x%d":%s,"y":"%s"}', i, is_filled and fields:format(unpack(numbers)) or fields,
				("x"):rep(is_filled and 1500 or 7000))
			world.hear(PRESENCE, string.format('{"from":"s%d","data":{"instance":"%d","unknown":"%s","fields":%s}}', i, i,
				("u"):rep(100), text))
		end
		kit.eq(#presence:Servers(), 257, name)
		kit.eq(presence:Server("s600").unknown, nil)
		local megabytes = used() - before
		print(string.format("= presence_megabytes_%s %.1f", name, megabytes))
		assert(megabytes < 12, name .. ": " .. megabytes .. " MB")
	end
end)

host.test("however often others ask, a server tells of itself once a second", function()
	local world = new_world()
	local client = world.client()
	world.realtime.Presence(client, "here")
	client.published = {}
	local texts = { realtime.Encode({ instance = "i", ask = true }, "peer"), realtime.Encode({ instance = "twin" }, "here") }
	for second = 1, 20 do
		local from = #client.published
		for i = 1, 100 do
			world.hear(PRESENCE, texts[i % 2 + 1])
			world.hear(PRESENCE, realtime.Encode({ instance = "twin" .. i }, "here"))
			world.pass(0.01, 0.005)
		end
		assert(#client.published - from <= 1, #client.published - from .. " words in a second")
	end
	assert(#client.published >= 18, "nobody who asks is answered")
	-- A request after a silence is answered at once.
	world.pass(2, 0.1)
	client.published = {}
	world.hear(PRESENCE, texts[1])
	world.pass(0.03, 0.015)
	kit.eq(#client.published, 1)
end)

host.test("goodbyes: only the server itself can say its own", function()
	local world = new_world()
	local clients = { world.client(), world.client() }
	local here, peer = world.realtime.Presence(clients[1], "here"), world.realtime.Presence(clients[2], "peer")
	local left = kit.recorder()
	here:On("left", "test", left.fn)
	world.exchange()
	assert(here:Server("peer"))
	clients[2].published = {}
	peer:Set("x", 1)
	world.pass(0.1)
	local word = realtime.Decode(clients[2].published[1][2])
	assert(word.instance:find("^%x+$") and #word.instance == 64 and not word.proof)
	for _, proof in ipairs({ NULL, "", "x", word.instance, 5, {}, true }) do
		world.say(PRESENCE, "peer", { instance = word.instance, bye = true, proof = proof ~= NULL and proof or nil })
	end
	world.say(PRESENCE, "peer", { instance = "another", bye = true })
	world.say(PRESENCE, "somebody", { instance = word.instance, bye = true })
	kit.eq({ #left, here:Server("peer") ~= nil }, { 0, true })
	clients[2].published = {}
	peer:Stop()
	local goodbye = realtime.Decode(clients[2].published[1][2])
	kit.eq(realtime.SHA256(goodbye.proof), word.instance)
	world.exchange()
	kit.eq({ #left, here:Server("peer") }, { 1, nil })
	-- Posing as a live server first does not remove it, either.
	peer = world.realtime.Presence(clients[2], "peer")
	world.exchange()
	world.say(PRESENCE, "peer", { instance = "played", map = "gm" })
	world.say(PRESENCE, "peer", { instance = "played", bye = true })
	world.say(PRESENCE, "peer", { instance = instance("x"), map = "gm" })
	world.say(PRESENCE, "peer", { instance = instance("x"), bye = true, proof = "x" })
	kit.eq({ #left, here:Server("peer") ~= nil }, { 1, true })
	-- A server that left in silence, as far as others know.
	clients[2].valid = false
	world.pass(17, 0.5)
	kit.eq({ #left, here:Server("peer") }, { 2, nil })
end)

host.test("the goodbye of an addon from before is understood", function()
	local world = new_world()
	local presence = world.realtime.Presence(world.client(), "here")
	world.say(PRESENCE, "older", { instance = "0123456789abcdef" })
	assert(presence:Server("older"))
	world.say(PRESENCE, "older", { instance = "0123456789abcdef", bye = true })
	kit.eq(presence:Server("older"), nil)
end)

host.test("the console: five lines in ten seconds for all that others cause, then how many there were more", function()
	local world = new_world()
	local client = world.client()
	local tables = world.realtime.Tables(client, "here")
	tables:PSubscribe("*", "test", function() end)
	for i = 1, 20 do tables:Subscribe("c" .. i, "test", function() end) end
	-- One line for each subscription, with any channel and error.
	for i = 1, 2000 do world.hear("channel" .. i, ("{"):rep(i % 50), "*") end
	kit.eq(#world.lines, 1)
	for i = 1, 20 do world.hear("c" .. i, "garbage") end
	kit.eq(#world.lines, 5)
	world.pass(9.9, 0.1)
	kit.eq(#world.lines, 5)
	world.pass(0.3, 0.1)
	kit.eq({ #world.lines, world.lines[6] }, { 6, "2015 more lines like these were left out" })
	world.pass(30, 0.1)
	kit.eq(#world.lines, 6, "a count that nothing was added to is told again")
	-- In any ten seconds, whenever they begin.
	local times, before = {}, #world.lines
	for tick = 1, 2000 do
		for i = 1, 20 do world.hear("c" .. i, "garbage") end
		world.pass(0.05, 0.05)
		for _ = before + 1, #world.lines do times[#times + 1] = world.now end
		before = #world.lines
	end
	for i = 6, #times do assert(times[i] - times[i - 5] >= 9.99, "six lines in " .. times[i] - times[i - 5] .. " s") end
	assert(#times >= 45 and #times <= 55, #times .. " lines in 100 s")
end)

host.test("a line has 200 bytes at most, and nothing in it that steers a terminal", function()
	local world = new_world()
	local tables = world.realtime.Tables(world.client(), "here")
	tables:PSubscribe("*", "test", function() end)
	for _, name in ipairs({ ("x"):rep(100000), ("\27"):rep(100000), ("\194\155"):rep(100000), ("é"):rep(100000), "\27[2J\n[realtime] ok" }) do
		world.lines = {}
		world.pass(11, 1)
		world.hear(name, "garbage", "*")
		local line = world.lines[1]
		assert(#line < 230 and not line:find("[%c\127]") and not line:find("\194\155", 1, true), line)
		assert(line:find("was left out: no envelope, such as ", 1, true), line)
	end
end)

host.test("two servers with one id are told once a minute, whatever else they say", function()
	local world = new_world()
	local presence = world.realtime.Presence(world.client(), "here")
	local told = kit.recorder()
	presence:On("duplicate", "test", told.fn)
	for i = 1, 100 do
		world.say(PRESENCE, "here", { instance = "twin", name = "n" .. i .. ("x"):rep(300), map = "\n" })
		world.say(PRESENCE, "peer", { instance = "i" .. i, duplicate = true })
	end
	kit.eq({ #told, #world.lines }, { 2, 2 })
	world.pass(61, 1)
	for _ = 1, 100 do world.say(PRESENCE, "here", { instance = "twin" }) end
	kit.eq(#told, 3)
end)

host.test("a twin's messages arrive, and it is told whatever helper is used", function()
	for _, method in ipairs({ "Subscribe", "SubscribeOthers", "PSubscribe", "PSubscribeOthers" }) do
		local world, twin = new_world(), new_world()
		local client, heard = world.client(), kit.recorder()
		local tables = world.realtime.Tables(client, "here")
		tables[method](tables, "chat", "test", heard.fn)
		local pattern = method:sub(1, 1) == "P" and "chat" or nil
		tables:Publish("chat", "own")
		world.hear("chat", client.published[1][2], pattern)
		kit.eq({ #heard, #world.lines }, { method:find("Others") and 0 or 1, 0 }, method .. ": its own")
		for _ = 1, 3 do world.hear("chat", twin.realtime.Encode("the twin's", "here"), pattern) end
		kit.eq({ heard[#heard][1], heard[#heard][2], #world.lines }, { "the twin's", "here", 1 }, method)
		assert(world.lines[1]:find('^TWO SERVERS HAVE THE ID "here": this one, and one that publishes on chat%.'), world.lines[1])
		world.hear("chat", twin.realtime.Encode("other", "there"), pattern)
		world.hear("chat", '{"from":"here","data":"of an addon from before"}', pattern)
		kit.eq(heard[#heard][1], "of an addon from before")
		world.pass(61, 1)
		world.hear("chat", twin.realtime.Encode("again", "here"), pattern)
		kit.eq(#world.lines, 2, "once a minute")
	end
end)
