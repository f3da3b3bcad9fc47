-- A game server of the random histories over faults (faults_random_once.lua): it writes to a shared table, publishes and handles durable
-- messages, and takes jobs, at random. It calls log(kind, …) before each attempt and with its outcome, in words without spaces. It is the
-- same in the suite's process and in one of its own. `names`: of the shared table, the channels and the jobs, new ones in each history.
local LEASE = 2 -- seconds for which a silent server keeps messages and jobs
return function(client, id, log, names)
	local realtime = include("realtime/load.lua")
	local random = math.random
	local shared, durable = realtime.Shared(names.table, client, id), realtime.Durable(client, id)
	local server = { client = client, shared = shared, durable = durable, id = id, open = 0 }
	local state, count = realtime.RandomToken():sub(1, 8), 0

	-- Logs an attempt: returns its name, and the function for its answer.
	local function try(kind, ...)
		count = count + 1
		local name, is_answered = state .. "." .. count, false
		log("try", kind, name, ...)
		server.open = server.open + 1
		return name, function(err)
			if is_answered then log("twice", name) end
			is_answered = true
			server.open = server.open - 1
			log("answer", name, not err and "done" or err.sent and "unknown" or "not")
		end
	end

	-- Callbacks of a Lua state that has ended do nothing.
	local function later(seconds, fn)
		realtime.After(seconds, function()
			if client:IsValid() then fn() end
		end)
	end
	assert(durable:Subscribe(names.news, function(name) log("heard", id, name) end, { from = "start" }))
	assert(durable:Work(names.work, function(name, _, done)
		later(random() * 0.2, function()
			if done() then log("worked", name) end
		end)
	end, { patience = LEASE, parallel = 3 }))
	durable:On("lost", "histories", function(channel, info) log("lost", id, channel, info.count or "unknown") end)
	durable:On("failed", "histories", function(channel, info) log("failed", channel, info.data, tostring(info.dead)) end)

	local KEYS = { "a", "b", "c" }
	local actions = {
		function()
			local key = KEYS[random(#KEYS)]
			local name, fn = try("set", key)
			shared:Set(key, name, fn)
		end,
		function()
			local _, fn = try("add")
			shared:Add("add", 1, fn)
		end,
		function()
			local _, fn = try("update")
			shared:Update("update", function(old) return (old or 0) + 1 end, fn)
		end,
		function()
			local name, fn = try("news")
			durable:Publish(names.news, name, fn)
		end,
		function()
			local name, fn = try("work")
			durable:Publish(names.work, name, fn)
		end,
		function()
			local slot = names.job .. random(20)
			log("job", slot)
			server.take(slot)
		end,
	}
	function server.act() actions[random(#actions)]() end
	function server.take(slot)
		assert(realtime.Once(slot, function(done, fence)
			local digits = string.format("%.0f", fence)
			log("ran", slot, digits, id)
			later(random() * 1.5, function()
				if done() then log("finished", slot, digits) end
			end)
		end, { lease = LEASE }, client, id))
	end
	-- Entries of a shared table, each { value, version }, as a line of text.
	function server.text_of(entries)
		local words = {}
		for key, entry in SortedPairs(entries) do words[#words + 1] = string.format("%s=%s@%s", key, entry.value, entry.version) end
		return table.concat(words, " ")
	end
	function server.copy() return server.text_of(shared.entries) end

	return server
end
