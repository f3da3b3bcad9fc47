-- Hostile publishers against everything in the addon that reads messages: Tables, Presence, Requests, realtime_tail and the
-- layer for gm_redis, each on the real module and the embedded server. Messages are made in _words.lua.
--
--   gmod-host --addon lua tests/lua/addon/fuzz/envelopes.lua [key=value …]
--
-- mode=steps counts the addon's steps, with its own clock, so that the run depends only on the seed. mode=time lets the
-- compiler run and measures the processor time of each tick. CONTRIBUTING.md says when which one runs.
-- It fails with the message, its seed and its index: `seed=S only=INDEX` sends that one alone, `first=INDEX` all from there.

local settings = {
	mode = "steps", -- or "time"
	seed = 1,
	count = 4000, -- messages at most
	seconds = 3600, -- at most
	first = 1, -- index of the first message
	only = 0, -- index of the only message; 0: all
	largest = 4 * 1024 * 1024, -- bytes of a message
	memory = 24, -- MiB by which Lua's memory may grow, after a full collection: 256 servers of 8 KiB are some 10 of them
}
for _, argument in ipairs(host.args) do
	local key, value = argument:match("^([%w_]+)=(.+)$")
	if not key or settings[key] == nil then error("envelopes: there is no setting '" .. argument .. "'") end
	if key ~= "mode" then value = assert(tonumber(value), "envelopes: " .. key .. " is a number") end
	settings[key] = value
end
if settings.mode ~= "steps" and settings.mode ~= "time" then error("envelopes: mode is steps or time") end
local counts_steps = settings.mode == "steps"

-- A message may take STEPS_AT_MOST + STEPS_A_BYTE * its bytes.
-- The first: work that does not depend on the message's size, such as a search among 256 servers, a copy of listeners, an
-- answer with its error, and a line for the console of 230 bytes, which is read three times: 240,000 were measured.
-- The second: the worst case of JSON, a list of one-digit numbers, with a pattern for each byte: 950 steps were measured. The
-- limit is twice that, because a step says little about time: it must only find work that grows faster than the message.
local STEPS_AT_MOST, STEPS_A_BYTE = 400000, 2000
-- A tick of the addon without messages: 256 servers that leave at once, each reported to a listener.
local STEPS_A_TICK = 500000
local HOOK_EVERY = 100 -- instructions
local TICK_SECONDS = 0.002 + 0.005 -- the module's budget, and one message that began within it
local LINES, WINDOW = 5 + 1, 10 -- lines on the console in so many seconds: five, and one that counts the others
local LINE_BYTES, TAIL_BYTES = 240, 500 -- of a line; of one of realtime_tail, which shows a channel and a message
local TAIL_LINES = 50 + 4 -- in a second: these, the count of the others, and the lines about its end and start
-- Of one server: one a second because of others, and its own every five seconds.
local PRESENCES = WINDOW + WINDOW / 5
local MAX_SERVERS = 256 + 1 -- and this one
local SHOWN = 5 -- problems of a kind that are printed
local BATCH, BATCH_BYTES = 25, 6 * 1024 * 1024 -- messages between two ticks, and their bytes at most
local PATIENCE = 60 -- the longest wait for any event, in seconds
local ON_PURPOSE = "raised on purpose"

local words = include("_words.lua")
words.largest = settings.largest
local real_print, real_time, collect = print, SysTime, collectgarbage

-- `current`: the message that is being handled; `in_tick`: those of this tick.
local problems, current, in_tick = include("_problems.lua")(settings.seed, SHOWN), nil, {}

