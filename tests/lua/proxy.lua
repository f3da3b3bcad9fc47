-- servers: fake, real; unix
-- Every fault of a connection, between the module and a server that does not know about it.

local kit = include("_kit.lua")

local QUICK = { reconnect_min = 0.005, reconnect_max = 0.02, connect_timeout = 20, ping_interval = 10, ping_timeout = 10 }

-- A client behind its own proxy, with the faults of its first connection; its events and messages, in order.
local function behind(faults, more)
	local proxy = host.proxy()
	if faults then proxy.next(faults) end
	local options = table.Copy(QUICK)
	for k, v in pairs(more or {}) do options[k] = v end
	options.url = proxy.url()
	local client, log = kit.connect(options), {}
	for _, event in ipairs({ "ready", "down", "gap" }) do
		client:On(event, "test", function(info) log[#log + 1] = { event, info } end)
	end
	local channel = kit.unique("proxied")
	client:Subscribe(channel, "test", function(message) log[#log + 1] = { "message", message } end)
	function log.count(name)
		local n = 0
		for _, entry in ipairs(log) do n = n + (entry[1] == name and 1 or 0) end
		return n
	end
	return proxy, client, log, channel
end

-- Waits for its subscription, because a connection without one causes no gap.
local function up(client, log)
	kit.wait("ready, and the subscription", function() return log.count("ready") == 1 and client:Stats().confirmed == 1 end)
end

-- The client is ready, and its publishes reach its own subscription.
local function lives(client, log, channel)
	local message = kit.unique("alive")
	kit.wait("a message to itself", function()
		for _, entry in ipairs(log) do
			if entry[1] == "message" and entry[2] == message then return true end
		end
		return client:IsConnected() and select(1, kit.publish(client, channel, message)) == nil and nil
	end)
	client:Disconnect()
end

for _, how in ipairs({ "fin", "reset" }) do
	host.test("cut with " .. how .. " while it says hello, and later, in either direction", function()
		for _, direction in ipairs({ "up", "down" }) do
			for _, bytes in ipairs({ 0, 1, 30, 100 }) do
				local proxy, client, log, channel =
					behind({ [direction .. "_cut_at"] = bytes, [direction .. "_cut"] = how })
				kit.wait("down, then ready", function() return log.count("down") > 0 and log.count("ready") == 1 end)
				kit.eq(log.count("gap"), 0, "nothing was confirmed, so nothing was missed")
				lives(client, log, channel)
			end
		end
		local proxy, client, log, channel = behind()
		up(client, log)
		assert(proxy.cut(how) >= 1)
		kit.wait("ready again", function() return log.count("ready") == 2 end)
		kit.eq(log.count("gap"), 1)
		lives(client, log, channel)
	end)
end

host.test("half closed: the client leaves, and comes back", function()
	for _, direction in ipairs({ "up", "down" }) do
		local proxy, client, log, channel = behind()
		up(client, log)
		proxy.edit({ [direction .. "_cut_at"] = 0, [direction .. "_cut"] = "half" })
		kit.wait("ready again", function() return log.count("ready") >= 2 and log.count("gap") >= 1 end)
		lives(client, log, channel)
	end
end)

host.test("stalled: silence is found and left; a short one is not", function()
	local proxy, client, log, channel = behind(nil, { ping_interval = 0.3, ping_timeout = 0.3 })
	kit.wait("ready", function() return log.count("ready") >= 1 end)
	local downs, readies = log.count("down"), log.count("ready") -- a stall of the machine is detected as well
	proxy.edit({ down_stall = true })
	kit.wait("down", function() return log.count("down") > downs end)
	kit.wait("ready again", function() return log.count("ready") > readies end)
	lives(client, log, channel)

	proxy, client, log, channel = behind(nil, { ping_interval = 60 })
	kit.wait("ready", function() return log.count("ready") == 1 end)
	proxy.edit({ down_stall = true })
	local answered
	client:Ping(function(err) answered = { err } end)
	kit.ticks(5)
	kit.eq(answered, nil, "an answer through a stall")
	proxy.edit({ down_stall = false })
	kit.wait("the answer", function() return answered end)
	kit.eq(answered, {})
	kit.eq(log.count("down"), 0)
	lives(client, log, channel)
end)

host.test("byte by byte, and split at every boundary of the first bytes", function()
	local proxy, client, log, channel = behind()
	kit.wait("ready", function() return log.count("ready") == 1 end)
	proxy.faults({ up_piece = 1, down_piece = 1 })
	proxy.cut()
	kit.wait("ready again", function() return log.count("ready") == 2 end)
	lives(client, log, channel)
	for at = 1, 40 do
		proxy, client, log, channel = behind({ down_split_at = at, down_pause = 0.002, up_split_at = at, up_pause = 0.002 })
		kit.wait("ready", function() return log.count("ready") == 1 end)
		kit.eq(log.count("down"), 0)
		client:Disconnect()
	end
end)

host.test("accepted and never answered", function()
	local proxy, client, log, channel = behind({ mute = true }, { connect_timeout = 0.3 })
	kit.wait("down", function() return log.count("down") > 0 end)
	lives(client, log, channel)
end)

host.test("refused, and accepted again", function()
	local proxy, client, log, channel = behind()
	kit.wait("ready", function() return log.count("ready") == 1 end)
	proxy.refuse()
	proxy.cut()
	kit.wait("a refusal", function()
		for _, entry in ipairs(log) do
			if entry[1] == "down" and entry[2].err.code == "REFUSED" then return true end
		end
	end)
	proxy.accept()
	kit.wait("ready again", function() return log.count("ready") == 2 end)
	lives(client, log, channel)
end)

host.test("another server in the old one's place", function()
	local proxy, client, log, channel = behind()
	up(client, log)
	local other = host.new_fake({ version = "7.2.9" })
	-- It requires no password, so it accepts any.
	other.user("default on nopass ~* &* +@all")
	local user = proxy.url():match("//([^:@]+):[^@]*@")
	if user then other.user(user .. " on nopass ~* &* +@all") end
	proxy.swap(other.url())
	proxy.cut()
	kit.wait("ready again", function() return log.count("ready") == 2 end)
	kit.wait("the subscription there", function() return other.subscribers(channel) == 1 end)
	kit.eq(log.count("gap"), 1)
	lives(client, log, channel)
end)
