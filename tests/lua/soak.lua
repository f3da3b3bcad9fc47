-- servers: real
-- A soak: another process publishes at a steady rate, the server is restarted again and again, the main thread stalls, and every
-- message is accounted for. Ten seconds by default; longer: see CONTRIBUTING.md.

require("realtime")

local settings = {
	seconds = 10, -- how long
	rate = 1000, -- messages a second, over all channels
	size = 64, -- bytes of a message
	restart_every = 4, -- seconds between restarts of the server
	stall_every = 10, -- seconds between bursts of stalls, on average
	commands = 10, -- commands a second of each client
	report_every = 60, -- seconds between lines about memory
	memory = 16, -- MiB by which the process may grow once it is warm
	seed = 1,
	tls = 0, -- 1: the server speaks TLS, and so do the clients
	protocols = host.protocol and tostring(host.protocol) or "all", -- one client for each: "2,3", or those of the server
}

for _, argument in ipairs(host.args) do
	local key, value = argument:match("^([%w_]+)=(.+)$")
	if not key or settings[key] == nil then error("soak: there is no setting '" .. argument .. "'") end
	if key ~= "protocols" then value = assert(tonumber(value), "soak: " .. key .. " is a number") end
	settings[key] = value
end
math.randomseed(settings.seed)

local MIB = 1024 * 1024
local PATIENCE = 60 -- the longest wait for any event, in seconds
local CHANNELS, BY_PATTERN = 12, 4 -- the first few are received by a pattern
local SEQUENCE, HEAD = 12, 28 -- the ends of the number and the time in a message
local SHOWN = 20 -- problems that are printed
local DOWN_MIN, DOWN_MAX = 0.1, 3 -- seconds that a server stays away
local GAP_SLACK = 3 -- seconds from the worker's report of a gap until the main thread gets it, without a stall
local STALL_MIN, STALL_MAX, BURST = 0.1, 2, 4 -- seconds of a stall, stalls of a burst at most

local problems = 0
local function problem(...)
	problems = problems + 1
	if problems <= SHOWN then print("PROBLEM: " .. string.format(...)) end
end

local function random(from, to) return from + (to - from) * math.random() end
local function exponential(mean) return -mean * math.log(1 - math.random()) end

