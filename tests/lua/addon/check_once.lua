-- servers: real; redis: 6.2
-- realtime_check: twelve set-ups that are broken on purpose. The report names only the fault, and its advice repairs it.

local function put(url, id)
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "%s", "options": { "reconnect_max": 0.1 } }', url, id or "ttt-1"))
end

-- The first map has a module that was cut short, the second one the whole module.
local FILE = include("_platform.lua").file
if host.map_number == 1 then
	host.delete((FILE:gsub("realtime", "bare")))
	local built = file.Open(FILE, "rb", "MOD")
	local part = built:Read(300000)
	built:Close()
	host.move(FILE, "kept.dll")
	host.put(FILE, part)
	put(host.redis_url)
	host.next_map()
	return
elseif host.map_number == 2 then
	host.run(function()
		RunConsoleCommand("realtime_check")
		local said = table.concat(host.console(), "\n")
		assert(said:find("\nPROBLEM  module: [^\n]*" .. string.PatternSafe(FILE) .. " is incomplete:"), said)
		assert(select(2, said:gsub("PROBLEM", "")) == 1, said)
		-- The advice: download the file again, and restart.
		host.delete(FILE)
		host.move("kept.dll", FILE)
		host.next_map()
	end)
	return
end

local kit = include("../_kit.lua")

local check_kit = include("_check.lua")(put)
local check, problems, show, only, only_soon = check_kit.check, check_kit.problems, check_kit.show, check_kit.only, check_kit.only_soon
local all_well, type_in, restart, with_user = check_kit.all_well, check_kit.type_in, check_kit.restart, check_kit.with_user

host.test("a server without a fault has none, and the report says what is there", function()
	kit.wait("ready", function() return realtime.Default():IsConnected() end)
	local report, about = all_well(), {}
	for _, line in ipairs(report.lines) do about[line.about] = line.text end
	for _, name in ipairs({ "versions", "settings", "id", "server", "role", "messages", "patterns", "subscriptions", "jobs", "shared tables", "connection", "memory",
		"persistence", "clients", "output buffers", "clock", "other servers", "changes of state" }) do
		assert(about[name], name .. " is not in\n" .. show(report))
	end
	assert(about.settings:find("garrysmod/data/realtime.json", 1, true) and about.server:find("^%l+ %d+%.%d+"), show(report))
	assert(about["changes of state"]:find("ready", 1, true), show(report))
	kit.eq(realtime.Default():Stats().subscriptions, 0, "nothing of it stays")
	kit.eq(next(realtime.addon.presences), nil)
end)

host.test("a module whose file was damaged since it was loaded", function()
	local built = file.Open(FILE, "rb", "MOD")
	local part = built:Read(300000)
	built:Close()
	host.move(FILE, "kept.dll")
	host.put(FILE, part)
	assert(only("module", "is incomplete").todo:find("again", 1, true))
	host.delete(FILE)
	host.move("kept.dll", FILE)
	local report = show(all_well())
	assert(report:find("good module: garrysmod/" .. FILE .. " is whole: ", 1, true), report)
end)

host.test("a wrong password", function()
	host.real.command("ACL", "SETUSER", "gmod", "reset", "on", ">another", "~*", "&*", "+@all")
	local address = host.redis_url:match("[%d.]+:%d+$")
	restart("redis://gmod:pw@" .. address)
	local line = only("connection", "WRONGPASS")
	assert(line.todo:find("ACL SETUSER gmod >password\nThen, to keep it: CONFIG REWRITE", 1, true), line.todo)
	assert(line.todo:find("garrysmod/data/realtime.json", 1, true), line.todo)
	restart("redis://gmod:another@" .. address)
	all_well()
	restart("redis://ttt-3:pw@" .. address)
	assert(only("connection", "WRONGPASS").todo:find("ACL GETUSER ttt%-3\nIf that shows nothing.*ACL SETUSER ttt%-3 >password"))
	restart("redis://gmod:another@" .. address)
end)

