-- servers: real; redis: 5.0
-- realtime.Shared: large tables, values that are too large, and tables with only some keys copied.

local world = include("_shared.lua")
local kit, realtime, addon = world.kit, world.realtime, world.addon
local server, ready, pair, close, done, raw, sees = world.server, world.ready, world.pair, world.close, world.done, world.raw, world.sees

host.test("a large table is read in slices, while it changes", function()
	local a, b, name = pair()
	local text = ("x"):rep(200)
	for i = 0, 29 do
		local many = {}
		for j = 1, 100 do many["key" .. i * 100 + j] = { text = text, number = j } end
		kit.eq(done(a, "SetMany", many), nil)
	end
	local late, writes = server(name, "late"), 0
	local changes = kit.recorder()
	late:On("changed", changes.fn)
	while not late:IsReady() do
		writes = writes + 1
		a:Set("key" .. writes % 50 + 1, writes)
		b:Remove("key" .. 3000 - writes % 100)
		host.pass()
	end
	kit.eq(done(a, "Set", "last", 1), nil)
	kit.wait("the last one", function() return late:Get("last") and b:Get("last") end)
	assert(writes > 5, writes)
	kit.eq(late:Count(), a:Count())
	for _, key in ipairs(a:Keys()) do kit.eq(late:Get(key), a:Get(key), key) end
	local fields = realtime.Map(raw(a, "HGETALL", a.key))
	kit.eq(table.Count(fields) - 1, a:Count())
	local bytes = 0
	for key, field in pairs(fields) do bytes = bytes + (key == "" and 0 or #key + #field) end
	kit.eq(tonumber(fields[""]:match("%d+$")), bytes)
	close(a, b, late)
end)

host.test("slices that are too large are read in smaller ones", function()
	local a, b, name = pair()
	local text = ("x"):rep(60000)
	for i = 1, 40 do kit.eq(done(a, "Set", "key" .. i, text), nil) end
	-- Ten keys are too many for it. Redis gives all keys of a bucket of its hash table at once: at most three in most servers, but one of six
	-- hundred servers had a bucket of seven.
	local late = server(name, "late", nil, { max_message_bytes = 590000, queue_bytes = 1000000 })
	ready(late)
	kit.eq(late:Count(), 40)
	-- And only as much is decoded at once as fits into a tick.
	local slices, RunScript = 0, addon.RunScript
	function addon.RunScript(client, script, keys, arguments, ...)
		if arguments[1] == "all" then slices = slices + 1 end
		return RunScript(client, script, keys, arguments, ...)
	end
	local other = server(name, "other")
	ready(other)
	addon.RunScript = RunScript
	assert(slices > 10, slices)
	kit.eq(other:Count(), 40)
	close(a, b, late, other)
end)

host.test("a SetMany whose message would be too large changes nothing, and says why", function()
	local a = server(kit.unique("t"), "a")
	ready(a)
	local function bans(count)
		local many = {}
		for i = 1, count do many[string.format("765611980000%05d", i)] = ("x"):rep(10) end
		return many
	end
	kit.eq(done(a, "SetMany", bans(900), { expires = 3600 }), nil)
	local err = done(a, "SetMany", { many = ("x"):rep(50000), more = ("x"):rep(20000) })
	kit.eq(err.code, "TOOLARGE")
	local keys = {}
	for i = 1, 500 do keys[("k"):rep(150) .. i] = true end
	err = done(a, "SetMany", keys)
	kit.eq({ err.code, a:Count() }, { "TOOLARGE", 900 })
	assert(err.message:find("79 KiB", 1, true), err.message)
	close(a)
end)

host.test("a table that is full says so", function()
	local a = server(kit.unique("t"), "a")
	ready(a)
	kit.eq(done(a, "Set", "x", 1), nil)
	local version, mark = raw(a, "HGET", a.key, ""):match("^(%d+) (%S+)")
	raw(a, "HSET", a.key, "", version .. " " .. mark .. " 16777200")
	local err = done(a, "Set", "y", "more than there is room for")
	kit.eq(err.code, "FULL")
	assert(err.message:find('"y" of the shared table "' .. a.name .. '"', 1, true), err.message)
	local said = kit.lines("shared table.*")
	a:Set("y", "nobody asks")
	kit.wait("the console", function() return said()[1] and said()[1]:find("a change was not made: FULL", 1, true) end)
	kit.eq({ done(a, "Remove", "x") }, { nil, true })
	close(a)
end)

host.test("of a watched table only keys that are named are copied", function()
	local a, b = pair({ watched = true })
	for i = 1, 120 do a:Set("p" .. i, i) end
	kit.eq(done(a, "Set", "p121", 121), nil)
	kit.eq(a:Count(), 0)
	local got = kit.recorder()
	for i = 1, 110 do b:Watch("p" .. i, got.fn) end
	b:Watch("none", got.fn)
	kit.wait("the keys", function() return #got == 111 end)
	kit.eq({ b:Count(), b:Get("p110"), b:Get("p111"), b:Get("none") }, { 110, 110, nil, nil })
	local heard = kit.recorder()
	b:On("changed", heard.fn)
	kit.eq(done(a, "Add", "p1", 1), nil)
	kit.eq(done(a, "Add", "p111", 1), nil)
	kit.eq({ done(a, "Update", "p2", function(old) return old and old * 5 or nil end) }, { nil, 10, true }, "a key that a does not copy")
	kit.eq({ done(a, "Update", "p2", function(old) return (old or 0) * 2 end) }, { nil, 20, true })
	kit.eq({ done(a, "Update", "none", function(old) return old and 1 or nil end) }, { nil, nil, false })
	sees(b, "p2", 20)
	kit.eq(#heard, 3)
	kit.eq({ done_fetch = (function()
		local fetched = kit.recorder()
		b:Fetch("p111", fetched.fn)
		kit.wait("the value", function() return #fetched == 1 end)
		return fetched[1]
	end)() }, { done_fetch = { nil, 112 } })
	b:Forget("p2")
	kit.eq({ b:Get("p2"), b:Count() }, { nil, 109 })
	host.server.drop()
	kit.eq(done(a, "Set", "p3", "after"), nil)
	sees(b, "p3", "after")
	ready(b)
	kit.eq(b:Count(), 109)
	local whole = server(kit.unique("t"), "whole")
	kit.raises("watched = true", whole.Watch, whole, "x")
	close(a, b, whole)
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
