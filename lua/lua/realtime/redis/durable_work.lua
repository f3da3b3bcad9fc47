-- Hands out the messages of a channel of realtime.Durable, each to one server. Runs inside Redis (EVAL), called by game servers; a web
-- site may take messages as well.
--
-- KEYS[1]  realtime:durable:{CHANNEL}, the messages: a stream. Messages that are done are removed.
-- KEYS[2]  realtime:durable:{CHANNEL}:about, a hash: kind, keep, number, last, next, mark, heard, dead_bytes
-- KEYS[3]  realtime:durable:{CHANNEL}:held, a sorted set: when the lease of each message, or its pause after an error, ends
-- KEYS[4]  realtime:durable:{CHANNEL}:tries, a hash: "HOLDER ERRORS DEATHS" of each of them
-- KEYS[5]  realtime:durable:{CHANNEL}:workers, a hash: the messages of each holder
-- KEYS[6]  realtime:durable:{CHANNEL}:dead, messages that failed too often: a stream
-- ARGV[1]  "take" asks for messages, and renews the leases of the caller's own
--          "done" reports that some are done, "failed" that one failed, "release" gives some back, or all
-- ARGV[2]  the instance: 32 random hexadecimal digits of the Lua state that calls
-- ARGV[3]  the lease of a message in milliseconds
-- ARGV[4]  "take": how many messages the channel keeps; "" does not change it. "failed": the tries before, from "taken"
-- ARGV[5]  "take": how many are wanted. "failed": the number of errors that makes it dead
-- ARGV[6]  "failed": the text of the error. "take": the state of the last "taken", or ""
-- ARGV[7…] "take": the ids that the caller has. Otherwise the ids to act on; "release": none for all;
--          "failed": its id, and its first id
--
-- Answers:
--   { "taken", time, mark, messages, dead, lost, gone, state, is_back }: a message is { id, from, data, first id, tries before }; dead is a list of
--       { message, reason }; lost are ids that the caller does not have any more; gone is how many disappeared from the stream;
--       a new mark, or is_back = 1: Redis has lost messages
--   { "done", id … }: all are done except these, which the caller does not have any more
--   { "failed", errors, 1 if it is dead now }, { "released" }
--   { "lost" }: the caller does not have the failed message any more
--   { "kind", "subscribe" }: the channel is one for Subscribe

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MAX_DEATHS = 3
local MAX_DEAD, MAX_DEAD_BYTES = 1000, 16 * 1024 * 1024 -- dead messages that are kept
local MAX_MESSAGE, MAX_FIELDS = 64 * 1024, 66 * 1024 -- bytes of a message, and of all its fields
local MAX_BYTES = 256 * 1024 -- of an answer, roughly
local SLICE = 10 -- messages that are read from the stream at a time
local PAUSE, MAX_PAUSE = 5000, 300000 -- milliseconds until a failed message comes again: longer each time
local stream, about_key, held_key, tries_key, workers_key, dead_key = unpack(KEYS)
local action, instance, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])

local function digits(value) return string.format("%.0f", value) end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local about = redis.call("HMGET", about_key, "kind", "keep", "next", "mark", "number", "heard", "last")
if about[1] and about[1] ~= "work" then return { "kind", about[1] } end
-- On a full Redis the first write of a script must be one that can only free memory, like this one. After it
-- every write is accepted, so that leases are renewed on a full Redis, too.
redis.call("ZREM", held_key, "-")

local function following(id)
	local time, sequence = string.match(id, "^(%d+)%-(%d+)$")
	return time .. "-" .. digits(tonumber(sequence) + 1)
end
local function find(id) return redis.call("XRANGE", stream, id, id)[1] end

-- The holder of a message, or "-"; its errors and deaths; whether it was handed out before.
local function tries_of(id)
	local text = redis.call("HGET", tries_key, id)
	if not text then return "-", 0, 0, false end
	local holder, errors, deaths = string.match(text, "^(%S+) (%d+) (%d+)$")
	return holder, tonumber(errors), tonumber(deaths), true
