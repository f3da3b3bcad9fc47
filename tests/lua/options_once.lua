-- once
-- Every option: accepted values, refused values, and the messages.

local kit = include("_kit.lua")

local URL = "redis://127.0.0.1:1"

local function refused(key, options, url)
	if url == "" then return kit.raises(key, realtime.Connect, options) end
	return kit.raises(key, realtime.Connect, url or URL, options)
end

host.test("an unknown option raises, names it and lists the known", function()
	local message = refused("passwrod", { passwrod = "hunter2" })
	assert(message:find("command_timeout", 1, true) and message:find("id, host", 1, true), message)
	assert(not message:find("hunter2", 1, true), "the value leaked: " .. message)
end)

host.test("wrong types and impossible numbers name the key", function()
	local cases = {
		port = { 0, 65536, 1.5, -1, "x", true, 0 / 0 }, host = { 1, true, {}, "" }, username = { 1, {} }, password = { 1, {} },
		db = { -1, 1.5, "x", 1 / 0 }, name = { 1, "a b", "a\nb", "\127" }, protocol = { 1, 4, "resp3", true },
		connect_timeout = { 0, -1, "5", 0 / 0, 1 / 0 }, command_timeout = { 0, -1, {} }, ping_interval = { 0, -1, "x" },
		ping_timeout = { 0, -1 }, verify_delivery = { 0, 1, "true", {} }, replica = { 0, "true" }, reconnect_min = { 0, -1 }, reconnect_max = { 0, -1 },
		queue_events = { 0, -1, 1.5, "x" }, queue_bytes = { 0, -1, "x" }, overflow = { "drop", 1, true },
		max_pending = { 0, -1, 1.5 }, max_message_bytes = { 0, -1, "x" }, id = { 1, true, {} },
	}
	for key, values in pairs(cases) do
		for _, value in ipairs(values) do
			if key == "host" or key == "port" then
				kit.raises(key, realtime.Connect, { [key] = value })
			else
				refused(key, { [key] = value })
			end
		end
	end
end)

host.test("Connect with a colon says so", function()
	kit.raises("dot", function() realtime:Connect(URL) end)
end)

host.test("contradictions are named", function()
	refused("reconnect_min", { reconnect_min = 10, reconnect_max = 1 })
	refused("max_message_bytes", { max_message_bytes = 2 ^ 26, queue_bytes = 2 ^ 20 })
	refused("host", { host = "127.0.0.1" })
	refused("port", { port = 1 })
	refused("db", { db = 1 }, URL .. "/1")
	refused("password", { password = "x" }, "redis://:y@127.0.0.1:1")
end)

host.test("URLs that cannot be understood say why", function()
	for url, pattern in pairs({
		[""] = "", ["nonsense"] = "redis://", ["http://x"] = "http", ["redis://h:0"] = "port", ["redis://h:99999"] = "port",
		["redis://h:x"] = "port", ["redis://h/x"] = "database", ["redis://h/-1"] = "database", ["redis://h?x=1"] = "x",
		["redis://[::1"] = "", ["redis://u:%zz@h"] = "%%", ["unix://"] = "path", ["unix:///p?x=1"] = "x",
		["redis://"] = "host",
	}) do
		local ok, message = pcall(realtime.Connect, url)
		if ok then error("accepted " .. url) end
		assert(tostring(message):lower():find(pattern), url .. ": " .. tostring(message))
	end
end)

host.test("rediss:// is TLS, and a module without it says which file has it", function()
	if not realtime.FEATURES.tls then
		for _, arguments in ipairs({ { "rediss://127.0.0.1:6379" }, { { host = "127.0.0.1", tls = true } } }) do
			local message = kit.raises("needs TLS", realtime.Connect, unpack(arguments))
			assert(message:find("install realtime-" .. realtime.VERSION .. "-full.zip", 1, true), message)
			assert(message:find("stunnel", 1, true), message)
		end
		return
	end
	local client = realtime.Connect("rediss://127.0.0.1:1")
	kit.wait("a failed attempt", function() return client:State() == "waiting" end)
	client:Disconnect()
end)

host.test("postgres:// in a module without it says which file has it", function()
	if realtime.FEATURES.postgres then return end
	local message = kit.raises("PostgreSQL is not in this file", realtime.Connect, "postgres://bob:secret@127.0.0.1/game")
	assert(message:find("install realtime-" .. realtime.VERSION .. "-full.zip", 1, true), message)
	assert(not message:find("secret", 1, true), message)
end)

