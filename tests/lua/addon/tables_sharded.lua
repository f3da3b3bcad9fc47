-- servers: fake, real; redis: 7.0
-- Tables on sharded channels: two clients stand for two servers.

local kit = include("../_kit.lua")

local function two()
	return realtime.Tables(kit.ready(), "one"), realtime.Tables(kit.ready(), "two")
end

local function close(...)
	for _, tables in ipairs({ ... }) do tables.client:Disconnect() end
end

host.test("sharded channels have tables of their own, apart from the plain channel of the same name", function()
	local one, two = two()
	local channel, plain, sharded, others = kit.unique("t"), kit.recorder(), kit.recorder(), kit.recorder()
	one:Subscribe(channel, plain.fn)
	one:SSubscribe(channel, sharded.fn)
	one:SSubscribeOthers(channel, "others", others.fn)
	kit.subscribe(one.client, kit.unique("fence"), function() end)
	assert(one:SPublish(channel, "own"))
	kit.wait("one's own", function() return #sharded == 1 end)
	assert(two:SPublish(channel, { 1 }))
	two:Publish(channel, "to all")
	kit.wait("all", function() return #plain == 1 and #sharded == 2 and #others == 1 end)
	kit.eq(plain[1], { "to all", "two", channel })
	kit.eq({ sharded[1], sharded[2] }, { { "own", "one", channel }, { { 1 }, "two", channel } })
	kit.eq(others[1], { { 1 }, "two", channel })
	kit.raises("'SPublish' to t: the value: NaN", two.SPublish, two, "t", 0 / 0)
	one:SUnsubscribe(channel)
	two:SPublish(channel, 2)
	kit.wait("the others", function() return #others == 2 end)
	kit.eq(#sharded, 2)
	close(one, two)
end)
