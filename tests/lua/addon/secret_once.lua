-- A secret that the servers share: messages without its proof are ignored.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")

local SECRET = "0123456789abcdef"

-- A listener on a channel of a world of its own; `lines` about ignored messages.
local function listener(settings)
	local world = new_world(settings or { secret = SECRET })
	local tables, heard = world.realtime.Tables(world.client(), "here"), kit.recorder()
	tables:Subscribe("chat", "test", heard.fn)
	tables:PSubscribe("ch*", "test", heard.fn)
	return world, heard, tables
end

local function left_out(world, text, reason)
	world.pass(10.1, 1)
	world.lines = {}
	world.hear("chat", text)
	assert(world.lines[1] and world.lines[1]:find("a message on chat was left out: " .. reason, 1, true), kit.show(world.lines))
end

-- The example of docs/security.md for other programs; the proof was made by Python's hmac.
local MAC = "9e7c5ec6868bde0a9b706e3264d58c0a6272a364f1929f26bd2c83e1381b2ad2"
local MAC_OF_STATE = "7ee1866becad18a8ae0ce4087282006c13a6b2bde6c5818eb4c88518396fd179" -- likewise, with the state 0123
local SIGNED = '{"from":"web","time":1800000000,"mac":"' .. MAC .. '","data":{"text":"hello"}}'

