-- The age of messages when they reach a callback, with ticks that follow each other without a pause. A message begins
-- with its sending time in nanoseconds of CLOCK_MONOTONIC; the one that says "end" is the last.
-- gmod-host benches/peers/lua/latency.lua port=PORT

require("realtime")

local port
for _, argument in ipairs(host.args) do
	port = argument:match("^port=(%d+)$") or error("port=PORT is expected, not " .. argument)
end
assert(port, "port=PORT is missing")

local ages = {}
local monotonic, match = host.monotonic, string.match

local function percentile(part) return ages[math.min(#ages, math.floor(#ages * part) + 1)] end

host.spin(true)
local client = realtime.Connect("redis://127.0.0.1:" .. port)
client:Subscribe("firehose", function(message)
	local now = monotonic()
	local sent = tonumber(match(message, "^%d+"))
	if sent then
		ages[#ages + 1] = now * 1e9 - sent
		return
	end
	table.sort(ages)
	print("= messages " .. #ages)
	print(string.format("= p50 %.0f", percentile(0.5)))
	print(string.format("= p99 %.0f", percentile(0.99)))
	host.exit(0)
end)