host.test("a user without +psubscribe", function()
	with_user("-psubscribe")
	type_in(host.real, only("patterns", "PSubscribe is refused").todo, "ACL SETUSER")
	all_well()
end)

host.test("channels that are not allowed: the addon's, and one that an addon wants", function()
	with_user("resetchannels &chat")
	type_in(host.real, only("messages", "refused").todo, "ACL SETUSER")
	all_well()
	local client = realtime.Default()
	client:Subscribe("shop", function() end)
	kit.wait("the refusal", function() return client:Stats().refused == 1 end)
	type_in(host.real, only("subscriptions", '"shop"').todo, "ACL SETUSER")
	client:Unsubscribe("shop")
	all_well()
end)

host.test("a user who may just what is needed has no problem, and learns what could not be looked at", function()
	with_user("-@all resetkeys resetchannels &realtime:* +hello +ping +time +client|setname +client|info +info +subscribe +unsubscribe +psubscribe +punsubscribe " ..
		"+publish ~realtime:once:* +eval +evalsha +script|load +hmget +hset +pexpire")
	local report = all_well()
	assert(show(report):find("unknown output buffers: this user may not read", 1, true), show(report))
	restart(host.redis_url)
end)

host.test("keys that are not allowed", function()
	with_user("resetkeys")
	-- Unused helpers need no permissions.
	local report = all_well()
	assert(show(report):find("unknown jobs: ", 1, true) and show(report):find("unknown shared tables: ", 1, true), show(report))
	local used = realtime.addon.used_scripts
	assert(realtime.Once("check_once", function(done) done() end))
	kit.wait("its question", function() return used.once end)
	type_in(host.real, only("jobs", "NOPERM").todo, "ACL SETUSER")
	local shared = realtime.Shared("check_once")
	shared:Set("a", 1, function() end)
	kit.wait("its question", function() return used.shared_write end)
	type_in(host.real, only("shared tables", " key").todo, "ACL SETUSER")
	all_well()
	host.real.command("ACL", "SETUSER", "gmod", "resetchannels", "&realtime:answers:*", "&realtime:presence",
		"&realtime:shared:{check_once}")
	type_in(host.real, only("shared tables", " channel").todo, "ACL SETUSER")
	host.real.command("ACL", "SETUSER", "gmod", "-evalsha", "-eval", "-script", "~*")
	local list = problems(check())
	kit.eq({ #list, list[1].about, list[2].about }, { 2, "jobs", "shared tables" })
	type_in(host.real, list[1].todo, "ACL SETUSER")
	all_well()
end)

host.test("one line allows all that a helper needs, whatever is refused first", function()
	local used = realtime.addon.used_scripts
	local before = table.Copy(used)
	for about, script in pairs({ ["jobs"] = "once", ["shared tables"] = "shared_read", ["durable messages"] = "durable_publish",
		["players"] = "players_claims", ["profiles"] = "profiles_open" }) do
		table.Empty(used)
		used[script] = true
		with_user("-@all resetkeys resetchannels &realtime:answers:* +hello +ping +time +info +client|info +subscribe +psubscribe +publish")
		type_in(host.real, only(about, "is refused").todo, "ACL SETUSER")
		-- Presence needs a channel of its own, so it is not used here.
		kit.eq(show(check()):find("problem " .. about, 1, true), nil)
	end
	table.Empty(used)
	table.Merge(used, before)
end)

host.test("a table that is only read counts as used, also if it could not be read", function()
	local used = realtime.addon.used_scripts
	local before = table.Copy(used)
	table.Empty(used)
	local client = with_user("resetkeys")
	local shared = realtime.Shared("check_read")
	table.Empty(used) -- as before the first call
	local line = only("shared tables", "is refused")
	kit.wait("its refusal", function() return shared.failure end)
	local words = tostring(shared.failure)
	assert(words:find("; realtime_check shows the line", 1, true) and not words:find("ACL SETUSER", 1, true), words)
	assert(show(check()):find("unknown shared table: check_read: not ready, 0 keys here, because it is refused", 1, true))
	type_in(host.real, line.todo, "ACL SETUSER")
	all_well() -- also before the table is read again
	client:Disconnect()
	table.Empty(used)
	table.Merge(used, before)
end)

host.test("a user with parts keeps what they protect", function()
	restart(host.redis_url)
	kit.wait("the version", function() return realtime.Default():Stats().version end)
	if tonumber(realtime.Default():Stats().version:match("^%d+")) < 7 then return end
	local user = kit.user("ttt-1", "on >pw resetchannels +hello +ping +time +client|setname +client|info +info +unsubscribe +punsubscribe " ..
		"(&chat &realtime:presence +subscribe +psubscribe +publish) (&realtime:requests:ttt-1 &realtime:answers:* +subscribe) " ..
		"(&realtime:requests:* &realtime:answers:* +publish)")
	restart(user)
	local from, used = #host.console(), realtime.addon.used_scripts
	table.Empty(used)
	used.shared_read = true
	type_in(host.real, only("shared tables", "is refused").todo, "ACL SETUSER")
	all_well()
	assert(not table.concat(host.console(), "\n", from + 1):find("cannot subscribe", 1, true), "advice to allow too much")
	for _, command in ipairs({ "SUBSCRIBE", "PSUBSCRIBE" }) do
		assert(host.real.command("ACL", "DRYRUN", "ttt-1", command, "realtime:requests:ttt-2"):find("permission", 1, true), command)
	end
	restart(host.redis_url)
end)

host.test("a Redis that keeps nothing on disk", function()
	with_user("")
	local used = realtime.addon.used_scripts
	local before = table.Copy(used)
	host.real.command("CONFIG", "SET", "save", "")
	table.Empty(used)
	assert(show(all_well()):find("good persistence: Redis keeps nothing on disk, which is enough for messages", 1, true))
	used.shared_read = true
	type_in(host.real, only("persistence", "all of realtime.Shared is lost").todo, "CONFIG SET")
	all_well()
	host.real.command("CONFIG", "SET", "appendonly", "no")
	with_user("-config")
	assert(show(all_well()):find("unknown persistence: its append-only file is off", 1, true))
	check_kit.keep(host.real)
	table.Empty(used)
	table.Merge(used, before)
	restart(host.redis_url)
end)

host.test("what the check leaves in Redis does not grow with the servers that check", function()
	local server_id = realtime.ServerId
	for _, id in ipairs({ "unnamed-1", "unnamed-2" }) do
		function realtime.ServerId() return id, true end
		all_well()
	end
	realtime.ServerId = server_id
	kit.wait("the same few keys", function()
		for _, helper in ipairs({ "once", "shared" }) do
			local key = "realtime:" .. helper .. ":{realtime:check"
			local keys = host.real.command("KEYS", key .. "*")
			if #keys ~= 1 or keys[1] ~= key .. "}" then return false end
		end
		-- Two streams, a hash about each, and the groups of one.
		return #host.real.command("KEYS", "realtime:durable:{realtime:check*") <= 5
	end)
end)

host.test("Redis is stopped", function()
	local client = restart(host.redis_url)
	kit.wait("ready", function() return client:IsConnected() end)
	host.server.stop()
	kit.wait("the loss", function() return client:Stats().error end)
	only("connection", "REFUSED")
	host.server.start()
	check_kit.keep(host.real)
	kit.wait("ready", function() return client:IsConnected() end)
	assert(show(all_well()):find("waiting (", 1, true), "the history")
	-- A listener of the addon's own for "down" would keep this line back.
	local said = table.concat(host.console(), "\n"):match("DISCONNECTED: the server closed the connection; ([^\n]*)")
	-- A pause of less than a millisecond is none.
	assert(said and (said:find("^next attempt in ") or said == "trying again at once"), "the console's line")
end)

host.test("a connection that was lost and made again at once is among the changes of state", function()
	local port = host.redis_url:match("%d+$")
	local client = restart("redis://127.0.0.1:" .. port .. ",localhost:" .. port)
	kit.wait("ready", function() return client:IsConnected() end)
	all_well()
	host.server.drop()
	kit.wait("another connection", function() return client:Stats().reconnects > 0 end)
	local told = show(all_well()):match("changes of state: [^\n]*")
	assert(told:find("connecting %(DISCONNECTED: [^,]*%), %d+ s ago ready$") or told:find("ready again$"), told)
	restart(host.redis_url)
end)

host.test("a connection that cannot be made: advice that fits the reason", function()
	local client, meta = realtime.Default(), FindMetaTable("RealtimeClient")
	local is_connected, stats, reason = meta.IsConnected, meta.Stats, nil
	function meta:IsConnected() return self ~= client and is_connected(self) end
	function meta:Stats()
		local found = stats(self)
		if self == client then found.error = reason end
		return found
	end
	for _, case in ipairs({
		{ "REFUSED: cannot connect to 127.0.0.1:6379: Connection reset by peer (os error 104)", "if that is a tunnel or a proxy" },
		{ "DISCONNECTED: the connection broke: Connection reset by peer (os error 104) before it answered; does it speak plain Redis protocol on this " ..
			"port, without TLS?", "write rediss:// instead of redis:// into garrysmod/data/realtime.json" },
		{ "DISCONNECTED: the server closed the connection before it answered; does it speak plain Redis protocol on this port, without TLS?",
			"write rediss:// instead of redis:// into garrysmod/data/realtime.json" },
		{ "DISCONNECTED: the server closed the connection before it answered; does it speak plain Redis protocol on this port, without TLS?",
			"If it is PostgreSQL's port" },
		{ "DISCONNECTED: the server closed the connection in the TLS handshake; does this port speak TLS (tls-port in the configuration of Redis)?",
			"If it is PostgreSQL's port" },
		{ "REFUSED: cannot connect to 127.0.0.1:6379: An existing connection was closed (os error 10054)", "if that is a tunnel or a proxy" },
		{ "REFUSED: cannot connect to 127.0.0.1:6379: Connection refused (os error 111)", "Start Redis there" },
		{ "NOAUTH: the Sentinel 127.0.0.1:26379: it wants a password of its own: set the option sentinel_password", '"sentinel_password": "' },
		{ "WRONGPASS: the Sentinel 127.0.0.1:26379: invalid username-password pair or user is disabled.", '"sentinel_password": "' },
		{ "WRONGPASS: invalid username-password pair or user is disabled.", "redis://gmod:password@" },
	}) do
		reason = case[1]
		local todo = only("connection", reason).todo
		assert(todo:find(case[2], 1, true), reason .. " -> " .. todo)
	end
	meta.IsConnected, meta.Stats = is_connected, stats
end)

host.test("a replica", function()
	local replica = host.new_real()
	check_kit.keep(replica)
	replica.command("REPLICAOF", "127.0.0.1", host.redis_url:match("%d+$"))
	kit.wait("the master", function() return tostring(replica.command("INFO", "replication")):find("master_link_status:up", 1, true) end)
	restart(replica.url())
	local line = only("role", "it is a replica")
	restart("redis://" .. line.todo:match("%S+$"))
	all_well()
end)

host.test("another database than the other servers'", function()
	realtime.addon.check_listening = check_kit.listening
	local other = kit.ready({ id = "other" })
	local presence = realtime.Presence(other, "ttt-2")
	restart(host.redis_url .. "/1")
	local line = only_soon("database", "this server uses database 1, and ttt-2 uses 0")
	restart(host.redis_url .. line.todo:match("6379(/%d+)"))
	check_kit.all_well_soon("other servers: ttt-2")
	presence:Stop()
	other:Disconnect()
end)

host.test("a twin", function()
	realtime.addon.check_listening = check_kit.listening
	local other = kit.ready({ id = "other" })
	local twin = realtime.Presence(other, "ttt-1")
	local line = only_soon("same id", '"ttt-1"')
	twin:Stop()
	twin = realtime.Presence(other, line.todo:match('such as "([^"]+)"'))
	check_kit.all_well_soon("other servers: ttt-1-2")
	-- Also if this server used presence before, which finds its twin by itself.
	local own = realtime.Presence()
	kit.wait("the other one", function() return own:Server("ttt-1-2") end)
	local from = #host.console()
	RunConsoleCommand("realtime_status")
	local said = table.concat(host.console(), "\n", from + 1)
	assert(said:find("presence       as ttt-1: 1 other servers\n", 1, true), said)
	all_well()
	kit.eq(realtime.addon.presences[own], true, "it goes on")
	own:Stop()
	twin:Stop()
	other:Disconnect()
	realtime.addon.check_listening = 0.2
end)

host.test("full memory, where nothing may be dropped; and a policy that drops anything", function()
	host.real.command("CONFIG", "SET", "maxmemory", "1000000")
	type_in(host.real, only("memory", "Redis is full").todo, "CONFIG SET")
	all_well()
	host.real.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	type_in(host.real, only("memory", "drops keys").todo, "CONFIG SET")
	all_well()
	host.real.command("CONFIG", "SET", "maxmemory", "0")
end)

host.test("maxclients is reached, or will be soon", function()
	local server, holders = host.new_real({ "maxclients 3" }), {}
	check_kit.keep(server)
	for i = 1, 3 do holders[i] = kit.ready({ url = server.url(), protocol = 3 }) end
	restart(server.url())
	local line = only("connection", "max number of clients")
	-- Room for redis-cli, and for this server, which keeps reconnecting.
	holders[1]:Disconnect()
	holders[2]:Disconnect()
	kit.wait("room", function() return pcall(type_in, server, line.todo, "CONFIG SET") end)
	kit.wait("ready", function() return realtime.Default():IsConnected() end)
	all_well()
	server.command("CONFIG", "SET", "maxclients", "10")
	local crowd = {}
	for i = 1, 7 do crowd[i] = kit.ready({ url = server.url(), protocol = 3 }) end
	type_in(server, only("clients", "9 of 10 clients").todo, "CONFIG SET")
	all_well()
	for _, client in ipairs(crowd) do client:Disconnect() end
	restart(host.redis_url)
end)

host.test("an output buffer limit that is too small", function()
	local function limit(limits) host.real.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub " .. limits) end
	-- 0 is no limit, which no text names.
	for limits, text in pairs({ ["1mb 0 0"] = "more than 1.0 MB wait: too little", ["0 512kb 10"] = "more than 0.5 MB for 10 s wait: too little",
		["1mb 512kb 0"] = "more than 1.0 MB, or 0.5 MB wait: too little" }) do
		limit(limits)
		type_in(host.real, only("output buffers", text).todo, "CONFIG SET")
		all_well()
	end
	for limits, text in pairs({ ["0 0 60"] = "no limit", ["0 8mb 60"] = "Redis ends the connection of a subscriber for whom more than 8.0 MB for 60 s wait",
		["32mb 0 0"] = "Redis ends the connection of a subscriber for whom more than 32.0 MB wait" }) do
		limit(limits)
		local report = show(all_well())
		assert(("\n" .. report .. "\n"):find("\ngood output buffers: " .. text .. "\n", 1, true), report)
	end
end)

host.test("the command shows the same, to a superadmin as well; what is asked for wrongly raises", function()
	kit.wait("ready", function() return realtime.Default():IsConnected() end)
	local from = #host.console()
	local function said() return table.concat(host.console(), "\n", from + 1) end
	RunConsoleCommand("realtime_check")
	kit.wait("the end", function() return said():find("all is well", 1, true) end)
	assert(said():find("\nok       messages: a message to oneself came back\n", 1, true), said())
	host.real.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 512kb 10")
	local ply = host.players.add()
	ply:SetUserGroup("superadmin")
	host.players.command(ply, "realtime_check")
	local function seen() return table.concat(host.players.seen(ply).console, "\n") end
	kit.wait("the end", function() return seen():find("1 problem$") end)
	assert(seen():find('PROBLEM  output buffers: [^\n]*\n%s+%-> Type into redis%-cli: CONFIG SET'), seen())
	kit.raises("check_once%.lua:%d+: bad argument #1 to 'Check'", function() realtime.Check() end)
end)
