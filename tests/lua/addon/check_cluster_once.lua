-- servers: real; redis: 7.0
-- realtime_check on a cluster: whether its nodes serve all hash slots, and whether each master answers this server.

local put = include("_check_put.lua")
if not put then return end

local kit = include("../_kit.lua")
local check_kit = include("_check.lua")(put)
local function new_node()
	-- A node that stands still for two seconds is not down yet.
	local node = host.new_real({ "cluster-enabled yes", "cluster-node-timeout 6000" })
	check_kit.keep(node)
	return node
end
local function state(node, text)
	kit.wait(text, function() return node.command("CLUSTER", "INFO"):find(text, 1, true) end)
end
local function use(url)
	local client = check_kit.restart(url)
	kit.wait("ready", function() return client:IsConnected() end)
	return client
end
local function line_of(report)
	for _, line in ipairs(report.lines) do
		if line.about == "cluster" then return line end
	end
end
local function address_of(node) return node.url():match("//(.*)") end
local function good_again(what) kit.wait(what, function() return line_of(check_kit.check()).state == "good" end) end

-- Three masters, made for the first test that needs them. None is declared down soon.
local three
local function new_cluster()
	three = { new_node(), new_node(), new_node() }
	for i, range in ipairs({ { "0", "5460" }, { "5461", "10922" }, { "10923", "16383" } }) do
		three[i].command("CLUSTER", "ADDSLOTSRANGE", unpack(range))
	end
	for i = 2, 3 do
		three[1].command("CLUSTER", "MEET", "127.0.0.1", three[i].url():match(":(%d+)$"), three[i].command("CONFIG", "GET", "cluster-port")[2])
	end
	for _, node in ipairs(three) do state(node, "cluster_state:ok") end
end
local function cluster_of_three()
	if not three then new_cluster() end
	for _, node in ipairs(three) do node.command("CONFIG", "SET", "cluster-node-timeout", "120000") end
	return three
end

