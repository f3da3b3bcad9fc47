-- addon
-- The addon's helpers work over PostgreSQL, or report that they need Redis.

if host.map_number == 1 then
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "ttt-1" }', host.redis_url))
	host.next_map()
	return
end

local kit = include("../_kit.lua")

if not realtime.FEATURES.postgres then
	host.run(function() host.exit(0) end)
	return
end

local function connect()
	local client = realtime.Connect(host.redis_url)
	kit.wait("ready", function() return client:IsConnected() and client:Stats().protocol end)
	return client
end

host.test("a table arrives with its sender", function()
	local one, two = realtime.Tables(connect(), "one"), realtime.Tables(connect(), "two")
	local at_two = kit.recorder()
	two:Subscribe("tables", at_two.fn)
	kit.publish(two.client, "fence", "x")
	one:Publish("tables", { id = "76561198000000001", list = { 1, 2.5, false } })
	kit.wait("the table", function() return #at_two == 1 end)
	kit.eq(at_two[1], { { id = "76561198000000001", list = { 1, 2.5, false } }, "one", "tables" })
	one.client:Disconnect()
	two.client:Disconnect()
end)

host.test("one server asks another, and nobody is not told from silence", function()
	local one, two = realtime.Requests(connect(), "asker"), realtime.Requests(connect(), "answerer")
	two:Answer("players", function(data, from, reply) reply(nil, { n = data + 1, from = from }) end)
	kit.publish(two.client, "fence", "x")
	local got
	assert(one:Ask("answerer", "players", 41, function(err, answer) got = { err, answer } end))
	kit.wait("the answer", function() return got end)
	kit.eq(got, { nil, { n = 42, from = "asker" } })
	got = nil
	assert(one:Ask("nobody", "players", nil, function(err) got = err end, 0.2))
	kit.wait("the end", function() return got end)
	kit.eq(got.code, "TIMEOUT")
	one.client:Disconnect()
	two.client:Disconnect()
end)

host.test("servers learn of each other", function()
	local one, two = realtime.Presence(connect(), "here"), realtime.Presence(connect(), "there")
	kit.wait("both", function() return one:Server("there") and two:Server("here") end)
	one:Stop()
	two:Stop()
	one.client:Disconnect()
	two.client:Disconnect()
end)

host.test("what needs Redis says so when it is made, also before the client is connected", function()
	local client = realtime.Connect(host.redis_url)
	local function nothing() end
	for name, made in pairs({
		Shared = { realtime.Shared("bans", client, "here") },
		Durable = { realtime.Durable(client, "here") },
		Players = { realtime.Players(client, "here") },
		Profiles = { realtime.Profiles("money", client, "here") },
		Once = { realtime.Once("job", nothing, nil, client, "here") },
	}) do
		kit.eq(made, { nil, "realtime." .. name .. " needs Redis, and this client leads to PostgreSQL: give it a client of a Redis" })
	end
	for name, made in pairs({
		Tables = realtime.Tables(client, "here"),
		Requests = realtime.Requests(client, "here"),
		Presence = realtime.Presence(client, "here"),
	}) do
		assert(made, name .. " is there")
		if made.Stop then made:Stop() end
	end
	client:Disconnect()
end)

host.test("the clock is the server's", function()
	kit.wait("the time", function() return realtime.Time() end)
	assert(math.abs(realtime.Time() - os.time()) < 60, realtime.Time())
end)

host.test("realtime_check finds all well, and looks for nothing of Redis", function()
	local report
	realtime.Check(function(got) report = got end)
	kit.wait("the report", function() return report end)
	local about, said = {}, {}
	for _, line in ipairs(report.lines) do
		about[line.about] = line.text
		said[#said + 1] = line.state .. " " .. line.about .. ": " .. line.text
	end
	said = table.concat(said, "\n")
	assert(report.ok, said)
	assert(about.server:find("^PostgreSQL %d+%.%d+.* at 127.0.0.1:%d+, a primary; "), said)
	for _, name in ipairs({ "connection", "messages", "subscriptions", "clock", "other servers" }) do assert(about[name], name .. " is not in\n" .. said) end
	for _, name in ipairs({ "memory", "jobs", "patterns" }) do assert(not about[name], said) end
end)

-- What realtime_status prints.
local function status()
	local before, lines = #host.console(), {}
	RunConsoleCommand("realtime_status")
	for i, line in ipairs(host.console()) do if i > before then lines[#lines + 1] = line end end
	return table.concat(lines, "\n")
end

host.test("realtime_status shows a client that is connected, and those that are not", function()
	kit.wait("ready", function() return realtime.Default():Stats().protocol end)
	local url = host.redis_url:gsub("/[^/]*$", "/nowhere")
	local lost, refused = realtime.Connect(url, { id = "lost" }), realtime.Connect("postgres://127.0.0.1:1/game", { id = "refused" })
	local first = status()
	kit.wait("both errors", function() return lost:Stats().error and refused:Stats().error end)
	local said = status()
	assert(said:find("    server         PostgreSQL %d+%.%d[^\n]* at 127%.0%.0%.1:%d+\n") and not said:find("RESP", 1, true), said)
	for name, code in pairs({ lost = "3D000", refused = "REFUSED" }) do
		local whole = name .. " at [^\n]*: %l+, " .. code ..
			": [^\n]*\n    server         none at present; trying one at 127%.0%.0%.1:%d+\n    round trip     not measured yet\n"
		assert(said:find(whole), whole .. " is not in\n" .. said)
	end
	for _, text in ipairs({ first, said }) do assert(select(2, text:gsub("    up             %d+ s", "")) == 3, text) end
	lost:Disconnect()
	refused:Disconnect()
end)

host.test("a PostgreSQL that is down: what to do names PostgreSQL, and no Redis", function()
	local client = realtime.Default()
	host.server.stop()
	kit.wait("the refusal", function() return (client:Stats().error or ""):find("^REFUSED") end)
	local report
	realtime.Check(function(got) report = got end)
	kit.wait("the report", function() return report end)
	local problem
	for _, line in ipairs(report.lines) do
		if line.state == "problem" then problem = line end
	end
	kit.eq(problem.about, "connection")
	assert(problem.todo:find("systemctl start postgresql", 1, true) and not problem.todo:find("[Rr]edis"), problem.todo)
	host.server.start()
	kit.wait("ready again", function() return client:IsConnected() end)
end)
