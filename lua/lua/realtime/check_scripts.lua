-- The checks of the helpers: whether their scripts run, shared tables, durable channels. Same form as
-- check_steps.lua.
return function(realtime, addon)
	local steps = addon.check_steps
	local SILENT = 60 -- seconds after which a server that asked for durable messages counts as silent
	local MAX_BYTES, CROWDED = 16 * 1048576, 0.9 -- of a shared table, and the share of it that counts as nearly full

	local function try(client, helper)
		return helper.run(function(script, keys, arguments)
			local object = {}
			function object:Run(fn)
				local was_used = addon.used_scripts[script]
				local accepted, refusal = addon.RunScript(client, script, keys, arguments, fn)
				addon.used_scripts[script] = was_used
				return accepted, refusal
			end
			return realtime.Await(object, "Run")
		end, realtime.ServerId())
	end

	-- If a cluster or one of its nodes is down, commands with keys would take until command_timeout. The cluster's own line has the problem.
	local function tell_outage(report)
		for _, helper in ipairs(addon.check_helpers) do
			report.Unknown(helper.about, "not looked at while " .. report.cluster_outage)
		end
	end

	function steps.scripts(report, client)
		if report.cluster_outage then return tell_outage(report) end
		for _, helper in ipairs(addon.check_helpers) do
			local was_used = addon.HelperIsUsed(helper, client)
			local err, channel = try(client, helper)
			-- The module's words for a refused publish name the user. An empty table means nothing to other servers.
			if channel then
				err = realtime.Await(client, "Publish", channel, "")
			elseif helper.registers and not err then
				err = realtime.Await(client, "Publish", helper.registers, (realtime.Encode({}, realtime.ServerId(), helper.registers)))
			end
			local code, text = err and (addon.IsRefusal(err) and "NOPERM" or err.code), addon.Printable(tostring(err), 600)
			local words = code == "NOPERM" and "ACL SETUSER " .. addon.UserOf(client, text) .. addon.RulesOfHelper(client, helper, text)
			text = addon.WithoutRemedy(text)
			if not code then
				report.Good(helper.about, "the script of " .. helper.name .. " runs")
			elseif code == "OOM" then
				report.is_full = true -- the memory check reports it
			elseif code == "READONLY" then -- a replica; the role check reports it
				report.Unknown(helper.about, "not looked at on a replica")
			elseif not was_used then
				report.Unknown(helper.about, "no addon here uses " .. helper.name .. (code == "NOPERM"
					and "; to allow it, type into redis-cli, and CONFIG REWRITE after it: " .. words or ": " .. addon.Printable(text, 120)))
			elseif code == "NOPERM" then
				report.shared_is_refused = report.shared_is_refused or helper.name == "realtime.Shared"
				local is_advised = table.HasValue(report.advised or {}, helper)
				report.Problem(helper.about, "the script of " .. helper.name .. " is refused: " .. text, is_advised
					and "Type the line of the subscriptions above: it allows this as well." or addon.InRedisCliForUser(report, client, words))
			else
				report.Problem(helper.about, "the script of " .. helper.name .. " fails: " .. addon.Printable(text, 200), code == "UNSUPPORTED"
					and "Install Redis 5.0 or newer, or Valkey." or "Fix what the line above names.")
			end
		end
	end

	-- The tables of realtime.Shared on this server.
	function steps.shared(report, client)
		if report.cluster_outage then return end
		for _, shared in SortedPairs(addon.shared_tables[client] or {}) do
			local err, field = realtime.Await(client, "Command", { "HGET", shared.key, "" })
			local bytes = not err and (isstring(field) and tonumber(field:match("^%d+ %S+ (%d+)$")) or 0)
			local text = string.format("%s: %s, %d keys here", shared.name, shared:IsReady() and "ready" or "not ready", shared:Count())
			if not shared:IsReady() then
				local reason = shared.failure
				if not reason then
					report.Unknown("shared table", text .. " yet: check again")
				elseif report.shared_is_refused then
					report.Unknown("shared table", text .. ", because it is refused, as above")
				elseif addon.IsRefusal(reason) then -- it is allowed by now: the script ran above
					report.Unknown("shared table", text .. " yet: it was refused before, and is read again soon: check again")
				else
					report.Problem("shared table", text .. ": " .. addon.Printable(tostring(reason), 200), "Fix what the line above names.")
				end
			elseif not bytes then
				report.Unknown("shared table", text .. "; its size cannot be looked at: " .. addon.Printable(tostring(err), 120))
			elseif bytes > CROWDED * MAX_BYTES then
				report.Problem("shared table", string.format("%s; it has %s of %s: soon it is full", text, addon.Mebibytes(bytes),
					addon.Mebibytes(MAX_BYTES)), "Let its values expire ({ expires = … }), make them smaller, or spread them over several tables.")
			else
				report.Good("shared table", string.format("%s, %s in Redis", text, addon.Mebibytes(bytes)))
			end
		end
	end

	-- Seconds in a form for people.
	local function ago(seconds)
		if seconds < 120 then return string.format("%.0f s", seconds) end
		if seconds < 7200 then return string.format("%.0f minutes", seconds / 60) end
		if seconds < 172800 then return string.format("%.0f hours", seconds / 3600) end
		return string.format("%.0f days", seconds / 86400)
	end

	-- Messages that failed too often. Whoever published one may have chosen its id.
	local function tell_dead(report, client, channel, count)
		local key = addon.DurableKey(channel) .. ":dead"
		local err, entries = realtime.Await(client, "Command", { "XREVRANGE", key, "+", "-", "COUNT", 1 })
		local newest = not err and istable(entries) and istable(entries[1]) and istable(entries[1][2]) and realtime.Map(entries[1][2]) or {}
		local id = isstring(newest.first) and newest.first:match("^%d+%-%d+$")
		local text = string.format("%d messages of %s are dead: they failed too often, or cannot be read", count, channel)
		if id then text = text .. "; the newest, " .. id .. ": " .. addon.Printable(tostring(newest.reason), 120) end
		report.Problem("durable channel", text, string.format("To see them and the reasons, type into redis-cli: XRANGE %s - +\n" ..
			"Fix the cause, and put each back with its \"first\", in this server's console: lua_run realtime.Durable():Retry(\"%s\", \"%s\")\n" ..
			"Or drop them all, in redis-cli: DEL %s", key, channel, id or "FIRST", key))
	end

	-- The channels of realtime.Durable that this server uses.
	function steps.durable(report, client)
		if report.cluster_outage then return end
		for durable in pairs(addon.durables) do
			for channel in SortedPairs(durable.client == client and durable.channels or {}) do
				local err, stats = realtime.Await(durable, "Stats", channel)
				local silent = {}
				for group, found in SortedPairs(not err and stats.groups or {}) do
					if found.heard > SILENT then silent[#silent + 1] = group .. " (" .. ago(found.heard) .. ")" end
				end
				if err then
					report.Unknown("durable channel", channel .. " cannot be looked at: " .. addon.Printable(tostring(err), 120))
				elseif stats.dead > 0 then
					tell_dead(report, client, channel, stats.dead)
				else
					-- Messages for subscribers stay after they were handled.
					local text = string.format("%s: %d messages, %d of them not handled", channel, stats.length, stats.behind)
					if stats.kind == "work" then
						text = string.format("%s: %d messages, %d of them not begun, %d in work or waiting after an error%s", channel, stats.length, stats.behind,
							stats.pending, stats.oldest and ", the oldest is " .. ago(stats.oldest) .. " old" or "")
					end
					report.Good("durable channel", text .. (silent[1] and "; not heard of: " .. table.concat(silent, ", ") or ""))
				end
			end
		end
	end

	-- The players of realtime.Players.
	function steps.players(report, client)
		for players in pairs(addon.players) do
			if players.client == client then report.Good("who is where", addon.CountPlayers(players)) end
		end
	end
end