host.test("files of certificates and keys are read by Connect, which says what is wrong with them", function()
	local function says(options, ...)
		options.tls = true
		local message = kit.raises("'Connect'", realtime.Connect, options)
		for _, part in ipairs({ ... }) do
			assert(message:find(part, 1, true), message)
		end
		return message
	end
	if not realtime.FEATURES.tls then return end
	-- A text that is meant as a key may lack its first line.
	local message = says({ tls_key = "MC4CAQAwBQYDK2VwBCIEIs3cret" }, '"tls_key" names a file', "does not exist", "-----BEGIN")
	assert(not message:find("s3cret", 1, true), message)
	says({ tls_ca = "no/such/file.pem" }, '"tls_ca" names the file "no/such/file.pem"', "does not exist", jit.os == "Windows" and "begins in C:" or "begins in /")
	says({ tls_ca = "/" }, '"tls_ca" names the file "/"', "is not a file")
	says({ tls_ca = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" }, '"tls_ca" holds a text', "understood")
	says({ tls_cert = "-----BEGIN CERTIFICATE-----", tls_key = "-----BEGIN PRIVATE KEY-----\ns3cret" }, '"tls_key"')
	says({ tls_pin = "12" }, '"tls_pin"', "64 hexadecimal digits", "sha256sum")
end)

host.test("FEATURES says what this file of the module can do beside the rest", function()
	for feature, has in pairs(realtime.FEATURES) do
		assert((feature == "tls" or feature == "postgres") and has == true, feature)
	end
end)

host.test("no secret in errors, in tostring or in Stats", function()
	for _, url in ipairs({ "redis://user:s3cret@h:99999", "redis://user:s3cret@h/x", "redis://user:s3cret@[::1", "x://u:s3cret@h" }) do
		local _, message = pcall(realtime.Connect, url)
		assert(not tostring(message):find("s3cret", 1, true), "leaked: " .. tostring(message))
	end
	local client = realtime.Connect("redis://user:s3cret@127.0.0.1:1")
	assert(not tostring(client):find("s3cret", 1, true))
	assert(not kit.show(client:Stats()):find("s3cret", 1, true))
	client:Disconnect()
end)

host.test("Connect takes options alone", function()
	local client = realtime.Connect({ host = "127.0.0.1", port = 1, connect_timeout = 1 })
	kit.wait("a failed attempt", function() return client:State() == "waiting" end)
	client:Disconnect()
	local port = tonumber(host.redis_url:match(":(%d+)"))
	client = realtime.Connect({ port = port, id = "options" })
	kit.wait("ready", function() return client:IsConnected() end)
	client:Disconnect()
end)

host.test("Connect without arguments takes the URL in REALTIME_URL", function()
	local message = kit.raises("REALTIME_URL", realtime.Connect)
	assert(message:find("set the environment variable", 1, true), message)
	-- A panel sets it like this if the owner left the field empty.
	host.setenv("REALTIME_URL", "")
	message = kit.raises("set the environment variable REALTIME_URL", realtime.Connect)
	local urls = { "nonsense", "redis://u:s3cret@h:99999", "redis://:s3cret@h/x" }
	-- The environment of Windows is text.
	if jit.os ~= "Windows" then urls[#urls + 1] = "redis://:\255@h" end
	for _, broken in ipairs(urls) do
		host.setenv("REALTIME_URL", broken)
		message = kit.raises("REALTIME_URL", realtime.Connect)
		assert(not message:find("s3cret", 1, true) and not message:find("#1", 1, true), message)
	end
	host.setenv("REALTIME_URL", host.redis_url)
	local client = realtime.Connect()
	kit.wait("ready", function() return client:IsConnected() end)
	client:Disconnect()
	kit.raises("#1", realtime.Connect, nil) -- a URL that is missing by mistake is not taken from the environment
	kit.raises("#1", realtime.Connect, nil, "x")
end)

host.test("Connect takes the URL in REALTIME_URL with options", function()
	host.setenv("REALTIME_URL", nil)
	local message = kit.raises("set the environment variable REALTIME_URL", realtime.Connect, nil, {})
	assert(not message:find("#", 1, true), message)
	host.setenv("REALTIME_URL", "redis://:s3cret@h:99999")
	message = kit.raises("environment variable REALTIME_URL", realtime.Connect, nil, { name = "n" })
	assert(not message:find("s3cret", 1, true), message)
	host.setenv("REALTIME_URL", host.redis_url)
	-- The variable is not blamed for a wrong option, or for mistakes that it names itself.
	for key, value in pairs({ pasword = "x", db = -1, name = "a b" }) do
		message = kit.raises('"' .. key .. '"', realtime.Connect, nil, { [key] = value })
		assert(message:find("#2", 1, true) and not message:find("REALTIME_URL", 1, true), message)
	end
	local client = realtime.Connect(nil, { id = "of the environment", name = "mine" })
	kit.wait("ready", function() return client:IsConnected() end)
	local _, name = client:CommandSync({ "CLIENT", "GETNAME" })
	kit.eq(name, "mine")
	kit.eq(realtime.Connect(nil, { id = "of the environment", name = "mine" }) == client, true)
	client:Disconnect()
end)

host.test("a URL in REALTIME_URL may have white space around it, and quotes", function()
	for _, text in ipairs({ " %s", "%s\r\n", '"%s"', "'%s' ", "\t\" %s \"\n" }) do
		host.setenv("REALTIME_URL", text:format(host.redis_url))
		local client = realtime.Connect()
		kit.wait("ready", function() return client:IsConnected() end)
		client:Disconnect()
	end
	for _, blank in ipairs({ " ", "\n", '""', "' '" }) do
		host.setenv("REALTIME_URL", blank)
		kit.raises("set the environment variable REALTIME_URL", realtime.Connect)
	end
	for text, pattern in pairs({ ["redis://:s3cret\n@h"] = "a line break", ["redis://:s3cret @h"] = "white space" }) do
		host.setenv("REALTIME_URL", text)
		local message = kit.raises("environment variable REALTIME_URL: the URL has " .. pattern, realtime.Connect)
		assert(not message:find("s3cret", 1, true), message)
	end
end)

host.test("an error about the server says where its URL came from", function()
	local function refused(...)
		local client, err = realtime.Connect(...), nil
		client:On("down", function(info) err = err or info.err end)
		kit.wait("a failed attempt", function() return err end)
		client:Disconnect()
		kit.eq(err.code, "REFUSED")
		return err.message
	end
	local function says(message, text) assert(message:find(text, 1, true), message) end
	host.setenv("REALTIME_URL", "redis://bob:s3cret@127.0.0.1:1")
	says(refused(), " (user bob, URL from the environment variable REALTIME_URL)")
	says(refused(nil, { name = "n" }), " (user bob, URL from the environment variable REALTIME_URL)")
	says(refused(URL), " (settings given to realtime.Connect)")
	says(refused({ host = "127.0.0.1", port = 1, password = "s3cret" }), " (user default, settings given to realtime.Connect)")
	-- Like the addon.
	says(refused(URL, { name = "n" }, "the\nfile"), " (URL from the\\x0afile)")
end)

host.test("nobody sends the password in REALTIME_URL to another server", function()
	for _, url in ipairs({ "redis://:s3cret@127.0.0.1", "redis://:s3cret@127.0.0.1:1", "unix:///tmp/s3cret.sock" }) do
		host.setenv("REALTIME_URL", url)
		for key, value in pairs({ host = "127.0.0.2", port = 7, path = "/tmp/other.sock" }) do
			local message = kit.raises('option "' .. key .. '" is refused beside REALTIME_URL', realtime.Connect, nil,
				{ [key] = value })
			assert(message:find("#2", 1, true) and message:find("password is for that server alone", 1, true), message)
			assert(not message:find("s3cret", 1, true), message)
		end
	end
	-- The default port, not one that a script chose.
	host.setenv("REALTIME_URL", "redis://:s3cret@127.0.0.1")
	local client = realtime.Connect(nil, { id = "default port" })
	kit.eq(client:Stats().address, "127.0.0.1:6379")
	client:Disconnect()
	-- With another URL, and without one, the caller decides everything.
	client = realtime.Connect("redis://127.0.0.1", { port = 7 })
	kit.eq(client:Stats().address, "127.0.0.1:7")
	client:Disconnect()
end)

host.test("who logs in may be said beside REALTIME_URL, unless it says that", function()
	host.setenv("REALTIME_URL", "redis://127.0.0.1:1")
	realtime.Connect(nil, { username = "gmod", password = "s3cret" }):Disconnect()
	host.setenv("REALTIME_URL", "redis://:s3cret@127.0.0.1:1")
	kit.raises("is given by the URL already", realtime.Connect, nil, { password = "other" })
end)

host.test("options about TLS may stand in a URL, and are told as the URL's", function()
	kit.raises('#1 .*"tls_name" means nothing without TLS', realtime.Connect, "redis://127.0.0.1:1?tls_name=h", { name = "n" })
	kit.raises('#2 .*"tls_name" means nothing without TLS', realtime.Connect, "redis://127.0.0.1:1", { tls_name = "h" })
	kit.raises('"tls_name" is given by the URL already', realtime.Connect, "redis://127.0.0.1:1?tls_name=h", { tls_name = "h" })
	host.setenv("REALTIME_URL", "redis://:s3cret@127.0.0.1:1?tls_pin=1")
	for _, options in ipairs({ {}, { name = "n" } }) do
		local message = kit.raises('environment variable REALTIME_URL: option "tls_pin" means nothing', realtime.Connect, nil, options)
		assert(not message:find("s3cret", 1, true), message)
	end
	-- It has no effect, and is not a mistake.
	realtime.Connect("redis://127.0.0.1:1?tls=false"):Disconnect()
end)

host.test("a URL is an argument, not an option", function()
	kit.raises("first argument", realtime.Connect, { url = URL })
	kit.raises("first argument", realtime.Connect, URL, { url = URL })
end)

host.test("wrong arguments of Connect name the argument", function()
	for _, bad in ipairs({ 1, true, print }) do kit.raises("#1", realtime.Connect, bad) end
	for _, bad in ipairs({ 1, true, print, "x" }) do kit.raises("#2", realtime.Connect, URL, bad) end
end)
