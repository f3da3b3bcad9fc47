-- Reads a channel of realtime.Durable for one subscriber, in order. Runs inside Redis (EVAL), called by game servers.
--
-- KEYS[1]  realtime:durable:{CHANNEL}, the messages: a stream
-- KEYS[2]  realtime:durable:{CHANNEL}:about, a hash: kind, keep, number, mark, dead_bytes
-- KEYS[3]  realtime:durable:{CHANNEL}:groups, a hash: the position of each subscriber
-- KEYS[4]  realtime:durable:{CHANNEL}:dead, messages that failed too often: a stream
-- ARGV[1]  "read", "failed" (the message after the position raised an error), or "close" (the subscriber ends normally)
-- ARGV[2]  the group: "SERVER:IDENTIFIER"
-- ARGV[3]  the instance: 32 random hexadecimal digits of the Lua state that calls
-- ARGV[4]  the lease in milliseconds: how long this instance holds the group
-- ARGV[5]  how many messages the channel keeps; "" does not change it
-- ARGV[6]  where a new group begins: "now" or "start"
-- ARGV[7]  the position: the id of the last message that this instance has handled; "" if it has handled none
-- ARGV[8]  that message's number
-- ARGV[9]  the mark of the last answer to "read", or ""
-- ARGV[10] "read": how many messages are wanted, 0 to report only the position. "failed": the id of the message
-- ARGV[11] "failed": its earlier errors
-- ARGV[12] "failed": the number of errors that makes it dead
-- ARGV[13] "failed": the text of the error
--
-- Answers:
--   { "read", time, position, number, lost, errors, deaths, messages, dead, mark }: lost is how many messages were dropped before the
--       subscriber read them, or -1 if unknown; errors and deaths are those of the first message; a message is
--       { id, number, from, data, first id }; dead is { message, reason } or empty; a new mark: Redis has lost the channel
--   { "failed", errors, 1 if it is dead now; 2 if it failed too often, and Redis does not have it any more }
--   { "busy", milliseconds }: another instance holds the group
--   { "lost" }: this instance does not hold the group any more; always the answer to "close"
--   { "kind", "work" }: the channel is one for Work

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MAX_DEATHS, MAX_WAIT = 3, 300000 -- milliseconds that a failing message delays the others
local KEEP = 10000
local MAX_DEAD, MAX_DEAD_BYTES = 1000, 16 * 1024 * 1024 -- dead messages that are kept
local MAX_ERRORS_ALONE = 10 -- of a message that only the server still has: with their pauses, about five minutes
local MONTH = 30 * 24 * 3600 * 1000 -- milliseconds after which an unused group is removed
local MAX_BYTES = 256 * 1024 -- of an answer, roughly
local MAX_MESSAGE, MAX_FIELDS = 64 * 1024, 66 * 1024 -- bytes of a message, and of all its fields
local stream, about_key, groups_key, dead_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local action, name, instance, lease, keep, begin = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local position, number, known_mark = ARGV[7], tonumber(ARGV[8]), ARGV[9]

local function digits(value) return string.format("%.0f", value) end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

-- Ids are "MILLISECONDS-SEQUENCE".
local function parts(id)
	local time, sequence = string.match(id, "^(%d+)%-(%d+)$")
	return tonumber(time), tonumber(sequence)
end
local function is_after(a, b)
	local a_time, a_sequence = parts(a)
	local b_time, b_sequence = parts(b)
	return a_time > b_time or a_time == b_time and a_sequence > b_sequence
end
local function following(id)
	local time, sequence = parts(id)
	return digits(time) .. "-" .. digits(sequence + 1)
end

-- { id, number, from, data, first id }. Other subscribers skip a message that was put back for one of them.
local function message_of(entry)
	local fields, bytes = {}, 0
	for i = 1, #entry[2], 2 do
		fields[entry[2][i]] = entry[2][i + 1]
		bytes = bytes + #entry[2][i] + #entry[2][i + 1]
	end
	local data = fields.data or ""
	-- Only a plain XADD writes such a message. This text is not JSON, so the message is dead at once.
	if #data > MAX_MESSAGE or bytes > MAX_FIELDS then return { entry[1], "", "", "too long: " .. digits(bytes) .. " bytes", entry[1] } end
	if fields.group and fields.group ~= name then data = "skip" end
	return { entry[1], fields.number or "", fields.from or "", data, fields.first or entry[1] }
