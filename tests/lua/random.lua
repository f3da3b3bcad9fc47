-- unix
-- Everything at random for a while, callbacks and faults included: the rules for a client hold until its end. Each
-- accepted command is answered once, messages of one publisher come in order and never twice, and nothing is left.

local kit = include("_kit.lua")

local SECONDS = 3

-- The same choices in every run; another seed as the script's argument makes others.
local seed = tonumber(host.args[1]) or 1
math.randomseed(seed)
local random = math.random
local function one_of(list) return list[random(#list)] end

host.test("at random, seed " .. seed, function()
	local servers = { host.new_fake(), host.new_fake({ password = "secret" }), host.new_fake({ socket = "soak" }) }
	local urls = {}
	for i, server in ipairs(servers) do urls[i] = i == 3 and server.socket() or server.url() end
	urls[2] = urls[2]:gsub("//", "//:secret@")
	local reported = ErrorNoHaltWithStack
	ErrorNoHaltWithStack = function() end
	local wrong, heard
	local function fail(text) wrong = wrong or text end
	local clients, accepted, answered, number = {}, 0, 0, 0
	local channels = { "a", "b", "a\0b", ("long"):rep(1000) }
	local act

	local function answer()
		accepted = accepted + 1
		local id, times = accepted, 0
		return function(err, reply)
			times = times + 1
			answered = answered + 1
			if times > 1 then fail("answer " .. id .. " came twice") end
			if err and reply ~= nil then fail("both an error and a reply") end
			if random(20) == 1 then act() end
			if random(50) == 1 then error("a callback's own") end
		end
	end
	local function ask(client, method, ...)
		local before = accepted
		local arguments = { ... }
		arguments[#arguments + 1] = answer()
		local ok, err = client[method](client, unpack(arguments))
		if not ok then
			accepted = before
			if err.code ~= "OVERLOADED" and err.code ~= "CLOSED" then fail("refused with " .. tostring(err)) end
		end
	end
	-- Each publisher numbers its messages; each subscription remembers the last number of each.
	local function listener()
		local last = {}
		return function(message)
			local who, n = message:match("^(%d+):(%d+)")
			if not who then return fail("a message nobody sent") end
			n = tonumber(n)
			if last[who] and n <= last[who] then fail(who .. " said " .. n .. " after " .. last[who]) end
			last[who], heard = n, true
			if random(100) == 1 then act() end
			if random(100) == 1 then error("a callback's own") end
		end
	end

	-- Settings that change make another session, and so another publisher.
	local made, publisher = 0, {}
	local function message_of(client, bytes)
		number = number + 1
		return publisher[client] .. ":" .. number .. ":" .. ("x"):rep(bytes)
	end
	local acts = {
		connect = function()
			if #clients >= 6 then return end
			made = made + 1
			local ok, client = pcall(realtime.Connect, one_of(urls), { id = "soak" .. random(5), protocol = host.protocol,
				overflow = one_of({ "drop_oldest", "drop_newest", "pause" }), queue_events = one_of({ 5, 100, 65536 }),
				reconnect_min = 0.01, reconnect_max = 0.05, connect_timeout = 0.5, ping_interval = 0.2, ping_timeout = 0.2,
				command_timeout = one_of({ 0.05, 1, 10 }), max_pending = one_of({ 10, 10000 }), max_message_bytes = 10000 })
			if not ok then return fail(client) end
			publisher[client] = made
			for _, known in ipairs(clients) do if known.client == client then return end end
			for _, event in ipairs({ "down", "ready", "gap", "dropped", "error" }) do
				client:On(event, "soak", function() if random(20) == 1 then act() end end)
			end
			clients[#clients + 1] = { client = client }
		end,
		disconnect = function()
			if #clients == 0 or random(5) > 1 then return end
			table.remove(clients, random(#clients)).client:Disconnect()
		end,
		publish = function(client)
			local channel = one_of(channels)
			for _ = 1, random(30) do
				ask(client, "Publish", channel, message_of(client, random(0, 200)))
			end
		end,
		large = function(client)
			ask(client, "Publish", one_of(channels), message_of(client, random(20000)))
		end,
		subscribe = function(client) client:Subscribe(one_of(channels), "id" .. random(3), listener()) end,
		psubscribe = function(client) client:PSubscribe(one_of({ "a*", "*" }), "id" .. random(3), listener()) end,
		unsubscribe = function(client) client:Unsubscribe(one_of(channels), "id" .. random(3)) end,
		punsubscribe = function(client) client:PUnsubscribe(one_of({ "a*", "*" }), "id" .. random(3)) end,
		command = function(client) ask(client, "Command", one_of({ { "INCR", "n" }, { "NOSUCH" }, { "ECHO", ("y"):rep(random(20000)) } })) end,
		transaction = function(client) ask(client, "Transaction", { { "INCR", "n" }, one_of({ { "INCR", "m" }, { "NOSUCH" } }) }) end,
		ping = function(client) ask(client, "Ping") end,
		sync = function(client) client:CommandSync({ "ECHO", "z" }, 0.01) end,
		stats = function(client) client:Stats() tostring(client) client:State() end,
		drop = function() one_of(servers).drop("all", one_of({ "fin", "reset" })) end,
		subscribers = function() one_of(servers).drop("subscribers") end,
		pieces = function() one_of(servers).faults("all", { pieces = random(10) }) end,
		cut = function() one_of(servers).faults("all", { cut_after_received = random(2000) }) end,
		cut_sent = function() one_of(servers).faults("all", { cut_after_sent = random(2000) }) end,
		deaf = function() one_of(servers).faults("all", { read = false }) end,
		well = function() for _, server in ipairs(servers) do server.faults("all", { none = true }) end end,
		garbage = function() collectgarbage() end,
		process = function() realtime.ProcessEvents(0.001) end,
	}
	local names = {}
	for name in pairs(acts) do names[#names + 1] = name end
	table.sort(names)
	function act()
		local name = one_of(names)
		local known = #clients > 0 and one_of(clients)
		if name == "connect" or known then acts[name](known and known.client) end
	end

	local till = SysTime() + SECONDS
	local ok, err = pcall(function()
		while SysTime() < till and not wrong do
			for _ = 1, random(20) do
				local fine, message = pcall(act)
				-- Subscribe and On raise on a closed client, and a callback may close any.
				if not fine and not tostring(message):find("closed", 1, true) then fail(message) end
			end
			host.pass(1)
		end
	end)
	acts.well()
	act = function() end
	kit.wait("every answer", function() return answered == accepted or wrong end)
	for _, client in ipairs(realtime.Clients()) do
		kit.wait("ready in the end: " .. tostring(client), function() return client:IsConnected() or wrong end)
		client:Disconnect()
	end
	kit.wait("the end of all", function() return #realtime.Clients() == 0 end)
	ErrorNoHaltWithStack = reported
	if not ok then error(err, 0) end
	assert(heard and answered > 0, "nothing happened")
	if wrong then error(wrong, 0) end
end)
