-- unload: before, after
-- Callbacks that get the value of a JSON message: long ones are read and built in slices, and anything may happen between and in
-- them. `ProcessEvents(0)` runs one slice, so that ticks are counted, not timed. The values are tested in
-- addon/json_messages_once.lua.
--
-- A script has no way to close the module: see _native.lua.

local kit = include("_kit.lua")
local native = include("_native.lua")

local JSON = { format = "json" }

local function list_of(count)
	local list = {}
	for i = 1, count do list[i] = { id = i, name = "player " .. i, at = { i, i / 8, -i }, alive = i % 3 == 0 } end
	return list
end

-- A list whose text has two million bytes and more, and the memory that it takes.
local large = list_of(30000)
local large_text = assert(realtime.EncodeJson(large))
assert(#large_text > 2e6, #large_text)
-- A list that takes several slices.
local long = list_of(400)
local long_text = assert(realtime.EncodeJson(long))

-- A client whose messages come back, and a channel of its own.
local function ready()
	local client, channel, fenced = kit.ready(), kit.unique("json"), false
	client:Subscribe("fence of " .. channel, function() fenced = true end)
	client:Publish("fence of " .. channel, "")
	kit.wait("the fence", function() return fenced end)
	return client, channel
end

-- The messages are published, and wait for the main thread.
local function queue(client, messages)
	local before = client:Stats().queued_events
	for _, message in ipairs(messages) do client:Publish(message[1], message[2]) end
	kit.block_until("queued messages", function() return client:Stats().queued_events == before + #messages end)
end

-- Runs one slice after another until it is done, and returns how many there were.
local function slices(what, is_done, between)
	local count = 0
	while not is_done() do
		realtime.ProcessEvents(0)
		count = count + 1
		if between then between(count) end
		assert(count < 5000, what .. " does not end")
	end
	return count
end

local function collected()
	collectgarbage()
	collectgarbage()
	return collectgarbage("count")
end

host.test("forms of the options, and what is wrong with others", function()
	local client, channel = ready()
	local got = {}
	local function heard(...) got[#got + 1] = { select("#", ...), ... } end
	local options = { format = "json", max_bytes = 1000, max_elements = 9, text_of = "data", unreadable = true }
	client:Subscribe(channel, heard, options)
	client:PSubscribe(channel .. "*", "pattern", heard, { format = "json", skip_prefix = '{"own"' })
	client:Subscribe(channel, "raw", heard, { skip_prefix = '{"own"' })
	local messages = { '{"data": [1]}', '{"own":1}', "null", "[1,2,3,4,5,6]", '{"data"', ('"%s"'):format(("x"):rep(999)) }
	for i, message in ipairs(messages) do
		got = {}
		client:Publish(channel, message)
		local wanted = message:find("own", 1, true) and 1 or message == messages[5] and 2 or 3
		kit.wait("message " .. i, function() return #got >= wanted end)
		table.sort(got, function(a, b) return a[1] * 10 + #tostring(a[3]) < b[1] * 10 + #tostring(b[3]) end)
		if i == 1 then kit.eq(got, { { 2, message, channel }, { 3, { data = { 1 } }, channel, channel .. "*" },
			{ 4, { data = { 1 } }, channel, nil, "[1]" } }) end
		if i == 2 then kit.eq(got, { { 2, { own = 1 }, channel } }) end
		if i == 3 then kit.eq(got[1][2] == realtime.NULL or got[2][2] == realtime.NULL, true) end
		if i == 4 then kit.eq(got[#got], { 5, nil, channel, nil, "it has more than 9 elements" }) end
		if i == 5 then
			kit.eq(got[#got], { 5, nil, channel, nil, "line 1, column 8: expected ':', but the text ends: a bracket or a quote is missing",
				'{"data"' })
		end
		if i == 6 then kit.eq(got[#got], { 5, nil, channel, nil, "it has 1001 bytes, more than the 1000 allowed" }) end
	end
	for _, method in ipairs({ "Subscribe", "PSubscribe" }) do
		local function wrong(pattern, ...) kit.raises(pattern, client[method], client, channel, ...) end
		local list = "the options are format, max_bytes, max_elements, skip_prefix, text_of, unreadable"
		wrong("bad argument #3 to '" .. method .. "' %(options: unknown option \"formt\"; " .. list .. "%)", heard, { formt = "json" })
		wrong("bad argument #4 to '" .. method .. "' %(options: option \"format\" must be \"json\", not \"xml\"", "id", heard, { format = "xml" })
		wrong('option "format" must be "json", not a value of type boolean', heard, { format = true })
		wrong('option "max_bytes" must be a whole number from 0 up, not 1.5', heard, { max_bytes = 1.5 })
		wrong('option "max_bytes" must be a whole number from 0 up, not a value of type string', heard, { max_bytes = "1" })
		wrong('option "max_elements" must be a whole number from 0 up, not %-1', heard, { format = "json", max_elements = -1 })
		wrong('option "max_elements" is for format = "json"', heard, { max_elements = 5 })
		wrong('option "text_of" is for format = "json"', heard, { text_of = "data" })
		wrong('option "unreadable" is for format = "json"', heard, { unreadable = false })
		wrong('option "unreadable" must be true or false, not 1', heard, { format = "json", unreadable = 1 })
		wrong('option "skip_prefix" must be a string, not a value of type table', heard, { skip_prefix = {} })
		wrong('option "skip_prefix" must not be empty: every message begins with that', heard, { skip_prefix = "" })
		wrong("options: keys are strings, but one is a number", heard, { "json" })
		wrong("bad argument #2 to '" .. method .. "' %(options: they come after the function, not before it%)", JSON, heard)
		wrong("bad argument #3 to '" .. method .. "' %(options: they come after the function, not before it%)", "id", JSON, heard)
		wrong("one argument too many", heard, JSON, 5)
	end
	client:Disconnect()
end)

host.test("without `unreadable` the console tells of a message that cannot be read, once in ten seconds", function()
	local client, channel = ready()
	local heard = 0
	client:Subscribe(channel, function() heard = heard + 1 end, JSON)
	local before = #host.console()
	for _ = 1, 20 do client:Publish(channel, "nonsense") end
	client:Publish(channel, "1")
	kit.wait("the last one", function() return heard == 1 end)
	local lines = {}
	for i = before + 1, #host.console() do lines[#lines + 1] = host.console()[i] end
	kit.eq(#lines, 1)
	assert(lines[1]:find('a message on "' .. channel .. '" was left out: line 1, column 1: expected a value', 1, true), lines[1])
	client:Disconnect()
end)

host.test("two million bytes are made in many small slices, in order, while others go on", function()
	local client, channel = ready()
	local other, elsewhere = ready()
	local got, others = {}, 0
	client:Subscribe(channel, function(value) got[#got + 1] = value end, JSON)
	client:Subscribe(channel .. "raw", function(value) got[#got + 1] = value end)
	other:Subscribe(elsewhere, function() others = others + 1 end, JSON)
	client:Publish(channel, "0")
	kit.wait("the first", function() return #got == 1 end)
	queue(client, { { channel, large_text }, { channel .. "raw", "later" }, { channel, "[1]" } })
	local before = collected()
	collectgarbage("stop")
	local most, published, last = 0, 0, collectgarbage("count")
	local count = slices("a large message", function() return #got == 4 end, function(n)
		local now = collectgarbage("count")
		most, last = math.max(most, now - last), now
		-- While the large one is read, another client's messages arrive.
		if n % 50 == 0 and #got == 1 then
			queue(other, { { elsewhere, "[]" } })
			published = published + 1
			last = collectgarbage("count")
			slices("another client's", function() return others == published or #got > 1 end)
			last = collectgarbage("count")
		end
	end)
	collectgarbage("restart")
	assert(count > 200, count .. " slices for " .. #large_text .. " bytes")
	assert(published > 2 and others >= published - 1, others .. " of " .. published .. " messages of another client arrived meanwhile")
	-- The list of thirty thousand is allocated at once, with 16 bytes for each element. The rest is small.
	local list_kib = #large * 16 / 1024
	assert(most < list_kib + 128, most .. " KiB in one slice")
	kit.eq({ #got[2], got[2][1], got[2][#large], got[3], got[4] }, { #large, large[1], large[#large], "later", { 1 } })
	for i = 1, #large, 997 do kit.eq(got[2][i], large[i]) end
	print(string.format("= json_large_slices %d", count))
	got[2] = nil
	local left = collected() - before
	assert(left < 128, left .. " KiB are left")
	client:Disconnect()
	other:Disconnect()
end)

host.test("long keys are made in slices, as long texts are", function()
	local client, channel = ready()
	local got
	client:Subscribe(channel, function(message) got = message end, JSON)
	-- Lua does not know any of the keys before, because known keys take no memory.
	local pieces = {}
	for i = 1, 64 do pieces[i] = '"' .. ("k"):rep(32768) .. i .. '":' .. i end
	queue(client, { { channel, "{" .. table.concat(pieces, ",") .. "}" } })
	local most, kib = 0, collected()
	collectgarbage("stop")
	slices("an object with long keys", function() return got end, function()
		local now = collectgarbage("count")
		most, kib = math.max(most, now - kib), now
	end)
	collectgarbage("restart")
	for i = 1, 64 do kit.eq(got[("k"):rep(32768) .. i], i) end
	assert(most < 256, most .. " KiB in one slice")
	client:Disconnect()
end)

host.test("each callback gets a table of its own, and those of strings the string", function()
	local client, channel = ready()
	local got = {}
	client:Subscribe(channel, "a", function(value) got.a = value end, JSON)
	client:Subscribe(channel, "b", function(value) got.b = value error("one that raises takes nothing from the others") end)
	client:Subscribe(channel, "c", function(value) got.c = value end, JSON)
	client:Subscribe(channel, "d", function(value, _, _, bytes) got.d = { value, bytes } end, 10)
	client:Subscribe(channel, "e", function(value) got.e = value end)
	local before = ErrorNoHaltWithStack
	ErrorNoHaltWithStack = function() end
	for _, text in ipairs({ '{"x":[1]}', long_text }) do
		for _, budget in ipairs({ 0, math.huge }) do
			got = {}
			queue(client, { { channel, text } })
			while not got.e do realtime.ProcessEvents(budget) end
			kit.eq({ got.a, got.c, got.b, got.e }, { (realtime.DecodeJson(text)), (realtime.DecodeJson(text)), text, text })
			assert(got.a ~= got.c)
			kit.eq(got.d, { #text <= 10 and text or nil, #text > 10 and #text or nil })
		end
	end
	ErrorNoHaltWithStack = before
	client:Disconnect()
end)

-- Runs `change` after each number of slices of one long message, each in a client of its own. `after`: the check afterwards.
local function at_every_slice(change, after)
	local before
	for stop = 1, 1000 do
		local client, channel = ready()
		local heard = {}
		client:Subscribe(channel, "id", function(value) heard[#heard + 1] = value end, JSON)
		queue(client, { { channel, long_text } })
		local ran = 0
		while ran < stop and #heard == 0 do
			realtime.ProcessEvents(0)
			ran = ran + 1
		end
		if #heard > 0 then
			client:Disconnect()
			return stop
		end
		change(client, channel, heard)
		after(client, channel, heard)
		heard = nil
		client:Disconnect()
		kit.wait("the end", function() return client:State() == "closed" end)
		realtime.ProcessEvents(1)
		client = nil
		local now = collected()
		before = before or now
		assert(now - before < 200, now - before .. " KiB are left, of " .. stop)
	end
	error("a long message takes more than 1000 slices")
end

host.test("a Disconnect, an Unsubscribe and a new callback after every slice", function()
	local count = at_every_slice(function(client) client:Disconnect() end, function(_, _, heard)
		for _ = 1, 5 do realtime.ProcessEvents(1) end
		kit.eq(#heard, 0)
	end)
	assert(count > 5, count .. " slices")
	local later
	at_every_slice(function(client, channel)
		client:Unsubscribe(channel, "id")
		later = nil
		client:Subscribe(channel .. "later", function(message) later = message end)
		client:Publish(channel .. "later", "x")
	end, function(_, _, heard)
		kit.wait("what follows", function() return later == "x" end)
		kit.eq(#heard, 0)
	end)
	at_every_slice(function(client, channel, heard)
		client:Subscribe(channel, "id", function(value) heard[1] = { "new", #value } end, JSON)
	end, function(_, _, heard)
		kit.wait("the new callback", function() return #heard == 1 end)
		kit.eq(heard, { { "new", #long } })
	end)
	at_every_slice(function(client, channel, heard)
		client:Subscribe(channel, "id", function(value) heard[1] = { "raw", value } end)
	end, function(_, _, heard)
		kit.wait("the new callback", function() return #heard == 1 end)
		kit.eq(heard, { { "raw", long_text } })
	end)
end)

host.test("finalizers in the middle of a slice may do anything", function()
	local doings = {
		read = function() kit.eq((realtime.DecodeJson('{"a":["\\u00e9"]}')).a[1], "é") end,
		events = function() realtime.ProcessEvents(1) end,
		raise = function() error("a finalizer") end,
		unsubscribe = function(client, channel) client:Unsubscribe(channel, "id") end,
		disconnect = function(client) client:Disconnect() end,
		replace = function(client, channel, heard) client:Subscribe(channel, "id", heard, JSON) end,
	}
	local reports = ErrorNoHaltWithStack
	ErrorNoHaltWithStack = function() end
	for what, doing in pairs(doings) do
		local ran = 0
		for _ = 1, 2 do
			local client, channel = ready()
			local values, over = {}, false
			local function heard(value) values[#values + 1] = value end
			client:Subscribe(channel, "id", heard, JSON)
			client:Subscribe(channel .. "end", function() over = true end)
			queue(client, { { channel, long_text }, { channel .. "end", "" } })
			kit.collecting(3, function()
				ran = ran + 1
				doing(client, channel, heard)
			end, function()
				for _ = 1, 50 do realtime.ProcessEvents(0) end
			end)
			if what ~= "disconnect" then kit.wait(what .. ": the end", function() return over end) end
			for _, value in ipairs(values) do kit.eq(value, long) end
			if what == "read" or what == "events" or what == "replace" then kit.eq(#values, 1, what) end
			client:Disconnect()
		end
		assert(ran > 0, "no finalizer ran: " .. what)
	end
	ErrorNoHaltWithStack = reports
end)

host.test("memory may run out at every allocation of a build", function()
	local client, channel = ready()
	local heard, reports, before = nil, 0, ErrorNoHaltWithStack
	client:Subscribe(channel, function(value) heard = value end, JSON)
	local nested = 1
	for i = 1, 30 do nested = { nested, ["key " .. i] = "\0" } nested = { value = nested[1], list = { 1, "x\n" } } end
	-- Deep, and long enough for slices: the deep part comes last.
	local value = { filling = ("x"):rep(17000), list = list_of(20), deep = nested }
	local text = assert(realtime.EncodeJson(value))
	local function run() for _ = 1, 30 do realtime.ProcessEvents(0) end end
	ErrorNoHaltWithStack = function() reports = reports + 1 end
	for allocations = 0, 1000 do
		heard = nil
		queue(client, { { channel, text } })
		collectgarbage()
		collectgarbage("stop")
		host.fail_alloc_after(allocations)
		local ok, err = pcall(run)
		host.fail_alloc_after(nil)
		collectgarbage("restart")
		assert(ok, err)
		realtime.ProcessEvents(1)
		if reports == 0 and heard then
			ErrorNoHaltWithStack = before
			assert(allocations > 100, allocations .. " allocations")
			kit.eq(heard, value)
			client:Disconnect()
			return
		end
		reports = 0
	end
	ErrorNoHaltWithStack = before
	error("needs more than 1000 allocations")
end)

host.test("the module is closed in the middle of a slice", function()
	local client, channel = ready()
	local heard, closed = 0, false
	client:Subscribe(channel, function() heard = heard + 1 end, JSON)
	queue(client, { { channel, large_text } })
	for _ = 1, 200 do realtime.ProcessEvents(0) end
	kit.eq(heard, 0)
	local before = collected()
	kit.collecting(200, function()
		if closed then return end
		closed = true
		native.close()
	end, function()
		while not closed do realtime.ProcessEvents(0) end
	end)
	kit.eq(heard, 0)
	kit.raises("realtime was closed", client.Subscribe, client, "x", print)
	local freed = before - collected()
	assert(freed > 500, "what was made of the table is still there: " .. freed .. " KiB were freed")
end)
