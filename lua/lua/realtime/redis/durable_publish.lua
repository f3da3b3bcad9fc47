-- Publishes a message of realtime.Durable. Runs inside Redis (EVAL), called by game servers and web sites alike.
--
-- KEYS[1]  realtime:durable:{CHANNEL}, the messages: a stream. Also the channel that notifies servers of new messages.
-- KEYS[2]  realtime:durable:{CHANNEL}:about, a hash: kind, keep, number, last (the id that has the number)
-- KEYS[3]  realtime:durable:{CHANNEL}:token:TOKEN, the outcome of this call
-- KEYS[4]  realtime:durable:{CHANNEL}:once:ID, if the message is to be published only once for that ID
-- ARGV[1]  "publish", or "ask": the outcome of a call whose answer was lost. If it was not done, it never will be.
-- ARGV[2]  TOKEN: 32 random hexadecimal digits, new for each call
-- ARGV[3]  for how many seconds the outcome is kept
-- ARGV[4]  the publisher's id, such as "web"
-- ARGV[5]  the message: JSON of at most 64 KiB
--
-- Answers { outcome, id, told }:
--   "done"  it was published. told: 1, or Redis's reason why servers were not notified
--   "full"  nothing was published: the channel is full, and none of its messages may be dropped
--   "size"  nothing was published: the message has more than 64 KiB
--   "json"  nothing was published: the message is not JSON
--   "void"  nothing was published: the call was given up by "ask"

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MAX_BYTES = 64 * 1024
local KEEP = 10000 -- messages, unless a server sets another number
local WEEK = 7 * 24 * 3600
local stream, about_key, token_key, once_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local action, token, seconds_kept, from, data = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

if #token ~= 32 or string.find(token, "[^0-9a-f]") then return redis.error_reply("ERR the token is not 32 hexadecimal digits") end

-- The same call, or one with the same once, was here before.
local before = redis.call("GET", token_key) or (once_key and redis.call("GET", once_key))
if before == "void" then return { "void", "", 1 } end
if before then return { "done", before, 1 } end
if action == "ask" then
	redis.call("HDEL", about_key, "-") -- after this a full Redis accepts the next write, too
	redis.call("SET", token_key, "void", "EX", seconds_kept)
	return { "void", "", 1 }
end

if #data > MAX_BYTES then return { "size", "", 1 } end
local fine, list = pcall(cjson.decode, "[" .. data .. "]")
if not fine or #list ~= 1 or list[1] == cjson.null then return { "json", "", 1 } end

local about = redis.call("HMGET", about_key, "kind", "keep", "number")
local kind, keep, number = about[1], tonumber(about[2] or KEEP), tonumber(about[3] or "0") + 1
-- Until the first server sets the kind of the channel, nothing is dropped.
if kind ~= "subscribe" and redis.call("XLEN", stream) >= keep then return { "full", "", 1 } end

-- A user without permission for one of these steps publishes nothing. SET is first because a full Redis refuses it.
redis.call("SET", token_key, "void", "EX", seconds_kept)
if kind == "subscribe" then redis.call("XTRIM", stream, "MAXLEN", keep - 1) end
-- Messages are numbered, so that servers can count the ones that they missed.
redis.call("HSET", about_key, "number", string.format("%.0f", number))
local id = redis.call("XADD", stream, "*", "number", string.format("%.0f", number), "from", from, "data", data)
redis.call("HSET", about_key, "last", id)
redis.call("SET", token_key, id, "EX", seconds_kept)
if once_key then redis.call("SET", once_key, id, "EX", WEEK) end

-- Servers are notified last. A refusal does not raise: the message stays, and servers find it a few seconds later.
local told = redis.pcall("PUBLISH", stream, id)
return { "done", id, type(told) == "table" and told.err or 1 }
