-- Memory runs out while the module is set up, at another allocation on each map: `require` fails, and the map ends as usual.

local MOST = 1000

local before = host.map_number - 1
host.run(function()
	collectgarbage()
	collectgarbage("stop")
	host.fail_alloc_after(before)
	local ok, reason = pcall(require, "realtime")
	host.fail_alloc_after(nil)
	collectgarbage("restart")
	if not ok then
		assert(tostring(reason):find("memory", 1, true), reason)
		assert(before < MOST, "needs more than " .. MOST .. " allocations")
		host.next_map()
	end
	assert(before > 100, before .. " allocations for all functions")
	assert(realtime.DecodeJson("[1]")[1] == 1)
	host.exit(0)
end)
