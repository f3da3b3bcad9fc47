-- Cost of many durable messages: a backlog that a subscriber reads, and a steady rate to subscribers and workers. All servers are clients
-- of this process, so a tick does the work of all.
--
--     cargo run --release -q -p gmod-host -- --server real --addon lua --timeout 300 tests/lua/addon/load/durable.lua backlog=100000
--
-- Ticks are measured in processor time of the main thread.

local kit = include("../../_kit.lua")
local realtime = include("realtime/load.lua")
local ticks = include("_ticks.lua")

local settings = { backlog = 100000, keep = 200000, bytes = 200, servers = 3, rate = 1000, seconds = 5, parallel = 50 }
for _, argument in ipairs(host.args) do
	local name, value = argument:match("^(%w+)=(%d+)$")
	if not settings[name] then error("load: there is no setting '" .. argument .. "'") end
	settings[name] = tonumber(value)
end

local function begin()
	ticks.Begin()
	return SysTime()
end

local function server(i)
	local client = kit.connect({ id = "load-" .. i })
	client:On("down", function() end)
	return realtime.Durable(client, "load-" .. i)
end
local text = ("x"):rep(settings.bytes)

host.test("load", function()
	host.real.command("CONFIG", "SET", "slowlog-log-slower-than", "1000")
	local writer, open = server(0), 0
	local function answered(err)
		assert(not err, tostring(err))
		open = open - 1
	end
	local function publish(channel, i)
		open = open + 1
		writer:Publish(channel, { number = i, text = text }, answered)
	end
	kit.wait("the writer", function() return writer.client:IsConnected() end)
	local got, start = 0, nil
	writer:Subscribe("backlog", function() got = got + 1 end, { keep = settings.keep, from = "start" })
	local is_there
	writer:On("ready", "load", function() is_there = true end)
	kit.wait("the place", function() return is_there end)
	writer:Stop("backlog")
	for i = 1, settings.backlog do
		publish("backlog", i)
		if open >= 1000 then host.wait(function() return open < 500 end, 60, "room") end
	end
	host.wait(function() return open == 0 end, 60, "the backlog")
	start = begin()
	writer:Subscribe("backlog", function() got = got + 1 end, { keep = settings.keep })
	host.wait(function() return got >= settings.backlog end, 250, "all of it")
	local seconds = SysTime() - start
	print(string.format("a backlog of %d is read in %.1f s, %.0f a second: %s", got, seconds, got / seconds, ticks.Said()))
	writer:Stop("backlog")

	local servers, heard, worked = {}, 0, 0
	for i = 1, settings.servers do
		servers[i] = server(i)
		servers[i]:Subscribe("news", function() heard = heard + 1 end, { keep = settings.keep, from = "start" })
		servers[i]:Work("work", function(_, _, done)
			worked = worked + 1
			done()
		end, { parallel = settings.parallel, keep = settings.keep })
	end
	for _, channel in ipairs({ "news", "work" }) do
		heard, worked = 0, 0
		start = begin()
		local sent = 0
		while SysTime() - start < settings.seconds do
			while sent < (SysTime() - start) * settings.rate do
				sent = sent + 1
				publish(channel, sent)
			end
			host.pass()
		end
		host.wait(function() return open == 0 and (heard == sent * settings.servers or worked == sent) end, 60, "all of it")
		print(string.format("%d messages of %s to %d servers in %.1f s: %s", sent, channel, settings.servers, SysTime() - start, ticks.Said()))
	end
	local longest, of = 0, nil
	for _, entry in ipairs(host.real.command("SLOWLOG", "GET", "128")) do
		if entry[3] > longest then longest, of = entry[3], table.concat(entry[4], " "):sub(1, 400) end
	end
	print("Redis's longest command: " .. (longest > 0 and string.format("%.1f ms, of %s", longest / 1000, of) or "less than 1 ms"))
end)