local function problem(kind, ...)
	local said = current or in_tick[#in_tick]
	problems.add(said, current and "at" or "after", kind, ...)
end

-- The clock that the addon sees.
local now = counts_steps and 100 or nil
if now then SysTime = function() return now end end
local function clock() return now or real_time() end

-- The console.
local window = problems.window
local is_watching, lines, tail_lines = false, 0, 0
local in_window, in_second = window(WINDOW), window(1)

-- While messages come, no line shows anywhere.
local function on_line(line, steers_at)
	if not is_watching then return real_print(line) end
	local is_tail = line:sub(1, 10) ~= "[realtime]"
	if is_tail then
		tail_lines = tail_lines + 1
		-- Its seconds follow the clock, so two of them may overlap one of ours.
		if in_second(clock()) > 2 * TAIL_LINES then problem("the console", "more than %d lines in a second: %s", TAIL_LINES, line) end
	else
		lines = lines + 1
		if in_window(clock()) > LINES then problem("the console", "more than %d lines in %d s: %s", LINES, WINDOW, line) end
	end
	if #line > (is_tail and TAIL_BYTES or LINE_BYTES) then problem("a line", "of %d bytes: %s", #line, line) end
	if steers_at then problem("a line", "steers the terminal at byte %d: %s", steers_at, line) end
end

local raised_on_purpose = 0
local function on_error(text)
	if text:find(ON_PURPOSE, 1, true) then
		raised_on_purpose = raised_on_purpose + 1
	else
		problem("an error", "%s", text)
	end
end
include("_console.lua")(on_line, on_error)

local counter = include("../../_step_counter.lua")
local most_steps, most_a_byte, most_a_tick = { steps = 0, index = 0 }, { steps = 0, index = 0 }, 0

-- Runs fn, which may take so many steps; returns how many it took.
local function counted(kind, limit, fn, ...)
	if counts_steps then counter.start(limit) end
	local ok, err = pcall(fn, ...)
	local steps = counts_steps and counter.stop() or 0
	if steps > limit then
		problem("work", "%s takes more than %d steps", kind, limit)
	elseif not ok and tostring(err):find(ON_PURPOSE, 1, true) then
		raised_on_purpose = raised_on_purpose + 1
	elseif not ok then
		problem("an error", "%s raises: %s", kind, tostring(err))
	end
	return steps
end

local timer_create = timer.Create
function timer.Create(name, delay, repetitions, fn)
	if name ~= "realtime.Addon" then return timer_create(name, delay, repetitions, fn) end
	timer_create(name, delay, repetitions, function()
		most_a_tick = math.max(most_a_tick, counted("the addon's tick", STEPS_A_TICK, fn))
	end)
end

if counts_steps then
	counter.install()
	counter.count_every(HOOK_EVERY)
end
require("realtime")
local meta = FindMetaTable("RealtimeClient")

-- Messages for the addon: text → index.
local outstanding, heard = {}, 0
local requests_heard = 0

for _, method in ipairs({ "Subscribe", "PSubscribe" }) do
	local subscribe = meta[method]
	meta[method] = function(self, topic, identifier, fn)
		if isfunction(identifier) or identifier == "fuzz" then return subscribe(self, topic, identifier, fn) end
		return subscribe(self, topic, identifier, function(text, channel, ...)
			heard = heard + 1
			if channel == "realtime:requests:fuzz-here" then requests_heard = requests_heard + 1 end
			current = { index = outstanding[text] or 0, text = text, channel = channel }
			in_tick[#in_tick + 1] = current
			local steps = counted("a message of " .. #text .. " bytes", STEPS_AT_MOST + STEPS_A_BYTE * #text, fn, text, channel, ...)
			if steps > most_steps.steps then most_steps = { steps = steps, index = current.index } end
			local a_byte = (steps - STEPS_AT_MOST) / #text
			if a_byte > most_a_byte.steps then most_a_byte = { steps = a_byte, index = current.index } end
			current = nil
		end)
	end
end

-- The publishes of the addon.

local world = {
	id = "fuzz-here", peer = "fuzz-peer", names = { "now", "late", "raise", "echo", "unknown", "\\u001b[2J", ("n"):rep(200) }, open = {},
	targets = {
		{ "presence", "realtime:presence" }, { "presence", "realtime:presence" }, { "request", "realtime:requests:fuzz-here" },
		{ "request", "realtime:requests:fuzz-here" }, { "tables", "fuzz.tables" }, { "tables", "fuzz.others" },
		{ "tables", "fuzz.pattern.", true }, { "tables", "fuzz.tail.", true }, { "tables", "fuzz.gm_redis" },
	},
}
local REQUESTS, ANSWERS = "realtime:requests:", "realtime:answers:"
local presences, answers_sent = 0, 0
local presences_in_window = window(WINDOW)

local publish = meta.Publish
function meta.Publish(self, channel, ...)
	if channel == "realtime:presence" then
		presences = presences + 1
		if presences_in_window(clock()) > PRESENCES then
			problem("a storm", "more than %d presence messages in %d s", PRESENCES, WINDOW)
		end
	elseif channel:sub(1, #ANSWERS) == ANSWERS then
		answers_sent = answers_sent + 1
		if answers_sent > requests_heard then problem("a storm", "%d answers for %d requests", answers_sent, requests_heard) end
		if not channel:find("^[%w:_.-]+$") or #channel > 100 or channel == ANSWERS then
			problem("a channel", "that no server made gets an answer: %s", channel)
		end
	elseif channel ~= REQUESTS .. world.peer then
		problem("a channel", "of somebody else's choice gets a message: %s", channel)
	end
	return publish(self, channel, ...)
end

local realtime = counter.load_addon()
if not counts_steps then realtime.SetTickBudget(0.002) end

local calls = 0
local function now_and_then_raise()
	calls = calls + 1
	if calls % 50 == 0 then error(ON_PURPOSE, 0) end
end

-- All listeners, like those of the addons on a server.
local function set_up()
	-- realtime_tail needs the shared client.
	local client = realtime.Connect(host.redis_url, { queue_bytes = 64 * 1024 * 1024 })
	function realtime.Default() return client end
	host.wait(function() return client:IsConnected() end, PATIENCE, "the client to be ready")
	client:Subscribe("fuzz.fence", "fuzz", function(text) world.fence = text end)

	local presence = realtime.Presence(client, world.id)
	for _, event in ipairs({ "joined", "left", "changed", "duplicate" }) do presence:On(event, "fuzz", now_and_then_raise) end
	presence:Set("mode", "ttt")

	local requests, late = realtime.Requests(client, world.id), {}
	requests:Answer("now", function(_, _, reply) reply(nil, "done") end)
	requests:Answer("late", function(_, _, reply) late[#late + 1] = reply end)
	requests:Answer("raise", function() error(ON_PURPOSE, 0) end)
	-- The data may be too deep or too large for an answer, which is up to the handler.
	-- Encoding a large answer is work of the handler, so it gives only short ones.
	requests:Answer("echo", function(data, _, reply) pcall(reply, nil, isstring(data) and #data < 1000 and data or true) end)
	world.reply_late = function()
		for _, reply in ipairs(late) do counted("a late reply", STEPS_AT_MOST, reply, nil, "at last") end
		late = {}
	end

	local tables = realtime.Tables(client, world.id)
	tables:Subscribe("fuzz.tables", "fuzz", now_and_then_raise)
	tables:SubscribeOthers("fuzz.others", "fuzz", now_and_then_raise)
	tables:PSubscribe("fuzz.pattern.*", "fuzz", now_and_then_raise)
	concommand.GetTable().realtime_tail(NULL, "realtime_tail", { "fuzz.tail.*" }, "fuzz.tail.*")

	-- An attacker reads the channel of requests: the requests, their numbers, and the channels for the answers.
	client:Subscribe("realtime:presence", "fuzz", function(text)
		-- Its own messages are short, and this time counts.
		if #text > 2000 then return end
		world.instance = text:match('"from":"fuzz%-here".*"instance":"([%w]+)"') or world.instance
	end)
	client:Subscribe(REQUESTS .. world.peer, "fuzz", function(text)
		world.answers = text:match('"answer_to":"([^"]+)"')
		world.open[#world.open % 20 + 1] = tonumber(text:match('"number":(%d+)'))
	end)

	require("redis")
	local name, port = host.redis_url:match("//([%d.]+):(%d+)")
	local subscriber = redis.CreateSubscriber()
	assert(subscriber:Connect(name, tonumber(port), PATIENCE * 1000))
	subscriber.OnMessage = now_and_then_raise
	subscriber:Subscribe("fuzz.gm_redis")
	subscriber:Commit()
	world.poll = function() while subscriber:Poll() do end end
	world.presence, world.requests = presence, requests
	-- An answer comes after all earlier subscriptions; Stats may still have the old counts.
	for _, each in ipairs(realtime.Clients()) do
		local done = false
		each:Ping(function() done = true end)
		host.wait(function() return done end, PATIENCE, "the subscriptions")
	end
end

-- Each request ends exactly once; an answer is from the asked server.
local asked, ended = 0, 0
local function ask()
	asked = asked + 1
	local is_over = false
	local accepted = world.requests:Ask(world.peer, "price", { item = "crowbar" }, function(_, data)
		if is_over then problem("a request", "ends twice") end
		is_over, ended = true, ended + 1
		-- The sender is in it twice, to recognize a changed one.
		local sender = istable(data) and isstring(data.spoof) and data.spoof:match("^([^=]*)=%1$")
		if sender and sender ~= world.peer then
			problem("a request", "to %s is answered by somebody else: %s", world.peer, sender)
		end
	end)
	if not accepted then asked = asked - 1 end
end

local function check_servers()
	local list = {}
	counted("Servers()", STEPS_A_TICK, function() list = world.presence:Servers() end)
	if #list > MAX_SERVERS then problem("memory", "%d servers are known", #list) end
	for _, server in ipairs(list) do
		for key, most in pairs({ id = 64, name = 512, map = 512 }) do
			if #server[key] > most then problem("memory", "a server's %s has %d bytes", key, #server[key]) end
		end
	end
end

local memory_before, memory_peak = nil, 0 -- MiB
local function check_memory()
	outstanding, in_tick = {}, {}
	collect()
	collect()
	memory_before = memory_before or collect("count") / 1024
	local grown = collect("count") / 1024 - memory_before
	memory_peak = math.max(memory_peak, grown)
	if grown > settings.memory then problem("memory", "Lua's grew by %.1f MiB", grown) end
	return grown
end

-- Ticks. Their processor time is taken between two turns of this coroutine.
local ticks, slow_ticks, worst_tick, worst_time = 0, 0, nil, 0
local function tick()
	in_tick = {}
	local before = not counts_steps and host.thread_time()
	host.pass(1)
	if not before then return end
	local seconds = host.thread_time() - before
	ticks = ticks + 1
	if seconds > worst_time then worst_tick, worst_time = in_tick, seconds end
	if seconds > TICK_SECONDS then
		slow_ticks = slow_ticks + 1
		local bytes = 0
		for _, said in ipairs(in_tick) do bytes = bytes + #said.text end
		problem("work", "a tick takes %.1f ms for %d messages of %d bytes", seconds * 1000, #in_tick, bytes)
	end
end

local fences = 0
local function wait_for_all()
	fences = fences + 1
	host.server.publish("fuzz.fence", tostring(fences))
	local deadline = real_time() + PATIENCE
	repeat
		tick()
		if real_time() > deadline then error("waited in vain for the messages of a batch") end
	until world.fence == tostring(fences)
	-- Each Poll has its own budget, besides the tick's.
	world.poll()
end

local function send(index)
	if index % 3 == 0 and world.answers and not world.is_told then
		world.is_told = true
		table.insert(world.targets, { "answer", world.answers })
		table.insert(world.targets, { "answer", world.answers })
	end
	local channel, text = words.message(settings.seed, index, world)
	outstanding[text] = index
	host.server.publish(channel, text)
	return #text
end

host.spin(true)
host.run(function()
	real_print(string.format("seed %d, mode %s", settings.seed, settings.mode))
	set_up()
	ask()
	wait_for_all()
	tick()
	is_watching = true
	send(3) -- memory for the first messages is not growth
	wait_for_all()
	check_memory()
	local start, sent, bytes, batches = real_time(), 0, 0, 0
	local index, last = settings.first, settings.first + settings.count - 1
	if settings.only > 0 then index, last = settings.only, settings.only end
	while index <= last and real_time() < start + settings.seconds do
		outstanding = {}
		local in_batch = 0
		for _ = 1, BATCH do
			if index > last or in_batch > BATCH_BYTES then break end
			in_batch = in_batch + send(index)
			index, sent = index + 1, sent + 1
		end
		bytes, batches = bytes + in_batch, batches + 1
		-- The garbage of making them does not count for the addon.
		if not counts_steps then collect() end
		wait_for_all()
		if batches % 4 == 0 then ask() end
		if batches % 3 == 0 then world.reply_late() end
		if batches % 10 == 0 then check_servers() end
		if now then
			-- Floods within a second, silences of half a minute, and everything between.
			now = now + (batches % 150 == 0 and 30 or batches % 7 == 0 and 2 or 0.015)
			tick()
		end
		if batches % 20 == 0 then check_memory() end
	end
	if now then now = now + 60 end
	host.wait(function()
		tick()
		return ended == asked
	end, PATIENCE, "the end of each request")
	is_watching = false
	local grown = check_memory()
	real_print(string.format("messages     %d of %.1f MiB in %.0f s, the last one has index %d", sent, bytes / 2 ^ 20, real_time() - start, index - 1))
	real_print(string.format("heard        %d; %d errors on purpose; %d requests, %d asked; published %d presences, %d answers", heard,
		raised_on_purpose, requests_heard, asked, presences, answers_sent))
	real_print(string.format("console      %d lines, and %d of realtime_tail", lines, tail_lines))
	real_print(string.format("memory       grew by %.1f MiB at most, %.1f at the end", memory_peak, grown))
	if counts_steps then
		real_print(string.format("steps        %d at most for a message (%d); beyond %d, %.0f for each byte (%d); %d for a tick", most_steps.steps,
			most_steps.index, STEPS_AT_MOST, most_a_byte.steps, most_a_byte.index, most_a_tick))
	else
		local slowest = {}
		for i, said in ipairs(worst_tick or {}) do slowest[i] = said.index end
		real_print(string.format("ticks        %d, the longest took %.2f ms of the processor (messages %s), %d too long", ticks, worst_time * 1000,
			table.concat(slowest, " ", 1, math.min(#slowest, 30)), slow_ticks))
	end
	local failed = false
	for kind, count in SortedPairs(problems.counts) do
		failed = true
		real_print(string.format("PROBLEMS     %s: %d", kind, count))
	end
	real_print(failed and "failed: seed " .. settings.seed or "all is as it should be")
	host.exit(failed and 1 or 0)
end)
