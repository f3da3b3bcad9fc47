-- Shared by the suites of the examples. This server is "hub"; another client stands for another server. Returns nil while
-- the map restarts.

if host.map_number == 1 then
	-- A short queue, so that the tests can fill it.
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "hub", "options": { "queue_events": 50 } }', host.redis_url))
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local steering = include("_steering.lua")
local world = {}

-- The one player, who is on a team with a colour.
team.SetUp(7, "Crew", Color(255, 160, 0))
local alice = host.players.add({ name = "Alice", steamid64 = "76561198000000001" })
alice:SetTeam(7)
alice:SetUserGroup("vip")
world.alice = alice

-- The new lines in her chat since the last call.
local looked = 0
function world.chat() return { unpack(host.players.seen(alice).chat, looked + 1) } end
function world.forget_chat() looked = #host.players.seen(alice).chat end

function world.example(name)
	world.forget_chat()
	include("../../../lua/examples/" .. name .. ".lua")
	kit.subscribe(realtime.Default(), kit.unique("fence"), function() end)
end

-- Publishes more messages than the queue can hold, after the call of `before`.
function world.overflow(before)
	local client, channel = realtime.Default(), kit.unique("flood")
	kit.subscribe(client, channel, function() end)
	before()
	local stats = client:Stats()
	for i = 1, 500 do host.server.publish(channel, tostring(i)) end
	kit.block_until("the flood", function() return client:Stats().received >= stats.received + 500 end)
	kit.wait("word of it", function() return client:Stats().dropped > stats.dropped end)
	client:Unsubscribe(channel)
end

-- Waits until this server has received everything that the other one has published.
function world.settle()
	local channel, heard = kit.unique("settle"), kit.recorder()
	kit.subscribe(realtime.Default(), channel, heard.fn)
	world.other:Publish(channel, "")
	kit.wait("what was published before", function() return #heard == 1 end)
	realtime.Default():Unsubscribe(channel)
end

-- Raises if anything on the console could steer a terminal.
function world.console_is_clean()
	for _, line in ipairs(host.console()) do
		local found = steering(line)
		if found then error(string.format("%q on the console, in %s", found, kit.show(line)), 2) end
	end
end

local function with_clock(clock, fn)
	local real = SysTime
	SysTime = clock
	local ok, err = pcall(fn)
	SysTime = real
	if not ok then error(err, 0) end
end

-- The clock stands still, so that all messages come within one second, without earlier ones.
local moment = 0
function world.at_one_moment(fn)
	moment = math.max(math.floor(SysTime()) + 100, moment + 10)
	with_clock(function() return moment end, fn)
end

-- 200 messages at one moment, in batches that fit into the queue. publish(i) publishes one.
function world.flood(publish)
	world.at_one_moment(function()
		for i = 1, 200 do
			publish(i)
			if i % 40 == 0 then world.settle() end
		end
	end)
end

world.other = kit.connect({ id = "other" })
world.others = realtime.Tables(world.other, "ttt-2")

return world
