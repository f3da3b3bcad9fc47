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

	-- The words of servers about keys and channels that a user may not access: Redis 6 and 7.0, in a script of 7.0,
	-- 7.2 and newer and Valkey.
	local KEYS = { "keys used", "keys mentioned", "access a key" }
	local CHANNELS = { "channels used", "channel mentioned", "access a channel" }
	local function says(text, phrases)
		for _, phrase in ipairs(phrases) do
			if text:find(phrase, 1, true) then return true end
		end
		return false
	end

	-- Whether an error is a refusal of the ACL. Redis 7.0, newer ones and Valkey have another code for it in a script.
	local function is_refusal(err)
		return err.code == "NOPERM" or says(tostring(err), { "user executing the script", "ACL failure in script" })
	end

	-- The name of the user that this server logs in as, out of a refusal, or as Redis tells it.
	local function user_of(client, text)
		local name = text:match("ACL SETUSER (%S+)")
		if name then return name end
		local err, answer = realtime.Await(client, "Command", { "ACL", "WHOAMI" })
		return err and tostring(err):match("ACL SETUSER (%S+)") or not err and answer or "USER"
	end

	-- Whether the user may not use the helper's keys. The server refuses a command before it looks at keys, so several are tried.
	local function lacks_keys(client, helper)
		local key = helper.keys:match("^ ~([^*]*)%*") .. "{realtime:check}"
		for _, command in ipairs({ { "EVAL", "return 1", 1, key }, { "HGET", key, "" }, { "GET", key }, { "EXISTS", key } }) do
			local err = realtime.Await(client, "Command", command)
			if not err or not is_refusal(err) then return false end
			if says(tostring(err), KEYS) then return true end
		end
		return true
	end

	local function lacks_channels(client, helper)
		local channel = helper.channels:match("^ &([^*]*)%*") .. "{realtime:check}"
		local err = realtime.Await(client, "Publish", channel, "")
		return err ~= nil and is_refusal(err)
	end

	-- Whether the user's permissions have several parts: then there is a channel on which he may publish, and may not subscribe.
	local function has_parts(client)
		local channel = "realtime:requests:realtime.check"
		if realtime.Await(client, "Publish", channel, "") then return false end
		local reason = addon.RefusalOf(client, "Subscribe", channel)
		return reason ~= nil and says(reason, CHANNELS)
	end

	-- What allows all that the helper needs. A rule for keys or channels raises where all of them are allowed already. What is added to a
	-- user with parts is a part of its own, because his other rules would count for these channels, and these commands for his.
	local function rights(client, helper, text)
		if has_parts(client) then return " (" .. (helper.keys .. (helper.channels or "") .. helper.commands):sub(2) .. ")" end
		local keys = (says(text, KEYS) or lacks_keys(client, helper)) and helper.keys or ""
		local channels = helper.channels and (says(text, CHANNELS) or lacks_channels(client, helper)) and helper.channels or ""
		return keys .. channels .. helper.commands
	end

	function steps.scripts(report, client)
		for _, helper in ipairs(addon.check_helpers) do
			local was_used = addon.HelperIsUsed(helper, client)
			local err, channel = try(client, helper)
			-- The module's words for a refused publish name the user.
			if channel then err = realtime.Await(client, "Publish", channel, "") end
			local code, text = err and (is_refusal(err) and "NOPERM" or err.code), addon.Printable(tostring(err), 600)
			local words = code == "NOPERM" and "ACL SETUSER " .. user_of(client, text) .. rights(client, helper, text)
			text = addon.WithoutRemedy(text)
			if not code then
				report.Good(helper.about, "the script of " .. helper.name .. " runs")
			elseif code == "OOM" then
				report.is_full = true -- the memory check reports it
			elseif code == "READONLY" then -- a replica; the role check reports it
				report.Unknown(helper.about, "not looked at on a replica")
			elseif not was_used then
				report.Unknown(helper.about, "no addon here uses " .. helper.name .. (code == "NOPERM"
					and "; to allow it, type into redis-cli: " .. words or ": " .. addon.Printable(text, 120)))
			elseif code == "NOPERM" then
				report.shared_is_refused = report.shared_is_refused or helper.name == "realtime.Shared"
				report.Problem(helper.about, "the script of " .. helper.name .. " is refused: " .. text, "Type into redis-cli: " .. words ..
					" and CONFIG REWRITE after it.")
			else
				report.Problem(helper.about, "the script of " .. helper.name .. " fails: " .. addon.Printable(text, 200), code == "UNSUPPORTED"
					and "Install Redis 5.0 or newer, or Valkey." or "Fix what the line above names.")
			end
		end
	end

	-- The tables of realtime.Shared on this server.
	function steps.shared(report, client)
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
				elseif is_refusal(reason) then -- it is allowed by now: the script ran above
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

	-- The channels of realtime.Durable that this server uses.
	function steps.durable(report, client)
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
					report.Problem("durable channel", string.format("%d messages of %s are dead: they failed too often", stats.dead, channel),
						string.format("Look at their reasons: redis-cli XRANGE 'realtime:durable:{%s}:dead' - + . Fix the cause, and put them back with " ..
							'durable:Retry("%s", the value of "first"); or drop them: redis-cli DEL of that key.', channel, channel))
				else
					-- Messages for subscribers stay after they were handled.
					local oldest = stats.kind == "work" and stats.oldest and ", the oldest is " .. ago(stats.oldest) .. " old" or ""
					report.Good("durable channel", string.format("%s: %d messages, %d of them not handled%s%s", channel, stats.length, stats.behind, oldest,
						silent[1] and "; not heard of: " .. table.concat(silent, ", ") or ""))
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
