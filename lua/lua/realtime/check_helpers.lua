-- How realtime_check tries the scripts of each helper, and the rights that they need.
return function(realtime, addon)
	local SLOT_TOKEN = ("c"):rep(32)

	-- Whether an addon uses a helper: one of its scripts has run, or there is an object that will need them.
	function addon.HelperIsUsed(helper, client)
		for _, script in ipairs(helper.scripts) do
			if addon.used_scripts[script] then return true end
		end
		return helper.is_made ~= nil and helper.is_made(client)
	end
	local function has_any(of_clients) return function(client) return next(of_clients()[client] or {}) ~= nil end end

	-- The scripts of the helpers, on keys of the check's own, which all servers share, so that its leftovers do not
	-- grow. For each command that a helper needs there is one call. `run` returns an error, or the channel on which
	-- it could not publish. `registers`: a channel on which no script publishes, but the servers do.
	local RIGHTS = " +eval +evalsha +script|load +time "
	addon.check_helpers = {
		{
			about = "jobs", name = "realtime.Once", scripts = { "once" }, keys = " ~realtime:once:*", commands = RIGHTS .. "+hmget +hset +pexpire",
			run = function(run, id)
				local keys = { "realtime:once:{realtime:check}" }
				return run("once", keys, { "take", SLOT_TOKEN, 1000, id, 0 }) or run("once", keys, { "release", SLOT_TOKEN, 1000, id, 0 })
			end,
		},
		{
			about = "shared tables", name = "realtime.Shared", scripts = { "shared_read", "shared_write" },
			is_made = has_any(function() return addon.shared_tables end), keys = " ~realtime:shared:*",
			channels = " &realtime:shared:*", commands = RIGHTS .. "+publish +subscribe +unsubscribe +hget +hgetall +hscan +hset +hdel +zadd +zrem " ..
				"+zrangebyscore +get +set",
			run = function(run, id)
				local key = "realtime:shared:{realtime:check}"
				local function write(...)
					local token = realtime.RandomToken()
					return run("shared_write", { key, key .. ":expiry", key .. ":token:" .. token }, { id, token, 1, ... })
				end
				local err, reply = write("set", "check", "1", "1", "")
				err = err or write("set", "check", "1", "never", "") or write("remove", "check", "", "", "")
					or run("shared_read", { key }, { "all", "0", 10 }) or run("shared_read", { key }, { "all", "1", 10 })
				return err, not err and reply[4] ~= 1 and key or nil
			end,
		},
		{
			about = "durable messages", name = "realtime.Durable", scripts = { "durable_publish", "durable_read", "durable_work" },
			is_made = function(client)
				for durable in pairs(addon.durables) do
					if durable.client == client and next(durable.channels) then return true end
				end
				return false
			end,
			keys = " ~realtime:durable:*", channels = " &realtime:durable:*", commands = RIGHTS .. "+publish +subscribe +unsubscribe +get +set " ..
				"+hget +hmget +hgetall +hset +hdel +xadd +xtrim +xdel +xlen +xrange +xrevrange +zadd +zrem +zcard +zrangebyscore",
			run = function(run, id)
				local function names(key, ...)
					local list = { key }
					for _, part in ipairs({ ... }) do list[#list + 1] = key .. ":" .. part end
					return list
				end
				local function publish(key)
					local token = realtime.RandomToken()
					return run("durable_publish", names(key, "about", "token:" .. token), { "publish", token, 1, id, "1" })
				end
				-- One worker for all checks: it gets whatever an interrupted check left behind, and finishes that as
				-- well.
				local key, token = "realtime:durable:{realtime:check}", SLOT_TOKEN
				local err, reply = publish(key)
				if err then return err end
				local channel = reply[3] ~= 1 and key or nil
				local work = names(key, "about", "held", "tries", "workers", "dead")
				err, reply = run("durable_work", work, { "take", token, 1000, "", 10, "" })
				for _, message in ipairs(not err and reply[4] or {}) do
					err = err or run("durable_work", work, { "done", token, 1000, "", 0, "", message[1] })
				end
				local read = "realtime:durable:{realtime:check:read}"
				err = err or run("durable_read", names(read, "about", "groups", "dead"), { "read", "check:check", token, 1, 1, "now", "", -1, "", 1 })
					or publish(read) or run("durable_manage", names(read, "about", "groups", "held", "dead"), { "stats" })
				return err, not err and channel or nil
			end,
		},
		{
			about = "players", name = "realtime.Players", scripts = { "players_claims" },
			is_made = function(client)
				for players in pairs(addon.players) do
					if players.client == client then return true end
				end
				return false
			end,
			keys = " ~realtime:players:*", channels = " &realtime:players*", registers = "realtime:players",
			commands = RIGHTS .. "+publish +subscribe +unsubscribe +get +set +hget +hmget +hset +hdel +hlen +hgetall " ..
				"+pexpire +zadd +zrem +zscore +zrangebyscore +zremrangebyscore",
			run = function(run, id)
				local function names(...)
					local list = {}
					for _, part in ipairs({ ... }) do list[#list + 1] = "realtime:players:{realtime:check}:" .. part end
					return list
				end
				local player, first, second = "76561197960265729", realtime.RandomToken(), realtime.RandomToken()
				local function sync(instance, server, ...)
					return run("players_claims", names("claims", "leases", "instances", "waiting"), { "sync", instance, server, 1, 1000, "here", 0, ... })
				end
				-- The second one takes a player of the first one, which is notified.
				local err = sync(first, "realtime.check", player, 1, 0, 0, "new")
				if err then return err end
				local reply, posted
				err, reply = sync(second, "realtime.check-2", player, 1, 0, 0, "new")
				if err then return err end
				local token = realtime.RandomToken()
				err, posted = run("players_post", names("posts:" .. player, "waiting", "claims", "leases", "token:" .. token),
					{ "post", token, 1, id, player, "check", 1, "1" })
				local take = names("posts:" .. player, "waiting", "claims")
				err = err or run("players_take", take, { "take", player, second }) or run("players_take", take, { "done", player, second, posted[2] })
				return err, not err and reply[3] ~= 1 and "realtime:players:realtime.check" or nil
			end,
		},
		{
			about = "profiles", name = "realtime.Profiles", scripts = { "profiles_open" },
			is_made = has_any(function() return addon.profiles_made end), keys = " ~realtime:profiles:*",
			channels = " &realtime:profiles:*", commands = RIGHTS .. "+publish +subscribe +unsubscribe +hmget +hset",
			run = function(run, id)
				local channel = "realtime:profiles:{realtime:check}"
				local keys = { channel .. ":check" }
				local err = run("profiles_open", keys, { "open", SLOT_TOKEN, 1000, id, channel, "check" })
				-- The current holder is asked for it.
				local problem, reply = run("profiles_open", keys, { "open", ("d"):rep(32), 1000, id, channel, "check" })
				err = err or problem or run("profiles_renew", keys, { 1000, id, SLOT_TOKEN, "0", 0 })
				for _, token in ipairs({ SLOT_TOKEN, ("d"):rep(32) }) do
					err = err or run("profiles_save", keys, { "release", token, "0", 0, 1000, id, channel, "check", "none", "", "", 0 })
				end
				return err, not err and reply[1] == "held" and reply[4] ~= 1 and channel or nil
			end,
		},
	}
end
