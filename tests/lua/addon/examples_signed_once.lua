-- servers: fake, real
-- With a shared secret, what shared_bans.lua publishes inside a transaction is signed, and heard.

if host.map_number == 1 then
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "hub", "secret": "%s" }', host.redis_url, ("secret"):rep(5)))
	host.next_map()
	return
end

local kit = include("../_kit.lua")

host.test("shared_bans", function()
	include("../../../lua/examples/shared_bans.lua")
	local other, heard = kit.ready({ id = "other" }), kit.recorder()
	kit.command(other, { "DEL", "bans" })
	realtime.Tables(other, "ttt-2"):Subscribe("bans.changed", heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	kit.subscribe(realtime.Default(), kit.unique("fence"), function() end)
	SharedBans.Add("76561198000000001", 0, "cheats")
	kit.wait("the word", function() return #heard == 1 end)
	kit.eq(heard[1], { "76561198000000001", "hub", "bans.changed" })
	kit.wait("the ban", function() return hook.Run("CheckPassword", "76561198000000001") == false end)
	-- Unsigned, it is left out: the ban that it tells of is not looked for.
	kit.command(other, { "HDEL", "bans", "76561198000000001" })
	other:Publish("bans.changed", '{"from":"web","data":"76561198000000001"}')
	realtime.Tables(other, "ttt-2"):Publish("bans.changed", "76561198000000002")
	-- Until this server has heard both, and has its answer.
	local fence, passed = kit.unique("fence"), kit.recorder()
	kit.subscribe(realtime.Default(), fence, passed.fn)
	other:Publish(fence, "")
	kit.wait("both messages", function() return #passed == 1 and #heard == 2 end)
	kit.wait("its answer", function() return realtime.Default():Stats().pending == 0 end)
	kit.eq(hook.Run("CheckPassword", "76561198000000001"), false)
	kit.command(other, { "DEL", "bans" })
end)
