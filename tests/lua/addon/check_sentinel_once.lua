-- servers: fake
-- realtime_check with a URL that names Sentinels. The embedded server answers as both.

local port = host.redis_url:match("%d+$")
local function put(url)
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "ttt-1", "options": { "reconnect_max": 0.1, "ping_interval": 0.1 } }', url))
end
if host.map_number == 1 then
	put("redis-sentinel://127.0.0.1:" .. port .. "/mymaster")
	host.next_map()
	return
end

local kit = include("../_kit.lua")
realtime.addon.check_listening = 0.2

local NAMES = ("*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n"):format(#port, port)
-- An answer to each question: the master's address, and whether the quorum is reached, among others.
local function answers(text)
	host.fake.forget_reactions()
	host.fake.on_every("sentinel", "answer", text)
end

local function look()
	local report, found
	realtime.Check(function(told) report = told end)
	kit.wait("the report", function() return report end)
	for _, line in ipairs(report.lines) do
		if line.about == "sentinel" then found = line end
	end
	return found, report
end

local function expect(state, part)
	local found, report
	kit.wait(state .. " " .. part, function()
		found, report = look()
		return found and found.state == state and found.text:find(part, 1, true)
	end)
	kit.eq({ report.ok, found.todo ~= nil }, { state ~= "problem", state == "problem" })
	return found
end

host.test("a Sentinel that confirms the master; one that does not", function()
	answers(NAMES)
	kit.wait("ready", function() return realtime.Default():IsConnected() end)
	expect("good", "127.0.0.1:" .. port .. " confirms the master")
	answers("-NOQUORUM 1 usable Sentinels\r\n")
	assert(expect("problem", "NOQUORUM").todo:find("Start the Sentinels", 1, true))
	answers("-NOPERM this user has no permissions to run the 'sentinel' command\r\n")
	assert(expect("problem", "ACL SETUSER").todo:find("redis-cli -p 26379", 1, true))
	answers(NAMES)
	expect("good", "confirms the master")
	-- A name that contains the password is not shown.
	local todo
	local function stats() return { sentinel_error = "NOPERM: its ACL forbids it; type into redis-cli on the Sentinel's port: ACL SETUSER USER +subscribe" } end
	realtime.addon.check_steps.sentinel({ Problem = function(_, _, text) todo = text end }, { Stats = stats })
	assert(todo:find("In place of USER write the Sentinels' user: the sentinel_username", 1, true), todo)
end)

host.test("without Sentinels there is no such line", function()
	put(host.redis_url)
	realtime.Default():Disconnect()
	local client = realtime.Default()
	kit.wait("ready", function() return client:IsConnected() end)
	kit.eq(look(), nil)
end)
