-- A map change sends the other servers a goodbye, which says that the server may come back.

local kit = include("../_kit.lua")

host.run(function()
	if host.map_number == 2 then
		assert(host.kept("heard") == "going", tostring(host.kept("heard")))
		host.exit(0)
	end
	local addon = realtime.addon
	addon.presence_interval = 1000
	local going, staying = realtime.Presence(kit.ready(), "going"), realtime.Presence(kit.ready(), "staying")
	kit.wait("they know each other", function() return staying:Server("going") end)
	staying:On("changed", function(server) host.keep("heard", server.away and server.id) end)
	-- The other server is in this Lua state, too: it listens in place of its own goodbye.
	addon.RemoveGoodbye("Presence", staying)
	local goodbye = addon.goodbyes.Presence[going]
	addon.AddGoodbye("Presence", going, function()
		goodbye()
		kit.block_until("the goodbye", function()
			realtime.ProcessEvents()
			return host.kept("heard")
		end)
	end)
	-- Such hooks of other addons keep later ones from running.
	hook.Add("ShutDown", "returns", function() return true end)
	host.next_map()
end)
