-- Players as arguments of helpers: the accepted forms, and the errors for others.

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")

-- Like a method.
local function method(value) return (realtime.addon.SteamID64("Method", 2, value)) end

host.test("a player, his SteamID64 and his STEAM_0 are the same", function()
	local alice = host.players.add({ steamid64 = "76561198000000001" })
	for _, value in ipairs({ alice, "76561198000000001", alice:SteamID() }) do kit.eq(method(value), "76561198000000001") end
	host.players.leave(alice)
	kit.raises("bad argument #2 to 'Method' %(a player expected, got ", method, alice)
end)

host.test("what is no player raises where the method was called", function()
	kit.raises("_once.lua:%d+: bad argument #2 to 'Method' %(a number cannot hold a SteamID64: write it in quotes%)", function() method(76561198000000001) end)
	local bot = host.players.add({ bot = true })
	kit.raises("got a bot%)", method, bot)
	for _, value in ipairs({ "Alice", "", "7656119800000000", "STEAM_0:2:1", "765611980000000011", ("7"):rep(1000), true, {} }) do
		kit.raises('a player, a SteamID64 in quotes or a "STEAM_0:…" expected, got ', method, value)
	end
	kit.raises("got nil", method, nil)
end)
