-- Two game servers share chat, kills and vehicles. Run it with `cargo demo`; it needs no game and no Redis.
-- With REDIS_URL set, the same happens on that server.

require("realtime")

local MOVES = 1000 -- vehicle moves at the end
local MOVES_A_TICK = 20
local PATIENCE = 20 -- seconds until something counts as lost
local MAX_BYTES = 65536 -- of a message; a larger one does not become a string

-- A prefix for this run only, so that two runs on one Redis do not hear each other.
local prefix = string.format("demo.%d.", math.floor(SysTime() * 1e6) % 1e9)

local published, callbacks = 0, 0
local latencies = {}
local expected, arrived, order = {}, {}, {}

local function expect(what, count)
	expected[what], arrived[what] = count, 0
	order[#order + 1] = what
end

local function arrive(what)
	callbacks = callbacks + 1
	arrived[what] = (arrived[what] or 0) + 1
end

local function complete()
	for what, count in pairs(expected) do
		if arrived[what] < count then return false end
	end
	return true
end

local function say(...) print(string.format(...)) end

-- The program's own server, which would call itself a Redis. With REDIS_URL there is none.
local has_own, kind = pcall(function() return host.server.kind() end)
local is_embedded = has_own and kind == "fake"

-- A publisher chooses the content of a message. Its texts are cut, and printed as plain ASCII, because some terminals
-- obey bytes above 127, too.
local function clean(text) return (tostring(text):sub(1, 100):gsub("[^ -~]", "?")) end
local function read(message)
	local fields = {}
	for key, value in pairs(util.JSONToTable(message) or {}) do fields[key] = clean(value) end
	return fields
end

-- One "game server": a client, its subscriptions, and its reactions.
local function server(name)
	local self = { name = name }
	local client = realtime.Connect(host.redis_url, { id = name, name = "demo-" .. name })
	self.client = client

	client:On("ready", function(info)
		if not info.first then return end
		local server = string.format("%s %s", info.server or "a server", info.version or "of unknown version")
		say("[%s] connected to %s over RESP%d", name, is_embedded and "the embedded server" or server, info.protocol)
		self.ready = true
	end)
	client:On("error", function(info)
		say("[%s] error: %s", name, tostring(info.err))
	end)

	-- A message that is too large comes as nil; the demo's own servers send none.
	local function listen(method, name, fn)
		client[method](client, prefix .. name, name, function(message, channel)
			if message then fn(message, channel) end
		end, MAX_BYTES)
	end

	-- Chat relay: every server hears all others. A server skips its own lines.
	listen("Subscribe", "chat", function(message)
		local line = read(message)
		if line.server == name then return end
		say("[%s] chat   (%s) %s: %s", name, line.server, line.player, line.text)
		arrive(name .. " hears chat")
	end)

	-- Kill feed: one pattern for the kills of all servers; the channel names the server.
	listen("PSubscribe", "kills.*", function(message, channel)
		local kill = read(message)
		say("[%s] kill   on %s: %s -> %s (%s)", name, clean(channel:sub(#prefix + #"kills." + 1)), kill.attacker, kill.victim,
			kill.weapon)
		arrive(name .. " sees kills")
	end)

	-- Vehicles: one channel for each kind of event.
	for _, event in ipairs({ "spawned", "entered", "destroyed" }) do
		listen("Subscribe", "vehicle." .. event, function(message)
			local vehicle = read(message)
			say("[%s] %-9s %s%s", name, event, vehicle.class, vehicle.driver and (" by " .. vehicle.driver) or "")
			arrive(name .. " learns of vehicles")
		end)
	end

	-- Moves are frequent: no JSON, just the time of sending.
	listen("Subscribe", "vehicle.moved", function(message)
		latencies[#latencies + 1] = SysTime() - (tonumber(message) or 0)
		arrive(name .. " follows moves")
	end)

	function self.publish(channel, message)
		published = published + 1
		if type(message) == "table" then message = util.TableToJSON(message) end
		return client:Publish(prefix .. channel, message, function(err, receivers)
			callbacks = callbacks + 1
			if err then
				say("[%s] publish to %s failed: %s", name, channel, tostring(err))
			else
				arrived.answers = arrived.answers + 1
				if receivers < 2 then say("[%s] only %d servers heard %s", name, receivers, channel) end
			end
		end)
	end

	return self
end

local function percentile(sorted, share)
	return sorted[math.max(1, math.ceil(#sorted * share))] * 1000
end

local function finish()
	local lost = {}
	for _, what in ipairs(order) do
		if arrived[what] ~= expected[what] then
			lost[#lost + 1] = string.format("%s: expected %d, got %d", what, expected[what], arrived[what])
		end
	end
	table.sort(latencies)
	print()
	for _, line in ipairs(lost) do say("MISSING  %s", line) end
	if #latencies > 0 then
		say("%d messages published, %d callbacks run, latency p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, max %.2f ms", published,
			callbacks, percentile(latencies, 0.5), percentile(latencies, 0.95), percentile(latencies, 0.99),
			percentile(latencies, 1))
		say("latency: from the publish to the callback; most of it is the wait for a tick, every %.0f ms", engine.TickInterval() * 1000)
	else
		say("%d messages published, %d callbacks run", published, callbacks)
	end
	host.exit(#lost == 0 and 0 or 1)
end

host.run(function()
	local alpha, beta = server("alpha"), server("beta")

	expect("answers", 4 + 3 + 3 + MOVES)
	expect("alpha hears chat", 2)
	expect("beta hears chat", 2)
	expect("alpha sees kills", 3)
	expect("beta sees kills", 3)
	expect("alpha learns of vehicles", 3)
	expect("beta learns of vehicles", 3)
	expect("alpha follows moves", MOVES)
	expect("beta follows moves", MOVES)

	if not host.wait(function() return alpha.ready and beta.ready end, PATIENCE) then
		say("MISSING  a connection: alpha is %s, beta is %s", alpha.client:State(), beta.client:State())
		host.exit(1)
		return
	end

	print("\n-- chat relay")
	alpha.publish("chat", { server = "alpha", player = "Alice", text = "anyone on the other server?" })
	beta.publish("chat", { server = "beta", player = "Bob", text = "three of us, come over" })
	alpha.publish("chat", { server = "alpha", player = "Carol", text = "we bring snow" })
	beta.publish("chat", { server = "beta", player = "Dave", text = "still here" })
	host.wait(function() return arrived["alpha hears chat"] == 2 and arrived["beta hears chat"] == 2 end, PATIENCE)

	print("\n-- kill feed")
	alpha.publish("kills.alpha", { attacker = "Alice", victim = "Carol", weapon = "crowbar" })
	beta.publish("kills.beta", { attacker = "Bob", victim = "Dave", weapon = "357" })
	beta.publish("kills.beta", { attacker = "world", victim = "Bob", weapon = "gravity" })
	host.wait(function() return arrived["alpha sees kills"] == 3 and arrived["beta sees kills"] == 3 end, PATIENCE)

	print("\n-- vehicles")
	alpha.publish("vehicle.spawned", { class = "jeep" })
	alpha.publish("vehicle.entered", { class = "jeep", driver = "Alice" })
	beta.publish("vehicle.destroyed", { class = "airboat", driver = "Bob" })
	host.wait(function()
		return arrived["alpha learns of vehicles"] == 3 and arrived["beta learns of vehicles"] == 3
	end, PATIENCE)

	say("\n-- %d vehicle moves, %d a tick", MOVES, MOVES_A_TICK)
	for i = 1, MOVES do
		alpha.publish("vehicle.moved", string.format("%.6f", SysTime()))
		if i % MOVES_A_TICK == 0 then host.pass() end
	end
	host.wait(complete, PATIENCE)
	finish()
end)