-- Latencies, in classes three per cent wide.
local CLASSES = 32 / math.log(2)
local function histogram()
	local counts, total, most = {}, 0, 0
	for i = 0, 31 * 32 do counts[i] = 0 end
	local self = {}
	function self.add(micros)
		if micros < 1 then micros = 1 end
		local class = math.floor(math.log(micros) * CLASSES)
		counts[class] = counts[class] + 1
		total = total + 1
		if micros > most then most = micros end
	end
	function self.line()
		local parts = {}
		for _, share in ipairs({ 0.5, 0.9, 0.99, 0.999 }) do
			local wanted, sum = math.ceil(total * share), 0
			for class = 0, #counts do
				sum = sum + counts[class]
				if sum >= wanted then
					local millis = math.min(math.exp((class + 1) / CLASSES), most) / 1000
					parts[#parts + 1] = string.format("p%g %.2f", share * 100, millis)
					break
				end
			end
		end
		return string.format("%s, max %.2f ms (%d messages)", table.concat(parts, ", "), most / 1000, total)
	end
	return self
end

-- Latencies of all messages, and of those that were not delayed by a stall of the main thread or an absence of the client.
local every, calm = histogram(), histogram()
local calm_since, stalled_until = 0, 0

local names = {}
for i = 0, CHANNELS - 1 do names[i] = (i < BY_PATTERN and "soak.pattern." or "soak.exact.") .. i end

-- The messages that one client received. One publisher on one connection: the numbers come in order over all channels.
local function account(client, name)
	local self = { name = name, received = 0, dropped = 0, in_gaps = 0, gaps = 0, gap_seconds = 0, last = 0 }
	local last, last_at, last_of, back = 0, nil, {}, {}
	-- Dropped since the last message; a gap was reported and not every subscription is back; nothing may be missing.
	local dropped, recovering, strict = 0, false, true
	for i = 0, CHANNELS - 1 do last_of[i], back[i] = 0, true end

	local function on_message(message, channel)
		local now = SysTime()
		local number = tonumber(message:sub(1, SEQUENCE))
		local at = tonumber(message:sub(SEQUENCE + 1, HEAD))
		local turn = number % CHANNELS
		self.received = self.received + 1
		if channel ~= names[turn] then problem("%s: number %d came as of %s", name, number, channel) end
		if #message ~= settings.size then problem("%s: number %d has %d bytes", name, number, #message) end
		if number <= last then
			problem("%s: number %d came after %d", name, number, last)
			return
		end
		local missing = number - last - 1 - dropped
		if missing ~= 0 then
			if strict or missing < 0 then
				problem("%s: between %d and %d %d are missing without a gap", name, last, number, missing)
			else
				self.in_gaps = self.in_gaps + missing
			end
		end
		-- A subscription that is back stays back: on its channel the gap is over, though others may still be missing.
		if not strict and back[turn] and dropped == 0 and number - last_of[turn] > CHANNELS then
			problem("%s: %s has a hole before %d behind the gap", name, channel, number)
		end
		last, last_of[turn], back[turn] = number, number, true
		self.last, dropped, strict, last_at = number, 0, not recovering, at / 1e6
		local micros = now * 1e6 - at
		every.add(micros)
		if at > calm_since * 1e6 and strict then calm.add(micros) end
	end

	for i = BY_PATTERN, CHANNELS - 1 do client:Subscribe(names[i], on_message) end
	client:PSubscribe("soak.pattern.*", on_message)
	client:On("dropped", function(info)
		dropped = dropped + info.count
		self.dropped = self.dropped + info.count
		-- The channels are unknown: the numbers of a channel prove nothing until its next message.
		for i = 0, CHANNELS - 1 do back[i] = false end
	end)
	client:On("gap", function(info)
		self.gaps, self.gap_seconds = self.gaps + 1, self.gap_seconds + info.seconds
		-- Nothing that was sent before the time that the gap names may be missing.
		local from, now = SysTime() - info.seconds, SysTime()
		if last_at and dropped == 0 and now > stalled_until + GAP_SLACK and last_at < from - GAP_SLACK then
			problem("%s: the last message before a gap of %.1f s was sent %.1f s before it", name, info.seconds, from - last_at)
		end
		last_at = nil
		recovering, strict = true, false
		for i = 0, CHANNELS - 1 do back[i] = false end
	end)
	client:On("ready", function() recovering = false end)
	client:On("down", function() end)
	client:On("error", function(info) problem("%s: %s", name, tostring(info.err)) end)

	-- Nothing more comes: messages that are missing at the end were dropped, or lie in a gap.
	function self.close(written)
		local missing = written - last - dropped
		if missing ~= 0 and (strict or missing < 0) then
			problem("%s: behind %d %d are missing without a gap", name, last, missing)
		elseif missing ~= 0 then
			self.in_gaps = self.in_gaps + missing
		end
		local sum = self.received + self.dropped + self.in_gaps
		if sum ~= written then problem("%s: %d published, %d accounted for", name, written, sum) end
		local stats = client:Stats()
		if stats.delivered ~= self.received or stats.dropped ~= self.dropped
			or stats.received ~= self.received + self.dropped then
			problem("%s: Stats says received %d, delivered %d, dropped %d", name, stats.received, stats.delivered,
				stats.dropped)
		end
	end
	self.client = client
	return self
end

-- Commands: each accepted one is answered exactly once, each refused one never.
local asked, answered, refused, outstanding, errors = 0, 0, 0, {}, {}

local function ask(kind, call)
	asked = asked + 1
	local id = asked
	outstanding[id] = kind
	local accepted = call(function(err)
		if not outstanding[id] then problem("a %s was answered twice, or though it was refused", kind) end
		outstanding[id] = nil
		answered = answered + 1
		if err then errors[err.code] = (errors[err.code] or 0) + 1 end
	end)
	if not accepted then
		outstanding[id] = nil
		refused = refused + 1
	end
end

local kinds = {
	function(client, fn) return client:Publish("soak.side", "hello", fn) end,
	function(client, fn) return client:Command({ "INCR", "soak" }, fn) end,
	function(client, fn) return client:Transaction({ { "SET", "soak.key", "1" }, { "GET", "soak.key" } }, fn) end,
	function(client, fn) return client:Ping(fn) end,
}

local clients, accounts = {}, {}
local next_kind = 0
local function ask_all(n)
	for _, client in ipairs(clients) do
		for _ = 1, n do
			next_kind = next_kind % #kinds + 1
			local kind = kinds[next_kind]
			ask("command of kind " .. next_kind, function(fn) return kind(client, fn) end)
		end
	end
end

local function all(condition)
	for _, each in ipairs(accounts) do
		if not condition(each) then return false end
	end
	return true
end

-- Ready, so that every subscription is back, and nothing waits.
local function settled()
	return all(function(each) return each.client:IsConnected() and each.client:Stats().queued_events == 0 end)
end

local function sum(key)
	local total = 0
	for _, each in ipairs(accounts) do total = total + each[key] end
	return total
end

local function sample() return { rss = host.rss(), threads = host.threads(), fds = host.fds(), cpu = host.cpu() } end

host.run(function()
	local url, ca = host.real.url(), nil
	if settings.tls == 1 then url, ca = host.real.speak_tls(), host.real.authority() end
	local port = host.real.url():match(":(%d+)$")
	-- The first client starts the worker, which stays until the end of the Lua state.
	local starter = realtime.Connect(url, { id = "soak-starter", tls_ca = ca })
	host.wait(function() return starter:Stats().protocol end, PATIENCE, "the server")
	local with_it = host.fds()
	if settings.protocols == "all" then settings.protocols = starter:Stats().protocol == 3 and "2,3" or "2" end
	starter:Disconnect()
	host.wait(function() return host.fds() < with_it end, PATIENCE, "the end of the first client")
	local closed = { threads = host.threads(), fds = host.fds() }
	for protocol in settings.protocols:gmatch("%d+") do
		local client = realtime.Connect(url, { protocol = tonumber(protocol), id = "soak-" .. protocol, tls_ca = ca })
		clients[#clients + 1] = client
		accounts[#accounts + 1] = account(client, "RESP" .. protocol)
	end
	-- Commands of each. They are answered after the subscriptions, which Stats may count late.
	ask_all(#kinds)
	host.wait(function() return settled() and next(outstanding) == nil end, PATIENCE, "the clients to be ready")

	local channels = {}
	for i = 0, CHANNELS - 1 do channels[i + 1] = names[i] end
	local publisher = host.new_publisher({
		port = tonumber(port), rate = settings.rate, size = settings.size, channels = channels,
	})
	host.wait(function() return all(function(each) return each.received > 0 end) end, PATIENCE, "the first messages")

	local start, ticks_before, before = SysTime(), host.ticks(), sample()
	local warm_at, first, peak = start + math.min(60, settings.seconds / 4), nil, 0
	local next_second, next_line, next_restart, back_at = start + 1, start, start + settings.restart_every, nil
	local next_stall, stalls, stalled, restarts = start + math.min(1, settings.stall_every), 0, 0, 0
	local last_restart = start + settings.seconds - settings.restart_every / 2
	local in_burst, kill = 0, true

	local function line()
		local now = sample()
		print(string.format("%6.0f s  sent %d  received %d  dropped %d  in gaps %d  resident %.1f MiB (Lua %.1f)  "
			.. "threads %d  descriptors %d", SysTime() - start, publisher.figures().written, sum("received"), sum("dropped"),
			sum("in_gaps"), now.rss / MIB, collectgarbage("count") / 1024, now.threads, now.fds))
	end

	while SysTime() < start + settings.seconds or back_at do
		host.pass()
		local now = SysTime()
		if back_at and now >= back_at then
			host.real.start()
			back_at, calm_since = nil, SysTime()
		elseif not back_at and now >= next_restart and now < last_restart then
			-- Like a crash, with commands that it never answers, and like an administrator.
			if kill then
				host.real.pause()
				ask_all(#kinds)
				host.pass(2)
				host.real.kill()
			else
				host.real.stop()
			end
			kill = not kill
			restarts, back_at, next_restart = restarts + 1, now + random(DOWN_MIN, DOWN_MAX), now + settings.restart_every
		end
		if now >= next_stall then
			if in_burst == 0 then in_burst = math.random(BURST) end
			local seconds = STALL_MIN * (STALL_MAX / STALL_MIN) ^ math.random()
			host.block(seconds)
			in_burst, stalls, stalled, calm_since = in_burst - 1, stalls + 1, stalled + seconds, SysTime()
			stalled_until, next_stall = SysTime(), SysTime() + (in_burst > 0 and random(0, 0.2) or exponential(settings.stall_every))
		end
		if now >= next_second then
			next_second = now + 1
			ask_all(settings.commands)
			host.tick_times() -- so that they do not pile up
			local rss = host.rss()
			if now >= warm_at then
				first = first or rss
				peak = math.max(peak, rss)
			end
		end
		if now >= next_line then
			line()
			next_line = now + settings.report_every
		end
	end

	host.wait(settled, PATIENCE, "all subscriptions to be back")
	host.wait(function() return next(outstanding) == nil end, PATIENCE, "the last answers")
	local elapsed, after = SysTime() - start, sample()
	line()
	publisher.stop()
	local sent = publisher.figures()
	host.wait(function() return all(function(each) return each.last == sent.written end) end, PATIENCE)
	for _, each in ipairs(accounts) do each.close(sent.written) end
	if sent.heard + sent.unheard + sent.refused + sent.unanswered ~= sent.written then
		problem("the publisher wrote %d, and knows of another number", sent.written)
	end

	print(string.format("\n%d s, %d messages a second of %d bytes, seed %d", elapsed, settings.rate, settings.size,
		settings.seed))
	print(string.format("restarts     %d, stalls of the main thread %d (%.1f s altogether), %.1f ticks a second", restarts,
		stalls, stalled, (host.ticks() - ticks_before) / elapsed))
	print(string.format("sent         %d: %d to subscribers, %d to none, %d refused, %d without an answer (%d connections)",
		sent.written, sent.heard, sent.unheard, sent.refused, sent.unanswered, sent.connections))
	for _, each in ipairs(accounts) do
		print(string.format("%-12s received %d, dropped %d, in gaps %d (%d gaps, %.1f s)", each.name, each.received,
			each.dropped, each.in_gaps, each.gaps, each.gap_seconds))
	end
	local codes = {}
	for code, count in pairs(errors) do codes[#codes + 1] = count .. " " .. code end
	table.sort(codes)
	print(string.format("commands     %d: %d answered (errors: %s), %d refused", asked, answered,
		#codes > 0 and table.concat(codes, ", ") or "none", refused))
	if asked ~= answered + refused then problem("%d commands, %d answers, %d refused", asked, answered, refused) end
	print("latency      all " .. every.line())
	print("             sent outside of stalls and gaps " .. calm.line())

	first = first or before.rss
	print(string.format("resident     %.1f MiB when warm, %.1f at the end, %.1f at most", first / MIB, after.rss / MIB,
		peak / MIB))
	local growth = (math.max(peak, after.rss) - first) / MIB
	if growth > settings.memory then problem("the process grew by %.1f MiB", growth) end
	local cpu = {}
	for name, seconds in pairs(after.cpu) do
		cpu[#cpu + 1] = string.format("%s %.2f %%", name, (seconds - (before.cpu[name] or 0)) / elapsed * 100)
	end
	table.sort(cpu)
	print("processor    " .. table.concat(cpu, ", "))
	print(string.format("threads      %d at the start, %d at the end", before.threads, after.threads))
	print(string.format("descriptors  %d at the start, %d at the end", before.fds, after.fds))
	if before.threads ~= after.threads or before.fds ~= after.fds then problem("threads or descriptors are left over") end

	for _, client in ipairs(clients) do client:Disconnect() end
	if not host.wait(function() return host.threads() == closed.threads and host.fds() == closed.fds end, PATIENCE) then
		problem("after Disconnect %d threads and %d descriptors are left, %d and %d before Connect", host.threads(),
			host.fds(), closed.threads, closed.fds)
	end
	print(problems == 0 and "every message is accounted for" or problems .. " problems")
	host.exit(problems == 0 and 0 or 1)
end)
