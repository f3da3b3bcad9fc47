-- realtime.Durable in random histories, in virtual time (_durable.lua). Arguments: histories=N, seed=N.
--
--     target/debug/gmod-host --addon lua --timeout 4000 tests/lua/addon/durable_random_once.lua histories=2000 seed=7

local kit = include("../_kit.lua")
local new_case = include("_durable.lua").new_case

local settings = { histories = 24, seed = 1, only = 0 }
for _, argument in ipairs(host.args) do
	local key, value = argument:match("^(%w+)=(%d+)$")
	if key then settings[key] = tonumber(value) end
end
local EXECUTED = { "now", "later", "never" }
local SERVERS, STEPS, PATIENCE, KEEP = 3, 80, 10, 15

-- One random fault; the same for both kinds. `enter(i)` restarts a server.
local function hurt(case, random, world, servers, i, enter, counts, loses_data)
	local client = servers[i].client
	local what = random(1, loses_data and 13 or 11)
	counts.faults = counts.faults + (what <= 4 and 1 or what == 6 and 1 or what >= 12 and 1 or 0)
	if what <= 2 then -- it dies, or its map changes; and it starts again
		world.disturbed = true
		if what == 2 and client.connected then
			case.leave(servers[i].durable, true)
			case.pass(0.1)
		else
			case.cut(client, EXECUTED[random(1, 3)])
			case.leave(servers[i].durable, false)
			counts.deaths = counts.deaths + 1
		end
		enter(i)
		if world.knew then world.knew[i] = false end -- it may have died before it learned of the loss
	elseif what <= 4 then -- a cut that is noticed at once
		world.disturbed = true
		case.cut(client, EXECUTED[random(1, 3)])
	elseif what == 5 then
		case.delay = random(0, 20) / 10
	elseif what == 6 then -- away for a while
		world.disturbed = true
		client.connected = false
		case.cut(client, EXECUTED[random(1, 3)])
	elseif what <= 9 then
		client.connected = true
	elseif what == 10 then
		-- Also backwards, except where another Redis takes over, because ids are times.
		case.redis.ahead = case.redis.ahead + random(loses_data and 0 or -2, 10) / 10
	elseif what == 12 then
		world.lost_data, world.snapshot, world.lost_at = true, nil, world.published
		-- A server that did not know the channel cannot know that it was lost.
		for each, server in ipairs(servers) do
			local used = server.durable.channels.c
			local sub = used.worker or used.subscribers.c
			world.knew = world.knew or {}
			world.knew[each] = world.knew[each] ~= false and sub.mark ~= nil
		end
		case.redis.restore()
	elseif what == 13 then -- a replica that lags takes over
		if world.snapshot then
			world.lost_data, world.went_back, world.lost_at = true, true, world.published
			case.redis.restore(world.snapshot)
		end
	end
	if random(1, 4) == 1 then world.snapshot = case.redis.snapshot() end
end

local function publisher(case, world, servers)
	return function(i, options)
		world.published = world.published + 1
		local number = world.published
		servers[i].durable:Publish("c", number, options, function(err)
			assert(world.outcomes[number] == nil, "answered twice")
			assert(not err or not err.sent or err.code == "TIMEOUT" or err.code == "CLOSED", tostring(err))
			world.outcomes[number] = err and (err.sent and "unknown" or "not done") or "done"
			if err and not err.sent then assert(err.code == "DISCONNECTED" or err.code == "FULL", tostring(err)) end
		end)
	end
end

local function quiet(case, servers, seconds)
	case.delay = 0.01
	for i = 1, SERVERS do servers[i].client.connected = true end
	case.pass(seconds, 0.2)
end
local function check_errors(case)
	for _, err in ipairs(case.world.errors) do assert(err:find("on purpose", 1, true), err) end
end
local function check_answers(world)
	for number = 1, world.published do assert(world.outcomes[number], "no answer for " .. number) end
end

-- The dead messages, only of that group if there is one.
local function buried(case, group)
	local found = {}
	for _, entry in ipairs(case.redis.streams["realtime:durable:{c}:dead"] or {}) do
		local fields = {}
		for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
		if fields.group == group then found[tonumber(fields.data)] = true end
	end
	return found
end

