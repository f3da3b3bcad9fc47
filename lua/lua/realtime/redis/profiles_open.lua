-- Opens a document of realtime.Profiles for one server. Runs inside Redis (EVAL), called by game servers; a web site may open one as well.
--
-- KEYS[1]  realtime:profiles:{NAME}:ID, a hash. It never expires.
-- ARGV[1]  "open"   asks for the document. The current holder is asked to release it.
--          "try"    asks for it, without disturbing the current holder
--          "claim"  takes it for a player who is about to join: only if it was handed over to the caller, and no server holds it
-- ARGV[2]  TOKEN: 32 random hexadecimal digits, new for each opening. The same call with the same token may come
--          twice.
-- ARGV[3]  the lease in milliseconds, unless it is renewed (profiles_renew.lua)
-- ARGV[4]  the caller's id, such as "ttt-1"
-- ARGV[5]  realtime:profiles:{NAME}, the channel on which servers are notified
-- ARGV[6]  the ID: a SteamID64
--
-- Answers { outcome, … }:
--   "open"  the caller holds the document. fence: a number that is larger for each opening; 1 if there is a document, else 0; its JSON
--   "held"  a server holds it: milliseconds until its lease is over; its id; 1, or Redis's reason why it was not notified
--   "gone"  for "claim": it was not handed over to the caller, or another server holds it now

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MICROSECONDS = 1000000
-- The smallest difference between the fences of two openings: the addon's own storage gets the fence plus the number
-- of the save.
local STEP = 1048576
local WANTED = 15 * MICROSECONDS -- how long a request to release counts; a waiting server repeats it every second
local MOST_HOLD = 3600 * MICROSECONDS -- how long a hand-over counts at most
local key = KEYS[1]
local action, token, lease, from, channel, id = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
if action ~= "open" and action ~= "try" and action ~= "claim" then
	return redis.error_reply("ERR the action is not open, try or claim")
end
if #token ~= 32 or string.find(token, "[^0-9a-f]") then return redis.error_reply("ERR the token is not 32 hexadecimal digits") end

-- Doubles hold microseconds exactly; only "%.0f" writes all their digits.
local function digits(number) return string.format("%.0f", number) end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * MICROSECONDS + tonumber(clock[2])

local known = redis.call("HMGET", key, "fence", "holder", "server", "until", "handed", "data")
local fence, holder, lease_end = tonumber(known[1] or "0"), known[2] or "", tonumber(known[4] or "0")
local is_own = holder == token

-- The clock went back, by more than the rest of the lease: the holder may renew it within one lease from now on.
if holder ~= "" and not is_own and lease_end > now + lease * 1000 then
	lease_end = now + lease * 1000
	redis.call("HSET", key, "until", digits(lease_end))
end

if holder ~= "" and not is_own and lease_end > now then
	if action == "claim" then return { "gone" } end
	local told_of
	if action == "open" then
		redis.call("HSET", key, "wanted", from .. " " .. digits(now + WANTED))
		told_of = redis.pcall("PUBLISH", channel, "wanted " .. id .. " " .. holder)
	end
	return { "held", math.ceil((lease_end - now) / 1000), known[3] or "", type(told_of) == "table" and told_of.err or 1 }
end
if action == "claim" and not is_own then
	local to, hand_over_end = string.match(known[5] or "", "^(%S+) (%d+)$")
	local left = to == from and tonumber(hand_over_end) - now or 0
	if left <= 0 or left > MOST_HOLD then return { "gone" } end
end

local lease_over = digits(now + lease * 1000)
if is_own then
	redis.call("HSET", key, "until", lease_over)
else
	-- Larger than the last one, even after Redis lost its data.
	fence = math.max(fence + STEP, now)
	redis.call("HSET", key, "fence", digits(fence), "number", "0", "holder", token, "server", from, "until", lease_over, "wanted", "",
		"handed", "")
end
return { "open", digits(fence), known[6] and 1 or 0, known[6] or "" }
