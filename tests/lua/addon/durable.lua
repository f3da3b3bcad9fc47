-- servers: real; redis: 5.0
-- realtime.Durable: an example of each promise. durable_random_once.lua has all of them together, with faults.

local world = include("_durable_real.lua")
local kit, realtime = world.kit, world.realtime
local server, close, leave, kill, done, gets = world.server, world.close, world.leave, world.kill, world.done, world.gets

host.test("each subscriber gets each message, in order, also what came while it was down", function()
	local channel = kit.unique("news")
	local a, b, id_of_c = server(), server(), kit.unique("c")
	local info_of
	a.subscribe(channel, nil, function(_, from, info)
		kit.eq(from, b.durable:Id())
		info_of = info
	end)
	local c = server(id_of_c)
	c.subscribe(channel)
	local ids = kit.recorder()
	for _, data in ipairs({ { text = "☃", list = { 1, 2 } }, "two", 3, false }) do assert(b.durable:Publish(channel, data, ids.fn)) end
	gets(a, { { text = "☃", list = { 1, 2 } }, "two", 3, false })
	gets(c, { { text = "☃", list = { 1, 2 } }, "two", 3, false })
	kit.wait("the answers", function() return #ids == 4 end)
	kit.eq({ ids[4][1], info_of.id, info_of.deliveries }, { nil, ids[4][2], 1 })
	assert(info_of.age >= 0 and info_of.age < kit.PATIENCE, info_of.age)
	leave(c)
	for i = 1, 250 do b.durable:Publish(channel, i) end
	kit.wait("all answers", function() return b.client:Stats().pending == 0 end)
	local again = server(id_of_c)
	again.subscribe(channel)
	local want = {}
	for i = 1, 250 do want[i] = i end
	gets(again, want)
	kit.eq(again.count("lost"), 0)
	close(a, b, again)
end)

host.test("a new subscriber begins now, or at the start", function()
	local channel, a, b, c = kit.unique("news"), server(), server(), server()
	-- A message from before the first server sets the kind of the channel waits, too.
	kit.eq(done(a, "Publish", channel, "early"), nil)
	b.subscribe(channel, { from = "start" })
	gets(b, { "early" })
	c.subscribe(channel)
	kit.eq(done(a, "Publish", channel, "late"), nil)
	gets(c, { "late" })
	gets(b, { "early", "late" })
	close(a, b, c)
end)

host.test("two identifiers are two subscribers of one server", function()
	local channel, a, log = kit.unique("news"), server(), {}
	for _, name in ipairs({ "one", "two" }) do
		assert(a.durable:Subscribe(channel, name, function(data) log[#log + 1] = name .. data end))
	end
	kit.wait("ready", function() return a.count("ready") == 2 end)
	a.durable:Publish(channel, "!")
	kit.wait("both", function() return #log == 2 end)
	table.sort(log)
	kit.eq(log, { "one!", "two!" })
	kit.eq({ a.durable:Stop(channel, "one"), a.durable:Stop(channel, "one"), a.durable:Stop(channel) }, { true, false, false })
	a.durable:Publish(channel, "?")
	kit.wait("one more", function() return #log == 3 end)
	kit.eq(log[3], "two?")
	close(a)
end)

host.test("a message that fails comes again, and later ones wait for it; then it is dead, and Retry puts it back", function()
	local channel, a, b = kit.unique("news"), server(), server()
	local fails, tries = true, {}
	host.expect_errors(3)
	a.subscribe(channel, { max_deliveries = 2 }, function(data, _, info)
		if data ~= "bad" then return end
		tries[#tries + 1] = info.deliveries
		if fails then error("on purpose") end
	end)
	b.subscribe(channel)
	for _, data in ipairs({ "before", "bad", "after" }) do a.durable:Publish(channel, data) end
	gets(b, { "before", "bad", "after" })
	gets(a, { "before", "after" })
	local count, info = a.count("failed")
	kit.eq({ count, tries, info.dead, info.errors, info.data, info.from }, { 2, { 1, 2 }, true, 2, "bad", a.durable:Id() })
	assert(info.reason:find("on purpose", 1, true), info.reason)
	local err, stats = done(a, "Stats", channel)
	kit.eq({ err, stats.kind, stats.dead, stats.behind, stats.length }, { nil, "subscribe", 1, 0, 3 })
	kit.eq({ done(a, "Retry", channel, "1-1") }, { nil, false })
	-- It is dead again, and is put back under the same id, only for this subscriber.
	kit.eq({ done(a, "Retry", channel, info.id) }, { nil, true })
	kit.wait("one more failure", function() return #tries == 3 end)
	fails = false
	gets(a, { "before", "after", "bad" })
	a.durable:Publish(channel, "end")
	gets(b, { "before", "bad", "after", "end" })
	kit.eq(select(2, done(a, "Stats", channel)).dead, 0)
	close(a, b)
end)

host.test("what is trimmed before it was read is counted", function()
	local channel, id, a, b = kit.unique("news"), kit.unique("b"), server(), nil
	b = server(id)
	b.subscribe(channel, { keep = 5 })
	a.durable:Publish(channel, 0)
	gets(b, { 0 })
	leave(b)
	for i = 1, 12 do kit.eq(done(a, "Publish", channel, i), nil) end
	b = server(id)
	b.subscribe(channel)
	gets(b, { 8, 9, 10, 11, 12 })
	local count, info = b.count("lost")
	kit.eq({ count, info }, { 1, { count = 7, identifier = channel } })
	kit.eq(select(2, done(a, "Stats", channel)).length, 5)
	close(a, b)
end)

host.test("an id is published once, whoever asks", function()
	local channel, a, b = kit.unique("news"), server(), server()
	a.subscribe(channel)
	local _, first = done(a, "Publish", channel, "x", { once = "order-1" })
	local _, second = done(b, "Publish", channel, "x", { once = "order-1" })
	kit.eq(first, second)
	done(b, "Publish", channel, "end")
	gets(a, { "x", "end" })
	close(a, b)
end)

host.test("each message of a channel for Work is done by one server, also what came before the first worker", function()
	local channel, a, b, log = kit.unique("work"), server(), server(), {}
	for i = 1, 20 do a.durable:Publish(channel, i) end
	kit.wait("all answers", function() return a.client:Stats().pending == 0 end)
	local function job(data, _, finish)
		log[data] = (log[data] or 0) + 1
		kit.eq({ finish(), finish() }, { true, false })
	end
	a.work(channel, job)
	b.work(channel, job, { parallel = 3 })
	for i = 21, 40 do b.durable:Publish(channel, i) end
	kit.wait("all of them", function() return #a.got + #b.got == 40 end)
	for i = 1, 40 do kit.eq(log[i], 1, "message " .. i) end
	kit.wait("an empty channel", function() return select(2, done(a, "Stats", channel)).length == 0 end)
	local _, stats = done(a, "Stats", channel)
	kit.eq({ stats.kind, stats.pending, stats.dead, stats.behind, stats.oldest }, { "work", 0, 0, 0, nil })
	close(a, b)
end)

host.test("if a server dies another one takes its message, and if it leaves in order at once", function()
	local channel, a, b, deliveries = kit.unique("work"), server(), server(), nil
	a.work(channel, function() end, { patience = 1 })
	a.durable:Publish(channel, "x")
	gets(a, { "x" })
	kill(a)
	b.work(channel, function(_, _, finish, info)
		deliveries = info.deliveries
		finish()
	end)
	gets(b, { "x" })
	kit.eq(deliveries, 2)
	local c = server()
	kit.eq(b.durable:Stop(channel), true)
	c.work(channel, function() end, { patience = 3600 })
	b.durable:Publish(channel, "y")
	gets(c, { "y" })
	leave(c)
	b.work(channel, function(_, _, finish, info)
		deliveries = info.deliveries
		finish()
	end)
	gets(b, { "x", "y" })
	kit.eq(deliveries, 1, "a map change is no death")
	close(b)
end)

host.test("a run goes on for longer than the patience, and a forgotten done counts as an error", function()
	local channel, a, b, finish, dones = kit.unique("work"), server(), server(), nil, nil
	a.work(channel, function(_, _, its_done) finish = its_done end, { patience = 60 })
	a.durable:Publish(channel, "long")
	gets(a, { "long" })
	b.work(channel, function(_, _, its_done) its_done() end)
	-- By Redis's clock, so that a stall does not matter: b gets it only after the lease.
	local first = world.held_until(channel)
	kit.wait("it to go on for longer than the first patience", function() return world.held_until(channel) > first end)
	kit.eq({ #b.got, finish() }, { 0, true })
	kit.eq(b.durable:Stop(channel), true)
	a.work(channel, function(_, _, its_done) dones = its_done end, { timeout = 0.2 })
	a.durable:Publish(channel, "forgotten")
	kit.wait("the failure", function() return a.count("failed") == 1 end)
	local _, info = a.count("failed")
	kit.eq({ info.reason, info.errors, info.dead, dones() }, { "done was not called within 0.2 s", 1, false, false })
	close(a, b)
end)

host.test("an error in a worker counts as done(err), and the message comes again", function()
	local channel, a, tries = kit.unique("work"), server(), 0
	host.expect_errors(1)
	a.work(channel, function(_, _, finish)
		tries = tries + 1
		if tries == 1 then error("on purpose") end
		finish()
	end)
	a.durable:Publish(channel, "x")
	kit.wait("the second try", function() return tries == 2 end)
	local count, info = a.count("failed")
	kit.eq({ count, info.errors, info.dead }, { 1, 1, false })
	close(a)
end)

host.test("what is not done is never dropped: Publish answers FULL", function()
	local channel, a = kit.unique("work"), server()
	local finish
	a.work(channel, function(_, _, its_done) finish = its_done end, { keep = 2 })
	kit.eq(done(a, "Publish", channel, 1), nil)
	gets(a, { 1 })
	kit.eq(done(a, "Publish", channel, 2), nil)
	local err = done(a, "Publish", channel, 3)
	kit.eq({ err.code, err.sent }, { "FULL", false })
	finish()
	gets(a, { 1, 2 })
	kit.eq(done(a, "Publish", channel, 4), nil)
	close(a)
end)

host.test("Redis loses everything: subscribers go on where they are, and both kinds tell that something was lost", function()
	local news, work, a = kit.unique("news"), kit.unique("work"), server()
	a.subscribe(news)
	local finish
	a.work(work, function(_, _, its_done) finish = its_done end, { patience = 3 })
	a.durable:Publish(news, "before")
	gets(a, { "before" })
	a.durable:Publish(work, "held")
	gets(a, { "before", "held" })
	host.real.command("FLUSHALL")
	host.real.command("SCRIPT", "FLUSH")
	a.durable:Publish(news, "after")
	kit.wait("it", function() return a.got[3] == "after" end)
	kit.wait("word of both", function() return a.count("lost") == 2 end)
	kit.eq(select(2, a.count("lost")).count, nil)
	kit.eq(finish(), false, "its message is lost")
	a.durable:Publish(work, "new")
	kit.wait("work again", function() return a.got[4] == "new" end)
	close(a)
end)

host.test("a web site publishes with XADD alone, and what is no JSON is dead and told", function()
	local news, work, a = kit.unique("news"), kit.unique("work"), server()
	a.subscribe(news)
	a.work(work, function(_, _, finish) finish() end)
	host.real.command("XADD", "realtime:durable:{" .. news .. "}", "*", "data", '{"by":"hand"}')
	gets(a, { { by = "hand" } })
	host.real.command("XADD", "realtime:durable:{" .. work .. "}", "*", "data", "5")
	gets(a, { { by = "hand" }, 5 })
	host.real.command("XADD", "realtime:durable:{" .. news .. "}", "*", "data", "no JSON")
	kit.wait("its end", function() return a.count("failed") == 1 end)
	host.real.command("XADD", "realtime:durable:{" .. work .. "}", "*", "text", "5")
	kit.wait("its end", function() return a.count("failed") == 2 end)
	kit.eq(select(2, a.count("failed")).dead, true)
	a.durable:Publish(news, "good")
	gets(a, { { by = "hand" }, 5, "good" })
	close(a)
end)

host.test("a second server with the same id gets nothing, and says so", function()
	local channel, id, lease = kit.unique("news"), kit.unique("twin"), world.addon.durable_lease
	world.addon.durable_lease = 60 -- longer than a machine may stand still, or the other one would get its turn
	local a, b = server(id), server(id)
	a.subscribe(channel)
	b.durable:Subscribe(channel, function(data) b.got[#b.got + 1] = data end)
	kit.wait("its question", function()
		RunConsoleCommand("realtime_status")
		return table.concat(host.console(), "\n"):find("another server with this id has it", 1, true)
	end)
	a.durable:Publish(channel, 1)
	gets(a, { 1 })
	kit.eq({ #b.got, b.count("ready") }, { 0, 0 })
	leave(a)
	b.durable:Publish(channel, 2)
	gets(b, { 2 })
	world.addon.durable_lease = lease
	close(b)
end)

host.test("a channel is for one or the other", function()
	local channel, a, b = kit.unique("both"), server(), server()
	a.subscribe(channel)
	kit.raises("durable%.lua:%d+: 'Work': .* is a channel for Subscribe here", function() a.durable:Work(channel, function() end) end)
	local said = kit.lines("durable channel .*")
	b.durable:Work(channel, function() end)
	kit.wait("the line", function() return said()[1] end)
	assert(said()[1]:find("it is a channel for Subscribe, and Work gets nothing from it", 1, true), said()[1])
	close(a, b)
end)

host.test("Redis loses channels on which nothing was ever published: nothing is lost", function()
	local news, work, a = kit.unique("news"), kit.unique("work"), server()
	a.subscribe(news)
	a.work(work, function(_, _, its_done) its_done() end)
	kit.wait("both channels", function()
		local function mark(channel) return host.real.command("HGET", "realtime:durable:{" .. channel .. "}:about", "mark") end
		return mark(news) and mark(work)
	end)
	host.real.command("FLUSHALL")
	a.durable:Publish(news, "first")
	a.durable:Publish(work, "second")
	kit.wait("both messages", function() return #a.got == 2 end)
	kit.eq(a.count("lost"), 0)
	close(a)
end)

host.test("what is behind is known again after Redis lost the newest messages, as at a failover", function()
	local a, channel = server(), kit.unique("news")
	a.subscribe(channel)
	for i = 1, 3 do kit.eq(done(a, "Publish", channel, i), nil) end
	gets(a, { 1, 2, 3 })
	local key = "realtime:durable:{" .. channel .. "}"
	kit.wait("its place", function() return select(2, done(a, "Stats", channel)).behind == 0 end)
	local newest = host.real.command("XREVRANGE", key, "+", "-", "COUNT", "1")[1][1]
	host.real.command("XDEL", key, newest)
	host.real.command("HSET", key .. ":about", "number", "2")
	kit.wait("word of it", function() return a.count("lost") == 1 end)
	kit.eq(select(2, done(a, "Stats", channel)).behind, 0)
	-- And messages that are lost from now on are counted.
	kit.eq(done(a, "Publish", channel, 4), nil)
	gets(a, { 1, 2, 3, 4 })
	kit.eq(a.count("lost"), 1)
	close(a)
end)

host.test("what is known of a server goes with Forget", function()
	local channel, a, b = kit.unique("news"), server(), server()
	a.subscribe(channel)
	b.subscribe(channel)
	local _, stats = done(b, "Stats", channel)
	kit.eq(table.Count(stats.groups), 2)
	leave(a)
	kit.eq({ done(b, "Forget", channel, a.durable:Id()) }, { nil, true })
	kit.eq({ done(b, "Forget", channel, a.durable:Id()) }, { nil, false })
	_, stats = done(b, "Stats", channel)
	kit.eq({ table.Count(stats.groups), stats.groups[b.durable:Id() .. ":" .. channel].behind }, { 1, 0 })
	close(b)
end)

host.test("a file that is saved five times leaves one of everything, and a late listener hears ready", function()
	local channel, a = kit.unique("news"), server()
	local heard
	for i = 1, 5 do a.durable:Subscribe(channel, function(data) heard = { i, data } end) end
	kit.wait("ready", function() return a.count("ready") == 1 end)
	a.durable:Publish(channel, "x")
	kit.wait("it", function() return heard end)
	kit.eq(heard, { 5, "x" })
	local jobs, runs, finish = kit.unique("jobs"), {}, nil
	local function work(i)
		a.durable:Work(jobs, function(data, _, done)
			runs[#runs + 1] = i .. data
			finish = done
		end)
	end
	work(1)
	for i = 1, 2 do a.durable:Publish(jobs, "job" .. i) end
	kit.wait("the first run", function() return finish end)
	for i = 2, 5 do work(i) end -- while it runs
	kit.eq({ finish(), finish() }, { true, false })
	kit.wait("the second run", function() return #runs == 2 end)
	finish()
	kit.wait("the end", function() return host.real.command("XLEN", "realtime:durable:{" .. jobs .. "}") == 0 end)
	kit.eq(runs, { "1job1", "5job2" })
	local late
	a.durable:On("ready", function(of) late = of end)
	kit.wait("a ready of its own", function() return late == channel end)
	assert(realtime.Durable(a.client, a.durable:Id()) == a.durable)
	close(a)
end)

host.test("bad arguments raise, and name what is wrong", function()
	local a = server()
	local durable = a.durable
	local function nothing() end
	for pattern, call in pairs({
		["#1 to 'Publish' %(a channel"] = function() durable:Publish("no channel", 1) end,
		["nil is no message"] = function() durable:Publish("c", nil) end,
		["'Publish' to c: "] = function() durable:Publish("c", { nothing }) end,
		["#3 to 'Publish' %(once: a text of 1 to 128 bytes"] = function() durable:Publish("c", 1, { once = 5 }) end,
		["#3 to 'Publish' %(there is no option \"onse\"; there is once, timeout"] = function() durable:Publish("c", 1, { onse = "a" }) end,
		["#4 to 'Publish' %(function expected, got number"] = function() durable:Publish("c", 1, {}, 5) end,
		["#2 to 'Subscribe' %(an identifier"] = function() durable:Subscribe("c", "a b", nothing) end,
		["#3 to 'Subscribe' %(function expected"] = function() durable:Subscribe("c", "id") end,
		["#2 to 'Subscribe' %(function expected, or an identifier and a function; got nil"] = function() durable:Subscribe("c") end,
		["#3 to 'Subscribe' %(keep: a whole number"] = function() durable:Subscribe("c", nothing, { keep = 0 }) end,
		["#4 to 'Subscribe' %(from: \"now\" or \"start\""] = function() durable:Subscribe("c", "id", nothing, { from = "then" }) end,
		["#2 to 'Work' %(function expected, got nil"] = function() durable:Work("c") end,
		["#3 to 'Work' %(parallel: a whole number from 1 to 100"] = function() durable:Work("c", nothing, { parallel = 1.5 }) end,
		["#3 to 'Work' %(patience: seconds from 1 to 3600"] = function() durable:Work("c", nothing, { patience = 0.5 }) end,
		["#2 to 'Stats'"] = function() durable:Stats("c") end,
		["#2 to 'Retry'"] = function() durable:Retry("c", 5) end,
		["#2 to 'Forget'"] = function() durable:Forget("c", "no id") end,
		["#1 to 'On'"] = function() durable:On("reddy", nothing) end,
	}) do kit.raises("durable%.lua:%d+: .*" .. pattern, call) end
	kit.raises("#1 to 'Durable'", function() realtime.Durable(5) end)
	close(a)
end)
