-- Shared by the benches. Loaded with include("_kit.lua").

require("realtime")
require("bare")

local kit = {}

kit.PATIENCE = 60 -- the longest wait for any event, in seconds

-- Applies the `key=value` arguments of the command line to `settings`. With quick=1, `quick` is applied first: enough
-- to see that the script works.
function kit.settings(settings, quick)
	local given = {}
	for _, argument in ipairs(host.args) do
		local key, value = argument:match("^([%w_]+)=(.+)$")
		if key ~= "quick" and (not key or settings[key] == nil) then error("there is no setting '" .. argument .. "'", 0) end
		if key == "quick" or type(settings[key]) == "number" then value = assert(tonumber(value), key .. " is a number") end
		given[key] = value
	end
	if given.quick and given.quick ~= 0 then
		for key, value in pairs(quick) do settings[key] = value end
	end
	given.quick = nil
	for key, value in pairs(given) do settings[key] = value end
	return settings
end

-- A line of results.
function kit.result(key, number)
	local text
	if number == math.floor(number) and math.abs(number) < 1e15 then
		text = string.format("%d", number)
	else
		text = string.format(math.abs(number) < 100 and "%.3f" or "%.1f", number)
	end
	print("= " .. key .. " " .. text)
end

-- The number below which this share of the sorted list lies.
function kit.share(sorted, share)
	return sorted[math.max(1, math.ceil(#sorted * share))]
end

function kit.median(list)
	local sorted = {}
	for i, number in ipairs(list) do sorted[i] = number end
	table.sort(sorted)
	local middle = #sorted / 2
	return (sorted[math.ceil(middle)] + sorted[math.floor(middle) + 1]) / 2
end

-- Medians by name: add(name, number) in each round, in the end get(name).
function kit.rounds()
	local lists, self = {}, {}
	function self.add(name, number)
		lists[name] = lists[name] or {}
		table.insert(lists[name], number)
	end
	function self.get(name) return kit.median(lists[name]) end
	return self
end

local count = 0
function kit.unique(name)
	count = count + 1
	return name .. "." .. count
end

-- A client that is ready.
function kit.ready(options, url)
	options = options or {}
	options.id = options.id or kit.unique("client")
	local client = realtime.Connect(url or host.redis_url, options)
	host.wait(function() return client:IsConnected() and client:Stats().protocol end, kit.PATIENCE, "the client")
	return client
end

function kit.confirmed(client)
	host.wait(function()
		local stats = client:Stats()
		return stats.confirmed == stats.subscriptions
	end, kit.PATIENCE, "the subscriptions")
end

function kit.answered(client)
	host.wait(function() return client:Stats().pending == 0 end, kit.PATIENCE, "the answers")
end

-- Waits within one tick, in which no callback runs and other threads have the processor.
function kit.block_until(what, condition)
	local deadline = SysTime() + kit.PATIENCE
	while not condition() do
		if SysTime() > deadline then error("waited in vain for " .. what, 2) end
		host.block(0.001)
	end
end

local BLOCK = 10000

local SCRIPT = [[
local filler, first, size, channels = string.rep('x', 1024), tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
while #filler < size do filler = filler .. filler end
for i = first, first + tonumber(ARGV[3]) - 1 do
	local channel = channels == 0 and ARGV[1] or string.format(ARGV[1], i * STEP % channels)
	redis.call('PUBLISH', channel, string.sub(redis.sha1hex(tostring(i)) .. filler, 1, size))
end
]]
-- A prime, so that consecutive channels are not neighbours in memory, and each gets its turn.
local STEP = 7919
SCRIPT = SCRIPT:gsub("STEP", tostring(STEP))

-- A source of new messages for the subscribers of a channel: source(channel, size, count), whose clients connect to
-- source.url. With a number of channels as the last argument, they alternate, and `channel` is a format for their
-- numbers from 0. The real server publishes; the embedded one sends the given bytes to a subscriber of RESP3.
function kit.source()
	local sent = 0
	local function of(url, send)
		return setmetatable({ url = url }, { __call = function(_, channel, size, messages, channels)
			while messages > 0 do
				local block = math.min(BLOCK, messages)
				send(channel, size, block, channels or 0)
				sent, messages = sent + block, messages - block
			end
		end })
	end
	if host.server.kind() == "real" then
		host.real.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")
		return of(host.real.url(), function(channel, size, messages, channels)
			host.real.command("EVAL", SCRIPT, "0", channel, tostring(sent), tostring(messages), tostring(size),
				tostring(channels))
		end)
	end
	local fake = host.new_fake()
	local function head(channel, size)
		return string.format(">3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n", #channel, channel, size)
	end
	return of(fake.url(), function(channel, size, messages, channels)
		if channels == 0 then return fake.send("subscribers", bare.payloads(messages, size, head(channel, size), "\r\n")) end
		local parts = {}
		for i = 1, messages do
			local name = string.format(channel, (sent + i) * STEP % channels)
			parts[i] = bare.payloads(1, size, head(name, size), "\r\n")
		end
		fake.send("subscribers", table.concat(parts))
	end)
end

-- Fills the queue with so many messages while the main thread stands still.
function kit.fill(client, source, channel, size, messages, channels)
	local wanted = client:Stats().queued_events + messages
	source(channel, size, messages, channels)
	kit.block_until("the queue", function() return client:Stats().queued_events == wanted end)
end

return kit
