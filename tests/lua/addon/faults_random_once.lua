-- unix; servers: real; redis: 7.0
-- Random histories of realtime.Shared, Durable and Once together, with real servers: a replica that lags takes over, a cluster's hash slots
-- move and its masters change, and game servers in processes of their own are killed with SIGKILL, or stopped with SIGSTOP for longer than
-- their leases and continued. Then the faults end, and all promises are checked. Each helper alone, with many more faults:
-- shared_random_once.lua, durable_random_once.lua, jobs_random_once.lua.
--
--     target/debug/gmod-host --server real --addon lua --timeout 4000 tests/lua/addon/faults_random_once.lua histories=100 seed=7 kind=cluster

local processes = include("_processes.lua")
local settings = { histories = 1, first = 1, seed = 1, steps = 60, kind = "all" }
for _, argument in ipairs(host.args) do
	local name, value = argument:match("^(%w+)=(%w+)$")
	if name then settings[name] = tonumber(value) or value end
end

-- The script of a server in a process of its own.
local OTHER = [[
local new_server = include("histories_server.lua")
local realtime = include("realtime/load.lua")
local addon = realtime.addon
addon.durable_look, addon.durable_lease = 0.3, 2
addon.shared_interval, addon.shared_spread, addon.shared_patience = 1, 0.05, 0.3
local function log(...) print("log " .. table.concat({ ... }, " ")) end
local server = new_server(realtime.Default(), realtime.ServerId(), log, include("histories_names.lua"))
for _, event in ipairs({ "down", "error", "gap" }) do server.client:On(event, "histories", function() end) end
realtime.Every(0.03, "act", function() server.act() end)
function Quiet() realtime.StopTimer("act") end
function IsQuiet() return server.open == 0 and server.shared:IsReady() end
function Copy() return server.copy() end
]]
local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")
local new_server = include("_faults_server.lua")
local addon, random = realtime.addon, math.random
function realtime.ServerId() return "histories", true end
host.put("histories/lua/autorun/server/histories.lua", OTHER)
host.put("histories/lua/histories_server.lua", processes.shell("cat '" .. processes.ROOT .. "tests/lua/addon/_faults_server.lua'"))
addon.durable_look, addon.durable_lease = 0.3, 2
addon.shared_interval, addon.shared_spread, addon.shared_patience = 1, 0.05, 0.3

local RECONNECT = { reconnect_min = 0.01, reconnect_max = 0.05, ping_interval = 0.5, ping_timeout = 0.5 }
local totals = {
	histories = 0, faults = 0, kills = 0, stops = 0, closed = 0, twins = 0, tried = 0, unknown = 0, heard = 0, worked = 0, finished = 0,
	overtaken = 0, lost = 0, losses = 0,
}

local function connect(url, more)
	local options = table.Merge(table.Copy(RECONNECT), more or {})
	options.id = kit.unique("c")
	local client = realtime.Connect(url, options)
	for _, event in ipairs({ "down", "error", "gap", "dropped" }) do client:On(event, "histories", function() end) end
	return client
end

