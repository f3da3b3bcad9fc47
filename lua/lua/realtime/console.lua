-- The commands for the server's console: realtime_status, realtime_ping, realtime_tail, realtime_debug.
return function(realtime, addon)
	local SysTime = SysTime
	local RATE_WINDOW = 5 -- the shortest time, in seconds, over which a rate is measured
	local TAIL_LINES = 50 -- lines of realtime_tail in a second; further ones are counted
	local TAIL_BYTES = 65536 -- a larger message costs time even if only 200 bytes are shown, so only its size is printed
	local REFUSED_BYTES = 2000 -- of a server's refusal: the words that allow the command must be complete
	local SHOWN_NODES = 24 -- nodes of a cluster
	local SHOWN_SUBSCRIPTIONS = 24
	local SHOWN_BYTES = 200 -- of a message, a channel's name or a detail

	-- Prints to the console of the person who typed the command, the server's or a superadmin's; and tells whether
	-- that player has left.
	local function printer(player)
		if not IsValid(player) then
			return function(...) print(string.format(...)) end, function() return false end
		end
		local function gone() return not IsValid(player) end
		return function(...)
			if not gone() then player:PrintMessage(HUD_PRINTCONSOLE, string.format(...)) end
		end, gone
	end

	local function command(name, help, run)
		concommand.Add(name, function(player, _, arguments, text)
			local say, gone = printer(player)
			if IsValid(player) and not player:IsSuperAdmin() then return say("%s is for superadmins", name) end
			run(say, arguments or {}, gone, text)
		end, nil, help)
	end

	addon.Command = command

	local function printable(text) return addon.Printable(text, SHOWN_BYTES) end

	local function name_of(client)
		return tostring(client):match("^RealtimeClient %[(.*)%] %(") or "a closed client"
	end

	-- The figures of each client a few seconds ago, from which rates are computed.
	local samples = setmetatable({}, { __mode = "k" })
	local next_sample = 0
	addon.AddTask("realtime_status", function(now)
		if now < next_sample then return end
		next_sample = now + RATE_WINDOW
		for _, client in ipairs(realtime.Clients()) do
			local sample = samples[client]
			samples[client] = { at = now, stats = client:Stats(), before = sample and { at = sample.at, stats = sample.stats } }
		end
	end)

	local function rate(client, stats, key)
		local sample = samples[client]
		local from = sample and (sample.before or sample)
		local seconds = from and SysTime() - from.at or 0
		if seconds < 0.5 or not from.stats[key] or stats[key] < from.stats[key] then return "" end
		return string.format(" (%.1f/s)", (stats[key] - from.stats[key]) / seconds)
	end

	-- Topics that are not heard come first.
	local ORDER = { refused = 1, waiting = 2, confirmed = 3 }
	local function show_subscriptions(say, client)
		local list, places = client:Subscriptions(), {}
		for i, subscription in ipairs(list) do places[subscription] = i end
		table.sort(list, function(a, b)
			if a.state ~= b.state then return ORDER[a.state] < ORDER[b.state] end
			return places[a] < places[b]
		end)
		for i, subscription in ipairs(list) do
			if i > SHOWN_SUBSCRIPTIONS then
				say("      … and %d more", #list - SHOWN_SUBSCRIPTIONS)
				break
			end
			local kind = subscription.pattern and "pattern " or subscription.sharded_channel and "sharded " or ""
			say("      %-9s    %s%s, %d callbacks", subscription.state, kind,
				printable(subscription.channel or subscription.pattern or subscription.sharded_channel), subscription.callbacks)
		end
	end

	-- The server of a connected client, or nil. Stats name PostgreSQL before there is a connection, too, but no protocol.
	local function server_of(client, stats)
		if not stats.protocol then return end
		local is_postgres = addon.IsPostgres(client)
		return string.format("%s %s%s%s%s", stats.server or "a server", stats.version or "of an unknown version",
			is_postgres and "" or ", RESP" .. stats.protocol, stats.tls and ", " .. stats.tls or "",
			stats.role == "replica" and (is_postgres and ", a hot standby" or ", a replica") or "")
	end

	local function show(say, client)
		local stats = client:Stats()
		say("%s: %s%s", name_of(client), stats.state, stats.error and ", " .. stats.error or "")
		if not stats.address then return end
		local server = server_of(client, stats)
		say("    server         %s at %s", server or "none at present; trying one", stats.address)
		if stats.sentinel or stats.sentinel_error then
			local problem = stats.sentinel_error and "; the master is not confirmed: " .. addon.Printable(stats.sentinel_error, REFUSED_BYTES) or ""
			say("    sentinel       %s%s", stats.sentinel or "none at present", problem)
		end
		for index, node in ipairs(stats.nodes or {}) do
			if index > SHOWN_NODES then
				say("    node           and %d more", #stats.nodes - SHOWN_NODES)
				break
			end
			say("    node           %s, %s, %d hash slots%s", node.address, node.role, node.slots, node.connected and ", connected" or "")
		end
		say("    round trip     %s", stats.round_trip and string.format("%.2f ms", stats.round_trip * 1000) or "not measured yet")
		say("    received       %d%s, %d handed to callbacks", stats.received, rate(client, stats, "received"), stats.delivered)
		say("    published      %d%s, %d wait for an answer", stats.published, rate(client, stats, "published"), stats.pending)
		say("    dropped        %d (%d overflow, %d too large)", stats.dropped, stats.dropped_overflow, stats.dropped_too_large)
		say("    waiting        %d messages, %d bytes", stats.queued_events, stats.queued_bytes)
		-- The server also has subscriptions whose end it refuses or has not confirmed yet.
		local ended = math.max(0, stats.confirmed - stats.subscriptions)
		say("    subscriptions  %d, %d confirmed%s", stats.subscriptions, stats.confirmed - ended,
			ended > 0 and string.format("; the server still sends %d that were unsubscribed", ended) or "")
		show_subscriptions(say, client)
		if stats.refused > 0 then say("    refused        %d: %s", stats.refused, addon.Printable(stats.refused_reason or "…", REFUSED_BYTES)) end
		addon.ShowShared(say, client)
		addon.ShowJobs(say, client)
		addon.ShowDurable(say, client)
		addon.ShowPlayers(say, client)
		addon.ShowProfiles(say, client)
		addon.ShowPresence(say, client)
		say("    up             %.0f s, %d reconnects", stats.uptime, stats.reconnects)
	end

	command("realtime_status", "realtime: every client and its figures", function(say)
		local id = realtime.ServerId()
		say('realtime: module %s, addon %s, this server is "%s"%s%s', realtime.VERSION, realtime.ADDON_VERSION, id,
			addon.unnamed and " (" .. addon.unnamed .. ")" or "", addon.Sign and ", tables are signed" or "")
		local clients = realtime.Clients()
		for _, client in ipairs(clients) do show(say, client) end
		if #clients == 0 then
			say("no clients")
			local _, message = realtime.Default()
			if message then say("%s", message) end
		end
	end)

	command("realtime_ping", "realtime: the round trip to each client's server", function(say)
		local clients = realtime.Clients()
		if #clients == 0 then return say("no clients") end
		for _, client in ipairs(clients) do
			local accepted, refusal = client:Ping(function(err, seconds)
				if err then return say("%s: %s", name_of(client), tostring(err)) end
				say("%s: %.2f ms", name_of(client), seconds * 1000)
			end)
			if not accepted then
				say("%s: %s", name_of(client), tostring(refusal))
			elseif not client:IsConnected() then
				say("%s: %s; the ping waits for the connection", name_of(client), client:State())
			end
		end
	end)

	local tails = {}

	local function end_tail(channel)
		local tail = tails[channel]
		tails[channel] = nil
		tail.count_out()
		if next(tails) == nil then addon.RemoveTask("realtime_tail") end
		if tail.client:IsValid() then
			tail.client[tail.pattern and "PUnsubscribe" or "Unsubscribe"](tail.client, channel, "realtime_tail")
		end
	end

	-- Shows TAIL_LINES lines in a second, and how many more there were.
	local function new_tail(say, gone, client, channel)
		local second, lines = 0, 0
		local tail = { client = client, pattern = channel:find("[%*%?%[]") ~= nil }
		function tail.count_out()
			if lines > TAIL_LINES then say("… and %d more messages within a second", lines - TAIL_LINES) end
			lines = 0
		end
		function tail.tick(now)
			if gone() then return end_tail(channel) end
			if math.floor(now) == second then return end
			second = math.floor(now)
			tail.count_out()
		end
		function tail.hear(message, from, _, bytes)
			lines = lines + 1
			if lines > TAIL_LINES then return end
			-- Only the addon's own lines begin with [realtime].
			local name = printable(from)
			if name == "realtime" or name:find("]", 1, true) then name = '"' .. name .. '"' end
			say("[%s] %s", name, message and printable(message) or string.format("… (%d bytes)", bytes))
		end
		return tail
	end

	-- The whole text, because the console splits arguments at colons, which most channel names contain.
	local function channel_of(arguments, text)
		text = string.Trim(text or table.concat(arguments, " "))
		return text:match('^"([^"]*)"?$') or text
	end

	local help = "realtime: shows a channel's messages; repeat it to stop, leave out the channel to stop all"
	command("realtime_tail", help, function(say, arguments, gone, text)
		local channel = channel_of(arguments, text)
		if channel == "" then
			if next(tails) == nil then return say("usage: realtime_tail CHANNEL, or a pattern: realtime_tail kills.*") end
			for watched in pairs(tails) do
				end_tail(watched)
				say("%s is no longer shown", printable(watched))
			end
			return
		end
		if tails[channel] then
			end_tail(channel)
			return say("%s is no longer shown", printable(channel))
		end
		local client, message = realtime.Default()
		if not client then return say("%s", message) end
		local tail = new_tail(say, gone, client, channel)
		client[tail.pattern and "PSubscribe" or "Subscribe"](client, channel, "realtime_tail", tail.hear, TAIL_BYTES)
		tails[channel] = tail
		addon.AddTask("realtime_tail", function(now)
			for _, each in pairs(tails) do each.tick(now) end
		end)
		say("showing %s; realtime_tail %s ends it", printable(channel), printable(channel))
	end)

	-- Every event and change of state of every client, also of future ones.
	local EVENTS = { "ready", "down", "gap", "dropped", "subscribed", "error" }
	local IDENTIFIER = "realtime_debug"

	local function details(info)
		local parts = {}
		for key, value in SortedPairs(info) do
			-- In a gap: the names of the topics that missed messages.
			local is_list = istable(value) and getmetatable(value) == nil
			parts[#parts + 1] = key .. " = " .. printable(is_list and table.concat(value, ", ") or tostring(value))
		end
		return table.concat(parts, ", ")
	end

	local watched

	local function watch(say, client)
		for _, event in ipairs(EVENTS) do
			client:On(event, IDENTIFIER, function(info) say("[realtime] %s: %s (%s)", name_of(client), event, details(info)) end)
		end
	end

	local function look(say)
		for _, client in ipairs(realtime.Clients()) do
			if not watched[client] then
				watched[client] = { name = name_of(client) }
				watch(say, client)
			end
		end
		for client, known in pairs(watched) do
			local state = client:State()
			if state ~= known.state then
				say("[realtime] %s: %s%s", known.name, known.state and known.state .. " -> " or "", state)
				known.state = state
			end
			if state == "closed" then watched[client] = nil end
		end
	end

	local function end_debug()
		addon.RemoveTask(IDENTIFIER)
		for client in pairs(watched or {}) do
			for _, event in ipairs(EVENTS) do client:Off(event, IDENTIFIER) end
		end
		watched = nil
	end

	command("realtime_debug", "realtime: 1 shows every change of state and event, 0 stops that", function(say, arguments, gone)
		if arguments[1] == "1" then
			end_debug() -- the last one to type it sees the changes
			watched = {}
			addon.AddTask(IDENTIFIER, function()
				if gone() then return end_debug() end
				look(say)
			end)
			say("realtime_debug is on")
		elseif arguments[1] == "0" then
			end_debug()
			say("realtime_debug is off")
		else
			say("usage: realtime_debug 1, or realtime_debug 0")
		end
	end)
end
