-- A worker of realtime.Durable: takes messages, each for one server only. redis/durable_work.lua assigns them.
return function(realtime, addon)
	local SysTime, min, format = SysTime, math.min, string.format
	local SCRIPT = "durable_work"
	local RETRY, MOST_RETRY = 1, 60 -- the first and longest pause after an error of Redis, in seconds
	local MAX_ERRORS = 10
	local MOST_DONE = 20 -- how many messages one call reports as done: Redis serves nobody else during a call
	local workers = {}
	addon.durable_workers = workers

	local function say(worker, text, ...) addon.SayRarely(worker, format('durable channel "%s": ' .. text, worker.channel, ...)) end

	local function tell_failed(worker, message, reason, errors, is_dead)
		addon.DurableTell(worker.parent, "failed", worker.channel, {
			id = message.first, data = message.data, from = message.from, reason = reason, errors = errors, dead = is_dead,
		})
	end

	local function tell_lost(worker, count)
		say(worker, "%s lost", count and count .. " messages were" or "an unknown number of messages were")
		addon.DurableTell(worker.parent, "lost", worker.channel, { count = count })
	end

	local function message_of(fields)
		return { id = fields[1], from = fields[2] ~= "" and fields[2] or nil, text = fields[3], first = fields[4], tries = fields[5] }
	end
	local function decode(message)
		message.data, message.wrong = addon.json.Decode(message.text, addon.durable_publishes.MESSAGE)
		message.text = nil
	end

	-- The function that ends a run: done() or done(err). Returns whether it counts.
	local function ender(worker, run)
		return function(err)
			if run.state ~= "running" or not worker.parent.client:IsValid() then return false end
			run.state = err and "failed" or "done"
			run.reason = err and tostring(err)
			worker.is_ended, worker.more = true, true
			return true
		end
	end

	-- A run is "waiting" here for its turn, "running", and in the end "done", "failed" or "lost".
	local function add(worker, message)
		local run = { message = message, state = "waiting", retry_at = 0 }
		worker.runs[message.id] = run
		worker.count = worker.count + 1
		worker.queue[#worker.queue + 1] = run
	end

	local function start(worker, run)
		local message = run.message
		run.state, run.since = "running", SysTime()
		decode(message)
		if message.data == nil then
			run.state, run.reason, run.most, worker.is_ended = "failed", message.wrong, 1, true
			return
		end
		local done = ender(worker, run)
		local info = addon.DurableInfo(worker.parent, message, message.tries + 1)
		local fine, reason = addon.Protect(worker.fn, message.data, message.from, done, info)
		if not fine then done(reason) end
	end

	local function forget(worker, run)
		if worker.runs[run.message.id] ~= run then return end
		worker.runs[run.message.id] = nil
		worker.count = worker.count - 1
		worker.more = true
	end

	local function lose(worker, run)
		run.state = "lost"
		forget(worker, run)
		if run.was_cut then
			return say(worker, "the connection broke while Redis was told that the message %s has ended: it may come again", run.message.first)
		end
		say(worker, "another server has the message %s now, or Redis has lost it: this one could not renew its claim in time (patience, %g s)",
			run.message.first, worker.patience)
	end

	local function keys_of(worker)
		local key = addon.DurableKey(worker.channel)
		return { key, key .. ":about", key .. ":held", key .. ":tries", key .. ":workers", key .. ":dead" }
	end

	-- Calls fn(reply) with an answer, or failed(pause) without.
	local function ask(worker, arguments, fn, failed)
		table.insert(arguments, 2, worker.parent.instance)
		table.insert(arguments, 3, math.floor(worker.patience * 1000))
		worker.has_asked = true
		local accepted = addon.RunScript(worker.parent.client, SCRIPT, keys_of(worker), arguments, function(err, reply)
			if not err and not istable(reply) then err = "the server's answer is not one of redis/durable_work.lua" end
			if not err then
				worker.refusals = 0
				return fn(reply)
			end
			if istable(err) and (err.code == "DISCONNECTED" or err.code == "TIMEOUT" or err.code == "CLOSED") then return failed(0) end
			worker.refusals = worker.refusals + 1
			say(worker, "%s", tostring(err))
			failed(min(RETRY * 2 ^ (worker.refusals - 1), MOST_RETRY))
		end)
		if not accepted then failed(1) end
	end

	-- Handles Redis's answer about a run that failed.
	local function failed(worker, run, outcome, errors, is_dead)
		if outcome == "lost" then return lose(worker, run) end
		forget(worker, run)
		if outcome ~= "failed" then return end
		is_dead = is_dead == 1
		if is_dead then say(worker, "the message %s is dead after %d errors: %s", run.message.first, errors, addon.Printable(run.reason, 120)) end
		tell_failed(worker, run.message, run.reason, errors, is_dead)
	end

	-- Reports to Redis how runs have ended: several that are done, or one that failed.
	local function finish(worker, runs)
		local first, arguments = runs[1], { "done", "", "", "" }
		if first.state == "failed" then
			local message = first.message
			arguments = { "failed", message.tries, first.most or MAX_ERRORS, (first.reason or ""):sub(1, 300), message.id, message.first }
		else
			for _, run in ipairs(runs) do arguments[#arguments + 1] = run.message.id end
		end
		for _, run in ipairs(runs) do run.is_asking = true end
		worker.ending = worker.ending + #runs
		local function answered(reply)
			worker.ending = worker.ending - #runs
			local is_lost = {}
			for i = 2, reply[1] == "done" and #reply or 0 do is_lost[reply[i]] = true end
			for _, run in ipairs(runs) do
				run.is_asking = false
				if worker.runs[run.message.id] == run then
					if run.state == "failed" then
						failed(worker, run, unpack(reply))
					elseif is_lost[run.message.id] then
						lose(worker, run)
					else
						forget(worker, run)
					end
				end
			end
		end
		ask(worker, arguments, answered, function(pause)
			worker.ending, worker.is_ended = worker.ending - #runs, true
			for _, run in ipairs(runs) do
				run.was_cut = run.was_cut or pause == 0
				run.is_asking, run.retry_at = false, SysTime() + pause
			end
		end)
	end

	-- Reports ended runs for which is_wanted(run) is true to Redis: all until `stop`, but at least one call.
	local function finish_ended(worker, stop, is_wanted)
		local done, is_late = {}, false
		local function tell(runs)
			if is_late then
				worker.is_ended = true
				return
			end
			finish(worker, runs)
			is_late = SysTime() >= stop
		end
		for _, run in SortedPairs(worker.runs) do
			if (run.state == "done" or run.state == "failed") and is_wanted(run) then
				if run.state == "failed" then tell({ run }) else done[#done + 1] = run end
				if #done == MOST_DONE then
					tell(done)
					done = {}
				end
			end
		end
		if done[1] then tell(done) end
	end

	local function taken(worker, reply)
		if reply[1] == "kind" then
			worker.pause_asking = SysTime() + MOST_RETRY
			return say(worker, "it is a channel for Subscribe, and Work gets nothing from it (%s)", tostring(reply[2]))
		elseif reply[1] ~= "taken" then
			return say(worker, "the server's answer is not one of redis/durable_work.lua")
		end
		local _, time, mark, messages, dead, lost, gone, state, is_back = unpack(reply)
		addon.DurableClock(worker.parent, time)
		-- If nothing had been published, nothing is lost.
		local was_empty = worker.state and worker.state:find("^0 ") and not next(worker.runs)
		local is_other = worker.mark and (worker.mark ~= mark or is_back == 1) and not was_empty
		worker.mark, worker.state = mark, state
		if messages[1] or dead[1] then worker.more = true end
		for _, id in ipairs(lost) do
			local run = worker.runs[id]
			if run and not run.is_asking then lose(worker, run) end
		end
		if is_other then tell_lost(worker) elseif gone > 0 then tell_lost(worker, gone) end
		for _, each in ipairs(dead) do
			local message = message_of(each[1])
			decode(message)
			say(worker, "the message %s is dead: %s", message.first, each[2])
			tell_failed(worker, message, each[2], message.tries, true)
		end
		for _, fields in ipairs(messages) do
			if not worker.runs[fields[1]] then add(worker, message_of(fields)) end
		end
	end

	-- Starts waiting messages until `stop`, and at least one. After Stop they are left for other servers.
	local function run_queue(worker, stop)
		local returned = { "release", "", 0, "" }
		while worker.queue[worker.at] do
			local run = worker.queue[worker.at]
			worker.at = worker.at + 1
			if run.state == "waiting" and worker.is_on then
				start(worker, run)
				if SysTime() >= stop then break end
			elseif run.state == "waiting" then
				forget(worker, run)
				returned[#returned + 1] = run.message.id
			end
		end
		if worker.at > #worker.queue then worker.queue, worker.at = {}, 1 end
		if returned[5] then ask(worker, returned, function() end, function() end) end
	end

	-- How many more it may take. Runs whose end is being reported do not count: Redis gets that report first.
	local function room(worker) return worker.is_on and worker.parallel - worker.count + worker.ending or 0 end

	local function take(worker)
		local arguments = { "take", worker.keep or "", math.max(room(worker), 0), worker.state or "" }
		for id, run in SortedPairs(worker.runs) do
			if not run.is_asking then arguments[#arguments + 1] = id end
		end
		worker.is_asking, worker.more, worker.next_at = true, false, SysTime() + min(addon.durable_look, worker.patience / 3)
		ask(worker, arguments, function(reply)
			worker.is_asking = false
			taken(worker, reply)
		end, function(pause)
			worker.is_asking, worker.more = false, true
			worker.pause_asking = SysTime() + pause
		end)
	end

	-- Does the next due step.
	function workers.Tick(worker, now, stop)
		run_queue(worker, stop)
		if worker.count > 0 then
			for _, run in pairs(worker.runs) do
				if run.state == "running" and now - run.since >= worker.timeout then
					run.state, run.reason, worker.is_ended = "failed", format("done was not called within %g s", worker.timeout), true
				end
			end
		end
		if not worker.parent.client:IsConnected() then return end
		if worker.is_ended then
			worker.is_ended = false
			finish_ended(worker, stop, function(run)
				if now < run.retry_at then worker.is_ended = true end
				return not run.is_asking and now >= run.retry_at
			end)
		end
		if worker.is_asking or now < worker.pause_asking or not (worker.is_on or worker.count > 0) then return end
		if worker.more and room(worker) > 0 or now >= worker.next_at then take(worker) end
	end

	-- Called when messages wait.
	function workers.Wake(worker) worker.more = true end

	-- The Lua state ends: reports the ended runs, and returns all other messages, also those on their way here, for other servers.
	function workers.Release(worker)
		worker.is_on = false
		-- Sent again if Redis has not answered yet, because it may not have the script.
		finish_ended(worker, math.huge, function() return true end)
		if worker.has_asked then ask(worker, { "release", "", 0, "" }, function() end, function() end) end
	end

	function workers.New(parent, channel)
		return {
			parent = parent, channel = channel, runs = {}, count = 0, queue = {}, at = 1,
			ending = 0, next_at = 0, pause_asking = 0, refusals = 0, is_on = true, more = true,
		}
	end
end
