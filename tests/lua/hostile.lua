-- A server that sends invalid data: the client continues or reports why not, without using memory for it.

local kit = include("_kit.lua")

local function quick(url, more)
	local options = { url = url, reconnect_min = 0.01, reconnect_max = 0.05, connect_timeout = 20, ping_interval = 1,
		ping_timeout = 50 }
	for k, v in pairs(more or {}) do options[k] = v end
	return options
end

local function bulk(text) return "$" .. #text .. "\r\n" .. text .. "\r\n" end

-- A push in the form of each version.
local function push(...)
	local parts = { (host.protocol == 2 and "*" or ">") .. select("#", ...) .. "\r\n" }
	for _, part in ipairs({ ... }) do parts[#parts + 1] = part end
	return table.concat(parts)
end

local function works(client, channel)
	kit.wait("ready", function() return client:IsConnected() end)
	local heard = false
	kit.subscribe(client, channel, "works", function(message) heard = heard or message == "works" end)
	kit.wait("a message", function()
		if not heard then client:Publish(channel, "works") host.pass(2) end
		return heard
	end)
	client:Unsubscribe(channel, "works")
end

-- Unexpected data on the subscriptions' link; whether it ends the link; ping_timeout.
local blue = {
	["a push of no kind"] = { push(), "either" },
	["a push of one element"] = { push(bulk("message")), "either" },
	["a message without payload"] = { push(bulk("message"), bulk("chat")), "either" },
	["a message with four elements"] = { push(bulk("message"), bulk("chat"), bulk("x"), bulk("y")), "lives" },
	["a message on a channel never subscribed"] = { push(bulk("message"), bulk("never"), bulk("x")), "lives" },
	["a pattern's message never subscribed"] = { push(bulk("pmessage"), bulk("n*"), bulk("never"), bulk("x")), "lives" },
	["a message that is a number"] = { push(bulk("message"), bulk("chat"), ":17\r\n"), "lives" },
	["a message that is a list"] = { push(bulk("message"), bulk("chat"), "*1\r\n:1\r\n"), "lives" },
	["a message on a number"] = { push(bulk("message"), ":1\r\n", bulk("x")), "lives" },
	["a null message"] = { push(bulk("message"), bulk("chat"), "$-1\r\n"), "lives" },
	["a push whose kind is a list"] = { push("*1\r\n" .. bulk("message"), bulk("chat"), bulk("x")), "either" },
	["a confirmation nobody asked for"] = { push(bulk("subscribe"), bulk("never"), ":1\r\n"), "lives" },
	["a confirmation without a count"] = { push(bulk("subscribe"), bulk("chat")), "lives" },
	["a confirmation of a list"] = { push(bulk("subscribe"), "*0\r\n", ":1\r\n"), "lives" },
	["an end of nothing"] = { push(bulk("unsubscribe"), "$-1\r\n", ":0\r\n"), "lives" },
	["an end of a subscription that stands"] = { push(bulk("unsubscribe"), bulk("chat"), ":0\r\n"), "down" },
	["a kind unheard of"] = { push(bulk("sunk"), bulk("chat"), bulk("x")), "either" },
	["an invalidation"] = { push(bulk("invalidate"), "*1\r\n" .. bulk("k")), "either" },
	["an answer to nothing"] = { "+OK\r\n", "down" },
	["an error to nothing"] = { "-ERR go away\r\n", "down" },
	-- It is skipped as a text that is too large, until its missing rest ends the link: here after a second.
	["a length beyond any"] = { "$99999999999999999999\r\n", "down", 1 },
	["a negative length"] = { "$-7\r\n", "down" },
	["a list beyond any"] = { "*99999999999\r\n", "down" },
	["a type unheard of"] = { "?1\r\n", "down" },
	["HTTP"] = { "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "down" },
	["lists within lists"] = { ("*1\r\n"):rep(100000), "down" },
	["a null byte"] = { "\0", "down" },
}

host.test("out of the blue", function()
	for what, case in pairs(blue) do
		local server = host.new_fake()
		local client = kit.ready(quick(server.url(), { ping_timeout = case[3] }))
		local downs, got = kit.recorder(), kit.recorder()
		client:On("down", downs.fn)
		client:On("gap", function() end)
		kit.subscribe(client, "chat", got.fn)
		kit.wait("it", function() return server.subscribers("chat") == 1 end)
		local link
		for _, connection in ipairs(server.connections()) do
			for _, channel in ipairs(connection.channels) do
				if channel == "chat" then link = connection.id end
			end
		end
		server.send(link, case[1])
		if case[2] == "down" then
			kit.wait(what .. ": down", function() return #downs > 0 end)
			assert(downs[1][1].err.code == "PROTOCOL" or downs[1][1].err.code == "DISCONNECTED" or downs[1][1].err.code == "ERR",
				what .. ": " .. tostring(downs[1][1].err))
		end
		works(client, "after")
		if case[2] == "lives" then kit.eq(#downs, 0, what .. ": " .. kit.show(downs)) end
		server.publish("chat", "still")
		kit.wait(what .. ": a message", function() return #got > 0 and got[#got][1] == "still" end)
		client:Disconnect()
	end
end)

host.test("a handshake of nonsense", function()
	for what, answer in pairs({
		ok = "+OK\r\n", number = ":3\r\n", null = "_\r\n", null2 = "$-1\r\n", empty = "%0\r\n", list = "*0\r\n", odd = "*1\r\n:1\r\n",
		keys = "%2\r\n_\r\n:1\r\n,nan\r\n:2\r\n", deep = ("*1\r\n"):rep(200) .. ":1\r\n", long = "$600000000\r\n",
		push = ">1\r\n+hello\r\n", err = "-\r\n", spaces = "-  \r\n", twice = "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
		proto = "%1\r\n$5\r\nproto\r\n:99\r\n", attribute = "|1\r\n+a\r\n+b\r\n", bytes = "\255\254\253\r\n", crlf = "\r\n\r\n",
		nan = ",nan\r\n", big = "(99999999999999999999999\r\n", stream = "$?\r\n;4\r\nabcd\r\n", ends = ".\r\n",
	}) do
		local server = host.new_fake()
		local client = kit.connect(quick(server.url(), { connect_timeout = 0.1 }))
		client:On("down", function() end)
		for _, command in ipairs({ "hello", "client", "info" }) do server.on_next(command, "answer", answer) end
		kit.wait(what .. ": ready in the end", function() return client:IsConnected() end)
		works(client, "after")
		client:Disconnect()
	end
end)

host.test("answers of all shapes", function()
	local server = host.new_fake()
	local client = kit.ready(quick(server.url()))
	client:On("down", function() end)
	local fine = {
		[":1\r\n"] = true, ["%2\r\n_\r\n:1\r\n,nan\r\n:2\r\n"] = true, ["%1\r\n*1\r\n:1\r\n:2\r\n"] = true, ["~2\r\n:1\r\n:1\r\n"] = true,
		[("*1\r\n"):rep(120) .. ":1\r\n"] = true, ["|1\r\n+a\r\n+b\r\n:1\r\n"] = true, ["*1\r\n-ERR inside\r\n"] = true,
		["$?\r\n;4\r\nabcd\r\n;0\r\n"] = true, ["*?\r\n:1\r\n.\r\n"] = true, ["=5\r\ntxt:x\r\n"] = true, ["(123456789012345678901234567890\r\n"] = true,
		["!5\r\nERR x\r\n"] = true, [">2\r\n+foo\r\n+bar\r\n:1\r\n"] = true, ["%1\r\n-ERR key\r\n:1\r\n"] = true,
		["*-1\r\n"] = true, ["*300000\r\n" .. ("*0\r\n"):rep(300000)] = true, ["-\r\n"] = true, ["-   \r\n"] = true,
		[("*1\r\n"):rep(130) .. ":1\r\n"] = true, [("*1\r\n"):rep(70000) .. ":1\r\n"] = false, ["$4\r\nabcdef\r\n"] = false, [":abc\r\n"] = false, ["#x\r\n"] = false,
		[",\r\n"] = false, ["%-5\r\n"] = false, ["=2\r\nab\r\n"] = false,
	}
	for answer, lives in pairs(fine) do
		kit.wait("ready", function() return client:IsConnected() end)
		server.on_next("get", "answer", answer)
		local err = kit.command(client, { "GET", "k" })
		if lives then
			assert(not err or (err.code ~= "DISCONNECTED" and err.code ~= "PROTOCOL"), kit.show(answer:sub(1, 40)) .. ": " .. tostring(err))
		else
			assert(err and (err.code == "PROTOCOL" or err.code == "DISCONNECTED"), kit.show(answer:sub(1, 40)) .. ": " .. tostring(err))
		end
	end
	works(client, "after")
	client:Disconnect()
end)

host.test("half an answer, then silence", function()
	local server = host.new_fake()
	local client, downs = kit.ready(quick(server.url(), { ping_interval = 60 })), kit.recorder()
	client:On("down", downs.fn)
	server.on_next("get", "answer", "$103\r\nhalf")
	local err
	repeat
		err = kit.command(client, { "GET", "k" }, 0.05)
		kit.eq(err.code, "TIMEOUT")
		-- A command whose timeout ended before it was sent has no answer, not even half of one.
	until err.sent
	-- A PING's answer is eaten by the rest of that string, which then ends: out of step at the latest.
	kit.wait("it is noticed", function() client:Ping() return #downs > 0 end)
	works(client, "after")
	client:Disconnect()
end)

-- Sends pieces for ever and looks at memory.
local function endless(start, piece, pieces)
	local server = host.new_fake()
	local client, told = kit.ready(quick(server.url(), { ping_interval = 60 })), kit.recorder()
	client:On("down", told.fn)
	client:On("dropped", told.fn)
	client:On("error", told.fn)
	collectgarbage()
	local link = server.connections()[1].id
	local before = host.rss()
	server.on_next("get", "answer", start)
	client:Command({ "GET", "k" }, told.fn)
	kit.wait("the question", function() return server.received("GET") == 1 end)
	for i = 1, pieces do
		server.send(link, piece)
		kit.wait("room", function()
			for _, connection in ipairs(server.connections()) do
				if connection.id == link then return connection.unsent < 1000000 end
			end
			return true
		end)
	end
	local grown = host.rss() - before
	client:Disconnect()
	return grown, told
end

host.test("endless answers take no memory", function()
	local PIECES, MOST = 40, 48 * 1024 * 1024
	for what, case in pairs({
		string = { "$500000000\r\n", ("x"):rep(1000000) },
		stream = { "$?\r\n", (";10000\r\n" .. ("x"):rep(10000) .. "\r\n"):rep(100) },
		list = { "*16000000\r\n", ("$1\r\nx\r\n"):rep(100000) },
		nulls = { "*16000000\r\n", ("_\r\n"):rep(100000) },
		lists = { "*16000000\r\n", ("*0\r\n"):rep(100000) },
		open = { "*?\r\n", (":1\r\n"):rep(100000) },
		map = { "%?\r\n", (":1\r\n"):rep(100000) },
		line = { "+", ("x"):rep(1000000) },
		attributes = { "", ("|1\r\n+a\r\n+b\r\n"):rep(50000) },
		pushes = { "", (">2\r\n+a\r\n+b\r\n"):rep(50000) },
	}) do
		local grown = endless(case[1], case[2], PIECES)
		assert(grown < MOST, what .. ": " .. grown .. " bytes")
	end
end)
