-- realtime.Players on a server that runs no scripts: one clear error. And what its methods refuse.

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")

host.test("calls fail with UNSUPPORTED, and the console says why", function()
	local said = kit.lines("players: .*")
	local client = kit.ready()
	local players = assert(realtime.Players(client, "a"))
	local errors = kit.recorder()
	assert(players:Ask("76561198000000001", "x", nil, errors.fn))
	assert(players:Post("76561198000000001", "x", 1, errors.fn))
	kit.wait("both answers", function() return #errors == 2 end)
	for i = 1, 2 do
		kit.eq(errors[i][1].code, "UNSUPPORTED")
		assert(errors[i][1].message:find("Redis 5.0 and newer", 1, true), errors[i][1].message)
	end
	kit.wait("the line", function() return #said() >= 1 end)
	assert(said()[1]:find("UNSUPPORTED", 1, true), said()[1])
	kit.eq({ players:Where("76561198000000001"), players:Find("") }, { nil, {} })
	client:Disconnect()
end)

host.test("what is wrong raises where it was called", function()
	local client = kit.ready()
	local players = assert(realtime.Players(client, "b"))
	local id, function_of = "76561198000000001", function() end
	for _, case in ipairs({
		{ "Where", "write it in quotes", 76561198000000001 }, { "Where", "a player, a SteamID64", "Alice" }, { "Find", "a part of a name expected", nil },
		{ "Ask", "the request's name expected", id, "", nil, function_of }, { "Ask", "#4 .*function expected, got nil", id, "x", nil, nil },
		{ "Ask", "seconds above 0", id, "x", nil, function_of, 0 }, { "Ask", "no form in JSON", id, "x", function_of, function_of },
		{ "Answer", "function expected", "x", 5 }, { "Answer", "1 to 128 bytes", ("x"):rep(129), function_of },
		{ "Post", "nil is no message", id, "x", nil }, { "Post", "nil is no message", id, "x", realtime.NULL },
		{ "Post", 'no option "expire"', id, "x", 1, { expire = 1 } }, { "Post", "expires: seconds above 0, a year", id, "x", 1, { expires = 1e9 } },
		{ "Post", "once: a text", id, "x", 1, { once = "" } }, { "Post", "options expected, got string", id, "x", 1, "x" },
		{ "Hold", "got nil", nil }, { "On", '"joined", "left" or "taken" expected', "gone", function_of },
		{ "On", "expected a function", "left", 5 }, { "Off", '"joined", "left" or "taken" expected', "gone" },
	}) do
		local message = kit.raises(case[2], function() players[case[1]](players, unpack(case, 3, 8)) end)
		assert(message:find("players_unsupported_once.lua:", 1, true), message)
	end
	client:Disconnect()
end)

host.test("a name is answered by one file: the same one replaces its function, another one raises and names both", function()
	local client = kit.ready()
	local players = assert(realtime.Players(client, "c"))
	local function file(name) return CompileString("local players, fn = ... players:Answer('x', fn)", name) end
	local one, two = file("lua/autorun/server/one.lua"), file("lua/autorun/server/two.lua")
	one(players, function() end)
	one(players, function() end)
	kit.raises('"x" is answered by lua/autorun/server/one.lua already, so lua/autorun/server/two.lua cannot', two, players, function() end)
	one(players, nil)
	two(players, function() end)
	client:Disconnect()
end)
