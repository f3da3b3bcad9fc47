-- servers: real; redis: 5.0
-- realtime.Profiles with the addon's own storage: one that is slow, fails, answers twice, or never.

local world = include("_profiles.lua")
local kit, addon = world.kit, world.addon
local server, close, leave, done, opens, field = world.server, world.close, world.leave, world.done, world.opens, world.field

-- A database of one table that accepts the larger fence, and the functions for it.
local function new_storage()
	local storage = { rows = {}, fences = {}, loads = 0, saves = 0 }
	function storage.load(id, finish, fence)
		storage.loads = storage.loads + 1
		storage.fences[id] = math.max(storage.fences[id] or 0, fence)
		if storage.on_load then return storage.on_load(id, finish) end
		finish(nil, table.Copy({ storage.rows[id] })[1])
	end
	function storage.write(id, data, fence)
		if fence <= (storage.fences[id] or 0) then return "there is a newer one" end
		storage.rows[id], storage.fences[id] = data, fence
	end
	function storage.save(id, data, fence, finish)
		storage.saves = storage.saves + 1
		if storage.on_save then return storage.on_save(id, data, fence, finish) end
		finish(storage.write(id, data, fence))
	end
	storage.options = { load = storage.load, save = storage.save }
	return storage
end

host.test("the lock is in Redis, and the document where the addon puts it", function()
	local name, id, storage = kit.unique("wallet"), world.player_id(), new_storage()
	local a, b = server(name, storage.options), server(name, storage.options)
	opens(a, id, nil)
	local wallet = { points = 1 }
	kit.eq(done(a, "Save", id, wallet), nil)
	kit.eq({ storage.rows[id], field(a, id, "data") }, { { points = 1 }, nil })
	assert(storage.rows[id] ~= wallet, "a copy")
	wallet.points = 2
	opens(b, id, { points = 2 })
	kit.eq({ #a.taken, storage.saves }, { 1, 2 })
	-- Without a change nothing is saved.
	kit.eq(done(b, "Close", id), nil)
	kit.eq(storage.saves, 2)
	opens(a, id, { points = 2 })
	a.profiles:Get(id).points = 3
	leave(a)
	kit.eq(storage.rows[id], { points = 3 })
	opens(b, id, { points = 3 })
	close(b)
end)

host.test("a fence grows with each save and each opening", function()
	local name, id, storage = kit.unique("wallet"), world.player_id(), new_storage()
	local a, fences = server(name, storage.options), {}
	storage.on_save = function(_, _, fence, finish)
		fences[#fences + 1] = fence
		finish()
	end
	for i = 1, 3 do
		opens(a, id, nil)
		kit.eq(done(a, "Save", id, i), nil)
		kit.eq(done(a, "Save", id, i * 10), nil)
		kit.eq(done(a, "Close", id), nil)
	end
	kit.eq(#fences, 6)
	for i = 2, 6 do assert(fences[i] > fences[i - 1], "fence " .. i) end
	close(a)
end)

host.test("a storage that cannot load is an error, never an empty document, and lets go", function()
	local name, id, storage = kit.unique("wallet"), world.player_id(), new_storage()
	storage.rows[id] = { points = 5 }
	local a, b = server(name, storage.options), server(name, storage.options)
	storage.on_load = function(_, finish) finish("the database is down") end
	local err, data = done(a, "Open", id)
	kit.eq({ err.code, data }, { "STORAGE", nil })
	assert(err.message:find("the database is down", 1, true), err.message)
	host.expect_errors(1)
	storage.on_load = function() error("on purpose") end
	kit.eq(done(a, "Open", id).code, "STORAGE")
	-- A storage that answers too late: the lock is gone then, and the answer does not count.
	local late
	storage.on_load = function(_, finish) late = finish end
	local got = kit.recorder()
	a.profiles:Open(id, { timeout = 1000 }, got.fn)
	kit.wait("the question", function() return late end)
	a.profiles.profiles[id].openers[1].deadline = 0 -- the time is over
	kit.wait("the end of patience", function() return got[1] end)
	kit.eq(got[1][1].code, "TIMEOUT")
	storage.on_load = nil
	opens(b, id, { points = 5 })
	late(nil, { points = 1000 })
	kit.eq(a.profiles:Get(id), nil)
	-- And a storage that answers twice.
	storage.on_load = function(_, finish)
		finish(nil, { points = 5 })
		finish(nil, { points = 1000 })
		finish("an error")
	end
	opens(a, id, { points = 5 })
	kit.eq(#b.taken, 1)
	close(a, b)
end)

host.test("a save that fails is told and tried again; one that answers twice counts once; a slow one is not overtaken", function()
	local name, id, storage = kit.unique("wallet"), world.player_id(), new_storage()
	local a, b = server(name, storage.options), server(name, storage.options)
	opens(a, id, nil)
	local said = kit.lines('profile "' .. name:gsub("%p", "%%%0") .. '".*')
	storage.on_save = function(_, _, _, finish)
		finish("disk full")
		finish()
	end
	local err = done(a, "Save", id, { points = 1 })
	kit.eq({ err.code, storage.rows[id] }, { "STORAGE", nil })
	assert(said()[1]:find("tried again: disk full", 1, true), kit.show(said()))
	storage.on_save = nil
	kit.wait("the second try", function() return storage.rows[id] end)
	kit.eq(storage.rows[id], { points = 1 })
	-- Slow: later saves wait for it, and the last state comes last.
	local finish_slow, finish
	storage.on_save = function(_, data, fence, its_done)
		finish_slow, storage.on_save = function() its_done(storage.write(id, data, fence)) end, nil
	end
	a.profiles:Save(id, { points = 2 })
	kit.wait("the slow one", function() return finish_slow end)
	local saves, got = storage.saves, kit.recorder()
	a.profiles:Save(id, { points = 3 })
	a.profiles:Close(id, { points = 4 }, got.fn)
	local opened = kit.recorder()
	b.profiles:Open(id, opened.fn)
	kit.wait("a look", function() return field(b, id, "wanted") ~= "" end)
	kit.eq({ storage.saves, #got, #opened }, { saves, 0, 0 })
	finish_slow()
	kit.wait("the other server", function() return opened[1] end)
	kit.eq({ opened[1], got[1], storage.rows[id] }, { { nil, { points = 4 } }, {}, { points = 4 } })
	-- A save that is answered much too late: later saves stay.
	addon.profiles_patience = 0.2
	storage.on_save = function(_, data, fence, its_done)
		finish, storage.on_save = function() its_done(storage.write(id, data, fence)) end, nil
	end
	kit.eq(done(b, "Save", id, { points = 5 }).code, "STORAGE")
	b.profiles:Get(id).points = 6
	kit.eq(done(b, "Close", id), nil)
	finish()
	kit.eq(storage.rows[id], { points = 6 })
	addon.profiles_patience = 30
	close(a, b)
end)

host.test("a server whose storage fails holds nobody up for longer than the lease", function()
	local name, id, storage, lease = kit.unique("wallet"), world.player_id(), new_storage(), addon.profiles_lease
	addon.profiles_lease = 2
	local a, b = server(name, storage.options), server(name, storage.options)
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, { points = 1 }), nil)
	a.profiles:Get(id).points = 2
	storage.on_save = function(_, _, _, finish) finish("no way there") end
	local said = kit.lines('profile "' .. name:gsub("%p", "%%%0") .. '".*')
	opens(b, id, { points = 1 })
	kit.eq(#a.taken, 1)
	assert(table.concat(said(), "\n"):find("since the last save are lost: its storage fails", 1, true), kit.show(said()))
	addon.profiles_lease = lease
	close(a, b)
end)

host.test("after a long silence the storage is asked only once Redis has said that the document is still there", function()
	local name, id, storage = kit.unique("wallet"), world.player_id(), new_storage()
	local a, b = server(name, storage.options), server(name, storage.options)
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, { points = 1 }), nil)
	-- It stood still, and another server has it.
	host.real.command("HSET", "realtime:profiles:{" .. name .. "}:" .. id, "until", "1")
	opens(b, id, { points = 1 })
	a.profiles.profiles[id].renewed_at = -1000
	local saves = storage.saves
	kit.eq({ done(a, "Save", id, { points = 1000 }).code, storage.saves, #a.taken }, { "TAKEN", saves, 1 })
	-- Nobody took it, so it continues.
	b.profiles.profiles[id].renewed_at = -1000
	kit.eq({ done(b, "Save", id, { points = 2 }), storage.rows[id] }, { nil, { points = 2 } })
	close(a, b)
end)

host.test("a slow save changes nothing once the next server has loaded, and one that ends after the lease is not told as done", function()
	local name, id, storage = kit.unique("wallet"), world.player_id(), new_storage()
	local a, b = server(name, storage.options), server(name, storage.options)
	local write
	local function slow(_, data, fence, finish)
		write, storage.on_save = function() finish(storage.write(id, data, fence)) end, nil
	end
	local function save_slowly(from, data)
		local got = kit.recorder()
		write, storage.on_save = nil, slow
		from.profiles:Save(id, data, got.fn)
		kit.wait("the save", function() return write end)
		return got
	end
	local function lose() host.real.command("HSET", "realtime:profiles:{" .. name .. "}:" .. id, "until", "1") end
	opens(a, id, nil)
	kit.eq(done(a, "Save", id, { points = 100 }), nil)
	local got = save_slowly(a, { points = 40 })
	lose()
	opens(b, id, { points = 100 })
	write()
	kit.eq({ got[1][1].code, storage.rows[id] }, { "STORAGE", { points = 100 } })
	-- This one still has it without knowing that: it is saved again, with a larger fence, once Redis has confirmed it.
	got = save_slowly(b, { points = 50 })
	b.profiles.profiles[id].renewed_at = -1000
	write()
	kit.eq({ #got, storage.rows[id], storage.saves }, { 0, { points = 50 }, 3 })
	kit.wait("the second save", function() return got[1] end)
	kit.eq({ got[1], storage.saves }, { {}, 4 })
	-- And this one lost it.
	got = save_slowly(b, { points = 60 })
	lose()
	a.profiles.profiles[id].renewed_at = -1000
	opens(a, id, { points = 50 })
	b.profiles.profiles[id].renewed_at = -1000
	storage.fences[id] = 0 -- a storage that does not look at fences
	write()
	kit.wait("the loss", function() return got[1] end)
	kit.eq({ got[1][1].code, got[1][1].sent }, { "TAKEN", true })
	close(a, b)
end)

host.test("a save that failed, and may be there, is saved over although the document is back to what it was", function()
	local name, id, storage = kit.unique("wallet"), world.player_id(), new_storage()
	local a = server(name, storage.options)
	opens(a, id, nil)
	local wallet = { points = 1 }
	kit.eq(done(a, "Save", id, wallet), nil)
	storage.on_save = function(_, data, fence, finish)
		storage.on_save = nil
		storage.write(id, data, fence)
		finish("the answer was lost")
	end
	wallet.points = 2
	kit.eq({ done(a, "Save", id).code, storage.rows[id] }, { "STORAGE", { points = 2 } })
	wallet.points = 1
	kit.eq({ done(a, "Save", id), storage.rows[id] }, { nil, { points = 1 } })
	close(a)
end)
