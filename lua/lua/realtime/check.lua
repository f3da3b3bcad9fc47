-- realtime_check, and realtime.Check: checks the setup, and says what to do about each problem.
return function(realtime, addon)
	local install, module_file = include("realtime/install.lua"), include("realtime/module_file.lua")
	local SysTime = SysTime
	local CONNECTING = 10 -- seconds that a connection may take
	local HISTORY = 10 -- changes of state that are remembered
	local MARKS = { good = "ok", problem = "PROBLEM", unknown = "unknown" }

	-- The default client's newest changes of state.
	local history, last_state, default = {}, nil, nil
	local function remember(now, state)
		history[#history + 1] = { at = now, state = state }
		if #history > HISTORY then table.remove(history, 1) end
	end
	addon.AddTask("realtime.Check", function(now)
		if not default then return end
		local state = default:State()
		if state ~= last_state then remember(now, state) end
		last_state = state
		-- The state changes before the event with the reason comes.
		local newest = history[#history]
		local is_away = state == "connecting" or state == "waiting"
		if newest and is_away and not newest.error then newest.error = default:Stats().error end
	end)
	table.insert(addon.default_listeners, function(client)
		default, last_state = client, nil
		client:On("ready", "realtime.Check", function(info)
			-- Another address may take over within a tick.
			if client == default and last_state == "ready" and not info.first then remember(SysTime(), "ready again") end
		end)
	end)

	local function new_report()
		local lines = {}
		local report = { lines = lines, ok = true }
		local function add(state, about, text, todo)
			if state == "problem" then report.ok = false end
			local steps = todo and string.Explode("\n", todo) or {}
			for i, step in ipairs(steps) do steps[i] = addon.Printable(step) end
			lines[#lines + 1] = { state = state, about = about, text = addon.Printable(text), todo = steps[1] and table.concat(steps, "\n") }
		end
		-- `todo`: how to fix it, a line for each step.
		local writer = setmetatable({}, { __index = report })
		function writer.Good(about, text) add("good", about, text) end
		function writer.Problem(about, text, todo) add("problem", about, text, todo) end
		function writer.Unknown(about, text) add("unknown", about, text) end
		return report, writer
	end

	local function postgres_todo(message)
		if message:find("^28P01") then
			return "Write the user and the password that PostgreSQL has for this server into " .. addon.settings_from ..
				", as in postgres://gmod:password@10.0.0.5/game, and restart this server."
		elseif message:find("^REFUSED") then
			return "Start PostgreSQL there (sudo systemctl start postgresql), or correct the address in " .. addon.settings_from ..
				" and restart this server.\nIf it runs on another machine: postgresql.conf has listen_addresses = '*' there, and the firewall lets this server in."
		elseif message:find("pooler in transaction mode", 1, true) then
			return "Set pool_mode = session for this database in pgbouncer.ini, or connect to PostgreSQL itself."
		elseif message:find("^DISCONNECTED") then
			return "Is PostgreSQL running (sudo systemctl status postgresql)? The module tries again by itself, within 30 s: then check again."
		end
	end

	-- Whether the other end hung up without a word. The numbers: a reset by the peer, on Linux or Windows.
	local function hangs_up(message)
		for _, text in ipairs({ "(os error 104)", "(os error 10054)", " before it answered; ", " in the TLS handshake" }) do
			if message:find(text, 1, true) then return true end
		end
		return false
	end

	-- What to do about a connection that cannot be made, in addition to the module's own words.
	local function connection_todo(client, message)
		local general = "Fix what the line above names; the module keeps trying. The project's page docs/troubleshooting.md explains each line."
		if addon.IsPostgres(client) then return postgres_todo(message) or general end
		if message:find("max number of clients", 1, true) then
			return "End one of its other clients, so that redis-cli has room as well.\n" .. addon.InRedisCli("CONFIG SET maxclients 10000") ..
				"\nTo see who opens so many connections: CLIENT LIST"
		elseif message:find("^WRONGPASS") or message:find("^NOAUTH") or message:find("^AUTH") then
			if message:find("the Sentinel ", 1, true) then
				return 'Write the Sentinels\' own password, the requirepass of their sentinel.conf, into garrysmod/data/realtime.json, as ' ..
					'"options": { "sentinel_password": "…" }, and restart this server.'
			end
			local user = message:match("%(user ([%w_.-]+)[,)]") or "gmod"
			return "Write the user and the password that Redis has for this server into " .. addon.settings_from ..
				", as in redis://gmod:password@10.0.0.5:6379, and restart this server.\nOr look what Redis has. Type into redis-cli: ACL GETUSER " ..
				user .. "\nIf that shows nothing, this Redis lacks the user, because Redis copies no user to replicas or to other nodes: make it as on " ..
				"the other ones, or with the line of docs/owners.md.\nOtherwise give it that password. " ..
				addon.InRedisCli("ACL SETUSER " .. user .. " >password")
		elseif hangs_up(message) then
			local is_plain = message:find("without TLS?", 1, true)
			return "Something accepts connections there and ends them at once: if that is a tunnel or a proxy, look into its log, because its key may " ..
				"be wrong, or Redis behind it is down." .. (is_plain and "\nIf it is Redis's port for TLS (tls-port), write rediss:// instead of redis:// " ..
				"into " .. addon.settings_from .. ", and restart this server." or "") ..
				"\nIf it is PostgreSQL's port (5432, unless it was changed), the URL begins with postgres://.\nOtherwise look into Redis's log."
		elseif message:find("^REFUSED") then
			return "Start Redis there (sudo systemctl start redis-server), or correct the address in " .. addon.settings_from ..
				" and restart this server."
		elseif message:find("^DISCONNECTED") then
			return "Is Redis running (sudo systemctl status redis-server)? The module tries again by itself, within 30 s: then check again."
		end
		return general
	end

	-- The module's file as it is now: the next map loads it again. An upload may be running, or have failed.
	local function look_at_file(report)
		local name, unfit = install.File(), install.Unfit()
		if unfit then
			local lines = string.Explode("\n", unfit)
			local todo = table.remove(lines)
			return report.Problem("module", table.concat(lines, " "), todo)
		end
		local found = name and module_file.Inspect("lua/bin/" .. name)
		if not found then return report.Unknown("module", "its file is not in garrysmod/lua/bin, or cannot be read") end
		report.Good("module", string.format("garrysmod/lua/bin/%s is whole: %d bytes, %s", name, found.size, module_file.Describe(found)))
	end

	-- A client that is connected, or nil.
	local function connect(report)
		look_at_file(report)
		report.Good("versions", "module " .. realtime.VERSION .. ", addon " .. realtime.ADDON_VERSION)
		local client, message = realtime.Default()
		if not client then
			report.Problem("settings", message, "Fix what the line above names.")
			return
		end
		report.Good("settings", "from " .. addon.settings_from)
		local id, is_named = realtime.ServerId()
		if is_named then
			report.Good("id", '"' .. id .. '"' .. (addon.Sign and "; tables are signed" or ""))
		else
			report.Problem("id", "this server has none: other servers cannot address it", 'Write one into garrysmod/data/realtime.json, as ' ..
				'"id": "ttt-1", and restart this server.')
		end
		local reason
		addon.WaitFor(function()
			reason = client:Stats().error
			-- The next attempt says more than that a connection was lost.
			return client:IsConnected() and client:Stats().protocol or reason and not reason:find("^DISCONNECTED")
		end, CONNECTING)
		if client:IsConnected() then return client end
		reason = reason or "TIMEOUT: no answer within " .. CONNECTING .. " s"
		report.Problem("connection", "there is none: " .. reason, connection_todo(client, reason))
	end

	local function tell_history(report)
		local now, parts = SysTime(), {}
		for _, change in ipairs(history) do
			parts[#parts + 1] = string.format("%.0f s ago %s%s", now - change.at, change.state,
				change.error and " (" .. addon.Printable(change.error, 80) .. ")" or "")
		end
		report.Good("changes of state", parts[1] and table.concat(parts, ", ") or "none")
	end

	-- Checks everything, which takes some seconds, and calls fn(report): ok, and lines of state, about, text and
	-- todo.
	function realtime.Check(fn)
		addon.CheckDot("Check", fn)
		if not isfunction(fn) then error("bad argument #1 to 'Check' (function expected, got " .. type(fn) .. ")", 2) end
		addon.Async(function()
			local report, writer = new_report()
			local client = connect(writer)
			local order = client and addon.IsPostgres(client) and addon.check_order_of_postgres or addon.check_order
			for _, name in ipairs(order) do
				if not client then break end
				if not client:IsConnected() then
					writer.Problem("connection", "it was lost during the check: " .. (client:Stats().error or "…"), "Check again.")
					break
				end
				addon.Protect(addon.check_steps[name], writer, client)
			end
			tell_history(writer)
			fn(report)
		end)
	end

	addon.Command("realtime_check", "realtime: checks the setup, and says what to do about each problem", function(say)
		say("checking: this takes some seconds")
		realtime.Check(function(report)
			local problems = 0
			for _, line in ipairs(report.lines) do
				say("%-8s %s: %s", MARKS[line.state], line.about, line.text)
				for _, step in ipairs(line.todo and string.Explode("\n", line.todo) or {}) do say("         -> %s", step) end
				if line.state == "problem" then problems = problems + 1 end
			end
			say(report.ok and "all is well" or problems == 1 and "1 problem" or problems .. " problems")
		end)
	end)
end
