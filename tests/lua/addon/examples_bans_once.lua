-- servers: fake, real
-- The bans of lua/examples with MySQL as the authority. With Redis: examples_shared_bans_once.lua.

local world = include("_examples.lua")
if not world then return end
local kit = include("../_kit.lua")
local other, others = world.other, world.others

-- MySQL behind mysqloo: answers come later, in the order of the queries.
local function fake_mysql()
	local rows, db = {}, { failing = true, attempts = 0, prepared = 0 }
	local function find(id)
		for i, row in ipairs(rows) do if row.steamid == id then return i, row end end
	end
	local function run(sql, values)
		local id = values[1]
		if sql:find("^DELETE") then table.remove(rows, find(id)) return {} end
		if sql:find("^REPLACE") then
			table.insert(rows, { steamid = id, reason = values[2], expires = values[3] })
			return {}
		end
		if isstring(id) then return { table.Copy(select(2, find(id)) or nil) } end
		return table.Copy(rows)
	end
	function db:connect() self.attempts = self.attempts + 1 end
	function db:prepare(sql)
		db.prepared = db.prepared + 1
		local question, values = {}, {}
		function question:setString(i, value) assert(isstring(value)) values[i] = value end
		function question:setNumber(i, value) assert(isnumber(value)) values[i] = value end
		function question:start()
			timer.Simple(0, function()
				if db.failing then return self:onError("it is away", sql) end
				self:onSuccess(run(sql, values))
			end)
		end
		return question
	end
	mysqloo, package.loaded.mysqloo = { connect = function() return db end }, true
	local is_installed = util.IsBinaryModuleInstalled
	function util.IsBinaryModuleInstalled(name) return name == "mysqloo" or is_installed(name) end
	return db, rows
end

host.test("database_bans", function()
	kit.wait("the addon's own line", function() return table.concat(host.console(), "\n"):find("connected to redis", 1, true) end)
	world.example("database_bans")
	kit.eq({ DatabaseBans, host.console()[#host.console()] }, { nil, "[database_bans] mysqloo is not installed" })
	local db, rows = fake_mysql()
	-- The test decides when its timers run.
	local After, waiting = realtime.After, {}
	function realtime.After(seconds, identifier, fn)
		if isstring(identifier) and identifier:find("^database_bans") then waiting[identifier] = fn else After(seconds, identifier, fn) end
	end
	local function run(identifier)
		local fn = assert(waiting[identifier], identifier)
		waiting[identifier] = nil
		fn()
	end
	rows[1] = { steamid = "76561198000000007", reason = "old", expires = 0 }
	world.example("database_bans")
	local function reason(id) return select(2, hook.Run("CheckPassword", "7656119800000000" .. id)) end
	kit.wait("`ready` comes first", function() return host.console()[#host.console()] == "[database_bans] it is away" end)
	db:onConnectionFailed("refused")
	run("database_bans.connect")
	kit.wait("one more attempt", function() return db.attempts == 2 end)
	db.failing = false
	db:onConnected()
	kit.wait("the one from before", function() return reason(7) == "You are banned: old" end)
	kit.eq(reason(1), nil)
	local told = kit.recorder()
	others:Subscribe("bans.changed", told.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	DatabaseBans.Add("76561198000000001", 3600, "cheats")
	kit.wait("the new one", function() return reason(1) == "You are banned: cheats" end)
	DatabaseBans.Add("76561198000000002", 0, "for ever")
	kit.wait("one for ever", function() return reason(2) == "You are banned: for ever" end)
	rows[#rows + 1] = { steamid = "76561198000000003", reason = "over", expires = os.time() - 1 }
	DatabaseBans.Remove("76561198000000001")
	kit.wait("the pardon", function() return not reason(1) and #told == 3 end)
	kit.eq(told[3], { "76561198000000001", "hub", "bans.changed" })
	-- A web site's change, and its message as in the head of the example.
	rows[#rows + 1] = { steamid = "76561198000000004", reason = "by the web", expires = 0 }
	host.server.publish("bans.changed", '{"from":"web","data":"76561198000000004"}')
	kit.wait("the web's", function() return reason(4) == "You are banned: by the web" end)
	-- Messages without a SteamID64 cause no query.
	local prepared = db.prepared
	for _, id in ipairs({ "x", "' OR 1", ("7"):rep(1000) }) do others:Publish("bans.changed", id) end
	world.settle()
	kit.eq(db.prepared, prepared)
	-- The same id 199 times, then another one: MySQL is asked a few times, and nothing is missed.
	rows[#rows + 1] = { steamid = "76561198000000006", reason = "late", expires = 0 }
	world.flood(function(i) others:Publish("bans.changed", "7656119800000000" .. (i < 200 and 4 or 6)) end)
	kit.eq({ db.prepared - prepared, reason(6) }, { 10 })
	run("database_bans.changed")
	kit.wait("all are read", function() return reason(6) == "You are banned: late" end)
	kit.eq(db.prepared - prepared, 11)
	-- While MySQL is away: a few lines, and all are read when it is back.
	db.failing, prepared = true, db.prepared
	local before = #host.console()
	world.flood(function() others:Publish("bans.changed", "76561198000000006") end)
	kit.wait("the complaints", function() return #host.console() >= before + 10 end)
	kit.eq({ db.prepared - prepared, #host.console() - before }, { 10, 10 })
	db.failing, rows[#rows] = false, nil
	run("database_bans.changed")
	kit.wait("all are read", function() return not reason(6) end)
	kit.eq(db.prepared - prepared, 11)
	-- Changes without a message, at `ready` and at `dropped`.
	rows[#rows + 1] = { steamid = "76561198000000005", reason = "unheard", expires = 0 }
	kit.ticks(3)
	kit.eq(reason(5), nil)
	host.server.drop()
	kit.wait("it is read again", function() return reason(5) end)
	kit.eq(reason(3), nil)
	table.remove(rows, 1)
	world.overflow(function() kit.eq(reason(7), "You are banned: old") end)
	kit.wait("it is read again", function() return not reason(7) end)
	-- MySQL is away: the copy counts, until the next attempt.
	db.failing = true
	local lines = #host.console()
	world.overflow(function() end)
	kit.wait("the complaint", function() return table.concat(host.console(), "\n", lines + 1):find("it is away", 1, true) end)
	kit.eq(reason(5), "You are banned: unheard")
	db.failing, rows[#rows] = false, nil
	run("database_bans")
	kit.wait("it is read again", function() return not reason(5) end)
	-- A ban while Redis is away: the others learn of it when it is back.
	if host.server.kind() == "fake" then
		local count = #told
		host.fake.on_next("publish", "close")
		DatabaseBans.Add("76561198000000008", 0, "without Redis")
		kit.wait("word of it", function() return #told > count end)
		kit.eq(told[#told][1], "76561198000000008")
	end
end)
