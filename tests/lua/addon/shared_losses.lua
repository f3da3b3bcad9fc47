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
	b:On("stale", function(err) log[#log + 1] = "stale " .. err.code end)
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
	kit.eq(log, { "ready true", "stale DISCONNECTED", "changed41nilset", "new1nilnilset", "removednil1nilremoved", "ready false" })
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
	-- As a web site would that may not publish: stored and not told.
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
	-- No answer in time is the one that is not definite.
	ready(a)
	proxy.edit({ down_stall = true })
	local third = kit.recorder()
	a:Set("n", 6, { timeout = 0.2 }, third.fn)
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
	-- No answer, and none to be had.
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
	kit.eq({ done(b, "Update", "x", add, { once = "order" }) }, { nil, 1, false })
	kit.eq(done(a, "Set", "off", false), nil)
	kit.eq({ done(b, "Update", "off", add, { once = "order" }) }, { nil, false, false })
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
	-- What no JSON is, and keys that no table has, by a web site.
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
	for _ = 1, 20 do
		for _ = 1, 50 do host.server.publish(a.key, forged) end
		look()
		host.pass()
		look()
	end
	assert(kept > 0 and kept <= 100, kept)
	kit.eq(done(a, "Set", "y", 1), nil)
	sees(b, "y", 1)
	kit.eq({ a:Keys(), b:Keys() }, { { "y" }, { "y" } })
	close(a, b)
end)

host.test("a snapshot is begun with while Redis is away, and then mended", function()
	addon.shared_save_interval = 0
	local name = kit.unique("T")
	local a = server(name, "a")
	local b = server(name, "b", { snapshot = true })
	ready(a, b)
	kit.eq(done(a, "SetMany", { stays = { 1 }, goes = false }), nil)
	kit.eq(done(a, "Set", "over", 1, { expires = 0.3 }), nil)
	sees(b, "over", 1)
	kit.wait("the file", function() return b.is_saved and not b.saving end)
	close(b)
	kit.wait("the end of b", function() return b.client:Stats().pending == nil end)
	kit.wait("its end", function() return a:Get("over") == nil end)
	local lost = realtime.Connect("redis://127.0.0.1:1", { id = "away" })
	lost:On("down", function() end)
	local again = realtime.Shared(name, { snapshot = true }, lost, "b")
	kit.eq({ again:IsReady(), again:Get("stays"), again:Get("goes") }, { false, { 1 }, false })
	kit.wait("what has expired goes", function() return again:Get("over") == nil end) -- the system's clock counts seconds
	lost:Disconnect()
	kit.ticks(2)
	kit.eq(done(a, "Set", "new", 1), nil)
	kit.eq({ done(a, "Remove", "goes") }, { nil, true })
	local back, changes = server(name, "b", { snapshot = true }), kit.recorder()
	kit.eq(back:Get("goes"), false)
	back:On("changed", changes.fn)
	ready(back)
	kit.eq(changes, { { "goes", nil, false, nil, "removed" }, { "new", 1, nil, nil, "set" }, fn = changes.fn })
	addon.shared_save_interval = 30
	close(a, back)
end)

host.test("a connection lost while differences from the snapshot are told begins anew", function()
	addon.shared_save_interval = 0
	local name, proxy = kit.unique("t"), host.proxy()
	local a, b = server(name, "a"), server(name, "b", { snapshot = true })
	ready(a, b)
	kit.eq(done(a, "SetMany", { x = 1, y = 1 }), nil)
	sees(b, "x", 1)
	kit.wait("the file", function() return b.is_saved and not b.saving end)
	close(b)
	kit.wait("the end of b", function() return not b.client:IsValid() end)
	for i = 2, 3 do kit.eq(done(a, "SetMany", { x = i, y = i }), nil) end
	local again, client = server(name, "b", { snapshot = true }, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.02 })
	for _, event in ipairs({ "down", "error" }) do client:On(event, function() end) end
	local told, at_ready = {}, nil
	again:On("changed", function(key, value)
		told[#told + 1] = key .. value
		if #told > 1 then return end
		proxy.refuse()
		proxy.cut("reset")
		local later = SysTime() + 0.01 -- the next one is told in the next tick
		kit.block_until("the loss", function() return not client:IsConnected() and SysTime() > later end)
	end)
	again:On("ready", function() at_ready = again:Get("y") end)
	kit.wait("the loss", function() return told[1] end)
	kit.ticks(3)
	kit.eq(done(a, "Set", "y", 4), nil)
	proxy.accept()
	kit.wait("ready", function() return at_ready end)
	kit.eq({ at_ready, told }, { 4, { "x3", "y4" } })
	addon.shared_save_interval = 30
	close(a, again)
end)

host.test("a server without an id begins the next map with its last copy, from one file", function()
	addon.shared_save_interval = 0
	local name, ServerId = kit.unique("t"), realtime.ServerId
	for map = 1, 3 do
		function realtime.ServerId() return "unnamed-" .. map, false end
		local client = map < 3 and kit.ready() or realtime.Connect("redis://127.0.0.1:1", { id = "away" .. map })
		client:On("down", function() end)
		local shared = realtime.Shared(name, { snapshot = true }, client)
		kit.eq({ shared:Id(), shared:Get("map") }, { "unnamed-" .. map, map > 1 and map - 1 or nil })
		if map < 3 then
			ready(shared)
			kit.eq(done(shared, "Set", "map", map), nil)
			kit.wait("the file", function() return shared.is_saved and not shared.saving end)
		end
		close(shared)
	end
	realtime.ServerId = ServerId
	addon.shared_save_interval = 30
	kit.eq(#file.Find("realtime_shared/" .. name .. "_*", "DATA"), 1)
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

host.test("Watch is answered, too, if the key is forgotten or the client closed", function()
	local a = server(kit.unique("t"), "a", { watched = true })
	ready(a)
	kit.eq(done(a, "Set", "x", 1), nil)
	local log = {}
	local function noted(name) return function(err, value) log[#log + 1] = name .. " " .. tostring(err and err.code or value) end end
	a:Watch("x", noted("forgotten"))
	a:Forget("x")
	a:Watch("x", noted("again"))
	kit.eq(log, {}, "a callback inside the call")
	kit.wait("the answers", function() return #log == 2 end)
	table.sort(log)
	kit.eq(log, { "again 1", "forgotten FORGOTTEN" })
	a:Watch("x", noted("there"))
	a:Watch("unread", noted("unread"))
	a:Update("x", function() end, noted("unchanged"))
	a.client:Disconnect()
	kit.wait("the answers", function() return #log == 5 end)
	kit.eq(table.concat(log, ", ", 3), "there 1, unchanged 1, unread CLOSED")
	local accepted, refused = a:Watch("x", noted("late"))
	kit.eq({ accepted, refused.code }, { false, "CLOSED" })
end)
