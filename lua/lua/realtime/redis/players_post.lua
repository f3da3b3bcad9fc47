-- Posts a message to a player, for realtime.Players. Runs inside Redis (EVAL), called by game servers and web sites alike.
--
-- KEYS[1]  realtime:players:{players}:posts:ID, the waiting posts of the player with this SteamID64: a hash
-- KEYS[2]  realtime:players:{players}:waiting, a sorted set: the players with waiting posts
-- KEYS[3]  realtime:players:{players}:claims
-- KEYS[4]  realtime:players:{players}:leases
-- KEYS[5]  realtime:players:{players}:token:TOKEN, the outcome of this call
-- KEYS[6]  realtime:players:{players}:once:ONCE, if it may be posted only once for that id
-- ARGV[1]  "post", or "ask": the outcome of a call whose answer was lost. If it was not done, it never will be.
-- ARGV[2]  TOKEN: 32 random hexadecimal digits, new for each call
-- ARGV[3]  for how many seconds the outcome is kept
-- ARGV[4]  the sender's id, such as "web"
-- ARGV[5]  the player's SteamID64
-- ARGV[6]  the name that servers answer to: 1 to 128 bytes
-- ARGV[7]  how many seconds it waits for the player at most
-- ARGV[8]  the data: JSON of at most 64 KiB
--
-- Answers { outcome, id, told }:
--   "done"  it waits for the player. told: 1, or Redis's reason why the player's server was not notified
--   "full"  nothing was posted: a hundred posts or 1 MiB wait for the player
--   "size"  nothing was posted: the data have more than 64 KiB, or more than 20,000 elements, which no server accepts. A value is one
--           element; an object or a list is four, besides its values
--   "json"  nothing was posted: the data are not JSON
--   "void"  nothing was posted: the call was given up by "ask"

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MAX_BYTES, MAX_WAITING_BYTES, MAX_WAITING = 64 * 1024, 1024 * 1024, 100
local MAX_ELEMENTS = 20000
local WEEK, YEAR = 7 * 24 * 3600, 366 * 24 * 3600
local posts_key, waiting_key, claims_key, leases_key, token_key, once_key = unpack(KEYS)
local action, token, seconds_kept, from, id, name, seconds, data = unpack(ARGV)

if #token ~= 32 or string.find(token, "[^0-9a-f]") then return redis.error_reply("ERR the token is not 32 hexadecimal digits") end

-- The same call, or one with the same once, came before.
local before = redis.call("GET", token_key) or (once_key and redis.call("GET", once_key))
if before == "void" then return { "void", "", 1 } end
if before then return { "done", before, 1 } end
if action == "ask" then
	redis.call("SET", token_key, "void", "EX", seconds_kept)
	return { "void", "", 1 }
end

if not string.find(id, "^%d+$") or #id ~= 17 then return redis.error_reply("ERR the player is not a SteamID64") end
if #name == 0 or #name > 128 then return redis.error_reply("ERR the name must have 1 to 128 bytes") end
seconds = tonumber(seconds)
if not seconds or not (seconds > 0 and seconds <= YEAR) then return redis.error_reply("ERR it waits for 1 second to a year") end
if #data > MAX_BYTES then return { "size", "", 1 } end
local fine, list = pcall(cjson.decode, "[" .. data .. "]")
if not fine or #list ~= 1 or list[1] == cjson.null then return { "json", "", 1 } end
local function elements_of(value)
	if type(value) ~= "table" then return 1 end
	local count = 4
	for _, each in pairs(value) do count = count + elements_of(each) end
	return count
end
if elements_of(list[1]) > MAX_ELEMENTS then return { "size", "", 1 } end

local function digits(number) return string.format("%.0f", number) end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local milliseconds = math.floor(now / 1000)

-- Redis undoes nothing if it refuses a command that the user may not run. So each command is tried first where it changes nothing, or only
-- removes what has expired.
for _, key in ipairs({ token_key, once_key }) do redis.call("SET", key, "", "XX") end
redis.call("ZREMRANGEBYSCORE", waiting_key, "-inf", digits(milliseconds))
redis.call("ZADD", waiting_key, "XX", 0, "")
redis.call("PEXPIRE", token_key, 1)

-- A post is a line of JSON, { its expiry, its sender, its name }, and the data after it.
local waiting, bytes, last, latest = 0, 0, 0, 0
local posts = redis.call("HGETALL", posts_key)
for i = 1, #posts, 2 do
	local expires = cjson.decode(string.match(posts[i + 1], "^[^\n]*"))[1]
	if expires <= milliseconds then
		redis.call("HDEL", posts_key, posts[i])
	else
		waiting, bytes, latest = waiting + 1, bytes + #posts[i + 1], math.max(latest, expires)
		last = math.max(last, tonumber(string.match(posts[i], "^%d+")))
	end
end
if waiting >= MAX_WAITING or bytes + #data > MAX_WAITING_BYTES then return { "full", "", 1 } end

local expires = milliseconds + math.floor(seconds * 1000)
latest = math.max(latest, expires)
local post_id = digits(math.max(now, last + 1)) .. "-" .. id
redis.call("HSET", posts_key, post_id, cjson.encode({ expires, from, name }) .. "\n" .. data)
redis.call("PEXPIRE", posts_key, digits(latest - milliseconds))
redis.call("ZADD", waiting_key, digits(latest), id)
redis.call("SET", token_key, post_id, "EX", seconds_kept)
if once_key then redis.call("SET", once_key, post_id, "EX", WEEK) end

-- The player's server is notified last. A refusal does not raise: the written data stay, and that server finds them a
-- few seconds later.
local claim = redis.call("HGET", claims_key, id)
local instance, server = string.match(claim or "", "^%d+ %d+ (%S+) %S+ (%S+)$")
local told = 1
if instance and tonumber(redis.call("ZSCORE", leases_key, instance) or "0") > milliseconds then
	told = redis.pcall("PUBLISH", "realtime:players:" .. server, "post " .. id)
end
return { "done", post_id, type(told) == "table" and told.err or 1 }
