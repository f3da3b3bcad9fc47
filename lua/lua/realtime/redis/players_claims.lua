-- Registers which server each player is on, for realtime.Players. Runs inside Redis (EVAL), called by game servers; a
-- web site may ask "where".
--
-- KEYS[1]  realtime:players:{players}:claims, a hash: SteamID64 → "NUMBER SINCE INSTANCE STAY SERVER"
-- KEYS[2]  realtime:players:{players}:leases, a sorted set: until when each instance counts, in milliseconds
-- KEYS[3]  realtime:players:{players}:instances, a hash: instance → "SEQUENCE STATE SteamID64 SteamID64 …"
-- KEYS[4]  realtime:players:{players}:waiting, a sorted set: the players for whom posts wait
-- ARGV[1]  "sync": exactly these players are on this server. "where": the server of a player
--
-- "sync" has the same effect however often it comes, and an old one that comes late changes nothing.
-- ARGV[2]  the instance: 32 random hexadecimal digits of the calling Lua state
-- ARGV[3]  the server's id
-- ARGV[4]  a number that grows with each sync of the instance
-- ARGV[5]  the lease in milliseconds
-- ARGV[6]  "here"; or "loading": the Lua state ends, and the next one of this server may continue with its players
-- ARGV[7]  the latest moment, by Redis's clock in microseconds, at which this was called, because a call may arrive late. 0: unknown
-- ARGV[8…] five words for each player: the SteamID64; the number of the player's stay on this instance; its length in milliseconds;
--          when the stay on this server began (microseconds, as answered), or 0; and "new", or "known" if held or lost before
-- "where"
-- ARGV[2]  the SteamID64
--
-- Answers:
--   { "synced", microseconds, told, held, lost, waiting }: held has SteamID64, number and since for each player of this server;
--       lost SteamID64 and server for each who joined another server later; waiting those with waiting posts; told is 1, or
--       Redis's reason why other servers were not notified
--   { "late" }: a later sync of this instance came before
--   { "where", server, "here" or "loading", instance }, or { "where" } if on no server

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MOST_DEAD = 10 -- how many instances one call removes
local LEASES = { here = 16000, loading = 180000 } -- the longest leases that servers ask for, in milliseconds
local MOST_WAITING = 200 -- how many players with waiting posts are read at once; if there are more, each is looked up separately
local claims_key, leases_key, instances_key, waiting_key = unpack(KEYS)

-- Doubles hold microseconds exactly; only "%.0f" writes all their digits.
local function digits(number) return string.format("%.0f", number) end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local milliseconds = math.floor(now / 1000)

local function claim_of(text)
	if not text then return nil end
	local number, since, holder, stay, server = string.match(text, "^(%d+) (%d+) (%S+) (%S+) (%S+)$")
	return { number = tonumber(number), since = tonumber(since), instance = holder, stay = stay, server = server }
end
local function counts(instance) return tonumber(redis.call("ZSCORE", leases_key, instance) or "0") > milliseconds end
local function state_of(instance)
	return string.match(redis.call("HGET", instances_key, instance) or "", "^%S+ (%S+)") or "here"
end

if ARGV[1] == "where" then
	local claim = claim_of(redis.call("HGET", claims_key, ARGV[2]))
	if not claim or not counts(claim.instance) then return { "where" } end
	return { "where", claim.server, state_of(claim.instance), claim.instance }
elseif ARGV[1] ~= "sync" then
	return redis.error_reply("ERR the action is not sync or where")
end

local instance, server, sequence, lease, state = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local called = tonumber(ARGV[7]) > 0 and math.min(tonumber(ARGV[7]), now) or now

-- Removes the claims of an instance on those of its players who are not `kept`.
local function release(holder, text, kept)
	for id in string.gmatch(string.match(text, "^%S+ %S+(.*)$") or "", "%d+") do
		if not kept[id] then
			local claim = claim_of(redis.call("HGET", claims_key, id))
			if claim and claim.instance == holder then redis.call("HDEL", claims_key, id) end
		end
	end
end

local before = redis.call("HGET", instances_key, instance)
if before and tonumber(string.match(before, "^%d+")) > sequence then return { "late" } end

-- The clock has been set back, or is another Redis's: such a lease would outlive its server.
for _, ahead in ipairs(redis.call("ZRANGEBYSCORE", leases_key, digits(milliseconds + LEASES.loading + 1), "+inf")) do
	redis.call("ZADD", leases_key, digits(milliseconds + (LEASES[state_of(ahead)] or LEASES.here)), ahead)
end
for _, dead in ipairs(redis.call("ZRANGEBYSCORE", leases_key, "-inf", digits(milliseconds), "LIMIT", 0, MOST_DEAD)) do
	if dead ~= instance then
		release(dead, redis.call("HGET", instances_key, dead) or "", {})
		redis.call("HDEL", instances_key, dead)
		redis.call("ZREM", leases_key, dead)
	end
end

-- The players with waiting posts, in one call unless they are many.
local waits, found = {}, redis.call("ZRANGEBYSCORE", waiting_key, digits(milliseconds), "+inf", "LIMIT", 0, MOST_WAITING)
local are_many = #found == MOST_WAITING
for _, id in ipairs(found) do waits[id] = true end

local ids, claims = {}, {}
for i = 8, #ARGV, 5 do ids[#ids + 1] = ARGV[i] end
if ids[1] then claims = redis.call("HMGET", claims_key, unpack(ids)) end

local words, here, held, lost, waiting, others = { digits(sequence), state }, {}, {}, {}, {}, {}
for n, id in ipairs(ids) do
	local i = 3 + n * 5
	local stay, age, since, is_new = ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), ARGV[i + 4] == "new"
	local claim = claim_of(claims[n])
	local number = called - age * 1000
	local is_other = claim and claim.instance ~= instance
	-- A number beyond the clock is from before a failover to a machine whose clock is behind: a player who joins now
	-- has joined later.
	if is_other and claim.number > number and (claim.number <= now or not is_new) and counts(claim.instance) then
		lost[#lost + 1] = id
		lost[#lost + 1] = claim.server
	else
		if claim and not is_other and claim.stay == stay then
			number, since = claim.number, claim.since
		else
			if claim then number = math.max(number, claim.number + 1) end
			if is_other and counts(claim.instance) then
				local is_loading = state_of(claim.instance) == "loading"
				if claim.server == server and is_loading then since = claim.since end
				if not is_loading then others[claim.server] = true end
			end
			if since == 0 then since = number end
			redis.call("HSET", claims_key, id, table.concat({ digits(number), digits(since), instance, stay, server }, " "))
		end
		here[id] = true
		words[#words + 1] = id
		held[#held + 1] = id
		held[#held + 1] = digits(number)
		held[#held + 1] = digits(since)
		if waits[id] or are_many and redis.call("ZSCORE", waiting_key, id) then waiting[#waiting + 1] = id end
	end
end
if before then release(instance, before, here) end
redis.call("HSET", instances_key, instance, table.concat(words, " "))
redis.call("ZADD", leases_key, digits(milliseconds + lease), instance)

-- Other servers are notified last. A refusal does not raise: the written data stay, and the others find them a few
-- seconds later.
local told = 1
for other in pairs(others) do
	local answer = redis.pcall("PUBLISH", "realtime:players:" .. other, "look")
	if type(answer) == "table" then told = answer.err end
end
return { "synced", digits(now), told, held, lost, waiting }
