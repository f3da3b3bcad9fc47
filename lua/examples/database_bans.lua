-- A ban on one server is a ban on all, with your MySQL database as the authority, to which a web site may write as
-- well. To use it, install mysqloo, make the table, and copy this into lua/autorun/server/ of an addon of yours. If
-- Redis may hold the bans, shared_bans.lua is simpler.
--
--     CREATE TABLE bans (steamid VARCHAR(20) PRIMARY KEY, reason TEXT NOT NULL, expires BIGINT NOT NULL);
--
-- mysqloo answers in the hook Think, which an empty server runs only with sv_hibernate_think 1: put that into
-- server.cfg. A program that changes a row publishes its SteamID64, for example a web site:
-- {"from":"web","data":"7656119…"}.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local client, problem = realtime.Default()
if not client then return print("[database_bans] " .. problem) end
if not util.IsBinaryModuleInstalled("mysqloo") then return print("[database_bans] mysqloo is not installed") end
require("mysqloo")
local tables = realtime.Tables()

local CHANNEL, RETRY = "bans.changed", 30 -- seconds
local MAX_READS = 10 -- single bans read in a second; after more changes all are read once
local STEAMID64 = "^7656119%d%d%d%d%d%d%d%d%d%d$"
local db = mysqloo.connect("127.0.0.1", "user", "password", "database", 3306)
local bans = {} -- SteamID64 → its row, the copy that CheckPassword uses
local untold = {} -- SteamID64s whose changes the other servers may not know

-- mysqloo answers in the order of the queries: of two answers, the later one is newer.
local function query(sql, values, fn, failed)
	local question = db:prepare(sql)
	for i, value in ipairs(values) do
		if isnumber(value) then question:setNumber(i, value) else question:setString(i, value) end
	end
	function question:onSuccess(rows) fn(rows) end
	function question:onError(err)
		print("[database_bans] " .. err)
		if failed then failed() end
	end
	question:start()
end

-- Reads all bans: at the start, after every loss of the connection to Redis, and after messages were dropped.
local function read_all()
	query("SELECT steamid, reason, expires FROM bans WHERE expires = 0 OR expires > ?", { os.time() }, function(rows)
		bans = {}
		for _, row in ipairs(rows) do bans[row.steamid] = row end
	end, function()
		realtime.After(RETRY, "database_bans", read_all) -- until then the old bans count
	end)
end
function db:onConnected() read_all() end
function db:onConnectionFailed(err)
	print("[database_bans] " .. err)
	realtime.After(RETRY, "database_bans.connect", function() db:connect() end)
end
db:connect()

local function tell(id)
	untold[id] = true
	tables:Publish(CHANNEL, id, function(err)
		if not err then untold[id] = nil end
	end)
end

client:On("ready", "database_bans", function()
	read_all()
	for id in pairs(untold) do tell(id) end
end)
client:On("dropped", "database_bans", read_all)

-- A publisher chooses the id, and how often it comes. Changes beyond the limit are not lost: all bans are read a
-- second later.
local second, reads, is_due = 0, 0, false
local function are_too_many()
	local now = math.floor(SysTime())
	if now ~= second then second, reads = now, 0 end
	reads = reads + 1
	return reads > MAX_READS
end
local function read_all_soon()
	if is_due then return end
	is_due = true
	realtime.After(1, "database_bans.changed", function()
		is_due = false
		read_all()
	end)
end

tables:Subscribe(CHANNEL, function(id)
	if not isstring(id) or not id:find(STEAMID64) then return end
	if are_too_many() then return read_all_soon() end
	query("SELECT steamid, reason, expires FROM bans WHERE steamid = ?", { id }, function(rows) bans[id] = rows[1] end, read_all_soon)
end)

DatabaseBans = {}

-- id: a SteamID64, as a string. seconds: 0 for ever.
function DatabaseBans.Add(id, seconds, reason)
	local expires = seconds > 0 and os.time() + seconds or 0
	query("REPLACE INTO bans (steamid, reason, expires) VALUES (?, ?, ?)", { id, reason, expires }, function() tell(id) end)
end

function DatabaseBans.Remove(id)
	query("DELETE FROM bans WHERE steamid = ?", { id }, function() tell(id) end)
end

hook.Add("CheckPassword", "database_bans", function(id)
	local ban = bans[id]
	if not ban or (ban.expires > 0 and ban.expires <= os.time()) then return end
	return false, "You are banned: " .. ban.reason
end)
