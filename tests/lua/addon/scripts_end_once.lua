-- servers: real; redis: 6.0
-- The end of a Lua state when Redis has forgotten the scripts: all calls are done, and nothing has to wait for a lease.

local world = include("_durable_real.lua")
local kit, realtime, addon = world.kit, world.realtime, world.addon
local server, close = world.server, world.close
function realtime.ServerId() return "named", true end -- only such a server calls scripts by their digests

local function close_state(helper, object)
	addon.End()
	addon.goodbyes[helper][object]()
	addon.is_ending = false -- the Lua state continues, for the other servers
end

host.test("calls that wait are sent with the script, in their order, and those that may be repeated again", function()
	local sent, fns = {}, {}
	local client = setmetatable({ IsValid = function() return true end }, { __index = { Command = function(_, words, fn)
		if words[1] == "EVALSHA" or words[1] == "EVAL" then
			sent[#sent + 1] = words[1] .. " " .. words[#words]
			fns[#fns + 1] = fn
		else
			fn(nil, "digest")
		end
		return true
	end } })
	local answers = kit.recorder()
	local function run(word) assert(addon.RunScript(client, "durable_publish", { "key" }, { word }, answers.fn)) end
	run("first") -- Redis answers its digest
	for _, word in ipairs({ "a", "b" }) do run(word) end
	kit.eq(sent, { "EVAL first", "EVALSHA a", "EVALSHA b" })
	fns[2](addon.Error("NOSCRIPT", "No matching script", true))
	run("c")
	kit.eq(#sent, 3)
	addon.End()
	run("d")
	kit.eq({ unpack(sent, 4) }, { "EVAL a", "EVAL b", "EVAL c", "EVAL d" })
	-- Each is answered once.
	fns[3](addon.Error("NOSCRIPT", "No matching script", true))
	kit.eq(sent[8], "EVAL b")
	for i = 4, 8 do fns[i](nil, i) end
	kit.eq(#answers, 4)
	addon.is_ending = false
end)

host.test("a Redis that was loading is asked for a digest again; a call that waited has what is left of its time", function()
	local sent, loads, fns, code = {}, 0, {}, "LOADING"
	local client = setmetatable({ IsValid = function() return true end }, { __index = { Command = function(_, words, fn, seconds)
		if words[1] == "SCRIPT" then
			loads = loads + 1
			if code then fn(addon.Error(code, "refused", true)) else fn(nil, "digest") end
		else
			sent[#sent + 1], fns[#fns + 1] = words[1], fn
			if seconds then sent[#sent] = words[1] .. " " .. (seconds == 10 and "whole" or seconds < 10 and "less" or "more") end
		end
		return true
	end } })
	local function run(seconds) assert(addon.RunScript(client, "once", { "key" }, { "word" }, function() end, seconds)) end
	run()
	code = nil
	run()
	run(10)
	kit.eq({ loads, sent }, { 2, { "EVAL", "EVAL", "EVALSHA whole" } })
	host.pass(1)
	fns[3](addon.Error("NOSCRIPT", "No matching script", true))
	kit.eq(sent[4], "EVAL less")
	-- A client that may not load scripts does not try again.
	client, loads, code = setmetatable({ IsValid = client.IsValid }, getmetatable(client)), 0, "NOPERM"
	run()
	run()
	kit.eq(loads, 1)
end)

host.test("a place, a message and a Publish of the last tick after SCRIPT FLUSH", function()
	local news, work, id = kit.unique("news"), kit.unique("work"), kit.unique("s")
	local patience = world.addon.durable_lease -- both longer than this test may take
	world.addon.durable_lease = 3600
	local a = server(id)
	a.subscribe(news)
	a.work(work, function() end, { patience = 3600 })
	for i = 1, 2 do
		kit.eq(world.done(a, "Publish", news, "n" .. i), nil)
		kit.wait("it", function() return a.got[i] == "n" .. i end)
	end
	kit.eq(world.done(a, "Publish", work, "w"), nil)
	kit.wait("it", function() return a.got[3] == "w" end)
	host.real.command("SCRIPT", "FLUSH")
	a.durable:Publish(news, "the last")
	close_state("Durable", a.durable)
	a.client:Disconnect() -- accepted calls are sent, but their answers are lost
	local b, deliveries = server(id), nil
	b.subscribe(news)
	b.work(work, function(_, _, done, info)
		deliveries = info.deliveries
		done()
	end)
	kit.wait("both", function() return #b.got == 2 end)
	table.sort(b.got)
	kit.eq({ b.got, deliveries }, { { "the last", "w" }, 1 })
	world.addon.durable_lease = patience
	close(b)
end)

host.test("a job of realtime.Once that has ended in the last tick does not run again", function()
	local slot, runs, finish = kit.unique("slot"), 0, nil
	local function job(done)
		runs = runs + 1
		finish = done
	end
	local client = kit.ready()
	assert(realtime.Once(slot, job, nil, client, "a"))
	kit.wait("the job", function() return finish end)
	kit.eq(finish(), true)
	close_state("Once", next(addon.goodbyes.Once))
	client:Disconnect()
	local other = kit.ready()
	local key = "realtime:once:{" .. slot .. "}"
	kit.wait("the end", function() return host.real.command("HGET", key, "state") == "done" end)
	kit.eq(runs, 1)
	other:Disconnect()
end)
