-- TLS for scripts. In a module without it nothing is tested here: options_once.lua has its messages.

require("realtime")
local kit = include("_kit.lua")

if not realtime.FEATURES.tls then
	host.run(function() host.exit(0) end)
	return
end

local tls = host.tls()
local url = "rediss://" .. tls.address

local function ready(options)
	local info
	local client = realtime.Connect(url, options)
	client:On("ready", function(event) info = event end)
	kit.wait("ready", function() return info end)
	return client, info
end

host.test("messages of any bytes and size pass, and ready and Stats tell how", function()
	for _, protocol in ipairs({ 2, 3 }) do
		local client, info = ready({ tls_ca = tls.authority, protocol = protocol })
		assert(info.tls == "TLSv1.3" and info.protocol == protocol)
		assert(math.abs(info.tls_expires - os.time() - 30 * 86400) < 86400, info.tls_expires)
		local stats = client:Stats()
		assert(stats.tls == info.tls and stats.tls_expires == info.tls_expires)
		local got
		client:Subscribe("tls", function(message) got = message end)
		for _, message in ipairs({ "", "a\0\255\r\n", ("x"):rep(16384), ("0123456789"):rep(200000) }) do
			got = nil
			client:Publish("tls", message)
			kit.wait("the message", function() return got end)
			assert(got == message, #message)
		end
		client:Disconnect()
	end
end)

host.test("a file serves as well as its text", function()
	file.Write("tls_ca.txt", tls.authority)
	local client = ready({ tls_ca = "garrysmod/data/tls_ca.txt" })
	client:Disconnect()
end)

host.test("the options may stand in the URL, and beside that of the environment", function()
	local function connects(...)
		local client, info = realtime.Connect(...)
		client:On("ready", function(event) info = event end)
		kit.wait("ready", function() return info end)
		assert(info.tls == "TLSv1.3")
		client:Disconnect()
	end
	connects(url .. "?tls_ca=garrysmod%2Fdata/tls_ca.txt")
	host.setenv("REALTIME_URL", url)
	connects(nil, { tls_ca = tls.authority })
	host.setenv("REALTIME_URL", url .. "?tls_insecure=true")
	connects()
	connects(nil, { name = "n" })
	kit.raises("#2 .*exclude each other", realtime.Connect, "rediss://h", { tls_ca = tls.authority, tls_insecure = true })
	host.setenv("REALTIME_URL", url .. "?tls_ca=/no/such/file.pem")
	for _, options in ipairs({ false, { name = "n" } }) do
		local ok, message = pcall(realtime.Connect, nil, options or {})
		assert(not ok and message:find("environment variable REALTIME_URL: option \"tls_ca\" names the file", 1, true), message)
	end
	local message = kit.raises("#1", realtime.Connect, "rediss://h?tls_ca=/no/such/file.pem", { name = "n" })
	assert(message:find("does not exist", 1, true), message)
	host.setenv("REALTIME_URL", nil)
end)

-- The console's lines while an attempt with these options fails.
local function fails(options)
	local before = #host.console()
	local client = realtime.Connect(url, options)
	kit.wait("a failed attempt", function() return client:State() == "waiting" and #host.console() > before end)
	local stats = client:Stats()
	assert(stats.tls == nil and stats.tls_expires == nil)
	client:Disconnect()
	return table.concat(host.console(), "\n", before + 1)
end

host.test("a server that cannot be believed is told of with what to do", function()
	local said = fails({})
	assert(said:find("TLS: no public authority signed the server's certificate", 1, true), said)
	said = fails({ tls_pin = ("00"):rep(32) })
	local pin = said:match("write the new one, (%x+);")
	assert(pin and #pin == 64, said)
	local client = ready({ tls_pin = pin })
	client:Disconnect()
	said = fails({ tls_ca = tls.authority, tls_name = "redis.example" })
	assert(said:find("for another name", 1, true) and said:find("localhost", 1, true), said)
end)

host.test("the console says at every connect that a client believes everybody", function()
	local before = #host.console()
	local client = ready({ tls_insecure = true })
	local said = table.concat(host.console(), "\n", before + 1)
	assert(said:find("tls_insecure is set", 1, true), said)
	client:Disconnect()
end)
