-- once; servers: fake, real; redis: 6.2
-- realtime.Time: in virtual time with an invented clock, then with the server's.

if host.map_number == 1 then
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "ttt-1", "options": { "reconnect_max": 0.2 } }', host.redis_url))
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local new_world = include("_world.lua")

-- A world whose Redis has a clock that is `ahead` of SysTime, and whose answers are given by `answer(err)`.
local function new_case()
	local world = new_world()
	local client = world.client()
	local case = { world = world, client = client, ahead = 1.7e9, asked = {} }
	function client:Command(arguments, fn)
		kit.eq(arguments, { "TIME" })
		case.asked[#case.asked + 1] = fn
		case.server_time = world.now + case.ahead
		return true
	end
	local ready
	function client:On(event, _, fn)
		kit.eq(event, "ready")
		ready = fn
	end
	world.realtime.Default = function() return client end
	world.addon.MeasureTime(client)
	function case.ready()
		client.connected = true
		ready()
	end
	-- The server's time is from the moment of the request, or `at`.
	function case.answer(err, reply, at)
		local fn = table.remove(case.asked)
		local time = at or case.server_time
		fn(err, reply or not err and { string.format("%d", time), string.format("%d", (time % 1) * 1e6) } or nil)
	end
	function case.off() return case.world.realtime.Time() - case.world.now - case.ahead end
	return case
end

local function near(number, wanted, most) return math.abs(number - wanted) <= most end

host.test("before the first answer there is no time, and it says so", function()
	local case = new_case()
	kit.eq({ case.world.realtime.Time() }, { nil, "the time is not known before the first answer of Redis" })
	case.ready()
	kit.eq(case.world.realtime.Time(), nil)
	case.answer()
	assert(near(case.off(), 0, 1e-5), case.off())
	case.world.pass(50)
	assert(near(case.off(), 0, 1e-5), "time goes on")
	case.world.realtime.Default = function() return nil, "no Redis is configured" end
	assert(case.world.realtime.Time(), "also without a connection")
end)

host.test("without Redis it is nil and why", function()
	local world = new_world()
	world.realtime.Default = function() return nil, "no Redis is configured" end
	kit.eq({ world.realtime.Time() }, { nil, "no Redis is configured" })
end)

host.test("the answer is of the middle of its round trip, and a worse one does not count", function()
	local case = new_case()
	case.ready()
	case.world.pass(0.01, 0.01)
	case.answer(nil, nil, case.world.now - 0.005 + case.ahead)
	assert(near(case.off(), 0, 1e-5), case.off())
	-- A stall of ten seconds before the next answer is heard.
	case.world.pass(60, 0.5)
	kit.eq(#case.asked, 1, "it is asked again after a minute")
	case.world.pass(10, 10)
	case.answer()
	assert(near(case.off(), 0, 1e-5), case.off())
end)

host.test("clocks that drift apart are followed", function()
	local case = new_case()
	case.ready()
	case.answer() -- a better answer than any later one
	for _ = 1, 60 do
		case.ahead = case.ahead + 0.003 -- 50 millionths
		while not case.asked[1] do case.world.pass(0.1, 0.1) end
		case.world.pass(0.015)
		case.answer()
	end
	assert(near(case.off(), 0, 0.05), case.off())
end)

host.test("after a bad first answer a better one comes soon", function()
	local case = new_case()
	case.ready()
	case.world.pass(10, 10)
	case.answer()
	assert(near(case.off(), -5, 0.01), case.off())
	case.world.pass(1.1, 0.1)
	kit.eq(#case.asked, 1)
	case.answer(nil, nil, case.world.now + case.ahead)
	assert(near(case.off(), 0, 0.1), case.off())
end)

host.test("another server's clock counts from its ready on", function()
	local case = new_case()
	case.ready()
	case.answer()
	case.client.connected = false
	case.world.pass(100)
	kit.eq(#case.asked, 0, "nobody is asked without a connection")
	case.ahead = case.ahead - 30
	case.ready()
	case.world.pass(0.2, 0.2)
	case.answer()
	assert(near(case.off(), 0, 0.2), case.off())
end)

host.test("what is refused, and what is no time, is told and not asked for again before the next ready", function()
	local case = new_case()
	case.ready()
	case.answer(case.world.addon.Error("NOPERM", "type ACL SETUSER gmod +time"))
	kit.eq({ case.world.realtime.Time() }, { nil, "NOPERM: type ACL SETUSER gmod +time" })
	for _, reply in ipairs({ "OK", { "1" }, { "x", "1" }, { "1e300", "0" }, { "-5", "0" }, { "5", "1000000" }, { {}, {} } }) do
		case.ready()
		case.answer(nil, reply)
		kit.eq({ case.world.realtime.Time() }, { nil, "the server does not answer TIME with a time" })
	end
	case.world.pass(200, 1)
	kit.eq(#case.asked, 0)
	-- Nobody answered, which may change soon.
	case.ready()
	case.answer(case.world.addon.Error("TIMEOUT", "no answer"))
	case.world.pass(1.1)
	kit.eq(#case.asked, 1)
	case.answer()
	assert(near(case.off(), 0, 0.1), case.off())
end)

host.test("it is the server's, and goes on without a connection and with the next one", function()
	local client = realtime.Default()
	kit.wait("the time", function() return realtime.Time() end)
	local function check()
		local err, reply = client:CommandSync({ "TIME" }, kit.PATIENCE)
		kit.eq(err, nil)
		assert(near(realtime.Time(), tonumber(reply[1]) + tonumber(reply[2]) / 1e6, kit.PATIENCE), realtime.Time())
	end
	check()
	host.server.stop()
	kit.wait("the loss", function() return not client:IsConnected() end)
	assert(realtime.Time())
	host.server.start()
	kit.wait("the way back", function() return client:IsConnected() end)
	check()
end)

host.test("a user who may not ask learns the words that allow it", function()
	local client = realtime.Connect(kit.user("watchless", "on >pw allchannels +@all -time"), { id = "watchless" })
	local world, reason = new_world(), nil
	world.realtime.Default = function() return client end
	world.addon.MeasureTime(client)
	kit.wait("the reason", function()
		reason = select(2, world.realtime.Time())
		return reason:find("NOPERM", 1, true)
	end)
	assert(reason:find("ACL SETUSER watchless +time", 1, true), reason)
	client:Disconnect()
end)
