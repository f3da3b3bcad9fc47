-- servers: real
-- Commands that block have their own connection, so that the client's other commands need not wait.

local kit = include("_redis.lua")

-- Sends a command, and returns a table with its reply and error as soon as they are there.
local function start(client, ...)
	local answer = {}
	assert(client:Send({ ... }, function(this, ...)
		assert(this == client)
		answer.reply, answer.err = ...
		answer.done = true
	end))
	assert(client:Commit())
	return answer
end

local function finish(answer, client)
	kit.poll("the answer", function() return answer.done end, client)
	return answer.reply, answer.err
end

-- Waits until the server has so many blocked clients.
local function blocked(client, count)
	kit.wait("a blocked client", function()
		return kit.ask(client, "Send", { "INFO", "clients" }):find("blocked_clients:" .. count .. "\r", 1, true)
	end)
end

local function clients_open() return #realtime.Clients() end

host.test("BLPOP waits, and the client's other commands do not", function()
	local before = clients_open()
	local client, key = kit.client(), kit.unique("jobs")
	local first, second = start(client, "blpop", key, 0), start(client, "BRPOP", key, key .. "b", 0)
	blocked(client, 1)
	kit.eq(kit.ask(client, "Set", key .. "x", "meanwhile"), "OK")
	kit.eq(kit.ask(client, "Get", key .. "x"), "meanwhile")
	kit.eq({ first.done, second.done }, {})
	kit.eq(kit.ask(client, "Send", { "RPUSH", key, "one" }), 1)
	kit.eq({ finish(first, client) }, { { key, "one" } })
	kit.eq(second.done, nil)
	kit.eq(kit.ask(client, "Send", { "RPUSH", key .. "b", "two" }), 1)
	kit.eq({ finish(second, client) }, { { key .. "b", "two" } })
	-- A timeout without a value is not an error.
	kit.eq({ finish(start(client, "BLPOP", key, 1), client) }, {})
	kit.eq(clients_open(), before + 2)
	client:Destroy()
	kit.wait("both to be closed", function() return clients_open() == before end)
end)

host.test("others of that kind, and those that do not block", function()
	local client, key = kit.client(), kit.unique("kinds")
	kit.ask(client, "Send", { "RPUSH", key, "a" })
	kit.eq(finish(start(client, "BRPOPLPUSH", key, key .. "2", 0), client), "a")
	kit.ask(client, "Send", { "ZADD", key .. "z", 1, "m" })
	local reply, err = finish(start(client, "BZPOPMIN", key .. "z", 0), client)
	if err then assert(reply:find("^ERR unknown command"), reply) else kit.eq(reply, { key .. "z", "m", "1" }) end
	local read = start(client, "XREAD", "BLOCK", 0, "STREAMS", key .. "s", 0)
	reply, err = kit.ask(client, "Send", { "XADD", key .. "s", "1-1", "f", "v" })
	if err then
		assert(reply:find("^ERR unknown command"), reply)
	else
		kit.eq(finish(read, client), { { key .. "s", { { "1-1", { "f", "v" } } } } })
		kit.eq(kit.ask(client, "Send", { "XREAD", "STREAMS", key .. "s", 0 }), finish(read, client))
	end
	-- The server refuses a wrong one.
	reply, err = finish(start(client, "BLPOP", key), client)
	kit.eq({ reply, err.code }, { "ERR wrong number of arguments for 'blpop' command", "ERR" })
	-- WAIT concerns only its own connection, which it would block.
	reply = kit.ask(client, "Send", { "WAIT", 0, 1 })
	assert(reply:find("^ERR WAIT cannot be sent here: "), reply)
	-- What is to be used instead has gm_redis's names.
	for words, instead in pairs({
		SUBSCRIBE = "redis.CreateSubscriber() and its Subscribe", PUNSUBSCRIBE = "the subscriber's PUnsubscribe", WATCH = "MULTI and EXEC, or EVAL to decide inside the server",
	}) do
		kit.eq(kit.ask(client, "Send", { words, "x" }), "ERR " .. words .. " cannot be sent here: use " .. instead)
	end
	-- In a transaction the server does not block.
	local last
	client:Send("MULTI")
	client:Send({ "BLPOP", key .. "none", 0 })
	client:Send("EXEC", function(_, answer) last = answer end)
	client:Commit()
	kit.poll("the answer", function() return last end, client)
	kit.eq(last, { false })
	client:Destroy()
end)

host.test("it begins when the commands before it are answered", function()
	local proxy, witness, key = host.proxy(), kit.client(), kit.unique("order")
	local client = redis.CreateClient()
	assert(client:Connect("127.0.0.1", tonumber(proxy.url():match(":(%d+)")), kit.LONG))
	kit.ask(witness, "Send", { "RPUSH", key, "a", "b" })
	kit.eq(finish(start(client, "BLPOP", key, 0), client), { key, "a" })
	proxy.edit({ down_stall = true })
	client:Set(key .. "x", "set")
	local answer = start(client, "BLPOP", key, 0)
	kit.wait("the first command to have run", function() return kit.ask(witness, "Get", key .. "x") == "set" end)
	kit.ticks(20)
	kit.eq(kit.ask(witness, "Send", { "LLEN", key }), 1)
	proxy.edit({ down_stall = false })
	kit.eq(finish(answer, client), { key, "b" })
	client:Destroy()
	witness:Destroy()
end)

