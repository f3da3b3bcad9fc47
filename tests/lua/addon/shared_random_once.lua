-- servers: real; redis: 6.0
-- Random histories: three servers write to one shared table, each over a proxy that cuts, stalls and refuses its connections, while the
-- data is flushed, the server restarts, scripts are forgotten and servers restart. Then the faults end, and all promises are checked:
-- every write was answered once, refused writes are nowhere, no sum is lost or doubled, every copy saw true values in one order, and
-- all copies equal Redis.
--
--     target/debug/gmod-host --server real --addon lua --timeout 4000 tests/lua/addon/shared_random_once.lua histories=1000 seed=7

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")
local addon = realtime.addon
addon.shared_interval, addon.shared_spread, addon.shared_patience = 1, 0.05, 0.3

local settings = { histories = 12, seed = 1, steps = 60, show = 0 }
for _, argument in ipairs(host.args) do
	local name, value = argument:match("^(%w+)=(%d+)$")
	if name then settings[name] = tonumber(value) end
end
math.randomseed(settings.seed)
local random = math.random

local direct -- a connection of the test's own
local KEYS = { "a", "b", "c" }
local WATCHED = { "a", "b", "c", "sum", "updated", "once" }
local faults, writes, unknown, closed, events = 0, 0, 0, 0, 0
local unique = 0

-- A server that comes back with data from minutes ago would rightly bring old values.
local function save_nothing() host.real.command("CONFIG", "SET", "save", "") end

-- The entries in Redis by key: { value, version }.
local function in_redis(name)
	local err, reply = kit.command(direct, { "HGETALL", "realtime:shared:{" .. name .. "}" })
	assert(not err, tostring(err))
	local _, time = kit.command(direct, { "TIME" })
	local now, found = tonumber(time[1]) * 1e6 + tonumber(time[2]), {}
	for key, field in pairs(realtime.Map(reply)) do
		local version, expires, text = field:match("^(%d+) (%d+) (.*)$")
		if key ~= "" and (expires == "0" or tonumber(expires) > now) then
			found[key] = { realtime.DecodeJson(text), version }
		end
	end
	return found
end

local function contents(shared)
	local found = {}
	for key, entry in pairs(shared.entries) do found[key] = { entry.value, entry.version } end
	return found
end

