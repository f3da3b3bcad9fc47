-- servers: real; redis: 5.0
-- The end of a Lua state among ShutDown hooks of other addons: the helpers always give back all that they hold, and whatever a hook
-- publishes, sets and saves arrives. The leases are longer than this test. On the first map hooks of others end the round
-- before any of ours; on the second all of them run.

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")
local PLAYER = "76561198000000001"
local NAME = "goodbye"

-- Checks the state in Redis that the end of that map must leave.
local function check(map)
	local function get(key, field) return host.real.command("HGET", key, field) end
	local profile = "realtime:profiles:{" .. NAME .. "}:" .. PLAYER
	local instance = tostring(get("realtime:players:{players}:claims", host.kept("player"))):match("^%S+ %S+ (%S+)")
	assert(tostring(get("realtime:players:{players}:instances", instance)):find(" loading " .. host.kept("player"), 1, true), "the player")
	kit.eq({
		get(profile, "holder"), get(profile, "data"), get("realtime:once:{" .. NAME .. "}", "state"),
		host.real.command("GET", "last words"),
	}, { "", '{"points":' .. map .. "}", "free", tostring(map) })
	assert(tostring(get("realtime:shared:{" .. NAME .. "}", "key")):find("map " .. map, 1, true), "the shared table")
end

local function play(map)
	local client = kit.ready()
	if map > 1 then check(map - 1) end
	local durable, players = realtime.Durable(client, "one"), realtime.Players(client, "one")
	local profiles, shared = realtime.Profiles(NAME, client, "one"), realtime.Shared(NAME, client, "one")
	local ply, held, opened, runs = host.players.add({ name = "Alice" }), 0, false, 0
	host.keep("player", ply:SteamID64())
	assert(durable:Work("work", function() held = held + 1 end, { patience = 3600, parallel = 10 }))
	assert(realtime.Once(NAME, function() runs = runs + 1 end, { lease = 3600 }, client, "one"))
	profiles:Open(PLAYER, function(err)
		assert(not err, err)
		opened = true
	end)
	if map == 1 then durable:Publish("work", "first") end
	kit.wait("all of it", function()
		return held == map and opened and runs == 1 and shared:IsReady() and players:Where(ply:SteamID64()) == "one"
	end)
	if map == 3 then return end
	-- Redis forgets the scripts, and nobody learns of it any more.
	host.real.command("SCRIPT", "FLUSH")
	local function last()
		profiles:Save(PLAYER, { points = map })
		shared:Set("key", "map " .. map)
		durable:Publish("work", "at the end of map " .. map)
		client:Command({ "SET", "last words", map })
	end
	local call = hook.Call
	function hook.Call(event, ...)
		if event ~= "ShutDown" then return call(event, ...) end
		if map == 2 then call(event, ...) end
		last()
		error("the last hook raises")
	end
	hook.Add("ShutDown", "returns", function() return true end)
	host.expect_errors(1)
	host.next_map()
end

if host.map_number < 3 then
	host.run(function() play(host.map_number) end)
else
	host.test("what helpers hold, and what hooks send, is told whatever the hooks do", function() play(3) end)
end
