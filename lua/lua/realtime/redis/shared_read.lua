-- Reads from a table of realtime.Shared. Runs inside Redis (EVAL).
--
-- KEYS[1]  realtime:shared:{NAME}, the table
-- ARGV[1]  "check": only the table's version
--          "keys": the keys that follow
--          "all": a slice of all keys. ARGV[2]: where it begins ("0" at first), ARGV[3]: about how many keys
--
-- Answers { time, version, mark, next, key, field, key, field … }: `next` is where the next slice begins, "0" after the last one. A
-- field is "VERSION EXPIRY JSON"; the version of a missing table is 0.

local SMALL = 65536 -- bytes of a table that is read at once
local clock = redis.call("TIME")
local head = redis.call("HGET", KEYS[1], "") or "0 - 0"
local version, mark, bytes = string.match(head, "^(%d+) (%S+) (%d+)$")
local answer = { tonumber(clock[1]) * 1000000 + tonumber(clock[2]), tonumber(version), mark, "0" }

local function add(key, field)
	if key ~= "" and field then
		answer[#answer + 1] = key
		answer[#answer + 1] = field
	end
end

if ARGV[1] == "keys" then
	for i = 2, #ARGV do add(ARGV[i], redis.call("HGET", KEYS[1], ARGV[i])) end
elseif ARGV[1] == "all" then
	local fields
	if ARGV[2] == "0" and tonumber(bytes) <= SMALL then
		fields = redis.call("HGETALL", KEYS[1])
	else
		local slice = redis.call("HSCAN", KEYS[1], ARGV[2], "COUNT", ARGV[3])
		answer[4], fields = slice[1], slice[2]
	end
	for i = 1, #fields, 2 do add(fields[i], fields[i + 1]) end
end
return answer
