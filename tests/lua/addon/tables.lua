-- servers: fake, real
-- Tables from server to server: two clients stand for two servers.

local kit = include("../_kit.lua")
local two, close = include("_two_tables.lua")

host.test("a table arrives with its sender, at the sender too", function()
	local one, two = two()
	local channel, at_one, at_two = kit.unique("t"), kit.recorder(), kit.recorder()
	one:Subscribe(channel, at_one.fn)
	two:Subscribe(channel, at_two.fn)
	kit.subscribe(two.client, kit.unique("fence"), function() end)
	local data = { id = "76561198000000001", ["76561198000000001"] = { 1, 2.5, false } }
	local receivers
	assert(one:Publish(channel, data, function(_, n) receivers = n end))
	kit.wait("both", function() return #at_one == 1 and #at_two == 1 and receivers end)
	kit.eq(at_two[1], { data, "one", channel })
	kit.eq(at_one[1], { data, "one", channel })
	kit.eq(receivers, 2)
	kit.eq({ one:Id(), tostring(two) }, { "one", "RealtimeTables [two]" })
	close(one, two)
end)

host.test("one's own echo can be skipped", function()
	local one, two = two()
	local channel, at_one, by_pattern = kit.unique("t"), kit.recorder(), kit.recorder()
	local open, read = realtime.addon.Open, 0
	realtime.addon.Open = function(...)
		read = read + 1
		return open(...)
	end
	one:SubscribeOthers(channel, at_one.fn)
	one:PSubscribeOthers(channel .. "*", by_pattern.fn)
	kit.subscribe(one.client, kit.unique("fence"), function() end)
	kit.publish(one.client, channel, realtime.Encode("own", "one"))
	one:Publish(channel, "own")
	two:Publish(channel, "other")
	kit.wait("the other's", function() return #at_one == 1 and #by_pattern == 1 end)
	kit.eq(at_one[1], { "other", "two", channel })
	kit.eq(by_pattern[1], { "other", "two", channel, channel .. "*" })
	kit.ticks(3)
	kit.eq(#at_one, 1)
	realtime.addon.Open = open
	kit.eq(read, 2, "messages that were read: the other's, for each subscription")
	close(one, two)
end)

host.test("identifiers are those of hook.Add, and apart from those of plain subscriptions", function()
	local one, two = two()
	local channel, plain, first, second, own = kit.unique("t"), kit.recorder(), kit.recorder(), kit.recorder(), kit.recorder()
	one.client:Subscribe(channel, plain.fn)
	one:Subscribe(channel, "same", first.fn)
	one:Subscribe(channel, "same", second.fn)
	one:Subscribe(channel, own.fn)
	kit.subscribe(one.client, kit.unique("fence"), function() end)
	two:Publish(channel, 1)
	kit.wait("three", function() return #plain == 1 and #second == 1 and #own == 1 end)
	kit.eq(#first, 0, "the callback that was replaced")
	one:Unsubscribe(channel, "same")
	one:Unsubscribe(channel)
	two:Publish(channel, 2)
	kit.wait("the plain one", function() return #plain == 2 end)
	kit.eq({ #second, #own }, { 1, 1 })
	local by_pattern = kit.recorder()
	one:PSubscribe(channel .. "*", by_pattern.fn)
	kit.subscribe(one.client, kit.unique("fence"), function() end)
	two:Publish(channel, 3)
	kit.wait("by pattern", function() return #by_pattern == 1 end)
	one:PUnsubscribe(channel .. "*")
	two:Publish(channel, 4)
	kit.wait("the plain one", function() return #plain == 4 end)
	kit.eq(#by_pattern, 1)
	close(one, two)
end)

host.test("what is no envelope is left out and told, once for a while; the rest arrives", function()
	local one, two = two()
	local channel, got = kit.unique("t"), kit.recorder()
	one:Subscribe(channel, got.fn)
	kit.subscribe(one.client, kit.unique("fence"), function() end)
	for _ = 1, 100 do two.client:Publish(channel, "plain") end
	two:Publish(channel, "good")
	kit.wait("the good one", function() return #got == 1 end)
	local told = 0
	for _, line in ipairs(host.console()) do
		if line:find("a message on " .. channel .. ' was left out: no envelope, such as {"from":"ttt-1","data":…}', 1, true) then told = told + 1 end
	end
	kit.eq(told, 1, "lines about it")
	close(one, two)
end)

host.test("what others name does not steer the console", function()
	local one, two = two()
	local name = kit.unique("steers")
	one:PSubscribe(name .. "*", function() end)
	kit.subscribe(one.client, kit.unique("fence"), function() end)
	two.client:Publish(name .. "\27[2J\n[realtime] all is well", "plain")
	local shown = name .. "\\x1b[2J\\x0a[realtime] all is well was left out"
	kit.wait("the line", function()
		for _, line in ipairs(host.console()) do
			assert(not line:find("\27[2J", 1, true), line)
			if line:find(shown, 1, true) then return true end
		end
	end)
	close(one, two)
end)

host.test("no string is made of a message that is over the bounds, and it is told with its size", function()
	local one, two = two()
	local channel, got = kit.unique("large"), kit.recorder()
	one:Subscribe(channel, got.fn)
	one:PSubscribe(channel .. "*", got.fn)
	kit.subscribe(one.client, kit.unique("fence"), function() end)
	two.client:Publish(channel, ("x"):rep(2 ^ 22))
	kit.block_until("both messages", function() return one.client:Stats().queued_events == 2 end)
	collectgarbage()
	collectgarbage()
	collectgarbage("stop")
	local before = collectgarbage("count")
	-- The count of queued messages may be updated a moment later.
	local ran = 0
	kit.block_until("both callbacks", function()
		ran = ran + realtime.ProcessEvents(math.huge)
		return ran >= 2
	end)
	local taken = collectgarbage("count") - before
	collectgarbage("restart")
	assert(taken < 64, taken .. " KiB of Lua's memory")
	local line = "a message on " .. channel .. " was left out: it has 4194304 bytes, more than the 69632 allowed"
	assert(table.concat(host.console(), "\n"):find(line, 1, true), "it is not told")
	kit.eq(#got, 0)
	close(one, two)
end)

host.test("NaN raises where it was published, with the channel and the place", function()
	local one, two = two()
	kit.raises("^tests/lua/addon/tables.lua:%d+: 'Publish' to speeds: players%[1%]%.speed: NaN", function()
		one:Publish("speeds", { players = { { speed = 0 / 0 } } })
	end)
	close(one, two)
end)

host.test("a topic of the wrong type raises where it was given", function()
	local one, two = two()
	local HERE = "^tests/lua/addon/tables.lua:%d+: bad argument #1 to '"
	kit.raises(HERE .. "Subscribe' %(channel", function() one:Subscribe(nil, function() end) end)
	kit.raises(HERE .. "PSubscribe' %(pattern", function() one:PSubscribeOthers({}, "x", function() end) end)
	kit.raises(HERE .. "Unsubscribe' %(channel", function() one:Unsubscribe(nil, "x") end)
	close(one, two)
end)

host.test("neither a channel nor a key that was heard steers the console where a relay cannot publish", function()
	local client = kit.ready()
	local tables = realtime.Tables(client, "a")
	local key = "k\n[realtime] b\194\155\226\128\174"
	local ok, err = pcall(tables.Publish, tables, "c\n[realtime] d\27[2J", { [key] = 0 / 0 })
	kit.eq(ok, false)
	assert(err:find([['Publish' to c\x0a[realtime] d\x1b[2J: ["k\n[realtime] b?\xe2\x80\xae"]: NaN]], 1, true), err)
	client:Disconnect()
end)

host.test("NULL alone, which nobody could tell from nothing, raises where it was published", function()
	local one, two = two()
	kit.raises("'Publish' to t: the value: realtime%.NULL", one.Publish, one, "t", realtime.NULL)
	close(one, two)
end)

host.test("bad arguments raise, a closed client refuses", function()
	local one, two = two()
	kit.raises("client expected", realtime.Tables, {})
	kit.raises("client expected", realtime.Tables, "x")
	kit.raises("server's id", realtime.Tables, one.client, "a b")
	kit.raises("server's id", realtime.Tables, one.client, "")
	kit.raises("server's id", realtime.Tables, one.client, ("x"):rep(65))
	kit.raises("identifier", one.Subscribe, one, "c")
	kit.raises("identifier", one.Subscribe, one, "c", 5, print)
	kit.raises("function", one.Subscribe, one, "c", "x")
	local client = one.client
	assert(realtime.Tables(client, "one") == one and realtime.Tables(client, "other") ~= one, "one object for client and id")
	client:Disconnect()
	kit.eq(one:Publish("c", 1), false)
	kit.raises("closed client", realtime.Tables, client, "one")
	close(two)
end)

host.test("without a configuration there is none, and it says why", function()
	local tables, message = realtime.Tables()
	kit.eq(tables, nil)
	assert(message:find("no Redis is configured", 1, true), message)
end)