end

local about = redis.call("HMGET", about_key, "kind", "keep", "number", "mark")
if about[1] and about[1] ~= "subscribe" then return { "kind", about[1] } end
-- On a full Redis the first write of a script must be one that can only free memory, like this one. After it
-- every write is accepted, so that leases are renewed on a full Redis, too.
redis.call("HDEL", groups_key, "-")
local mark = about[4] or clock[1] .. "." .. clock[2]
if not about[4] then redis.call("HSET", about_key, "mark", mark) end
if not about[1] then redis.call("HSET", about_key, "kind", "subscribe") end
if keep ~= "" and keep ~= about[2] then redis.call("HSET", about_key, "keep", keep) end
local most_kept = tonumber(keep ~= "" and keep or about[2] or KEEP)
-- A plain XADD drops nothing.
if action == "read" and redis.call("XLEN", stream) > most_kept then redis.call("XTRIM", stream, "MAXLEN", most_kept) end

-- A group is stored as words in this order.
local WORDS = { "position", "number", "instance", "lease_end", "taken", "is_alone", "suspect", "errors", "deaths", "since", "trouble", "seen" }
local NUMBERS = { number = true, lease_end = true, is_alone = true, errors = true, deaths = true, since = true, seen = true }
local function group_of(text)
	local group, i = {}, 0
	for word in string.gmatch(text, "%S+") do
		i = i + 1
		if WORDS[i] then group[WORDS[i]] = NUMBERS[WORDS[i]] and tonumber(word) or word end
	end
	return group
end
local function store(group)
	local words = {}
	group.lease_end, group.seen = group.instance == "-" and 0 or now + lease, now
	for i, word in ipairs(WORDS) do words[i] = NUMBERS[word] and digits(group[word]) or group[word] end
	redis.call("HSET", groups_key, name, table.concat(words, " "))
end
-- `trouble` is the message whose errors and deaths are counted.
local function count_trouble(group, id)
	if group.trouble ~= id then group.errors, group.deaths, group.since, group.trouble = 0, 0, 0, id end
end

local newest = redis.call("XREVRANGE", stream, "+", "-", "COUNT", 1)[1]
local last = newest and newest[1] or "0-0"
local lost = 0
-- Redis has lost the channel: everything in it is new.
if known_mark ~= "" and known_mark ~= mark then position, begin, lost = "", "start", -1 end
local text = redis.call("HGET", groups_key, name)
local group = text and group_of(text)
-- Time without Redis or the server does not count as waiting for a failing message.
if group and group.since ~= 0 and now - group.seen > lease then group.since = now end
if not group then
	if action == "close" then return { "lost" } end
	group = { instance = instance, taken = "-", is_alone = 0, suspect = "0-0" }
	count_trouble(group, "-")
	if position ~= "" then
		-- Redis has lost the group, or "forget" removed it: the instance continues at its own position.
		group.position, group.number = position, number
	elseif begin == "start" then
		local first = redis.call("XRANGE", stream, "-", "+", "COUNT", 1)[1]
		local number_of_first = first and tonumber(message_of(first)[2])
		group.position, group.number = "0-0", lost == -1 and 0 or number_of_first and number_of_first - 1 or tonumber(about[3] or "0")
	else
		group.position, group.number = last, tonumber(about[3] or "0")
	end
	local groups = redis.call("HGETALL", groups_key)
	for i = 1, #groups, 2 do
		if group_of(groups[i + 1]).seen < now - MONTH then redis.call("HDEL", groups_key, groups[i]) end
	end
end

local function size_of(fields)
	local size = 0
	for _, word in ipairs(fields) do size = size + #word end
	return size
end
-- Adds a message to the dead. The newest are kept, at most MAX_DEAD of them and MAX_DEAD_BYTES together.
local function put_aside(...)
	local bytes = redis.call("XLEN", dead_key) > 0 and tonumber(redis.call("HGET", about_key, "dead_bytes") or "0") or 0
	redis.call("XADD", dead_key, "*", ...)
	bytes = bytes + size_of({ ... })
	local count = redis.call("XLEN", dead_key)
	while count > MAX_DEAD or bytes > MAX_DEAD_BYTES and count > 1 do
		local oldest = redis.call("XRANGE", dead_key, "-", "+", "COUNT", 1)[1]
		redis.call("XDEL", dead_key, oldest[1])
		bytes, count = math.max(bytes - size_of(oldest[2]), 0), count - 1
	end
	redis.call("HSET", about_key, "dead_bytes", digits(bytes))
