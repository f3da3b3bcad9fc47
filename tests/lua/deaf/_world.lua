-- A server, its clients, and its faults: one after the other, from a seed.

local new_random = include("_random.lua")
local Account = include("_account.lua")

local CHANNELS, PATTERNS = 5, 2
local EVERY = 0.5 -- seconds between two publishes to a topic
local LOOK = 0.05 -- seconds between two checks of the clients' reports
local ACT = 4 -- seconds between two actions of a client's addon, on average
local START = 60 -- seconds until every topic must be received at the start
local CALM_MAX = 4 -- seconds between a recovery and the next fault

-- How long faults last: share of them, shortest and longest in seconds.
local LENGTHS = { { 0.5, 0.2, 5 }, { 0.3, 5, 25 }, { 0.2, 25, 50 } }

local World = {}
World.__index = World

-- The ways in which clients are used. With shorter times, some come back sooner and see more faults in an hour.
local CLIENTS = {
	{ name = "auto", options = {} },
	{ name = "resp2", options = { protocol = 2, reconnect_max = 5 } },
	{ name = "resp3", options = { protocol = 3, verify_delivery = true } },
	{ name = "sure", options = { verify_delivery = true, ping_interval = 3, ping_timeout = 3, reconnect_max = 2 } },
	{ name = "sure2", options = { protocol = 2, verify_delivery = true, reconnect_max = 4, queue_events = 256 } },
	{ name = "pause", options = { overflow = "pause", queue_events = 128, reconnect_max = 3 } },
}

-- `kind` is a table with `servers(world)`, which creates them, and `faults`.
function World.new(kind, name, seed, clients, problem)
	local self = setmetatable({
		name = name, kind = kind, random = new_random(seed), acts = new_random(seed * 17), topics = {}, accounts = {}, problem = problem, pad = "",
		turn = 0, published = 0, taken = 0, faults = {}, phase = "start", fault = { seconds = 0 }, looked = 0,
	}, World)
	for i = 1, CHANNELS do self:add_topic(name .. ".channel." .. i, false) end
	for i = 1, PATTERNS do self:add_topic(name .. ".pattern." .. i, true) end
	kind.servers(self)
	for i = 1, clients or #CLIENTS do
		local spec = { name = CLIENTS[i].name, options = table.Copy(CLIENTS[i].options) }
		for key, value in pairs(kind.options and kind.options(i) or {}) do spec.options[key] = value end
		self.accounts[i] = Account.new(self, spec, new_random(seed * 31 + i), problem)
	end
	local now = SysTime()
	self.next_publish, self.next_act, self.next_at, self.well_since = now, now + ACT, now + START, now
	return self
end

function World:add_topic(name, is_pattern)
	self.topics[#self.topics + 1] = {
		name = is_pattern and name .. ".*" or name, channel = is_pattern and name .. ".x" or name, is_pattern = is_pattern,
		newest = 0, at = {}, taken = {},
	}
end

function World:url() return self.proxy.url() end

-- Publishes the next number to a topic, without one to the next in turn.
function World:publish(topic)
	if not topic then
		self.turn = self.turn % #self.topics + 1
		topic = self.topics[self.turn]
	end
	local number = topic.newest + 1
	topic.newest, topic.at[number] = number, SysTime()
	self.published = self.published + 1
	self.kind.publish(self, topic.channel, number .. self.pad, function(taken)
		if not taken then return end
		topic.taken[number], self.taken = true, self.taken + 1
		for _, account in ipairs(self.accounts) do account:published(topic, number) end
	end)
end

function World:length()
	local share, first = self.random(), self.random()
	for _, length in ipairs(LENGTHS) do
		if share < length[1] then return length[2] + (length[3] - length[2]) * first end
		share = share - length[1]
	end
	return LENGTHS[1][3]
end

-- Begins the next fault. Each draws the same count of random numbers, so that the sequence does not depend on time.
function World:begin()
	local name = self.only or self.kind.names[self.random(#self.kind.names)]
	local seconds, seed = self:length(), self.random(1000000)
	self.fault = { name = name, seconds = seconds }
	self.well_since, self.began = nil, SysTime()
	local undo, during = self.kind.faults[name](self, new_random(seed), seconds, self.fault)
	print(string.format("%7.1f s  %s  %s%s, %.1f s", self.began - self.start, self.name, name,
		self.fault.how and " (" .. self.fault.how .. ")" or "", seconds))
	self.faults[name] = (self.faults[name] or 0) + 1
	self.undo, self.during, self.phase, self.next_at = undo, during, "fault", self.began + seconds
end

function World:recovered(now)
	local all = true
	for _, account in ipairs(self.accounts) do all = account:has_recovered(now, self.well_since, self.fault) and all end
	return all
end

-- Runs once a tick. `goes_on`: another fault may begin.
function World:tick(now, goes_on)
	if self.kind.tick then self.kind.tick(self, now) end
	while now >= self.next_publish and self.kind.may_publish(self) do
		self:publish()
		self.next_publish = math.max(self.next_publish + EVERY / #self.topics, now - EVERY)
	end
	if now >= self.next_act then
		self.next_act = now + ACT / #self.accounts * 2 * self.acts()
		self.accounts[self.acts(#self.accounts)]:act()
	end
	if now - self.looked >= LOOK then
		self.looked = now
		for _, account in ipairs(self.accounts) do account:look(now) end
		if self.well_since and self:recovered(now) and self.phase ~= "calm" then
			self.phase, self.next_at = "calm", now + CALM_MAX * self.random()
		end
	end
	if self.phase == "fault" and self.during then self.during() end
	if self.phase == "fault" and now >= self.next_at then
		self.undo()
		self.phase = "mending"
	end
	if self.phase == "mending" and self.kind.is_mended(self) then
		self.phase, self.well_since, self.swallows, self.elsewhere, self.is_slow = "recovery", SysTime(), false, false, false
	end
	if self.phase == "calm" and now >= self.next_at and goes_on then self:begin() end
	return self.phase == "calm"
end

return World
