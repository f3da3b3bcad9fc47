-- servers: fake, real
-- A subscription with max_bytes gets only the size of a larger message, which does not become a string.

local kit = include("_kit.lua")

-- Calls with all of their arguments, as { n, … }: trailing nils count.
local function recorder()
	local list = {}
	list.fn = function(...) list[#list + 1] = { select("#", ...), ... } end
	return list
end

-- A message waits for the main thread, and no tick takes it.
local function queue(client, channel, message)
	local before = client:Stats().queued_events
	client:Publish(channel, message)
	kit.block_until("a queued message", function() return client:Stats().queued_events > before end)
end

-- A client with a confirmed subscription, so that its publishes come back.
local function ready(channel)
	local client = kit.ready()
	kit.subscribe(client, channel, "first", function() end)
	client:Unsubscribe(channel, "first")
	return client
end

host.test("below, at and above the bound", function()
	local client, channel, got = kit.ready(), kit.unique("bound"), recorder()
	client:Subscribe(channel, "id", got.fn, 5)
	for _, message in ipairs({ "", "1234", "12345", "123456", "1" }) do client:Publish(channel, message) end
	kit.wait("five messages", function() return #got == 5 end)
	got.fn = nil
	kit.eq(got, { { 2, "", channel }, { 2, "1234", channel }, { 2, "12345", channel }, { 4, nil, channel, nil, 6 },
		{ 2, "1", channel } })
	kit.eq({ client:Stats().delivered, client:Stats().dropped }, { 5, 0 })
	client:Disconnect()
end)

host.test("a pattern's callback gets channel and pattern beside the size", function()
	local client, prefix, got = kit.ready(), kit.unique("kills"), recorder()
	client:PSubscribe(prefix .. ".*", got.fn, 2)
	client:Publish(prefix .. ".a", "12")
	client:Publish(prefix .. ".b", "123")
	kit.wait("both", function() return #got == 2 end)
	kit.eq(got[1], { 3, "12", prefix .. ".a", prefix .. ".*" })
	kit.eq(got[2], { 4, nil, prefix .. ".b", prefix .. ".*", 3 })
	client:Disconnect()
end)

host.test("without an identifier, with nil for a bound, and with none at all", function()
	local client, channel = kit.ready(), kit.unique("forms")
	local by_file, zero, absent, huge = recorder(), recorder(), recorder(), recorder()
	client:Subscribe(channel, by_file.fn, 1)
	client:Subscribe(channel, "zero", zero.fn, 0)
	client:Subscribe(channel, "absent", absent.fn, nil)
	client:Subscribe(channel, "huge", huge.fn, 1e300)
	client:Publish(channel, "12")
	client:Publish(channel, "")
	kit.wait("all", function() return #huge == 2 end)
	kit.eq({ by_file[1][5], zero[1][5], absent[1][2], huge[1][2] }, { 2, 2, "12", "12" })
	kit.eq({ by_file[2][2], zero[2][2] }, { "", "" })
	client:Disconnect()
end)

-- Four callbacks with or without a limit, in every order; the budget of a tick ends after each callback, or after none.
local function every_order(method, topic_of, names_of)
	local client, channel = kit.ready(), kit.unique("orders")
	local topic = topic_of(channel)
	local names = names_of(channel, topic)
	-- Under RESP2 the answer to a publish can come before the message itself.
	local fenced = false
	client[method](client, topic, "fence", function() fenced = true end)
	client:Publish(channel, "fence")
	kit.wait("the fence", function() return fenced end)
	for choice = 0, 15 do
		for _, budget in ipairs({ 0, math.huge }) do
			local calls, want = {}, {}
			for n = 1, 4 do
				local is_bounded = math.floor(choice / 2 ^ (n - 1)) % 2 == 1
				client[method](client, topic, "id" .. n, function(...)
					calls[#calls + 1] = { n, select("#", ...), ... }
					-- Only the module keeps the values for the next ones.
					collectgarbage()
					if n == 2 then error("one that raises takes nothing from the others") end
				end, is_bounded and n or nil)
				want[n] = is_bounded and { n, 4, nil, names[1], names[2], 5 } or { n, #names + 1, "12345", names[1], names[2] }
			end
			local unsubscribe = method == "Subscribe" and client.Unsubscribe or client.PUnsubscribe
			unsubscribe(client, topic, "fence")
			queue(client, channel, "12345")
			local before = ErrorNoHaltWithStack
			ErrorNoHaltWithStack = function() end
			kit.block_until("four calls", function()
				local earlier = #calls
				realtime.ProcessEvents(budget)
				assert(budget > 0 or #calls <= earlier + 1, "a budget of nothing is enough for more than one")
				return #calls == 4
			end)
			ErrorNoHaltWithStack = before
			kit.eq(calls, want, method .. " " .. choice .. " with " .. budget)
			-- The subscription itself lasts as long as one callback is there.
			client[method](client, topic, "fence", function() end)
			for n = 1, 4 do unsubscribe(client, topic, "id" .. n) end
		end
	end
	client:Disconnect()
end

host.test("callbacks with and without a bound, in every order, in one tick and in several", function()
	every_order("Subscribe", function(channel) return channel end, function(channel) return { channel } end)
end)

host.test("the same of a pattern", function()
	every_order("PSubscribe", function(channel) return channel .. "*" end, function(channel, pattern) return { channel, pattern } end)
end)

host.test("a replaced callback has the new bound, also for what is queued", function()
	local channel = kit.unique("replaced")
	local client, got = ready(channel), recorder()
	kit.subscribe(client, channel, "id", got.fn, 3)
	queue(client, channel, "12345")
	client:Subscribe(channel, "id", got.fn)
	kit.wait("the message", function() return #got == 1 end)
	queue(client, channel, "12345")
	client:Subscribe(channel, "id", got.fn, 4)
	kit.wait("its size", function() return #got == 2 end)
	kit.eq({ got[1], got[2] }, { { 2, "12345", channel }, { 4, nil, channel, nil, 5 } })
	client:Disconnect()
end)

host.test("changes between two ticks of one walk", function()
	local channel = kit.unique("between")
	local client, log = kit.ready(), {}
	local function callback(name)
		return function(message, _, _, bytes) log[#log + 1] = name .. " " .. tostring(message or bytes) end
	end
	kit.subscribe(client, channel, "a", callback("a"), 1)
	for _, name in ipairs({ "b", "c", "d", "e" }) do client:Subscribe(channel, name, callback(name), 1) end
	queue(client, channel, "12345")
	while #log == 0 do realtime.ProcessEvents(0) end
	kit.eq(log, { "a 5" })
	client:Unsubscribe(channel, "b")
	client:Subscribe(channel, "c", callback("C"))
	client:Subscribe(channel, "e", callback("E"), 5)
	client:Subscribe(channel, "f", callback("f"))
	kit.wait("the last one", function() return #log == 4 end)
	kit.ticks(3)
	kit.eq(log, { "a 5", "C 12345", "d 5", "E 12345" })
	client:Disconnect()
end)

host.test("a client that is closed in the middle of a walk", function()
	local channel = kit.unique("closed")
	local client, got, later = kit.ready(), recorder(), recorder()
	kit.subscribe(client, channel, "a", got.fn, 1)
	client:Subscribe(channel, "b", later.fn)
	queue(client, channel, "12345")
	while #got == 0 do realtime.ProcessEvents(0) end
	client:Disconnect()
	kit.ticks(3)
	kit.eq({ #got, #later }, { 1, 0 })
end)

local LARGE = 2 ^ 22 -- the default limit of a message

-- Nothing may keep the text, or an equal message would take no memory. So it is made in a separate function, because a
-- register of the caller would keep it. The function is never compiled, because the compiler makes the text a constant
-- of the machine code. It compiles code that seems to run often, by 64 counters for all functions and loops, which
-- waiting loops fill on a busy machine.
local function queue_large(client, channel)
	queue(client, channel, string.rep("x", LARGE))
end
jit.off(queue_large)

-- How many KiB of Lua's memory the delivery of a large message takes. `is_over`: whether all callbacks have run.
local function cost(client, channel, is_over)
	queue_large(client, channel)
	-- Nor may a slot of the stack, in which some call left it.
	select("#", unpack({}, 1, 200))
	collectgarbage()
	collectgarbage()
	collectgarbage("stop")
	local before = collectgarbage("count")
	-- The count of queued messages may be updated a moment later.
	kit.block_until("the delivery", function()
		realtime.ProcessEvents(math.huge)
		return is_over()
	end)
	local taken = collectgarbage("count") - before
	collectgarbage("restart")
	return taken
end

host.test("no string is made of a message that nobody wants whole", function()
	for _, method in ipairs({ "Subscribe", "PSubscribe" }) do
		local channel = kit.unique("string")
		local topic = method == "PSubscribe" and channel .. "*" or channel
		local client, sizes, whole = kit.ready(), 0, 0
		local function size(message, _, _, bytes)
			assert(message == nil and bytes == LARGE)
			sizes = sizes + 1
		end
		local function all(message)
			assert(#message == LARGE)
			whole = whole + 1
		end
		client[method](client, topic, "a", size, 65536)
		kit.publish(client, kit.unique("fence"), "")
		local one = cost(client, channel, function() return sizes == 1 end)
		assert(one < 64, one .. " KiB for one callback")
		client[method](client, topic, "b", size, LARGE - 1)
		local two = cost(client, channel, function() return sizes == 3 end)
		assert(two < 64, two .. " KiB for two callbacks")
		client[method](client, topic, "b", all, LARGE)
		client[method](client, topic, "c", size, 0)
		client[method](client, topic, "d", all)
		local string = cost(client, channel, function() return sizes == 5 and whole == 2 end)
		assert(string > LARGE / 1024 and string < 2 * LARGE / 1024, string .. " KiB for one string")
		client:Disconnect()
	end
end)

host.test("what is no bound is refused, and nothing is subscribed", function()
	local client, channel = kit.ready(), kit.unique("wrong")
	for _, method in ipairs({ "Subscribe", "PSubscribe" }) do
		for _, wrong in ipairs({ -1, 0.5, 0 / 0, math.huge, -math.huge }) do
			kit.raises("bad argument #4 to '" .. method .. "' %(max_bytes: whole number from 0 up expected, got ", client[method], client,
				channel, "id", print, wrong)
			kit.raises("bad argument #3 to '" .. method .. "' %(max_bytes: ", client[method], client, channel, print, wrong)
		end
		for _, wrong in ipairs({ "5", true, print }) do
			kit.raises("bad argument #4 to '" .. method .. "' %(max_bytes: whole number from 0 up, or nil, expected, got " .. type(wrong),
				client[method], client, channel, "id", print, wrong)
			-- A text here is an identifier in the wrong place.
			local named = wrong == "5" and "identifier" or "max_bytes"
			kit.raises("bad argument #3 to '" .. method .. "' %(" .. named .. ": ", client[method], client, channel, print, wrong)
		end
	end
	kit.eq(client:Stats().subscriptions, 0)
	client:Disconnect()
end)

host.test("from a coroutine, and into one", function()
	local client, channel, got = kit.ready(), kit.unique("co"), recorder()
	local reader = coroutine.wrap(function(...)
		got.fn(...)
		while true do got.fn(coroutine.yield()) end
	end)
	coroutine.wrap(function()
		client:Subscribe(channel, "own", reader, 3)
		client:Subscribe(channel, "other", function() coroutine.wrap(function() coroutine.yield() end)() end, 2)
		client:Publish(channel, "123")
		client:Publish(channel, "1234")
	end)()
	kit.wait("both", function() return #got == 2 end)
	kit.eq({ got[1], got[2] }, { { 2, "123", channel }, { 4, nil, channel, nil, 4 } })
	client:Disconnect()
end)
