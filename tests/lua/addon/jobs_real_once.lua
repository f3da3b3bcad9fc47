-- servers: real; redis: 5.0
-- realtime.Once with a redis-server: its script, deaths, restarts, and a user with just these permissions.

local kit = include("../_kit.lua")

-- This server has an id in its settings.
function realtime.ServerId() return "ttt-1", true end

-- A "server": a client of its own, and its id.
local function server(id, url)
	local client = kit.ready({ id = kit.unique(id), url = url })
	return { client = client, id = id, once = function(slot, fn, options) assert(realtime.Once(slot, fn, options, client, id)) end }
end
local function close(...)
	for _, each in ipairs({ ... }) do each.client:Disconnect() end
end

host.test("one server runs it, and it is remembered for 30 days", function()
	local servers, slot, log = { server("a"), server("b"), server("c") }, kit.unique("slot"), {}
	for _, each in ipairs(servers) do
		each.once(slot, function(done, fence)
			log[#log + 1] = fence
			kit.eq(done(), true)
		end)
	end
	kit.wait("the run", function() return log[1] end)
	local key = "realtime:once:{" .. slot .. "}"
	kit.wait("the end", function() return host.real.command("HGET", key, "state") == "done" end)
	local left = tonumber(host.real.command("PTTL", key))
	assert(left > 29 * 86400e3 and left <= 30 * 86400e3, left)
	assert(log[1] > 1.7e15 and log[1] < 2 ^ 53, log[1])
	-- Redis forgets scripts; a new name for the same slot is another job.
	host.real.command("SCRIPT", "FLUSH")
	for _, each in ipairs(servers) do each.once(slot, function() log[#log + 1] = "again" end) end
	local other
	servers[2].once(slot .. ".2", function(done, fence)
		other = fence
		done()
	end)
	kit.wait("the other slot", function() return other end)
	kit.wait("all answers", function()
		for _, each in ipairs(servers) do if each.client:Stats().pending > 0 then return false end end
		return true
	end)
	kit.eq(#log, 1)
	assert(other > log[1], "fences grow")
	close(unpack(servers))
end)

host.test("another server takes over from one that dies, and from one that fails", function()
	local a, b, slot, fences = server("a"), server("b"), kit.unique("slot"), {}
	a.once(slot, function(_, fence) fences[1] = fence end, { lease = 5 })
	kit.wait("the first", function() return fences[1] end)
	b.once(slot, function(done, fence)
		fences[2] = fence
		done()
	end, { lease = 5 })
	local from_line = #host.console()
	kit.wait("b's look", function() return b.client:Stats().pending == 0 end)
	RunConsoleCommand("realtime_status")
	local said = table.concat(host.console(), "\n", from_line + 1)
	assert(said:find("job            " .. slot .. ": runs here", 1, true), said)
	assert(said:find("job            " .. slot .. ": not this server's", 1, true), said)
	-- It is renewed for as long as that server lives.
	local function lease_end() return tonumber(host.real.command("HGET", "realtime:once:{" .. slot .. "}", "until")) end
	local first = lease_end()
	kit.wait("a renewal", function() return lease_end() > first end)
	kit.eq(fences[2], nil)
	close(a)
	kit.wait("the second", function() return fences[2] end)
	assert(fences[2] > fences[1])
	local c, log = server("c"), {}
	b.once(slot .. "f", function(done)
		log[#log + 1] = "b"
		done("no luck")
	end, { lease = 1 })
	kit.wait("the failure", function() return log[1] end)
	c.once(slot .. "f", function(done)
		log[#log + 1] = "c"
		done()
	end, { lease = 1 })
	kit.wait("another run", function() return log[#log] == "c" end)
	close(b, c)
end)

host.test("Redis restarts and forgets everything, and the run goes on", function()
	local a, b, slot, runs, finish = server("a"), server("b"), kit.unique("slot"), 0, nil
	local function job(done)
		runs, finish = runs + 1, done
	end
	a.once(slot, job, { lease = 5 })
	kit.wait("the run", function() return finish end)
	host.server.stop()
	kit.wait("the loss", function() return not a.client:IsConnected() end)
	host.server.start()
	kit.wait("the way back", function() return a.client:IsConnected() and b.client:IsConnected() end)
	local key = "realtime:once:{" .. slot .. "}"
	kit.wait("the renewal", function() return host.real.command("HGET", key, "state") == "running" end)
	b.once(slot, job, { lease = 5 })
	kit.eq(finish(), true)
	kit.wait("the end", function() return host.real.command("HGET", key, "state") == "done" end)
	kit.eq(runs, 1)
	close(a, b)
end)

host.test("an empty server works too", function()
	local a, ran = server("a"), false
	host.hibernate(true)
	a.once(kit.unique("slot"), function(done) ran = done() end)
	kit.wait("the run", function() return ran end)
	host.hibernate(false)
	close(a)
end)

-- Redis has users since 6.0.
local is_old = not pcall(host.real.command, "ACL", "WHOAMI")

host.test("a user with the page's rights, and nothing more, may; one without learns which he lacks", function()
	if is_old then return end
	local rules = "~realtime:once:* +eval +evalsha +script|load +time +hmget +hset +pexpire"
	local a = server("a", kit.user("jobs", "on >pw resetchannels +hello +ping +info +client|setname " .. rules))
	local slot, ran = kit.unique("slot"), false
	a.once(slot, function(done) ran = done() end)
	kit.wait("the run", function() return ran end)
	kit.wait("the end", function() return host.real.command("HGET", "realtime:once:{" .. slot .. "}", "state") == "done" end)
	local told = kit.lines("Once .*")
	local b = server("b", kit.user("nobody", "on >pw resetchannels +hello +ping +info +client|setname +eval"))
	b.once(slot, function() end)
	kit.wait("the refusal", function() return told()[1] end)
	assert(told()[1]:find("NOPERM", 1, true) and told()[1]:find("realtime_check", 1, true), told()[1])
	close(a, b)
end)

host.test("a user without one of the rights leaves no slot behind", function()
	if is_old then return end
	for _, command in ipairs({ "hset", "pexpire" }) do
		local slot = kit.unique("slot")
		local said = kit.lines("Once .*")
		local a = server("a", kit.user(kit.unique("u"), "on >pw ~* &* +@all -" .. command))
		a.once(slot, function() error("it must not run") end)
		kit.wait("the refusal", function() return said()[1] end)
		kit.eq(host.real.command("EXISTS", "realtime:once:{" .. slot .. "}"), 0)
		close(a)
	end
end)

host.test("two calls keep their order, although Redis forgot the script and another server loaded it between them", function()
	local addon, client, got = realtime.addon, kit.ready(), kit.recorder()
	local key = "realtime:once:{" .. kit.unique("slot") .. "}"
	local function release(token)
		assert(addon.RunScript(client, "once", { key }, { "release", token:rep(32), 1000, "ttt-1", 1 }, got.fn))
	end
	local function calls()
		return tonumber(tostring(host.real.command("INFO", "commandstats")):match("cmdstat_evalsha:calls=(%d+)") or 0)
	end
	release("a")
	kit.wait("its digest", function() return got[1] and client:Stats().pending == 0 end)
	host.real.command("DEL", key)
	host.real.command("SCRIPT", "FLUSH")
	local before, stop = calls(), SysTime() + kit.PATIENCE
	release("b")
	repeat until calls() > before or SysTime() > stop -- without a tick in between, so the answer is not handled yet
	host.real.command("SCRIPT", "LOAD", file.Read("realtime/redis/once.lua", "LUA"))
	release("c")
	kit.wait("both answers", function() return #got == 3 end)
	kit.eq(host.real.command("HGET", key, "token"), ("b"):rep(32), "the first call found a free slot, and the second one not")
	client:Disconnect()
end)

host.test("each client sends a script of its own, and a server without an id the script itself", function()
	local addon, ServerId = realtime.addon, realtime.ServerId
	local function run(client)
		local got = kit.recorder()
		assert(addon.RunScript(client, "once", { "realtime:once:{" .. kit.unique("slot") .. "}" }, { "release", ("a"):rep(32), 1000, "ttt-1", 1 }, got.fn))
		kit.wait("the answer", function() return got[1] end)
		kit.eq(got[1][1], nil)
	end
	local function calls()
		return tonumber(tostring(host.real.command("INFO", "commandstats")):match("cmdstat_evalsha:calls=(%d+)") or 0)
	end
	kit.wait("the end of other clients", function() return #realtime.Clients() == 0 end)
	local a, b = kit.ready({ id = kit.unique("a") }), kit.ready({ id = kit.unique("b") })
	local before = calls()
	function realtime.ServerId() return "unnamed-1", false end
	for _ = 1, 3 do run(a) end
	kit.eq(calls(), before, "no digest, which another server might load between two calls")
	realtime.ServerId = ServerId
	local digests, command = {}, a.Command
	local meta = FindMetaTable("RealtimeClient")
	function meta.Command(client, words, ...)
		if words[1] == "EVALSHA" then digests[client] = words[2] end
		return command(client, words, ...)
	end
	for _ = 1, 2 do
		run(a)
		run(b)
	end
	assert(digests[a] and digests[b] and digests[a] ~= digests[b], "two clients have one digest")
	-- A client that is created after another one was closed gets its number.
	close({ client = a })
	kit.wait("its end", function() return not a:IsValid() end)
	local c = kit.ready({ id = kit.unique("c") })
	run(c)
	run(c)
	kit.eq(digests[c], digests[a])
	meta.Command = command
	close({ client = b }, { client = c })
end)

host.test("what the script is asked wrongly it answers with an error", function()
	local client = kit.ready()
	local text = file.Read("realtime/redis/once.lua", "LUA")
	local err = kit.command(client, { "EVAL", text, 1, kit.unique("key"), "nonsense", ("0"):rep(32), 1000, "web", 0 })
	assert(err.message:find("the action is not", 1, true), err)
	client:Disconnect()
end)
