-- Cost of realtime.Profiles: servers with players each, all of them clients of this process. Times are processor time of the main thread.
--
--     cargo run --release -q -p gmod-host -- --server real --addon lua --timeout 300 tests/lua/addon/load/profiles.lua servers=20 players=100

local world = include("../_profiles.lua")
local kit = world.kit

local settings = { servers = 20, players = 100, seconds = 60, items = 40 }
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
local function scripts(found) return tonumber((found.cmdstat_evalsha or ""):match("calls=(%d+)")) or 0 end

host.test("profiles", function()
	local servers, documents = {}, {}
	function realtime.ServerId() return "load", true end -- only such a server calls scripts by their digests
	for i = 1, settings.servers do servers[i] = world.server("load") end
	local opened, from, began = 0, host.thread_time(), SysTime()
	for i, server in ipairs(servers) do
		for j = 1, settings.players do
			local id = string.format("7656119%010d", 8000000000 + i * 1000 + j)
			server.profiles:Open(id, function(err)
				assert(not err, err)
				local document = { points = 0, items = {} }
				for k = 1, settings.items do document.items["item_" .. k] = { count = k, wear = 0.5 } end
				server.profiles:Save(id, document)
				documents[#documents + 1] = document
				opened = opened + 1
			end)
		end
	end
	local count = settings.servers * settings.players
	kit.wait("all documents", function() return opened == count end)
	print(string.format("%d documents opened on %d servers in %.1f s: %.0f microseconds of processor each", count, #servers, SysTime() - began,
		(host.thread_time() - from) / count * 1e6))
	for _, share in ipairs({ 0, 1 }) do
		local before, cpu, time, round = figures(), host.thread_time(), SysTime(), 0
		kit.wait("some time", function()
			if SysTime() - time >= settings.seconds then return true end
			round = round + 1
			for i = round % 60 + 1, #documents * share, 60 do documents[i].points = round end
		end)
		local after, seconds = figures(), SysTime() - time
		print(string.format("%s: %.1f scripts a second in Redis; %.1f KB/s to it, %.1f KB/s from it; %.2f %% of a core for each server",
			share == 0 and "nobody earns anything" or "everybody earns all the time", (scripts(after) - scripts(before)) / seconds,
			(after.total_net_input_bytes - before.total_net_input_bytes) / seconds / 1000,
			(after.total_net_output_bytes - before.total_net_output_bytes) / seconds / 1000, (host.thread_time() - cpu) / seconds / #servers * 100))
	end
	from, began = host.thread_time(), SysTime()
	for _, server in ipairs(servers) do world.leave(server) end
	print(string.format("the end of the map: %.1f ms for each server", (host.thread_time() - from) / #servers * 1000))
	world.close(unpack(servers))
end)
