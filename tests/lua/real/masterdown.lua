-- redis: 6.2
-- A replica that has lost its master, configured not to serve old data: it accepts clients and answers MASTERDOWN.

local kit = include("../_kit.lua")

host.test("MASTERDOWN is an answer to PING, and the data is waited for", function()
	host.real.command("CONFIG", "SET", "replica-serve-stale-data", "no")
	host.real.command("REPLICAOF", "127.0.0.1", "1")
	local client, downs = kit.connect({ ping_interval = 0.05, ping_timeout = 50, reconnect_min = 0.02, connect_timeout = 20 }), {}
	client:On("down", function(info) downs[#downs + 1] = info.err.code end)
	local channel, got = kit.unique("stale"), kit.recorder()
	kit.subscribe(client, channel, got.fn)
	local value
	client:Command({ "GET", "no such key" }, function(err) value = err and err.code or "served" end)
	local function pings() return tonumber(host.real.command("INFO", "errorstats"):match("errorstat_MASTERDOWN:count=(%d+)")) end
	local from = pings()
	kit.wait("five PINGs", function() return pings() >= from + 5 end)
	host.real.publish(channel, "x")
	kit.wait("a message", function() return #got == 1 end)
	kit.eq(client:State(), "connecting")
	kit.eq(value, nil)
	host.real.command("REPLICAOF", "NO", "ONE")
	kit.wait("the answer", function() return value == "served" end)
	kit.eq(client:State(), "ready")
	kit.eq(downs, { "MASTERDOWN" })
	client:Disconnect()
end)
