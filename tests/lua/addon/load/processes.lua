-- unix
-- The cost of a large shared table and many durable messages for servers in processes of their own, each with its main thread: a table of
-- 10,000 keys on 20 servers that is read, changed at a steady rate, and read again by all while it changes; a backlog of 100,000 messages,
-- and 1,000 messages a second, on three servers. It needs an idle machine, and prints the load average.
--
--     cargo run --release -q -p gmod-host -- --server real --addon lua --timeout 600 tests/lua/addon/load/processes.lua servers=20
--
-- Ticks are measured in processor time of the main threads: the median of the servers and the worst one, and the parts of the longest
-- tick of all. gc=0 and jit=0 do without LuaJIT's collector and compiler, strings=0 without other addons' strings: to see their cost.

local processes = include("../_processes.lua")
local settings = { keys = 10000, bytes = 450, servers = 20, rate = 100, seconds = 20, settle = 2, backlog = 100000, messages = 1000, readers = 3,
	snapshot = 0, gc = 1, jit = 1, strings = 70000 }
for _, argument in ipairs(host.args) do
	local name, value = argument:match("^(%w+)=(%d+)$")
	if not settings[name] then error("load: there is no setting '" .. argument .. "'") end
	settings[name] = tonumber(value)
end
local kit = include("../../_kit.lua")
local realtime = include("realtime/load.lua")
local HERE = "tests/lua/addon/load/"
host.put("load/lua/autorun/server/load.lua", processes.read(HERE .. "_processes_server.lua"))
host.put("load/lua/_ticks.lua", processes.read(HERE .. "_ticks.lua"))
function realtime.ServerId() return "writer", true end
local client = kit.connect({ id = "writer" })
for _, event in ipairs({ "down", "gap" }) do client:On(event, "load", function() end) end
local servers, asked = {}, 0
local function start_one(name, kind)
	local server = processes.start(name, "garrysmod/load")
	server.wait("Load ~= nil", "true")
	if settings.gc == 0 then server.type('collectgarbage("stop")') end
	if settings.jit == 0 then server.type("jit.off()") end
	server.type(string.format('HaveStrings(%d) Load("%s", %s)', settings.strings, kind, settings.snapshot == 1))
	return server
end
local function start(count, kind)
	for i = #servers + 1, count do servers[i] = start_one("load-" .. i, kind) end
end
local function each(line)
	for _, server in ipairs(servers) do server.type(line) end
