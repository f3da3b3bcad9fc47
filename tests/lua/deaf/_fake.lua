-- Worlds on embedded servers: two for each, so that one can become the master in place of the other.

local proxy_faults = include("_proxy_faults.lua")

local kind = { bursts = true }
local faults = {}
kind.faults = faults
for name, fault in pairs(proxy_faults) do faults[name] = fault end

function kind.servers(world)
	world.first, world.second = host.new_fake(), host.new_fake()
	world.master = world.first
	world.proxy = host.proxy({ server = world.first.url() })
end

function kind.may_publish() return true end
function kind.is_mended(world)
	if not world.last_step then return true end
	if SysTime() < world.last_step_at then return false end
	world.last_step()
	world.last_step = nil
	return true
end

function kind.publish(world, channel, text, took)
	world.master.publish(channel, text)
	if world.replica then world.replica.publish(channel, text) end
	took(true)
end

-- Replies of servers, old servers and proxies to a subscription.
local REFUSALS = {
	"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
	"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
	"CLUSTERDOWN The cluster is down", "TRYAGAIN Multiple keys request during rehashing of slot",
	"OOM command not allowed when used memory > 'maxmemory'.", "ERR proxy: no backend is available",
	"LOADING Redis is loading the dataset in memory", "NOPERM this user has no permissions to access one of the channels",
}
local FAMILY = { "subscribe", "psubscribe", "unsubscribe", "punsubscribe" }
local HELLOS = { "noproto", "unknown", "noperm", "list", "map", "ok" }

local function code(text) return text:match("^%S+") end

