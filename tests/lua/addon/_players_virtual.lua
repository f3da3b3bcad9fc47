-- For the random histories of realtime.Players: its scripts on a Redis made of a few tables, several servers with their own players, and
-- a network that loses requests, answers and messages, all in virtual time.

local kit = include("../_kit.lua")
local real = include("realtime/load.lua")
local format = string.format
local PARTS = {
	"token_calls", "goodbye", "envelope", "objects", "events", "steamid", "tables", "requests", "presence", "players_register", "players_stays", "players_requests", "players_post",
	"players_delivery", "players",
}

-- A Redis with the commands that the scripts call. Like Redis, it runs a script atomically.
local function new_redis(case)
	local redis = { strings = {}, hashes = {}, sets = {}, ends = {}, ahead = 0 }
	local function now() return 1e6 + case.now + redis.ahead end
	local function hash(key)
		if redis.ends[key] and redis.ends[key] <= now() then redis.hashes[key], redis.ends[key] = nil, nil end
		return redis.hashes[key] or {}
	end
	local commands = {}
	function commands.TIME() return { format("%d", now()), format("%d", now() % 1 * 1e6) } end
	function commands.GET(key) return redis.strings[key] or false end
	function commands.SET(key, value) redis.strings[key] = value end
	function commands.HGET(key, field) return hash(key)[field] or false end
	function commands.HMGET(key, ...)
		local list = {}
		for i, field in ipairs({ ... }) do list[i] = hash(key)[field] or false end
		return list
	end
	function commands.HSET(key, field, value)
		redis.hashes[key] = hash(key)
		redis.hashes[key][field] = tostring(value)
	end
	function commands.HDEL(key, field) hash(key)[field] = nil end
	function commands.HLEN(key) return table.Count(hash(key)) end
	function commands.HGETALL(key)
		local list = {}
		for field, value in SortedPairs(hash(key)) do table.Add(list, { field, value }) end
		return list
	end
	function commands.PEXPIRE(key, milliseconds) redis.ends[key] = now() + tonumber(milliseconds) / 1000 end
	local function set(key)
		redis.sets[key] = redis.sets[key] or {}
		return redis.sets[key]
	end
	function commands.ZADD(key, score, member) set(key)[member] = tonumber(score) end
	function commands.ZREM(key, member) set(key)[member] = nil end
	function commands.ZSCORE(key, member)
		local score = set(key)[member]
		return score and format("%.0f", score) or false
	end
	local function bound(text) return text == "-inf" and -math.huge or text == "+inf" and math.huge or tonumber(text) end
	function commands.ZRANGEBYSCORE(key, least, most, _, _, count)
		local found = {}
		for member, score in SortedPairs(set(key)) do
			if score >= bound(least) and score <= bound(most) and #found < (count or math.huge) then found[#found + 1] = member end
		end
		return found
	end
	function commands.ZREMRANGEBYSCORE(key, _, most)
		for _, member in ipairs(commands.ZRANGEBYSCORE(key, "-inf", most)) do set(key)[member] = nil end
	end
	function commands.PUBLISH(channel, text) return case.publish(channel, text) end

	local env = setmetatable({}, { __index = _G })
	env.cjson = {
		null = real.NULL, decode = function(text) return assert(real.DecodeJson(text)) end, encode = function(value) return real.EncodeJson(value) end,
	}
	env.redis = { error_reply = function(err) error(err) end }
	function env.redis.call(command, ...) return assert(commands[command], command)(...) end
	env.redis.pcall = env.redis.call
	local scripts = {}
	function redis.run(name, keys, arguments)
		if not scripts[name] then
			scripts[name] = CompileString(file.Read("realtime/redis/" .. name .. ".lua", "LUA"), name .. ".lua", true)
			setfenv(scripts[name], env)
		end
		env.KEYS, env.ARGV = keys, {}
		for i, argument in ipairs(arguments) do env.ARGV[i] = tostring(argument) end
		return scripts[name]()
	end
	local KNOWN = { "strings", "hashes", "sets" }
	function redis.snapshot()
		local copy = {}
		for _, name in ipairs(KNOWN) do copy[name] = table.Copy(redis[name]) end
		return copy
	end
	function redis.restore(copy)
		for _, name in ipairs(KNOWN) do redis[name] = table.Copy(copy and copy[name] or {}) end
	end
	return redis