-- Uses helpers, and returns a check's problems with the cluster. The lines of the helpers must say that they were not looked at
-- because of it: each would take ten seconds and more.
local function without_helpers(outage)
	realtime.Shared("bans")
	realtime.Durable():Work("purchases", function() end)
	local report, lines, others = check_kit.check(), {}, {}
	for _, line in ipairs(report.lines) do
		if line.about == "cluster" then
			lines[#lines + 1] = line
		elseif line.state ~= "good" then
			others[#others + 1] = line.about .. ": " .. line.text
		end
	end
	local OUTAGE = ": not looked at while " .. outage
	kit.eq(others, { "jobs" .. OUTAGE, "shared tables" .. OUTAGE, "durable messages" .. OUTAGE, "players" .. OUTAGE, "profiles" .. OUTAGE })
	return lines, report
end
local NODE = "a node of the cluster cannot be used"
-- One problem with the third node.
local function only_third(pattern)
	local lines, report = without_helpers(NODE)
	local before = "this server cannot use the node " .. address_of(three[3]) .. ", so no command reaches the keys in 5461 of 16384 hash slots: "
	assert(#lines == 1 and lines[1].state == "problem" and not report.ok, check_kit.show(report))
	kit.eq(lines[1].text:sub(1, #before), before)
	assert(lines[1].text:sub(#before + 1):find(pattern), lines[1].text)
	return lines[1]
end

host.test("without a cluster there is no such line", function()
	kit.wait("ready", function() return realtime.Default():IsConnected() end)
	kit.eq(line_of(check_kit.all_well()), nil)
end)

host.test("a hash slot that belongs to no node, and a user who may not look", function()
	local node = new_node()
	node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	state(node, "cluster_state:ok")
	use(node.url())
	kit.eq(line_of(check_kit.all_well()).text, "its nodes serve all 16384 hash slots")
	node.command("CLUSTER", "DELSLOTS", "5")
	state(node, "cluster_state:fail")
	local line = check_kit.only("cluster", "its state is fail, 1 of 16384 hash slots are not served: no key and no sharded channel can be used")
	kit.eq(line.todo, "1 hash slots belong to no node. If that is not on purpose, type into a shell: redis-cli --askpass --cluster fix " ..
		node.url():match("//(.*)"))
	node.command("CONFIG", "SET", "cluster-require-full-coverage", "no")
	state(node, "cluster_state:ok")
	check_kit.only("cluster", "its state is ok, 1 of 16384 hash slots are not served: keys in the others can be used")
	node.command("CLUSTER", "ADDSLOTS", "5")
	node.command("ACL", "SETUSER", "gmod", "on", ">pw", "~*", "&*", "+@all", "-cluster|info")
	local client = use((node.url():gsub("//", "//gmod:pw@")))
	line = line_of(check_kit.all_well())
	assert(line.state == "unknown" and line.text:find("NOPERM", 1, true), line.text)
	client:Disconnect()
end)

host.test("a user who is missing on one node", function()
	local nodes = cluster_of_three()
	for i = 1, 2 do nodes[i].command("ACL", "SETUSER", "gmod", "on", ">pw", "~*", "&*", "+@all") end
	use((nodes[1].url():gsub("//", "//gmod:pw@")))
	local line = only_third("^WRONGPASS: the server refused the login: [^;]*$")
	local _, port = address_of(nodes[3]):match("^(.*):(%d+)$")
	assert(line.todo:find("The user gmod must be the same on each node, because a cluster does not copy users.", 1, true), line.todo)
	assert(line.todo:find("redis-cli -h 127.0.0.1 -p " .. port .. " --askpass\nType his line there, with ACL SETUSER in place of its first word, and " ..
		"then, to keep it: CONFIG REWRITE", 1, true), line.todo)
	-- As the line says.
	local words = string.Explode(" ", nodes[1].command("ACL", "LIST")[2])
	assert(words[1] == "user" and words[2] == "gmod", table.concat(words, " "))
	nodes[3].command("ACL", "SETUSER", unpack(words, 2))
	good_again("a user on each node")
	-- NOPERM for the key, and for the command, are answers as well.
	nodes[3].command("ACL", "SETUSER", "gmod", "resetkeys", "~other:*")
	kit.eq(line_of(check_kit.check()).state, "good")
	nodes[2].command("ACL", "SETUSER", "gmod", "-exists")
	kit.eq(line_of(check_kit.check()).state, "good")
	-- Who may not see the nodes' hash slots gets no problem with them.
	nodes[1].command("ACL", "SETUSER", "gmod", "-cluster|slots")
	kit.eq(line_of(check_kit.check()).state, "good")
	nodes[3].command("ACL", "DELUSER", "gmod")
	nodes[1].command("ACL", "SETUSER", "gmod", "+cluster|slots", "-cluster|info")
	local lines = without_helpers(NODE)
	kit.eq({ lines[1].state, lines[2].state, #lines }, { "problem", "unknown", 2 })
end)

host.test("a node without a connection, and one that stands still", function()
	local nodes = cluster_of_three()
	use(nodes[1].url())
	good_again("a whole cluster")
	nodes[3].pause() -- there is a link to it
	local line = only_third("^no answer within 6 s$")
	assert(line.todo:find("Start Redis there if it is down, or restart it if it hangs", 1, true), line.todo)
	nodes[3].resume()
	good_again("a node that answers again")
	nodes[3].stop()
	line = only_third("^REFUSED: ")
	assert(line.todo:find("through the firewall there.", 1, true), line.todo)
	nodes[2].stop()
	local lines, report = without_helpers(NODE)
	assert(#lines == 1, check_kit.show(report))
	local first, second = lines[1].text:match("^this server cannot use the nodes (%S+), (%S+), so no command reaches the keys in 10923 of 16384 hash slots: ")
	kit.eq({ first, second }, { address_of(nodes[2]), address_of(nodes[3]) })
	for i = 2, 3 do nodes[i].start() end
	good_again("a whole cluster again")
end)

host.test("a master that is down", function()
	local nodes = cluster_of_three()
	for _, node in ipairs(nodes) do node.command("CONFIG", "SET", "cluster-node-timeout", "6000") end
	use(nodes[1].url())
	good_again("a whole cluster")
	nodes[3].stop()
	state(nodes[1], "cluster_slots_fail:5461")
	local lines = without_helpers("the cluster is down")
	kit.eq({ #lines, lines[1].state, lines[1].text }, { 1, "problem",
		"its state is fail, 5461 of 16384 hash slots are not served: no key and no sharded channel can be used; other messages still arrive" })
	assert(lines[1].todo:find("redis-cli: CLUSTER NODES\nStart Redis on each node that has fail", 1, true), lines[1].todo)
	nodes[3].start()
	good_again("a whole cluster again")
end)

local function error_of(text) return setmetatable({ code = text:match("^%u+") }, { __tostring = function() return text end }) end

local WHOLE = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n"
local tls_time, cluster_info -- of look_at's client

-- A client of a cluster whose node answers CLUSTER SLOTS with `slots`, or with `slots_error`. `answer(key, count)`: the error for a key
-- that is looked for the count-th time, or nil. Returns the lines of the report, and the keys.
local function look_at(slots, answer, slots_error)
	local lines, keys, count_of, is_over = {}, {}, {}, false
	local client = { Stats = function() return { mode = "cluster", address = "10.0.0.5:6379", tls_time = tls_time } end, IsConnected = function() return true end }
	function client:Command(words, fn)
		if words[2] == "INFO" then
			fn(nil, cluster_info or WHOLE)
		elseif words[2] == "SLOTS" then
			if slots_error then fn(error_of(slots_error)) else fn(nil, slots) end
		else
			local key = words[2]
			if not count_of[key] then keys[#keys + 1] = key end
			count_of[key] = (count_of[key] or 0) + 1
			local text = answer(key, count_of[key])
			fn(text and error_of(text), 0)
		end
		return true
	end
	local function writes(state) return function(_, text, todo) lines[#lines + 1] = { state = state, text = text, todo = todo } end end
	realtime.Async("check", function()
		realtime.addon.check_steps.cluster({ Good = writes("good"), Problem = writes("problem"), Unknown = writes("unknown") }, client)
		is_over = true
	end)
	kit.wait("the step", function() return is_over end)
	return lines, keys
end

host.test("each master is asked for a key in its hash slots, whatever else CLUSTER SLOTS says", function()
	local slots = {
		{ 0, 5, { "", 7001, "id" }, { "10.0.0.6", 7002 } }, { 6, 300, { realtime.NULL, 7003 } }, { 301, 301, { "10.0.0.6", 7004, "id", {} } },
		{ 302, 6638, { "2001:db8::1", 7005 } }, { 6639, 6639, { "10.0.0.9", 7007 } }, { 9001, 9001, { "", 7001 } },
		{ 9002, 9002 }, "x", { 9003, 9003, { "10.0.0.7", 0 } }, { 9005, 9004, { "10.0.0.8", 7006 } }, { -1, 16384, "x" },
	}
	local lines, keys = look_at(slots, function() end)
	kit.eq({ #lines, lines[1].state }, { 1, "good" })
	local found = {}
	for i, key in ipairs(keys) do found[i] = cluster_of_three()[1].command("CLUSTER", "KEYSLOT", key) end
	table.sort(found)
	assert(table.RemoveByValue(found, 6639), kit.show(found)) -- of the last name that is tried
	assert(#found == 4 and (found[1] <= 5 or found[4] == 9001), kit.show(found))
	table.RemoveByValue(found, found[1] <= 5 and found[1] or 9001)
	assert(found[1] >= 6 and found[1] <= 300 and found[2] == 301 and found[3] >= 302 and found[3] <= 6638, kit.show(found))
	-- The report shows no host that a shell would read otherwise, or that fills the console.
	for _, host in ipairs({ "$(reboot)", "a b", "a\nb", ("a"):rep(256) }) do
		local told = look_at({ { 0, 16383, { host, 7001 } } }, function() error("asked") end)
		kit.eq({ #told, told[1].state }, { 1, "unknown" })
		assert(told[1].text:find("was not asked: its host is no name and no address", 1, true) and #told[1].text < 200, told[1].text)
	end
	for _, odd in ipairs({ "x", {}, { 1 } }) do kit.eq(look_at(odd, error)[1].state, "good") end
end)

host.test("a node that is down may have a certificate that the others do not accept", function()
	cluster_info = "cluster_state:fail\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:10923\r\n"
	for _, time in ipairs({ false, 0.01 }) do
		tls_time = time or nil
		local advice = look_at({}, error)[1].todo:find("openssl s_client -connect NODE:PORT -CAfile FILE", 1, true)
		kit.eq(advice ~= nil, time ~= false)
	end
	tls_time, cluster_info = nil, nil
end)

host.test("the reason why a master does not answer", function()
	local LATE = "TIMEOUT: the command could not be sent in time and never will be"
	-- The one line of the report after these errors, one after the other.
	local function line_after(...)
		local texts = { ... }
		local lines = look_at({ { 0, 16383, { "10.0.0.6", 7001 } } }, function(_, count) return texts[count] end)
		kit.eq(#lines, 1)
		return lines[1]
	end
	local function node(code, text) return LATE .. ": " .. code .. ": the node 10.0.0.6:7001 of the cluster: " .. text end
	for _, row in ipairs({
		{ LATE, "no answer within 6 s", "restart it if it hangs" },
		{ "TIMEOUT: no answer came in time; the command may have run", "no answer within 6 s", "restart it if it hangs" },
		{ node("NOAUTH", "no password; put it"), "NOAUTH: no password", "Write the same requirepass" },
		{ node("NOPERM", "no rights; to allow it"), "NOPERM: no rights; to allow it", "ACL LIST" },
		{ node("TLS", "no TLS; tls-cluster yes"), "TLS: no TLS; tls-cluster yes", "Write tls-cluster yes" },
		{ node("PROTOCOL", "SSH"), "PROTOCOL: SSH", "Fix what the line above names" },
		{ "TIMEOUT: no node of the cluster ran the command in time, and none will: CLUSTERDOWN: no", "CLUSTERDOWN: no", "cluster check 10.0.0.6:7001" },
		{ "MOVED: 16 times", "MOVED: 16 times", "cluster check 10.0.0.6:7001" },
	}) do
		local line = line_after(row[1])
		kit.eq({ line.state, line.text }, { "problem",
			"this server cannot use the node 10.0.0.6:7001, so no command reaches the keys in 16384 of 16384 hash slots: " .. row[2] })
		assert(line.todo:find(row[3], 1, true), line.todo)
	end
	-- Two nodes, each with its command.
	local two = { { 0, 9, { "10.0.0.6", 7001 } }, { 10, 16383, { "10.0.0.7", 7002 } } }
	local hosts = {}
	local lines = look_at(two, function(key)
		hosts[key] = hosts[key] or next(hosts) and "10.0.0.7:7002" or "10.0.0.6:7001"
		return LATE .. ": WRONGPASS: the node " .. hosts[key] .. " of the cluster: the server refused the login (user gmod): no"
	end)
	kit.eq(#lines, 1)
	local commands = "Then open each of: redis-cli -h 10.0.0.6 -p 7001 --askpass; redis-cli -h 10.0.0.7 -p 7002 --askpass"
	assert(lines[1].text:find("the nodes 10.0.0.6:7001, 10.0.0.7:7002, so", 1, true) and lines[1].todo:find(commands, 1, true), kit.show(lines))
	tls_time = 0.01
	assert(line_after(LATE .. ": WRONGPASS: the server refused the login (user gmod): no").todo:find(
		"redis-cli --tls --cacert FILE -h 10.0.0.6 -p 7001 --askpass", 1, true))
	assert(line_after("MOVED: 16 times").todo:find("redis-cli --tls --cacert FILE --askpass --cluster check 10.0.0.6:7001", 1, true))
	tls_time = nil
	lines = look_at(two, function() return "OVERLOADED: full" end)
	kit.eq({ #lines, lines[1].text }, { 1, "10.0.0.6:7001 was not asked: OVERLOADED: full; 10.0.0.7:7002 was not asked: OVERLOADED: full" })
	-- Without CLUSTER SLOTS no master is asked; a user without that right has been told.
	lines = look_at({}, error, "TOOLARGE: too many")
	kit.eq({ #lines, lines[1].state, lines[1].text }, { 1, "unknown", "the masters were not asked: TOOLARGE: too many" })
	kit.eq(look_at({}, error, "NOPERM: no")[1].state, "good")
	local line = line_after("OVERLOADED: full")
	kit.eq({ line.state, line.text }, { "unknown", "10.0.0.6:7001 was not asked: OVERLOADED: full" })
	-- A link that was lost is made again.
	kit.eq(line_after("DISCONNECTED: lost").state, "good")
	assert(line_after("DISCONNECTED: lost", LATE).text:find("no answer within 6 s", 1, true))
	-- What the node itself says is an answer.
	kit.eq(line_after("NOPERM: no").state, "good")
end)
