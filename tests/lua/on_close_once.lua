-- realtime.OnClose: a function that the module calls when the Lua state ends, after all ShutDown hooks.

local kit = include("_kit.lua")

local maps = {
	function(client)
		realtime.OnClose(function() error("it was replaced") end)
		local hooks = 0
		hook.Add("ShutDown", "counts", function() hooks = hooks + 1 end)
		realtime.OnClose(function()
			host.keep("hooks", hooks)
			local err, reply = client:CommandSync({ "PING" })
			host.keep("answer", tostring(err or reply))
			client:Command({ "SET", "last words", "map 1" })
		end)
	end,
	function(client)
		kit.eq({ host.kept("hooks"), host.kept("answer"), select(2, kit.command(client, { "GET", "last words" })) }, { 1, "PONG", "map 1" })
		realtime.OnClose(function()
			client:Command({ "SET", "last words", "map 2" })
			error("the end of map 2")
		end)
	end,
	function(client)
		-- It is reported with its traceback; by print, because the game's own functions for that may crash it then.
		local console = table.concat(host.console(), "\n")
		assert(console:find("on_close_once.lua:%d+: the end of map 2\nstack traceback:"), console)
		kit.eq({ #host.errors(), select(2, kit.command(client, { "GET", "last words" })) }, { 0, "map 2" })
		realtime.OnClose(function() host.keep("forgotten", true) end)
		realtime.OnClose()
	end,
	function(client)
		kit.eq(host.kept("forgotten"), nil)
		-- The map ends in any case.
		realtime.OnClose(function()
			client:Disconnect()
			realtime.OnClose(function() host.keep("again", (host.kept("again") or 0) + 1) end)
			kit.connect():Publish("x", "y")
			realtime.ProcessEvents(1)
			collectgarbage()
		end)
	end,
}

if maps[host.map_number] then
	host.run(function()
		maps[host.map_number](kit.ready())
		host.next_map()
	end)
else
	host.test("the last word is heard, an error in it is told, and the map ends", function() kit.eq(host.kept("again"), nil) end)
end
