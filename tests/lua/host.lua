-- servers: fake, real
-- The basis of the other suites: a server that can be stopped and driven, with or without players.

host.test("the server is the one that was asked for", function()
	local kind = host.server.kind()
	assert(kind == "fake" or kind == "real")
	assert(host.redis_url == host.server.url())
	assert(host.server.publish("nobody", "listens") == 0)
end)

host.test("it stops and starts at the same address", function()
	local url = host.redis_url
	host.server.stop()
	host.server.start()
	assert(host.redis_url == url)
	assert(host.server.publish("nobody", "listens") == 0)
end)

host.test("time goes on for tests while the server hibernates", function()
	host.hibernate(true)
	local ticks, time = host.ticks(), CurTime()
	host.wait(function() return host.ticks() >= ticks + 3 end, 10, "three ticks")
	assert(CurTime() == time)
	host.hibernate(false)
end)
