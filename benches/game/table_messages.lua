-- The cost of a table that arrives as a message: from the queue into callbacks of client:Subscribe with format =
-- "json", of the addon's Tables, and of strings, without a tick's budget; and the ticks while a large one is made
-- within the budget. Medians of several rounds in which all alternate. Run it with --addon lua. `bare` is a C loop
-- over the calls that make the same table from ready strings, at its final size.
--
-- = chat_line_bytes              a chat line in its envelope
-- = chat_line_string_ns          into a callback that gets the string
-- = chat_line_json_ns            that gets the table
-- = chat_line_tables_ns          through Tables, which checks the envelope as well
-- = chat_line_bare_ns            the bare calls that make the table
-- = chat_line_ratio              chat_line_json_ns to these
-- = chat_lines_a_second          of chat_line_tables_ns
-- = own_echo_ns                  one's own message under SubscribeOthers
-- = inventory_bytes              a table of 160 items
-- = inventory_json_us            into a callback that gets the table
-- = growth_<n>_ns_a_byte         a list of n bytes into such a callback
-- = large_bytes                  a list of objects
-- = large_ticks                  ticks of the standard budget that it takes
-- = large_longest_tick_ms        the longest of them
-- = large_broken_tick_ms         likewise, of a text with a mistake at its end
-- = large_bare_string_ms         a string of as many bytes, in one call
-- = large_bare_table_ms          a table for 100,000 keys, in one call

local kit, samples = include("_kit.lua"), include("_samples.lua")
local settings = kit.settings({ rounds = 9, lines = 5000, inventories = 40, large = 2000000 },
	{ rounds = 1, lines = 100, inventories = 2, large = 50000 })

local PARTS = { 1000, 100, 10, 1 }
local figures = kit.rounds()
local heard = 0
local function hear() heard = heard + 1 end

local made = 0
local function another(make)
	made = made + 1
	return make(made)
end

local function enveloped(data, from) return assert(realtime.Encode(data, from)) end

-- Queues these messages, and returns how long all of them take.
local function deliver(client, channel, texts, calls)
	local before = client:Stats().queued_events
	for _, text in ipairs(texts) do assert(client:Publish(channel, text)) end
	kit.block_until("the queue", function() return client:Stats().queued_events == before + #texts end)
	heard = 0
	collectgarbage()
	collectgarbage("stop")
	local start = SysTime()
	realtime.ProcessEvents(math.huge)
	local seconds = SysTime() - start
	collectgarbage("restart")
	assert(heard == calls, heard .. " calls on " .. channel)
	return seconds
end

local function longest_tick(client, channel, text, wanted)
	client:Publish(channel, text)
	kit.block_until("the queue", function() return client:Stats().queued_events > 0 end)
	heard = 0
	local longest, ticks = 0, 0
	collectgarbage()
	while heard < wanted do
		local start = SysTime()
		realtime.ProcessEvents()
		longest, ticks = math.max(longest, SysTime() - start), ticks + 1
	end
	return longest, ticks
end

host.run(function()
	assert(include("realtime/load.lua"), "the addon: --addon lua")
	local client = kit.ready({ max_pending = 20000 })
	local tables = realtime.Tables(client, "ttt-1")
	client:Subscribe("string", "bench", hear)
	client:Subscribe("json", "bench", hear, { format = "json", unreadable = true })
	tables:Subscribe("tables", "bench", hear)
	tables:SubscribeOthers("own", "bench", hear)
	kit.confirmed(client)
	local text = realtime.EncodeJson(samples.large(settings.large))
	local ways = { { "string", "string", "ttt-2" }, { "json", "json", "ttt-2" }, { "tables", "tables", "ttt-2" }, { "own", "own", "ttt-1" } }
	local line_bytes, inventory_bytes
	for round = 0, settings.rounds do
		-- The first one warms up.
		if round == 1 then figures = kit.rounds() end
		host.pass()
		for i = 1, #ways do
			local name, channel, from = unpack(ways[(i + round) % #ways + 1])
			local texts = {}
			for n = 1, settings.lines do texts[n] = enveloped(another(samples.chat_line), from) end
			line_bytes = #texts[1]
			figures.add(name, deliver(client, channel, texts, name == "own" and 0 or #texts) / #texts)
			kit.answered(client)
		end
		collectgarbage()
		collectgarbage("stop")
		figures.add("bare", bare.chat_lines(settings.lines) / settings.lines)
		collectgarbage("restart")
		local texts = {}
		for n = 1, settings.inventories do texts[n] = realtime.EncodeJson(another(samples.inventory)) end
		inventory_bytes = #texts[1]
		figures.add("inventory", deliver(client, "json", texts, #texts) / #texts)
		for _, part in ipairs(PARTS) do
			local size = settings.large / part
			local list = realtime.EncodeJson(samples.large(size))
			figures.add("growth" .. size, deliver(client, "json", { list }, 1) / #list)
		end
		local longest, ticks = longest_tick(client, "json", text, 1)
		figures.add("longest", longest)
		figures.add("ticks", ticks)
		figures.add("broken", (longest_tick(client, "json", text .. "x", 1)))
		local string_seconds, table_seconds = bare.large(#text, 100000)
		figures.add("bare_string", string_seconds)
		figures.add("bare_table", table_seconds)
		kit.answered(client)
	end
	local function result(key, name, scale) kit.result(key, figures.get(name) * scale) end
	kit.result("chat_line_bytes", line_bytes)
	result("chat_line_string_ns", "string", 1e9)
	result("chat_line_json_ns", "json", 1e9)
	result("chat_line_tables_ns", "tables", 1e9)
	result("chat_line_bare_ns", "bare", 1e9)
	kit.result("chat_line_ratio", figures.get("json") / figures.get("bare"))
	kit.result("chat_lines_a_second", 1 / figures.get("tables"))
	result("own_echo_ns", "own", 1e9)
	kit.result("inventory_bytes", inventory_bytes)
	result("inventory_json_us", "inventory", 1e6)
	for _, part in ipairs(PARTS) do
		local size = settings.large / part
		result("growth_" .. size .. "_ns_a_byte", "growth" .. size, 1e9)
	end
	kit.result("large_bytes", #text)
	result("large_ticks", "ticks", 1)
	result("large_longest_tick_ms", "longest", 1e3)
	result("large_broken_tick_ms", "broken", 1e3)
	result("large_bare_string_ms", "bare_string", 1e3)
	result("large_bare_table_ms", "bare_table", 1e3)
	host.exit(0)
end)
