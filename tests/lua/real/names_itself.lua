-- A client reports its server's own name and version, over either protocol: Redis and its forks.

local kit = include("../_kit.lua")

host.test("name, version, mode and role", function()
	local info = host.real.command("INFO", "server")
	local name = info:match("server_name:(%S+)") or "redis"
	local client = kit.ready()
	local stats = client:Stats()
	kit.eq({ stats.server, stats.version, stats.mode, stats.role },
		{ name, info:match(name .. "_version:(%S+)"), info:match("redis_mode:(%S+)") or info:match("server_mode:(%S+)"), "master" })
	client:Disconnect()
end)
