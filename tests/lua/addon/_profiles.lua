-- Shared by the suites of realtime.Profiles with a redis-server. Loaded with include("_profiles.lua").

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")
local world = { kit = kit, realtime = realtime, addon = realtime.addon }
world.addon.profiles_look = 0.1
-- This server has an id in its settings, so scripts are sent once.
function realtime.ServerId() return "ttt-1", true end
-- Lines are not limited, so that tests find the one that they look for.
function world.addon.SayRarely(_, text) world.addon.Say(text) end

-- SteamID64s that no other test has.
local made = math.floor(SysTime() * 1e6) % 1e8
function world.player_id()
	made = made + 1
	return string.format("7656119%010d", 8e9 + made)
end

-- A "server": profiles on a client of its own, and the documents that were taken from it.
function world.server(name, options, client_options)
	local client = kit.ready(client_options)
	local server = { client = client, id = kit.unique("s"), taken = {} }
	server.profiles = realtime.Profiles(name, options, client, server.id)
	server.profiles:On("taken", "test", function(owner, by) server.taken[#server.taken + 1] = { owner, by } end)
	kit.fence(client)
	return server
end

function world.close(...)
	for _, server in ipairs({ ... }) do server.client:Disconnect() end
end
-- Its process dies, and releases nothing.
world.kill = world.close

-- Its Lua state ends normally: first hooks run, then modules are closed.
function world.shut_down(server) hook.GetTable().ShutDown["realtime.Profiles " .. server.id .. " " .. server.profiles:Name()]() end
function world.say_goodbye(server) realtime.addon.goodbyes.Profiles[server.profiles]() end
function world.leave(server)
	world.shut_down(server)
	world.say_goodbye(server)
	realtime.addon.RemoveTask(server.profiles) -- no further tick
	kit.command(server.client, { "PING" })
	server.client:Disconnect()
end

-- Calls a method that takes a callback last, and waits for it.
function world.done(server, method, ...)
	local got = kit.recorder()
	local arguments, count = { ... }, select("#", ...)
	arguments[count + 1] = got.fn
	assert(server.profiles[method](server.profiles, unpack(arguments, 1, count + 1)))
	kit.eq(#got, 0, "a callback inside the call")
	kit.wait("the answer to " .. method, function() return #got > 0 end)
	return unpack(got[1], 1, 2)
end
function world.opens(server, id, want)
	local err, data = world.done(server, "Open", id)
	kit.eq({ err and err.code, data }, { nil, want })
	return data
end
-- The field in Redis.
function world.field(server, id, field) return host.real.command("HGET", "realtime:profiles:{" .. server.profiles:Name() .. "}:" .. id, field) end

return world
