-- servers: fake; unix
-- The peer closes while we write. SIGPIPE kills this process, as it may kill the game: it may only cause `down`.

local kit = include("_kit.lua")

local ROUNDS, PUBLISHES, BYTES = 10, 40, 100000

local function cut_in_the_middle(url, how)
	local server = host.new_fake(url)
	local client = kit.ready({ url = server.socket and url and url.socket and server.socket() or server.url(),
		reconnect_min = 0.01, reconnect_max = 0.05, connect_timeout = 20 })
	local accepted, answered, downs = 0, 0, 0
	client:On("down", function(info)
		downs = downs + 1
		assert(info.err.code == "DISCONNECTED", tostring(info.err))
	end)
	local message = ("x"):rep(BYTES)
	for round = 1, ROUNDS do
		kit.wait("ready", function() return client:IsConnected() end)
		-- In the middle of the current write, each time at another place.
		server.faults("all", { cut_after_received = BYTES * round + 12345 * round, cut_with = how })
		local before = downs
		for _ = 1, PUBLISHES do
			if client:Publish("c", message, function(err)
				answered = answered + 1
				assert(not err or err.code == "DISCONNECTED", tostring(err))
			end) then accepted = accepted + 1 end
		end
		kit.wait("down", function() return downs > before end)
		server.faults("all", { none = true })
	end
	kit.wait("every answer", function() return answered == accepted end)
	kit.wait("ready again", function() return client:IsConnected() end)
	kit.eq({ client:CommandSync({ "ECHO", "alive" }) }, { nil, "alive" })
	client:Disconnect()
end

for _, how in ipairs({ "fin", "reset" }) do
	host.test("over TCP, with " .. how, function() cut_in_the_middle(nil, how) end)
	host.test("over a Unix socket, with " .. how, function() cut_in_the_middle({ socket = "s" .. how }, how) end)
end