local function history(number, loses_data, is_watched)
	local name = string.format("history-%d-%d", settings.seed, number)
	local world = { attempted = {}, refused = {}, held = {}, sums = {}, open = 0, servers = {}, versions = {} }

	-- One server, with a copy that is followed event by event.
	local function enter(i)
		local server = world.servers[i]
		server.client = realtime.Connect(server.proxy.url(), {
			id = kit.unique("server"), reconnect_min = 0.01, reconnect_max = 0.05, ping_interval = 0.5, ping_timeout = 0.5, protocol = random(2) + 1,
		})
		for _, event in ipairs({ "down", "error", "dropped" }) do server.client:On(event, function() end) end
		local shared = realtime.Shared(name, { watched = is_watched }, server.client, "server-" .. i)
		server.shared = shared
		local state = { seen = {}, is_ready = false, last = {} }
		server.state = state
		shared:On("ready", function()
			assert(not state.is_ready, "ready twice")
			state.is_ready, state.seen = true, {}
			for key, entry in pairs(shared.entries) do state.seen[key] = entry.value end
		end)
		shared:On("stale", function()
			assert(state.is_ready, "stale without ready")
			state.is_ready = false
		end)
		shared:On("changed", function(key, value, old, _, why)
			events = events + 1
			assert(state.seen[key] == old, "the old value is another one")
			assert(shared:Get(key) == value, "Get does not show what was told")
			assert((value == nil) == (why ~= "set"), why)
			state.seen[key] = value
			if value == nil then return end
			local version = shared.entries[key].version
			local is_sum = world.sums[key] ~= nil
			assert(is_sum or world.attempted[value] == key, "nobody wrote that")
			local place = key .. " " .. version
			assert(world.held[place] == nil or world.held[place] == value, "two values with one version")
			world.held[place] = value
			assert(tonumber(version) > (state.last[key] or 0), "an older value came after a newer one")
			state.last[key] = tonumber(version)
		end)
	end
	-- Watches another key of a table: only fn reports its value.
	local function watch(server, key)
		local shared, state = server.shared, server.state
		shared:Watch(key, function(err)
			if err then return assert(err.code == "CLOSED", tostring(err)) end
			local entry = shared.entries[key]
			state.seen[key] = entry and entry.value
			if not entry then return end
			assert(tonumber(entry.version) >= (state.last[key] or 0), "a watched key begins with an older value")
			state.last[key] = tonumber(entry.version)
		end)
	end
	for i = 1, 3 do
		world.servers[i] = { proxy = host.proxy() }
		enter(i)
	end

	-- A write, whose answer is noted.
	local function written(key, note)
		world.open, writes = world.open + 1, writes + 1
		local is_answered = false
		return function(err, ...)
			assert(not is_answered, "answered twice")
			is_answered, world.open = true, world.open - 1
			if err and err.sent then
				assert(err.code == "TIMEOUT" or err.code == "CLOSED", tostring(err))
				if err.code == "TIMEOUT" then unknown = unknown + 1 else closed = closed + 1 end
			end
			note(err, ...)
		end
	end
	local function sum(key)
		world.sums[key] = world.sums[key] or { done = 0, unknown = 0 }
		return world.sums[key]
	end
	local function counted(key)
		local counts = sum(key)
		return function(err)
			if not err then counts.done = counts.done + 1 elseif err.sent then counts.unknown = counts.unknown + 1 end
		end
	end

	local actions = {
		function(shared) -- Set
			unique = unique + 1
			local key, value = KEYS[random(#KEYS)], unique
			world.attempted[value] = key
			local options = random(4) == 1 and { expires = random() } or nil
			local accepted = shared:Set(key, value, options, written(key, function(err)
				if err and not err.sent then world.refused[value] = tostring(err) end
			end))
			assert(accepted)
		end,
		function(shared) -- SetMany: both or none
			unique = unique + 2
			world.attempted[unique - 1], world.attempted[unique] = "a", "b"
			local one, two = unique - 1, unique
			shared:SetMany({ a = one, b = two }, written("a", function(err)
				if err and not err.sent then world.refused[one], world.refused[two] = tostring(err), tostring(err) end
			end))
		end,
		function(shared) shared:Remove(KEYS[random(#KEYS)], written("removed", function() end)) end,
		function(shared) shared:Add("sum", 1, written("sum", counted("sum"))) end,
		function(shared) shared:Add("sum", 1, written("sum", counted("sum"))) end,
		function(shared) -- Update
			shared:Update("updated", function(old) return (old or 0) + 1 end, written("updated", counted("updated")))
		end,
		function(shared) -- once: twice with one id, perhaps from two servers
			local id = "id" .. random(8)
			world.ids = world.ids or {}
			world.ids[id] = world.ids[id] or { done = 0, unknown = 0 }
			sum("once")
			shared:Add("once", 1, { once = id }, written("once", function(err)
				if not err then world.ids[id].done = 1 elseif err.sent then world.ids[id].unknown = 1 end
			end))
		end,
	}
	sum("updated")
	sum("once")
	sum("sum")

	local COURSES = { "up_", "down_" }
	local hurts = {
		function(server) server.proxy.cut(random(2) == 1 and "fin" or "reset") end,
		function(server) -- between any two frames of the connections to come
			server.proxy.faults({ [COURSES[random(2)] .. "cut_at"] = random(200, 6000) })
			server.proxy.cut("reset")
			server.heal = function() server.proxy.faults({}) end
		end,
		function(server)
			server.proxy.edit({ [COURSES[random(2)] .. "stall"] = true })
			server.heal = function() server.proxy.edit({ up_stall = false, down_stall = false }) end
		end,
		function(server)
			server.proxy.refuse()
			server.proxy.cut("fin")
			server.heal = function() server.proxy.accept() end
		end,
		function() kit.command(direct, { "SCRIPT", "FLUSH" }) end,
		function(_, i) -- a map change
			world.servers[i].client:Disconnect()
			enter(i)
		end,
		function() host.real.pause() host.pass(random(3)) host.real.resume() end,
	}
	if loses_data then
		hurts[#hurts + 1] = function() kit.command(direct, { "FLUSHALL" }) end
		hurts[#hurts + 1] = function()
			host.real.kill()
			host.pass(random(5))
			host.real.start()
			save_nothing()
		end
	end

	for _ = 1, settings.steps do
		local i = random(3)
		for _ = 1, random(4) do actions[random(#actions)](world.servers[random(3)].shared) end
		local server = world.servers[i]
		if is_watched then watch(world.servers[random(3)], WATCHED[random(#WATCHED)]) end
		if random(5) == 1 then
			if server.heal then server.heal() end
			server.heal = nil
			faults = faults + 1
			hurts[random(#hurts)](server, i)
		elseif server.heal and random(3) == 1 then
			server.heal()
			server.heal = nil
		end
		host.pass(random(0, 3))
	end
	for _, server in ipairs(world.servers) do
		if server.heal then server.heal() end
		for _, key in ipairs(is_watched and WATCHED or {}) do watch(server, key) end
	end

	kit.wait("every answer", function() return world.open == 0 end)
	local want
	kit.wait("quiet copies", function()
		want = in_redis(name)
		for _, server in ipairs(world.servers) do
			if not server.shared:IsReady() or not kit.same(contents(server.shared), want) then return false end
		end
		return true
	end)
	-- Writes reported as not done are nowhere, and never were, unless they were lost with other data.
	for key, now in pairs(want) do
		-- A sum may be the number that a refused write had.
		assert(world.sums[key] or not world.refused[now[1]], "there although it was told to be not done: " .. key)
	end
	for place, value in pairs(world.held) do
		if not loses_data and not world.sums[place:match("^(%S+)")] then
			assert(not world.refused[value], "held although it was told to be not done: " .. tostring(world.refused[value]))
		end
	end
	local ids = { done = 0, unknown = 0 }
	for _, id in pairs(world.ids or {}) do
		ids.done = ids.done + id.done
		if id.done == 0 then ids.unknown = ids.unknown + id.unknown end
	end
	world.sums.once = ids
	for key, counts in pairs(world.sums) do
		local value = want[key] and want[key][1] or 0
		local least = loses_data and 0 or counts.done
		assert(value >= least and value <= counts.done + counts.unknown,
			string.format("%s: %s instead of %d, or up to %d more", key, value, counts.done, counts.unknown))
	end
	for _, server in ipairs(world.servers) do
		server.client:Disconnect()
		server.proxy.cut("fin")
	end
	kit.command(direct, { "FLUSHALL" })
end

host.test("whatever breaks, the promises hold", function()
	direct = kit.ready({ reconnect_min = 0.01, reconnect_max = 0.05 })
	for _, event in ipairs({ "down", "error" }) do direct:On(event, function() end) end
	save_nothing()
	for number = 1, settings.histories do
		-- After a crash of the server the test's own connection comes back, too.
		kit.wait("the server", function() return direct:IsConnected() end)
		local fine, err = xpcall(history, debug.traceback, number, number % 2 == 0, number % 3 == 0)
		if not fine then error(string.format("history %d of seed %d: %s", number, settings.seed, err), 0) end
		if settings.show > 0 then print(number, SysTime()) end
	end
	print(string.format("%d histories, %d faults, %d writes (%d timed out, %d met their server's end), %d changes told",
		settings.histories, faults, writes, unknown, closed, events))
	assert(events > 0 and faults > 0)
end)
