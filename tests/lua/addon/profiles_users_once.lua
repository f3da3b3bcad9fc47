-- servers: real; redis: 6.0
-- realtime.Profiles with users of few permissions, on a Redis that is full, and through a proxy that cuts.

local world = include("_profiles.lua")
local kit, addon = world.kit, world.addon
local server, close, leave, done, opens, field = world.server, world.close, world.leave, world.done, world.opens, world.field

local RULES = "on >pw ~realtime:profiles:* resetchannels +subscribe +unsubscribe +publish +ping +role +hello +info +client|setname "
local RIGHTS = "+eval +evalsha +script|load +time +hmget +hset "

host.test("a user with the page's rights, and nothing more, may do all of it", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local url = kit.user(kit.unique("u"), RULES .. RIGHTS .. "&realtime:profiles:*")
	local a, b = server(name, nil, { url = url }), server(name, nil, { url = url })
	for _, each in ipairs({ a, b }) do each.client:On("error", function(info) error("not allowed: " .. tostring(info.err)) end) end
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, 1), nil)
	opens(b, id, 1)
	kit.eq(#a.taken, 1)
	b.profiles.renew_at = 0
	kit.eq(done(b, "Close", id, 2, { to = a.id }), nil)
	kit.wait("the hand-over", function() return a.profiles.profiles[id] end)
	opens(a, id, 2)
	leave(a)
	opens(b, id, 2)
	close(b)
end)

host.test("a user without the channel has to wait longer, and no more; one without a command learns which", function()
	local name, id, lease = kit.unique("wallet"), world.player_id(), addon.profiles_lease
	local url = kit.user(kit.unique("u"), RULES .. RIGHTS)
	local a = server(name, nil, { url = url })
	a.client:On("error", function() end)
	local said = kit.lines('profile "' .. name:gsub("%p", "%%%0") .. '".*')
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, 1), nil)
	local b = server(name, nil, { url = url })
	b.client:On("error", function() end)
	addon.profiles_lease = 6 -- it is renewed every 2 s, which shows that a server waits
	a.profiles.renew_at = 0
	opens(b, id, 1)
	addon.profiles_lease = lease
	kit.eq(a.taken, { { id, b.id } })
	assert(table.concat(said(), "\n"):find("cannot be asked at once to let go: .*channel"), kit.show(said()))
	local none = server(name, nil, { url = kit.user(kit.unique("u"), "on >pw ~* &* +@all -hset") })
	none.client:On("error", function() end)
	local err, data = done(none, "Open", world.player_id())
	kit.eq(data, nil)
	assert(tostring(err):find("permission", 1, true) or tostring(err):find("can't run", 1, true), tostring(err))
	kit.wait("the end", function() return not next(none.profiles.profiles) end)
	close(a, b, none)
end)

host.test("on a Redis that is full nothing is opened or lost, and what could not be saved is saved later", function()
	local name, id, a = kit.unique("wallet"), world.player_id(), nil
	a = server(name)
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, 1), nil)
	host.real.command("CONFIG", "SET", "maxmemory", "1")
	local err, other = done(a, "Save", id, 2), done(a, "Open", world.player_id())
	host.real.command("CONFIG", "SET", "maxmemory", "0")
	assert(tostring(err):find("OOM", 1, true) and tostring(other):find("OOM", 1, true), tostring(err) .. tostring(other))
	kit.eq({ a.profiles:Get(id), #a.taken }, { 2, 0 })
	kit.wait("the save", function() return field(a, id, "data") == "2" end)
	close(a)
end)

host.test("whatever breaks the connection, no save is lost and none goes back", function()
	local name, id, proxy = kit.unique("wallet"), world.player_id(), host.proxy()
	local a = server(name, nil, { url = proxy.url(), reconnect_min = 0.01, reconnect_max = 0.05, ping_interval = 0.5, ping_timeout = 0.5 })
	local b = server(name)
	a.client:On("down", function() end)
	opens(a, id, nil)
	local wallet, saved, answers = { log = {} }, 0, 0
	for i = 1, 60 do
		wallet.log[i] = i
		assert(a.profiles:Save(id, wallet, function(err)
			answers = answers + 1
			if not err then saved = math.max(saved, i) end
			assert(not err or err.code == "TIMEOUT", tostring(err))
		end))
		if i % 6 == 0 then
			proxy.faults({ [i % 12 == 0 and "up_cut_at" or "down_cut_at"] = 900 + i * 41 })
			proxy.cut("reset")
		end
		host.pass(2)
	end
	proxy.faults({})
	kit.wait("every answer", function() return answers == 60 end)
	kit.eq(saved, 60)
	opens(b, id, wallet)
	-- And while it moves to and fro.
	for i = 61, 75 do
		local from, to = i % 2 == 1 and b or a, i % 2 == 1 and a or b
		table.insert(from.profiles:Get(id).log, i)
		proxy.faults({ [i % 3 == 0 and "up_cut_at" or "down_cut_at"] = 300 + i * 13 })
		if i % 4 == 0 then proxy.cut("reset") end
		local got = kit.recorder()
		to.profiles:Open(id, got.fn)
		host.pass(5)
		proxy.faults({})
		kit.wait("the document", function() return got[1] end)
		kit.eq({ got[1][1], #got[1][2].log }, { nil, i })
	end
	close(a, b)
end)
