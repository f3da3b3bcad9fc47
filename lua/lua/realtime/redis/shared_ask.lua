-- Asks for the outcome of a call of shared_write.lua whose answer was lost. Runs inside Redis (EVAL).
-- If it was not done, it never will be: from now on its token is void.
--
-- KEYS[1]  realtime:shared:{NAME}:token:TOKEN
-- KEYS[2]  realtime:shared:{NAME}:once:ID, if the call had one
-- ARGV[1]  for how many seconds the token stays void
--
-- Answers as shared_write.lua: "done" or "void". With "done", detail 2 is "late" if this call was done, and "again" if an earlier one
-- with the same once was.

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local outcome, whose = redis.call("GET", KEYS[1]), "late"
if not outcome and KEYS[2] then outcome, whose = redis.call("GET", KEYS[2]), "again" end
if outcome and outcome ~= "void" then
	local version, detail = string.match(outcome, "^(%d+) ?(.*)$")
	return { "done", now, tonumber(version), 1, detail, whose }
end
redis.call("SET", KEYS[1], "void", "EX", ARGV[1])
return { "void", now, 0, 1 }
