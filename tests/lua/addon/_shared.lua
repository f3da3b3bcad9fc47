-- Shared by the suites of realtime.Shared. Loaded with include("_shared.lua").

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")
local addon = realtime.addon
local world = { kit = kit, realtime = realtime, addon = addon }
addon.shared_spread, addon.shared_patience = 0, 0.3

-- A table on a client of its own.
function world.server(name, id, options, client_options)
	local client = kit.ready(client_options)
	return realtime.Shared(name, options, client, id or kit.unique("s")), client
end
function world.ready(...)
	for _, shared in ipairs({ ... }) do kit.wait(tostring(shared), function() return shared:IsReady() end) end
end
function world.pair(options)
	local name = kit.unique("t")
	local a, b = world.server(name, "a", options), world.server(name, "b", options)
	world.ready(a, b)
	return a, b, name
end
function world.close(...)
	for _, shared in ipairs({ ... }) do shared.client:Disconnect() end
end
-- Calls a method that takes a callback last, and waits for it.
function world.done(shared, method, ...)
	local got = kit.recorder()
	local arguments, count = { ... }, select("#", ...)
	arguments[count + 1] = got.fn
	assert(shared[method](shared, unpack(arguments, 1, count + 1)))
	kit.eq(#got, 0, "a callback inside the call")
	kit.wait("the answer to " .. method, function() return #got > 0 end)
	return unpack(got[1], 1, 3)
end
function world.raw(shared, ...)
	local err, reply = kit.command(shared.client, { ... })
	assert(not err, tostring(err))
	return reply
end
function world.sees(shared, key, value)
	kit.wait(tostring(shared) .. "." .. key, function() return kit.same(shared:Get(key), value) end)
end

return world
