-- Every field of every envelope with a wrong value: the message is ignored and reported, and has no effect.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")

local TOKEN = ("0123456789abcdef"):rep(2)
local REQUESTS, ANSWERS, PRESENCE = "realtime:requests:here", "realtime:answers:" .. TOKEN, "realtime:presence"

-- `of` with another value in one field; nil removes it.
local function with(of, key, value)
	local copy = {}
	for k, v in pairs(of) do copy[k] = v end
	copy[key] = value
	return copy
end

local NOTHING = {} -- stands for a field that is missing
-- Wrong values for a text, a number and a table.
local NOT_TEXT = { NOTHING, 5, true, {}, { "x" }, realtime.NULL }
local NOT_NUMBER = { NOTHING, "5", true, {}, realtime.NULL, -1, 0.5, 1e300, -1e300, 2 ^ 53 + 2, 1e-300 }

local function each(list, fn)
	for _, value in ipairs(list) do
		local given = value
		if value == NOTHING then given = nil end
		fn(given, kit.show(value))
	end
end

-- Also encodes numbers that our own encoder refuses.
local function text_of(value)
	if istable(value) and value ~= realtime.NULL then
		local parts = {}
		if #value > 0 then
			for i, item in ipairs(value) do parts[i] = text_of(item) end
			return "[" .. table.concat(parts, ",") .. "]"
		end
		for key, item in pairs(value) do parts[#parts + 1] = string.format("%q:%s", key, text_of(item)) end
		return "{" .. table.concat(parts, ",") .. "}"
	end
	if isnumber(value) then return string.format("%.17g", value) end
	return (realtime.addon.json.Encode(value))
end

host.test("the sender", function()
	local world = new_world()
	local tables, heard = world.realtime.Tables(world.client(), "here"), 0
	tables:Subscribe("c", "test", function() heard = heard + 1 end)
	local wrong = { NOTHING, 5, true, {}, realtime.NULL, "", "a b", "a\n", "\27[2J", "é", ("x"):rep(65), "a/b", "a:b" }
	each(wrong, function(from, shown)
		world.hear("c", text_of({ from = from, data = 1 }))
		kit.eq({ heard, #world.errors, #world.lines > 0 }, { 0, 0, true }, shown)
		world.pass(10.1, 1)
		world.lines = {}
	end)
	world.hear("c", text_of({ from = ("x"):rep(64), data = 1 }))
	kit.eq(heard, 1)
end)

host.test("a request", function()
	local right = { request = "ask", number = 7, answer_to = ANSWERS, data = "x" }
	local wrong = {
		request = { ("x"):rep(129) },
		answer_to = {
			"", "elsewhere", "realtime:answers:", "realtime:answers:" .. TOKEN .. "0", "realtime:answers:" .. TOKEN:upper(),
			"realtime:answers:" .. ("g"):rep(32), "realtime:answers:" .. TOKEN:sub(2), "x" .. ANSWERS, ANSWERS .. "\n",
			"realtime:answers:" .. TOKEN:sub(1, 31) .. "\n", "realtime:presence",
		},
		number = NOT_NUMBER,
	}
	table.Add(wrong.request, NOT_TEXT)
	table.Add(wrong.answer_to, NOT_TEXT)
	local world = new_world()
	local client = world.client()
	local requests, asked = world.realtime.Requests(client, "here"), 0
	requests:Answer("ask", function(_, _, reply)
		asked = asked + 1
		reply(nil, "answer")
	end)
	local function is_left_out(data, shown)
		world.lines = {}
		world.pass(10.1, 1)
		world.hear(REQUESTS, text_of({ from = "peer", data = data }))
		kit.eq({ asked, #client.published, #world.errors }, { 0, 0, 0 }, shown)
		assert(world.lines[1] and world.lines[1]:find('a request of "peer" was left out: ', 1, true), shown .. ": " .. kit.show(world.lines))
	end
	for key, values in pairs(wrong) do
		each(values, function(value, shown) is_left_out(with(right, key, value), key .. " = " .. shown) end)
	end
	each({ 5, "text", true, {}, { 1, 2 } }, is_left_out)
	-- The right one, in the form of older addons, too.
	for _, answer_to in ipairs({ ANSWERS, "realtime:answers:0123456789abcdef" }) do
		for _, number in ipairs({ 0, 1, 2 ^ 53 }) do
			asked, client.published = 0, {}
			world.hear(REQUESTS, text_of({ from = "peer", data = with(with(right, "answer_to", answer_to), "number", number) }))
			kit.eq({ asked, #client.published, client.published[1][1] }, { 1, 1, answer_to })
			kit.eq(world.realtime.Decode(client.published[1][2]), { number = number, data = "answer" })
		end
	end
	kit.eq(#world.errors, 0)
end)

host.test("an answer", function()
	local world = new_world()
	local client = world.client()
	local requests = world.realtime.Requests(client, "here")
	local got = kit.recorder()
	local function ask()
		client.published = {}
		assert(requests:Ask("peer", "name", nil, got.fn, 1000))
		return world.realtime.Decode(client.published[1][2])
	end
	local request = ask()
	local function say(from, data) world.hear(request.answer_to, text_of({ from = from, data = data })) end
	-- Only the right number counts, and only the asked server as the sender.
	each(NOT_NUMBER, function(number) say("peer", { number = number, data = 1 }) end)
	each({ 5, "text", true, {}, { 1, 2 } }, function(data) say("peer", data) end)
	for number = 0, 200 do say("peer", { number = number, data = "guessed" }) end
	say("peer", { number = request.number + 1, data = "guessed" })
	kit.eq(#world.lines, 0, "guesses and late answers are told")
	say("somebody", { number = request.number, data = "forged" })
	say("here", { number = request.number, data = "forged" })
	kit.eq({ #got, world.lines[1] }, { 0, 'an answer of "somebody" was left out: "peer" was asked' })
	say("peer", { number = request.number, data = "real" })
	say("peer", { number = request.number, data = "twice" })
	kit.eq(got, setmetatable({ { nil, "real" }, fn = got.fn }, getmetatable(got)))
	-- A wrong error still ends the request with an answer.
	local errors = { 5, "text", true, {}, { code = "X" }, { message = "x" }, { code = 5, message = "x" }, { code = "X", message = {} } }
	each(errors, function(err, shown)
		request = ask()
		say("peer", { number = request.number, err = err })
		local answer = got[#got][1]
		kit.eq({ answer.code, answer.message }, { "ERROR", "the answer has an error without code and message" }, shown)
	end)
	request = ask()
	say("peer", { number = request.number, err = { code = "BAD\27[2J", message = "\n[realtime] all is well" .. ("x"):rep(1000) } })
	local answer = got[#got][1]
	kit.eq(answer.code, "BAD\\x1b[2J")
	assert(answer.message:find("^\\x0a%[realtime%] all is wellx+ … %(1023 bytes%)$") and #answer.message < 540, answer.message)
	kit.eq(#world.errors, 0)
end)

host.test("the numbers of requests cannot be guessed, and their channel is another one for each Lua state", function()
	local world = new_world()
	local client = world.client()
	local requests = world.realtime.Requests(client, "here")
	local seen, small = {}, 0
	for i = 1, 1000 do
		requests:Ask("peer", "name", nil, print)
		local request = world.realtime.Decode(client.published[i][2])
		assert(not seen[request.number], "the same number twice")
		seen[request.number] = true
		if request.number < 2 ^ 40 then small = small + 1 end
	end
	-- One in 4,096 random numbers is small.
	assert(small < 10, small .. " of 1,000 numbers are small")
	local other = world.client()
	world.realtime.Requests(other, "here"):Ask("peer", "name", nil, print)
	assert(world.realtime.Decode(other.published[1][2]).answer_to ~= world.realtime.Decode(client.published[1][2]).answer_to)
end)

host.test("requests that time out do so in the order in which they were asked", function()
	local world = new_world()
	local requests, told, wanted = world.realtime.Requests(world.client(), "here"), {}, {}
	for i = 1, 50 do
		wanted[i] = "TIMEOUT" .. i
		requests:Ask("peer", "name", nil, function(err) told[#told + 1] = err.code .. i end)
	end
	world.pass(6, 0.5)
	kit.eq(told, wanted)
end)

host.test("nobody is there where Redis counts all receivers; a replica and a node of a cluster count their own", function()
	for _, case in ipairs({
		{ "master", "standalone", "NOBODY" }, { "master", nil, "NOBODY" }, { nil, nil, "NOBODY" },
		{ "master", "cluster", "TIMEOUT" }, { "replica", "standalone", "TIMEOUT" }, { "replica", "cluster", "TIMEOUT" },
	}) do
		local world = new_world()
		local client, got = world.client(), kit.recorder()
		client.role, client.mode = case[1], case[2]
		world.realtime.Requests(client, "here"):Ask("peer", "name", nil, got.fn)
		client.published[1][3](nil, 0)
		world.pass(6, 1)
		kit.eq({ #got, got[1][1].code }, { 1, case[3] }, kit.show(case))
	end
end)

host.test("an announcement of presence", function()
	local world = new_world()
	local client = world.client()
	local presence, calls = world.realtime.Presence(client, "here"), 0
	presence:On("joined", "test", function() calls = calls + 1 end)
	local function is_left_out(data, shown)
		world.lines = {}
		world.pass(10.1, 1)
		world.hear(PRESENCE, text_of({ from = "peer", data = data }))
		kit.eq({ calls, presence:Server("peer"), #world.errors }, { 0, nil, 0 }, shown)
		assert(world.lines[1] and world.lines[1]:find("was left out: ", 1, true), shown .. ": " .. kit.show(world.lines))
	end
	each(NOT_TEXT, function(instance, shown) is_left_out({ instance = instance, map = "gm" }, "instance = " .. shown) end)
	each({ ("x"):rep(65), 5, "text", {} }, function(value, shown)
		is_left_out(isstring(value) and #value > 60 and { instance = value } or value, shown)
	end)
	-- The rest may be missing or wrong: addons always get the values that they join and add up.
	local number = { "players", "bots", "max_players" }
	for _, key in ipairs(number) do
		each(table.Add({ 65536, 1e15 }, NOT_NUMBER), function(value, shown)
			world.hear(PRESENCE, text_of({ from = "peer", data = { instance = "i", [key] = value } }))
			kit.eq(presence:Server("peer")[key], 0, key .. " = " .. shown)
		end)
		world.hear(PRESENCE, text_of({ from = "peer", data = { instance = "i", [key] = 65535 } }))
		kit.eq(presence:Server("peer")[key], 65535)
	end
	for _, key in ipairs({ "map", "name" }) do
		each(NOT_TEXT, function(value, shown)
			world.hear(PRESENCE, text_of({ from = "peer", data = { instance = "i", [key] = value } }))
			kit.eq(presence:Server("peer")[key], "", key .. " = " .. shown)
		end)
		world.say(PRESENCE, "peer", { instance = "i", [key] = "é\27[2J\n" .. ("x"):rep(200) })
		local shown = presence:Server("peer")[key]
		assert(shown:find("^é\\x1b%[2J\\x0ax+ … %(207 bytes%)$") and #shown < 150, shown)
	end
	each({ NOTHING, 5, "x", true, realtime.NULL }, function(value, shown)
		world.hear(PRESENCE, text_of({ from = "peer", data = { instance = "i", fields = value } }))
		kit.eq(presence:Server("peer").fields, {}, "fields = " .. shown)
	end)
	each({ NOTHING, 5, "x", {}, realtime.NULL }, function(value, shown)
		world.hear(PRESENCE, text_of({ from = "peer", data = { instance = "i", duplicate = value } }))
		kit.eq(presence:Server("peer").duplicate, false, "duplicate = " .. shown)
	end)
	kit.eq({ calls, #world.errors }, { 1, 0 })
end)
