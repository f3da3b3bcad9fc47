-- Forgotten clients, ended coroutines, and addons that replace functions of the module after it was loaded.

local kit = include("_kit.lua")

-- Collects all garbage, finalizers included.
local function collect()
	collectgarbage()
	collectgarbage()
end

host.test("a client that nobody keeps goes on until the end", function()
	local id, channel, got = kit.unique("forgotten"), kit.unique("forgotten"), kit.recorder()
	local before = #realtime.Clients()
	kit.connect({ id = id }):Subscribe(channel, got.fn)
	collect()
	local other = kit.ready()
	kit.wait("a message to the forgotten one", function()
		if #got == 0 then other:Publish(channel, "x") host.pass(1) end
		return #got > 0
	end)
	kit.eq(#realtime.Clients(), before + 2)
	local again = kit.connect({ id = id })
	assert(again:IsConnected(), "it was found by its id")
	again:Disconnect()
	other:Disconnect()
	again, other = nil, nil
	kit.wait("both to be closed", function() return #realtime.Clients() == before end)
end)

host.test("clients that are closed and forgotten leave no threads and no descriptors", function()
	kit.ready():Disconnect()
	kit.wait("quiet", function() return #realtime.Clients() == 0 end)
	host.pass(5)
	local threads, fds = host.threads(), host.fds()
	for _ = 1, 20 do
		local client = kit.ready()
		client:Subscribe("forgotten", function() end)
		client:Disconnect()
	end
	collect()
	-- On Windows its own libraries open handles at any time; but there must be fewer than one for each client.
	local most = fds + (jit.os == "Windows" and 10 or 0)
	kit.wait("no descriptor more than before", function() return host.fds() <= most end)
	assert(host.threads() <= threads, "threads are left")
end)

host.test("what a coroutine made outlives it, wherever the coroutine stopped", function()
	local channel, got = kit.unique("coroutine"), kit.recorder()
	local client
	-- One that ended, one that raised, one that waits for ever and is collected.
	for _, ending in ipairs({ function() end, function() error("over") end, coroutine.yield }) do
		local thread = coroutine.create(function()
			client = client or kit.connect()
			client:Subscribe(channel, tostring(ending), got.fn)
			client:Publish(channel, "from a coroutine", got.fn)
			ending()
		end)
		coroutine.resume(thread)
	end
	collect()
	-- Three messages to three callbacks, and three answers.
	kit.wait("messages and answers", function() return #got == 3 * 3 + 3 end)
	client:Disconnect()
end)

host.test("callbacks that yield are reported one by one, of whatever kind they are", function()
	local client, channel, done = kit.ready(), kit.unique("yield"), kit.recorder()
	local function yields() coroutine.yield("nowhere to go") end
	local reported = #host.errors()
	host.expect_errors(4)
	kit.subscribe(client, channel, yields)
	client:PSubscribe(channel .. "*", yields)
	client:Publish(channel, "x", yields) -- one to the channel, one to the pattern, one answer
	client:Command({ "ECHO", "x" }, yields)
	client:Ping(done.fn)
	kit.wait("what comes behind", function() return #done == 1 end)
	kit.wait("their reports", function() return #host.errors() == reported + 4 end)
	client:Disconnect()
end)
