-- Worlds on redis-servers, 7.0 or later: two for each, so that one can be the other's master. The host's commands use
-- separate connections and threads, because the servers may not answer.

local proxy_faults = include("_proxy_faults.lua")

local kind = { bursts = false }
local faults = {}
kind.faults = faults
for name, fault in pairs(proxy_faults) do faults[name] = fault end

local KEY_DELAY = 100 -- microseconds for which a key is loaded
local ANSWER, LONG = 1, 120 -- seconds for a publish, and for a command that blocks
local WRITERS_PAUSE = 0.5 -- seconds without publishes after a change of the master, so that none is lost between the two

local CONFIGURATION = {
	"enable-debug-command yes", "lua-time-limit 100", "key-load-delay " .. KEY_DELAY, "loading-process-events-interval-bytes 1024",
	"repl-diskless-sync-delay 0", "repl-ping-replica-period 1", "user player on >pw ~* &* +@all",
}

-- A server and the connections to it. `insist` repeats a command until the server has run it.
local function new_server()
	local real = host.new_real(CONFIGURATION)
	local self = { real = real, publisher = real.talker(ANSWER), administrator = real.talker(ANSWER), blocker = real.talker(LONG) }
	local insisted, publishing, blocking = {}, nil, 0
	local asked
	function self.insist(...) insisted[#insisted + 1] = { ... } end
	function self.block(...)
		self.blocker.say(...)
		blocking = blocking + 1
	end
	function self.publish(channel, text, took) publishing = { self.publisher.say("PUBLISH", channel, text), took } end
	function self.may_publish() return not publishing end
	function self.is_done() return #insisted == 0 and blocking == 0 end
	function self.tick()
		for _, answer in ipairs(self.publisher.answers()) do
			local took = publishing[2]
			publishing = nil
			took(answer[3])
		end
		blocking = blocking - #self.blocker.answers()
		for _, answer in ipairs(self.administrator.answers()) do
			asked = nil
			local answered, went_well, reply = answer[2], answer[3], tostring(answer[4])
			local later = not answered or not went_well and (reply:find("^BUSY ") or reply:find("^LOADING") or reply:find("^MASTERDOWN")
				or reply:find("save already in progress")) -- for a replica
			if not later then
				if not went_well and not reply:find("^NOTBUSY") then error(table.concat(insisted[1], " ") .. ": " .. reply) end
				table.remove(insisted, 1)
			end
		end
		if insisted[1] and not asked then asked = self.administrator.say(unpack(insisted[1])) end
	end
	return self
end

local function url_parts(server) return "127.0.0.1", tostring(server.real.port()) end

-- The second server is a replica of the first, unless it has taken its place. So there are never two masters, and a client that
-- is still connected to the second receives everything.
function kind.servers(world)
	world.first, world.second = new_server(), new_server()
	world.second.insist("REPLICAOF", url_parts(world.first))
	world.master = world.first
	world.proxy = host.proxy({ server = world.first.real.url() })
end

-- Half of the clients are a user that an ACL names.
function kind.options(index) return index % 2 == 0 and { username = "player", password = "pw" } or {} end

function kind.tick(world)
	world.first.tick()
	world.second.tick()
end

function kind.may_publish(world) return world.master.may_publish() and SysTime() >= (world.quiet_until or 0) end
function kind.is_mended(world)
	if not (world.first.is_done() and world.second.is_done()) then return false end
	if world.last_step then world.last_step() end
	world.last_step = nil
	return true
end
function kind.publish(world, channel, text, took) world.master.publish(channel, text, took) end

local function nothing() end

local function kill(world, random)
	local types = { "normal", "pubsub" }
	for _, which in ipairs(types) do
		if random(3) > 1 then world.first.insist("CLIENT", "KILL", "TYPE", which) end
	end
end

-- A script that does not end: the server says BUSY.
function faults.script(world)
	world.first.block("EVAL", "while true do end", "0")
	return function() world.first.insist("SCRIPT", "KILL") end
end

-- The server sends nothing at all.
function faults.sleep(world, _, seconds)
	world.first.block("DEBUG", "SLEEP", string.format("%.2f", seconds))
	return nothing
end

function faults.stopped(world)
	world.first.real.pause()
	return function() world.first.real.resume() end
end

function faults.client_pause(world, random, seconds, fault)
	fault.how = random(2) == 1 and "ALL" or "WRITE"
	world.first.insist("CLIENT", "PAUSE", tostring(math.floor(seconds * 1000)), fault.how)
	return nothing
end

function faults.client_kill(world, random, _, fault)
	fault.how = random(2) == 1 and "pubsub" or "normal"
	world.first.insist("CLIENT", "KILL", "TYPE", fault.how)
	return nothing
end

function faults.password(world, random)
	world.first.insist("CONFIG", "SET", "requirepass", "secret")
	kill(world, random)
	return function() world.first.insist("CONFIG", "SET", "requirepass", "") end
end

function faults.memory(world, random)
	world.first.insist("CONFIG", "SET", "maxmemory-policy", "noeviction")
	world.first.insist("CONFIG", "SET", "maxmemory", "1")
	kill(world, random)
	return function() world.first.insist("CONFIG", "SET", "maxmemory", "0") end
end

-- It cuts off clients that do not read large messages at once, or that hold memory.
function faults.output(world, random, _, fault)
	world.pad = "|" .. ("x"):rep(random(600000))
	fault.how = #world.pad .. " bytes"
	world.first.insist("CONFIG", "SET", "client-output-buffer-limit", "pubsub " .. random(300000) .. " 0 0")
	return function()
		world.pad = ""
		world.first.insist("CONFIG", "SET", "client-output-buffer-limit", "pubsub 33554432 8388608 60")
	end
end

function faults.timeout(world, random)
	world.first.insist("CONFIG", "SET", "timeout", tostring(random(3)))
	return function() world.first.insist("CONFIG", "SET", "timeout", "0") end
end

function faults.max_clients(world, random)
	world.first.insist("CONFIG", "SET", "maxclients", tostring(6 + random(6)))
	kill(world, random)
	return function() world.first.insist("CONFIG", "SET", "maxclients", "10000") end
end

-- The user's permissions that are removed.
function faults.acl(world, random, _, fault)
	local channel = "&" .. world.name .. ".channel.1"
	local rules = {
		{ "resetchannels" }, { "resetchannels", channel, "&realtime:probe:*" }, { "resetchannels", channel }, { "-subscribe" },
		{ "-psubscribe" }, { "-publish" }, { "-ping" }, { "-hello" }, { "-role", "-info" }, { "-hello", "-role", "-info" }, { "-@all" },
		{ "off" }, { "resetpass" }, { "-@all", "+hello", "+subscribe", "+auth" },
	}
	local rule = rules[random(#rules)]
	fault.how, fault.noperm = table.concat(rule, " "), true
	world.first.insist("ACL", "SETUSER", "player", unpack(rule))
	if random(2) == 1 then kill(world, random) end
	return function()
		world.first.insist("ACL", "SETUSER", "player", "on", "resetpass", ">pw", "~*", "resetchannels", "&*", "+@all")
	end
end

-- Publishes on another server from now on.
local function move(world, master)
	world.master, world.quiet_until = master, SysTime() + WRITERS_PAUSE
end

-- The first server follows the second, and gets its messages after its data.
local function follow(world)
	world.second.insist("REPLICAOF", "NO", "ONE")
	world.first.insist("REPLICAOF", url_parts(world.second))
	world.elsewhere = true
	move(world, world.second)
end

local function mend_roles(world)
	world.quiet_until = math.huge
	world.first.insist("REPLICAOF", "NO", "ONE")
	world.first.insist("FLUSHALL")
	world.second.insist("REPLICAOF", url_parts(world.first))
	world.first.insist("CONFIG", "SET", "replica-serve-stale-data", "yes")
	world.last_step = function() move(world, world.first) end
end

-- The master becomes the replica of another one, and keeps its clients. With data, it loads that first.
function faults.demoted(world, random, seconds, fault)
	local keys = random(2) == 1 and math.floor(math.min(seconds, 20) * 1e6 / KEY_DELAY / 2) or 0
	fault.how = keys .. " keys"
	if random(3) == 1 then
		world.first.insist("CONFIG", "SET", "replica-serve-stale-data", "no")
		fault.how = fault.how .. ", no stale data"
	end
	if keys > 0 then world.second.insist("DEBUG", "POPULATE", tostring(keys), "key", "10") end
	follow(world)
	return function() mend_roles(world) end
end

-- Likewise, and the address leads to the new master. Afterwards the new one is demoted, so its clients have to come back.
function faults.moved(world, random, _, fault)
	follow(world)
	world.proxy.swap(world.second.real.url())
	if random(3) == 1 then
		fault.how = "its clients are dropped"
		kill(world, random)
	end
	return function()
		world.quiet_until = math.huge
		world.first.insist("REPLICAOF", "NO", "ONE")
		world.second.insist("REPLICAOF", url_parts(world.first))
		world.proxy.swap(world.first.real.url())
		world.last_step = function() move(world, world.first) end
	end
end

-- Its master is away.
function faults.masterless(world, random, _, fault)
	fault.how = random(2) == 1 and "no stale data" or "stale data"
	world.first.insist("CONFIG", "SET", "replica-serve-stale-data", fault.how == "stale data" and "yes" or "no")
	world.first.insist("REPLICAOF", "127.0.0.1", "1")
	if random(2) == 1 then kill(world, random) end
	return function() mend_roles(world) end
end

function faults.away(world, random, _, fault)
	fault.how = random(2) == 1 and "killed" or "stopped"
	world.first.real[fault.how == "killed" and "kill" or "stop"]()
	return function() world.first.real.start() end
end

-- It reads its data again and keeps its connections, or it starts with much data.
function faults.loads(world, random, seconds, fault)
	local keys = tostring(math.floor(math.min(seconds, 30) * 1e6 / KEY_DELAY / 2))
	local restarts = random(2) == 1
	fault.how = keys .. " keys, " .. (restarts and "after a start" or "DEBUG RELOAD")
	world.first.insist("DEBUG", "POPULATE", keys, "key", "10")
	if restarts then
		world.first.insist("SAVE")
	else
		world.first.insist("PING")
	end
	local begun = false
	return function()
		world.first.real.start() -- some crash in DEBUG RELOAD
		world.first.insist("FLUSHALL")
		if restarts then world.first.insist("SAVE") end
	end, function()
		if begun or not world.first.is_done() then return end
		begun = true
		if restarts then
			world.first.real.kill()
			world.first.real.start()
		else
			world.first.block("DEBUG", "RELOAD")
		end
	end
end

kind.names = {}
for name in pairs(faults) do kind.names[#kind.names + 1] = name end
table.sort(kind.names)

return kind
