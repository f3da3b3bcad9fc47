-- realtime.Once in virtual time (_jobs.lua): who runs a job, and when another one does.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")
local jobs = include("_jobs.lua")
local new_redis, new_case = jobs.new_redis, jobs.new_case

host.test("one server of three runs it, whoever asks again", function()
	local case = new_case()
	local servers = { case.server("a"), case.server("b"), case.server("c") }
	for _ = 1, 5 do
		for _, server in ipairs(servers) do case.once(server, "slot", function(done) kit.eq(done(), true) end) end
		case.pass(30)
	end
	kit.eq(#case.log, 1)
	for _, server in ipairs(servers) do case.once(server, "another", function(done) done() end) end
	case.pass(30)
	kit.eq(#case.log, 2)
end)

host.test("a Lua state that ends gives back what runs there, and what is on its way to it", function()
	local case = new_case()
	local a, b, begun = case.server("a"), case.server("b"), {}
	case.once(a, "runs", function() end)
	case.pass(1)
	case.once(a, "comes", function() error("it has ended") end)
	case.pass(0.01, 0.01) -- Redis is asked
	local goodbyes = case.world.addon.goodbyes.Once
	goodbyes[next(goodbyes)]()
	local function b_takes(slot)
		case.once(b, slot, function(done)
			begun[#begun + 1] = slot
			done()
		end)
	end
	-- Redis reads its connection to the end before other servers connect.
	for _, question in ipairs(case.wire) do question.fn = function() end end
	case.pass(1)
	a.valid = false
	b_takes("runs")
	b_takes("comes")
	case.pass(1)
	table.sort(begun)
	kit.eq(begun, { "comes", "runs" })
end)

host.test("a run that takes long is renewed, and nobody else begins", function()
	local case, finish = new_case(), nil
	local a, b = case.server("a"), case.server("b")
	case.once(a, "slot", function(done) finish = done end)
	case.pass(1)
	case.once(b, "slot", function(done) done() end)
	case.pass(1000)
	kit.eq({ case.log, finish() }, { { "a" }, true })
	case.pass(100)
	kit.eq({ case.log, finish() }, { { "a" }, false }, "and done counts once")
end)

host.test("if it dies another server takes over, when the lease is over and not before", function()
	local case, fences = new_case(), {}
	local a, b = case.server("a"), case.server("b")
	case.once(a, "slot", function(_, fence) fences[1] = fence end)
	case.pass(1)
	a.valid = false
	case.once(b, "slot", function(done, fence)
		fences[2] = fence
		done()
	end)
	case.pass(58)
	kit.eq(case.log, { "a" })
	case.pass(20)
	kit.eq(case.log, { "a", "b" })
	assert(fences[2] > fences[1] and fences[1] > 1e9, kit.show(fences))
end)

host.test("a lease of one's own length", function()
	local case = new_case()
	local a, b = case.server("a"), case.server("b")
	case.once(a, "slot", function() end, { lease = 5 })
	case.pass(1)
	a.valid = false
	case.once(b, "slot", function(done) done() end)
	case.pass(10)
	kit.eq(case.log, { "a", "b" })
end)

host.test("done(err) and an error give it to others, and here it comes again ever later", function()
	local case = new_case()
	local a, b = case.server("a"), case.server("b")
	case.once(a, "slot", function(done) done("no luck") end)
	case.pass(1)
	case.once(b, "slot", function() error("an error on purpose") end)
	case.pass(20)
	kit.eq({ case.log, #case.world.errors }, { { "a", "b" }, 1 })
	case.pass(3600, 0.5)
	assert(#case.log > 6 and #case.log < 20, #case.log .. " runs in an hour")
	-- Alone it comes again as well.
	local alone, count = new_case(), 0
	alone.once(alone.server("a"), "slot", function(done)
		count = count + 1
		done(count < 3 and "not yet")
	end)
	alone.pass(59)
	kit.eq(count, 1)
	alone.pass(70)
	kit.eq(count, 2)
	alone.pass(5000, 1)
	kit.eq(count, 3)
end)

host.test("a file that is saved while it runs begins no second run, and its next run is the new function's", function()
	local case, finish = new_case(), nil
	local a = case.server("a")
	case.once(a, "slot", function(done) finish = done end)
	case.pass(1)
	local ran
	for i = 1, 5 do case.once(a, "slot", function(done) ran, finish = i, done end) end
	case.pass(200)
	kit.eq({ #case.log, ran }, { 1, nil })
	finish("no luck")
	case.pass(100)
	kit.eq({ #case.log, ran }, { 2, 5 })
end)

host.test("one that could not renew in time is told so, and its done does not count", function()
	local case, finish = new_case(), nil
	local a, b = case.server("a"), case.server("b")
	case.once(a, "slot", function(done) finish = done end)
	case.pass(1)
	case.once(b, "slot", function(done) done() end)
	a.connected = false
	case.pass(80)
	kit.eq(case.log, { "a", "b" })
	a.connected = true
	case.pass(30)
	kit.eq(finish(), false)
	kit.eq(#case.world.lines, 1)
	assert(case.world.lines[1]:find('Once "slot": this server could not renew its lease of 60 s in time', 1, true), case.world.lines[1])
	case.pass(500)
	kit.eq(#case.log, 2, "it is done")
end)

host.test("a run that was lost and never says done: the server has another turn, and that run's done does not count", function()
	local case, ends = new_case(), {}
	local a, b = case.server("a"), case.server("b")
	case.once(a, "slot", function(done) ends[#ends + 1] = done end)
	case.pass(1)
	case.once(b, "slot", function() end)
	a.connected = false
	case.pass(80)
	a.connected = true
	case.pass(30)
	kit.eq({ case.log, #case.world.lines }, { { "a", "b" }, 1 })
	b.valid = false
	case.pass(80)
	kit.eq(case.log, { "a", "b", "a" })
	kit.eq({ ends[1](), ends[2](), ends[2]() }, { false, true, false })
	case.pass(1)
	kit.eq(case.redis.hashes["realtime:once:{slot}"].state, "done")
end)

host.test("one that was away goes on if nobody took it, also if Redis has forgotten everything", function()
	local case, finish = new_case(), nil
	local a, b = case.server("a"), case.server("b")
	case.once(a, "slot", function(done) finish = done end)
	case.pass(1)
	a.connected = false
	case.pass(200)
	a.connected = true
	case.pass(1)
	case.once(b, "slot", function(done) done() end)
	case.pass(100)
	case.redis.hashes = {}
	case.pass(100)
	kit.eq({ case.log, finish() }, { { "a" }, true })
	case.pass(100)
	kit.eq(case.log, { "a" })
end)

host.test("its done was too late: it waits for its turn, and has it if the other one dies", function()
	local case, finish = new_case(), nil
	local a, b = case.server("a"), case.server("b")
	case.once(a, "slot", function(done) finish = done end)
	case.pass(1)
	case.once(b, "slot", function() end)
	a.connected = false
	case.pass(80)
	kit.eq({ case.log, finish() }, { { "a", "b" }, true }, "it cannot know yet")
	a.connected = true
	case.pass(1)
	kit.eq(#case.world.lines, 1)
	b.valid = false
	case.pass(80)
	kit.eq(case.log, { "a", "b", "a" })
end)

host.test("a run that ends while its renewal is on its way is told at once", function()
	local case, finish = new_case(), nil
	case.once(case.server("a"), "slot", function(done) finish = done end)
	case.pass(1)
	case.delay = 2
	case.pass(20)
	kit.eq({ #case.wire, finish() }, { 1, true })
	case.pass(8)
	kit.eq(case.redis.hashes["realtime:once:{slot}"].state, "done")
end)

host.test("an answer that is lost is asked for again, and nobody is told that a lease was lost", function()
	for _, executed in ipairs({ "now", "later", "never" }) do
		for _, err in ipairs({ false, "no luck" }) do
			local case, fence, fences = new_case(), nil, {}
			local a = case.server("a")
			local function cut(question)
				case.world.pass(0.1, 0.1)
				kit.eq(case.wire[1].arguments[1], question)
				case.cut(a, executed)
				case.pass(3)
			end
			local finish
			case.once(a, "slot", function(done, its_fence)
				finish, fence = done, its_fence
				fences[#fences + 1] = its_fence
			end)
			cut("take")
			kit.eq(case.redis.hashes["realtime:once:{slot}"].fence, string.format("%.0f", fence))
			finish(err or nil)
			cut(err and "release" or "done")
			kit.eq({ case.redis.hashes["realtime:once:{slot}"].state, #fences, case.world.lines }, { err and "free" or "done", 1, {} })
		end
	end
end)

host.test("what is executed long after it was sent does not end a later run", function()
	local case, runs = new_case(), 0
	local a, b = case.server("a"), case.server("b")
	case.once(a, "slot", function(done)
		runs = runs + 1
		if runs == 1 then done("no luck") end
	end)
	case.late = 70
	while runs == 0 do case.pass(0.1) end
	case.world.pass(0.1, 0.1)
	kit.eq(case.wire[1].arguments[1], "release")
	case.cut(a, "later")
	case.pass(65)
	kit.eq(case.log, { "a", "a" })
	case.once(b, "slot", function(done) done() end)
	case.pass(100)
	kit.eq(case.log, { "a", "a" })
end)

host.test("fences grow, also if Redis's clock goes back", function()
	local case, fences = new_case(), {}
	for i, id in ipairs({ "a", "b", "c" }) do
		case.once(case.server(id), "slot", function(done, fence)
			fences[i] = fence
			done("no luck")
		end)
		case.pass(1)
		case.redis.ahead = case.redis.ahead - 50
	end
	assert(fences[1] < fences[2] and fences[2] < fences[3], kit.show(fences))
end)

host.test("the script's answers", function()
	local world = new_world()
	local redis = new_redis(world)
	local A, B = ("a"):rep(32), ("b"):rep(32)
	local function ask(action, token, fence)
		return redis.run({ "key" }, { action, token, 9000, "web", fence or 0 })[1]
	end
	for i, step in ipairs({
		{ "take", A, "held" }, { "take", A, "held" }, { "take", B, "busy" }, { "renew", B, "lost" }, { "done", B, "lost" },
		{ "release", B, "lost" }, { "renew", A, "held" }, { "release", A, "held" }, { "release", A, "held" }, { "renew", A, "lost" },
		{ "done", A, "lost" }, { "take", B, "held" }, { "release", A, "lost" }, { "take", A, "busy" }, { "done", B, "held" },
		{ "done", B, "held" }, { "renew", B, "lost" }, { "release", B, "lost" }, { "take", A, "done" }, { "take", B, "done" },
	}) do
		kit.eq(ask(step[1], step[2]), step[3], "step " .. i .. ", " .. step[1])
	end
	-- Redis has lost its data: the holder keeps the job.
	for _, action in ipairs({ "renew", "done", "release" }) do
		redis.hashes = {}
		kit.eq(ask(action, A, 5), "held")
	end
end)

host.test("what Redis refuses is told, rarely, and asked again", function()
	local case = new_case()
	local a, refused = case.server("a"), 0
	local run = case.world.addon.RunScript
	function case.world.addon.RunScript(_, _, _, _, fn)
		refused = refused + 1
		fn(case.world.addon.Error("NOPERM", "ACL SETUSER gmod ~realtime:once:*", true))
		return true
	end
	case.once(a, "slot", function(done) done() end)
	case.pass(8)
	kit.eq({ refused, #case.world.lines }, { 2, 1 })
	case.pass(3600)
	assert(refused > 12 and refused < 25, refused .. " questions in an hour")
	assert(case.world.lines[1]:find('Once "slot": NOPERM: ACL SETUSER gmod ~realtime:once:*', 1, true), case.world.lines[1])
	case.world.addon.RunScript = run
	case.pass(310)
	kit.eq(case.log, { "a" })
end)

-- The script runner of the server "ttt-1", and a client that records requests and the function for each answer.
local function new_runner()
	local addon = { Error = realtime.addon.Error, Protect = realtime.addon.Protect }
	include("realtime/scripts.lua")({ ServerId = function() return "ttt-1", true end }, addon)
	local client = { asked = {}, answers = {} }
	function client:Command(words, fn)
		self.asked[#self.asked + 1] = words[1] .. " " .. (words[1] == "SCRIPT" and "LOAD" or words[4])
		self.answers[#self.answers + 1] = fn
		return true
	end
	return addon, client
end

local function shows(client, from)
	return table.concat(client.asked, ", ", from)
end

host.test("a script that Redis forgot is run again in the order of the calls", function()
	local addon, client = new_runner()
	local missing, got = addon.Error("NOSCRIPT", "NOSCRIPT No matching script", true), {}
	local function run(key)
		assert(addon.RunScript(client, "once", { key }, {}, function(err, reply) got[#got + 1] = key .. " " .. tostring(err or reply) end))
	end
	run("a")
	kit.eq(shows(client), "SCRIPT LOAD, EVAL a")
	run("b")
	client.answers[1](nil, "digest")
	for _, key in ipairs({ "c", "d", "e" }) do run(key) end
	kit.eq(shows(client, 3), "EVAL b, EVALSHA c, EVALSHA d, EVALSHA e")
	client.answers[4](missing)
	run("f") -- neither before c is sent again, nor before the answer of d and e
	client.answers[5](addon.Error("DISCONNECTED", "cut", true))
	kit.eq({ #client.asked, got }, { 6, { "d DISCONNECTED: cut" } })
	client.answers[6](missing)
	kit.eq(shows(client, 7), "EVAL c, EVAL e, EVAL f")
	run("g")
	kit.eq(shows(client, 10), "EVALSHA g")
	client.answers[7](nil, "done")
	kit.eq(got, { "d DISCONNECTED: cut", "c done" })
end)

host.test("a client that is gone is not kept by the scripts that ran on it", function()
	local addon, client = new_runner()
	addon.RunScript(client, "once", { "a" }, {}, function() end)
	client.answers[1](nil, "digest")
	addon.RunScript(client, "once", { "b" }, {}, function() end)
	client.answers[3](nil, "done")
	local weak = setmetatable({ client }, { __mode = "v" })
	client = nil
	collectgarbage()
	collectgarbage()
	kit.eq(weak[1], nil)
end)

host.test("arguments that are wrong raise where they were written", function()
	local client = kit.ready()
	local function nothing() end
	for _, bad in ipairs({ "", ("x"):rep(129), 5 }) do
		kit.raises("jobs_once%.lua:%d+: bad argument #1 to 'Once'", function() realtime.Once(bad, nothing, nil, client) end)
	end
	kit.raises("jobs_once%.lua:%d+: bad argument #2 to 'Once'", function() realtime.Once("slot", nil, nil, client) end)
	kit.raises("jobs_once%.lua:%d+: bad argument #3 to 'Once'", function() realtime.Once("slot", nothing, 60, client) end)
	kit.raises("jobs_once%.lua:%d+: bad argument #4 to 'Once'", function() realtime.Once("slot", nothing, nil, {}) end)
	kit.raises("unknown option 'leese'", function() realtime.Once("slot", nothing, { leese = 5 }, client) end)
	for _, bad in ipairs({ 0, 86401, 0 / 0, "60" }) do
		kit.raises("lease is a number of seconds from 1 to 86400", function() realtime.Once("slot", nothing, { lease = bad }, client) end)
	end
	client:Disconnect()
end)