end

-- A case: `now`, and the items on their way. Errors of callbacks are kept.
local function new_case()
	local case = { now = 1000, wire = {}, clients = {}, errors = {}, lines = {}, delay = 0.02, sent = 0 }
	case.redis = new_redis(case)

	-- A connection delivers in order, in both directions.
	local function post(client, way, item)
		client[way] = math.max(client[way] or 0, case.now + case.delay)
		case.sent = case.sent + 1
		item.client, item.at, item.order = client, client[way], case.sent
		case.wire[#case.wire + 1] = item
	end
	-- Redis delivers a message to all subscribers.
	function case.publish(channel, text)
		local receivers = 0
		for _, client in ipairs(case.clients) do
			if client.valid and client.connected and next(client.listeners[channel] or {}) then
				receivers = receivers + 1
				post(client, "down", { kind = "message", channel = channel, text = text })
			end
		end
		return receivers
	end

	local function deliver(client, item)
		for _, listener in pairs(table.Copy(client.listeners[item.channel] or {})) do
			local options, text = listener.options or {}, item.text
			if options.skip_prefix and text:sub(1, #options.skip_prefix) == options.skip_prefix then
				-- Its own.
			elseif options.format == "json" then
				client.server.addon.Protect(listener.fn, (real.DecodeJson(text, options.max_bytes, options.max_elements)), item.channel)
			else
				client.server.addon.Protect(listener.fn, text, item.channel)
			end
		end
	end

	-- Redis executes a request. After the loss of a connection nobody waits for the answer.
	local function execute(item)
		local client = item.client
		local reply
		if item.kind == "script" then
			reply = case.redis.run(item.name, item.keys, item.arguments)
		else
			reply = case.publish(item.channel, item.text)
		end
		if not item.is_lost and client.valid and client.connected then post(client, "down", { kind = "answer", fn = item.fn, reply = reply }) end
	end

	local function new_client(server)
		local client = { listeners = {}, on = {}, valid = true, connected = true, server = server }
		function client:Subscribe(topic, identifier, fn, options)
			self.listeners[topic] = self.listeners[topic] or {}
			self.listeners[topic][identifier] = { fn = fn, options = options }
		end
		function client:Unsubscribe(topic, identifier) (self.listeners[topic] or {})[identifier] = nil end
		function client:PSubscribe() end
		function client:Publish(topic, text, fn)
			fn = fn or function() end
			if not self.connected then
				server.soon[#server.soon + 1] = function() fn(server.addon.Error("DISCONNECTED", "no connection", false)) end
			else
				post(self, "up", { kind = "publish", channel = topic, text = text, fn = fn })
			end
			return true
		end
		function client:Command() return true end -- nobody answers
		function client:On(event, identifier, fn)
			if event ~= "ready" then return end
			self.on[identifier] = fn
			if self.connected then fn() end
		end
		function client:Off(_, identifier) self.on[identifier] = nil end
		function client:Stats() return { role = "master", mode = "standalone" } end
		function client:IsValid() return self.valid end
		function client:IsConnected() return self.connected end
		case.clients[#case.clients + 1] = client
		return setmetatable(client, FindMetaTable("RealtimeClient"))
	end

	-- The connection is lost. Requests on their way are executed "now", "later" (an old connection may be read after a new one), or "never".
	function case.cut(client, executed)
		local wire, answers = case.wire, {}
		client.connected, client.up, client.down, case.wire = false, nil, nil, {}
		for _, item in ipairs(wire) do
			if item.client ~= client or item.is_lost then
				case.wire[#case.wire + 1] = item
			elseif item.kind == "answer" then
				answers[#answers + 1] = item.fn
			elseif item.kind ~= "message" then
				answers[#answers + 1] = item.fn
				item.is_lost = true
				if executed == "now" then execute(item) end
				if executed == "later" then
					item.at = case.now + 2
					case.wire[#case.wire + 1] = item
				end
			end
		end
		if not client.valid then return end
		for _, fn in ipairs(answers) do
			client.server.soon[#client.server.soon + 1] = function() fn(client.server.addon.Error("DISCONNECTED", "cut", true)) end
		end
	end
	-- Another Redis takes over, with the data in `copy` and its own clock; nothing reaches the old one any more.
	function case.fail_over(copy, ahead)
		for _, client in ipairs({ unpack(case.clients) }) do case.cut(client, "never") end
		case.wire = {}
		case.redis.restore(copy)
		case.redis.ahead = ahead
	end
	function case.connect(client)
		if client.connected or not client.valid then return end
		client.connected = true
		for _, fn in pairs(table.Copy(client.on)) do client.server.addon.Protect(fn) end
	end

	-- A server with players of its own: see new_game of _players.lua.
	function case.server(id, game)
		local server = { game = game, tasks = {}, soon = {}, id = id, order = 0 }
		local addon = setmetatable({ presences = {} }, { __index = real.addon })
		local own = setmetatable({}, { __index = real })
		function addon.AddTask(key, task)
			server.order = server.order + 1
			server.tasks[key] = { run = task, order = server.order }
		end
		function addon.RemoveTask(key) server.tasks[key] = nil end
		function addon.EnsureTick() end
		function own.OnClose() end
		function addon.Protect(fn, ...)
			local fine, message = xpcall(fn, function(err)
				case.errors[#case.errors + 1] = debug.traceback(tostring(err))
				return tostring(err)
			end, ...)
			return fine, not fine and message or nil
		end
		function addon.SayRarely(_, text) case.lines[#case.lines + 1] = id .. ": " .. text end
		function addon.ScriptText() return "" end
		function addon.RunScript(client, name, keys, arguments, fn)
			if not client.connected then
				server.soon[#server.soon + 1] = function() fn(addon.Error("DISCONNECTED", "no connection", false)) end
			else
				post(client, "up", { kind = "script", name = name, keys = table.Copy(keys), arguments = table.Copy(arguments), fn = fn })
			end
			return true
		end
		function addon.RunScriptLast(client, name, keys, arguments) return addon.RunScript(client, name, keys, arguments, function() end) end
		server.addon = addon
		local env = setmetatable({ SysTime = function() return case.now end }, { __index = game.env })
		for _, part in ipairs(PARTS) do setfenv(include("realtime/" .. part .. ".lua"), env)(own, addon) end
		server.client = new_client(server)
		server.players = assert(own.Players(server.client, id))
		return server
	end

	-- Its process dies; its requests may still arrive.
	function case.kill(server, executed)
		server.client.valid = false
		case.cut(server.client, executed)
		table.RemoveByValue(case.clients, server.client)
		server.tasks = {}
	end

	local function tick(server)
		local soon, round = server.soon, {}
		server.soon = {}
		for _, fn in ipairs(soon) do server.addon.Protect(fn) end
		for _, task in pairs(server.tasks) do round[#round + 1] = task end
		table.sort(round, function(a, b) return a.order < b.order end)
		for _, task in ipairs(round) do server.addon.Protect(task.run, case.now) end
	end

	-- Time passes; `servers` are those that run. A server that stands still gets its messages later.
	function case.step(seconds, servers)
		case.now = case.now + seconds
		table.sort(case.wire, function(a, b)
			if a.at ~= b.at then return a.at < b.at end
			return a.order < b.order
		end)
		local wire = case.wire
		case.wire = {}
		for _, item in ipairs(wire) do
			local client = item.client
			local is_down = item.kind == "answer" or item.kind == "message"
			if item.at > case.now or is_down and client.server.is_stopped then
				case.wire[#case.wire + 1] = item
			elseif not is_down then
				execute(item)
			elseif client.valid and item.kind == "answer" then
				client.server.addon.Protect(item.fn, nil, item.reply)
			elseif client.valid then
				deliver(client, item)
			end
		end
		for _, server in ipairs(servers) do
			if not server.is_stopped then tick(server) end
		end
	end
	return case
end

return { new_case = new_case, new_game = include("_players.lua").new_game }
