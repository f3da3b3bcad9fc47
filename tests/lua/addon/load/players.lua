-- Cost of realtime.Players: servers with players each, all of them clients of this process. Times are processor time of the main thread.
--
--     cargo run --release -q -p gmod-host -- --server real --addon lua --timeout 300 tests/lua/addon/load/players.lua servers=20 players=100

local world = include("../_players.lua")
local kit = world.kit

local settings = { servers = 20, players = 100, seconds = 30 }
for _, argument in ipairs(host.args) do
	local name, value = argument:match("^(%w+)=(%d+)$")
	if not settings[name] then error("load: there is no setting '" .. argument .. "'") end
	settings[name] = tonumber(value)
end

local function figures()
	local found = {}
	for _, section in ipairs({ "commandstats", "stats" }) do
		for name, value in tostring(host.real.command("INFO", section)):gmatch("([%w_|]+):([^\r\n]+)") do found[name] = value end
	end
	return found
end
local function calls(found)
	local all, list = 0, {}
	for name, value in pairs(found) do
		local count = tonumber(value:match("^calls=(%d+)"))
		if count then
			name = name:gsub("^cmdstat_", "")
			list[name], all = count, all + count
		end
	end
	return list, all
end
-- fn(), `count` times: microseconds each.
local function cost(count, fn)
	local from = host.thread_time()
	for i = 1, count do fn(i) end
	return (host.thread_time() - from) / count * 1e6
end

host.test("players", function()
	local servers, ids = {}, {}
	function world.realtime.ServerId() return "load", true end -- only such a server calls scripts by their digests
	for i = 1, settings.servers do
		servers[i] = world.server("load-" .. i)
		servers[i].client:On("down", function() end)
	end
	local from, began = host.thread_time(), SysTime()
	for i, server in ipairs(servers) do
		for j = 1, settings.players do
			local id = string.format("7656119%010d", 8000000000 + i * 1000 + j)
			ids[#ids + 1] = id
			server.join(id, { name = "Player " .. i .. "." .. j })
		end
	end
	kit.wait("all to know all", function()
		for _, server in ipairs(servers) do
			if table.Count(server.players.index) < #ids then return false end
		end
		return true
	end)
	print(string.format("%d servers know %d players each %.1f s after they joined, all at once: %.1f ms of processor for each server", #servers, #ids,
		SysTime() - began, (host.thread_time() - from) * 1000 / #servers))

	-- Heartbeats alone.
	local before, times = figures(), {}
	for _, server in ipairs(servers) do
		local players = server.players
		server.addon.AddTask(players, function(now)
			local at = host.thread_time()
			for _, part in ipairs({ "stays", "register", "posting", "delivery" }) do server.addon["players_" .. part].Tick(players, now) end
			times[#times + 1] = host.thread_time() - at
		end)
	end
	local cpu, time = host.thread_time(), SysTime()
	kit.wait("some time", function() return SysTime() - time >= settings.seconds end)
	local seconds, used = SysTime() - time, host.thread_time() - cpu
	local after = figures()
	local first, all_first = calls(before)
	local last, all_last = calls(after)
	print(string.format("nobody comes or goes: %.0f commands a second in Redis, those in scripts included; %.1f KB/s to it, %.1f KB/s from it",
		(all_last - all_first) / seconds, (after.total_net_input_bytes - before.total_net_input_bytes) / seconds / 1000,
		(after.total_net_output_bytes - before.total_net_output_bytes) / seconds / 1000))
	for name, count in SortedPairsByValue(last, true) do
		local rate = (count - (first[name] or 0)) / seconds
		if rate >= 1 then print(string.format("    %-16s %.1f a second", name, rate)) end
	end
	local function usec(found) return tonumber((found.cmdstat_evalsha or ""):match("usec=(%d+)")) or 0 end
	print(string.format("    a sync takes Redis %.0f microseconds", (usec(after) - usec(before)) / (last.evalsha - first.evalsha)))
	table.sort(times)
	local function at(share) return times[math.max(1, math.ceil(#times * share))] * 1e6 end
	print(string.format("    a tick of a server: p50 %.0f, p99 %.0f, max %.0f microseconds; %.2f %% of a core for each server, presence and messages included",
		at(0.5), at(0.99), at(1), used / seconds / #servers * 100))

	local one = servers[1]
	print(string.format("Find: %.0f microseconds; Where: %.1f", cost(200, function() one.players:Find("player 7.7") end),
		cost(2000, function(i) one.players:Where(ids[i % #ids + 1]) end)))
	world.close(unpack(servers))
end)
