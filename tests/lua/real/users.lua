-- redis: 6.2
-- A real redis-server with users: one logs in, over TCP and over a Unix socket; a wrong password is one line.

local kit = include("../_kit.lua")

host.test("an ACL user", function()
	host.real.command("ACL", "SETUSER", "alice", "on", ">p@ss:word/", "~*", "&*", "+@all")
	local login = host.real.url():gsub("//", "//alice:p%%40ss%%3Aword%%2F@")
	for _, options in ipairs({
		{ url = host.real.url(), username = "alice", password = "p@ss:word/" },
		{ url = host.real.socket(), username = "alice", password = "p@ss:word/" },
		{ url = login },
	}) do
		local client, channel, got = kit.ready(options), kit.unique("users"), kit.recorder()
		kit.eq({ kit.command(client, { "ACL", "WHOAMI" }) }, { nil, "alice" })
		kit.subscribe(client, channel, got.fn)
		host.real.publish(channel, "hello")
		kit.wait("the message", function() return #got == 1 end)
		client:Disconnect()
	end
end)

host.test("a wrong password: one line, however many attempts", function()
	host.real.command("ACL", "SETUSER", "alice", "reset", "on", ">right", "~*", "&*", "+@all")
	local function refused()
		return tonumber(host.real.command("INFO", "errorstats"):match("errorstat_WRONGPASS:count=(%d+)") or 0)
	end
	local from, console = refused(), #host.console()
	local client = kit.connect({
		username = "alice", password = "s3cret", reconnect_min = 0.02, reconnect_max = 0.1, connect_timeout = 20,
	})
	local address = "[realtime] " .. client:Stats().address .. ": "
	kit.wait("five refusals", function() return refused() >= from + 5 end)
	local lines = {}
	for i = console + 1, #host.console() do
		local line = host.console()[i]
		if line:sub(1, #address) == address then lines[#lines + 1] = line end
	end
	kit.eq(#lines, 1, "lines: " .. kit.show(lines))
	assert(lines[1]:find("WRONGPASS", 1, true) and not lines[1]:find("s3cret", 1, true), lines[1])
	client:Disconnect()
end)
