-- For realtime.Profiles in virtual time: its own scripts on a Redis made of a few tables, several servers that may stand still, and a
-- network that loses questions, answers and messages.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")
local format = string.format

-- A Redis with the commands that the scripts call. Like Redis, it runs a script atomically.
local function new_redis(world)
	local redis = { hashes = {}, messages = {} }
	local env = setmetatable({}, { __index = _G })
	local function call(command, key, ...)
		local given, hash = { ... }, redis.hashes[key] or {}
		if command == "TIME" then
			return { format("%d", world.now), format("%d", world.now % 1 * 1e6) }
		elseif command == "HMGET" then
			local list = {}
			for i, field in ipairs(given) do list[i] = hash[field] or false end
			return list
		elseif command == "HSET" then
			kit.eq(#given % 2, 0)
			redis.hashes[key] = hash
			for i = 1, #given, 2 do hash[given[i]] = tostring(given[i + 1]) end
		elseif command == "PUBLISH" then
			redis.messages[#redis.messages + 1] = given[1]
			return 1
		else
			error("a script calls " .. command)
		end
	end
	env.redis = { error_reply = error, call = call, pcall = call }
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
	-- A copy of all its data, and a return to that copy.
	function redis.snapshot() return table.Copy(redis.hashes) end
	function redis.restore(copy) redis.hashes = copy and table.Copy(copy) or {} end
	return redis
end

-- Servers with a client each. Requests are executed and answered with a delay of `delay` seconds each way; the network may lose either,
-- and then the connection is cut. A `frozen` server does nothing and hears nothing.
local function new_case()
	local world = new_world()
	local case = { world = world, redis = new_redis(world), delay = 0.01, late = 2, wire = {}, servers = {}, clients = {} }
	function world.addon.SayRarely(_, text) world.lines[#world.lines + 1] = text end -- every line, without a limit
	local function arrival(client, way)
		client[way] = math.max(client[way] or 0, world.now + case.delay)
		return client[way]
	end
	-- case.on_executed(question, reply): called after Redis has executed a request.
	local function execute(question)
		local reply = case.redis.run(question.name, question.keys, question.arguments)
		if case.on_executed then case.on_executed(question, reply) end
		local messages = case.redis.messages
		case.redis.messages = {}
		for _, message in ipairs(messages) do
			for _, client in ipairs(case.clients) do
				if client.connected and client.valid then
					case.wire[#case.wire + 1] = { client = client, message = message, at = arrival(client, "answered_until") }
				end
			end
		end
		return reply
	end
	function world.addon.RunScript(client, name, keys, arguments, fn)
		if case.on_asked then case.on_asked(client, name, arguments) end
		case.wire[#case.wire + 1] = {
			client = client, name = name, keys = table.Copy(keys), arguments = table.Copy(arguments), fn = fn, at = arrival(client, "sent_until"),
		}
		return true
	end
	function world.addon.RunScriptLast(client, name, keys, arguments)
		return world.addon.RunScript(client, name, keys, arguments, function() end)
	end
	local add_task = world.addon.AddTask
	local adding
	function world.addon.AddTask(key, task)
		local client = adding
		add_task(key, function(now)
			if not client or not client.frozen then task(now) end
		end)
	end
	function case.server(id, options)
		local client = world.client()
		client.id, client.on_ready = id, {}
		function client:On(event, identifier, fn)
			if event == "ready" then self.on_ready[identifier] = fn end
		end
		case.clients[#case.clients + 1] = client
		adding = client
		local profiles = world.realtime.Profiles("wallet", options, client, id)
		adding = nil
		-- Another server with the same id has its own hooks.
		profiles.shut_down = hook.GetTable().ShutDown["realtime.Profiles " .. id .. " wallet"]
		return profiles, client
	end
	-- Its Lua state ends; with `in_order` it may send a goodbye before. Its requests are still on their way.
	function case.leave(profiles, in_order)
		local name = "realtime.Profiles " .. profiles.id .. " wallet"
		if in_order then
			profiles.shut_down()
			world.addon.goodbyes.Profiles[profiles]()
		end
		hook.Remove("ShutDown", name)
		hook.Remove("PlayerDisconnected", name)
		profiles.client.valid, profiles.client.connected = false, false
		table.RemoveByValue(case.clients, profiles.client)
		world.addon.RemoveTask(profiles)
	end
	function case.connect(client)
		if client.connected or not client.valid then return end
		client.connected = true
		for _, fn in pairs(client.on_ready) do fn() end
	end
	-- Every request on its way fails: executed "now", "later" (an old connection may be read after a new one), or "never". Messages on
	-- their way are gone.
	function case.cut(client, executed)
		local wire = case.wire
		client.sent_until, client.answered_until = nil, nil
		case.wire = {}
		for _, question in ipairs(wire) do
			if question.client ~= client then
				case.wire[#case.wire + 1] = question
			elseif not question.message then
				if executed == "now" and not question.reply then execute(question) end
				if executed == "later" and not question.reply then
					local copy = table.Copy(question)
					copy.client, copy.fn, copy.at = client, function() end, world.now + case.late
					case.wire[#case.wire + 1] = copy
				end
				if client.valid then
					case.wire[#case.wire + 1] = { client = client, at = world.now, reply = true, fn = function()
						question.fn(world.addon.Error("DISCONNECTED", "cut", true))
					end }
				end
			end
		end
	end
	local function step()
		local wire = case.wire
		case.wire = {}
		for _, question in ipairs(wire) do
			local client = question.client
			if world.now < question.at then
				case.wire[#case.wire + 1] = question
			elseif question.message or question.reply then
				if client.frozen and client.valid then
					case.wire[#case.wire + 1] = question
				elseif client.valid and question.message then
					for _, listener in pairs(client.listeners["channel realtime:profiles:{wallet}"] or {}) do listener.fn(question.message) end
				elseif client.valid then
					question.fn(nil, question.reply)
				end
			else
				question.reply = execute(question)
				question.at = arrival(client, "answered_until")
				case.wire[#case.wire + 1] = question
			end
		end
	end
	function case.pass(seconds, each)
		each = each or 0.1
		local stop = world.now + seconds
		while world.now < stop - 1e-9 do
			world.pass(each, each)
			step()
		end
	end
	function case.fields(id) return case.redis.hashes["realtime:profiles:{wallet}:" .. id] or {} end
	return case
end

return { new_case = new_case }
