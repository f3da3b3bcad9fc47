-- The messages and reports of one client, and whether its reports explain all missing messages.
--
-- Deaf and silent: a client subscribes to a topic for 30 s while the server accepts publishes to it, receives none, and reports
-- nothing: no `gap`, and neither its state, nor its role, nor its refused and unconfirmed topics show it.
-- Lost in silence: a number is missing between two received ones, and no gap reaches back to it, no `dropped` counts it, and the
-- client did not report then that its server is a replica.
-- Deaf for ever: the server has no fault any more, and a topic is not received although every pause of the client is over.

local SILENCE = 30 -- seconds that a client may be deaf without reporting it
local ENOUGH = 8 -- publishes that it did not receive in this time
local SLACK = 2 -- seconds by which a report may be late, and so inexact
local STANDSTILL = 3 -- the longest stall of the main thread in seconds, by which a gap is reported late
local BUSY = 10 -- seconds by which anything may be late on a busy machine
local SETTLED = 3 -- seconds until the outcome of a publish is known, besides the time that a client takes to ask for the role
local EVENTS = 16 -- how many are shown with a problem

-- A list of times, each with a start and an end.
local Windows = {}
Windows.__index = Windows
local function windows() return setmetatable({}, Windows) end

function Windows:add(from, to)
	local window = { from - SLACK, to + SLACK }
	self[#self + 1] = window
	return window
end

-- Notes whether a condition holds; it counts from the previous note on.
function Windows:note(is_so, now, before)
	if not is_so then
		self.open = nil
	elseif self.open then
		self.open[2] = now + SLACK
	else
		self.open = self:add(before, now)
	end
end

function Windows:cover(time)
	for i = #self, 1, -1 do
		if self[i][1] <= time and time <= self[i][2] then return true end
	end
	return false
end

local Account = {}
Account.__index = Account

-- `world` has the topics and the faults of the moment; `problem(text)` is called for each fault that is found.
function Account.new(world, spec, random, problem)
	local self = setmetatable({
		world = world, spec = spec, name = world.name .. "." .. spec.name, random = random, topics = {}, missing = {}, events = {},
		gaps = {}, replica = windows(), unfindable = windows(), dropped = 0, looked = SysTime(), heard = 0, lost = 0, deafest = 0, slowest = 0,
	}, Account)
	-- The client's reports are shown once for each moment.
	local shown_at = -math.huge
	self.problem = function(...)
		local now, text = SysTime(), self.name .. ": " .. string.format(...)
		problem(now > shown_at + SLACK and text .. "\n" .. self:report() or text)
		shown_at = now
	end
	self:connect()
	for _, event in ipairs({ "ready", "down", "gap", "dropped", "subscribed", "error" }) do
		self.client:On(event, "judge", function(info) self:on_event(event, info) end)
	end
	for _, topic in ipairs(world.topics) do self:want(topic) end
	return self
end

-- The second time with other settings: the client of this id is reconnected.
function Account:connect()
	local options = { id = self.name, command_timeout = self.second and 9 or 10 }
	for key, value in pairs(self.spec.options) do options[key] = value end
	self.second = not self.second
	self.client = realtime.Connect(self.world:url(self.spec), options)
end

function Account:want(topic)
	local mine = { topic = topic, wanted_at = SysTime(), heard_at = 0, refused = false, gaps = windows() }
	self.topics[topic.name] = mine
	self:note("Subscribe", { channel = topic.name })
	local method = topic.is_pattern and self.client.PSubscribe or self.client.Subscribe
	method(self.client, topic.name, "judge", function(message) self:on_message(mine, tonumber(message:match("^%d+"))) end)
end

function Account:leave(topic)
	self.topics[topic.name] = nil
	self:note("Unsubscribe", { channel = topic.name })
	local method = topic.is_pattern and self.client.PUnsubscribe or self.client.Unsubscribe
	method(self.client, topic.name, "judge")
end

-- Does one of the things that an addon may do at any time.
function Account:act()
	local what, topic = self.random(100), self.world.topics[self.random(#self.world.topics)]
	if what <= 60 then
		if self.topics[topic.name] then self:leave(topic) else self:want(topic) end
	elseif what <= 63 then
		self:connect()
	elseif what <= 80 then
		self.client:Transaction({ { "SET", "judge", "1" }, { "GET", "judge" } }, function() end)
	elseif what <= 90 then
		self.client:Command({ "INCR", "judge" }, function() end)
	else
		self.client:Publish("judge.side", "hello", function() end)
	end
end

function Account:on_message(mine, number)
	local now, topic = SysTime(), mine.topic
	self.heard = self.heard + 1
	if mine.last and number <= mine.last then self.problem("%s: number %d came after %d", topic.name, number, mine.last) end
	local before = mine.counted or mine.from
	if before and number > before + 1 then
		self.missing[#self.missing + 1] = { mine = mine, from = before + 1, to = number - 1, now = now }
	end
	if mine.silent_since then self.deafest = math.max(self.deafest, now - mine.silent_since) end
	local well = math.max(self.world.well_since or math.huge, mine.wanted_at)
	if mine.heard_at < well and topic.at[number] >= well then self.slowest = math.max(self.slowest, now - well) end
	-- After an Unsubscribe and a Subscribe, messages of the first subscription may still come.
	if topic.at[number] >= mine.wanted_at then mine.counted = number end
	mine.last, mine.silent_since, mine.refused, mine.heard_at = number, nil, false, topic.at[number]
end

local function is_named(info, topic)
	for _, name in ipairs(topic.is_pattern and info.patterns or info.channels) do
		if name == topic.name then return true end
	end
	return false
end

-- Remembers the last events, which are printed with a problem.
function Account:note(event, info)
	self.events[#self.events + 1] = { SysTime(), event, info }
	if #self.events > EVENTS then table.remove(self.events, 1) end
end

function Account:on_event(event, info)
	local now = SysTime()
	self:note(event, info)
	local mine = self.topics[info.channel or info.pattern or ""]
	if event == "gap" then
		-- The gap counts from the last byte that came. On a slow link the messages on their way are older.
		local from = now - info.seconds - STANDSTILL
		if self.world.is_slow then from = math.min(from, self.world.began) end
		for _, mine in pairs(self.topics) do
			if not info.channels or is_named(info, mine.topic) then
				-- It ends with the `ready` that follows.
				self.gaps[#self.gaps + 1] = mine.gaps:add(from, now)
				mine.silent_since, mine.refused = nil, mine.refused and not info.channels
			end
		end
	elseif event == "ready" then
		self:extend_gaps(now)
		self.gaps = {}
	elseif event == "dropped" then
		self.dropped = self.dropped + info.count
	elseif event == "subscribed" and mine then
		-- Publishes from now on must come. Earlier messages may be from a subscription that ended.
		mine.from, mine.counted, mine.refused = mine.topic.newest, nil, false
	elseif event == "error" and mine and not info.command then
		mine.refused = true
	elseif event == "error" and (info.channel or ""):find("^realtime:probe:") then
		self.unverified = true
	end
end

function Account:extend_gaps(now)
	for _, window in ipairs(self.gaps) do window[2] = now + SLACK end
end

-- The server has accepted a publish to a topic.
function Account:published(topic, number)
	local mine = self.topics[topic.name]
	if not mine or mine.wanted_at > topic.at[number] or (mine.last or 0) >= number then return end
	if not mine.silent_since then mine.silent_since, mine.silent_count = topic.at[number], 0 end
	mine.silent_count = mine.silent_count + 1
end

-- How many seconds a client needs to ask the server and get the answer, or to know that there is none.
function Account:asks()
	local options = self.spec.options
	return (options.ping_interval or 15) + (options.ping_timeout or 5)
end

-- Only verify_delivery detects a server that swallows messages, and only while it accepts the probes.
function Account:may_be_deaf()
	return self.world.swallows and (not self.spec.options.verify_delivery or self.unverified)
end

-- To detect that messages are swallowed, or published on another master, takes a client as long as its requests. So it
-- does not detect shorter faults, or the last seconds of longer ones.
function Account:note_unfindable(now)
	local world, asks = self.world, self:asks()
	local is_short = world.elsewhere and world.fault.seconds < asks
	self.unfindable:note(self:may_be_deaf() or is_short, now, self.looked)
	if self.was_swallowing and not world.swallows then self.unfindable:add(now - asks, now) end
	self.was_swallowing = world.swallows
end

-- Notes the client's current reports. Called many times a second.
function Account:look(now)
	local stats = self.client:Stats()
	if stats.state == "closed" then
		-- It was not closed, so its worker is gone.
		if not self.closed then self.problem("closed by itself") end
		self.closed = true
		return
	end
	local is_replica = stats.role == "replica"
	local says = stats.state ~= "ready" or is_replica
	local exempt = self:may_be_deaf()
	self:extend_gaps(now)
	self.replica:note(is_replica, now, self.looked)
	self:note_unfindable(now)
	for name, mine in pairs(self.topics) do
		local refused = mine.refused and stats.refused > 0
		-- Stats shows that a new subscription is not confirmed yet.
		local is_asked_for = not mine.from and not mine.last and stats.confirmed + stats.refused < stats.subscriptions
		if says or exempt or refused or is_asked_for then mine.silent_since = nil end
		local since = mine.silent_since
		if since and now - since > SILENCE + SLACK and mine.silent_count >= ENOUGH then
			self.problem("%s: deaf for %.1f s and to %d publishes, and said nothing", name, now - since, mine.silent_count)
			mine.silent_since = nil
		end
	end
	self:judge_missing(now)
	self.looked = now
end

function Account:judge_missing(now)
	local kept = {}
	for _, hole in ipairs(self.missing) do
		if now - hole.now < SETTLED + self:asks() then
			kept[#kept + 1] = hole
		else
			self:judge_hole(hole.mine, hole.from, hole.to)
		end
	end
	self.missing = kept
end

function Account:judge_hole(mine, from, to)
	local topic, silent, first = mine.topic, 0, nil
	for number = from, to do
		local at = topic.at[number]
		if topic.taken[number] and not (mine.gaps:cover(at) or self.replica:cover(at) or self.unfindable:cover(at)) then
			if self.dropped > 0 then
				self.dropped = self.dropped - 1
			else
				silent, first = silent + 1, first or number
			end
		elseif topic.taken[number] then
			self.lost = self.lost + 1
		end
	end
	if silent > 0 then
		self.problem("%s: %d of the numbers %d to %d are lost, and nothing tells of it; the first is %d, published %.1f s ago",
			topic.name, silent, from, to, first, SysTime() - topic.at[first])
	end
end

-- Whether the client receives all of its topics again after the end of a fault. It is a problem if that takes longer than
-- all pauses of the client together.
function Account:has_recovered(now, since, fault)
	local options, all = self.spec.options, true
	-- The pauses after refusals double, so the last one is as long as all before it, or half as long again.
	local refused = fault.noperm and math.min(300, 30 + 3 * fault.seconds) or math.min(30, 1 + 3 * fault.seconds)
	local pauses = self:asks() + (options.reconnect_max or 30) + (options.connect_timeout or 5) + refused + BUSY
	for name, mine in pairs(self.topics) do
		local from = math.max(since, mine.wanted_at)
		if mine.heard_at < from then
			-- The next fault does not wait for a topic that was subscribed after this one.
			all = all and mine.wanted_at > since
			if now > from + pauses and not mine.late then
				mine.late = true
				self.problem("%s: not heard for %.0f s, though nothing is wrong with the server any more", name, now - from)
			end
		else
			mine.late = false
		end
	end
	return all
end

-- The client's reports.
function Account:report()
	local lines, stats, now = {}, self.client:Stats(), SysTime()
	lines[1] = string.format("    %s, protocol %s, role %s, %s subscriptions, %s confirmed, refused %s%s%s", stats.state,
		tostring(stats.protocol), tostring(stats.role), tostring(stats.subscriptions), tostring(stats.confirmed),
		tostring(stats.refused), stats.refused_reason and " (" .. stats.refused_reason .. ")" or "", stats.error and ", " .. stats.error or "")
	for _, entry in ipairs(self.events) do
		local info = entry[3]
		lines[#lines + 1] = string.format("    %.1f s ago %s %s %s %s", now - entry[1], entry[2], tostring(info.err or ""),
			info.seconds and string.format("%.2f s", info.seconds) or info.role or tostring(info.channel or info.pattern or ""),
			info.channels and table.concat(info.channels, ",") .. " " .. table.concat(info.patterns, ",") or "")
	end
	return table.concat(lines, "\n")
end

return Account
