-- redis: 6.2
-- Replies of many nested lists. They overflow the Lua stack of older servers, which crash soon after.

local kit = include("../_kit.lua")

local SCRIPT = "local t = {7} for i = 2, tonumber(ARGV[1]) do t = {t} end return t"

host.test("deep replies", function()
	local client = kit.ready()
	for _, levels in ipairs({ 100, 128 }) do
		local err, reply = kit.command(client, { "EVAL", SCRIPT, 0, levels })
		kit.eq(err, nil)
		local depth = 0
		while type(reply) == "table" do depth, reply = depth + 1, reply[1] end
		kit.eq({ depth, reply }, { levels, 7 })
	end
	client:Disconnect()
end)

host.test("replies deeper than 128 lists are TOOLARGE, and the connection lives", function()
	local client, channel, got, lost = kit.ready(), kit.unique("deep"), kit.recorder(), 0
	client:On("down", function() lost = lost + 1 end)
	kit.subscribe(client, channel, got.fn)
	for _, levels in ipairs({ 129, 200, 1000 }) do
		local err, reply = kit.command(client, { "EVAL", SCRIPT, 0, levels })
		kit.eq({ err.code, reply }, { "TOOLARGE", nil }, levels .. " levels")
		assert(err.message:find("deeper than 128", 1, true), err.message)
		kit.eq({ kit.command(client, { "ECHO", "fine" }) }, { nil, "fine" })
	end
	host.real.publish(channel, "hello")
	kit.wait("a message", function() return #got == 1 end)
	kit.eq({ lost, client:Stats().reconnects }, { 0, 0 })
	client:Disconnect()
end)
