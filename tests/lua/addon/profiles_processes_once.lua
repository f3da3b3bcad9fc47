-- unix; servers: real; redis: 5.0
-- The example wallet.lua in three servers, each a process of its own: one stands still for longer than its lease, one is killed, and one
-- changes its map.

local processes = include("_processes.lua")
-- A short lease, so that the test need not wait for half a minute.
local example = "include('realtime/load.lua').addon.profiles_lease = 5\n" .. processes.read("lua/examples/wallet.lua")

if host.map_number == 1 then
	host.put("data/realtime.json", processes.configuration("ttt-1"))
	host.put("addons/wallet/lua/autorun/server/wallet.lua", example)
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local ID = "76561198000000001"
local alice
local function points() return IsValid(alice) and Wallet.Points(alice) end
local function join() alice = assert(host.players.add({ name = "Alice", steamid64 = ID })) end

local function start(name)
	local server = processes.start(name, "garrysmod/addons/wallet")
	server.type("ply = host.players.add({ name = 'Alice', steamid64 = '" .. ID .. "' })")
	server.type("timer.Create('look', 0.1, 0, function() if Wallet.Points(ply) then timer.Remove('look') print('points: ' .. Wallet.Points(ply)) end end)")
	return server
end

if host.map_number == 2 then
	host.test("three servers", function()
		local second = start("ttt-2")
		second.says("points: 100")
		second.type("Wallet.Charge(ply, 70, 'crowbar', function(err) print('charged: ' .. tostring(err)) end)")
		second.says("charged: nil")
		second.type("print(Wallet.Give(ply, 5), 'and not saved')")
		second.says("and not saved")
		-- It stands still for longer than the lease, and she joins this server.
		second.signal("STOP")
		join()
		kit.wait("her wallet", function() return points() == 30 end)
		Wallet.Give(alice, 12)
		second.signal("CONT")
		second.says("changes since the last save are lost")
		second.says("You play on ttt-1 now")
		kit.eq(points(), 42, "she keeps it")
		host.players.leave(alice)
		-- On to a third one, which is killed.
		local third = start("ttt-3")
		third.says("points: 42")
		third.type("print(Wallet.Give(ply, 1000), 'and not saved')")
		third.says("and not saved")
		third.kill()
		join()
		kit.wait("her wallet", function() return points() == 42 end)
		-- Back to the second one, which asks for it.
		Wallet.Give(alice, 1)
		second.type("ply = host.players.add({ name = 'Alice', steamid64 = '" .. ID .. "' })")
		second.type("timer.Create('look', 0.1, 0, function() if Wallet.Points(ply) then timer.Remove('look') print('again: ' .. Wallet.Points(ply)) end end)")
		second.says("again: 43")
		kit.wait("the kick", function() return host.players.seen(alice).left == "You play on ttt-2 now" end)
		second.quit()
		join()
		kit.wait("her wallet", function() return points() == 43 end)
		Wallet.Give(alice, 1)
		host.next_map()
	end)
	return
end

host.test("after the map change", function()
	join()
	kit.wait("her wallet", function() return points() == 44 end)
	host.players.leave(alice)
end)
