-- A map change says goodbye to the other servers by itself, and that it may come back.

local kit = include("../_kit.lua")

host.run(function()
	if host.map_number == 2 then
		assert(host.kept("heard") == "going", tostring(host.kept("heard")))
		host.exit(0)
	end
	realtime.addon.presence_interval = 1000
	local going, staying = realtime.Presence(kit.ready(), "going"), realtime.Presence(kit.ready(), "staying")
	kit.wait("they know each other", function() return staying:Server("going") end)
	staying:On("changed", function(server) host.keep("heard", server.away and server.id) end)
	-- The other server is in this Lua state, too: it listens when all hooks have run, once its own goodbye is out of the way.
	hook.Remove("ShutDown", "realtime.Presence staying")
	local call = hook.Call
	function hook.Call(event, ...)
		call(event, ...)
		if event ~= "ShutDown" then return end
		kit.block_until("the goodbye", function()
			realtime.ProcessEvents()
			return host.kept("heard")
		end)
	end
	host.next_map()
end)
