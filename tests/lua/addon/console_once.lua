-- The console commands.

local SECRET = "pa55word-of-the-test"
if host.map_number == 1 then
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "ttt-1", "options": { "reconnect_max": 0.2 } }',
		host.redis_url))
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local from = 0
local function said(text)
	local lines = {}
	for i, line in ipairs(host.console()) do if i > from then lines[#lines + 1] = line end end
	local all = table.concat(lines, "\n")
	return text == nil and all or all:find(text, 1, true) ~= nil
end
local function clear() from = #host.console() end
local function shows(text) kit.wait("'" .. text .. "' on the console; there is:\n" .. said(), function() return said(text) end) end
local function publish(channel, message) kit.publish(realtime.Default(), channel, message) end
local function subscribed() kit.subscribe(realtime.Default(), kit.unique("fence"), function() end) end

host.test("status shows every client with its figures", function()
	local client, channel = realtime.Default(), kit.unique("c")
	kit.wait("ready", function() return client:Stats().protocol end)
	client:Subscribe(channel, function() end)
	for i = 1, 3 do kit.publish(client, channel, i) end
	client:Ping()
	kit.wait("three and a ping", function() return client:Stats().delivered == 3 and client:Stats().round_trip end)
	clear()
	RunConsoleCommand("realtime_status")
	for _, part in ipairs({
		'this server is "ttt-1"', "realtime.Default at 127.0.0.1:", ": ready", "redis 7", "RESP3 at 127.0.0.1:", "round trip", " ms", "received       3",
		"3 handed to callbacks", "published      3", "dropped        0 (0 overflow, 0 too large)", "subscriptions  1, 1 confirmed",
		"      confirmed    " .. channel .. ", 1 callbacks",
		"reconnects",
	}) do
		assert(said(part), part .. " is not in:\n" .. said())
	end
	kit.wait("rates", function()
		publish(channel, "x")
		clear()
		RunConsoleCommand("realtime_status")
		return said():find("received       %d+ %(%d+%.%d/s%)") and said():find("published      %d+ %(%d+%.%d/s%)")
	end)
end)

host.test("ping answers for every client, also one that is not there", function()
	local other = realtime.Connect("redis://127.0.0.1:1", { id = "nobody", command_timeout = 0.05 })
	other:On("down", function() end)
	clear()
	RunConsoleCommand("realtime_ping")
	assert(said():find("nobody at [^\n]*: %l+; the ping waits for the connection"), said())
	assert(select(2, said():gsub("waits for", "")) == 1, "only of the one that is away")
	kit.wait("a failure", function() return other:Stats().error end)
	RunConsoleCommand("realtime_status")
	assert(said():find("nobody at 127%.0%.0%.1:1: %l+, REFUSED: "), said())
	kit.wait("both", function() return said():find("realtime%.Default at [^\n]*: %d+%.%d+ ms") and said():find("nobody at [^\n]*: %u+: ") end)
	other:Disconnect()
end)

host.test("tail shows a channel and a pattern, until told again", function()
	local channel = kit.unique("watched")
	clear()
	RunConsoleCommand("realtime_tail")
	assert(said("usage: realtime_tail CHANNEL"))
	RunConsoleCommand("realtime_tail", channel)
	subscribed()
	publish(channel, "hello\27[2J\nthere")
	shows("[" .. channel .. "] hello\\x1b[2J\\x0athere")
	publish(channel, ("x"):rep(5000))
	shows(("x"):rep(200) .. " … (5000 bytes)")
	-- A large message does not become a string.
	publish(channel, ("x"):rep(65536))
	shows(("x"):rep(200) .. " … (65536 bytes)")
	publish(channel, ("x"):rep(65537))
	shows("[" .. channel .. "] … (65537 bytes)")
	RunConsoleCommand("realtime_tail", channel .. "*")
	subscribed()
	clear()
	publish(channel, "twice")
	kit.wait("both", function() return select(2, said():gsub("twice", "")) == 2 end)
	RunConsoleCommand("realtime_tail", channel)
	clear()
	publish(channel, "once")
	shows("once")
	kit.ticks(3)
	kit.eq(select(2, said():gsub("once", "")), 1)
	RunConsoleCommand("realtime_tail")
	assert(said(channel .. "* is no longer shown"))
	clear()
	publish(channel, "never")
	kit.ticks(3)
	assert(not said("never"))
	kit.eq(realtime.Default():Stats().subscriptions > 0, true)
end)

host.test("no line of a tail passes for one of ours, and none steers the terminal", function()
	clear()
	RunConsoleCommand("realtime_tail", "realtim*")
	subscribed()
	publish("realtime", "forged")
	shows('["realtime"] forged')
	publish("realtime] connected to x", "forged")
	shows('["realtime] connected to x"] forged')
	RunConsoleCommand("realtime_tail", "realtim*")
	for _, end_it in ipairs({ "\27[2J", "" }) do
		RunConsoleCommand("realtime_tail", "\27[2J")
		RunConsoleCommand("realtime_tail", end_it)
	end
	assert(said("showing \\x1b[2J") and said("\\x1b[2J is no longer shown") and not said("\27"), said())
end)

host.test("a server that hangs up again and again is told of once in a while", function()
	local client, from = realtime.Default(), SysTime()
	clear()
	for _ = 1, 6 do
		local reconnects = client:Stats().reconnects
		host.server.drop()
		kit.wait("the way back", function() return client:Stats().reconnects > reconnects and client:IsConnected() end)
		kit.ticks(2)
	end
	local lines = select(2, said():gsub("connected to redis", ""))
	-- One line of each kind in ten seconds.
	assert(lines <= 3 + (SysTime() - from) / 10, lines .. " lines for 6 connections")
end)

host.test("tail takes a channel with colons, at which the game's console splits arguments", function()
	local channel = kit.unique("with") .. ":a:b"
	for _, typed in ipairs({ channel, '"' .. channel .. '"' }) do
		local arguments = typed == channel and { channel:match("^[^:]+"), ":", "a", ":", "b" } or { channel }
		clear()
		concommand.Run(NULL, "realtime_tail", arguments, typed)
		subscribed()
		publish(channel, "hello")
		shows("[" .. channel .. "] hello")
		concommand.Run(NULL, "realtime_tail", arguments, typed)
		assert(said(channel .. " is no longer shown"))
	end
end)

host.test("a flood does not become one of the console", function()
	local channel = kit.unique("flood")
	RunConsoleCommand("realtime_tail", channel)
	subscribed()
	clear()
	for i = 1, 2000 do realtime.Default():Publish(channel, "flood" .. i) end
	kit.wait("the count", function() return said():find("and %d+ more messages within a second") end)
	local lines = select(2, said():gsub("flood%d", ""))
	assert(lines >= 50 and lines < 1000, lines .. " lines")
	RunConsoleCommand("realtime_tail", channel)
end)

host.test("debug shows every change of state of every client, and no secret", function()
	RunConsoleCommand("realtime_debug", 1)
	clear()
	local address = host.new_fake({ password = "another" }).url():match("127%.0%.0%.1:%d+")
	local client = realtime.Connect("redis://:" .. SECRET .. "@" .. address, { id = "debugged" })
	shows("[realtime] debugged at ")
	kit.wait("its states", function() return said(": down (") and said("waiting") and said("WRONGPASS") end)
	assert(not said(SECRET), said())
	client:Disconnect()
	kit.wait("its end", function() return said():find("debugged at [^\n]* %-> closed") end)
	clear()
	host.server.drop()
	kit.wait("the way back of the other", function() return said("[realtime] realtime.Default at") and said(": down (") and said(": ready (") end)
	clear()
	RunConsoleCommand("realtime_debug", 0)
	local reconnects = realtime.Default():Stats().reconnects
	host.server.drop()
	kit.wait("again", function() return realtime.Default():Stats().reconnects > reconnects end)
	kit.ticks(3)
	assert(not said(": down ("), said())
	RunConsoleCommand("realtime_debug")
	assert(said("usage: realtime_debug 1"))
end)

-- A player, and the lines in the console of the game.
local function somebody(group)
	local ply = host.players.add()
	ply:SetUserGroup(group)
	return ply, host.players.seen(ply).console
end

host.test("a superadmin may, and reads the answer in the game; nobody else may", function()
	for _, name in ipairs({ "realtime_status", "realtime_ping", "realtime_tail", "realtime_debug" }) do
		local ply, lines = somebody("admin")
		clear()
		host.players.command(ply, name .. " secrets")
		kit.eq(lines, { name .. " is for superadmins" })
		kit.eq(said(), "")
	end
	local channel = kit.unique("theirs")
	local ply, lines = somebody("superadmin")
	clear()
	host.players.command(ply, "realtime_status")
	assert(#lines > 5 and lines[1]:find("ttt-1", 1, true))
	kit.eq(said(), "")
	host.players.command(ply, "realtime_tail " .. channel)
	subscribed()
	publish(channel, "for them")
	kit.wait("their line", function() return lines[#lines] == "[" .. channel .. "] for them" end)
	assert(not said("for them"))
	-- The tail of a leaving player ends without a line in the console.
	host.players.command(ply, "realtime_debug 1")
	local other = kit.unique("other")
	host.players.command(ply, "realtime_tail " .. other)
	subscribed()
	local wanted = realtime.Default():Stats().subscriptions
	local before = #lines
	host.players.leave(ply)
	kit.wait("the end of both tails", function() return realtime.Default():Stats().subscriptions == wanted - 2 end)
	clear()
	local reconnects = realtime.Default():Stats().reconnects
	host.server.drop()
	kit.wait("the way back", function() return realtime.Default():Stats().reconnects > reconnects end)
	kit.eq({ #lines, said(": down (") }, { before, false })
end)
