-- For the random histories over faults (faults_random_once.lua): a cluster whose hash slots move, and whose masters change.

local kit = include("../_kit.lua")
local random = math.random

-- Milliseconds of silence after which a replica replaces its master. They must exceed any stall on a busy machine, because data lost in
-- such a failover would be no fault of ours; and be short enough for a history to wait after a kill.
local NODE_TIMEOUT, SHORT_NODE_TIMEOUT = "60000", "4000"

-- Three masters, so that a majority can elect a replica; two of them have a replica.
local function new_cluster()
	local nodes = {}
	for i = 1, 5 do
		nodes[i] = host.new_real({ "cluster-enabled yes", "cluster-node-timeout " .. NODE_TIMEOUT, "repl-diskless-sync-delay 0" })
		nodes[i].port = nodes[i].url():match(":(%d+)$")
		nodes[i].id = nodes[i].command("CLUSTER", "MYID")
		-- Nodes with the same epoch take new ones one after another, seconds later, in the middle of a history.
		nodes[i].command("CLUSTER", "SET-CONFIG-EPOCH", tostring(i))
	end
	nodes[1].command("CLUSTER", "ADDSLOTSRANGE", "0", "5999")
	nodes[2].command("CLUSTER", "ADDSLOTSRANGE", "6000", "11999")
	nodes[3].command("CLUSTER", "ADDSLOTSRANGE", "12000", "16383")
	for i = 2, 5 do
		local bus = nodes[i].command("CONFIG", "GET", "cluster-port")[2]
		nodes[1].command("CLUSTER", "MEET", "127.0.0.1", nodes[i].port, bus)
	end
	local function all(text)
		for _, node in ipairs(nodes) do
			if not node.command("CLUSTER", "INFO"):find(text, 1, true) then return false end
		end
		return true
	end
	kit.wait("the nodes", function() return all("cluster_known_nodes:5") and all("cluster_state:ok") end)
	for i = 4, 5 do
		kit.wait("the replica", function() return (pcall(nodes[i].command, "CLUSTER", "REPLICATE", nodes[i - 3].id)) end)
		kit.wait("its data", function() return nodes[i].command("INFO", "replication"):find("master_link_status:up", 1, true) end)
	end
	return nodes
end

-- A deployment, as faults_random_once.lua has them. connect(url, options) → client.
return function(connect)
	local nodes, loses, may_lose = new_cluster(), false, true
	local function of_role(role)
		local found = {}
		for _, node in ipairs(nodes) do
			if node.command("ROLE")[1] == role then found[#found + 1] = node end
		end
		return found
	end
	local function owner(slot)
		for _, node in ipairs(of_role("master")) do
			for _, range in ipairs(node.command("CLUSTER", "SLOTS")) do
				if range[1] <= slot and slot <= range[2] and range[3][3] == node.id then return node end
			end
		end
	end
	-- A node that gets a slot takes the epoch after the newest that it knows. If another node has that one already, one of the two takes a
	-- newer one. While that is the node from which the slot is moved, its epoch wins: then each says that the slot is at the other one.
	local function agree_on_epoch()
		kit.wait("one epoch", function()
			local first
			for _, node in ipairs(nodes) do
				local epoch = node.command("CLUSTER", "INFO"):match("cluster_current_epoch:(%d+)")
				first = first or epoch
				if epoch ~= first then return false end
			end
			return true
		end)
	end
	local names
	local deployment = { hurts = {
		function()
			local kinds = { "normal", "pubsub" }
			nodes[random(5)].command("CLIENT", "KILL", "TYPE", kinds[random(2)])
		end,
		function() nodes[random(5)].command("SCRIPT", "FLUSH") end,
		function()
			local node = nodes[random(5)]
			node.pause()
			host.pass(random(20))
			node.resume()
		end,
		function() -- a planned failover: nothing is lost
			local replica = of_role("slave")[1]
			if not replica or not pcall(replica.command, "CLUSTER", "FAILOVER") then return end
			-- It may fail on a busy machine, because Redis gives up after 5 s.
			local stop = SysTime() + 6
			kit.wait("the change", function() return replica.command("ROLE")[1] == "master" or SysTime() > stop end)
		end,
		function() -- as redis-cli --cluster reshard does it
			local keys = { names.table, names.news, names.work, names.job .. 1 }
			local slot = nodes[1].command("CLUSTER", "KEYSLOT", keys[random(#keys)])
			local from, to = owner(slot), nil
			for _, node in RandomPairs(of_role("master")) do if node ~= from then to = node end end
			if not from or not to then return end
			agree_on_epoch()
			to.command("CLUSTER", "SETSLOT", tostring(slot), "IMPORTING", from.id)
			from.command("CLUSTER", "SETSLOT", tostring(slot), "MIGRATING", to.id)
			while true do
				local keys = from.command("CLUSTER", "GETKEYSINSLOT", tostring(slot), "3")
				if not keys[1] then break end
				from.command("MIGRATE", "127.0.0.1", to.port, "", "0", "5000", "KEYS", unpack(keys))
				host.pass(random(0, 2))
			end
			for _, node in ipairs({ to, from }) do node.command("CLUSTER", "SETSLOT", tostring(slot), "NODE", to.id) end
		end,
		function() -- its replica replaces it, and may lack the newest writes
			if not may_lose then return end
			loses = true
			local killed
			for _, node in ipairs(of_role("master")) do
				if node.command("ROLE")[3][1] then killed = node end
			end
			killed.kill()
			local function miss_after(milliseconds)
				for _, node in ipairs(nodes) do if node ~= killed then node.command("CONFIG", "SET", "cluster-node-timeout", milliseconds) end end
			end
			miss_after(SHORT_NODE_TIMEOUT)
			kit.wait("another master", function()
				local count = 0
				for _, node in ipairs(nodes) do
					local is_up = node ~= killed and node.command("CLUSTER", "INFO"):find("cluster_state:ok", 1, true)
					if is_up and node.command("ROLE")[1] == "master" then count = count + 1 end
				end
				return count == 3
			end)
			miss_after(NODE_TIMEOUT)
			killed.start()
			kit.wait("a replica", function()
				local fine, role = pcall(killed.command, "ROLE")
				return fine and role[1] == "slave" and role[4] == "connected"
			end)
		end,
	} }
	local url = (nodes[1].url():gsub("^redis:", "redis-cluster:"))
	function deployment.connect() return connect(url, { protocol = random(2) + 1 }) end
	-- Every other history loses data.
	function deployment.begin(new_names)
		names = new_names
		for _, node in ipairs(of_role("master")) do node.command("FLUSHALL") end
		loses, may_lose = false, not may_lose
	end
	deployment.direct = deployment.connect
	function deployment.loses() return loses end
	return deployment
end
