-- The queue to the main thread is full: the effect of each policy, and the exact count.

local kit = include("_kit.lua")

local SENT = 5000

-- Sends while the main thread stands still, then lets it run. Returns the received messages, and the reports about the rest.
local function flood(policy)
	local server = host.new_fake()
	local client = kit.ready({ url = server.url(), queue_events = 100, overflow = policy })
	local got, told, order = {}, 0, {}
	client:On("dropped", function(info)
		kit.eq(info.reason, "overflow")
		told = told + info.count
		order[#order + 1] = info
	end)
	local answers = 0
	kit.subscribe(client, "c", function(message)
		got[#got + 1] = tonumber(message)
		order[#order + 1] = tonumber(message)
	end)
	for i = 1, SENT do
		server.publish("c", tostring(i))
		if i % 500 == 0 then assert(client:Publish("other", "x", function(err) if not err then answers = answers + 1 end end)) end
	end
	if policy ~= "pause" then
		kit.block_until("everything arrived", function() return client:Stats().received >= SENT end)
	end
	kit.wait("everything is told", function() return #got + told == SENT end)
	kit.wait("every answer, whatever was dropped", function() return answers == 10 end)
	-- In the right order: the numbers and the counts add up to the whole sequence.
	local next = 1
	for _, entry in ipairs(order) do
		if type(entry) == "number" then
			kit.eq(entry, next)
			next = next + 1
		else
			assert(entry.bytes >= entry.count, "bytes")
			next = next + entry.count
		end
	end
	kit.eq(next, SENT + 1)
	local stats = client:Stats()
	kit.eq(stats.received, stats.delivered + stats.dropped_overflow)
	kit.eq(stats.dropped_overflow, told)
	client:Disconnect()
	return got, told
end

host.test("drop_oldest keeps the newest", function()
	local got, told = flood("drop_oldest")
	assert(told > 0 and #got <= 200, #got .. " delivered")
	kit.eq(got[#got], SENT)
end)

host.test("drop_newest keeps the oldest", function()
	local got, told = flood("drop_newest")
	assert(told > 0)
	for i = 1, 100 do kit.eq(got[i], i) end
end)

host.test("pause loses nothing", function()
	local got, told = flood("pause")
	kit.eq(told, 0)
	kit.eq(#got, SENT)
end)
