-- Faults that only the embedded server can simulate.

local kit = include("_kit.lua")

local function quick(url, more)
	local options = { url = url, reconnect_min = 0.02, reconnect_max = 0.1, connect_timeout = 20 }
	for k, v in pairs(more or {}) do options[k] = v end
	return options
end

-- The first reason that a client gives for not being connected.
local function reason(options)
	local client, err = kit.connect(options), nil
	client:On("down", "test", function(info) err = err or info.err end)
	kit.wait("down", function() return err end)
	return client, err
end

host.test("a wrong password is told as that, without hammering", function()
	local server = host.new_fake({ password = "right" })
	local client, err = reason(quick(server.url():gsub("//[^@]*@", "//"), { password = "wrong" }))
	assert(err.code == "WRONGPASS" or err.code == "AUTH", tostring(err))
	assert(not tostring(err):find("wrong\"", 1, true))
	client:Disconnect()
	client, err = reason(quick((server.url():gsub("//[^@]*@", "//"))))
	kit.eq(err.code, "NOAUTH")
	client:Disconnect()
end)

host.test("password and ACL user", function()
	local server = host.new_fake({ user = "alice on >secret ~* &allowed* +@all" })
	local client = kit.ready(quick((server.url():gsub("//", "//alice:secret@"))))
	local errors = kit.recorder()
	client:On("error", errors.fn)
	local got = kit.recorder()
	client:Subscribe("allowed.1", got.fn)
	client:Subscribe("forbidden", got.fn)
	client:Subscribe("allowed.2", got.fn)
	kit.wait("the refusal", function() return #errors >= 1 end)
	kit.eq(errors[1][1].err.code, "NOPERM")
	kit.eq(errors[1][1].channel, "forbidden")
	kit.publish(client, "allowed.1", "x")
	kit.publish(client, "allowed.2", "y")
	kit.wait("the others live", function() return #got == 2 end)
	client:Disconnect()
end)

host.test("a request without a callback that fails is an event that names command and channel", function()
	local server = host.new_fake({ user = "carol on >secret ~* &allowed* +@all -ping" })
	local client = kit.ready(quick((server.url():gsub("//", "//carol:secret@"))))
	local errors = kit.recorder()
	client:On("error", errors.fn)
	client:Publish("forbidden", "s3cret")
	client:Ping()
	client:Transaction({ { "SET", "s3cret" } })
	client:Command({ "nosuchcommand", "s3cret" })
	client:PSubscribe("forbidden.*", function() end)
	kit.wait("five errors", function() return #errors == 5 end)
	local seen = {}
	for _, call in ipairs(errors) do
		local info, err = call[1], call[1].err
		assert(call[2] == client, "the client is the second argument")
		assert(not (info.channel or ""):find("s3cret", 1, true))
		seen[#seen + 1] = table.concat({ info.command or "-", info.channel or "-", info.pattern or "-", err.code }, " ")
		kit.eq({ type(err.code), type(err.message), type(err.sent) }, { "string", "string", "boolean" })
		kit.eq(table.Count(err), 3, "fields of " .. kit.show(err))
		kit.eq(tostring(err), err.code .. ": " .. err.message)
		kit.eq(err.sent, true)
	end
	table.sort(seen)
	kit.eq(seen, {
		"- - forbidden.* NOPERM", "MULTI - - EXECABORT", "PING - - NOPERM", "PUBLISH forbidden - NOPERM",
		"nosuchcommand - - ERR",
	})
	client:Disconnect()
end)

host.test("another one's turn: max number of clients is the reason given", function()
	local server = host.new_fake({ max_clients = 1 })
	local first = kit.ready(quick(server.url()))
	local client, err = reason(quick(server.url()))
	assert(tostring(err):find("max number of clients", 1, true), tostring(err))
	server.max_clients(10)
	kit.wait("room for both", function() return client:IsConnected() end)
	first:Disconnect()
	client:Disconnect()
end)

host.test("what is no Redis is told as that", function()
	local server = host.new_fake()
	server.faults("new", { greeting = "HTTP/1.1 400 Bad Request\r\n\r\n" })
	local client, err = reason(quick(server.url()))
	kit.eq(err.code, "PROTOCOL")
	assert(tostring(err):find("HTTP", 1, true), tostring(err))
	client:Disconnect()
end)

host.test("a name without an address", function()
	local client, err = reason({ url = "redis://no-such-host.invalid:6379", connect_timeout = 50 })
	kit.eq(err.code, "RESOLVE")
	assert(tostring(err):find("no%-such%-host"), tostring(err))
	client:Disconnect()
end)

host.test("a server that accepts and never answers", function()
	local server = host.new_fake()
	server.faults("new", { read = false })
	local client, err = reason(quick(server.url(), { connect_timeout = 0.2 }))
	kit.eq(err.code, "TIMEOUT")
	client:Disconnect()
end)

host.test("a server without RESP3, one without HELLO", function()
	if host.protocol == 3 then return end
	for _, hello in ipairs({ "noproto", "unknown", "noperm", "list", "map", "ok" }) do
		local server = host.new_fake({ hello = hello, password = "secret" })
		local url = server.url():gsub("//[^@]*@", "//"):gsub("//", "//:secret@")
		local client, got = kit.connect(quick(url, { protocol = "auto" })), kit.recorder()
		local info
		client:On("ready", function(i) info = i end)
		client:Subscribe("chat", got.fn)
		client:Publish("chat", "hello")
		kit.wait("the message", function() return #got == 1 end)
		kit.wait("ready", function() return info end)
		kit.eq(info.protocol, 2)
		kit.eq(#server.connections(), 2, "two links under RESP2")
		client:Disconnect()
	end
end)

host.test("protocol = 3 at a server without it says what to do", function()
	for _, hello in ipairs({ "noproto", "unknown", "noperm" }) do
		local server = host.new_fake({ hello = hello })
		local client, err = reason(quick(server.url(), { protocol = 3 }))
		kit.eq(err.code, "UNSUPPORTED")
		assert(err.message:find("leave out the option protocol, or set it to 2", 1, true), err.message)
		client:Disconnect()
	end
end)

host.test("output in pieces of one byte", function()
	local server = host.new_fake()
	server.faults("new", { pieces = 1 })
	local client, got = kit.ready(quick(server.url())), kit.recorder()
	client:Subscribe("chat", got.fn)
	for i = 1, 5 do kit.publish(client, "chat", "message " .. i) end
	kit.wait("five messages", function() return #got == 5 end)
	for i = 1, 5 do kit.eq(got[i][1], "message " .. i) end
	client:Disconnect()
end)

host.test("a server that begins to load is alive", function()
	local server = host.new_fake()
	local client = kit.ready(quick(server.url(), { ping_interval = 0.05, ping_timeout = 50 }))
	local downs = kit.recorder()
	client:On("down", downs.fn)
	for _, health in ipairs({ "loading", "masterdown" }) do
		server.health(health)
		local asked = server.received("HELLO") + server.received("ROLE")
		kit.wait("three questions", function() return server.received("HELLO") + server.received("ROLE") >= asked + 3 end)
		kit.eq(#downs, 0)
		kit.eq(client:State(), "ready")
	end
	client:Disconnect()
end)

host.test("a server that becomes a replica is left once, and stayed with if it is the same one again", function()
	local server = host.new_fake()
	local client, log = kit.ready(quick(server.url(), { ping_interval = 0.05, ping_timeout = 50, id = "follows" })), {}
	kit.eq({ client:Stats().role, client:Stats().mode }, { "master", "standalone" })
	client:On("down", function(info) log[#log + 1] = info.err.message:match("has become a replica") or tostring(info.err) end)
	client:On("ready", function(info) log[#log + 1] = info.role end)
	server.role("replica")
	kit.wait("two more", function() return log[#log] == "replica" end)
	local from = server.received("HELLO") + server.received("ROLE")
	kit.wait("more questions", function() return server.received("HELLO") + server.received("ROLE") >= from + 4 end)
	kit.eq(log, { "master", "has become a replica", "replica" })
	kit.eq({ client:Stats().role, client:State() }, { "replica", "ready" })
	local lines = 0
	for _, line in ipairs(host.console()) do
		if line:find("^%[realtime%] follows at %S+: the server is a replica: ") then lines = lines + 1 end
	end
	kit.eq(lines, 1, table.concat(host.console(), "\n"))
	-- It may be promoted again, so the client stays.
	server.role("master")
	kit.wait("the master", function() return client:Stats().role == "master" end)
	kit.eq(#log, 3)
	client:Disconnect()
end)

host.test("Stats tells of the nodes of a cluster, and keys in several hash slots are refused", function()
	local server = host.new_fake({ mode = "cluster" })
	local client = kit.ready(quick((server.url():gsub("^redis", "redis-cluster"))))
	kit.wait("the nodes", function() return client:Stats().nodes end)
	local address = server.url():match("://(.*)")
	kit.eq(client:Stats().nodes, { { address = address, role = "master", slots = 16384, connected = true } })
	kit.eq(client:Stats().mode, "cluster")
	local code, sent
	client:Transaction({ { "SET", "stock", 1 }, { "SET", "sold", 1 } }, function(err) code, sent = err.code, err.sent end)
	kit.wait("an answer", function() return code end)
	kit.eq({ code, sent, server.received("MULTI") }, { "CROSSSLOT", false, 0 })
	client:Disconnect()
end)

host.test("READONLY is a reason to ask for the role at once, and replica = true is quiet", function()
	local server = host.new_fake()
	local client, down = kit.ready(quick(server.url(), { ping_interval = 600, replica = true, id = "quiet" })), nil
	client:On("down", function(info) down = info.err.message end)
	server.role("replica")
	local code
	client:Command({ "SET", "k", "v" }, function(err) code = err.code end)
	kit.wait("down", function() return down end)
	kit.eq(code, "READONLY")
	assert(down:find("has become a replica", 1, true), down)
	kit.wait("ready", function() return client:IsConnected() and client:Stats().role == "replica" end)
	for _, line in ipairs(host.console()) do assert(not line:find("quiet at %S+: the server is a replica"), line) end
	client:Disconnect()
end)

host.test("a server that loads its data is ready once it serves", function()
	for _, health in ipairs({ "loading", "masterdown" }) do
		local server = host.new_fake()
		server.health(health)
		local client, got, order = kit.connect(quick(server.url())), kit.recorder(), {}
		client:On("down", function(info) order[#order + 1] = info.err.code end)
		client:On("ready", function() order[#order + 1] = "ready" end)
		client:Subscribe("chat", got.fn)
		client:Publish("chat", "hello")
		client:Command({ "SET", "key", "value" })
		local value
		client:Command({ "GET", "key" }, function(_, reply) value = reply end)
		kit.wait("the message", function() return #got == 1 end)
		kit.eq(order, { health:upper() })
		kit.eq(client:State(), "connecting")
		assert(client:Stats().error:find("does not serve data yet", 1, true), client:Stats().error)
		kit.eq(client:CommandSync({ "GET", "key" }, 0.1).code, "TIMEOUT")
		kit.eq(value, nil)
		server.health("serving")
		kit.wait("the value", function() return value == "value" end)
		kit.eq(order, { health:upper(), "ready" })
		kit.eq(client:Stats().error, nil)
		client:Disconnect()
	end
end)

host.test("what a loading server says is on the console once, though a lost connection was just told", function()
	local server = host.new_fake()
	local client = kit.ready(quick(server.url(), { id = "loads" }))
	server.health("loading")
	server.drop()
	local pings = server.received("PING")
	kit.wait("two questions", function() return server.received("PING") >= pings + 3 end)
	local lines = {}
	for _, line in ipairs(host.console()) do
		if line:find("^%[realtime%] loads at %S+: LOADING: the server does not serve data yet") then lines[#lines + 1] = line end
	end
	kit.eq(#lines, 1, table.concat(host.console(), "\n"))
	client:Disconnect()
end)

host.test("a message over max_message_bytes is counted as dropped, in its place", function()
	local server = host.new_fake()
	local client, order = kit.ready(quick(server.url(), { max_message_bytes = 1000 })), {}
	client:On("dropped", function(info) order[#order + 1] = info end)
	kit.subscribe(client, "c", function(message) order[#order + 1] = #message end)
	server.publish("c", ("x"):rep(1000))
	server.publish("c", ("x"):rep(1001))
	server.publish("c", ("x"):rep(5000000))
	server.publish("c", "end")
	kit.wait("the last message", function() return order[#order] == 3 end)
	kit.eq(order[1], 1000)
	local count, bytes = 0, 0
	for i = 2, #order - 1 do
		kit.eq(order[i].reason, "too_large")
		count, bytes = count + order[i].count, bytes + order[i].bytes
	end
	kit.eq({ count, bytes }, { 2, 5001001 })
	kit.eq(client:State(), "ready", "the link lives")
	client:Disconnect()
end)

host.test("a reply over max_message_bytes is TOOLARGE and the link lives", function()
	local server = host.new_fake()
	local client = kit.ready(quick(server.url(), { max_message_bytes = 1000 }))
	kit.command(client, { "SET", "k", ("x"):rep(900) })
	kit.command(client, { "APPEND", "k", ("x"):rep(900) })
	local err = kit.command(client, { "GET", "k" })
	kit.eq(err.code, "TOOLARGE")
	for i = 1, 200 do client:Command({ "RPUSH", "l", ("y"):rep(20) }) end
	err = kit.command(client, { "LRANGE", "l", 0, -1 })
	kit.eq(err.code, "TOOLARGE")
	kit.eq({ kit.command(client, { "ECHO", "fine" }) }, { nil, "fine" })
	client:Disconnect()
end)

host.test("a user without +ping still lives, subscribes and is watched", function()
	local server = host.new_fake({ user = "bob on >pw ~* &* +@all -ping" })
	local client, got = kit.ready(quick((server.url():gsub("//", "//bob:pw@")), { ping_interval = 0.05 })), kit.recorder()
	client:Subscribe("chat", got.fn)
	kit.publish(client, "chat", "x")
	kit.wait("the message", function() return #got == 1 end)
	client:Disconnect()
end)

host.test("a failover that a Sentinel announces is followed", function()
	local old, new, sentinel = host.new_fake(), host.new_fake(), host.new_fake({ mode = "sentinel" })
	local function address(server) return server.url():match("://(.*)") end
	sentinel.name_master("mymaster", address(old))
	local client = kit.ready(quick("redis-sentinel://" .. address(sentinel) .. "/mymaster"))
	kit.eq(client:Stats().address, address(old))
	sentinel.name_master("mymaster", address(new))
	kit.wait("the new master", function() return client:Stats().address == address(new) and client:State() == "ready" end)
	client:Disconnect()
end)

host.test("a command on a key that is gone from a migrating hash slot runs at the other node", function()
	local from, to = host.new_fake({ mode = "cluster" }), host.new_fake({ mode = "cluster" })
	local client = kit.ready(quick(from.url()))
	to.import_slot("stock", from.url():match("://(.*)"))
	from.migrate_slot("stock", to.url():match("://(.*)"))
	kit.eq({ kit.command(client, { "INCR", "stock" }) }, { nil, 1 })
	kit.eq({ from.received("asking"), to.received("asking"), to.received("incr") }, { 0, 1, 1 })
	client:Disconnect()
end)

host.test("max_pending refuses in the call itself", function()
	local server = host.new_fake()
	local client = kit.ready(quick(server.url(), { max_pending = 10 }))
	local answered = 0
	for i = 1, 10 do assert(client:Publish("c", "x", function() answered = answered + 1 end)) end
	local ok, err = client:Publish("c", "x", function() error("a refused command has no answer") end)
	kit.eq(ok, false)
	kit.eq(err.code, "OVERLOADED")
	kit.eq(err.sent, false)
	kit.wait("the answers", function() return answered == 10 end)
	assert(client:Publish("c", "x"), "room again")
	client:Disconnect()
end)