host.test("what another program signed is heard, in any form of JSON", function()
	local world, heard = listener()
	world.hear("chat", SIGNED)
	world.hear("chat", SIGNED, "ch*")
	world.hear("chat", ' { "data" : {"text":"hello"} ,\n"mac":"' .. MAC .. '", "from":"web", "more":[1], "time":1.8e9 } ')
	kit.eq(#heard, 3)
	kit.eq(heard[1], { { text = "hello" }, "web", "chat" })
	kit.eq(#world.lines, 0)
end)

host.test("each change of what is signed is found", function()
	local world, heard = listener()
	local changed = "it is signed with another secret, or was changed on its way"
	left_out(world, (SIGNED:gsub("hello", "hullo")), changed)
	left_out(world, (SIGNED:gsub('{"text":"hello"}', '{"text": "hello"}')), changed)
	left_out(world, (SIGNED:gsub("web", "wab")), changed)
	left_out(world, (SIGNED:gsub("1800000000", "1800000001")), changed)
	left_out(world, (SIGNED:gsub(MAC, "0" .. MAC:sub(2))), changed)
	left_out(world, (SIGNED:gsub(MAC, MAC:upper())), changed)
	left_out(world, (SIGNED:gsub(MAC, "")), changed)
	left_out(world, (SIGNED:gsub('"time"', '"state":"0123","time"')), changed)
	world.hear("other", SIGNED, "ch*") -- sent on, to a channel that it was not for
	kit.eq(#heard, 0)
	assert(world.lines[2]:find("a message on other was left out: " .. changed, 1, true), kit.show(world.lines))
end)

host.test("a server's own message comes as its own, or not at all", function()
	local world = new_world({ secret = SECRET })
	local client, heard = world.client(), kit.recorder()
	local tables = world.realtime.Tables(client, "here")
	tables:SubscribeOthers("chat", "test", heard.fn)
	tables:Publish("chat", "own")
	local own = client.published[1][2]
	world.hear("chat", own)
	for _, state in ipairs({ '"state":"0123456789abcdef"', '"state":5', '"state":null', '"more":1' }) do
		world.pass(11, 1)
		world.hear("chat", (own:gsub('"state":"%x+"', state)))
	end
	kit.eq({ #heard, #world.lines }, { 0, 4 })
	world.hear("chat", (SIGNED:gsub('"time"', '"state":"0123","time"'):gsub(MAC, MAC_OF_STATE)))
	kit.eq(#heard, 1, "with the state in the proof")
end)

host.test("without a proof nothing is heard, nor with one of a wrong kind", function()
	local world, heard = listener()
	local unsigned = 'it is not signed, and this server has a "secret" in realtime.json'
	left_out(world, realtime.Encode({ text = "hello" }, "web"), unsigned)
	for _, mac in ipairs({ "5", "true", "[]", "{}", "null" }) do
		left_out(world, (SIGNED:gsub('"' .. MAC .. '"', mac)), unsigned)
	end
	for _, time in ipairs({ '"1800000000"', "true", "[]", "null", "1800000000.5", "-1", "1e300", "9007199254740994" }) do
		left_out(world, (SIGNED:gsub("1800000000", time)), "its time is no number of seconds")
	end
	kit.eq({ #heard, #world.errors }, { 0, 0 })
end)

host.test("a message that is sent again two minutes later is refused, and a clock that is wrong is told", function()
	local world, heard = listener()
	for _, seconds in ipairs({ 0, 120, -120 }) do
		world.unix = 1800000000 + seconds
		world.hear("chat", SIGNED)
	end
	kit.eq(#heard, 3)
	world.unix = 1800000121
	world.hear("chat", SIGNED)
	assert(world.lines[1]:find("it was signed 121 s before this server's clock, and at most 120 are allowed", 1, true), world.lines[1])
	world.pass(11, 11)
	world.unix = 1800000000 - 121
	world.hear("chat", SIGNED)
	assert(world.lines[2]:find("it was signed 121 s after this server's clock", 1, true), world.lines[2])
	kit.eq(#heard, 3)
end)

host.test("servers with the secret understand each other, in all helpers", function()
	local world = new_world({ secret = SECRET })
	local clients = { world.client(), world.client() }
	local tables, heard = world.realtime.Tables(clients[1], "one"), kit.recorder()
	tables:Subscribe("5", "test", heard.fn)
	tables:Publish(5, { x = 1 }) -- a number is a channel's name, too
	local one, two = world.realtime.Requests(clients[1], "one"), world.realtime.Requests(clients[2], "two")
	two:Answer("double", function(n, _, reply) reply(nil, n * 2) end)
	local answers = kit.recorder()
	one:Ask("two", "double", 21, answers.fn)
	local at_one, at_two = world.realtime.Presence(clients[1], "one"), world.realtime.Presence(clients[2], "two")
	for _ = 1, 5 do
		world.exchange()
		world.pass(1.1, 0.1)
	end
	kit.eq(heard[1], { { x = 1 }, "one", "5" })
	kit.eq(answers[1], { nil, 42 })
	assert(at_one:Server("two") and at_two:Server("one"))
	kit.eq({ #world.lines, #world.errors }, { 0, 0 })
end)

host.test("who has no secret hears signed messages as any other", function()
	local world, heard = listener({})
	world.hear("chat", SIGNED)
	kit.eq({ #heard, #world.lines }, { 1, 0 })
end)

host.test("Encode signs for a channel, Decode checks for one; what is stored has neither", function()
	local world = new_world({ secret = SECRET })
	local Encode, Decode = world.realtime.Encode, world.realtime.Decode
	local text = Encode({ text = "hello" }, "web", "chat")
	kit.eq((text:gsub('"state":"%x+",', ""):gsub('"mac":"%x+"', '"mac":"' .. MAC .. '"')), SIGNED)
	kit.eq({ Decode(text, "chat") }, { { text = "hello" }, "web" })
	kit.eq({ Decode(text) }, { { text = "hello" }, "web" })
	kit.eq(Decode(text, "other"), nil)
	local stored = Encode({ text = "hello" }, "web")
	kit.eq((stored:gsub('"state":"%x+",', "", 1)), '{"from":"web","data":{"text":"hello"}}')
	kit.eq({ Decode(stored) }, { { text = "hello" }, "web" })
	kit.eq(Decode(stored, "chat"), nil)
	kit.raises("bad argument #3 to 'Encode'", Encode, 1, "web", 5)
	kit.raises("bad argument #2 to 'Decode'", Decode, text, 5)
	kit.raises("bad argument #2 to 'Encode'", Encode, 1, "a b")
end)

host.test("channel and data keep apart: what is moved from one to the other is another message", function()
	local world = new_world({ secret = SECRET })
	local text = world.realtime.Encode({ 1 }, "web", "chat[1]")
	local moved = text:gsub('"data":%[1%]', '"data":[1][1]')
	kit.eq(world.realtime.Decode(moved, "chat"), nil)
	kit.eq(world.realtime.Decode(text, "chat[1]"), { 1 })
end)
