-- redis: 6.2
-- MASTERDOWN is an answer to PING: a replica that has lost its master is alive.

local kit = include("../_kit.lua")

host.test("MASTERDOWN is an answer to PING", function()
	host.real.command("CONFIG", "SET", "replica-serve-stale-data", "no")
	host.real.command("REPLICAOF", "127.0.0.1", "1")
	local client = kit.ready({ ping_interval = 0.05, ping_timeout = 5, reconnect_min = 0.02, connect_timeout = 2 })
	local downs = kit.recorder()
	client:On("down", downs.fn)
	local channel, got = kit.unique("stale"), kit.recorder()
	kit.subscribe(client, channel, got.fn)
	kit.eq(kit.command(client, { "PING" }).code, "MASTERDOWN")
	local function pings() return tonumber(host.real.command("INFO", "errorstats"):match("errorstat_MASTERDOWN:count=(%d+)")) end
	local from = pings()
	kit.wait("five PINGs", function() return pings() >= from + 5 end)
	host.real.publish(channel, "x")
	kit.wait("a message", function() return #got == 1 end)
	kit.eq(#downs, 0)
	client:Disconnect()
end)
