-- servers: real; redis: 6.2
-- realtime_check: what the helpers have, and what they may do.

local put = include("_check_put.lua")
if not put then return end

local kit = include("../_kit.lua")
local check_kit = include("_check.lua")(put)
local show, only, all_well = check_kit.show, check_kit.only, check_kit.all_well
local type_in, restart, with_user = check_kit.type_in, check_kit.restart, check_kit.with_user

host.test("messages that are dead", function()
	restart(host.redis_url)
	local durable = realtime.Durable()
	durable:Work("check_once", function(_, _, done) done() end)
	host.real.command("XADD", "realtime:durable:{check_once}", "*", "data", "no JSON")
	local is_dead
	durable:On("failed", "test", function() is_dead = true end)
	kit.wait("its end", function() return is_dead end)
	local function problem() return only("durable channel", "1 messages of check_once are dead: they failed too often, or cannot be read; the newest, ") end
	local dead = type_in(host.real, problem().todo, "XRANGE")
	kit.eq({ #dead, table.HasValue(dead[1][2], "no JSON") }, { 1, true })
	-- Put back, it is dead again.
	is_dead = false
	RunString(assert(problem().todo:match("console: lua_run ([^\n]*)")), "console")
	kit.wait("its end", function() return is_dead end)
	assert(problem().text:find(": line 1, column 1: expected a value", 1, true), problem().text)
	kit.eq(type_in(host.real, problem().todo, "DEL"), 1)
	local report = all_well()
	assert(show(report):find("good durable channel: check_once: 0 messages, 0 of them not begun, 0 in work or waiting after an error\n", 1, true), show(report))
	-- One that failed waits for its next try.
	durable:Work("check_once", function(_, _, done) done("later") end)
	local has_failed
	durable:On("failed", "test", function() has_failed = true end)
	durable:Publish("check_once", 1)
	kit.wait("its first try", function() return has_failed end)
	report = show(all_well())
	assert(report:find("check_once: 1 messages, 0 of them not begun, 1 in work or waiting after an error, the oldest is ", 1, true), report)
	durable:Stop("check_once")
	for _, script in ipairs({ "durable_work", "durable_manage" }) do realtime.addon.used_scripts[script] = nil end
end)

host.test("a shared table that is nearly full; places of servers that are not heard of", function()
	local shared = realtime.Shared("check_once")
	shared:Set("a", 1)
	kit.wait("the table", function() return shared:Get("a") == 1 and shared:IsReady() end)
	local report = show(all_well())
	assert(report:find("good shared table: check_once: ready, 1 keys here, 0.0 MB in Redis", 1, true), report)
	local meta = host.real.command("HGET", shared.key, "")
	host.real.command("HSET", shared.key, "", (meta:gsub("%d+$", "16000000")))
	assert(only("shared table", "15.3 MB of 16.0 MB").todo:find("expires", 1, true))
	host.real.command("HSET", shared.key, "", meta)
	all_well()
	local durable = realtime.Durable()
	durable:Subscribe("check_news", function() end)
	local is_ready
	durable:On("ready", "test", function() is_ready = true end)
	kit.wait("its place", function() return is_ready end)
	local key = "realtime:durable:{check_news}:groups"
	local place = host.real.command("HGET", key, "ttt-1:check_news")
	host.real.command("HSET", key, "ttt-9:check_news", (place:gsub("%d+$", function(time)
		return string.format("%.0f", tonumber(time) - 3 * 86400000)
	end)))
	report = show(all_well())
	assert(report:find("good durable channel: check_news: 0 messages, 0 of them not handled; not heard of: ttt-9:check_news (3 days)", 1, true), report)
	durable:Stop("check_news")
	for _, script in ipairs({ "durable_read", "durable_manage" }) do realtime.addon.used_scripts[script] = nil end
end)

host.test("a command that only some calls of a helper need", function()
	restart(host.redis_url)
	local used = realtime.addon.used_scripts
	table.Empty(used) -- because the last client called scripts at its end
	for _, case in ipairs({
		{ "shared tables", "shared_write", "zrem", "hdel", "hgetall", "hscan" }, { "players", "players_claims", "hlen", "zscore", "zremrangebyscore" },
		{ "durable messages", "durable_publish", "xadd", "xtrim", "xdel", "xlen", "xrange", "xrevrange", "zcard", "zrangebyscore" },
	}) do
		used[case[2]] = true
		local line
		for i = 3, #case do
			with_user("-" .. case[i])
			line = only(case[1], "is refused")
		end
		type_in(host.real, line.todo, "ACL SETUSER")
		all_well()
		used[case[2]] = nil
	end
	used.players_claims = true
	with_user("resetchannels &realtime:answers:* &realtime:presence")
	type_in(host.real, only("players", " channel").todo, "ACL SETUSER")
	all_well()
	used.players_claims = nil
	-- And the permissions for profiles.
	local once = used.once
	used.profiles_open, used.once = true, nil
	for _, command in ipairs({ "hset", "hmget" }) do
		with_user("-" .. command)
		line = only("profiles", "is refused")
	end
	type_in(host.real, line.todo, "ACL SETUSER")
	all_well()
	used.profiles_open, used.once = nil, once
end)

host.test("players", function()
	restart(host.redis_url)
	local players = assert(realtime.Players())
	local ply = host.players.add({})
	kit.wait("his claim", function() return players:Where(ply) end)
	local report = show(all_well())
	assert(report:find("good who is where: 1 here, 1 on all servers", 1, true), report)
	host.players.leave(ply)
	realtime.addon.used_scripts.players_claims = nil
end)

host.test("each server's words for a key, a channel and a command", function()
	with_user("")
	local addon = realtime.addon
	local run, used = addon.RunScript, addon.used_scripts
	used.shared_write = true
	for text, rule in pairs({
		["The user executing the script can't access at least one of the keys mentioned in the command arguments"] = "~realtime:shared:* ",
		["No permissions to access a key"] = "~realtime:shared:* ",
		["ACL failure in script: No permissions to access a channel"] = "&realtime:shared:*",
		["ACL failure in script: User gmod has no permissions to run the 'zrem' command"] = " +eval ",
		["The user executing the script can't run this command or subcommand"] = " +eval ",
	}) do
		function addon.RunScript(client, script, keys, arguments, fn)
			if not script:find("^shared") then return run(client, script, keys, arguments, fn) end
			fn(addon.Error(text:find("script", 1, true) and "ERR" or "NOPERM", text, true))
			return true
		end
		local line = only("shared tables", text)
		assert(line.todo:find("ACL SETUSER gmod ", 1, true) and line.todo:find(rule, 1, true), line.todo)
	end
	addon.RunScript, used.shared_write = run, nil
end)
