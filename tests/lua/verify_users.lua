-- servers: fake, real; redis: 6.2
-- verify_delivery when the server's ACL forbids its commands.

local kit = include("_kit.lua")

local PREFIX = "realtime:probe:"

host.test("an ACL that forbids the channel, or PUBLISH, is one error and ends the check", function()
	for name, case in pairs({
		nochannel = { rules = "on >pw ~* resetchannels &chat* +@all", channel = true },
		nopublish = { rules = "on >pw ~* &* +@all -publish", channel = true, command = "PUBLISH" },
	}) do
		local client = kit.connect({
			url = kit.user(name, case.rules), verify_delivery = true, ping_interval = 0.05, ping_timeout = 50, reconnect_min = 0.02,
			reconnect_max = 0.1, connect_timeout = 20,
		})
		local log, got = kit.troubles(client), kit.recorder()
		client:Subscribe("chat", got.fn)
		kit.wait("the error", function() return #log > 0 end)
		local info = log.last("error")
		kit.eq(info.err.code, "NOPERM")
		assert(info.err.message:find("verify_delivery", 1, true), tostring(info.err))
		assert(info.channel:sub(1, #PREFIX) == PREFIX, kit.show(info))
		kit.eq(info.command, case.command)
		host.pass(20)
		kit.eq({ #log, client:State() }, { 1, "ready" }, name .. ": " .. kit.show(log))
		host.server.publish("chat", "hello")
		kit.wait("a message", function() return #got == 1 end)
		-- A new connection tries again, and reports nothing new.
		host.server.drop()
		kit.wait("gap", function() return log.last("gap") and client:IsConnected() end)
		host.pass(20)
		local errors = 0
		for _, entry in ipairs(log) do if entry[1] == "error" then errors = errors + 1 end end
		kit.eq(errors, 1)
		client:Disconnect()
	end
end)
