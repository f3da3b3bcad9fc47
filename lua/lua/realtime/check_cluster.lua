-- The checks of a cluster: whether its nodes serve all hash slots, and whether each master answers this server. Same
-- form as check_steps.lua.
return function(realtime, addon)
	local steps, SysTime = addon.check_steps, SysTime
	local band, bxor, lshift, rshift = bit.band, bit.bxor, bit.lshift, bit.rshift
	local SLOTS = 16384 -- hash slots of a cluster
	-- Seconds for the answers of all masters. Longer than connect_timeout by default, because only a connection that failed has a reason.
	local DEADLINE = 6
	local MOST_TRIES = 155391 -- names of keys: each hash slot has one of them
	local MOST_NODES = 8 -- that one line names
	local MAX_HOST = 255 -- bytes, as in DNS

	-- CRC16 (XMODEM), by which Redis assigns keys to hash slots.
	local crcs = {}
	for byte = 0, 255 do
		local crc = lshift(byte, 8)
		for _ = 1, 8 do crc = band(bxor(lshift(crc, 1), crc >= 0x8000 and 0x1021 or 0), 0xFFFF) end
		crcs[byte] = crc
	end
	local function crc_of(text, crc)
		for i = 1, #text do crc = bxor(band(lshift(crc, 8), 0xFFFF), crcs[bxor(rshift(crc, 8), text:byte(i))]) end
		return crc
	end

	local function address_of(host, port)
		return string.format(host:find(":", 1, true) and not host:find("^%[") and "[%s]:%d" or "%s:%d", host, port)
	end

	-- Whether it is the name or address of a host: the report shows it in commands for a shell.
	local function is_host(host) return #host <= MAX_HOST and host:find("^[%w.:_%%-]+$") ~= nil end

	-- The masters in an answer to CLUSTER SLOTS, with their ranges. What makes no sense is skipped, as the module does.
	-- `used`: the address of the node that answered, which may not know its own host.
	local function masters_of(reply, used)
		local masters, by_address = {}, {}
		for _, range in ipairs(istable(reply) and reply or {}) do
			local first, last, node = unpack(istable(range) and range or {}, 1, 3)
			local host, port = unpack(istable(node) and node or {}, 1, 2)
			if host == realtime.NULL or host == "" then host = used:match("^(.*):%d+$") end
			if isnumber(first) and isnumber(last) and first <= last and isstring(host) and isnumber(port) and port > 0 then
				local address = address_of(host, port)
				local master = by_address[address]
				if not master then
					master = { address = addon.Printable(address, 80), is_odd = not is_host(host), ranges = {}, count = 0 }
					masters[#masters + 1], by_address[address] = master, master
				end
				table.insert(master.ranges, { first, last })
				master.count = master.count + last - first + 1
			end
		end
		return masters
	end

	-- Gives each master a key that is in one of its hash slots.
	local function give_keys(masters)
		local master_of, missing, prefix = {}, #masters, "realtime:check:"
		for _, master in ipairs(masters) do
			for _, range in ipairs(master.ranges) do
				for slot = math.max(range[1], 0), math.min(range[2], SLOTS - 1) do master_of[slot] = master end
			end
		end
		local begun = crc_of(prefix, 0)
		for number = 1, MOST_TRIES do
			if missing == 0 then return end
			local suffix = tostring(number)
			local master = master_of[crc_of(suffix, begun) % SLOTS]
			if master and not master.key then
				master.key, missing = prefix .. suffix, missing - 1
			end
		end
	end

	-- Asks all masters at once, and calls fn() when each has answered or its time is up: `error` of a master is why it
	-- did not.
	local function ask_all(client, masters, fn)
		local stop, waiting = SysTime() + DEADLINE, 1
		local function finish()
			waiting = waiting - 1
			if waiting == 0 then fn() end
		end
		local function ask(master)
			local function answered(err)
				-- The link was lost. That may be over: a new one is made.
				if err and err.code == "DISCONNECTED" and SysTime() < stop then return ask(master) end
				master.error = err
				finish()
			end
			local accepted, refusal = client:Command({ "EXISTS", master.key }, answered, math.max(stop - SysTime(), 0.1))
			if not accepted then answered(refusal) end
		end
		for _, master in ipairs(masters) do
			if master.key then
				waiting = waiting + 1
				ask(master)
			end
		end
		finish()
	end

	local NO_ANSWER = { TIMEOUT = true, DISCONNECTED = true, MOVED = true }
	local LOGIN = { WRONGPASS = true, NOAUTH = true, AUTH = true, NOPERM = true }
	local REACHING = { REFUSED = true, TIMEOUT = true, RESOLVE = true, DISCONNECTED = true }

	-- The address of the node that did not answer, the code and the reason.
	local function reason_of(master)
		local text = tostring(master.error)
		local refusal = text:match("^TIMEOUT: no node of the cluster .-: (.*)$")
		if refusal or master.error.code == "MOVED" then return master.address, "MOVED", refusal or text end
		local inner = text:match("^TIMEOUT: .- never will be: (.+)$") or text
		local first, before = inner:find("the node ", 1, true)
		local behind, last = inner:find(" of the cluster: ", 1, true)
		local node = first and behind and inner:sub(before + 1, behind - 1):match("^%S+$")
		if node then inner = inner:sub(1, first - 1) .. inner:sub(last + 1) end
		if not node and inner:find("^TIMEOUT") then return master.address, "TIMEOUT", "no answer within " .. DEADLINE .. " s" end
		local code = inner:match("^(%u[%u%d]*)") or ""
		-- The advice in the rest is for one server alone.
		if LOGIN[code] and code ~= "NOPERM" then
			local _, begun = inner:find("(user ", 1, true)
			return node or master.address, code, inner:match("^[^;]*"), begun and inner:match("^([^,)]*)[,)]", begun + 1)
		end
		return node or master.address, code, inner
	end

	-- For TLS docs/encryption.md says which file that is.
	local function redis_cli(client) return client:Stats().tls_time and "redis-cli --tls --cacert FILE" or "redis-cli" end
	local function at_node(client, address)
		local host, port = address:match("^%[?(.-)%]?:(%d+)$")
		return string.format("%s -h %s -p %s --askpass", redis_cli(client), host or address, port or 6379)
	end

	-- `nodes`: the addresses of those that one line names.
	local function todo_of(client, code, reason, user, nodes)
		if reason:find("tls-cluster", 1, true) then
			return "Write tls-cluster yes and tls-replication yes into the redis.conf of each node, and restart it.\nThen the nodes may not find each " ..
				"other, because they know the old ports. Type into redis-cli on one node, for each of the others: CLUSTER MEET ADDRESS TLS-PORT"
		elseif LOGIN[code] and (user or code == "NOPERM") then
			user = user or "of this server"
			local commands = {}
			for i = 1, math.min(#nodes, MOST_NODES) do commands[i] = at_node(client, nodes[i]) end
			return "The user " .. user .. " must be the same on each node, because a cluster does not copy users. On a node that has him, type into " ..
				"redis-cli: ACL LIST\nThen open each of: " .. table.concat(commands, "; ") .. "\nType his line there, with ACL SETUSER in place of its " ..
				"first word, and then, to keep it: CONFIG REWRITE"
		elseif LOGIN[code] then
			return "Write the same requirepass into the redis.conf of each node, and restart those that you changed."
		elseif code == "MOVED" then
			return "The nodes do not agree who has these hash slots, or they are moving now. Check again. If it stays so, type into a shell: " ..
				redis_cli(client) .. " --askpass --cluster check " .. nodes[1]
		elseif REACHING[code] then
			return "Start Redis there if it is down, or restart it if it hangs (sudo systemctl restart redis-server). If it runs, let this server in " ..
				"through the firewall there.\nThis server must reach each node at the address that the node announces (cluster-announce-ip). To see " ..
				"the addresses, type into redis-cli: CLUSTER SLOTS\nIf each master has a replica, the cluster replaces a lost master by itself: check again."
		end
		return "Fix what the line above names, on that node."
	end

	-- Whether each master answers this server. Nodes without an answer for the same reason are in one line. Returns
	-- whether all were asked.
	local function look_at_masters(report, client)
		local err, reply = realtime.Await(client, "Command", { "CLUSTER", "SLOTS" })
		-- Without this right the client does not know where keys are, and says so on the console.
		if err and err.code == "NOPERM" then return true end
		if err then
			report.Unknown("cluster", "the masters were not asked: " .. addon.Printable(tostring(err), 400))
			return false
		end
		local masters = masters_of(reply, client:Stats().address or "")
		give_keys(masters)
		for _, master in ipairs(masters) do master.key = not master.is_odd and master.key or nil end
		realtime.Await({ Ask = function(_, fn) ask_all(client, masters, fn) end }, "Ask")
		if not client:IsConnected() then return false end -- the check says so next
		local groups, order, slots_of, unasked = {}, {}, {}, {}
		for _, master in ipairs(masters) do
			local code = master.error and master.error.code
			if NO_ANSWER[code] then -- everything else is the node's own answer
				local address, reason_code, reason, user = reason_of(master)
				local general = string.Replace(reason, address, "")
				local group = groups[general] or { code = reason_code, reason = reason, user = user }
				if not slots_of[address] then
					if not group[1] then order[#order + 1] = group end
					groups[general], group[#group + 1] = group, address
				end
				slots_of[address] = (slots_of[address] or 0) + master.count
			elseif not master.key or code == "OVERLOADED" then
				unasked[#unasked + 1] = master.address .. " was not asked: " ..
					tostring(master.error or master.is_odd and "its host is no name and no address" or "no name of a key is in its hash slots")
			end
		end
		if unasked[1] then
			report.Unknown("cluster", table.concat(unasked, "; ", 1, math.min(#unasked, MOST_NODES)) .. (#unasked > MOST_NODES and "; …" or ""))
		end
		for _, group in ipairs(order) do
			local slots, several = 0, #group > 1
			for _, address in ipairs(group) do slots = slots + slots_of[address] end
			local named = table.concat(group, ", ", 1, math.min(#group, MOST_NODES)) .. (#group > MOST_NODES and ", …" or "")
			report.Problem("cluster", string.format("this server cannot use the %s %s, so no command reaches the keys in %d of %d hash slots: %s",
				several and "nodes" or "node", named, slots, SLOTS, addon.Printable(group.reason, 400)), todo_of(client, group.code, group.reason, group.user, group))
		end
		if order[1] then report.cluster_outage = "a node of the cluster cannot be used" end
		return not unasked[1]
	end

	-- Sets `cluster_outage` of the report if commands with keys would only time out, because of that.
	function steps.cluster(report, client)
		if client:Stats().mode ~= "cluster" then return end
		local err, text = realtime.Await(client, "Command", { "CLUSTER", "INFO" })
		local fields = addon.FieldsOf(text)
		local function slots(name) return tonumber(fields["cluster_slots_" .. name] or "") end
		local state, assigned, served = fields.cluster_state, slots("assigned"), slots("ok")
		local is_known, all_asked = not err and state and assigned and served, true
		if is_known and state ~= "ok" then
			report.cluster_outage = "the cluster is down"
		else
			all_asked = look_at_masters(report, client)
		end
		if not is_known then
			return report.Unknown("cluster", "the node does not say whether all hash slots are served: " .. tostring(err or "no figures"))
		end
		if state == "ok" and served >= SLOTS then
			if all_asked and not report.cluster_outage then report.Good("cluster", "its nodes serve all " .. SLOTS .. " hash slots") end
			return
		end
		local consequence = state == "ok" and "keys in the others can be used" or "no key and no sharded channel can be used; other messages still arrive"
		local todo = {}
		if served < assigned then
			todo[1] = "Type into redis-cli: CLUSTER NODES\nStart Redis on each node that has fail or fail? there, or repair the network to it. " ..
				"If each master has a replica, the cluster replaces a lost master by itself." .. (not client:Stats().tls_time and "" or
				"\nIf Redis runs there, its certificate may have expired, or the other nodes may lack the authority that signed it: then they do not " ..
				"talk to it. Type into a shell, FILE being another node's tls-ca-cert-file: " ..
				"openssl s_client -connect NODE:PORT -CAfile FILE </dev/null 2>&1 | grep -i verif")
		end
		if assigned < SLOTS then
			todo[#todo + 1] = string.format("%d hash slots belong to no node. If that is not on purpose, type into a shell: " ..
				"%s --askpass --cluster fix %s", SLOTS - assigned, redis_cli(client), client:Stats().address)
		end
		report.Problem("cluster", string.format("its state is %s, %d of %d hash slots are not served: %s", state, SLOTS - served, SLOTS, consequence),
			todo[1] and table.concat(todo, "\n") or "A node that has just started needs some seconds: check again.")
	end
end