-- The record of all attempts and answers.
local function new_account()
	local account = { tried = {}, answers = {}, heard = {}, worked = {}, failed = {}, lost = {}, jobs = {}, order = {}, problems = {} }
	local kinds = {}
	function kinds.try(kind, name, key)
		account.tried[name] = { kind = kind, key = key }
		account.order[#account.order + 1] = name
		totals.tried = totals.tried + 1
	end
	function kinds.answer(name, outcome)
		account.answers[name] = outcome
		if outcome == "unknown" then totals.unknown = totals.unknown + 1 end
	end
	function kinds.twice(name) table.insert(account.problems, name .. " was answered twice") end
	function kinds.heard(id, name)
		account.heard[id] = account.heard[id] or {}
		account.heard[id][name] = true
		totals.heard = totals.heard + 1
	end
	function kinds.worked(name)
		account.worked[name] = true
		totals.worked = totals.worked + 1
	end
	function kinds.failed(_, name, is_dead)
		if is_dead == "true" then account.failed[name] = true end
	end
	function kinds.lost(id, channel) account.lost[id .. " " .. channel], totals.lost = true, totals.lost + 1 end
	-- The runs of each job, by their fences.
	function kinds.job(slot) account.jobs[slot] = account.jobs[slot] or {} end
	function kinds.ran(slot, fence, id)
		if account.jobs[slot][fence] then table.insert(account.problems, "two runs of " .. slot .. " have one fence") end
		account.jobs[slot][fence] = { server = id }
	end
	function kinds.finished(slot, fence)
		account.jobs[slot][fence].is_finished = true
		totals.finished = totals.finished + 1
	end
	function account.log(kind, ...) kinds[kind](...) end
	return account
end

local function in_redis(direct, names)
	local err, reply = kit.command(direct, { "HGETALL", "realtime:shared:{" .. names.table .. "}" })
	assert(not err, tostring(err))
	local found = {}
	for key, field in pairs(realtime.Map(reply)) do
		local version, text = field:match("^(%d+) %d+ (.*)$")
		if key ~= "" then found[key] = { value = realtime.DecodeJson(text), version = version } end
	end
	return found
end

-- `deployment`: connect(i) → client of a server; direct() → a client of the test's own; hurts, a list of functions of i; heal(), at the end;
-- others, the number of servers with processes of their own, which may stop; loses(): whether Redis may have lost data so far.
local function history(deployment, names)
	local account, servers, others, twins, started = new_account(), {}, {}, {}, 0
	local function enter(i) servers[i] = new_server(deployment.connect(i), "s" .. i, account.log, names) end
	local function leave(i, in_order)
		local server = servers[i]
		if in_order then
			addon.goodbyes.Durable[server.durable]()
		end
		server.client:Disconnect()
		-- A process that dies gets no answers.
		if not in_order then server.durable.listeners = { ready = {}, failed = {}, lost = {} } end
	end
	-- The output of a process goes into the record once it has ended.
	local function read(other)
		for line in other.said():gmatch("[^\n]+") do
			local words = line:match("^log (.*)$")
			if words then account.log(unpack(string.Explode(" ", words))) end
			if line:find("another server has the message", 1, true) or line:find("another one runs the job", 1, true) then
				totals.overtaken = totals.overtaken + 1
			end
		end
	end
	local function start(i)
		started = started + 1
		others[i] = processes.start("s" .. 3 + i, "garrysmod/histories", { options = RECONNECT, name = "process-" .. started })
		others[i].goes_on = 0
	end
	-- Stops a server for longer than each lease, and than its client waits for Redis. Meanwhile Redis may close its connection, and another
	-- server of the same id may be started.
	local function stop(i)
		local other, seconds = others[i], 2.5 + random() * 1.5
		totals.stops = totals.stops + 1
		other.stop(seconds)
		other.goes_on = SysTime() + seconds
		if random(2) == 1 then
			for number in host.real.command("CLIENT", "LIST"):gmatch("id=(%d+)[^\n]* name=s" .. 3 + i .. " ") do
				host.real.command("CLIENT", "KILL", "ID", number)
				totals.closed = totals.closed + 1
			end
		end
		if random(2) == 1 then return end
		totals.twins = totals.twins + 1
		twins[#twins + 1] = other
		start(i)
	end
	for i = 1, 3 do enter(i) end
	for i = 1, deployment.others or 0 do start(i) end
	for _ = 1, settings.steps do
		for _ = 1, random(0, 4) do servers[random(3)].act() end
		local fate = random(20)
		if fate <= 3 then
			totals.faults = totals.faults + 1
			deployment.hurts[random(#deployment.hurts)](random(3))
		elseif fate == 4 then
			totals.faults = totals.faults + 1
			local i = random(3)
			leave(i, random(2) == 1)
			enter(i)
		elseif fate <= 8 and others[1] then
			local i = random(#others)
			if SysTime() >= others[i].goes_on then
				totals.faults = totals.faults + 1
				if fate >= 7 then
					stop(i)
				else
					totals.kills = totals.kills + 1
					others[i].kill()
					read(others[i])
					start(i)
					host.pass(random(10, 40))
				end
			end
		end
		host.pass(random(1, 4))
	end
	if deployment.heal then deployment.heal() end

	local direct = deployment.direct()
	kit.wait("the test's own connection", function() return direct:IsConnected() end)
	-- Servers that were stopped while another one with their id started. They run for a while, and then only one of each id is left.
	for _, twin in ipairs(twins) do twin.wait("Quiet ~= nil", "true") end
	if twins[1] then host.pass(random(10, 40)) end
	for _, twin in ipairs(twins) do
		twin.kill()
		read(twin)
	end
	for _, other in ipairs(others) do
		other.wait("Quiet ~= nil", "true")
		other.type("Quiet()")
		other.wait("IsQuiet()", "true")
	end
	kit.wait("every answer", function()
		for _, server in ipairs(servers) do if server.open > 0 then return false end end
		return true
	end)
	local want
	kit.wait("quiet copies", function()
		want = in_redis(direct, names)
		for _, server in ipairs(servers) do
			if not server.shared:IsReady() or server.copy() ~= server.text_of(want) then return false end
		end
		return true
	end)
	for _, other in ipairs(others) do other.wait("Copy()", servers[1].text_of(want)) end
	-- Durable messages and jobs continue until all are done.
	local stats = {}
	local fine, message = pcall(kit.wait, "empty channels", function()
		for kind, channel in pairs({ news = names.news, work = names.work }) do
			servers[1].durable:Stats(channel, function(err, found) stats[kind] = not err and found or stats[kind] end)
		end
		return stats.work and stats.work.length == 0 and stats.news and stats.news.behind == 0
	end)
	if not fine then error(message .. ": " .. util.TableToJSON(stats), 0) end
	local last_runs = {}
	-- A server that ran one may have died: the others ask again.
	for slot in pairs(account.jobs) do servers[1].take(slot) end
	for slot in pairs(account.jobs) do
		kit.wait(slot, function()
			local _, found = kit.command(direct, { "HMGET", "realtime:once:{" .. slot .. "}", "state", "fence", "server" })
			last_runs[slot] = found and found[1] == "done" and { fence = found[2], server = found[3] }
			return last_runs[slot]
		end)
	end
	kit.ticks(3)
	for _, other in ipairs(others) do
		other.quit()
		read(other)
	end

	-- The promises.
	local loses = deployment.loses()
	kit.eq(account.problems, {})
	assert(loses or not next(account.lost), "a loss was told although Redis has lost nothing")
	for slot, last in pairs(loses and {} or last_runs) do
		-- The last run to begin is the one that did the job, and its server reported that.
		kit.eq(account.jobs[slot][last.fence], { server = last.server, is_finished = true }, "the run with which " .. slot .. " was done")
		for fence in pairs(account.jobs[slot]) do assert(tonumber(fence) <= tonumber(last.fence), slot .. " ran after it was done") end
	end
	local sums = { add = { 0, 0 }, update = { 0, 0 } }
	for _, name in ipairs(account.order) do
		local tried, outcome = account.tried[name], account.answers[name] or "unknown" -- its server died
		local counts = sums[tried.kind]
		if counts then
			if outcome == "done" then counts[1] = counts[1] + 1 elseif outcome == "unknown" then counts[2] = counts[2] + 1 end
		elseif tried.kind == "set" then
			local now = want[tried.key]
			assert(not now or now.value ~= name or outcome ~= "not", "there although it was told to be not done")
		elseif tried.kind == "news" then
			for id, heard in pairs(account.heard) do
				assert(not heard[name] or outcome ~= "not" or loses, "heard although it was told to be not published")
				assert(heard[name] or outcome ~= "done" or loses or account.lost[id .. " " .. names.news], id .. " missed " .. name)
			end
		elseif tried.kind == "work" then
			local was_handled = account.worked[name] or account.failed[name]
			assert(not was_handled or outcome ~= "not" or loses, "handled although it was told to be not published")
			assert(was_handled or outcome ~= "done" or loses, name .. " was not handled")
		end
	end
	for key, counts in pairs(sums) do
		local value = want[key] and want[key].value or 0
		assert(value >= (loses and 0 or counts[1]) and value <= counts[1] + counts[2],
			string.format("%s: %s instead of %d, or up to %d more", key, value, counts[1], counts[2]))
	end
	if loses then totals.losses = totals.losses + 1 end
	totals.histories = totals.histories + 1
	for _, server in ipairs(servers) do server.client:Disconnect() end
	direct:Disconnect()
end

local function try(kind, name, new_deployment)
	if settings.kind ~= "all" and settings.kind ~= kind then return end
	host.test(name, function()
		for key in pairs(totals) do totals[key] = 0 end
		local deployment = new_deployment()
		for number = settings.first, settings.first + settings.histories - 1 do
			math.randomseed(settings.seed * 100000 + number)
			-- Messages from a server of the last history may still come.
			local names = {}
			for _, name in ipairs({ "table", "news", "work", "job" }) do names[name] = string.format("%s-%s-%d-", name, kind, number) end
			host.put("histories/lua/histories_names.lua", "return util.JSONToTable('" .. util.TableToJSON(names) .. "')")
			deployment.begin(names)
			local fine, err = xpcall(history, debug.traceback, deployment, names)
			if not fine then error(string.format("history %d of seed %d: %s", number, settings.seed, err), 0) end
		end
		local of_processes = deployment.others and string.format(" (%d kills; %d stops, in which Redis closed %d connections, and %d servers of the same id " ..
			"were started)", totals.kills, totals.stops, totals.closed, totals.twins) or ""
		print(string.format("%s: %d histories, %d faults%s, %d calls (%d of them open), %d messages heard, %d worked on, %d jobs done, %d times another " ..
			"server took one over; Redis lost data in %d histories, %d losses told", kind, totals.histories, totals.faults, of_processes, totals.tried,
			totals.unknown, totals.heard, totals.worked, totals.finished, totals.overtaken, totals.losses, totals.lost))
		assert(totals.tried > 0 and totals.heard > 0 and totals.worked > 0 and totals.finished > 0)
	end)
end

local function proxied(proxies)
	local deployment = { hurts = {} }
	function deployment.connect(i) return connect(proxies[i].url(), { protocol = random(2) + 1 }) end
	deployment.hurts[1] = function(i) proxies[i].cut(random(2) == 1 and "fin" or "reset") end
	deployment.hurts[2] = function(i)
		proxies[i].faults({ [random(2) == 1 and "up_cut_at" or "down_cut_at"] = random(200, 6000) })
		proxies[i].cut("reset")
		host.pass(random(20))
		proxies[i].faults({})
		proxies[i].cut("reset")
	end
	deployment.hurts[3] = function(i)
		proxies[i].edit({ [random(2) == 1 and "up_stall" or "down_stall"] = true })
		host.pass(random(20))
		proxies[i].edit({ up_stall = false, down_stall = false })
	end
	return deployment
end

try("replica", "a replica that lags takes over", function()
	local replica = host.new_real({ "replicaof 127.0.0.1 " .. host.redis_url:match(":(%d+)"), "repl-diskless-sync-delay 0" })
	local proxies, lags, has_moved = {}, false, false
	for i = 1, 3 do proxies[i] = host.proxy() end
	local deployment = proxied(proxies)
	local hurts = deployment.hurts
	hurts[4] = function() (has_moved and replica or host.real).command("SCRIPT", "FLUSH") end
	-- From now on it replicates nothing, and later all servers move to it.
	hurts[5] = function()
		if lags then return end
		lags = true
		replica.command("REPLICAOF", "NO", "ONE")
	end
	hurts[6] = function()
		if has_moved then return end
		hurts[5]()
		has_moved = true
		for _, proxy in ipairs(proxies) do
			proxy.swap(replica.url())
			proxy.cut("reset")
		end
	end
	function deployment.begin()
		lags, has_moved = false, false
		host.real.command("FLUSHALL")
		for _, proxy in ipairs(proxies) do proxy.swap(host.redis_url) end
		replica.command("REPLICAOF", "127.0.0.1", host.redis_url:match(":(%d+)"))
		local mark = kit.unique("mark")
		host.real.command("SET", "histories", mark)
		kit.wait("the replica", function() return replica.command("GET", "histories") == mark end)
	end
	function deployment.direct() return connect(has_moved and replica.url() or host.redis_url) end
	function deployment.loses() return has_moved end
	return deployment
end)

try("process", "servers in processes of their own are killed, or stop for longer than their leases", function()
	local proxies = {}
	for i = 1, 3 do proxies[i] = host.proxy() end
	local deployment = proxied(proxies)
	deployment.others = 1
	deployment.hurts[4] = function() host.real.command("SCRIPT", "FLUSH") end
	deployment.hurts[5] = function()
		host.real.pause()
		host.pass(random(10))
		host.real.resume()
	end
	function deployment.begin() host.real.command("FLUSHALL") end
	function deployment.direct() return connect(host.redis_url) end
	function deployment.loses() return false end
	return deployment
end)

try("cluster", "hash slots of a cluster move, and its masters change", function() return include("_faults_cluster.lua")(connect) end)