end
local NAMES = { "ticks", "sum", "p50", "p99", "max", "told", "heard", "worked", "ready", "lua", "rss" }
local function figures()
	asked = asked + 1
	local all, pattern = {}, "figures " .. asked .. " ([^\n]+)\n"
	local longest = "longest " .. asked .. " ([^\n]+)\n"
	each("Figures(" .. asked .. ")")
	for i, server in ipairs(servers) do
		local line
		kit.wait("figures", function()
			line = server.said():match(pattern)
			return line
		end)
		all[i] = {}
		for j, number in ipairs(string.Explode(" ", line)) do all[i][NAMES[j]] = tonumber(number) end
		all[i].longest = server.said():match(longest)
	end
	local function spread(name, form)
		local list = {}
		for i, found in ipairs(all) do list[i] = found[name] end
		table.sort(list)
		return string.format(form .. " (at most " .. form .. ")", list[math.ceil(#list / 2)], list[#list])
	end
	return all, spread
end
local function sum(all, name)
	local total = 0
	for _, found in ipairs(all) do total = total + found[name] end
	return total
end
local function said(what, all, spread)
	print(string.format("%s: ticks p50 %s, p99 %s, max %s ms", what, spread("p50", "%.2f"), spread("p99", "%.2f"), spread("max", "%.2f")))
	table.sort(all, function(a, b) return a.max > b.max end)
	print("    the longest: " .. all[1].longest)
end
local function load_average() return processes.shell("cut -d' ' -f1-3 /proc/loadavg"):Trim() end
local function longest()
	local most, of = 0, nil
	for _, entry in ipairs(host.real.command("SLOWLOG", "GET", "128")) do
		if entry[3] > most then most, of = entry[3], table.concat(entry[4], " "):sub(1, 100) end
	end
	host.real.command("SLOWLOG", "RESET")
	local memory = host.real.command("INFO", "memory"):match("used_memory:(%d+)")
	print(string.format("Redis: %.1f MB, longest command %s; load average %s", memory / 1048576,
		most > 0 and string.format("%.1f ms, of %s", most / 1000, of) or "less than 1 ms", load_average()))
end
local function pass(seconds)
	local stop = SysTime() + seconds
	host.wait(function() return SysTime() >= stop end, seconds + 60, "some seconds")
end
local function quit()
	for _, server in ipairs(servers) do server.quit() end
	servers = {}
end

host.test("a shared table", function()
	host.real.command("CONFIG", "SET", "slowlog-log-slower-than", "1000")
	kit.wait("the connection", function() return client:IsConnected() end)
	local writer, open, number = realtime.Shared("load", client, "writer"), 0, 0
	local function key(i) return string.format("7656119%010d", i % settings.keys) end
	local function value()
		number = number + 1
		return { reason = tostring(number) .. ("x"):rep(settings.bytes - 60), by = "76561198000000001" }
	end
	local function answered(err)
		assert(not err, tostring(err))
		open = open - 1
	end
	kit.wait("the writer", function() return writer:IsReady() end)
	for i = 0, settings.keys - 1, 100 do
		local many = {}
		for j = i, math.min(i + 99, settings.keys - 1) do many[key(j)] = value() end
		open = open + 1
		writer:SetMany(many, answered)
		kit.wait("room", function() return open < 3 end)
	end
	kit.wait("the table", function() return open == 0 end)
	print("load average before: " .. load_average())
	start(1, "shared")
	servers[1].wait("IsReady()", tostring(settings.keys))
	local all, spread = figures()
	print(string.format("one server reads %d keys in %.2f s; its Lua has %.1f MB, its process %.1f MB", settings.keys, all[1].ready, all[1].lua, all[1].rss))
	said("meanwhile", all, spread)
	start(settings.servers, "shared")
	for _, server in ipairs(servers) do server.wait("IsReady()", tostring(settings.keys)) end
	longest()

	each("Begin()")
	pass(settings.seconds / 2)
	all, spread = figures()
	local idle = sum(all, "sum") / sum(all, "ticks")
	said("nothing changes", all, spread)
	local function change_until(condition)
		local from, sent = SysTime(), 0
		while not condition() do
			while sent < (SysTime() - from) * settings.rate do
				sent, open = sent + 1, open + 1
				assert(writer:Set(key(sent * 7), value(), function(err)
					open = open - 1
					assert(not err or err.code == "DISCONNECTED", tostring(err))
				end))
			end
			host.pass()
		end
		return sent
	end
	each("Begin()")
	local from = SysTime()
	local sent = change_until(function() return SysTime() - from >= settings.seconds end)
	kit.wait("the answers", function() return open == 0 end)
	pass(settings.settle)
	all, spread = figures()
	for _, found in ipairs(all) do assert(found.told >= sent - settings.rate, found.told) end
	local busy = sum(all, "sum") - sum(all, "ticks") * idle
	said(string.format("%d changes, %.0f a second, to %d servers", sent, sent / settings.seconds, #servers), all, spread)
	print(string.format("main thread: %.3f ms for each change, beyond what a tick takes by itself (%.3f ms)", busy / sum(all, "told"), idle))
	longest()

	each("Begin()")
	host.server.drop()
	local next_look = SysTime() + settings.settle / 2
	change_until(function()
		if SysTime() < next_look then return false end
		for _, server in ipairs(servers) do server.wait("IsReady()", tostring(settings.keys)) end
		return true
	end)
	kit.wait("the answers", function() return open == 0 end)
	all, spread = figures()
	said("all read again while it changes, ready after " .. spread("ready", "%.2f") .. " s", all, spread)
	print("memory: Lua " .. spread("lua", "%.1f") .. " MB, the process " .. spread("rss", "%.1f") .. " MB")
	longest()
	quit()
end)

host.test("durable messages", function()
	local durable, open = realtime.Durable(client, "writer"), 0
	local text = ("x"):rep(200)
	local function publish(channel, i)
		open = open + 1
		assert(durable:Publish(channel, { number = i, text = text }, function(err)
			assert(not err, tostring(err))
			open = open - 1
		end))
	end
	local function fill(channel, count)
		for i = 1, count do
			publish(channel, i)
			if open >= 1000 then host.wait(function() return open < 500 end, 60, "room") end
		end
		host.wait(function() return open == 0 end, 60, "the backlog")
	end
	-- A server first sets how many are kept.
	local first = start_one("load-first", "durable")
	kit.wait("the channels", function()
		return host.real.command("HGET", "realtime:durable:{load.news}:about", "keep") == "200000"
			and host.real.command("HGET", "realtime:durable:{load.work}:about", "keep") == "200000"
	end)
	first.kill()
	for _, channel in ipairs({ "load.news", "load.work" }) do fill(channel, settings.backlog) end
	longest()
	local from = SysTime()
	start(settings.readers, "durable")
	local all, spread
	host.wait(function()
		pass(settings.settle / 2)
		all, spread = figures()
		for _, found in ipairs(all) do if found.heard < settings.backlog then return false end end
		return sum(all, "worked") >= settings.backlog
	end, 500, "the backlog")
	print(string.format("a backlog of %d for each of %d servers, and as many to work on, in %.1f s", settings.backlog, #servers, SysTime() - from))
	said("meanwhile", all, spread)
	longest()
	for _, channel in ipairs({ "news", "work" }) do
		each("Begin()")
		from = SysTime()
		local sent = 0
		while SysTime() - from < settings.seconds do
			while sent < (SysTime() - from) * settings.messages do
				sent = sent + 1
				publish("load." .. channel, sent)
			end
			host.pass()
		end
		host.wait(function() return open == 0 end, 60, "the answers")
		pass(settings.settle)
		all, spread = figures()
		said(string.format("%d messages of %s, %.0f a second (%d handled)", sent, channel, sent / settings.seconds,
			sum(all, channel == "news" and "heard" or "worked")), all, spread)
		longest()
	end
	print("memory: Lua " .. spread("lua", "%.1f") .. " MB, the process " .. spread("rss", "%.1f") .. " MB")
	quit()
end)
