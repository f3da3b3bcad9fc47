-- Passes the posts of a player to the server that the player is on, for realtime.Players. Runs inside Redis (EVAL),
-- called by game servers.
--
-- KEYS[1]  realtime:players:{players}:posts:ID, the waiting posts of the player with this SteamID64: a hash
-- KEYS[2]  realtime:players:{players}:waiting, a sorted set: the players with waiting posts
-- KEYS[3]  realtime:players:{players}:claims
-- ARGV[1]  "take" asks for waiting posts; "done" reports that one post was handled
-- ARGV[2]  the player's SteamID64
-- ARGV[3]  the instance: 32 random hexadecimal digits of the calling Lua state
-- ARGV[4…] "take": the ids of posts that the caller has already. "done": the post's id
--
-- Answers:
--   { "posts", milliseconds, posts, more }: a post is { id, its line of JSON and the data after it }, in order; more is 1 if there
--       are others
--   { "done" }
--   { "lost" }: the player is not on the calling server

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MAX_BYTES = 256 * 1024 -- of an answer, roughly
local posts_key, waiting_key, claims_key = unpack(KEYS)
local action, id, instance = ARGV[1], ARGV[2], ARGV[3]

-- Only an empty hash means that no post waits.
local function forget_if_empty()
	if redis.call("HLEN", posts_key) == 0 then redis.call("ZREM", waiting_key, id) end
end

if action == "done" then
	redis.call("HDEL", posts_key, ARGV[4])
	forget_if_empty()
	return { "done" }
elseif action ~= "take" then
	return redis.error_reply("ERR the action is not take or done")
end

local holder = string.match(redis.call("HGET", claims_key, id) or "", "^%d+ %d+ (%S+)")
if holder ~= instance then return { "lost" } end

local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local is_known = {}
for i = 4, #ARGV do is_known[ARGV[i]] = true end

local found, all = {}, redis.call("HGETALL", posts_key)
for i = 1, #all, 2 do
	if cjson.decode(string.match(all[i + 1], "^[^\n]*"))[1] <= now then
		redis.call("HDEL", posts_key, all[i])
	elseif not is_known[all[i]] then
		found[#found + 1] = { all[i], all[i + 1] }
	end
end
forget_if_empty()
-- All ids begin with the same number of digits.
table.sort(found, function(a, b) return a[1] < b[1] end)
local posts, bytes, more = {}, 0, 0
for _, post in ipairs(found) do
	bytes = bytes + #post[2]
	if bytes > MAX_BYTES and #posts > 0 then
		more = 1
		break
	end
	posts[#posts + 1] = post
end
return { "posts", string.format("%.0f", now), posts, more }