-- Each subscriber gets each published message, whatever happened to its server: in order, none twice without a fault, and
-- missed ones are reported.
local function subscribe_history(random, counts, loses_data)
	local case = new_case()
	local servers, world = {}, { published = 0, outcomes = {} }
	local readers, keep = {}, random(1, 3) == 1 and KEEP or 10000
	local function enter(i)
		local durable, client = case.server("s" .. i)
		servers[i] = { durable = durable, client = client }
		local reader = readers[i] or { handled = {}, lost = 0, unknown = 0, dead = 0, repeats = 0, id = i }
		readers[i] = reader
		reader.last = 0 -- of this Lua state
		durable:On("lost", "test", function(_, info)
			if info.count then reader.lost = reader.lost + info.count else reader.unknown = reader.unknown + 1 end
		end)
		durable:On("failed", "test", function(_, info)
			if info.dead then reader.dead, reader.handled[info.data] = reader.dead + 1, true end
		end)
		durable:Subscribe("c", function(number, from)
			assert(from and (world.outcomes[number] ~= "not done" or world.lost_data), "handled although it was told to be not published")
			if random(1, 25) == 1 then
				counts.errors = counts.errors + 1
				error("on purpose")
			end
			if not loses_data then
				assert(number > reader.last, number .. " after " .. reader.last)
			end
			reader.last = math.max(reader.last, number)
			if reader.handled[number] then reader.repeats = reader.repeats + 1 end
			reader.handled[number] = true
			counts.handled = counts.handled + 1
		end, { from = "start", keep = keep, max_deliveries = 4 })
	end
	for i = 1, SERVERS do enter(i) end
	local publish = publisher(case, world, servers)
	for _ = 1, STEPS do
		-- One at a time from one server at a time, so that the messages have the order of the calls.
		for _ = 1, random(0, 4) do publish(1) end
		case.pass(random(0, 10) / 10)
		if random(1, 2) == 1 then hurt(case, random, world, servers, random(loses_data and 1 or 2, SERVERS), enter, counts, loses_data) end
		check_errors(case)
	end
	quiet(case, servers, 600)
	check_errors(case)
	check_answers(world)
	for _, reader in ipairs(readers) do
		local missing = 0
		for number in pairs(buried(case, "s" .. reader.id .. ":c")) do reader.handled[number] = true end
		-- The first request that arrives creates its position, at the newest message of that moment.
		local first = world.published + 1
		for number in pairs(reader.handled) do first = math.min(first, number) end
		for number = first, world.published do
			if world.outcomes[number] == "done" and not reader.handled[number] then missing = missing + 1 end
		end
		counts.lost, counts.repeats = counts.lost + missing, counts.repeats + reader.repeats
		if world.lost_data then
			-- Nobody can report losses from before this server knew the channel; all later messages are there.
			local knew = not world.went_back and world.knew[reader.id]
			assert(missing <= reader.lost or reader.unknown > 0 or not knew, "lost and not told: " .. missing)
			for number = math.max(first, world.lost_at + 1), world.published do
				local is_there = world.outcomes[number] ~= "done" or reader.handled[number] or keep == KEEP
				assert(is_there, number .. " came after the loss, and is missing")
			end
		else
			assert(missing <= reader.lost, missing .. " are missing, told are " .. reader.lost)
			assert(missing == reader.lost or world.disturbed, "more told than missing")
			assert(keep == KEEP or missing == 0, "nothing may be lost")
			assert(reader.unknown == 0, "told without a reason")
		end
		assert(reader.repeats == 0 or world.disturbed or world.lost_data, "repeated without a reason")
	end
	for i = 1, SERVERS do case.leave(servers[i].durable, true) end
end

