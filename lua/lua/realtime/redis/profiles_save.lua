-- Saves a document of realtime.Profiles, and releases it. Runs inside Redis (EVAL), called by the server that opened
-- it (profiles_open.lua).
--
-- KEYS[1]  realtime:profiles:{NAME}:ID, a hash
-- ARGV[1]  "save"     saves, and keeps the document
--          "close"    saves, and releases it
--          "release"  releases it, if the document was opened with this token: for an opening whose answer was lost
-- ARGV[2]  the TOKEN of the opening
-- ARGV[3]  the fence of the opening
-- ARGV[4]  the number of this save: 1, 2, 3 … for one opening. One that comes late, after a later one, changes nothing.
-- ARGV[5]  the lease in milliseconds
-- ARGV[6]  the caller's id, such as "ttt-1"
-- ARGV[7]  realtime:profiles:{NAME}, the channel on which servers are notified
-- ARGV[8]  the ID
-- ARGV[9]  "data": the JSON follows. "same": unchanged since the last save, whose number follows. "none": it is not
--          kept here.
-- ARGV[10] the JSON, or that number
-- ARGV[11] for "close": the id of the server that the player is sent to, or ""
-- ARGV[12] how many seconds that server may keep the document for the player
--
-- Answers { outcome, … }:
--   "saved"   it is done
--   "closed"  it is done, and no server holds the document
--   "lost"    nothing was saved: another server has opened it since, whose id follows
--   "behind"  nothing was done: Redis has lost the last save. Send the JSON.
--   "size"    nothing was saved: the JSON has more than 256 KiB

-- Redis before 7 needs this in scripts that read the clock and write.
if redis.replicate_commands then redis.replicate_commands() end

local MICROSECONDS, MAX_BYTES = 1000000, 256 * 1024
local key, action, token, fence, number = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local lease, from, channel, id, kind, data = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local to, hold = ARGV[11] or "", tonumber(ARGV[12] or "0")
if action ~= "save" and action ~= "close" and action ~= "release" then
	return redis.error_reply("ERR the action is not save, close or release")
end
if kind == "data" and #data > MAX_BYTES then return { "size" } end

-- Doubles hold microseconds exactly; only "%.0f" writes all their digits.
local function digits(value) return string.format("%.0f", value) end
local clock = redis.call("TIME")
local now = tonumber(clock[1]) * MICROSECONDS + tonumber(clock[2])

local known = redis.call("HMGET", key, "fence", "number", "holder", "server", "wanted", "closed")
local last_fence, last_number, holder = tonumber(known[1] or "0"), tonumber(known[2] or "0"), known[3] or ""
local wanted_until = tonumber(string.match(known[5] or "", "^%S+ (%d+)$") or "0")

-- Does not raise if the message is refused: the written data stay, and a waiting server asks again.
local function tell_free()
	if to ~= "" then
		redis.pcall("PUBLISH", channel, "handed " .. id .. " " .. to .. " " .. digits(hold))
	elseif wanted_until > now then
		redis.pcall("PUBLISH", channel, "free " .. id)
	end
end

if action == "release" then
	if holder == token then
		redis.call("HSET", key, "holder", "", "wanted", "")
		tell_free()
	end
	return { "closed" }
end

if last_fence > fence then
	-- This call may have come before, and its answer was lost.
	if action == "close" and known[6] == token then return { "closed" } end
	return { "lost", known[4] or "" }
end
-- A smaller fence: Redis has lost this opening, and no other server has opened it since.
local is_unknown = last_fence < fence
if kind == "same" and (is_unknown or last_number < tonumber(data)) then return { "behind" } end
if is_unknown then last_number, holder = 0, token end

local fields = {}
local function set(name, value)
	fields[#fields + 1] = name
	fields[#fields + 1] = value
end
if is_unknown then
	set("fence", digits(fence))
	set("server", from)
	set("holder", token)
end
-- Also for a server that has released it, as long as no other has opened it: the fence shows that.
if number > last_number then
	set("number", digits(number))
	if kind == "data" then
		set("data", data)
		set("saved", digits(now))
	end
	if action == "close" then set("handed", to ~= "" and to .. " " .. digits(now + hold * MICROSECONDS) or "") end
end
if action == "close" then
	set("holder", "")
	set("wanted", "")
	set("closed", token)
elseif holder == token then
	set("until", digits(now + lease * 1000))
end
if #fields > 0 then redis.call("HSET", key, unpack(fields)) end
if action == "save" then return { "saved" } end
if number > last_number then tell_free() end
return { "closed" }
