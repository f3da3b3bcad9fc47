-- Jobs that one of all servers runs: another one takes over if it dies. The script redis/once.lua decides who has
-- which.
return function(realtime, addon)
	local SysTime, tonumber, min, random, huge = SysTime, tonumber, math.min, math.random, math.huge
	local SCRIPT, KEY = "once", "realtime:once:{%s}"
	local LEASE, LEAST_LEASE, MOST_LEASE = 60, 1, 86400 -- seconds
	local MAX_SLOT = 128 -- bytes
	local LOOK = 15 -- seconds between two checks of a job that another server runs
	local RETRY, MOST_RETRY = 5, 300 -- seconds after an error of Redis: longer each time
	local MOST_PAUSE = 3600 -- seconds until a server tries a job again that failed on it
	local OPTIONS = { lease = true }

	local jobs = setmetatable({}, { __mode = "k" }) -- client → slot → job
	local made = 0

	-- A job is "waiting" for its turn, "running", or at its end ("done" or "release", until Redis has confirmed it).
	local function wait(job, seconds)
		job.state, job.token = "waiting", realtime.RandomToken()
		job.next_at = SysTime() + seconds
	end

	local function forget(job)
		local of_client = jobs[job.client]
		if of_client and of_client[job.slot] == job then of_client[job.slot] = nil end
	end

	-- The job waits for its turn again, whether or not fn is still running: it might never call done.
	local function lose(job)
		addon.SayRarely(job, string.format('Once "%s": this server could not renew its lease of %g s in time, and another one runs the job ' ..
			"now. Check its writes with the fence.", addon.Printable(job.slot, 64), job.lease))
		wait(job, 0)
	end

	local ask

	local function run(job, fence)
		job.state, job.fence = "running", fence
		job.next_at = SysTime() + job.lease / 3
		local called = false
		local function done(err)
			if called or not job.client:IsValid() then return false end
			called = true
			-- This run lost the job to another server; the current run here may be a later one.
			if job.state ~= "running" or job.fence ~= fence then return false end
			job.state, job.next_at = err and "release" or "done", 0
			return true
		end
		if not addon.Protect(job.fn, done, fence) then done(true) end
	end

	local answers = {}

	function answers.waiting(job, outcome, detail)
		if outcome == "held" then
			run(job, tonumber(detail))
		elseif outcome == "busy" then
			job.next_at = SysTime() + min((tonumber(detail) or 0) / 1000, LOOK) + random()
		else
			forget(job)
		end
	end

	function answers.running(job, outcome)
		if outcome == "lost" then return lose(job) end
		job.next_at = SysTime() + job.lease / 3
	end

	function answers.done(job, outcome)
		if outcome == "lost" then return lose(job) end
		forget(job)
	end

	-- Others check sooner, and this one less and less often.
	function answers.release(job)
		job.failures = job.failures + 1
		wait(job, min(job.lease * 2 ^ (job.failures - 1), MOST_PAUSE))
	end

	local ACTIONS = { waiting = "take", running = "renew", done = "done", release = "release" }

	function ask(job)
		local state, client = job.state, job.client
		job.is_asking = true
		local arguments = { ACTIONS[state], job.token, math.floor(job.lease * 1000), job.id, string.format("%.0f", job.fence or 0) }
		local accepted = addon.RunScript(client, SCRIPT, { KEY:format(job.slot) }, arguments, function(err, reply)
			job.is_asking = false
			if not err and not istable(reply) then err = "the server's answer is not one of redis/once.lua" end
			if err then
				-- Its outcome is asked for with the same token, as soon as there is a connection.
				local is_lost = istable(err) and (err.code == "DISCONNECTED" or err.code == "TIMEOUT" or err.code == "CLOSED")
				job.next_at = SysTime()
				if is_lost then return end
				job.refusals = job.refusals + 1
				job.next_at = job.next_at + min(RETRY * 2 ^ (job.refusals - 1), state == "running" and job.lease / 3 or MOST_RETRY)
				addon.SayRarely(job, string.format('Once "%s": %s', addon.Printable(job.slot, 64), tostring(err)))
				return
			end
			job.refusals = 0
			if job.state == state then
				answers[state](job, reply[1], reply[2])
			end
		end)
		if not accepted then job.is_asking, job.next_at = false, SysTime() + 1 end
	end

	addon.AddTask("realtime.Once", function(now)
		local due
		for client, of_client in pairs(jobs) do
			local is_connected = client:IsConnected()
			if not client:IsValid() then jobs[client] = nil end
			for _, job in pairs(of_client) do
				if is_connected and now >= job.next_at and not job.is_asking and ACTIONS[job.state] then
					due = due or {}
					due[#due + 1] = job
				end
			end
		end
		if not due then return end
		table.sort(due, function(a, b) return a.order < b.order end)
		for _, job in ipairs(due) do ask(job) end
	end)

	-- The Lua state ends: jobs that ended in its last tick are reported now, and a job that runs here, or may be
	-- about to, is given back.
	addon.AddGoodbye("Once", jobs, function()
		for client, of_client in pairs(jobs) do
			for _, job in SortedPairs(client:IsValid() and of_client or {}) do
				if job.state == "running" or job.state == "waiting" and job.is_asking then job.state = "release" end
				if job.state ~= "waiting" then ask(job) end
			end
		end
	end)

	-- For realtime_status.
	local SHOWN = { waiting = "not this server's", running = "runs here", done = "done here", release = "failed here" }
	function addon.ShowJobs(say, client)
		for slot, job in SortedPairs(jobs[client] or {}) do say("    job            %s: %s", addon.Printable(slot, 64), SHOWN[job.state]) end
	end

	local function lease_of(options)
		if options == nil then return LEASE end
		if not istable(options) then error("bad argument #3 to 'Once' (options expected, a table)", 3) end
		for key in pairs(options) do
			if not OPTIONS[key] then error("'Once': unknown option '" .. tostring(key) .. "'; there is lease", 3) end
		end
		local lease = options.lease or LEASE
		if not isnumber(lease) or not (lease >= LEAST_LEASE and lease <= MOST_LEASE) then
			error(string.format("'Once': lease is a number of seconds from %d to %d", LEAST_LEASE, MOST_LEASE), 3)
		end
		return lease
	end

	-- Runs fn(done, fence) on one of the servers that call this for the slot. If that server dies or calls done(err), fn runs again,
	-- here or elsewhere.
	function realtime.Once(slot, fn, options, client, id)
		addon.CheckDot("Once", slot)
		if not isstring(slot) or slot == "" or #slot > MAX_SLOT then
			error("bad argument #1 to 'Once' (a slot's name expected: a string of 1 to " .. MAX_SLOT .. " bytes)", 2)
		end
		if not isfunction(fn) then error("bad argument #2 to 'Once' (function expected, got " .. type(fn) .. ")", 2) end
		local lease = lease_of(options)
		client, id = addon.ClientAndId("Once", 4, client, id)
		if not client then return nil, id end
		local text, message = addon.ScriptText(SCRIPT)
		if not text then return nil, message end
		local of_client = jobs[client] or {}
		jobs[client] = of_client
		local job = of_client[slot]
		-- The file was saved again: a run in progress is not started twice.
		if not job then
			made = made + 1
			job = { slot = slot, client = client, id = id, order = made, failures = 0, refusals = 0 }
			of_client[slot] = job
			wait(job, 0)
		end
		job.fn, job.lease = fn, lease
		return true
	end
end
