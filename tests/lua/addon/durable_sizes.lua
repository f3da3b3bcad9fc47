-- servers: real; redis: 5.0
-- realtime.Durable with messages of the largest size, and larger ones that a plain XADD wrote.

local world = include("_durable_real.lua")
local kit = world.kit
local server, close, done = world.server, world.close, world.done

host.test("a worker of many large messages gets all of them: no answer is larger than the client takes", function()
	local channel, a, runs = kit.unique("work"), server(), 0
	local text = ("x"):rep(60000)
	for i = 1, 100 do
		a.durable:Publish(channel, { i = i, text = text })
		if i % 10 == 0 then kit.wait("the answers", function() return a.client:Stats().pending == 0 end) end
	end
	a.work(channel, function(_, _, finish)
		runs = runs + 1
		finish()
	end, { parallel = 100 })
	kit.wait("all of them", function() return runs == 100 end)
	kit.wait("an empty channel", function() return select(2, done(a, "Stats", channel)).length == 0 end)
	close(a)
end)

host.test("a message of 5 MB by XADD is dead at once, and what follows it goes on", function()
	local news, work, a = kit.unique("news"), kit.unique("work"), server()
	a.subscribe(news)
	a.work(work, function(_, _, finish) finish() end)
	for _, channel in ipairs({ news, work }) do
		host.real.command("XADD", "realtime:durable:{" .. channel .. "}", "*", "data", '"' .. ("x"):rep(5000000) .. '"')
		kit.eq(done(a, "Publish", channel, "after " .. channel), nil)
	end
	kit.wait("what follows", function() return #a.got == 2 and a.count("failed") == 2 end)
	table.sort(a.got)
	kit.eq(a.got, { "after " .. news, "after " .. work })
	for _, event in ipairs(a.events) do
		if event[1] == "failed" then kit.eq({ event[3].dead, event[3].data }, { true, nil }) end
	end
	for _, channel in ipairs({ news, work }) do
		local dead = host.real.command("XRANGE", "realtime:durable:{" .. channel .. "}:dead", "-", "+")
		assert(kit.show(dead):find("too long: 5000006 bytes", 1, true) and #kit.show(dead) < 1000, kit.show(dead):sub(1, 1000))
	end
	close(a)
end)

host.test("of large messages that are dead the newest are kept, 16 MiB of them", function()
	local channel, a, text = kit.unique("work"), server(), ("x"):rep(60000)
	local key = "realtime:durable:{" .. channel .. "}"
	a.work(channel, function(_, _, finish) finish() end, { parallel = 100 })
	for i = 1, 300 do host.real.command("XADD", key, "*", "data", i .. text) end
	kit.wait("all of them", function() return a.count("failed") == 300 end)
	local bytes, dead = 0, host.real.command("XRANGE", key .. ":dead", "-", "+")
	for _, entry in ipairs(dead) do
		for _, word in ipairs(entry[2]) do bytes = bytes + #word end
	end
	assert(bytes > 15 * 1048576 and bytes <= 16 * 1048576, bytes)
	kit.eq(host.real.command("HGET", key .. ":about", "dead_bytes"), tostring(bytes))
	local newest = dead[#dead]
	local first = newest[2][2]
	kit.eq({ done(a, "Retry", channel, first) }, { nil, true })
	kit.wait("its end", function() return a.count("failed") == 301 end)
	kit.eq(host.real.command("HGET", key .. ":about", "dead_bytes"), tostring(bytes))
	close(a)
end)
