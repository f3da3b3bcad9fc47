-- servers: fake, real; redis: 6.2
-- Everything that the ACL forbids is on the console, with the rules that allow it; if a script listens, in its error.

local kit = include("_kit.lua")

-- Waits for a line of this client's that has all of these in it.
local function says(from, ...)
	local wanted = { ... }
	return kit.wait("a line with " .. table.concat(wanted, " and "), function()
		local lines = host.console()
		for i = from + 1, #lines do
			local has_all = true
			for _, part in ipairs(wanted) do has_all = has_all and lines[i]:find(part, 1, true) end
			if has_all then return lines[i] end
		end
	end)
end

local TYPE = "; to allow it, type into redis-cli: ACL SETUSER "

host.test("of several refused channels each is named, and one line allows all of them", function()
	local from = #host.console()
	local client = kit.connect({ url = kit.user("several", "on >pw ~* resetchannels &chat +@all") })
	for _, channel in ipairs({ "chat", "a", "b", "c d" }) do client:Subscribe(channel, function() end) end
	client:PSubscribe("p.*", function() end)
	client:Publish("e", "x")
	says(from, "NOPERM: ", TYPE .. "several ")
	-- One line, unless the server stood still between two refusals.
	local lines, words
	kit.wait("all of them", function()
		lines, words = {}, {}
		for i = from + 1, #host.console() do
			local line = host.console()[i]
			local word = line:match(string.PatternSafe(TYPE) .. "several (.*)$")
			if word then lines[#lines + 1], words[#words + 1] = line, word end
		end
		assert(#lines <= 2, kit.show(lines))
		lines, words = table.concat(lines, "\n"), " " .. table.concat(words, " ") .. " "
		return lines:find('PUBLISH to "e" failed', 1, true) and lines:find('channel "a"', 1, true)
	end)
	for _, part in ipairs({ 'channel "b"', 'channel "c d"', 'pattern "p.*"' }) do assert(lines:find(part, 1, true), lines) end
	for _, word in ipairs({ "'&a'", "'&b'", "'&c?d'", "'&p.*'", "'&e'" }) do assert(words:find(" " .. word .. " ", 1, true), lines) end
	assert(not words:find("chat", 1, true), words)
	kit.wait("the refusals", function() return client:Stats().refused == 4 end)
	local reason = client:Stats().refused_reason
	for _, part in ipairs({ 'channel "a"', 'channel "b"', 'channel "c d"', 'pattern "p.*"', "'&a'", "'&b'", "'&c?d'", "'&p.*'" }) do
		assert(reason:find(part, 1, true), reason)
	end
	client:Disconnect()
end)

host.test("commands: the right to run them, and where a script waits, in its error", function()
	local from = #host.console()
	local client = kit.connect({ url = kit.user("narrow", "on >pw ~* resetchannels +@all -publish -hset -get") })
	client:Publish("chat", "x")
	client:Command({ "HSET", "players", "a", "b" })
	client:Command({ "HSET", "players", "a", "c" })
	local line = says(from, 'PUBLISH to "chat" failed', "HSET failed", TYPE .. "narrow ")
	assert(line:find("+publish", 1, true) and line:find("+hset", 1, true) and line:find("(1 more)", 1, true), line)
	local answer
	client:Command({ "GET", "players" }, function(err) answer = err end)
	kit.wait("the answer", function() return answer end)
	assert(answer.message:find(TYPE .. "narrow +get", 1, true), answer.message)
	local errors = kit.recorder()
	client:On("error", errors.fn)
	client:Subscribe("chat", function() end)
	kit.wait("the error", function() return #errors == 1 end)
	assert(errors[1][1].err.message:find(TYPE .. "narrow '&chat'", 1, true), errors[1][1].err.message)
	client:Disconnect()
end)

host.test("a client that ends before its line is due has it told", function()
	local from = #host.console()
	local client = kit.connect({ url = kit.user("brief", "on >pw ~* resetchannels +@all") })
	local channel = kit.unique("brief")
	client:Subscribe(channel, function() end)
	kit.wait("the refusal", function() return client:Stats().refused == 1 end)
	-- The figure is updated before the event. An answer comes after it.
	local answered
	client:Ping(function() answered = true end)
	kit.wait("the answer", function() return answered end)
	client:Disconnect()
	says(from, channel, TYPE .. "brief ")
end)