host.test("Select: each waits in the database of its time", function()
	local client, witness, key = kit.client(), kit.client(), kit.unique("db")
	local zero, zero_too = start(client, "BLPOP", key, 0), start(client, "BLPOP", key, 0)
	kit.eq(kit.ask(client, "Select", 3), "OK")
	local three = start(client, "BLPOP", key, 0)
	blocked(witness, 2)
	kit.ask(client, "Send", { "RPUSH", key, "in 3" })
	kit.eq(finish(three, client), { key, "in 3" })
	kit.eq({ zero.done, zero_too.done }, {})
	kit.ask(witness, "Send", { "RPUSH", key, "in 0", "in 0 too" })
	kit.eq({ finish(zero, client), finish(zero_too, client) }, { { key, "in 0" }, { key, "in 0 too" } })
	-- The one for database 0 is not needed any more: two of this client's are left, and one of the witness.
	kit.wait("the old one to be closed", function() return clients_open() == 3 end)
	client:Destroy()
	witness:Destroy()
end)

host.test("a lost connection answers, and the next one finds another", function()
	local client, witness, key = kit.client(), kit.client(), kit.unique("lost")
	local first, second = start(client, "BLPOP", key, 0), start(client, "BLPOP", key, 0)
	blocked(witness, 1)
	host.server.drop()
	local reply, err = finish(first, client)
	kit.eq({ reply, err.code, err.sent }, { "network failure", "DISCONNECTED", true })
	kit.poll("the witness", function() return witness:IsConnected() end, witness, client)
	kit.ask(witness, "Send", { "RPUSH", key, "x" })
	kit.eq(finish(second, client), { key, "x" })
	local third, fourth = start(client, "BLPOP", key, 0), start(client, "BLPOP", key, 0)
	blocked(witness, 1)
	client:Disconnect()
	for _, each in ipairs({ third, fourth }) do
		reply, err = finish(each, client)
		kit.eq({ reply, err.code }, { "network failure", "CLOSED" })
	end
	client:Destroy()
	witness:Destroy()
end)

host.test("a connection that waits is not taken for a dead one", function()
	redis.Options.ping_interval, redis.Options.ping_timeout, redis.Options.verify_delivery = 0.1, 0.5, true
	local client = kit.client()
	redis.Options.ping_interval, redis.Options.ping_timeout, redis.Options.verify_delivery = nil, nil, nil
	local answer = start(client, "BLPOP", kit.unique("quiet"), 2)
	kit.eq({ finish(answer, client) }, {})
	client:Destroy()
end)

host.test("an answer that never comes ends with another connection", function()
	local proxy, witness, key = host.proxy(), kit.client(), kit.unique("silent")
	local function connected(command_timeout)
		redis.Options.command_timeout = command_timeout
		local client = redis.CreateClient()
		assert(client:Connect("127.0.0.1", tonumber(proxy.url():match(":(%d+)")), kit.LONG))
		redis.Options.command_timeout = nil
		return client
	end
	local client, later = connected(2), connected(8)
	-- Its second connection exists before the answers are held back, because an answer in time would end the first call.
	kit.ask(witness, "Send", { "RPUSH", key, "ahead" })
	kit.eq(finish(start(client, "BLPOP", key, 0), client), { key, "ahead" })
	local natives = realtime.Clients()
	proxy.edit({ down_stall = true })
	local first, second = start(client, "BLPOP", key, 1), start(client, "BLPOP", key, 0)
	local late = start(later, "PING")
	local reply, err = finish(first, client)
	kit.eq({ reply, err.code, err.sent }, { "network failure", "TIMEOUT", true })
	later:Poll()
	assert(not late.done, "command_timeout after its own timeout")
	local closed = 0
	for _, native in ipairs(natives) do closed = closed + (native:IsValid() and 0 or 1) end
	kit.eq(closed, 1)
	proxy.edit({ down_stall = false })
	kit.ask(witness, "Send", { "RPUSH", key, "x" })
	kit.eq(finish(second, client), { key, "x" })
	later:Destroy()
	client:Destroy()
	witness:Destroy()
end)

host.test("behind a command that was not answered in time it is not sent either", function()
	local key = kit.unique("late")
	local giver = kit.client()
	kit.ask(giver, "Send", { "RPUSH", key, "kept" })
	giver:Destroy()
	local client, replies, witness = kit.before_a_stall()
	client:Set(key .. "x", "x", replies.fn)
	client:Send({ "BLPOP", key, 60 }, replies.fn)
	client:Commit()
	kit.poll("the end of the first", function() return #replies > 0 end, client)
	host.server.resume()
	kit.poll("the end of both", function() return #replies == 2 end, client)
	kit.eq({ replies[2][3].code, replies[2][3].sent }, { "TIMEOUT", false })
	kit.eq(kit.ask(witness, "Send", { "LLEN", key }), 1)
	client:Destroy()
	witness:Destroy()
end)
