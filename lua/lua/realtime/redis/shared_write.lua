-- Changes a table of realtime.Shared, and notifies all servers. Runs inside Redis (EVAL), called by game servers and web sites alike.
--
-- KEYS[1]  realtime:shared:{NAME}, the table: a hash. Also the channel on which servers are notified.
-- KEYS[2]  realtime:shared:{NAME}:expiry, when each key expires: a sorted set
-- KEYS[3]  realtime:shared:{NAME}:token:TOKEN, the outcome of this call
-- KEYS[4]  realtime:shared:{NAME}:once:ID, if the changes may happen only once for that ID. Otherwise KEYS[3] again, if KEYS[5] follows
-- KEYS[5]  realtime:shared:{NAME}:token:EARLIER, the KEYS[3] of an earlier call, for "after"
-- ARGV[1]  the writer's id, such as "web"
-- ARGV[2]  TOKEN: 32 random hexadecimal digits, new for each call
-- ARGV[3]  for how many seconds the outcome is kept
-- ARGV[4…] one or more changes, of five arguments each:
--   "set",    key, JSON,   EXPIRES, the version that the key must have ("" for any); or "after": the key must be as the earlier call
--             left it, which set or removed this key alone
--   "remove", key, "",     "",      likewise
--   "add",    key, number, EXPIRES, "MIN MAX", such as "0 inf" or "-inf inf"
--   EXPIRES is seconds (more than 200 years are never), "never", or "keep" for the key's current expiry
--
-- Answers { outcome, time, version, told, detail, detail 2 }:
--   "done"   version: that of the changes, 0 if nothing changed. told: 1, or Redis's reason why servers were not notified.
--            detail: for "add" the new number, for "remove" 1 if the key existed
--            detail 2: "again" if an earlier call with the same once was done instead of this one; "late" if this call was done when
--            it came the first time
--   "limit"  nothing was changed: the number would leave its bounds. detail: the current number
--   "number" nothing was changed: the value is not a number
--   "other"  nothing was changed: the key has another version. detail: that version, detail 2: the key's JSON
--   "full"   nothing was changed: the table would have more than 16 MiB
--   "size"   nothing was changed: a key is empty or has more than 256 bytes, or the values together have more than 64 KiB, or the message (with the
--            keys, and up to 50 bytes for each) more than 79 KiB
--   "json"   nothing was changed: a value is not JSON
--   "void"   nothing was changed: a server gave this call up (shared_ask.lua)

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MAX_BYTES = 16 * 1024 * 1024
local MAX_KEY, MAX_CHANGES, MAX_MESSAGE = 256, 64 * 1024, 80 * 1024
local SWEPT = 20 -- how many expired keys one call removes
local WEEK = 7 * 24 * 3600
local table_key, expiry_key, token_key, earlier_key = KEYS[1], KEYS[2], KEYS[3], KEYS[5]
local once_key = KEYS[4] ~= token_key and KEYS[4]
local from, token, seconds_kept = ARGV[1], ARGV[2], ARGV[3]

if #token ~= 32 or string.find(token, "[^0-9a-f]") then return redis.error_reply("ERR the token is not 32 hexadecimal digits") end

-- Microseconds. Doubles hold them exactly; only "%.0f" writes all their digits.
local function digits(number) return string.format("%.0f", number) end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

local function answer(outcome, version, told, ...) return { outcome, now, version or 0, told or 1, ... } end

-- The same call, or one with the same once, came before: its outcome is "VERSION DETAIL".
local function recorded(text, whose)
	if text == "void" then return answer("void") end
	local version, detail = string.match(text, "^(%d+) ?(.*)$")
	return answer("done", tonumber(version), 1, detail, whose)
end
local before = redis.call("GET", token_key)
if before then return recorded(before, "late") end
before = once_key and redis.call("GET", once_key)
if before then return recorded(before, "again") end

-- The field "" describes the table: "VERSION MARK BYTES". The mark is random, and new whenever the table is created.
local head = redis.call("HGET", table_key, "") or "0 " .. token .. " 0"
local last, mark, bytes = string.match(head, "^(%d+) (%S+) (%d+)$")
last, bytes = tonumber(last), tonumber(bytes)
local version = math.max(last + 1, now)

