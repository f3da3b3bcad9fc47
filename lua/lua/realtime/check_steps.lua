-- The steps of realtime_check. Each step runs in a coroutine, has a connected client, and adds lines to the report.
return function(realtime, addon)
	local SysTime = SysTime
	local PATIENCE = 5 -- seconds for answers that must come soon
	addon.check_listening = 4 -- seconds in which servers that are asked have announced themselves twice
	local MEBIBYTE = 1048576
	-- Redis's defaults: with less, a burst of messages ends connections.
	local PUBSUB_HARD, PUBSUB_SOFT = 32 * MEBIBYTE, 8 * MEBIBYTE
	local CLOCKS = 30 -- seconds that this machine's clock may be off
	local CROWDED = 0.9 -- of maxclients

	-- Waits until condition() is true, and returns its answer; or false after `seconds`.
	function addon.WaitFor(condition, seconds)
		local stop = SysTime() + seconds
		repeat
			local answer = condition()
			if answer then return answer end
			realtime.Sleep(0.05)
		until SysTime() >= stop
		return condition() or false
	end

	-- Mebibytes, under the name that Redis's configuration gives them ("32mb").
	local function mebibytes(bytes) return string.format("%.1f MB", bytes / MEBIBYTE) end
	addon.Mebibytes = mebibytes

	local fields_of, in_redis_cli = addon.FieldsOf, addon.InRedisCli

	local steps = {}
	addon.check_steps = steps

	function steps.server(report, client)
		local err, seconds = realtime.Await(client, "Ping")
		local stats = client:Stats()
		local server = string.format("%s %s at %s%s%s%s", stats.server or "a server", stats.version or "of an unknown version", stats.address,
			addon.IsPostgres(client) and "" or ", RESP" .. (stats.protocol or "?"), stats.tls and ", " .. stats.tls or "",
			addon.IsPostgres(client) and ", " .. (stats.role == "replica" and "a hot standby" or "a primary") or ", " .. (stats.mode or "of an unknown mode"))
		if err then
			return report.Problem("server", server .. ": PING fails: " .. err, "Fix what the line above names.")
		end
		report.Good("server", string.format("%s; an answer takes %.1f ms", server, seconds * 1000))
	end

	-- The time that the current connection took to make, stage by stage.
	local STAGES = { { "lookup", "lookup_time" }, { "connecting", "connect_time" }, { "TLS", "tls_time" }, { "login", "login_time" } }
	function addon.ConnectTimes(stats)
		local parts, sum = {}, 0
		for _, stage in ipairs(STAGES) do
			local seconds = stats[stage[2]]
			if seconds then
				parts[#parts + 1] = string.format("%s %.1f ms", stage[1], seconds * 1000)
				sum = sum + seconds
			end
		end
		return string.format("made within %.1f ms: %s", sum * 1000, table.concat(parts, ", "))
	end

	function steps.connection(report, client)
		report.Good("connection", addon.ConnectTimes(client:Stats()))
	end

	function steps.role(report, client)
		if client:Stats().role ~= "replica" then return report.Good("role", "it is a master") end
		local _, role = realtime.Await(client, "Command", { "ROLE" })
		local master = istable(role) and isstring(role[2]) and isnumber(role[3]) and role[2] .. ":" .. role[3]
		report.Problem("role", "it is a replica: messages published here reach nobody on its master, and it refuses writes",
			string.format("Write the master's address into %s, and restart this server: %s", addon.settings_from,
				master or "redis-cli ROLE names it on the replica"))
	end

	-- Whether a Sentinel confirms the master. If none does, perhaps no replica takes over when the master fails.
	function steps.sentinel(report, client)
		if not addon.NamesSentinels(client) then return end
		local stats
		addon.WaitFor(function()
			stats = client:Stats()
			return stats.sentinel or stats.sentinel_error
		end, PATIENCE)
		local reason = stats.sentinel_error
		if not reason and not stats.sentinel then return report.Unknown("sentinel", "this server looks for one: check again") end
		if not reason then return report.Good("sentinel", stats.sentinel .. " confirms the master") end
		report.Problem("sentinel", "no Sentinel confirms the master, so a failover comes late or not at all: " .. addon.Printable(reason, 600),
			reason:find("ACL SETUSER", 1, true) and "Type the ACL SETUSER that stands there into redis-cli -p 26379, on each Sentinel, and then SENTINEL FLUSHCONFIG." ..
				(reason:find("ACL SETUSER USER ", 1, true) and " In place of USER write the Sentinels' user: the sentinel_username in realtime.json." or "")
				or "Start the Sentinels that are down (sudo systemctl start redis-sentinel), or repair the network to them and between them.")
	end

	-- A refusal names the channel of this check, which is a new one each time.
	local function general(text, token) return string.Replace(text, "realtime:answers:" .. token, "realtime:*") end

	local ANSWERS = " (&realtime:answers:* +subscribe +unsubscribe +publish)" -- for a user with parts

	function steps.messages(report, client)
		local token, heard = realtime.RandomToken(), false
		local channel = "realtime:answers:" .. token
		client:Subscribe(channel, "realtime.Check", function() heard = true end)
		local err, receivers = realtime.Await(client, "Publish", channel, "a message to oneself")
		local function refusal()
			local reason = client:Stats().refused_reason
			return reason and reason:find(token, 1, true) and reason
		end
		local refused = addon.WaitFor(function() return heard and "heard" or refusal() end, err and 1 or PATIENCE)
		client:Unsubscribe(channel, "realtime.Check")
		if err or refused and refused ~= "heard" then
			local text = general(err and tostring(err) or refused, token)
			return report.Problem("messages", "a message to oneself is refused: " .. addon.WithoutRemedy(text),
				addon.TodoOfRefusal(report, client, text, function() return ANSWERS end))
		end
		if refused then return report.Good("messages", "a message to oneself came back") end
		local text = string.format("a message to oneself did not come back within %d s", PATIENCE)
		if addon.IsPostgres(client) then
			return report.Problem("messages", text, "Is a pooler between this server and PostgreSQL? It must not share connections (pool_mode = session).")
		end
		report.Problem("messages", string.format("%s; Redis counted %s receivers", text, tostring(receivers)), 'Write "verify_delivery": true into ' ..
			'"options" of garrysmod/data/realtime.json, restart this server, and check what is between it and Redis.')
	end

	-- Only a refusal of PSUBSCRIBE itself is a problem. Which patterns are allowed depends on the user's rules.
	function steps.patterns(report, client)
		local reason = addon.RefusalOf(client, "PSubscribe", "realtime:*")
		if not reason or not reason:find("psubscribe", 1, true) then
			return report.Good("patterns", "PSubscribe is allowed")
		end
		report.Problem("patterns", "PSubscribe is refused: " .. addon.WithoutRemedy(reason), addon.TodoOfRefusal(report, client, reason))
	end

	-- Subscriptions of addons that are refused.
	function steps.subscriptions(report, client)
		local stats = client:Stats()
		if stats.refused == 0 then
			return report.Good("subscriptions", stats.subscriptions .. " wanted, none refused")
		end
		local reason = stats.refused_reason or "…"
		report.Problem("subscriptions", string.format("%d of %d are refused: %s", stats.refused, stats.subscriptions, addon.WithoutRemedy(reason)),
			addon.TodoOfSubscriptions(report, client, reason) .. "\nThey are asked for again within five minutes. If a name is misspelled, correct the addon instead.")
	end

	local function memory_is_full(report, memory)
		local most = tonumber(memory.maxmemory or "") or 0
		report.Problem("memory", string.format("Redis is full: %s of %s are used, its policy is %s, and it refuses writes",
			mebibytes(tonumber(memory.used_memory or "") or 0), mebibytes(most), memory.maxmemory_policy or "noeviction"),
			in_redis_cli(string.format("CONFIG SET maxmemory %.0f", math.max(most * 4, 256 * MEBIBYTE))) .. "\nOr free memory.")
	end

	function steps.memory(report, client)
		local err, text = realtime.Await(client, "Command", { "INFO", "memory" })
		local memory = fields_of(text)
		local used, most = tonumber(memory.used_memory or ""), tonumber(memory.maxmemory or "")
		if report.is_full or used and most and most > 0 and used >= most and memory.maxmemory_policy == "noeviction" then
			return memory_is_full(report, memory)
		end
		if err or not used then return report.Unknown("memory", "Redis does not say how full it is: " .. tostring(err or "no figures")) end
		local policy = memory.maxmemory_policy or "noeviction"
		local text_of = string.format("%s used, maxmemory is %s, its policy is %s", mebibytes(used), most and most > 0 and mebibytes(most)
			or "unlimited", policy)
		if most and most > 0 and policy:find("^allkeys") then
			return report.Problem("memory", text_of .. ": when it is full, Redis drops keys that are still needed",
				in_redis_cli("CONFIG SET maxmemory-policy noeviction"))
		end
		report.Good("memory", text_of)
	end

	function steps.persistence(report, client)
		local err, text = realtime.Await(client, "Command", { "INFO", "persistence" })
		local fields = fields_of(text)
		if err or not fields.rdb_last_bgsave_status then
			return report.Unknown("persistence", "Redis does not say whether it saves its data: " .. tostring(err or "no figures"))
		end
		if fields.rdb_last_bgsave_status ~= "ok" then
			return report.Problem("persistence", "the last save to disk failed, and Redis may refuse writes",
				"Look into Redis's log: the disk is full, or its folder cannot be written.")
		end
		if fields.aof_enabled == "1" then return report.Good("persistence", "it writes each change to disk") end
		local refused, reply = realtime.Await(client, "Command", { "CONFIG", "GET", "save" })
		local points = not refused and istable(reply) and realtime.Map(reply).save
		if not points then
			return report.Unknown("persistence", "its append-only file is off, and this user may not look whether it saves its data otherwise. As " ..
				"an administrator type into redis-cli CONFIG GET save: its second line must not be empty")
		end
		if points ~= "" then
			return report.Good("persistence", string.format("it saves to disk now and then: a crash loses later changes; the last save was %d s ago",
				math.max(0, os.time() - (tonumber(fields.rdb_last_save_time) or 0))))
		end
		local used = {}
		for _, helper in ipairs(addon.check_helpers) do
			if helper.name ~= "realtime.Once" and addon.HelperIsUsed(helper, client) then used[#used + 1] = helper.name end
		end
		if not used[1] then return report.Good("persistence", "Redis keeps nothing on disk, which is enough for messages") end
		report.Problem("persistence", "Redis keeps nothing on disk: if it restarts, all of " .. table.concat(used, ", ") .. " is lost",
			in_redis_cli("CONFIG SET appendonly yes"))
	end

	function steps.clients(report, client)
		local err, text = realtime.Await(client, "Command", { "INFO", "clients" })
		local fields = fields_of(text)
		local count, most = tonumber(fields.connected_clients or ""), tonumber(fields.maxclients or "")
		if err or not count then return report.Unknown("clients", "Redis does not say how many it has: " .. tostring(err or "no figures")) end
		local said = count .. " of " .. (most or "an unknown number of") .. " clients"
		if not most or count < most * CROWDED then return report.Good("clients", said) end
		report.Problem("clients", said .. ": soon further clients are refused", in_redis_cli("CONFIG SET maxclients " .. most * 4))
	end

	function steps.buffers(report, client)
		local err, reply = realtime.Await(client, "Command", { "CONFIG", "GET", "client-output-buffer-limit" })
		local reply_text = not err and istable(reply) and realtime.Map(reply)["client-output-buffer-limit"]
		local hard, soft, seconds = tostring(reply_text or ""):match("pubsub (%d+) (%d+) (%d+)")
		if not hard then
			return report.Unknown("output buffers", "this user may not read how much may wait for a subscriber. As an administrator type into " ..
				"redis-cli CONFIG GET client-output-buffer-limit: it should say pubsub 33554432 8388608 60 or more")
		end
		hard, soft, seconds = tonumber(hard), tonumber(soft), tonumber(seconds)
		-- 0 is no limit. Without seconds the lower limit ends a connection at once.
		local limits = {}
		if hard > 0 then limits[1] = mebibytes(hard) end
		if soft > 0 then limits[#limits + 1] = mebibytes(soft) .. (seconds > 0 and " for " .. seconds .. " s" or "") end
		if not limits[1] then return report.Good("output buffers", "no limit") end
		local text = "Redis ends the connection of a subscriber for whom more than " .. table.concat(limits, ", or ") .. " wait"
		if (hard > 0 and hard < PUBSUB_HARD) or (soft > 0 and soft < PUBSUB_SOFT) then
			return report.Problem("output buffers", text .. ": too little", in_redis_cli('CONFIG SET client-output-buffer-limit "pubsub 32mb 8mb 60"'))
		end
		report.Good("output buffers", text)
	end

	function steps.clock(report, client)
		local server = addon.IsPostgres(client) and "PostgreSQL" or "Redis"
		local time, reason = realtime.Time()
		if not time then return report.Unknown("clock", "the server's time is not known: " .. reason) end
		local off = os.time() - time
		if math.abs(off) < CLOCKS then return report.Good("clock", "this machine and " .. server .. " agree") end
		report.Problem("clock", string.format("this machine's clock is %.0f s %s %s's", math.abs(off), off > 0 and "ahead of" or "behind", server),
			"Have the system set its clock, on both machines: timedatectl set-ntp true")
	end

	-- Runs fn with presence, which is started for that time if no addon uses it.
	local function with_presence(client, fn)
		local id, found = realtime.ServerId(), nil
		for presence in pairs(addon.presences) do
			if presence.client == client and presence.id == id then found = presence end
		end
		local presence = found or realtime.Presence(client, id)
		fn(presence)
		if not found then presence:Stop() end
	end

	-- If two servers have the same id, each listens until both know it. A server whose check began a little
	-- later was heard only once in the first wait, so there is a second one.
	local function listen(presence)
		local function know() return addon.TwinsKnow(presence) end
		addon.WaitFor(know, addon.check_listening)
		if addon.HearsTwin(presence) then addon.WaitFor(know, addon.check_listening) end
	end

	function steps.others(report, client)
		with_presence(client, function(presence)
			addon.AskPresence(presence)
			listen(presence)
			local own, others, elsewhere = presence:Server(presence.id), {}, {}
			local least = own.database -- the lowest number: all servers advise the same one, so that two do not exchange theirs
			for _, server in ipairs(presence:Servers()) do
				if not server.own then
					others[#others + 1] = server.id
					if server.database and own.database and server.database ~= own.database then
						elsewhere[#elsewhere + 1] = server
						least = math.min(least, server.database)
					end
				end
			end
			if own.duplicate then
				report.Problem("same id", string.format('another server has this one\'s id, "%s": requests reach both', own.id),
					string.format('Write another "id" into garrysmod/data/realtime.json of one of them, such as "%s-2", and restart it.', own.id))
			end
			if elsewhere[1] then
				report.Problem("database", string.format("this server uses database %d, and %s uses %d: they hear each other, but share no keys",
					own.database, elsewhere[1].id, elsewhere[1].database), string.format('Write the same number at the end of the "url" of both, ' ..
					"as in redis://10.0.0.5:6379/%d, and restart the server that you changed.", least))
			end
			if own.duplicate or elsewhere[1] then return end
			report.Good("other servers", #others > 0 and table.concat(others, ", ") or "none is heard (only servers that use presence can be)")
		end)
	end

	-- The order in which they run. Refused subscriptions of addons come before the check's own subscriptions.
	addon.check_order = { "connection", "server", "role", "sentinel", "cluster", "subscriptions", "messages", "patterns", "scripts", "shared", "durable", "players", "memory",
		"persistence", "clients", "buffers", "clock", "others" }
	addon.check_order_of_postgres = { "connection", "server", "subscriptions", "messages", "clock", "others" }
end
