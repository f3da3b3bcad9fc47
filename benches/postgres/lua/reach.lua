-- The measurements of benches/postgres for the module, with ticks that follow each other without a pause.
-- gmod-host benches/postgres/lua/reach.lua url=URL part=listen|select|sync|publish [count=N]

require("realtime")

local settings = {}
for _, argument in ipairs(host.args) do
	local key, value = argument:match("^(%w+)=(.*)$")
	settings[key or error("key=value is expected, not " .. argument)] = value
end
local count = tonumber(settings.count or 0)
local monotonic = host.monotonic

local function finish(ages)
	table.sort(ages)
	print(string.format("= p50 %.0f", ages[math.floor(#ages / 2) + 1]))
	host.exit(0)
end

host.spin(true)
local client = realtime.Connect(settings.url, { max_pending = 300000 })
local parts, ages = {}, {}

-- The age of libpq_peer's messages when they reach a callback.
function parts.listen()
	client:Subscribe("reach", function(message)
		local now = monotonic()
		local sent = tonumber(message)
		if not sent then return finish(ages) end
		ages[#ages + 1] = now * 1e9 - sent
	end)
end

-- The time from a SELECT of one row to its callback, one after the other.
function parts.select()
	local words = { "SELECT id, name, points FROM players WHERE id = $1", "76561198000000001" }
	local before, sink
	local function ask()
		before = monotonic()
		client:Command(words, function(err, rows)
			if err then error(tostring(err)) end
			sink = rows[1].points
			ages[#ages + 1] = (monotonic() - before) * 1e9
			if #ages == count then return finish(ages) end
			ask()
		end)
	end
	ask()
end

-- The same, with a main thread that waits for each.
function parts.sync()
	local words = { "SELECT id, name, points FROM players WHERE id = $1", "76561198000000001" }
	for i = 1, count do
		local before = monotonic()
		local err, rows = client:CommandSync(words, 10)
		if err then error(tostring(err)) end
		ages[i] = (monotonic() - before) * 1e9
		assert(rows[1].points == 42)
	end
	finish(ages)
end

-- How many publishes a second are answered.
function parts.publish()
	local made, answered, started = 0, 0, monotonic()
	local function note(err)
		if err then error(tostring(err)) end
		answered = answered + 1
		if answered < count then return end
		print(string.format("= a_second %.0f", count / (monotonic() - started)))
		host.exit(0)
	end
	hook.Add("Tick", "reach", function()
		for _ = 1, math.min(2000, count - made) do
			if not client:Publish("reach", "a message of some length, as they are", note) then return end
			made = made + 1
		end
	end)
end

client:On("ready", function() parts[settings.part]() end)
client:On("down", function(info) error(tostring(info.err)) end)
if settings.part == "listen" then client:Off("ready") parts.listen() end
