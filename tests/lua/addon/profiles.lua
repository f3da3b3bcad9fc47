-- servers: real; redis: 5.0
-- realtime.Profiles: an example of each promise. profiles_random_once.lua has all of them together, with faults.

local world = include("_profiles.lua")
local kit, realtime, addon = world.kit, world.realtime, world.addon
local server, close, kill, leave, done, opens, field = world.server, world.close, world.kill, world.leave, world.done, world.opens, world.field

host.test("a document is opened, saved and closed, and the next server has it", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local a, b = server(name), server(name)
	opens(a, id, nil)
	kit.eq(a.profiles:Get(id), nil, "nothing is made up")
	local wallet = { points = 5, list = { "☃", 2 } }
	kit.eq(done(a, "Save", id, wallet), nil)
	assert(a.profiles:Get(id) == wallet, "the table is the one that was given")
	wallet.points = 6
	kit.eq(done(a, "Close", id), nil)
	kit.eq({ a.profiles:Get(id), select(2, a.profiles:Save(id)).code }, { nil, "NOTOPEN" })
	opens(b, id, { points = 6, list = { "☃", 2 } })
	kit.eq(host.real.command("TTL", "realtime:profiles:{" .. name .. "}:" .. id), -1, "it never expires")
	kit.eq({ #a.taken, #b.taken }, { 0, 0 })
	for _, data in ipairs({ false, "text", 5 }) do
		kit.eq(done(b, "Save", id, data), nil)
		kit.eq(done(b, "Close", id), nil)
		opens(b, id, data)
	end
	close(a, b)
end)

host.test("whoever opens it gets it once the other one has saved and let go, and the other one hears of it", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local a, b = server(name), server(name)
	opens(a, id, nil)
	local wallet = { points = 1 }
	kit.eq(done(a, "Save", id, wallet), nil)
	wallet.points = 2
	a.profiles:On("saving", "test", function(owner, data)
		kit.eq(owner, id)
		data.told = true
	end)
	a.profiles:On("taken", "add nothing", function() wallet.points = 1000 end)
	opens(b, id, { points = 2, told = true })
	kit.eq(a.taken, { { id, b.id } })
	kit.eq(select(2, a.profiles:Save(id, { points = 5 })).code, "NOTOPEN")
	-- And back, at once.
	opens(a, id, { points = 2, told = true })
	kit.eq(b.taken, { { id, a.id } })
	close(a, b)
end)

host.test("a server that dies keeps it for its lease and no longer, and its last save counts", function()
	local name, id, lease = kit.unique("wallet"), world.player_id(), addon.profiles_lease
	addon.profiles_lease = 2
	local a, b = server(name), server(name)
	opens(a, id, nil)
	local wallet = { points = 1 }
	kit.eq(done(a, "Save", id, wallet), nil)
	wallet.points = 2
	-- It is renewed as long as that server lives.
	local first = field(a, id, "until")
	kit.wait("a renewal", function() return field(a, id, "until") ~= first end)
	local fence = tonumber(field(a, id, "fence"))
	kill(a)
	opens(b, id, { points = 1 })
	assert(tonumber(field(b, id, "fence")) > fence, "fences grow")
	addon.profiles_lease = lease
	close(b)
end)

host.test("a save of a server that lost it is refused, and it hears who has it", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local a, b = server(name), server(name)
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, { points = 1 }), nil)
	-- As if it had stood still for longer than the lease, so it is not notified.
	local key = "realtime:profiles:{" .. name .. "}:" .. id
	host.real.command("HSET", key, "until", "1")
	opens(b, id, { points = 1 })
	local err = done(a, "Save", id, { points = 1000 })
	kit.eq({ err.code, err.sent, a.taken, a.profiles:Get(id) }, { "TAKEN", false, { { id, b.id } }, nil })
	assert(err.message:find(b.id, 1, true), err.message)
	kit.eq(done(b, "Close", id), nil)
	opens(a, id, { points = 1 })
	-- It also learns it by renewing, if it has nothing to save.
	host.real.command("HSET", key, "until", "1")
	opens(b, id, { points = 1 })
	a.profiles.renew_at = 0
	kit.wait("the loss", function() return a.taken[2] end)
	kit.eq(a.taken[2], { id, b.id })
	close(a, b)
end)

host.test("what changed is saved by itself, and a document that did not is left alone", function()
	local name, id = kit.unique("wallet"), world.player_id()
	addon.profiles_interval = 0.2
	local a = server(name)
	opens(a, id, nil)
	local wallet = { points = 1 }
	kit.eq(done(a, "Save", id, wallet), nil)
	local saved = field(a, id, "saved")
	local profile = a.profiles.profiles[id]
	local looks = 0
	a.profiles:On("saving", "test", function() looks = looks + 1 end)
	kit.wait("a look", function() return looks > 2 end)
	kit.eq({ field(a, id, "saved"), profile.number }, { saved, 1 })
	wallet.points = 2
	kit.wait("the save", function() return field(a, id, "data") == '{"points":2}' end)
	-- Data without a form in JSON are reported and not saved; other documents are not affected.
	local said = kit.lines('profile "' .. name:gsub("%p", "%%%0") .. '".*')
	wallet.bad = function() end
	kit.wait("the line", function() return said()[1] end)
	assert(said()[1]:find("cannot be saved", 1, true), said()[1])
	wallet.bad, wallet.points = nil, 3
	kit.wait("the save", function() return field(a, id, "data") == '{"points":3}' end)
	addon.profiles_interval = 30
	close(a)
end)