-- A field of a key is "VERSION EXPIRY JSON"; an EXPIRY of 0 means never.
local function read(key)
	local field = redis.call("HGET", table_key, key)
	if not field then return { size = 0, version = "0" } end
	local its_version, expiry, json = string.match(field, "^(%d+) (%d+) (.*)$")
	local entry = { size = #key + #field, version = its_version or "0", expiry = tonumber(expiry or 0), json = json }
	-- An expired key does not exist, because servers do not show it any more.
	if not json or (entry.expiry > 0 and entry.expiry <= now) then entry.json, entry.version, entry.expiry = nil, "0", 0 end
	return entry
end

-- The version that a condition demands; nil if the earlier call was not done.
local function demanded(condition)
	if condition ~= "after" then return condition end
	local its_version, its_detail = string.match(redis.call("GET", earlier_key) or "", "^(%d+) (.*)$")
	return its_detail == "" and its_version or its_version and "0" -- only a removal has a detail
end

local function write_head(number)
	redis.call("HSET", table_key, "", digits(number) .. " " .. mark .. " " .. digits(math.max(bytes, 0)))
end

for _, key in ipairs(redis.call("ZRANGEBYSCORE", expiry_key, "-inf", digits(now), "LIMIT", 0, SWEPT)) do
	local entry = read(key)
	if not entry.json and entry.size > 0 then
		redis.call("HDEL", table_key, key)
		bytes = bytes - entry.size
		write_head(last)
	end
	redis.call("ZREM", expiry_key, key)
end

-- Whether a text is one JSON value other than null.
local function is_json(text)
	local fine, list = pcall(cjson.decode, "[" .. text .. "]")
	return fine and #list == 1 and list[1] ~= cjson.null
end

local function json_of(number)
	if number % 1 == 0 and math.abs(number) <= 2 ^ 53 then return digits(number) end
	return string.format("%.17g", number)
end

-- First all changes are decided, then all are written, so that either all happen or none.
local changes, messages, detail, size = {}, {}, "", 0
for i = 4, #ARGV, 5 do
	local action, key, value, seconds, condition = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
	local entry = read(key)
	size = size + #value
	if key == "" or #key > MAX_KEY or size > MAX_CHANGES then return answer("size") end
	if action ~= "add" and condition ~= "" and demanded(condition) ~= entry.version then
		return answer("other", 0, 1, entry.version, entry.json or "")
	end
	if action == "remove" then
		detail = entry.json and "1" or "0"
		if entry.json then
			changes[#changes + 1] = { key = key, size = -entry.size }
			messages[#messages + 1] = '{"key":' .. cjson.encode(key) .. "}"
		end
	else
		if action == "add" then
			local number = entry.json and tonumber(entry.json) or 0
			if entry.json and not string.match(entry.json, "^%-?%d") then return answer("number") end
			local low, high = string.match(condition, "^(%S+) (%S+)$")
			local sum = number + tonumber(value)
			local within = (low == "-inf" or sum >= tonumber(low)) and (high == "inf" or sum <= tonumber(high))
			if not within or math.abs(sum) == math.huge then return answer("limit", 0, 1, json_of(number)) end
			value = json_of(sum)
			detail = value
		elseif not is_json(value) then
			return answer("json")
		end
		local expiry = 0
		if seconds == "keep" then
			expiry = entry.expiry or 0
		elseif seconds ~= "never" then
			expiry = math.floor(now + tonumber(seconds) * 1000000)
			if not (expiry <= 2 ^ 53) then expiry = 0 end -- over 200 years from now: JSON numbers are exact up to 2^53
		end
		local field = digits(version) .. " " .. digits(expiry) .. " " .. value
		changes[#changes + 1] = { key = key, field = field, expiry = expiry, size = #key + #field - entry.size }
		local expires = expiry > 0 and ',"expires":' .. digits(expiry) or ""
		messages[#messages + 1] = '{"key":' .. cjson.encode(key) .. expires .. ',"value":' .. value .. "}"
	end
end
local growth, sets, removes, has_expiry, is_endless = 0, false, false, false, false
for _, change in ipairs(changes) do
	growth = growth + change.size
	if change.field then sets = true else removes = true end
	if change.field and change.expiry > 0 then has_expiry = true else is_endless = true end
end
if growth > 0 and bytes + growth > MAX_BYTES then return answer("full") end
bytes = bytes + growth
messages = table.concat(messages, ",")
if #messages > MAX_MESSAGE - 512 then return answer("size") end

-- Redis undoes nothing if it refuses a command that the user may not run. So each command is tried first where it changes nothing. One
-- that takes memory comes first if there is something to set, because a full Redis refuses it only as the first write.
local NO_KEY = string.rep("x", MAX_KEY + 1)
local function try_removal() if removes then redis.call("HDEL", table_key, NO_KEY) end end
local function try_all()
	if not sets then try_removal() end
	redis.call("SET", token_key, "", "XX")
	if sets then try_removal() end
	if has_expiry then redis.call("ZADD", expiry_key, "XX", 0, "") end
	if is_endless then redis.call("ZREM", expiry_key, "") end
end

local told = 1
if #changes > 0 then
	try_all()
	write_head(version)
else
	version = 0
end
for _, change in ipairs(changes) do
	if change.field then
		redis.call("HSET", table_key, change.key, change.field)
	else
		redis.call("HDEL", table_key, change.key)
	end
	if change.expiry and change.expiry > 0 then
		redis.call("ZADD", expiry_key, digits(change.expiry), change.key)
	else
		redis.call("ZREM", expiry_key, change.key)
	end
end
local outcome = digits(version) .. " " .. detail
redis.call("SET", token_key, outcome, "EX", seconds_kept)
if once_key then redis.call("SET", once_key, outcome, "EX", WEEK) end

-- Servers are notified last. A refusal does not raise: the changes stay, and servers find them a few seconds later.
if #changes > 0 then
	local message = '{"mark":"' .. mark .. '","version":' .. digits(version) .. ',"before":' .. digits(last) .. ',"time":' .. digits(now)
		.. ',"from":' .. cjson.encode(from) .. ',"token":"' .. token .. '","changes":[' .. messages .. "]}"
	local told_of = redis.pcall("PUBLISH", table_key, message)
	if type(told_of) == "table" and told_of.err then told = told_of.err end
end
return answer("done", version, told, detail)
