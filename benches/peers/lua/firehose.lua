-- Messages as fast as the server sends them, each into a callback, up to the one that says "end".
-- gmod-host benches/peers/lua/firehose.lua port=PORT [authority=FILE]: a server that starts to send once a client
-- subscribes to "firehose"; with the file of an authority's certificate, over TLS.

require("realtime")

local settings = {}
for _, argument in ipairs(host.args) do
	local key, value = argument:match("^(%w+)=(.*)$")
	if not key then error("key=value is expected, not " .. argument) end
	settings[key] = value
end
assert(settings.port, "port=PORT is missing")

local count, ended = 0, false

-- The same callback as in benches/peers/c/firehose_lua.c.
local function callback(message, channel)
	if message == "end" then ended = true else count = count + 1 end
end

local function total(threads)
	local seconds = 0
	for _, spent in pairs(threads) do seconds = seconds + spent end
	return seconds
end

host.run(function()
	local client = realtime.Connect((settings.authority and "rediss" or "redis") .. "://127.0.0.1:" .. settings.port, {
		overflow = "pause",
		protocol = tonumber(settings.protocol),
		tls_ca = settings.authority,
	})
	client:Subscribe("firehose", callback)
	local deadline = SysTime() + 50
	-- One callback at a time up to the first message, when the clock starts.
	while count == 0 do
		if realtime.ProcessEvents(0) == 0 then host.block(0.001) end
		assert(SysTime() < deadline, "no message came")
	end
	local started, cpu_before = SysTime(), host.cpu()
	while not ended do
		-- No tick budget: everything that waits. If nothing does, a pause as between two frames, but a short one.
		if realtime.ProcessEvents(math.huge) == 0 then host.block(0.001) end
		assert(SysTime() < deadline, "the end did not come")
	end
	local seconds, cpu = SysTime() - started, host.cpu()
	print("= messages " .. count)
	print("= seconds " .. string.format("%.9f", seconds))
	print("= cpu_seconds " .. string.format("%.9f", total(cpu) - total(cpu_before)))
	local worker = cpu.realtime - cpu_before.realtime
	print("= worker_cpu_seconds " .. string.format("%.9f", worker))
	print("= main_cpu_seconds " .. string.format("%.9f", total(cpu) - total(cpu_before) - worker))
	print("= peak_bytes " .. host.peak_rss())
	assert(client:Stats().dropped == 0, "something was dropped")
	host.exit(0)
end)
