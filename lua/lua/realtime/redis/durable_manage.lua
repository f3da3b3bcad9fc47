-- Manages a channel of realtime.Durable. Runs inside Redis (EVAL), called by game servers and web sites alike.
--
-- KEYS[1]  realtime:durable:{CHANNEL}, the messages: a stream
-- KEYS[2]  realtime:durable:{CHANNEL}:about
-- KEYS[3]  realtime:durable:{CHANNEL}:groups
-- KEYS[4]  realtime:durable:{CHANNEL}:held
-- KEYS[5]  realtime:durable:{CHANNEL}:dead
-- ARGV[1]  "stats", "retry" (puts a dead message back), or "forget" (removes the groups of a server)
-- ARGV[2]  "retry": the message's id. "forget": the server's id
-- ARGV[3]  "retry": where to continue, from the last answer; "" at first
--
-- Answers:
--   stats   { kind or "", keep, length, dead, the age of the oldest message in milliseconds or -1, held, number,
--             group, number of its position, milliseconds since its last call, … }
--   retry   { count, where to continue }: how many were put back, one for each group in which the message was dead. A call searches
--           a few dead messages, the newest first, so that Redis serves others in between; the end is ""
--   forget  how many groups were removed

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local KEEP = 10000
local SLICE = 20 -- dead messages that one call searches
local stream, about_key, groups_key, held_key, dead_key = unpack(KEYS)
local action, id = ARGV[1], ARGV[2]
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

if action == "stats" then
	local about = redis.call("HMGET", about_key, "kind", "keep", "number")
	local oldest = redis.call("XRANGE", stream, "-", "+", "COUNT", 1)[1]
	local stats = { about[1] or "", tonumber(about[2] or KEEP), redis.call("XLEN", stream), redis.call("XLEN", dead_key),
		oldest and now - tonumber(string.match(oldest[1], "^%d+")) or -1, redis.call("ZCARD", held_key), tonumber(about[3] or "0") }
	local groups = redis.call("HGETALL", groups_key)
	for i = 1, #groups, 2 do
		local number, seen = string.match(groups[i + 1], "^%S+ (%S+) .- (%d+)$")
		stats[#stats + 1] = groups[i]
		stats[#stats + 1] = tonumber(number)
		stats[#stats + 1] = now - tonumber(seen)
	end
	return stats
end

local count = 0
if action == "retry" then
	local newest, is_found = "+", false
	if ARGV[3] and ARGV[3] ~= "" then
		local time, sequence = string.match(ARGV[3], "^(%d+)%-(%d+)$")
		newest = time .. "-" .. string.format("%.0f", tonumber(sequence) - 1)
		if sequence == "0" then newest = string.format("%.0f", tonumber(time) - 1) end -- the last one of that millisecond
	end
	local entries = redis.call("XREVRANGE", dead_key, newest, "-", "COUNT", SLICE)
	for _, entry in ipairs(entries) do
		local fields = {}
		for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
		if fields.first == id then
			local number = string.format("%.0f", tonumber(redis.call("HGET", about_key, "number") or "0") + 1)
			redis.call("HSET", about_key, "number", number)
			local words = { "number", number, "from", fields.from, "data", fields.data, "first", id }
			if fields.group then
				words[#words + 1] = "group"
				words[#words + 1] = fields.group
			end
			redis.call("HSET", about_key, "last", redis.call("XADD", stream, "*", unpack(words)))
			redis.call("XDEL", dead_key, entry[1])
			local bytes = tonumber(redis.call("HGET", about_key, "dead_bytes") or "0")
			for _, word in ipairs(entry[2]) do bytes = bytes - #word end
			redis.call("HSET", about_key, "dead_bytes", string.format("%.0f", math.max(bytes, 0)))
			count = count + 1
			is_found = not fields.group -- Work has one group
		end
	end
	if count > 0 then redis.pcall("PUBLISH", stream, id) end
	return { count, not is_found and #entries == SLICE and entries[SLICE][1] or "" }
elseif action == "forget" then
	local groups = redis.call("HGETALL", groups_key)
	for i = 1, #groups, 2 do
		if string.sub(groups[i], 1, #id + 1) == id .. ":" then
			redis.call("HDEL", groups_key, groups[i])
			count = count + 1
		end
	end
else
	return redis.error_reply("ERR the action is none of stats, retry and forget")
end
return count
