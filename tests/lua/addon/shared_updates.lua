-- servers: real; redis: 5.0
-- realtime.Shared: several Updates of one key that are under way at a time. The rest: shared.lua, shared_losses.lua.

local world = include("_shared.lua")
local kit, realtime = world.kit, world.realtime
local server, ready, pair, close, done, sees = world.server, world.ready, world.pair, world.close, world.done, world.sees

-- An Update that appends `item` to the list of the key, and notes that in `log`: its runs, and its answers by item.
local function note() return { runs = 0, answers = {}, count = 0 } end
local function answer(log, item)
	return function(err, value, changed)
		assert(not log.answers[item], "answered twice")
		log.answers[item], log.count = { err and err.code, value, changed }, log.count + 1
		log.sent = err and err.sent
	end
end
local function append(shared, log, item, options)
	return shared:Update("list", function(old)
		log.runs = log.runs + 1
		old = old or {}
		old[#old + 1] = item
		return old
	end, options, answer(log, item))
end
local function answered(log, count)
	kit.wait("the answers", function() return log.count == count end)
end
local function upto(last, first)
	local list = { first }
	for i = 1, last do list[#list + 1] = i end
	return list
end

-- A server whose link can be stalled, another one with a link of its own, and a list that both have.
local function rivals(options)
	local name, proxy = kit.unique("t"), host.proxy()
	local b = server(name, "b", options)
	local a, client = server(name, "a", options, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.02 })
	for _, event in ipairs({ "down", "error" }) do client:On(event, function() end) end
	ready(a, b)
	return a, b, proxy
end
-- What `a` calls in calls() reaches Redis only after what b does in first().
local function overtaken(proxy, calls, first)
	proxy.edit({ up_stall = true })
	calls()
	kit.ticks(3)
	first()
	proxy.edit({ up_stall = false })
end

host.test("a hundred Updates of a key in one tick run once each, in their order", function()
	local a, b = pair()
	local log, order, shown = note(), {}, true
	for i = 1, 100 do
		assert(a:Update("list", function(old)
			log.runs = log.runs + 1
			old = old or {}
			old[#old + 1] = i
			return old
		end, function(err, value, changed)
			order[#order + 1] = not err and changed and #value
			shown = shown and #a:Get("list") >= i
		end))
		kit.eq(log.runs, i, "it runs inside the call")
	end
	kit.wait("the answers", function() return #order == 100 end)
	kit.eq({ log.runs, order, shown, a:Get("list") }, { 100, upto(100), true, upto(100) })
	sees(b, "list", upto(100))
	kit.eq(next(a.updates), nil, "nothing is kept")
	close(a, b)
end)

host.test("Updates of a key that is not copied run once more, with Redis's value", function()
	local a, b = pair({ watched = true })
	kit.eq(done(b, "Set", "list", { 0 }), nil)
	local log = note()
	for i = 1, 10 do append(a, log, i) end
	answered(log, 10)
	kit.eq({ log.runs, log.answers[10] }, { 20, { nil, upto(10, 0), true } })
	close(a, b)
end)

host.test("after another server's change each runs once more, in the order of the calls, also of one in between", function()
	local a, b, proxy = rivals()
	kit.eq(done(b, "Set", "list", { "b" }), nil)
	sees(a, "list", { "b" })
	local log = note()
	a:On("changed", function(_, value) if kit.same(value, { "c" }) then append(a, log, 6) end end)
	overtaken(proxy, function()
		for i = 1, 5 do append(a, log, i) end
	end, function() kit.eq(done(b, "Set", "list", { "c" }), nil) end)
	answered(log, 6)
	kit.eq(a:Get("list"), upto(6, "c"))
	assert(log.runs >= 11 and log.runs <= 12, log.runs) -- the sixth may be called before the first is refused, or after the last
	close(a, b)
end)

host.test("two servers that make fifty each in one tick lose nothing", function()
	local a, b = pair()
	local log, last = note(), {}
	for i = 1, 50 do
		append(a, log, "a" .. i)
		append(b, log, "b" .. i)
	end
	answered(log, 100)
	-- In the worst case each of the two is refused whenever a part of the other's calls comes first.
	assert(log.runs < 1000, log.runs)
	kit.wait("both", function() return #a:Get("list") == 100 and #b:Get("list") == 100 end)
	for _, item in ipairs(a:Get("list")) do
		local from, number = item:match("^(.)(%d+)$")
		kit.eq(tonumber(number), (last[from] or 0) + 1, "the order of " .. from)
		last[from] = tonumber(number)
	end
	close(a, b)
end)

host.test("an error in the function concerns its own Update alone", function()
	local a, b, proxy = rivals()
	local log, runs, errors = note(), 0, kit.recorder()
	append(a, log, 1)
	kit.raises("at once", a.Update, a, "list", function() error("at once") end, errors.fn)
	kit.raises("function", a.Update, a, "list", function() return { print } end, errors.fn)
	append(a, log, 2)
	answered(log, 2)
	kit.eq({ log.runs, a:Get("list"), #errors }, { 2, { 1, 2 }, 0 })
	sees(b, "list", { 1, 2 })
	host.expect_errors(2)
	for _, case in ipairs({ "raises", "encodes" }) do
		log, runs = note(), 0
		local before = #host.errors()
		overtaken(proxy, function()
			append(a, log, 1)
			a:Update("list", function()
				runs = runs + 1
				if runs == 1 then return { "wrong" } end
				return case == "encodes" and { print } or error("when it runs again")
			end, answer(log, "wrong"))
			append(a, log, 2)
		end, function() kit.eq(done(b, "Set", "list", { case }), nil) end)
		answered(log, 3)
		kit.eq({ log.answers.wrong[1], runs, a:Get("list"), #host.errors() - before }, { "FAILED", 2, { case, 1, 2 }, 1 })
	end
	close(a, b)
end)

host.test("an Update that returns nothing is decided by what Redis has after those before it", function()
	local a, b, proxy = rivals()
	local log, runs = note(), { 0, 0, 0 }
	local function add(item, number)
		a:Update("money", function(old)
			runs[1] = runs[1] + 1
			return (old or 0) + number
		end, answer(log, item))
	end
	local function pay(item, number, place)
		a:Update("money", function(old)
			runs[place] = runs[place] + 1
			if (old or 0) >= number then return old - number end
		end, answer(log, item))
	end
	add("first", 100)
	pay("too much", 500, 2)
	pay("enough", 70, 3)
	add("last", 1)
	answered(log, 4)
	kit.eq({ log.answers["too much"], log.answers.enough, log.answers.last, runs }, { { nil, 100, false }, { nil, 30, true }, { nil, 31, true }, { 2, 2, 1 } })
	sees(b, "money", 31)
	-- It got a value that Redis never had.
	log, runs = note(), { 0, 0, 0 }
	overtaken(proxy, function()
		add("first", 100)
		pay("paid", 500, 2)
		add("last", 1)
		pay("too much", 5000, 3)
	end, function() kit.eq(done(b, "Set", "money", 1000), nil) end)
	answered(log, 4)
	kit.eq({ log.answers.first, log.answers.paid, log.answers.last, log.answers["too much"] },
		{ { nil, 1100, true }, { nil, 600, true }, { nil, 601, true }, { nil, 601, false } })
	close(a, b)
end)

host.test("an Update that removes the key stands in its place, too", function()
	local a, b, proxy = rivals()
	local log, olds = note(), {}
	local function update(item, value)
		a:Update("key", function(old)
			olds[#olds + 1] = tostring(old)
			return value
		end, answer(log, item))
	end
	update("nothing to remove", realtime.NULL)
	update("set", 1)
	update("removed", realtime.NULL)
	update("set again", 2)
	answered(log, 4)
	kit.eq(olds, { "nil", "nil", "1", "nil" })
	kit.eq({ log.answers["nothing to remove"], log.answers.set, log.answers.removed, log.answers["set again"] },
		{ { nil, nil, false }, { nil, 1, true }, { nil, nil, true }, { nil, 2, true } })
	sees(b, "key", 2)
	-- The removal is refused, so the change after it is refused as well, although it expects what Redis has: no key.
	log, olds = note(), {}
	overtaken(proxy, function()
		update("removed", realtime.NULL)
		update("set", 3)
	end, function() kit.eq({ done(b, "Remove", "key") }, { nil, true }) end)
	answered(log, 2)
	kit.eq({ olds, log.answers.removed, a:Get("key") }, { { "2", "nil", "nil", "nil" }, { nil, nil, false }, 3 })
	sees(b, "key", 3)
	close(a, b)
end)

host.test("after an Update whose once was there before, the next ones run on what Redis has", function()
	local a, b = pair()
	local log, id = note(), kit.unique("order")
	kit.eq(done(b, "Add", "other", 1, { once = id }), nil)
	append(a, log, 1)
	append(a, log, "again", { once = id })
	append(a, log, 2, { once = id .. "-2" })
	append(a, log, 3)
	answered(log, 4)
	kit.eq({ log.answers.again[1], log.answers.again[3], a:Get("list"), log.runs }, { nil, true, upto(3), 6 })
	sees(b, "list", upto(3))
	log = note()
	append(a, log, 2, { once = id .. "-2" })
	answered(log, 1)
	kit.eq(log.answers[2], { nil, upto(3), true })
	close(a, b)
end)

host.test("each Update expires as it says, and keeps the expiry of the one before it otherwise", function()
	local a, b = pair()
	local log = note()
	append(a, log, 1, { expires = 3600 })
	append(a, log, 2)
	answered(log, 2)
	assert(a:Expires("list") > 3000, a:Expires("list"))
	append(a, log, 3, { expires = math.huge })
	append(a, log, 4)
	answered(log, 4)
	kit.eq({ a:Expires("list"), log.runs }, { nil, 4 })
	close(a, b)
end)

host.test("own Set, Add and Remove between Updates take effect in the order of the calls", function()
	local a, b = pair()
	local log = note()
	append(a, log, 1)
	a:Set("list", { "set" }, answer(log, "set"))
	append(a, log, 2)
	append(a, log, 3)
	answered(log, 4)
	kit.eq({ a:Get("list"), log.answers[1][2] }, { { "set", 2, 3 }, { 1 } })
	close(a, b)
end)

host.test("TIMEOUT counts from the call, and the others are not hurt by it", function()
	local a, b, proxy = rivals()
	local log = note()
	proxy.edit({ up_stall = true })
	append(a, log, 1, { timeout = 60 })
	append(a, log, 2, { timeout = 3 }) -- long enough to be sent
	append(a, log, 3, { timeout = 60 })
	answered(log, 1)
	kit.eq({ log.answers[2][1], log.sent }, { "TIMEOUT", true })
	append(a, log, 4, { timeout = 60 })
	proxy.edit({ up_stall = false })
	answered(log, 4)
	-- It was on its way when its time was over.
	kit.eq({ log.answers[4], a:Get("list") }, { { nil, upto(4), true }, upto(4) })
	sees(b, "list", upto(4))
	-- It runs again in the middle of its time, and then Redis does not answer.
	log = note()
	overtaken(proxy, function()
		a:Update("list", function(old)
			log.runs = log.runs + 1
			if log.runs == 2 then proxy.edit({ up_stall = true }) end
			return old
		end, { timeout = 5 }, answer(log, "update"))
		kit.eq(done(a, "Set", "other", 1, { timeout = 3 }).code, "TIMEOUT")
	end, function() kit.eq(done(b, "Set", "list", { "b" }), nil) end)
	kit.wait("its second run", function() return log.runs == 2 or log.count == 1 end)
	a:Set("other", 2, { timeout = 3.5 }, function() assert(log.count == 1, "its time began anew") end)
	answered(log, 1)
	kit.eq(log.answers.update[1], "TIMEOUT")
	close(a, b)
end)

host.test("when the client is closed each Update under way has its answer", function()
	local a = server(kit.unique("t"), "a")
	ready(a)
	local codes = {}
	local function told(item) return function(err) codes[#codes + 1] = item .. err.code end end
	host.server.pause()
	for i = 1, 3 do a:Update("key", function(old) return (old or 0) + 1 end, told(i)) end
	a:Update("key", function() end, told("nothing"))
	a.client:Disconnect()
	kit.wait("the answers", function() return #codes == 4 end)
	host.server.resume()
	table.sort(codes)
	kit.eq(codes, { "1CLOSED", "2CLOSED", "3CLOSED", "nothingCLOSED" })
	local accepted, err = a:Update("key", function() return 1 end)
	kit.eq({ accepted, err.code, next(a.updates) }, { false, "CLOSED", nil })
end)

host.test("a refused call is no part of the order", function()
	local name = kit.unique("t")
	local a, b = server(name, "a", nil, { max_pending = 20 }), server(name, "b")
	ready(a, b)
	local log, accepted = note(), {}
	for i = 1, 30 do
		local fine, err = append(a, log, i)
		if fine then accepted[#accepted + 1] = i else kit.eq(err.code, "OVERLOADED") end
	end
	assert(#accepted > 10 and #accepted <= 20, #accepted)
	answered(log, #accepted)
	append(a, log, "last")
	answered(log, #accepted + 1)
	accepted[#accepted + 1] = "last"
	kit.eq(a:Get("list"), accepted)
	close(a, b)
end)

host.test("a restart of Redis in the middle: all are made, once each and in order", function()
	local a, b, proxy = rivals()

	local log = note()
	-- The answers to these are lost.
	proxy.edit({ down_stall = true })
	for i = 1, 10 do append(a, log, i, { timeout = 60 }) end
	sees(b, "list", upto(10))
	host.real.command("SAVE")
	host.real.kill()
	proxy.cut("reset")
	proxy.edit({ down_stall = false })
	kit.wait("the loss", function() return not a.client:IsConnected() end)
	for i = 11, 40 do append(a, log, i, { timeout = 60 }) end
	kit.eq(log.runs, 40)
	host.real.start()
	for i = 41, 50 do append(a, log, i, { timeout = 60 }) end
	answered(log, 50)
	ready(a, b)
	kit.eq({ a:Get("list"), b:Get("list"), log.runs }, { upto(50), upto(50), 50 })
	close(a, b)
end)
