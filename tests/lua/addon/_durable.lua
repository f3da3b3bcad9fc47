-- For the random histories of realtime.Durable: its own scripts on a Redis made of a few tables, several servers, and a network that loses
-- questions and answers, all in virtual time.

local kit = include("../_kit.lua")
local new_world = include("_world.lua")
local format = string.format

-- A Redis with the commands that the scripts call. Like Redis, it runs a script atomically.
local function new_redis(world)
	local redis = { strings = {}, hashes = {}, sets = {}, streams = {}, ahead = 0 }
	local function parts(id)
		local time, sequence = id:match("^(%d+)%-?(%d*)$")
		return tonumber(time), tonumber(sequence) or 0
	end
	local function is_before(a, b)
		local a_time, a_sequence = parts(a)
		local b_time, b_sequence = parts(b)
		return a_time < b_time or a_time == b_time and a_sequence < b_sequence
	end
	local function now() return world.now + redis.ahead end
	local function hash(key) return redis.hashes[key] or {} end
	local function stream(key) return redis.streams[key] or { last = "0-0" } end
	local function trim(list, most)
		while #list > most do table.remove(list, 1) end
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
	function commands.HGETALL(key)
		local list = {}
		for field, value in SortedPairs(hash(key)) do table.Add(list, { field, value }) end
		return list
	end
	function commands.XLEN(key) return #stream(key) end
	function commands.XADD(key, ...)
		local words, most = { ... }, nil
		if words[1] == "MAXLEN" then most = table.remove(words, 2) table.remove(words, 1) end
		kit.eq(table.remove(words, 1), "*")
		local list = stream(key)
		redis.streams[key] = list
		local time = math.floor(now() * 1000)
		local last_time, last_sequence = parts(list.last)
		list.last = time > last_time and format("%d-0", time) or format("%d-%d", last_time, last_sequence + 1)
		for i, word in ipairs(words) do words[i] = tostring(word) end
		list[#list + 1] = { list.last, words }
		trim(list, most or math.huge)
		return list.last
	end
	function commands.XTRIM(key, _, most) trim(stream(key), tonumber(most)) end
	function commands.XDEL(key, id)
		local list = stream(key)
		for i, entry in ipairs(list) do
			if entry[1] == id then return table.remove(list, i) end
		end
	end
	function commands.XRANGE(key, from, to, _, most)
		local found = {}
		for _, entry in ipairs(stream(key)) do
			if (from == "-" or not is_before(entry[1], from)) and (to == "+" or not is_before(to, entry[1])) and #found < (most or math.huge) then
				found[#found + 1] = entry
			end
		end
		return found
	end
	function commands.XREVRANGE(key, to, _, _, most)
		local list, newest = stream(key), {}
		if not to:find("-", 1, true) then to = to .. "-18446744073709551615" end
		for i = #list, 1, -1 do
			if #newest < most and (to == "+-18446744073709551615" or not is_before(to, list[i][1])) then newest[#newest + 1] = list[i] end
		end
		return newest
	end
	function commands.ZADD(key, score, member)
		redis.sets[key] = redis.sets[key] or {}
		redis.sets[key][member] = tonumber(score)
	end
	function commands.ZREM(key, member) (redis.sets[key] or {})[member] = nil end
	function commands.ZCARD(key) return table.Count(redis.sets[key] or {}) end
	function commands.ZRANGEBYSCORE(key, _, most)
		local found = {}
		for member, score in pairs(redis.sets[key] or {}) do
			if score <= tonumber(most) then found[#found + 1] = member end
		end
		table.sort(found)
		return found
	end
	function commands.PUBLISH(key, text)
		redis.told = key
		return #text
	end

	local env = setmetatable({}, { __index = _G })
	env.cjson = { null = world.realtime.NULL, decode = function(text) return assert(world.addon.json.Decode(text)) end }
	env.redis = { error_reply = function(err) error(err) end }
	function env.redis.call(command, ...) return assert(commands[command], command)(...) end
	env.redis.pcall = env.redis.call
	redis.xadd = commands.XADD -- as a program without the scripts
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
	local KNOWN = { "strings", "hashes", "sets", "streams" }
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

-- Servers with a client each. What a server asks is executed and answered after `delay` seconds each way; the network may lose either,
-- and then the connection is cut, as it would be.
local function new_case()
	local world = new_world()
	local case = { world = world, redis = new_redis(world), delay = 0.01, late = 2, wire = {}, clients = {}, executed = 0 }
	-- on_executed(question, reply): called after Redis has executed a request.
	local function execute(question)
		case.executed = case.executed + 1
		local reply = case.redis.run(question.name, question.keys, question.arguments)
		if case.on_executed then case.on_executed(question, reply) end
		local told = case.redis.told
		case.redis.told = nil
		for _, client in ipairs(told and case.clients or {}) do
			for _, listener in pairs(client.connected and client.listeners["channel " .. told] or {}) do listener.fn() end
		end
		return reply
	end
	-- A connection delivers in order, in both directions.
	local function arrival(client, way)
		client[way] = math.max(client[way] or 0, world.now + case.delay)
		return client[way]
	end
	function world.addon.RunScript(client, name, keys, arguments, fn)
		case.wire[#case.wire + 1] = {
			client = client, name = name, keys = table.Copy(keys), arguments = table.Copy(arguments), fn = fn, at = arrival(client, "sent_until"),
		}
		return true
	end
	function case.server(id)
		local client = world.client()
		client.id = id
		case.clients[#case.clients + 1] = client
		return world.realtime.Durable(client, id), client
	end
	-- The server ends, and is silent then. With `in_order` it says so before.
	function case.leave(durable, in_order)
		if in_order then world.addon.goodbyes.Durable[durable]() end
		durable.client.valid, durable.client.connected = false, false
		table.RemoveByValue(case.clients, durable.client)
	end
	-- Every request on its way fails: executed "now", "later" (an old connection may be read after a new one), or "never".
	function case.cut(client, executed)
		local wire = case.wire
		client.sent_until, client.answered_until = nil, nil
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
		step = step or 0.1
		local stop = world.now + seconds
		while world.now < stop do
			world.pass(step, step)
			local wire = case.wire
			case.wire = {}
			for _, question in ipairs(wire) do
				if world.now < question.at then
					case.wire[#case.wire + 1] = question
				elseif not question.reply then
					question.reply = execute(question)
					question.at = arrival(question.client, "answered_until")
					case.wire[#case.wire + 1] = question
				elseif question.client.valid then
					question.fn(nil, question.reply)
				end
			end
		end
	end
	return case
end

return { new_case = new_case }