host.test("the end of the Lua state saves and lets go of all, also of what hooks save after it", function()
	local name, ids = kit.unique("wallet"), {}
	local a, b = server(name), server(name)
	for i = 1, 20 do
		ids[i] = world.player_id()
		opens(a, ids[i], nil)
		kit.eq(done(a, "Save", ids[i], { points = i }), nil)
		a.profiles:Get(ids[i]).points = i * 10
	end
	world.shut_down(a)
	-- Hooks run in any order: another addon's comes later.
	kit.eq({ a.profiles:Save(ids[1], { points = 1000 }), a.profiles:Close(ids[2], { points = 2000 }) }, { true, true })
	a.profiles:Get(ids[3]).points = 3000
	world.say_goodbye(a)
	kit.command(a.client, { "PING" })
	a.client:Disconnect()
	for i = 1, 20 do opens(b, ids[i], { points = i <= 3 and i * 1000 or i * 10 }) end
	close(b)
end)

host.test("a server that is away at its end says whose changes were not saved", function()
	local name, id, proxy = kit.unique("wallet"), world.player_id(), host.proxy()
	local a = server(name, nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.02 })
	a.client:On("down", function() end)
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, { points = 1 }), nil)
	proxy.refuse()
	proxy.cut("fin")
	kit.wait("the loss", function() return not a.client:IsConnected() end)
	a.profiles:Get(id).points = 2
	local said = kit.lines('profile "' .. name:gsub("%p", "%%%0") .. '".*')
	world.shut_down(a)
	world.say_goodbye(a)
	kit.eq(#said(), 1)
	assert(said()[1]:find("before the last changes of these were saved: " .. id, 1, true), said()[1])
	close(a)
end)

host.test("a hand-over: the other server has it before its player comes, and gives it up to whoever gets him", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local a, b, c = server(name), server(name), server(name)
	local function held_by(who) return field(a, id, "holder") ~= "" and field(a, id, "server") == who.id end
	opens(a, id, nil)
	kit.eq(done(a, "Close", id, { points = 1 }, { to = b.id, hold = 300 }), nil)
	kit.wait("the hand-over", function() return held_by(b) end)
	kit.wait("its answer", function() return b.profiles.profiles[id].state == "handed" end)
	kit.eq(b.profiles:Get(id), nil, "it is for its player")
	-- A document whose player comes, and moves elsewhere.
	local other = world.player_id()
	opens(a, other, nil)
	kit.eq(done(a, "Close", other, { points = 2 }, { to = b.id }), nil)
	kit.wait("the hand-over", function() return b.profiles.profiles[other] and b.profiles.profiles[other].state == "handed" end)
	local number = tonumber(field(b, other, "fence"))
	opens(b, other, { points = 2 })
	kit.eq(tonumber(field(b, other, "fence")), number, "it was there already")
	kit.eq(done(b, "Close", other, nil, { to = a.id }), nil)
	kit.wait("the hand-over", function() return a.profiles.profiles[other] and a.profiles.profiles[other].state == "handed" end)
	opens(c, other, { points = 2 })
	kit.eq({ #a.taken, a.profiles.profiles[other] }, { 0, nil })
	-- And one whose player does not come.
	local begun = b.profiles.begun
	kit.eq(done(c, "Close", other, nil, { to = b.id, hold = 1 }), nil)
	kit.wait("the hand-over", function() return b.profiles.begun > begun end)
	kit.wait("its end", function() return not b.profiles.profiles[other] end)
	kit.eq(field(a, other, "holder"), "")
	close(a, b, c)
end)

host.test("a message of a hand-over that nobody made takes nothing", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local a, b = server(name), server(name)
	opens(a, id, nil)
	kit.eq(done(a, "Close", id, 1), nil)
	host.server.publish("realtime:profiles:{" .. name .. "}", "handed " .. id .. " " .. b.id .. " 300")
	kit.wait("the question", function() return b.profiles.begun == 1 end)
	kit.wait("its end", function() return not b.profiles.profiles[id] end)
	kit.eq(field(a, id, "holder"), "")
	-- Likewise for a server that wants an open document: Redis is asked, and has no such request.
	opens(a, id, 1)
	host.server.publish("realtime:profiles:{" .. name .. "}", "wanted " .. id .. " " .. a.profiles.profiles[id].token)
	for _, text in ipairs({ "wanted", "wanted x", "free", "handed 1", "\1", ("wanted " .. id):rep(50), "wanted " .. id .. " " .. a.profiles.prefix .. ("0"):rep(16) }) do
		host.server.publish("realtime:profiles:{" .. name .. "}", text)
	end
	kit.eq(done(a, "Save", id, 2), nil)
	kit.eq({ a.taken, a.profiles:Get(id) }, { {}, 2 })
	close(a, b)
end)