-- One server at a time works on a message, until one of them has done it; it is not dropped before that.
local function work_history(random, counts, loses_data)
	local case = new_case()
	local servers, world, runs, contact = {}, { published = 0, outcomes = {} }, {}, {}
	world.unknown, world.dead = 0, {}
	-- When each instance last confirmed to Redis, or learned from it, that it has a message.
	function case.on_executed(question, reply)
		if question.name ~= "durable_work" or question.arguments[1] ~= "take" or reply[1] ~= "taken" then return end
		local instance = question.arguments[2]
		contact[instance] = contact[instance] or {}
		for i = 7, #question.arguments do contact[instance][question.arguments[i]] = case.world.now end
		for _, message in ipairs(reply[4]) do contact[instance][message[1]] = case.world.now end
	end
	local function enter(i)
		local durable, client = case.server("s" .. i)
		servers[i] = { durable = durable, client = client }
		durable:On("lost", "test", function() world.unknown = world.unknown + 1 end)
		durable:On("failed", "test", function(_, info)
			if info.dead then world.dead[info.data] = true end
		end)
		durable:Work("c", function(number, _, done, info)
			assert(world.outcomes[number] ~= "not done" or world.lost_data, "handed out although it was told to be not published")
			runs[number] = runs[number] or {}
			local run = { client = client, instance = durable.instance, id = info.id }
			for _, other in ipairs(runs[number]) do
				local last = contact[other.instance] and contact[other.instance][info.id] or -math.huge
				local is_over = other.ended or not other.client.valid or case.world.now - last >= PATIENCE - 1.5 or world.lost_data
				assert(is_over, number .. " is somebody else's")
				assert(not other.is_done or world.disturbed or world.lost_data, number .. " was done")
			end
			table.insert(runs[number], run)
			counts.handled = counts.handled + 1
			local fate = random(1, 12)
			if fate == 1 then
				run.ended = true
				counts.errors = counts.errors + 1
				error("on purpose")
			end
			case.world.realtime.After(random(0, 30) / 10, function()
				if not client.valid then return end
				run.ended = true
				local failed = fate == 2
				local counts_it = done(failed and "no luck")
				run.is_done = counts_it and not failed
			end)
		end, { patience = PATIENCE, parallel = random(1, 3) })
	end
	for i = 1, SERVERS do enter(i) end
	local publish = publisher(case, world, servers)
	for _ = 1, STEPS do
		if random(1, 2) == 1 then publish(random(1, SERVERS)) end
		case.pass(random(0, 10) / 10)
		if random(1, 2) == 1 then hurt(case, random, world, servers, random(1, SERVERS), enter, counts, loses_data) end
		check_errors(case)
	end
	quiet(case, servers, 3000)
	check_errors(case)
	local missing = 0
	for number in pairs(buried(case)) do world.dead[number] = true end
	for number = 1, world.published do
		local was_done = world.dead[number]
		for _, run in ipairs(runs[number] or {}) do was_done = was_done or run.is_done end
		if world.outcomes[number] == "done" and not was_done then
			missing = missing + 1
			assert(world.lost_data and number <= world.lost_at, number .. " was not done")
		end
		counts.repeats = counts.repeats + math.max(#(runs[number] or {}) - 1, 0)
	end
	counts.lost = counts.lost + missing
	assert(missing == 0 or world.lost_data, missing .. " messages were not done")
	local knew = world.lost_data and not world.went_back and (world.knew[1] or world.knew[2] or world.knew[3])
	assert(missing == 0 or world.unknown > 0 or not knew, missing .. " messages are lost, and nobody was told")
	local key = "realtime:durable:{c}"
	kit.eq({ #(case.redis.streams[key] or {}), table.Count(case.redis.sets[key .. ":held"] or {}), table.Count(case.redis.hashes[key .. ":tries"] or {}),
		table.Count(case.redis.hashes[key .. ":workers"] or {}) }, { 0, 0, 0, 0 }, "what is left in Redis")
	for i = 1, SERVERS do case.leave(servers[i].durable, true) end
end

local function try(name, history)
	host.test(name, function()
		local counts = { handled = 0, faults = 0, deaths = 0, errors = 0, lost = 0, repeats = 0 }
		for number = settings.only > 0 and settings.only or 1, settings.only > 0 and settings.only or settings.histories do
			math.randomseed(settings.seed * 100000 + number)
			local ok, message = xpcall(history, debug.traceback, math.random, counts, number % 2 == 0)
			if not ok then error("history " .. number .. " of seed " .. settings.seed .. ": " .. message, 0) end
			if number % 10 == 0 then host.pass(1) end
		end
		print(string.format("%d histories: %d messages handled, %d of them again; %d faults, %d deaths, %d errors; %d lost and told",
			settings.histories, counts.handled, counts.repeats, counts.faults, counts.deaths, counts.errors, counts.lost))
		assert(counts.handled > settings.histories)
	end)
end
try("subscribers, in random histories", subscribe_history)
try("workers, in random histories", work_history)