end
local dead = {}
local function bury(entry, reason, ...)
	local message = message_of(entry)
	put_aside("first", message[5], "group", name, "from", message[3], "data", message[4], "reason", reason, ...)
	dead = { message, reason }
	group.position, group.number = entry[1], tonumber(message[2]) or group.number
	count_trouble(group, "-")
end

if group.instance ~= instance then
	if action ~= "read" then return { "lost" } end
	if group.instance ~= "-" and group.lease_end > now then return { "busy", group.lease_end - now } end
	if group.instance ~= "-" and group.taken ~= "-" then
		-- A server died while it had messages. If there were several, they come one by one now, to find the one that kills it.
		if group.is_alone == 1 then
			count_trouble(group, group.taken)
			group.deaths = group.deaths + 1
		else
			group.suspect = group.taken
		end
	end
	group.instance, group.taken, position = instance, "-", ""
end
if position ~= "" and is_after(position, group.position) then
	group.position, group.number = position, number
elseif position == group.position then
	group.number = number
end
if group.taken ~= "-" and not is_after(group.taken, group.position) then group.taken = "-" end
-- A replica without the newest messages has become the master.
if is_after(group.position, last) then
	group.position, group.number, lost = last, newest and tonumber(message_of(newest)[2]) or -1, -1
end

if action == "close" then
	group.instance, group.taken = "-", "-"
	store(group)
	return { "lost" }
end

if action == "failed" then
	local id, before, most, reason = ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12]), ARGV[13]
	local entry = redis.call("XRANGE", stream, id, id)[1]
	if not is_after(id, group.position) then -- the caller knows it already
		store(group)
		return { "failed", before + 1, 1 }
	elseif not entry then
		store(group)
		return { "failed", before + 1, before + 1 >= math.min(most, MAX_ERRORS_ALONE) and 2 or 0 }
	end
	count_trouble(group, id)
	group.errors = math.max(group.errors, before + 1)
	if group.since == 0 then group.since = now end
	local errors, is_dead = group.errors, 0
	if errors >= most or now - group.since > MAX_WAIT then
		is_dead = 1
		bury(entry, reason)
	end
	store(group)
	return { "failed", errors, is_dead }
end

-- How many messages were dropped before this one.
local function count_lost(number_after)
	local expected = group.number
	if not number_after or expected < 0 or lost < 0 then return end
	-- The numbers went back: a replica without the newest messages has become the master.
	if number_after <= expected then lost = -1 else lost = lost + number_after - expected - 1 end
end

if group.trouble ~= "-" then
	local entry = redis.call("XRANGE", stream, following(group.position), "+", "COUNT", 1)[1]
	count_trouble(group, entry and entry[1] or "-")
	if group.deaths >= MAX_DEATHS then
		count_lost(tonumber(message_of(entry)[2]))
		bury(entry, "servers died while they handled it: " .. digits(group.deaths), "finder", instance, "at", entry[1])
	end
end
-- The caller made it dead before, but the answer was lost.
if not dead[1] and (ARGV[7] == "" or is_after(group.position, ARGV[7])) then
	for _, entry in ipairs(redis.call("XREVRANGE", dead_key, "+", "-", "COUNT", 10)) do
		local fields = {}
		for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
		if fields.finder == instance and fields.group == name and (ARGV[7] == "" or is_after(fields.at, ARGV[7])) then
			dead = { { fields.at, "", fields.from, fields.data, fields.first }, fields.reason }
		end
	end
end

local wanted, messages, bytes = tonumber(ARGV[10]), {}, 0
if wanted > 0 then
	if is_after(group.suspect, group.position) then wanted = 1 end
	for _, entry in ipairs(redis.call("XRANGE", stream, following(group.position), "+", "COUNT", wanted)) do
		local message = message_of(entry)
		if #messages == 0 then count_lost(tonumber(message[2])) end
		bytes = bytes + #message[4]
		if bytes > MAX_BYTES and #messages > 0 then break end
		messages[#messages + 1] = message
	end
	group.taken, group.is_alone = #messages > 0 and messages[#messages][1] or "-", #messages == 1 and 1 or 0
end
store(group)
return { "read", now, group.position, group.number, lost, group.errors, group.deaths, messages, dead, mark }
