-- unix; servers: real; redis: 5.0
-- The first example of docs/durable.md, pasted unchanged into two servers, each a process of its own: one dies in the
-- middle of a message; then come a restart of Redis, and a map change.

local processes = include("_processes.lua")
if host.map_number == 1 then
	host.put("data/realtime.json", processes.configuration("ttt-1"))
	host.put("addons/sales/lua/autorun/server/sales.lua", processes.example("docs/durable.md"))
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local durable, ranks = realtime.Durable(), realtime.Shared("ranks")
realtime.addon.durable_look = 0.3
local function is_sold(id) return ranks:Get(id) == "vip" end
local function length()
	local found
	durable:Stats("purchases", function(_, stats) found = stats and stats.length or -1 end)
	kit.wait("the figures", function() return found end)
	return found
end

local function start() return processes.start("ttt-2", "garrysmod/addons/sales") end

if host.map_number == 2 then
	host.test("two servers", function()
		RunConsoleCommand("sell", "1", "vip")
		kit.wait("the first rank", function() return is_sold("1") end)
		-- This one stops working, and the other one dies in the middle of a message.
		durable:Stop("purchases")
		local other = start()
		other.type('realtime.Durable():Work("purchases", function(purchase) print("working on " .. purchase.steamid) end, { patience = 1 })')
		other.type('print("it " .. "works")')
		other.says("it works")
		RunConsoleCommand("sell", "2", "vip")
		other.says("working on 2")
		kit.eq({ length(), is_sold("2") }, { 1, false })
		other.kill()
		-- No server works now, while Redis restarts and the map changes.
		RunConsoleCommand("sell", "3", "vip")
		kit.wait("its message", function() return length() == 2 end)
		host.real.command("SAVE")
		host.server.stop()
		kit.wait("the loss", function() return not ranks:IsReady() end)
		host.server.start()
		host.next_map()
	end)
	return
end

host.test("after the map change", function()
	kit.wait("both", function() return is_sold("2") and is_sold("3") end)
	kit.wait("an empty channel", function() return length() == 0 end)
	-- The other one is back, with the unchanged example, and alone.
	durable:Stop("purchases")
	local other = start()
	RunConsoleCommand("sell", "4", "vip")
	other.says("4 bought vip")
	kit.wait("its rank", function() return is_sold("4") end)
	other.quit()
end)
