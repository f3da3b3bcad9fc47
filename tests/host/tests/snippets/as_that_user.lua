-- Runs as the user gmod of docs/owners.md: the user can do what the page says, and nothing more.
local PATIENCE = 10

if host.map_number == 1 then
	host.put("data/realtime.json", string.format(
		'{ "url": "%s", "id": "ttt-1", "options": { "protocol": %d, "verify_delivery": true, "ping_interval": 0.1 } }',
		host.redis_url, host.protocol))
	return host.next_map()
end

local realtime = include("realtime/load.lua")
local client = assert(realtime.Default())

host.run(function()
	local errors = {}
	client:On("error", function(info) errors[info.channel or info.pattern or info.command] = info.err.code end)

	-- Messages, requests, presence, the probes.
	local heard = {}
	client:Subscribe("chat", function(message) heard.chat = message end)
	client:PSubscribe("kills.*", function(message) heard.kills = message end)
	local requests, presence = realtime.Requests(), realtime.Presence()
	requests:Answer("ping", function(data, from, reply) reply(nil, data) end)
	requests:Ask("ttt-1", "ping", "pong", function(err, data) heard.answer = data or tostring(err) end)
	client:Publish("chat", "hello", function(err) assert(not err, err) end)
	client:Publish("kills.ttt-1", "Alice", function(err) assert(not err, err) end)
	client:Ping(function(err) heard.ping = err or "pong" end)
	host.wait(function() return heard.chat and heard.kills and heard.answer and heard.ping end, PATIENCE, "what is allowed")
	assert(heard.answer == "pong" and heard.ping == "pong", heard.answer)
	host.wait(function() return presence:Server("ttt-1") end, PATIENCE, "presence")
	assert(client:Stats().version, "the server's version")
	host.wait(function() return realtime.Time() end, PATIENCE, "the time of day")
	client:Unsubscribe("chat")
	client:PUnsubscribe("kills.*")
	-- Without publishes: probes are sent and come back, without errors.
	local before = client:Stats()
	host.wait(function()
		local now = client:Stats()
		return now.bytes_out > before.bytes_out + 500 and now.bytes_in > before.bytes_in + 500
	end, PATIENCE, "probes")
	assert(next(errors) == nil, next(errors))

	-- Nothing else.
	client:Subscribe("other", function() end)
	client:PSubscribe("kil*", function() end)
	client:Publish("other", "x")
	for _, command in ipairs({ { "GET", "key" }, { "SET", "key", 1 }, { "EVAL", "return 1", 0 }, { "KEYS", "*" }, { "ACL", "LIST" },
		{ "CONFIG", "GET", "*" }, { "FLUSHALL" }, { "CLIENT", "KILL", "TYPE", "normal" } }) do
		local err
		client:Command(command, function(failed) err = failed end)
		host.wait(function() return err end, PATIENCE, command[1])
		assert(err.code == "NOPERM", command[1] .. ": " .. tostring(err))
	end
	host.wait(function() return errors.other and errors["kil*"] and errors.PUBLISH ~= false end, PATIENCE, "the refusals")
	assert(errors.other == "NOPERM" and errors["kil*"] == "NOPERM")
	assert(client:Stats().reconnects == 0)
	host.exit(0)
end)
