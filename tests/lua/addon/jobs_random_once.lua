-- realtime.Once in random histories, in virtual time (_jobs.lua). Arguments: histories=N, seed=N.

local kit = include("../_kit.lua")
local new_case = include("_jobs.lua").new_case

local settings = { histories = 100, seed = 1 }
for _, argument in ipairs(host.args) do
	local key, value = argument:match("^(%w+)=(%d+)$")
	if key then settings[key] = tonumber(value) end
end

-- A history: four servers, some slots, and random faults. The promises, on one table:
--   no run begins before the lease of another one of the slot is over, unless that one has ended;
--   fences grow with each run; no run begins after the slot is done; done slots stay done; in the end every slot is done, and
--   the last of its runs to begin is one that reported it.
local EXECUTED = { "now", "later", "never" }
local function history(random, counts)
	local case = new_case()
	local world, servers = case.world, {}
	local slots, lease = {}, 9
	local function work(slot, client)
		return function(done, fence)
			assert(not slot.is_done, slot.name .. " ran after it was done")
			assert(fence > slot.fence, "fences grow")
			slot.fence = fence
			local hash = case.redis.hashes["realtime:once:{" .. slot.name .. "}"]
			kit.eq(string.format("%.0f", fence), hash.fence)
			local run = { client = client, token = hash.token }
			slot.runs[#slot.runs + 1] = run
			counts.runs = counts.runs + 1
			local held = case.held["realtime:once:{" .. slot.name .. "}"]
			for _, other in ipairs(slot.runs) do
				local is_over = other == run or other.ended or held[other.token] + lease <= held[run.token] + 0.001
				assert(is_over, slot.name .. " runs while another server holds it")
			end
			local fate = random(1, 10)
			if fate == 1 then
				run.ended = true
				counts.errors = counts.errors + 1
				error("an error on purpose")
			end
			world.realtime.After(random(0, 400) / 10, function()
				if not client.valid then return end
				run.ended = true
				local failed = fate == 2
				run.is_done = done(failed and "no luck") and not failed
			end)
		end
	end
	local function start(id)
		local client = case.server(id)
		for _, slot in ipairs(slots) do world.realtime.Once(slot.name, work(slot, client), { lease = lease }, client, id) end
		return client
	end
	for i = 1, 3 do slots[i] = { name = "slot" .. i, runs = {}, fence = 0 } end
	for i = 1, 4 do servers[i] = start("s" .. i) end
	local function look()
		for _, slot in ipairs(slots) do
			local hash = case.redis.hashes["realtime:once:{" .. slot.name .. "}"]
			if hash and hash.state == "done" and not slot.is_done then
				slot.is_done = true
			elseif slot.is_done then
				assert(hash.state == "done", "what is done stays done")
			end
		end
	end
	for _ = 1, 60 do
		local i, what = random(1, 4), random(1, 12)
		local client = servers[i]
		if what == 1 then -- it dies, and starts again
			counts.faults = counts.faults + 1
			case.cut(client, EXECUTED[random(1, 3)])
			client.valid = false
			servers[i] = start("s" .. i)
		elseif what <= 4 then -- a cut that is noticed at once
			counts.faults = counts.faults + 1
			case.cut(client, EXECUTED[random(1, 3)])
		elseif what == 5 then -- away for a while
			counts.faults = counts.faults + 1
			case.cut(client, EXECUTED[random(1, 3)])
			client.connected = false
		elseif what <= 7 then
			client.connected = true
		elseif what == 8 then
			case.delay = random(0, 30) / 10
		end
		case.pass(random(0, 30) / 10)
		look()
		-- A failed assertion in a job is reported as its error.
		for _, err in ipairs(world.errors) do assert(err:find("on purpose", 1, true), err) end
	end
	case.delay = 0.01
	for _, client in ipairs(servers) do client.connected = true end
	case.pass(9 * 400, 0.5)
	look()
	for _, err in ipairs(world.errors) do assert(err:find("on purpose", 1, true), err) end
	for _, slot in ipairs(slots) do
		assert(slot.is_done, slot.name .. " is not done, after " .. #slot.runs .. " runs")
		local last = slot.runs[#slot.runs]
		kit.eq({ last.is_done, case.redis.hashes["realtime:once:{" .. slot.name .. "}"].server }, { true, last.client.id })
	end
end

host.test("random histories keep the promises", function()
	local counts = { runs = 0, faults = 0, errors = 0 }
	for number = 1, settings.histories do
		math.randomseed(settings.seed * 100000 + number)
		local ok, message = xpcall(history, debug.traceback, math.random, counts)
		if not ok then error("history " .. number .. " of seed " .. settings.seed .. ": " .. message, 0) end
	end
	print(string.format("%d histories: %d runs of jobs, %d faults of the network or deaths, %d errors", settings.histories, counts.runs,
		counts.faults, counts.errors))
	assert(counts.runs > settings.histories)
end)
