-- servers: real; redis: 5.0
-- realtime.Profiles when Redis loses data, restarts, or runs no scripts.

local world = include("_profiles.lua")
local kit = world.kit
local server, close, done, opens, field = world.server, world.close, world.done, world.opens, world.field

local function key(server_of, id) return "realtime:profiles:{" .. server_of.profiles:Name() .. "}:" .. id end

host.test("what is open survives FLUSHALL, and so does who has it", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local a, b = server(name), server(name)
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, { points = 5 }), nil)
	host.real.command("FLUSHALL")
	a.profiles.renew_at = 0
	kit.wait("the save", function() return field(a, id, "data") == '{"points":5}' end)
	opens(b, id, { points = 5 })
	kit.eq(#a.taken, 1)
	-- A save and a close detect it as well.
	host.real.command("DEL", key(b, id))
	kit.eq(done(b, "Save", id), nil)
	kit.eq(field(b, id, "data"), '{"points":5}')
	host.real.command("DEL", key(b, id))
	kit.eq(done(b, "Close", id), nil)
	opens(a, id, { points = 5 })
	close(a, b)
end)

host.test("what was opened and never saved is kept through FLUSHALL, and costs no saves", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local a, b = server(name), server(name)
	opens(a, id, nil)
	host.real.command("FLUSHALL")
	a.profiles.renew_at = 0
	kit.wait("the renewal", function() return field(a, id, "holder") == a.profiles.profiles[id].token end)
	kit.ticks(10)
	kit.eq(a.profiles.profiles[id].number, 0)
	kit.eq(done(a, "Save", id, { points = 1 }), nil)
	opens(b, id, { points = 1 })
	close(a, b)
end)

host.test("an older copy of the document, of a replica that lagged, is mended by whoever has it", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local a, b = server(name), server(name)
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, { points = 5 }), nil)
	-- The state before the last save, and before the opening.
	for _, fields in ipairs({ { "number", "0", "data", '{"points":1}' }, { "fence", "1000", "number", "9", "data", '{"points":1}', "holder", "" } }) do
		host.real.command("HSET", key(a, id), unpack(fields))
		a.profiles.renew_at = 0
		kit.wait("the save", function() return field(a, id, "data") == '{"points":5}' end)
	end
	host.real.command("HSET", key(a, id), "number", "0", "data", '{"points":1}')
	kit.eq(done(a, "Close", id), nil)
	opens(b, id, { points = 5 })
	kit.eq(#a.taken, 0)
	close(a, b)
end)

host.test("what is no JSON is an error, and stays as it is", function()
	local a, id = server(kit.unique("wallet")), world.player_id()
	host.real.command("HSET", key(a, id), "data", "{broken")
	local err, data = done(a, "Open", id)
	kit.eq({ err.code, data }, { "UNREADABLE", nil })
	kit.wait("the end", function() return not a.profiles.profiles[id] end)
	kit.eq({ field(a, id, "data"), field(a, id, "holder") }, { "{broken", "" })
	close(a)
end)

host.test("a restart of Redis in the midst of everything", function()
	local name, id = kit.unique("wallet"), world.player_id()
	local a, b = server(name), server(name)
	opens(a, id, nil)
	local wallet = { points = 1 }
	kit.eq(done(a, "Save", id, wallet), nil)
	host.real.command("SAVE")
	wallet.points = 2
	kit.eq(done(a, "Save", id, wallet), nil) -- not on its disk
	local saved, opened = kit.recorder(), kit.recorder()
	host.server.stop()
	kit.wait("the loss", function() return not a.client:IsConnected() and not b.client:IsConnected() end)
	wallet.points = 3
	a.profiles:Save(id, wallet, saved.fn)
	b.profiles:Open(id, opened.fn)
	host.server.start()
	kit.wait("both", function() return saved[1] and opened[1] end) -- over two connections, so in any order
	kit.eq({ saved[1], opened[1] }, { {}, { nil, { points = 3 } } })
	close(a, b)
end)

host.test("Redis forgets the scripts: nothing is lost, also if the Lua state ends before anybody notices", function()
	local name, id, other = kit.unique("wallet"), world.player_id(), world.player_id()
	local a, b = server(name), server(name)
	for _, each in ipairs({ id, other }) do
		opens(a, each, nil)
		for i = 1, 2 do kit.eq(done(a, "Save", each, { points = i }), nil) end
	end
	host.real.command("SCRIPT", "FLUSH")
	kit.eq(done(a, "Save", id, { points = 3 }), nil)
	host.real.command("SCRIPT", "FLUSH")
	a.profiles:Get(id).points = 4
	a.profiles:Get(other).points = 5
	world.shut_down(a)
	world.say_goodbye(a)
	-- No callback runs any more.
	kit.block_until("both", function() return field(a, id, "holder") == "" and field(a, other, "holder") == "" end)
	a.client:Disconnect()
	opens(b, id, { points = 4 })
	opens(b, other, { points = 5 })
	close(b)
end)

host.test("a call that is asked wrongly is an error of Redis's", function()
	local client = kit.ready()
	for name, text in pairs({ profiles_open = "the action is not", profiles_save = "the action is not" }) do
		local script = file.Read("realtime/redis/" .. name .. ".lua", "LUA")
		local err = kit.command(client, { "EVAL", script, 1, kit.unique("key"), "nonsense", ("0"):rep(32), 1, 1, 1000, "web", "c", "1", "none", "" })
		assert(err.message:find(text, 1, true), err)
	end
	local err = kit.command(client, { "EVAL", file.Read("realtime/redis/profiles_open.lua", "LUA"), 1, kit.unique("key"), "open", "no token", 1000, "web", "c", "1" })
	assert(err.message:find("32 hexadecimal digits", 1, true), err)
	client:Disconnect()
end)