-- The server refuses most commands that subscribe or unsubscribe, whatever their topics.
function faults.refused(world, random, _, fault)
	local text = REFUSALS[random(#REFUSALS)]
	fault.how, fault.noperm = code(text), code(text) == "NOPERM"
	for _, command in ipairs(FAMILY) do
		if random(4) > 1 then world.first.on_every(command, "answer", "-" .. text .. "\r\n") end
	end
	if random(2) == 1 then world.first.drop(random(2) == 1 and "subscribers" or "all", "reset") end
	return function() world.first.forget_reactions() end
end

-- Some topics are refused, the others are not.
function faults.refused_by_name(world, random, _, fault)
	local text, names = REFUSALS[random(#REFUSALS)], {}
	fault.how, fault.noperm = code(text), code(text) == "NOPERM"
	for _, topic in ipairs(world.topics) do
		if random(3) == 1 then
			names[#names + 1] = topic.name
			world.first.refuse_topic(topic.name, text)
		end
	end
	if random(2) == 1 then world.first.drop("all", "fin") end
	return function()
		for _, name in ipairs(names) do world.first.refuse_topic(name) end
	end
end

-- Other commands fail, each in its own way.
function faults.commands_fail(world, random, _, fault)
	local commands = { "ping", "publish", "exec", "multi", "role", "info", "select", "set", "hello" }
	local command, text = commands[random(#commands)], REFUSALS[random(#REFUSALS)]
	fault.how, fault.noperm = command .. " " .. code(text), code(text) == "NOPERM"
	world.first.on_every(command, "answer", "-" .. text .. "\r\n")
	if random(3) == 1 then world.first.drop("all", "fin") end
	return function() world.first.forget_reactions() end
end

function faults.unserved(world, random, _, fault)
	fault.how = random(2) == 1 and "loading" or "masterdown"
	world.first.health(fault.how)
	if random(3) > 1 then world.first.drop("all", "fin") end
	return function() world.first.health("serving") end
end

-- The master becomes a replica and keeps its clients. They get messages from the new master only if it replicates.
function faults.demoted(world, random, _, fault)
	local replicates = random(2) == 1
	fault.how = replicates and "replicates" or "replicates nothing"
	world.first.role("replica")
	world.second.role("master")
	world.master, world.replica, world.elsewhere = world.second, replicates and world.first or nil, not replicates
	if random(4) == 1 then world.first.drop("all", "fin") end
	return function()
		world.first.role("master")
		world.master, world.replica = world.first, nil
	end
end

-- Likewise, and the address leads to the new master.
function faults.moved(world, random, _, fault)
	local drops = random(3) == 1
	fault.how = drops and "with its clients" or "its clients stay"
	world.first.role("replica")
	world.second.role("master")
	world.master, world.elsewhere = world.second, true
	world.proxy.swap(world.second.url())
	if drops then world.first.drop("all", "fin") end
	return function()
		-- The second server is demoted a little later: a client in the middle of a handshake with it would find a replica from the
		-- start, and stay there.
		world.proxy.swap(world.first.url())
		world.last_step_at = SysTime() + 2
		world.last_step = function()
			world.first.role("master")
			world.second.role("replica")
			world.master = world.first
		end
	end
end

function faults.hello(world, random, _, fault)
	fault.how = HELLOS[random(#HELLOS)]
	world.first.hello(fault.how)
	world.first.drop("all", "reset")
	return function() world.first.hello("full") end
end

-- It answers everything and delivers nothing: on the connections that are open, or on new ones as well.
function faults.swallows(world, random, _, fault)
	world.swallows = true
	local new_ones_too = random(2) == 1
	fault.how = new_ones_too and "new ones too" or nil
	world.first.faults("all", { deliver = false })
	if new_ones_too then world.first.faults("new", { deliver = false }) end
	return function()
		world.first.faults("all", { deliver = true })
		world.first.faults("new", { deliver = true })
	end
end

-- It does not read, does not write, or neither.
function faults.hangs(world, random, _, fault)
	local which, whom = random(3), random(2) == 1 and "all" or "subscribers"
	local changes = { read = which == 1, write = which == 2 }
	local new_ones_too = random(2) == 1
	fault.how = (which == 1 and "writes nothing" or which == 2 and "reads nothing" or "does nothing") .. " for " .. whom
		.. (new_ones_too and ", new ones too" or "")
	world.first.faults(whom, changes)
	if new_ones_too then world.first.faults("new", changes) end
	return function()
		world.first.faults("all", { read = true, write = true })
		world.first.faults("new", { read = true, write = true })
	end
end

function faults.slow(world, random, _, fault)
	local delay = 3 * random()
	world.is_slow = true
	fault.how = string.format("%.1f s", delay)
	world.first.faults("all", { delay = delay })
	world.first.faults("new", { delay = delay })
	return function()
		world.first.faults("all", { delay = 0 })
		world.first.faults("new", { delay = 0 })
	end
end

-- It hangs up as soon as a client is ready, or in the middle of its handshake.
function faults.hangs_up(world, random, _, fault)
	local bytes = random(2) == 1 and random(400) or 400 + random(8000)
	fault.how = bytes .. " bytes"
	world.first.faults("new", { cut_after_sent = bytes })
	world.first.drop("all", "reset")
	return function()
		world.first.faults("new", { none = true })
		world.first.drop("all", "reset")
	end
end

function faults.dropped(world, random, _, fault)
	fault.how = random(2) == 1 and "subscribers" or "all"
	world.first.drop(fault.how, random(2) == 1 and "fin" or "reset")
	return function() end
end

-- Large messages, and a server that cuts off clients that do not read them at once.
function faults.large(world, random, _, fault)
	world.pad = "|" .. ("x"):rep(random(300000))
	fault.how = #world.pad .. " bytes"
	world.first.subscriber_buffer(random(300000))
	return function()
		world.pad = ""
		world.first.subscriber_buffer(32 * 1024 * 1024)
	end
end

function faults.away(world, random, _, fault)
	fault.how = random(2) == 1 and "refuses" or "stopped"
	if fault.how == "refuses" then
		world.first.refuse()
		world.first.drop("subscribers", "fin")
	else
		world.first.stop()
	end
	return function() world.first.start() end
end

function faults.full(world, random)
	world.first.max_clients(random(6))
	world.first.kick(random(2) == 1 and "all" or "subscribers", "ERR max number of clients reached")
	return function() world.first.max_clients(10000) end
end

function faults.password(world)
	world.first.password("secret")
	world.first.drop("all", "fin")
	return function() world.first.password() end
end

-- The ACL takes some channels or a command from the default user.
function faults.acl(world, random, _, fault)
	local rules = {
		"resetchannels", "resetchannels &" .. world.name .. ".channel.1 &realtime:probe:*", "-subscribe", "-psubscribe", "-publish",
		"-ping", "-hello", "-role", "-info", "-@pubsub", "off",
	}
	fault.how, fault.noperm = rules[random(#rules)], true
	world.first.user("default " .. fault.how)
	if random(2) == 1 then world.first.drop("all", "fin") end
	return function() world.first.user("default on nopass ~* &* +@all") end
end

kind.names = {}
for name in pairs(faults) do kind.names[#kind.names + 1] = name end
table.sort(kind.names)

return kind
