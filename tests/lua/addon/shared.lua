-- servers: real; redis: 5.0
-- realtime.Shared: each promise of its page by an example. Sizes: shared_sizes.lua; losses: shared_losses.lua;
-- random histories: shared_random_once.lua.

local world = include("_shared.lua")
local kit, realtime = world.kit, world.realtime
local server, ready, pair, close, done, raw, sees = world.server, world.ready, world.pair, world.close, world.done, world.raw, world.sees

host.test("what one server sets, all have, and who joins later", function()
	local a, b, name = pair()
	local heard = kit.recorder()
	b:On("changed", heard.fn)
	kit.eq(done(a, "Set", "x", { reason = "cheats", list = { 1, realtime.NULL }, on = false }), nil)
	local value = a:Get("x")
	kit.eq(value, { reason = "cheats", list = { 1, realtime.NULL }, on = false })
	assert(value.list[2] == realtime.NULL)
	value.reason = "changed here"
	kit.eq(a:Get("x").reason, "cheats", "a table from Get is fresh")
	sees(b, "x", a:Get("x"))
	kit.eq(done(a, "Set", "off", false), nil)
	sees(b, "off", false)
	kit.eq(done(b, "SetMany", { ["76561198000000001"] = 1, ["76561198000000002"] = "two" }), nil)
	sees(a, "76561198000000002", "two")
	kit.eq(a:Keys(), { "76561198000000001", "76561198000000002", "off", "x" })
	kit.eq(a:Keys("7656"), { "76561198000000001", "76561198000000002" })
	kit.eq(a:Count(), 4)
	local each = {}
	a:Each("7656", function(key, of_key) each[key] = of_key end)
	kit.eq(each, { ["76561198000000001"] = 1, ["76561198000000002"] = "two" })
	kit.eq({ done(a, "Remove", "x") }, { nil, true })
	kit.eq({ done(a, "Remove", "x") }, { nil, false })
	sees(b, "x", nil)
	local late = server(name, "c")
	ready(late)
	kit.eq(late:Keys(), a:Keys())
	kit.eq(heard[1], { "x", { reason = "cheats", list = { 1, realtime.NULL }, on = false }, nil, "a", "set" })
	kit.eq(heard[#heard], { "x", nil, { reason = "cheats", list = { 1, realtime.NULL }, on = false }, "a", "removed" })
	kit.eq(realtime.Shared(name, a.client, "a"), a, "the same arguments give the same object")
	close(a, b, late)
end)

host.test("own writes are told like others', before fn", function()
	local a, b = pair()
	local order = {}
	a:On("changed", function(key, value) order[#order + 1] = key .. value end)
	for i = 1, 20 do
		a:Set("k", i, function(err) order[#order + 1] = "fn" .. i .. tostring(err) end)
		if i % 3 == 0 then kit.eq({ b:Set("other", i) }, { true }) end
	end
	kit.wait("all", function() return table.HasValue(order, "fn20nil") end)
	local at = {}
	for i, what in ipairs(order) do at[what] = i end
	for i = 1, 20 do assert(at["k" .. i] < at["fn" .. i .. "nil"], i) end
	close(a, b)
end)

host.test("what was written before the copy is ready is told; what others wrote is not", function()
	local name = kit.unique("t")
	local a = server(name, "a")
	ready(a)
	kit.eq(done(a, "SetMany", { old = 1, mine = 1 }), nil)
	local order, b = {}, realtime.Shared(name, kit.connect(), "b")
	b:On("changed", function(...) order[#order + 1] = { ... } end)
	b:On("ready", function(info) order[#order + 1] = info.first end)
	b:Set("mine", 2, function(err) order[#order + 1] = { "fn", err } end)
	kit.wait("all", function() return #order == 3 end)
	kit.eq(order, { { "mine", 2, nil, "b", "set" }, { "fn" }, true })
	kit.eq(b:Get("old"), 1)
	close(a, b)
end)

host.test("fn runs once the copy shows the change, also while the copy is read", function()
	local name = kit.unique("t")
	local a = server(name, "a")
	ready(a)
	local many = {}
	for i = 1, 200 do many["other" .. i] = i end
	kit.eq(done(a, "SetMany", many), nil)
	for _, order in ipairs({ "first", "again" }) do
		local b = realtime.Shared(name, kit.ready(), "b")
		if order == "again" then ready(b) end
		local told, answers, wrong = {}, 0, {}
		b:On("changed", function(key) told[key] = true end)
		for i = 1, 60 do
			local key = order .. i
			b:Set(key, i, function(err)
				answers = answers + 1
				if err or b:Get(key) ~= i or not told[key] then
					wrong[#wrong + 1] = string.format("%s: %s, Get %s, told %s", key, tostring(err), tostring((b:Get(key))), tostring(told[key]))
				end
			end)
			if order == "again" and i % 10 == 0 then world.addon.shared_copy.ReadAgain(b, world.addon.Error("GAP", "of this test")) end
			host.pass(1)
		end
		kit.wait("the answers", function() return answers == 60 end)
		kit.eq(wrong, {}, order)
		close(b)
	end
	close(a)
end)

host.test("Add is exact, and keeps within its bounds", function()
	local a, b = pair()
	local answers = 0
	for _ = 1, 50 do
		a:Add("n", 1, function(err) assert(not err) answers = answers + 1 end)
		b:Add("n", 2, function(err) assert(not err) answers = answers + 1 end)
	end
	kit.wait("all", function() return answers == 100 end)
	sees(a, "n", 150)
	kit.eq({ done(a, "Add", "n", -0.5) }, { nil, 149.5 })
	local err, value = done(a, "Add", "n", -150, { min = 0 })
	kit.eq({ err.code, value, a:Get("n") }, { "LIMIT", 149.5, 149.5 })
	err = done(a, "Add", "n", 1, { max = 150 })
	kit.eq(err.code, "LIMIT")
	kit.eq({ done(a, "Add", "n", 0.5, { min = 0, max = 150 }) }, { nil, 150 })
	kit.eq({ done(a, "Add", "large", 2 ^ 53) }, { nil, 2 ^ 53 })
	done(a, "Set", "text", "5")
	kit.eq(done(a, "Add", "text", 1).code, "WRONGTYPE")
	close(a, b)
end)

host.test("Await waits for it", function()
	local a = server(kit.unique("t"), "a")
	ready(a)
	local got = kit.recorder()
	realtime.Async(function()
		got.fn(realtime.Await(a, "Set", "n", 1))
		got.fn(realtime.Await(a, "Add", "n", -2, { min = 0 }))
		got.fn(realtime.Await(a, "Remove", "n"))
	end)
	kit.wait("all", function() return #got == 3 end)
	kit.eq({ got[1], got[2][1].code, got[2][2], got[3] }, { {}, "LIMIT", 1, { nil, true } })
	close(a)
end)

host.test("Update runs again if somebody was quicker", function()
	local a, b = pair()
	local answers, runs = 0, 0
	for i = 1, 20 do
		for _, shared in ipairs({ a, b }) do
			shared:Update("list", function(old)
				runs = runs + 1
				old = old or {}
				old[#old + 1] = i
				return old
			end, function(err, value, changed)
				assert(not err and changed and value[#value], tostring(err))
				answers = answers + 1
			end)
		end
	end
	kit.wait("all", function() return answers == 40 end)
	kit.wait("both", function() return a:Get("list") and #a:Get("list") == 40 and #b:Get("list") == 40 end)
	assert(runs > 40, runs)
	kit.eq({ done(a, "Update", "list", function() end) }, { nil, a:Get("list"), false })
	kit.eq({ done(a, "Update", "list", function() return realtime.NULL end) }, { nil, nil, true })
	sees(b, "list", nil)
	kit.eq({ done(a, "Update", "list", function(old) return { was = old == nil } end) }, { nil, { was = true }, true })
	kit.raises("in the update", a.Update, a, "list", function() error("in the update") end)
	close(a, b)
end)

host.test("once = id happens once, whoever asks", function()
	local a, b = pair()
	kit.eq({ done(a, "Add", "n", 5, { once = "order-1" }) }, { nil, 5 })
	kit.eq({ done(b, "Add", "n", 5, { once = "order-1" }) }, { nil, 5 })
	kit.eq({ done(b, "Add", "n", 5, { once = "order-2" }) }, { nil, 10 })
	kit.eq({ done(b, "Update", "n", function(old) return old + 1 end, { once = "order-2" }) }, { nil, 10, true })
	kit.eq({ done(a, "Update", "gone", function() return realtime.NULL end, { once = "order-3" }) }, { nil, nil, false })
	kit.eq({ done(b, "Update", "gone", function() return 1 end, { once = "order-3" }) }, { nil, nil, false })
	-- Also if the function wants no change any more, because it sees that of the first call.
	local function nothing() end
	kit.eq({ done(b, "Update", "n", nothing, { once = "order-2" }) }, { nil, 10, true })
	kit.eq({ done(b, "Update", "gone", nothing, { once = "order-3" }) }, { nil, nil, false })
	kit.eq({ done(b, "Update", "n", nothing, { once = "order-4" }) }, { nil, 10, false })
	kit.eq({ done(b, "Update", "n", function() return 11 end, { once = "order-4" }) }, { nil, 11, true })
	kit.eq(done(b, "Set", "n", 10), nil)
	kit.eq(done(a, "Set", "n", 0, { once = "order-1" }), nil)
	sees(a, "n", 10)
	close(a, b)
end)

host.test("keys expire everywhere by Redis's clock, and are then taken out of Redis", function()
	local a, b = pair()
	local heard = kit.recorder()
	b:On("changed", heard.fn)
	kit.eq(done(a, "Set", "x", 1, { expires = 0.2 }), nil)
	kit.eq(done(a, "Set", "stays", 1, { expires = 3600 }), nil)
	assert(a:Expires("stays") > 3000 and a:Expires("stays") <= 3600)
	kit.eq(done(a, "Add", "stays", 1), nil)
	assert(a:Expires("stays") > 3000, "Add leaves the expiry alone")
	kit.wait("its end", function() return a:Get("x") == nil and b:Get("x") == nil end)
	local ends = {}
	for _, call in ipairs(heard) do if call[5] ~= "set" then ends[#ends + 1] = call end end
	kit.eq(ends, { { "x", nil, 1, nil, "expired" } })
	kit.eq(a:Count(), 1)
	kit.eq({ done(b, "Add", "x", 1, { max = 1 }) }, { nil, 1 })
	kit.eq(done(a, "Add", "stays", 1, { expires = math.huge }), nil)
	kit.eq(a:Expires("stays"), nil)
	kit.eq(done(a, "Update", "stays", function() return 5 end, { expires = 100 }), nil)
	assert(a:Expires("stays") <= 100)
	kit.eq(done(a, "Update", "stays", function() return 6 end), nil)
	assert(a:Expires("stays") <= 100, "Update leaves the expiry alone")
	kit.eq(done(a, "Set", "stays", 2), nil)
	kit.eq(a:Expires("stays"), nil, "Set without expires is for ever")
	kit.eq(done(a, "Set", "gone", 1, { expires = 0.001 }), nil)
	kit.wait("its end", function() return a:Get("gone") == nil end)
	kit.eq(done(a, "Set", "y", 1), nil)
	kit.eq(raw(a, "HEXISTS", a.key, "gone"), 0)
	kit.eq(raw(a, "ZCARD", a.key .. ":expiry"), 0)
	close(a, b)
end)

host.test("a key that is set again with another expiry is kept once", function()
	local a, b = pair()
	for i = 1, 30 do a:SetMany({ x = i, y = i }, { expires = 1000 + i }) end
	kit.eq(done(a, "Set", "y", 0), nil)
	sees(b, "y", 0)
	for _, shared in ipairs({ a, b }) do
		local kept = 0
		for _, due in pairs(shared.due) do kept = kept + table.Count(due) end
		kit.eq(kept, 1)
	end
	close(a, b)
end)

host.test("an expiry beyond what a number holds exactly is none", function()
	local a, b = pair()
	for i, seconds in ipairs({ 9999999999, 1e300 }) do
		kit.eq(done(a, "Set", "x", i, { expires = seconds }), nil)
		sees(b, "x", i)
		kit.eq({ a:Expires("x"), b:Expires("x"), b:IsReady() }, { nil, nil, true })
	end
	close(a, b)
end)

host.test("Wait is for the start", function()
	local name = kit.unique("t")
	local a = server(name, "a")
	ready(a)
	kit.eq(done(a, "Set", "x", 1), nil)
	local late = realtime.Shared(name, kit.connect(), "late")
	assert(not late:IsReady() and late:Get("x") == nil)
	assert(late:Wait(kit.PATIENCE))
	kit.eq(late:Get("x"), 1)
	local lost = realtime.Connect("redis://127.0.0.1:1", { id = "lost" })
	lost:On("down", function() end)
	kit.eq(realtime.Shared(name, lost, "lost"):Wait(0.1), false)
	lost:Disconnect()
	close(a, late)
end)

host.test("a listener that raises stops no other; a late one hears ready", function()
	local a = server(kit.unique("t"), "a")
	ready(a)
	host.expect_errors(1)
	local late, heard = kit.recorder(), kit.recorder()
	a:On("changed", "raises", function() error("in a listener") end)
	a:On("changed", "hears", heard.fn)
	a:On("ready", "late", late.fn)
	kit.eq(#late, 0)
	kit.eq(done(a, "Set", "x", 1), nil)
	kit.eq({ #heard, #late, late[1][1].first }, { 1, 1, true })
	a:Off("changed", "raises")
	a:Off("changed", "hears")
	kit.eq(done(a, "Set", "x", 2), nil)
	kit.eq(#heard, 1)
	close(a)
end)

host.test("a file that is saved five times leaves one of everything", function()
	local client = kit.ready({ id = "saved" })
	saved = { client = client, name = kit.unique("t"), told = 0 }
	local hooks = table.Count(hook.GetTable().ShutDown)
	for _ = 1, 5 do include("_shared_saved.lua") end
	local shared = realtime.Shared(saved.name, client, "saved")
	ready(shared)
	kit.eq(done(shared, "Set", "x", 1), nil)
	kit.eq({ saved.told, client:Stats().subscriptions, table.Count(hook.GetTable().ShutDown) - hooks }, { 1, 1, 1 })
	close(shared)
	kit.wait("the end", function() return table.Count(hook.GetTable().ShutDown) == hooks end)
end)

host.test("bad arguments raise, and name what is wrong", function()
	local a = server(kit.unique("t"), "a")
	kit.raises("a table's name", realtime.Shared, "a b")
	kit.raises("there is no option \"nonsense\"", realtime.Shared, "x", { nonsense = 1 }, a.client)
	kit.raises("#3 to 'Shared'", realtime.Shared, "x", {}, 5)
	kit.raises("another \"watched\"", realtime.Shared, a.name, { watched = true }, a.client, "a")
	kit.raises("#1 to 'Get'.*a key", a.Get, a, 5)
	kit.raises("ply:SteamID64%(%)", a.Get, a, host.players.add({ name = "Alice" }))
	for _, option in ipairs({ "max", "min" }) do
		local wrong = "there is no option \"" .. option .. "\"; the options are expires, once, timeout%)"
		kit.raises("#3 to 'Set' %(" .. wrong, a.Set, a, "x", 1, { [option] = 5 })
		kit.raises("#2 to 'SetMany' %(" .. wrong, a.SetMany, a, { x = 1 }, { [option] = 5 })
		kit.raises("#3 to 'Update' %(" .. wrong, a.Update, a, "x", function() return 1 end, { [option] = 5 })
	end
	kit.raises("the options are expires, max, min, once, timeout%)", a.Add, a, "x", 1, { most = 5 })
	kit.raises("#1 to 'Set'", a.Set, a, "", 1)
	kit.raises("#1 to 'Set'", a.Set, a, ("x"):rep(257), 1)
	kit.raises("nil is no value; Remove", a.Set, a, "x")
	kit.raises("^tests/lua/addon/shared.lua:%d+: 'Set' \"x\": %[1%]: NaN", function() a:Set("x", { 0 / 0 }) end)
	kit.raises("^tests/lua/addon/shared.lua:%d+: 'Set' \"x\": nil is no value", function() a:Set("x", nil) end)
	-- A received key does not steer the console.
	kit.raises([['Set' "a\x0ab\x1b%[2J": the value: NaN]], a.Set, a, "a\nb\27[2J", 0 / 0)
	kit.raises("bytes", a.Set, a, "x", ("x"):rep(70000))
	kit.raises("expires: seconds above 0", a.Set, a, "x", 1, { expires = 0 })
	local here = "^tests/lua/addon/shared.lua:%d+: "
	kit.raises(here .. [[.*no option "expire"; the options are expires, once, timeout]], function() a:Set("x", 1, { expire = 5 }) end)
	kit.raises(here .. ".*expires: seconds above 0", function() a:Set("x", 1, { expires = -5 }) end)
	kit.raises(here .. ".*a table of options expected, got number", function() a:Set("x", 1, 60) end)
	kit.raises(here .. [['Update' "x": .*function]], function() a:Update("x", function() return print end) end)
	kit.raises(here .. ".*#1 to 'Get'", function() a:Get(5) end)
	kit.raises("once: a text", a.Set, a, "x", 1, { once = "" })
	kit.raises("function expected", a.Set, a, "x", 1, {}, "x")
	kit.raises("function expected", a.Remove, a, "x", "x")
	kit.raises("a number expected", a.Add, a, "x", "1")
	kit.raises("a number expected", a.Add, a, "x", 0 / 0)
	kit.raises("min: a number", a.Add, a, "x", 1, { min = "0" })
	kit.raises("function expected", a.Update, a, "x", 1)
	kit.raises("keys and values", a.SetMany, a, {})
	kit.raises("#1 to 'SetMany'.*a key", a.SetMany, a, { 1, x = 2 })
	kit.raises("\"changed\", \"ready\" or \"stale\"", a.On, a, "nonsense", print)
	kit.raises("seconds above 0", a.Wait, a, 0)
	close(a)
	local closed = a.client
	kit.raises("closed client", realtime.Shared, "x", closed)
	for _, refused in ipairs({ { a:Set("x", 1) }, { a:Fetch("x", print) }, { a:Update("x", function() return 1 end) } }) do
		kit.eq({ refused[1], refused[2].code }, { false, "CLOSED" })
	end
end)
