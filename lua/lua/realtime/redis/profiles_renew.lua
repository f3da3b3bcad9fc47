-- Renews the leases of several documents of realtime.Profiles, and answers which other servers want them. Runs inside
-- Redis (EVAL).
--
-- KEYS     realtime:profiles:{NAME}:ID, for each document
-- ARGV[1]  the lease in milliseconds
-- ARGV[2]  the caller's id, such as "ttt-1"
-- ARGV[3…] three for each document: the TOKEN of its opening, its fence, and the number of the last save that
--          was answered
--
-- Answers, two for each document:
--   "held"    the caller holds it. The id of the server that wants it, or ""
--   "behind"  the same, but Redis has lost the last save
--   "free"    the caller has released it. ""
--   "lost"    another server has opened it since. Its id

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local lease, from = tonumber(ARGV[1]), ARGV[2]

-- Doubles hold microseconds exactly; only "%.0f" writes all their digits.
local function digits(number) return string.format("%.0f", number) end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local lease_end = digits(now + lease * 1000)
local WANTED = 15 * 1000000 -- as in profiles_open.lua; a time further ahead was set before the clock went back

local answers = {}
local function answer(outcome, detail)
	answers[#answers + 1] = outcome
	answers[#answers + 1] = detail
end
for i, key in ipairs(KEYS) do
	local token, fence, number = ARGV[i * 3], tonumber(ARGV[i * 3 + 1]), tonumber(ARGV[i * 3 + 2])
	local known = redis.call("HMGET", key, "fence", "holder", "server", "wanted", "number")
	local last_fence = tonumber(known[1] or "0")
	if last_fence > fence then
		answer("lost", known[3] or "")
	elseif last_fence < fence then
		redis.call("HSET", key, "fence", digits(fence), "number", "0", "holder", token, "server", from, "until", lease_end)
		answer("behind", "")
	elseif known[2] ~= token then
		answer("free", "")
	else
		redis.call("HSET", key, "until", lease_end)
		local who, wanted_until = string.match(known[4] or "", "^(%S+) (%d+)$")
		local left = who and tonumber(wanted_until) - now or 0
		answer(tonumber(known[5]) < number and "behind" or "held", left > 0 and left <= WANTED and who or "")
	end
end
return answers
