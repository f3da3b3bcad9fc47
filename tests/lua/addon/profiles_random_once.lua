-- realtime.Profiles in random histories, in virtual time (_profiles_time.lua). Arguments: histories=N, seed=N, only=N.
--
--     target/debug/gmod-host --addon lua --timeout 4000 tests/lua/addon/profiles_random_once.lua histories=2000 seed=7
--
-- Four servers, three players who earn coins and move between servers; servers die, stand still for longer than any lease, lose their
-- connection and change their maps; in every third history two of them have one id. A wallet lists all its changes. The model checks:
--   a save in Redis (or the addon's storage) contains all earlier ones: no saves of two owners at once both count
--   a coin whose save was answered is there in the end; another one is lost only if its server died, or was silent for the lease
--   no coin is there twice
--   nobody gets a document while another server has it, and nobody waits for longer than the lease

local kit = include("../_kit.lua")
local new_case = include("_profiles_time.lua").new_case

local settings = { histories = 24, seed = 1, only = 0 }
for _, argument in ipairs(host.args) do
	local key, value = argument:match("^(%w+)=(%d+)$")
	if key then settings[key] = tonumber(value) end
end
local EXECUTED = { "now", "later", "never" }
local SERVERS, STEPS, LEASE = 4, 150, 30
local PLAYERS = { "76561198000000001", "76561198000000002", "76561198000000003" }
local HEALTHY = LEASE + 8 -- the longest time of an opening on a healthy server, in seconds: the lease, and some round trips

local function is_prefix(short, long)
	for i, entry in ipairs(short) do
		if long[i] ~= entry then return false end
	end
	return true
end

-- The addon's own storage: it accepts the larger fence, after a while, or fails.
local function new_storage(case, random, take)
	local storage = { rows = {}, fences = {}, fails = false }
	local function later(fn) case.world.realtime.After(random(0, 20) / 10, fn) end
	function storage.options(client)
		return {
			load = function(id, done, fence)
				later(function()
					storage.fences[id] = math.max(storage.fences[id] or 0, fence)
					if not client.valid then return end
					if storage.fails then return done("the storage is down") end
					done(nil, storage.rows[id] and table.Copy(storage.rows[id]))
					done(nil, { log = {} })
				end)
			end,
			save = function(id, data, fence, done)
				local fate = random(1, 12)
				if fate == 1 then return end -- never
				later(function()
					if storage.fails or fate == 2 then return client.valid and done("the storage is down") end
					local is_newer = fence > (storage.fences[id] or 0)
					if is_newer then
						take(id, data)
						storage.rows[id], storage.fences[id] = table.Copy(data), fence
					end
					if client.valid and not client.frozen then
						done(not is_newer and "there is a newer one" or nil)
						done("twice")
					end
				end)
			end,
		}
	end
	return storage
end

local function history(random, counts, kind, has_twins)
	local case = new_case()
	local world, servers = case.world, {}
	local stored, storage = {}, nil -- the valid state of each player
	local coins = { made = 0 }
	local has_lost = false -- Redis lost data
	local visits = {} -- player → the session on a server
	local contact = {} -- token → when Redis last received it
	local holders = {} -- player → the token of the last opening

	-- A save was accepted: it must continue the state before.
	local function take(id, data)
		local before = stored[id] or {}
		if not has_lost then assert(is_prefix(before, data.log), "a save loses what was saved before") end
		stored[id] = table.Copy(data.log)
		counts.saves = counts.saves + 1
	end
	if kind == "storage" then storage = new_storage(case, random, take) end

	function case.on_executed(question, reply)
		local arguments, outcome = question.arguments, reply[1]
		if question.name == "profiles_open" and outcome == "open" then
			local id, token = arguments[6], arguments[2]
			local last = holders[id]
			if last and last ~= token and not has_lost then
				assert(world.now - contact[last] >= LEASE - 0.001, "opened while another server has it")
			end
			holders[id], contact[token] = token, world.now
		elseif question.name == "profiles_save" then
			local token, id = arguments[2], arguments[8]
			if outcome == "saved" then contact[token] = world.now end
			if (outcome == "closed") and holders[id] == token then holders[id] = nil end
			if arguments[9] == "data" and (outcome == "saved" or outcome == "closed") then
				local log = world.addon.json.Decode(case.fields(id).data).log
				if not kit.same(log, stored[id]) then take(id, { log = log }) end
			end
		elseif question.name == "profiles_renew" then
			for i, key in ipairs(question.keys) do
				local token = arguments[i * 3]
				if reply[i * 2 - 1] == "held" or reply[i * 2 - 1] == "behind" then contact[token] = world.now end
				if reply[i * 2 - 1] == "behind" then holders[key:match("%d+$")] = token end
			end
		end
	end

	-- Reported losses.
	local lose = world.addon.profiles_saving.Lose
	world.addon.profiles_saving.Lose = function(profile, ...)
		local visit = visits[profile.id]
		counts.lost = counts.lost + 1
		for _, each in ipairs(coins) do
			if each.token == profile.token then each.is_excused = true end
		end
		if visit and visit.token == profile.token then visit.is_over = true end
		return lose(profile, ...)
	end

	local function id_of(i) return "s" .. (has_twins and i == SERVERS and 1 or i) end
	local function enter(i)
		local profiles, client
		profiles, client = case.server(id_of(i), storage and { load = function(...) return client.storage.load(...) end,
			save = function(...) return client.storage.save(...) end })
		if storage then client.storage = storage.options(client) end
		servers[i] = { profiles = profiles, client = client, healthy_since = world.now }
		profiles:On("taken", "test", function(id)
			local visit = visits[id]
			counts.taken = counts.taken + 1
			if visit and visit.server == servers[i] then visit.is_over = true end
		end)
	end
	for i = 1, SERVERS do enter(i) end

	local function sicken(server) server.healthy_since = math.huge end

	-- A player joins a server, which opens the wallet.
	local function come(id, i)
		local server = servers[i]
		local visit = { server = server, since = world.now, was_open = server.profiles:Get(id) ~= nil } -- by a visit that was given up
		visits[id] = visit
		visit.asked = server.profiles:Open(id, { timeout = 100 }, function(err, data)
			visit.is_answered = true
			if visits[id] ~= visit then return end
			if err then
				assert(err.code == "TIMEOUT" or err.code == "STORAGE" and storage or err.code == "NOTOPEN" or err.code == "TAKEN", tostring(err))
				visit.is_over = true
				return
			end
			local waited = world.now - visit.since
			if server.healthy_since <= visit.since and not (storage and true) then
				assert(waited <= HEALTHY, "he waited for " .. waited .. " s")
			end
			counts.opened = counts.opened + 1
			visit.wallet = data or { log = {} }
			visit.token = server.profiles.profiles[id].token
			if not has_lost then
				local before = stored[id] or {}
				assert(is_prefix(before, visit.wallet.log) and (visit.was_open or #visit.wallet.log == #before), "not what was saved last")
			end
			if not data then server.profiles:Save(id, visit.wallet) end
		end)
	end
	local function confirm(list)
		return function(err)
			if err then return end
			for _, coin in ipairs(list) do coin.is_saved = true end
		end
	end
	-- The coins of a visit, so far.
	local function coins_of(visit)
		local list = {}
		for _, coin in ipairs(coins) do
			if coin.token == visit.token then list[#list + 1] = coin end
		end
		return list
	end
	local function go(id, options)
		local visit = visits[id]
		visits[id] = nil
		local server = visit.server
		if not server.client.valid then return end
		if visit.wallet and not visit.is_over then
			server.profiles:Close(id, nil, options, confirm(coins_of(visit)))
		elseif not visit.wallet then
			local profile = server.profiles.profiles[id]
			if profile then profile.openers = {} end -- as a player's leaving does
		end
	end

	local function hurt(i)
		local server = servers[i]
		local client = server.client
		local what = random(1, kind == "losses" and 14 or 12)
		if what <= 2 then -- it dies, or its map changes; and it starts again
			local in_order = what == 2 and client.connected and not client.frozen
			counts.deaths = counts.deaths + (in_order and 0 or 1)
			for _, profile in pairs(server.profiles.profiles) do
				-- After silence another server may have it, even before this one learns that.
				local is_silent = profile.fence and world.now - profile.renewed_at >= LEASE
				for _, coin in ipairs(is_silent and coins or {}) do coin.is_excused = coin.is_excused or coin.token == profile.token end
			end
			if in_order then
				case.leave(server.profiles, true)
			else
				case.cut(client, EXECUTED[random(1, 3)])
				case.leave(server.profiles, false)
			end
			for _, coin in ipairs(coins) do
				-- Data that its storage did not accept at once are lost as well.
				if coin.server == server and (not in_order or storage) then coin.is_excused = true end
			end
			for id, visit in pairs(visits) do
				if visit.server == server then visits[id] = nil end
			end
			enter(i)
		elseif what <= 4 then -- a cut that is noticed at once
			counts.faults = counts.faults + 1
			case.cut(client, EXECUTED[random(1, 3)])
			case.connect(client)
			server.healthy_since = world.now
		elseif what <= 6 then -- away for a while
			counts.faults = counts.faults + 1
			client.connected = false
			sicken(server)
			case.cut(client, EXECUTED[random(1, 3)])
		elseif what == 7 then -- it stands still
			counts.faults = counts.faults + 1
			client.frozen = true
			sicken(server)
		elseif what <= 10 then
			client.frozen = false
			case.connect(client)
			server.healthy_since = world.now
		elseif what == 11 then
			case.delay = random(0, 10) / 10
		elseif what == 12 and storage then
			storage.fails = not storage.fails
		elseif what == 13 then
			case.snapshot = case.redis.snapshot()
		elseif what == 14 and random(1, 3) == 1 then
			has_lost = true
			stored, holders = {}, {}
			case.redis.restore(random(1, 2) == 1 and case.snapshot or nil)
			for _, coin in ipairs(coins) do coin.is_excused = true end
		end
	end

	for _ = 1, STEPS do
		local id = PLAYERS[random(1, #PLAYERS)]
		local visit, what = visits[id], random(1, 10)
		if not visit then
			local i = random(1, SERVERS)
			if not servers[i].client.frozen then come(id, i) end
		elseif visit.server.client.frozen then
			if what == 1 then visits[id] = nil end -- he gives up on it
		elseif what <= 2 or visit.is_over then
			go(id, what == 1 and { to = id_of(random(1, SERVERS)), hold = random(1, 60) } or nil)
			if random(1, 2) == 1 then
				local i = random(1, SERVERS)
				if not servers[i].client.frozen then come(id, i) end
			end
		elseif visit.wallet and visit.server.profiles:Get(id) == visit.wallet then
			coins.made = coins.made + 1
			local coin = { number = coins.made, token = visit.token, server = visit.server, id = id }
			coins[#coins + 1] = coin
			table.insert(visit.wallet.log, coin.number)
			if what <= 6 then visit.server.profiles:Save(id, visit.wallet, confirm(coins_of(visit))) end
		end
		case.pass(random(0, 40) / 10)
		if random(1, 3) == 1 then hurt(random(1, SERVERS)) end
		for _, err in ipairs(world.errors) do error(err) end
	end
	-- The faults end, and all players leave.
	case.delay = 0.01
	if storage then storage.fails = false end
	for i = 1, SERVERS do
		servers[i].client.frozen = false
		case.connect(servers[i].client)
	end
	case.pass(5)
	for id in pairs(table.Copy(visits)) do go(id) end
	case.pass(400, 0.2)
	for _, err in ipairs(world.errors) do error(err) end
	for _, id in ipairs(PLAYERS) do
		local got
		servers[1].profiles:Open(id, function(err, data) got = { err, data } end)
		case.pass(LEASE + 10)
		assert(got and not got[1], "it cannot be opened in the end: " .. tostring(got and got[1]))
		local there = {}
		for _, number in ipairs(got[2] and got[2].log or {}) do
			assert(not there[number], "coin " .. number .. " is there twice")
			there[number] = true
		end
		for _, coin in ipairs(coins) do
			if coin.id == id and not there[coin.number] then
				counts.gone = counts.gone + 1
				assert(not coin.is_saved or has_lost, "coin " .. coin.number .. " was saved, and is gone")
				local is_told = storage and table.concat(world.lines, "\n"):find("are lost", 1, true)
				assert(coin.is_excused or is_told, "coin " .. coin.number .. " is gone for no reason")
			elseif coin.id ~= id then
				assert(not there[coin.number], "somebody else's coin")
			end
		end
	end
	counts.coins = counts.coins + coins.made
	for i = 1, SERVERS do case.leave(servers[i].profiles, true) end
	kit.eq(table.Count(hook.GetTable().ShutDown or {}) < 20, true, "hooks are taken away")
end

for _, kind in ipairs({ "redis", "storage", "losses" }) do
	host.test("players who move between servers, in random histories: " .. kind, function()
		local counts = { opened = 0, saves = 0, coins = 0, gone = 0, deaths = 0, faults = 0, taken = 0, lost = 0 }
		local first = settings.only > 0 and settings.only or 1
		for number = first, settings.only > 0 and settings.only or settings.histories do
			math.randomseed(settings.seed * 100000 + number)
			local ok, message = xpcall(history, debug.traceback, math.random, counts, kind, number % 3 == 0)
			if not ok then error("history " .. number .. " of seed " .. settings.seed .. ": " .. message, 0) end
			if number % 10 == 0 then host.pass(1) end
		end
		print(string.format("%d histories: %d documents opened, %d saves, %d coins, %d of them lost with their servers; %d deaths, %d faults, " ..
			"%d taken, %d found that they had lost it", settings.histories, counts.opened, counts.saves, counts.coins, counts.gone, counts.deaths,
			counts.faults, counts.taken, counts.lost))
		assert(counts.opened > settings.histories and counts.coins > settings.histories and counts.taken > 0 and counts.lost > 0)
	end)
end
