-- servers: real; redis: 5.0
-- realtime.Shared when something is lost, closed or forged. The rest: shared.lua.

local world = include("_shared.lua")
local kit, realtime, addon = world.kit, world.realtime, world.addon
local server, ready, pair, close, done, raw, sees = world.server, world.ready, world.pair, world.close, world.done, world.raw, world.sees

host.test("after a loss only differences are told, between stale and ready", function()
	local name, proxy = kit.unique("t"), host.proxy()
	local a = server(name, "a")
	local b, client = server(name, "b", nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.02 })
	client:On("down", function() end)
	ready(a, b)
	kit.eq(done(a, "SetMany", { same = 1, changed = 1, removed = 1 }), nil)
	sees(b, "removed", 1)
	local log = {}
	b:On("stale", function(err) log[#log + 1] = "stale " .. tostring(err):match("^%u+: %u*") end) -- one code
	b:On("changed", function(key, value, old, from, why) log[#log + 1] = key .. tostring(value) .. tostring(old) .. tostring(from) .. why end)
	b:On("ready", "test", function(info) log[#log + 1] = "ready " .. tostring(info.first) end)
	kit.wait("a ready of its own", function() return log[1] == "ready true" end)
	proxy.refuse()
	proxy.cut("fin")
	kit.wait("stale", function() return not b:IsReady() end)
	kit.eq(b:Get("changed"), 1, "the last copy stays")
	for i = 2, 4 do kit.eq(done(a, "Set", "changed", i), nil) end
	kit.eq({ done(a, "Remove", "removed") }, { nil, true })
	kit.eq(done(a, "Set", "new", 1), nil)
	proxy.accept()
	ready(b)
	kit.eq(log, { "ready true", "stale DISCONNECTED: ", "changed41nilset", "new1nilnilset", "removednil1nilremoved", "ready false" })
	close(a, b)
end)

host.test("what was read becomes the copy over several ticks, and so it is compared with what was there", function()
	local each, slices, b, client = addon.shared_entries.EachUntil, 0, nil, nil
	function addon.shared_entries.EachUntil(all, at, _, fn)
		slices = slices + 1
		-- An entry that expires during it, before the first slice notes its time.
		if b and b.settling and at == nil and all.late then all.late.expires = addon.shared_entries.Now(b) + 1e5 end
		return each(all, at, 0, fn) -- the time of a tick is over at once
	end
	local name, proxy, many, told = kit.unique("t"), host.proxy(), {}, {}
	local a = server(name, "a")
	ready(a)
	for i = 1, 200 do many["key" .. i] = i end
	kit.eq(done(a, "SetMany", many), nil)
	kit.eq(done(a, "Set", "late", 1, { expires = 3600 }), nil)
	slices = 0
	b, client = server(name, "b", nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.02 })
	client:On("down", function() end)
	ready(b)
	assert(slices > 5, slices)
	kit.wait("its end", function() return b:Get("late") == nil end)
	kit.eq({ b:Count(), done(a, "Remove", "late") }, { 200, nil, true })
	b:On("changed", function(key) told[#told + 1] = key end)
	proxy.refuse()
	proxy.cut("fin")
	kit.wait("stale", function() return not b:IsReady() end)
	kit.eq(done(a, "SetMany", { key7 = "new", key150 = "new", more = 1 }), nil)
	kit.eq({ done(a, "Remove", "key3") }, { nil, true })
	slices = 0
	proxy.accept()
	ready(b)
	assert(slices > 10, slices)
	kit.eq({ told, b:Count(), b:Get("key150"), b:Get("key3") }, { { "key150", "key3", "key7", "more" }, 200, "new" })
	addon.shared_entries.EachUntil = each
	close(a, b)
end)

host.test("one answer of Redis is taken in over several ticks, if what it has takes long", function()
	local name, many, read, last, most = kit.unique("t"), {}, addon.shared_entries.Read, nil, 0
	local a = server(name, "a")
	ready(a)
	for i = 1, 20 do many["key" .. i] = i end
	kit.eq(done(a, "SetMany", many), nil)
	local count = 0
	function addon.shared_entries.Read(...)
		count = host.ticks() == last and count + 1 or 1
		last, most = host.ticks(), math.max(most, count)
		local from = SysTime()
		kit.block_until("the end of the time of a tick", function() return SysTime() - from > 0.0011 end)
		return read(...)
	end
	local b = server(name, "b")
	ready(b)
	addon.shared_entries.Read = read
	kit.eq({ most, b:Count(), b:Get("key20") }, { 1, 20, 20 })
	close(a, b)
end)

host.test("what nobody told is found: FLUSHALL, and messages that did not come", function()
	addon.shared_interval = 0.2
	local a, b = pair()
	kit.eq(done(a, "Set", "x", 1), nil)
	sees(b, "x", 1)
	local why = kit.recorder()
	b:On("changed", why.fn)
	raw(a, "DEL", a.key)
	kit.wait("nothing", function() return a:Count() == 0 and b:Count() == 0 end)
	kit.eq(why[1], { "x", nil, 1, nil, "removed" })
	-- Like a web site that may not publish: the value is stored without a message.
	kit.eq(done(a, "Set", "y", 1), nil)
	sees(b, "y", 1)
	local version, mark = raw(a, "HGET", a.key, ""):match("^(%d+) (%S+)")
	version = string.format("%.0f", version + 1)
	raw(a, "HSET", a.key, "y", version .. " 0 2", "", version .. " " .. mark .. " 20")
	sees(b, "y", 2)
	addon.shared_interval = 10
	close(a, b)
end)

host.test("the answer that is lost with the connection is found out", function()
	local name, proxy = kit.unique("t"), host.proxy()
	local direct = server(name, "direct")
	local a, client = server(name, "a", nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.02 })
	client:On("down", function() end)
	ready(direct, a)
	local first, second = kit.recorder(), kit.recorder()
	proxy.edit({ down_stall = true })
	a:Add("n", 5, first.fn)
	sees(direct, "n", 5)
	proxy.cut("reset")
	kit.wait("the answer", function() return #first == 1 end)
	kit.eq(first[1], { nil, 5 })
	kit.eq(a:Get("n"), 5)
	ready(a)
	local update = kit.recorder()
	proxy.edit({ down_stall = true })
	a:Update("n", function(old) return old - 2 end, { once = kit.unique("order") }, update.fn)
	sees(direct, "n", 3)
	proxy.cut("reset")
	kit.wait("the answer", function() return #update == 1 end)
	kit.eq(update[1], { nil, 3, true }, "it was done, not left alone")
	kit.eq(done(direct, "Set", "n", 5), nil)
	ready(a)
	sees(a, "n", 5)
	proxy.edit({ up_stall = true })
	a:Add("n", 7, second.fn)
	kit.ticks(5)
	proxy.cut("reset")
	kit.wait("the answer", function() return #second == 1 end)
	kit.eq({ second[1][1].code, second[1][1].sent, raw(direct, "HGET", a.key, "n"):match("%S+$") }, { "DISCONNECTED", false, "5" })
	-- Only an answer that does not come in time leaves the outcome unknown.
	ready(a)
	proxy.edit({ down_stall = true })
	local third = kit.recorder()
	a:Set("n", 6, { timeout = 3 }, third.fn) -- long enough to be sent
	kit.wait("the answer", function() return #third == 1 end)
	kit.eq({ third[1][1].code, third[1][1].sent }, { "TIMEOUT", true })
	proxy.cut("reset")
	close(a, direct)
end)

host.test("an Update leaves a key as it is only by what Redis has", function()
	local name, proxy = kit.unique("t"), host.proxy()
	local direct = server(name, "direct")
	ready(direct)
	kit.eq(done(direct, "Set", "money", 1000), nil)
	local function pay(money) if money and money >= 100 then return money - 100 end end
	local a, client = server(name, "a", nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.02 })
	for _, event in ipairs({ "down", "error" }) do client:On(event, function() end) end
	assert(not a:IsReady(), "it is connected, and its copy is empty")
	kit.eq({ done(a, "Update", "money", pay) }, { nil, 900, true })
	ready(a)
	kit.eq({ done(a, "Update", "none", pay) }, { nil, nil, false })
	-- What this server has just written counts, too.
	local paid = kit.recorder()
	a:Set("wallet", 150)
	a:Update("wallet", pay, paid.fn)
	kit.wait("the answer", function() return #paid == 1 end)
	kit.eq(paid[1], { nil, 50, true })
	-- No answer, and no later one either.
	proxy.edit({ down_stall = true })
	local lost = kit.recorder()
	a:Set("other", 1)
	a:Update("other", pay, lost.fn)
	proxy.refuse()
	kit.ticks(5)
	proxy.cut("reset")
	kit.wait("the answer", function() return #lost == 1 and not a:IsReady() end)
	kit.eq({ lost[1][1].code, lost[1][1].sent }, { "DISCONNECTED", false })
	kit.eq(done(a, "Update", "money", pay).sent, false)
	close(a, direct)
end)

host.test("an Update whose once was there before tells the value of a key that is not copied", function()
	local a, b = pair({ watched = true })
	local function add(old) return (old or 0) + 1 end
	kit.eq({ done(a, "Update", "x", add, { once = "order" }) }, { nil, 1, true })
	kit.eq({ done(b, "Update", "x", add, { once = "order" }) }, { nil, 1, true })
	kit.eq(done(a, "Set", "off", false), nil)
	kit.eq({ done(b, "Update", "off", add, { once = "order" }) }, { nil, false, true })
	close(a, b)
end)

host.test("a call that was given up is refused when it arrives", function()
	local a = server(kit.unique("t"), "a")
	ready(a)
	local function run(script, keys, arguments)
		local got = kit.recorder()
		addon.RunScript(a.client, script, keys, arguments, got.fn)
		kit.wait(script, function() return #got == 1 end)
		assert(not got[1][1], tostring(got[1][1]))
		return got[1][2]
	end
	local token = realtime.RandomToken()
	local outcome = a.key .. ":token:" .. token
	kit.eq(run("shared_ask", { outcome }, { 60 })[1], "void")
	local call = { "web", token, 60, "set", "x", "1", "never", "" }
	kit.eq(run("shared_write", { a.key, a.key .. ":expiry", outcome }, call)[1], "void")
	kit.eq(raw(a, "HLEN", a.key), 0)
	token = realtime.RandomToken()
	outcome, call[2] = a.key .. ":token:" .. token, token
	local first = run("shared_write", { a.key, a.key .. ":expiry", outcome }, call)
	kit.eq(first[1], "done")
	kit.eq(run("shared_ask", { outcome }, { 60 })[3], first[3])
	kit.eq(run("shared_write", { a.key, a.key .. ":expiry", outcome }, call)[3], first[3], "the same call again is the same change")
	-- Invalid JSON and invalid keys, written by a web site.
	for _, case in ipairs({ { "json", "x", "{" }, { "json", "x", "1,2" }, { "json", "x", "" }, { "json", "x", "null" }, { "size", "", "1" },
		{ "size", ("k"):rep(257), "1" }, { "size", "x", '"' .. ("x"):rep(70000) .. '"' } }) do
		local want, change = case[1], { "set", case[2], case[3], "never", "" }
		token = realtime.RandomToken()
		kit.eq(run("shared_write", { a.key, a.key .. ":expiry", a.key .. ":token:" .. token },
			table.Add({ "web", token, 60 }, change))[1], want)
	end
	close(a)
end)

host.test("tables of one name in two databases are two tables", function()
	local a, b, name = pair()
	local url = host.redis_url:gsub("/%d*$", "")
	local c, d = server(name, "c", nil, { url = url .. "/1" }), server(name, "d", nil, { url = url .. "/1" })
	ready(c, d)
	local stale = kit.recorder()
	for _, shared in ipairs({ a, b, c, d }) do shared:On("stale", stale.fn) end
	for i = 1, 10 do
		a:Set("x", i)
		c:Set("x", -i)
	end
	sees(b, "x", 10)
	sees(d, "x", -10)
	kit.eq(done(a, "Set", "y", 1), nil)
	kit.eq({ done(d, "Remove", "x") }, { nil, true })
	sees(c, "x", nil)
	kit.eq({ a:Get("x"), b:Get("x"), c:Get("y"), d:Get("y"), #stale }, { 10, 10, nil, nil, 0 })
	close(a, b, c, d)
end)

host.test("what others put there or publish does no harm", function()
	local a, b = pair()
	kit.eq(done(a, "Set", "x", 1), nil)
	sees(b, "x", 1)
	local version, mark = raw(a, "HGET", a.key, ""):match("^(%d+) (%S+)")
	local changes = kit.recorder()
	b:On("changed", changes.fn)
	local forged = '{"mark":"%s","version":%s,"before":%s,"time":1,"from":"a","token":"t","changes":[{"key":"x","value":666}]}'
	for _, text in ipairs({
		"", "x", "[]", "{}", "null", forged:format("another", string.format("%.0f", version + 1), version), forged:format(mark, "9", "8"),
		'{"mark":5}', forged:format(mark, '"1"', "1"),
	}) do
		host.server.publish(a.key, text)
	end
	kit.eq(done(a, "Set", "y", 1), nil)
	sees(b, "y", 1)
	kit.eq({ a:Get("x"), b:Get("x"), #changes }, { 1, 1, 1 })
	raw(a, "HSET", a.key, "odd", "no field", "odd2", "5 0 {", "odd3", "5 0 null")
	local said = kit.lines("shared table")
	local late = server(a.name, "late")
	ready(late)
	kit.eq(late:Keys(), { "x", "y" })
	kit.eq(#said(), 1)
	close(a, b, late)
end)

host.test("of what anybody may publish little is kept, while the table's mark is not known", function()
	local a, b = pair()
	local forged = '{"mark":"x","version":9,"before":0,"time":1,"from":"a","token":"t","changes":[{"key":"x","value":666}]}'
	local kept = 0
	local function look()
		for _, shared in ipairs({ a, b }) do kept = math.max(kept, #(shared.early or {}), shared.load and #shared.load.log or 0) end
	end
	local rounds = 0
	kit.wait("something to be kept", function()
		for _ = 1, 50 do host.server.publish(a.key, forged) end
		look()
		host.pass()
		look()
		rounds = rounds + 1
		return rounds >= 20 and kept > 0
	end)
	assert(kept <= 100, kept)
	kit.eq(done(a, "Set", "y", 1), nil)
	sees(b, "y", 1)
	kit.eq({ a:Keys(), b:Keys() }, { { "y" }, { "y" } })
	close(a, b)
end)

host.test("when the client is closed every call has its answer, and realtime_status shows the tables", function()
	local a = server(kit.unique("t"), "a")
	ready(a)
	kit.eq(done(a, "Set", "x", 1), nil)
	RunConsoleCommand("realtime_status")
	kit.wait("the line", function()
		return table.concat(host.console(), "\n"):find("shared table   " .. a.name .. ": ready, 1 keys, 0 changes wait", 1, true)
	end)
	local codes = {}
	host.server.pause()
	for _, method in ipairs({ "Set", "Add" }) do a[method](a, "y", 1, function(err) codes[#codes + 1] = err.code end) end
	a:Fetch("x", function(err) codes[#codes + 1] = err.code end)
	local stale = kit.recorder()
	a:On("stale", stale.fn)
	a.client:Disconnect()
	kit.wait("the answers", function() return #codes == 3 and #stale == 1 end)
	host.server.resume()
	kit.eq(codes, { "CLOSED", "CLOSED", "CLOSED" })
	kit.eq(stale[1][1].code, "CLOSED")
end)
