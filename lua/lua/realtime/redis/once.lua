-- Decides which server runs the job of a slot of realtime.Once. Runs inside Redis (EVAL), called by game servers; a
-- web site may take a job as well.
--
-- KEYS[1]  realtime:once:{SLOT}: a hash
-- ARGV[1]  "take"     asks for the job
--          "renew"    renews the lease of the server that has it
--          "done"     reports that it is done
--          "release"  gives it back
-- ARGV[2]  TOKEN: 32 random hexadecimal digits, new for each run. The same call with the same token may come twice.
-- ARGV[3]  the lease in milliseconds: how long the job is held without a renewal
-- ARGV[4]  the caller's id, such as "ttt-1"
-- ARGV[5]  the fence that "take" answered, for the other three
--
-- Answers { outcome, … }:
--   "held"  the caller has the job (after "done": it is done). After "take" and "renew" the fence follows: a number
--           that is larger for each run
--   "busy"  another server runs it. The milliseconds until its lease is over, and its id follow
--   "done"  it was done before
--   "lost"  the caller does not have the job any more

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MONTH = 30 * 24 * 3600 * 1000 -- milliseconds that a slot is remembered
local key = KEYS[1]
local action, token, lease, from, fence = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5] or "0")

-- Doubles hold microseconds exactly; only "%.0f" writes all their digits.
local function digits(number) return string.format("%.0f", number) end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

local slot = redis.call("HMGET", key, "state", "token", "fence", "until", "server")
local state, holder, last_fence, lease_end = slot[1] or "free", slot[2], tonumber(slot[3] or "0"), tonumber(slot[4] or "0")
local is_own = holder == token

-- PEXPIRE comes first, too: if the caller may not use it, that raises before anything is written, and no slot stays
-- without an expiry.
local function write(new_state, new_fence)
	redis.call("PEXPIRE", key, MONTH)
	redis.call("HSET", key, "state", new_state, "token", token, "fence", digits(new_fence), "until", digits(now + lease * 1000),
		"server", from)
	redis.call("PEXPIRE", key, MONTH)
end

if action == "take" then
	if state == "done" then return { "done" } end
	if state == "running" and not is_own and lease_end > now then
		return { "busy", math.ceil((lease_end - now) / 1000), slot[5] }
	end
	-- Larger than the last one, even after Redis lost its data.
	fence = is_own and state == "running" and last_fence or math.max(last_fence + 1, now)
	write("running", fence)
	return { "held", digits(fence) }
end

if state == "done" then return { is_own and action == "done" and "held" or "lost", digits(last_fence) } end
-- If no other server took it, the caller still has it: after the lease, and after Redis lost its data.
local is_unknown = not holder and last_fence == 0
if not is_unknown and not is_own then return { "lost" } end
if state == "free" and not is_unknown then return { action == "release" and "held" or "lost" } end
fence = math.max(fence, last_fence)
if action == "renew" then
	write("running", fence)
elseif action == "done" then
	write("done", fence)
elseif action == "release" then
	write("free", fence)
else
	return redis.error_reply("ERR the action is not take, renew, done or release")
end
return { "held", digits(fence) }
