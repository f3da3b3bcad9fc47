-- servers: real; redis: 7.0
-- realtime_check on a cluster: whether its nodes serve all hash slots.

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

host.test("a master that is down", function()
	local nodes = { new_node(), new_node(), new_node() }
	for i, range in ipairs({ { "0", "5460" }, { "5461", "10922" }, { "10923", "16383" } }) do
		nodes[i].command("CLUSTER", "ADDSLOTSRANGE", unpack(range))
	end
	for i = 2, 3 do
		nodes[1].command("CLUSTER", "MEET", "127.0.0.1", nodes[i].url():match(":(%d+)$"), nodes[i].command("CONFIG", "GET", "cluster-port")[2])
	end
	for _, node in ipairs(nodes) do state(node, "cluster_state:ok") end
	use(nodes[1].url())
	kit.wait("a whole cluster", function() return line_of(check_kit.check()).state == "good" end)
	nodes[3].stop()
	state(nodes[1], "cluster_slots_fail:5461")
	realtime.Shared("bans")
	realtime.Durable():Work("purchases", function() end)
	local report = check_kit.check()
	local line, others = line_of(report), {}
	for _, each in ipairs(report.lines) do
		if each.state ~= "good" and each ~= line then others[#others + 1] = each.about .. ": " .. each.text end
	end
	-- Each of these would take ten seconds and more.
	local DOWN = ": not looked at while the cluster is down"
	kit.eq(others, { "jobs" .. DOWN, "shared tables" .. DOWN, "durable messages" .. DOWN, "players" .. DOWN, "profiles" .. DOWN })
	kit.eq({ line.state, line.text }, { "problem",
		"its state is fail, 5461 of 16384 hash slots are not served: no key and no sharded channel can be used; other messages still arrive" })
	assert(line.todo:find("redis-cli: CLUSTER NODES\nStart Redis on each node that has fail", 1, true), line.todo)
	nodes[3].start()
	kit.wait("a whole cluster again", function() return line_of(check_kit.check()).state == "good" end)
end)