end
local function set_of(holder)
	local set = {}
	for id in string.gmatch(redis.call("HGET", workers_key, holder) or "", "%S+") do set[#set + 1] = id end
	return set
end
local function store_set(holder, set)
	if #set == 0 then
		redis.call("HDEL", workers_key, holder)
	else
		redis.call("HSET", workers_key, holder, table.concat(set, " "))
	end
end
local function leave(holder, id)
	if holder == "-" then return end
	local set = {}
	for _, other in ipairs(set_of(holder)) do
		if other ~= id then set[#set + 1] = other end
	end
	store_set(holder, set)
end
local function hold(holder, errors, deaths, id, time)
	redis.call("ZADD", held_key, digits(time), id)
	redis.call("HSET", tries_key, id, holder .. " " .. digits(errors) .. " " .. digits(deaths))
end
local function forget(holder, id)
	redis.call("HDEL", tries_key, id) -- first: if the user may not run it, nothing else is removed either
	leave(holder, id)
	redis.call("ZREM", held_key, id)
end

local function message_of(entry, tries)
	local fields, bytes = {}, 0
	for i = 1, #entry[2], 2 do
		fields[entry[2][i]] = entry[2][i + 1]
		bytes = bytes + #entry[2][i] + #entry[2][i + 1]
	end
	local data = fields.data or ""
	-- Only a plain XADD writes such a message. This text is not JSON, so the message is dead at once.
	if #data > MAX_MESSAGE or bytes > MAX_FIELDS then
		return { entry[1], "", "too long: " .. digits(bytes) .. " bytes", entry[1], tries }
	end
	return { entry[1], fields.from or "", data, fields.first or entry[1], tries }
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
local function bury(entry, holder, tries, reason, ...)
	local message = message_of(entry, tries)
	put_aside("first", message[4], "from", message[2], "data", message[3], "reason", reason, ...)
	redis.call("XDEL", stream, entry[1])
	forget(holder, entry[1])
	return #message[3]
end

if action == "done" then
	local answer = { "done" }
	for i = 7, #ARGV do
		local id = ARGV[i]
		local holder = tries_of(id)
		-- If nobody else has it, it is done, even after its lease.
		if holder ~= instance and holder ~= "-" or not find(id) then
			answer[#answer + 1] = id
		else
			redis.call("XDEL", stream, id)
			forget(holder, id)
		end
	end
	return answer
end

if action == "failed" then
	local id = ARGV[7]
	local holder, errors, deaths = tries_of(id)
	local entry = find(id)
	if holder ~= instance then
		-- It was reported before, and the answer was lost with the connection.
		local before = tonumber(ARGV[4])
		if entry and holder == "-" and errors + deaths == before + 1 then return { "failed", errors, 0 } end
		for _, each in ipairs(entry and {} or redis.call("XREVRANGE", dead_key, "+", "-", "COUNT", 10)) do
			for i = 1, #each[2], 2 do
				if each[2][i] == "first" and each[2][i + 1] == ARGV[8] then return { "failed", before + 1, 1 } end
			end
		end
		return { "lost" }
	end
	if not entry then
		forget(holder, id)
		return { "lost" }
	end
	errors = errors + 1
	if errors >= tonumber(ARGV[5]) then
		bury(entry, holder, errors + deaths, ARGV[6])
		return { "failed", errors, 1 }
	end
	leave(holder, id)
	hold("-", errors, deaths, id, now + math.min(PAUSE * 2 ^ (errors - 1), MAX_PAUSE))
	return { "failed", errors, 0 }
end

if action == "release" then
	for _, id in ipairs(ARGV[7] and { unpack(ARGV, 7) } or set_of(instance)) do
		local holder, errors, deaths = tries_of(id)
		if holder == instance then
			leave(holder, id)
			hold("-", errors, deaths, id, now)
		end
	end
	return { "released" }
end

if action ~= "take" then return redis.error_reply("ERR the action is none of take, done, failed and release") end

local keep, wanted, mark = ARGV[4], tonumber(ARGV[5]), about[4]
if not about[1] then redis.call("HSET", about_key, "kind", "work") end
if not mark then
	mark = clock[1] .. "." .. clock[2]
	redis.call("HSET", about_key, "mark", mark)
end
if keep ~= "" and keep ~= about[2] then redis.call("HSET", about_key, "keep", keep) end

-- Nobody called for half a lease: Redis was away, or its clock jumped. The holders of messages could not renew their leases, so they get
-- one more.
if about[6] and now - tonumber(about[6]) > lease / 2 then
	for _, id in ipairs(redis.call("ZRANGEBYSCORE", held_key, "-inf", digits(now))) do
		local holder, errors, deaths = tries_of(id)
		if holder ~= "-" then hold(holder, errors, deaths, id, now + lease) end
	end
end
redis.call("HSET", about_key, "heard", digits(now))

local messages, dead, lost, gone, is_known, bytes = {}, {}, {}, 0, {}, 0
local function has_room() return #messages < wanted and bytes < MAX_BYTES end
for i = 7, #ARGV do
	local id = ARGV[i]
	local holder, errors, deaths = tries_of(id)
	is_known[id] = true
	if holder == instance then
		hold(instance, errors, deaths, id, now + lease)
	elseif holder ~= "-" or not find(id) then
		lost[#lost + 1] = id
	else -- Redis has lost the record that it was handed out
		hold(instance, errors, deaths, id, now + lease)
		local set = set_of(instance)
		set[#set + 1] = id
		store_set(instance, set)
	end
end

local function give(entry, errors, deaths, is_new)
	local id = entry[1]
	if is_new then
		local set = set_of(instance)
		set[#set + 1] = id
		store_set(instance, set)
	end
	hold(instance, errors, deaths, id, now + lease)
	local message = message_of(entry, errors + deaths)
	messages[#messages + 1] = message
	bytes = bytes + #message[3]
end

-- Messages that were handed out to the caller and did not arrive there.
for _, id in ipairs(set_of(instance)) do
	if not is_known[id] then
		local _, errors, deaths = tries_of(id)
		local entry = find(id)
		if not entry then
			forget(instance, id)
			gone = gone + 1
		elseif has_room() then
			give(entry, errors, deaths, false)
		end
		is_known[id] = true
	end
end

-- Failed messages whose pause is over, and messages whose lease is over.
for _, id in ipairs(redis.call("ZRANGEBYSCORE", held_key, "-inf", digits(now), "LIMIT", 0, 100)) do
	if not has_room() then break end
	if not is_known[id] then
		local holder, errors, deaths = tries_of(id)
		local entry = find(id)
		if holder ~= "-" then deaths = deaths + 1 end
		if not entry then
			forget(holder, id)
			gone = gone + 1
		elseif deaths >= MAX_DEATHS then
			bytes = bytes + bury(entry, holder, errors + deaths, "servers died while they worked on it: " .. digits(deaths), "finder", instance,
				"tries", digits(errors + deaths))
		else
			leave(holder, id)
			give(entry, errors, deaths, true)
		end
	end
end

-- New messages.
local next_id = about[3] or "0-0"
if has_room() then
	repeat
		local entries = redis.call("XRANGE", stream, following(next_id), "+", "COUNT", math.min(wanted - #messages, SLICE))
		for _, entry in ipairs(entries) do
			if not has_room() then break end
			next_id = entry[1]
			local _, _, _, is_held = tries_of(next_id)
			if not is_held then give(entry, 0, 0, true) end
		end
	until #entries == 0 or not has_room()
	redis.call("HSET", about_key, "next", next_id)
end

-- A replica without the newest messages has become the master: it has reused their numbers, or will.
local number, last, is_back = tonumber(about[5] or "0"), about[7] or "", 0
local known_number, known_last = string.match(ARGV[6], "^(%d+) (%d+%-%d+) ")
if known_number then
	known_number = tonumber(known_number)
	local after = number > known_number and redis.call("XRANGE", stream, following(known_last), "+", "COUNT", 1)[1]
	for i = 1, after and #after[2] or 0, 2 do
		if after[2][i] == "number" and (tonumber(after[2][i + 1]) or math.huge) <= known_number then is_back = 1 end
	end
	if number < known_number or number == known_number and last ~= known_last then is_back = 1 end
end

-- The dead messages that the caller found, now and in earlier calls, whose answers may have been lost. Its state names the last one that
-- it knows.
local told, told_bytes, entries = string.match(ARGV[6], "dead:(%S+)$"), 0, {}
if told then
	entries = redis.call("XRANGE", dead_key, following(told), "+", "COUNT", SLICE)
else
	local newest = redis.call("XREVRANGE", dead_key, "+", "-", "COUNT", SLICE)
	for i = #newest, 1, -1 do entries[#entries + 1] = newest[i] end
end
for _, entry in ipairs(entries) do
	if told_bytes > MAX_BYTES then break end
	local fields = {}
	for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
	told = entry[1]
	if fields.finder == instance then
		dead[#dead + 1] = { { entry[1], fields.from, fields.data, fields.first, tonumber(fields.tries) }, fields.reason }
		told_bytes = told_bytes + #fields.data
	end
end
return { "taken", now, mark, messages, dead, lost, gone, digits(number) .. " " .. last .. " dead:" .. (told or "0-0"), is_back }
