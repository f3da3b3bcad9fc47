-- A master that is found through a Sentinel: what Stats, ready and realtime_status report. The embedded server answers as both.

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")

local fake = host.new_fake()
local address = "127.0.0.1:" .. fake.port()
local function names(host_name, port)
	fake.on_every("sentinel", "answer", ("*2\r\n$%d\r\n%s\r\n$%d\r\n%d\r\n"):format(#host_name, host_name, #tostring(port), port))
end
local function status()
	local from, lines = #host.console(), {}
	RunConsoleCommand("realtime_status")
	for i, line in ipairs(host.console()) do if i > from then lines[#lines + 1] = line end end
	return table.concat(lines, "\n")
end
local function said(text) return table.concat(host.console(), "\n"):find(text, 1, true) end

host.test("the master that a Sentinel names is connected to, and both are told", function()
	names("127.0.0.1", fake.port())
	for _, place in ipairs({ "redis-sentinel://" .. address .. "/mymaster", { host = address, sentinel_master = "mymaster" } }) do
		local client = realtime.Connect(place)
		local info
		client:On("ready", function(event) info = event end)
		kit.wait("ready", function() return info end)
		kit.eq({ info.address, client:Stats().address, client:Stats().sentinel, client:Stats().sentinel_error }, { address, address, address })
		assert(tostring(client):find(address .. "/mymaster", 1, true), tostring(client))
		assert(status():find("sentinel       " .. address, 1, true), status())
		local got
		client:Subscribe("chat", function(message) got = message end)
		kit.publish(client, "chat", "hello")
		kit.wait("the message", function() return got == "hello" end)
		client:Disconnect()
	end
end)

host.test("a Sentinel that is lost, and one that does not know the name, are told", function()
	names("127.0.0.1", fake.port())
	local client = realtime.Connect("redis-sentinel://" .. address .. "/mymaster", { id = "lost", reconnect_max = 0.1 })
	client:On("down", function() end)
	kit.wait("ready", function() return client:Stats().sentinel and client:IsConnected() end)
	fake.forget_reactions()
	fake.on_every("sentinel", "answer", "-ERR down\r\n")
	fake.drop()
	kit.wait("the line", function() return said("the Sentinel " .. address .. ": it refuses what a client asks of it") or client:Stats().sentinel_error end)
	assert(status():find("sentinel       none at present; the master is not confirmed: ", 1, true), status())
	fake.forget_reactions()
	fake.on_every("sentinel", "answer", "*-1\r\n")
	kit.wait("the name", function() return tostring(client:Stats().error):find('it knows no master called "mymaster"', 1, true) end)
	names("127.0.0.1", fake.port())
	kit.wait("ready again", function() return client:IsConnected() and client:Stats().sentinel_error == nil end)
	client:Disconnect()
end)
