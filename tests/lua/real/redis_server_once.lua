-- Features that only a real redis-server has.

host.test("it answers commands of its own", function()
	assert(host.real.command("PING") == "PONG")
	assert(host.real.command("INFO", "server"):find("redis_version:%d"))
end)

host.test("it can be killed and paused", function()
	host.real.kill()
	assert(not pcall(host.real.command, "PING"))
	host.real.start()
	host.real.pause()
	host.real.resume()
	assert(host.real.command("PING") == "PONG")
end)
