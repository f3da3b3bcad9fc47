-- For the suites of realtime.Once: its own script on a Redis made of tables, several servers, and a network that loses requests and
-- answers, all in virtual time.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")

-- A Redis that has hashes and a clock, and like Redis runs the script atomically.
local function new_redis(world)
	local redis = { hashes = {}, ahead = 0 }
	local env = setmetatable({}, { __index = _G })
	local text = file.Read("realtime/redis/once.lua", "LUA")
	local script = CompileString(text, "once.lua", true)
	setfenv(script, env)
	env.redis = { error_reply = function(err) return { err = err } end }
	function env.redis.call(command, key, ...)
		local given = { ... }
		if command == "TIME" then
			local time = world.now + redis.ahead
			return { string.format("%d", time), string.format("%d", time % 1 * 1e6) }
		elseif command == "HMGET" then
			local list, hash = {}, redis.hashes[key] or {}
			for i, field in ipairs(given) do list[i] = hash[field] or false end
			return list
		elseif command == "HSET" then
			redis.hashes[key] = redis.hashes[key] or {}
			for i = 1, #given, 2 do redis.hashes[key][given[i]] = tostring(given[i + 1]) end
		elseif command ~= "PEXPIRE" then
			error("the script calls " .. command)
		end
	end
	function redis.run(keys, arguments)
		env.KEYS, env.ARGV = keys, {}
		for i, argument in ipairs(arguments) do env.ARGV[i] = tostring(argument) end
		return script()
	end
	return redis
end

-- Servers with a client each. Requests are executed and answered with a delay of `delay` seconds each way; the network may lose
-- either, and then the connection is cut.
local function new_case()
	local world = new_world()
	local case = { world = world, redis = new_redis(world), delay = 0.01, late = 2, wire = {}, log = {}, held = {} }
	-- `held`: job → token → when Redis last confirmed to that run that it holds the job.
	local function execute(question)
		local reply, key, action = case.redis.run(question.keys, question.arguments), question.keys[1], question.arguments[1]
		if reply[1] == "held" and (action == "take" or action == "renew") then
			case.held[key] = case.held[key] or {}
			case.held[key][question.arguments[2]] = world.now
		end
		return reply
	end
	function world.addon.ScriptText() return "" end
	function world.addon.RunScript(client, name, keys, arguments, fn)
		kit.eq(name, "once")
		case.wire[#case.wire + 1] = { client = client, keys = keys, arguments = arguments, fn = fn, at = world.now + case.delay }
		return true
	end
	function case.server(id)
		local client = world.client()
		client.id = id
		return client
	end
	-- Every request on its way fails: executed "now", "later" (an old connection may be read after a new one), or "never".
	function case.cut(client, executed)
		local wire = case.wire
		case.wire = {}
		for _, question in ipairs(wire) do
			if question.client ~= client then
				case.wire[#case.wire + 1] = question
			else
				if executed == "now" and not question.reply then execute(question) end
				if executed == "later" and not question.reply then
					local copy = table.Copy(question)
					copy.client, copy.fn, copy.at = client, function() end, world.now + case.late
					case.wire[#case.wire + 1] = copy
				end
				if client.valid then question.fn(world.addon.Error("DISCONNECTED", "cut", true)) end
			end
		end
	end
	function case.pass(seconds, step)
		local stop = world.now + seconds
		while world.now < stop do
			world.pass(step or 0.1, step or 0.1)
			local wire = case.wire
			case.wire = {}
			for _, question in ipairs(wire) do
				if world.now < question.at then
					case.wire[#case.wire + 1] = question
				elseif not question.reply then
					question.reply = execute(question)
					question.at = world.now + case.delay
					case.wire[#case.wire + 1] = question
				elseif question.client.valid then
					question.fn(nil, question.reply)
				end
			end
		end
	end
	-- Calls Once on that server with the function job(done, fence).
	function case.once(client, slot, job, options)
		return world.realtime.Once(slot, function(done, fence)
			case.log[#case.log + 1] = client.id
			job(done, fence)
		end, options, client, client.id)
	end
	return case
end

return { new_redis = new_redis, new_case = new_case }
