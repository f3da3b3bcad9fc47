-- The cost of a large shared table: it is filled, read by one server and then by others, changed at a steady rate, and read again by
-- all of them at once while it changes. All servers are clients of this process, so a tick does the work of all.
--
--     cargo run --release -q -p gmod-host -- --server real --addon lua --timeout 300 tests/lua/addon/load/shared.lua servers=20
--
-- Ticks are measured in processor time of the main thread, without the garbage collections that the script asks for.

local kit = include("../../_kit.lua")
local realtime = include("realtime/load.lua")
local ticks = include("_ticks.lua")

local settings = { keys = 10000, bytes = 450, servers = 20, rate = 100, seconds = 5 }
for _, argument in ipairs(host.args) do
	local name, value = argument:match("^(%w+)=(%d+)$")
	if not settings[name] then error("load: there is no setting '" .. argument .. "'") end
	settings[name] = tonumber(value)
end

local function begin()
	ticks.Begin()
	return SysTime()
end

local number = 0
local function key(i) return string.format("7656119%010d", i % settings.keys) end
local function value()
	number = number + 1
	return { reason = tostring(number) .. ("x"):rep(settings.bytes - 60), by = "76561198000000001" }
end

local function server(i)
	local client = kit.connect({ id = "load-" .. i })
	client:On("down", function() end)
	return realtime.Shared("load", client, "load-" .. i)
end

host.test("load", function()
	local writer, open = server(0), 0
	kit.wait("the writer", function() return writer:IsReady() end)
	for i = 0, settings.keys - 1, 100 do
		local many = {}
		for j = i, math.min(i + 99, settings.keys - 1) do many[key(j)] = value() end
		open = open + 1
		writer:SetMany(many, function(err)
			assert(not err, tostring(err))
			open = open - 1
		end)
		kit.wait("room", function() return open < 3 end)
	end
	kit.wait("the table", function() return open == 0 end)

	-- Changes at a steady rate until a condition holds.
	local function change_until(condition)
		local start, sent = SysTime(), 0
		while not condition() do
			while sent < (SysTime() - start) * settings.rate do
				sent = sent + 1
				writer:Set(key(sent), value())
			end
			host.pass()
		end
		return sent
	end

	local readers = {}
	collectgarbage()
	collectgarbage()
	local memory = collectgarbage("count")
	local start = begin()
	readers[1] = server(1)
	kit.wait("the first reader", function() return readers[1]:IsReady() end)
	print(string.format("one server reads %d keys: %.2f s, %s", readers[1]:Count(), SysTime() - start, ticks.Said()))
	collectgarbage()
	collectgarbage()
	print(string.format("memory of a copy: %.1f MB", (collectgarbage("count") - memory) / 1024))

	local function all_ready()
		for _, reader in ipairs(readers) do
			if not reader:IsReady() then return false end
		end
		return true
	end
	for i = 2, settings.servers - 1 do readers[i] = server(i) end
	kit.wait("all readers", all_ready)
	local told = 0
	for _, reader in ipairs(readers) do reader:On("changed", function() told = told + 1 end) end
	start = begin()
	local sent = change_until(function() return SysTime() - start >= settings.seconds end)
	print(string.format("%d changes to %d servers: %s", sent, settings.servers, ticks.Said()))
	kit.wait("what was told", function() return told >= sent * #readers end)

	start = begin()
	host.server.drop()
	kit.wait("the loss", function() return not readers[1]:IsReady() end)
	change_until(all_ready)
	print(string.format("all read again while it changes: %.2f s, %s", SysTime() - start, ticks.Said()))
	local _, stats = writer.client:CommandSync({ "INFO", "commandstats" })
	for line in stats:gmatch("cmdstat_(evalsha:calls=%d+,usec=%d+,usec_per_call=[%d.]+)") do print("in Redis: " .. line) end
end)
