-- redis: 6.2
-- A reply of a hundred lists in each other. Older servers overrun their own Lua stack with it, and crash soon after.

local kit = include("../_kit.lua")

host.test("deep replies", function()
	local client = kit.ready()
	local script = "local t = {7} for i = 2, 100 do t = {t} end return t"
	local err, reply = kit.command(client, { "EVAL", script, 0 })
	kit.eq(err, nil)
	local depth = 0
	while type(reply) == "table" do depth, reply = depth + 1, reply[1] end
	kit.eq({ depth, reply }, { 100, 7 })
	client:Disconnect()
end)
