-- A ban on one server is a ban on all. To use it, copy it into lua/autorun/server/ of an addon of yours, and call
-- SharedBans.Add("76561198000000001", 3600, "reason") and SharedBans.Remove("76561198000000001").
--
-- A hash in Redis is the truth; messages only say what changed. What a message might have missed is read again.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local client, problem = realtime.Default()
if not client then return print("[shared_bans] " .. problem) end
local tables = realtime.Tables()

local KEY, CHANNEL = "bans", "bans.changed"
local MAX_READS = 10 -- of single bans in a second; after more changes than these, all are read once
local STEAMID64 = "^7656119%d%d%d%d%d%d%d%d%d%d$"
local bans = {} -- SteamID64 → { reason, expires }, the copy that CheckPassword looks at

local function complain(err) print("[shared_bans] " .. tostring(err)) end

-- What stands in Redis is checked, too: an error in CheckPassword would let everybody in.
local function ban_of(text)
	local ban = text and realtime.Decode(text)
	if istable(ban) and isstring(ban.reason) and isnumber(ban.expires) then return ban end
end

-- All of them: at the start, after every loss of the connection, and where messages were dropped.
local function read_all()
	client:Command({ "HGETALL", KEY }, function(err, reply)
		if err then return complain(err) end
		bans = {}
		for id, text in pairs(realtime.Map(reply)) do bans[id] = ban_of(text) end
	end)
end
client:On("ready", "shared_bans", read_all)
client:On("dropped", "shared_bans", read_all)

-- A publisher chooses how often an id comes. Those beyond the limit are not lost: all bans are read a second later. The timer
-- without a delay runs on an empty server, too.
local second, reads, read_all_at = 0, 0, nil
local function are_too_many()
	local now = math.floor(SysTime())
	if now ~= second then second, reads = now, 0 end
	reads = reads + 1
	return reads > MAX_READS
end
timer.Create("shared_bans", 0, 0, function()
	if not read_all_at or SysTime() < read_all_at then return end
	read_all_at = nil
	read_all()
end)

tables:Subscribe(CHANNEL, function(id)
	if not isstring(id) or not id:find(STEAMID64) then return end
	if are_too_many() then
		read_all_at = read_all_at or SysTime() + 1
		return
	end
	client:Command({ "HGET", KEY, id }, function(err, text)
		if err then return complain(err) end
		bans[id] = ban_of(text)
	end)
end)

-- Written and told in one piece: no server misses what another one wrote because the connection broke in between. Encode
-- gets the channel's name for the mac that a shared secret adds.
local function write(command, id)
	client:Transaction({ command, { "PUBLISH", CHANNEL, (assert(realtime.Encode(id, nil, CHANNEL))) } }, function(err, replies)
		err = err or istable(replies[1]) and replies[1]
		if err then complain(err) end
	end)
end

SharedBans = {}

-- id: a SteamID64, as a string. seconds: 0 for ever.
function SharedBans.Add(id, seconds, reason)
	local ban = { reason = reason, expires = seconds > 0 and os.time() + seconds or 0 }
	write({ "HSET", KEY, id, (assert(realtime.Encode(ban))) }, id)
end

function SharedBans.Remove(id)
	write({ "HDEL", KEY, id }, id)
end

hook.Add("CheckPassword", "shared_bans", function(id)
	local ban = bans[id]
	if not ban or (ban.expires > 0 and ban.expires <= os.time()) then return end
	return false, "You are banned: " .. ban.reason:sub(1, 200)
end)
