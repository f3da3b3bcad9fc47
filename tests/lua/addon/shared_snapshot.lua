-- servers: real; redis: 5.0
-- realtime.Shared: the file with the last copy of a table.

local world = include("_shared.lua")
local kit, realtime, addon = world.kit, world.realtime, world.addon
local server, ready, close, done, sees = world.server, world.ready, world.close, world.done, world.sees

host.test("a snapshot is begun with while Redis is away, and then mended", function()
	addon.shared_save_interval = 0
	local name = kit.unique("T")
	local a = server(name, "a")
	local b = server(name, "b", { snapshot = true })
	ready(a, b)
	kit.eq(done(a, "SetMany", { stays = { 1 }, goes = false }), nil)
	kit.eq(done(a, "Set", "over", 1, { expires = 5 }), nil) -- long enough to reach the file on a machine that stands still for a while
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

host.test("a snapshot is written in slices, and the one before stays until it is whole", function()
	local name = kit.unique("t")
	local a, b = server(name, "a"), server(name, "b", { snapshot = true })
	ready(a, b)
	for i = 0, 19 do
		local many = {}
		for j = 1, 100 do many["key" .. i * 100 + j] = { text = ("x"):rep(100), number = j } end
		kit.eq(done(a, "SetMany", many), nil)
	end
	kit.eq(done(a, "Set", "last", "before"), nil)
	sees(b, "last", "before")
	b.next_save = 0
	kit.wait("the file", function() return b.is_saved and not b.saving end)
	local path = "realtime_shared/" .. file.Find("realtime_shared/" .. name .. "_*", "DATA")[1]
	local function has(text) return file.Read(path, "DATA"):find(text, 1, true) ~= nil end
	assert(has("before"))
	kit.eq(done(a, "Set", "last", "after"), nil)
	sees(b, "last", "after")
	b.next_save = 0
	local slices = 0
	kit.wait("the next file", function()
		if b.saving then
			slices = slices + 1
			assert(has("before"), "the one before is not there")
		end
		return slices > 0 and not b.saving
	end)
	assert(slices > 1, slices)
	assert(has("after") and not has("before"))
	kit.eq({ #file.Find("realtime_shared/" .. name .. "_*", "DATA"), select(2, file.Read(path, "DATA"):gsub("\n", "\n")) }, { 1, 2001 })
	-- The map ends in the middle of one: all of it is written.
	kit.eq(done(a, "Set", "last", "at the end"), nil)
	sees(b, "last", "at the end")
	b.next_save = 0
	kit.wait("a slice", function() return b.saving end)
	hook.GetTable().ShutDown["realtime.Shared b " .. name]()
	assert(has("at the end"))
	kit.eq(#file.Find("realtime_shared/" .. name .. "_*", "DATA"), 1)
	close(b)
	-- The server died just before the new file replaced the old one.
	file.Rename(path, (path:gsub("%.txt$", ".new.txt")))
	local lost = realtime.Connect("redis://127.0.0.1:1", { id = "away" })
	lost:On("down", function() end)
	kit.eq(realtime.Shared(name, { snapshot = true }, lost, "b"):Get("last"), "at the end")
	lost:Disconnect()
	close(a)
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
		local later = SysTime() + 0.01 -- the next one is reported in the next tick
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
