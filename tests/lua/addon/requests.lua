-- servers: fake, real
-- Requests and answers: two clients stand for two servers.

local kit = include("../_kit.lua")

local function two()
	local one, two = realtime.Requests(kit.ready(), kit.unique("one")), realtime.Requests(kit.ready(), kit.unique("two"))
	-- Both listen, so requests reach them from now on.
	for _, requests in ipairs({ one, two }) do kit.subscribe(requests.client, kit.unique("fence"), function() end) end
	return one, two
end

local function close(...)
	for _, requests in ipairs({ ... }) do requests.client:Disconnect() end
end

local function ask(requests, ...)
	local arguments = { ... }
	local answers = kit.recorder()
	local server, name, data, seconds = unpack(arguments, 1, 4)
	assert(requests:Ask(server, name, data, answers.fn, seconds))
	kit.wait("the answer to " .. name, function() return #answers >= 1 end)
	kit.ticks(2)
	kit.eq(#answers, 1, "answers")
	return answers[1][1], answers[1][2]
end

-- The TIMEOUT of a request to "never": of the missing answer, not of a publish that takes too long.
local function ask_in_vain(requests, server)
	local err
	kit.wait("a TIMEOUT that names the request", function()
		err = ask(requests, server, "never", nil, 0.05)
		kit.eq(err.code, "TIMEOUT")
		return err.message:find("never", 1, true)
	end)
	return err
end

host.test("the addon's own errors concatenate, too", function()
	local one, two = two()
	local err = ask(one, two:Id(), "no such name")
	kit.eq({ "failed: " .. err, err .. err, 5 .. err }, { "failed: " .. tostring(err), tostring(err) .. tostring(err), "5" .. tostring(err) })
	assert(tostring(err):find("^UNKNOWN: "), tostring(err))
	close(one, two)
end)

host.test("an answer comes back, at once or later, with the asker's id known", function()
	local one, two = two()
	local later
	two:Answer("price", function(data, from, reply) reply(nil, { item = data.item, asked_by = from, price = 5 }) end)
	two:Answer("slow", function(_, _, reply) later = reply end)
	kit.eq({ ask(one, two:Id(), "price", { item = "crowbar" }) }, { nil, { item = "crowbar", asked_by = one:Id(), price = 5 } })
	local got = kit.recorder()
	one:Ask(two:Id(), "slow", nil, got.fn)
	kit.wait("the request", function() return later end)
	kit.eq(later(nil, "done"), true)
	kit.eq(later(nil, "twice"), false)
	kit.wait("the late answer", function() return #got == 1 end)
	kit.ticks(3)
	kit.eq({ #got, got[1][2] }, { 1, "done" })
	close(one, two)
end)

host.test("a server can ask itself, and many at once keep apart", function()
	local one, two = two()
	one:Answer("double", function(n, _, reply) reply(nil, n * 2) end)
	two:Answer("double", function(n, _, reply) reply(nil, n * 200) end)
	local got = {}
	for i = 1, 100 do
		one:Ask(one:Id(), "double", i, function(err, n) got[#got + 1] = assert(not err) and n == i * 2 end)
		one:Ask(two:Id(), "double", i, function(err, n) got[#got + 1] = assert(not err) and n == i * 200 end)
	end
	kit.wait("all", function() return #got == 200 end)
	for i = 1, 200 do assert(got[i] == true) end
	close(one, two)
end)

host.test("nobody there is told at once, long before the timeout", function()
	local one, two = two()
	local err, data = ask(one, kit.unique("nobody"), "price", {}, 1000)
	kit.eq({ err.code, err.sent, data }, { "NOBODY", true })
	assert(tostring(err):find("^NOBODY: no server with the id"), tostring(err))
	close(one, two)
end)

host.test("no answer in time is a TIMEOUT, on an empty server too", function()
	local one, two = two()
	two:Answer("never", function() end)
	host.hibernate(true)
	local err = ask_in_vain(one, two:Id())
	host.hibernate(false)
	assert(err.message:find("0.05 s", 1, true), err.message)
	close(one, two)
end)

host.test("the timer may be removed meanwhile, and the hook", function()
	local one, two = two()
	two:Answer("never", function() end)
	timer.Remove("realtime.Addon")
	kit.eq(ask(one, two:Id(), "never", nil, 0.05).code, "TIMEOUT")
	hook.Remove("Think", "realtime.Addon")
	timer.Remove("realtime.Addon")
	kit.eq(ask(one, two:Id(), "never", nil, 0.05).code, "TIMEOUT")
	close(one, two)
end)

host.test("work of the tick that raises is reported, and stops nothing", function()
	local one, two = two()
	two:Answer("never", function() end)
	host.expect_errors(1)
	realtime.addon.AddTask("bad", function()
		realtime.addon.RemoveTask("bad")
		error("in the tick")
	end)
	kit.eq(ask(one, two:Id(), "never", nil, 0.05).code, "TIMEOUT")
	kit.eq(#host.errors(), 1)
	assert(timer.Exists("realtime.Addon"))
	close(one, two)
end)

host.test("a request that nobody answers on that server is told at once", function()
	local one, two = two()
	two:Answer("gone", function(_, _, reply) reply() end)
	kit.eq({ ask(one, two:Id(), "gone", nil, 1000) }, {})
	two:Answer("gone", nil)
	local err = ask(one, two:Id(), "gone", nil, 1000)
	kit.eq(err.code, "UNKNOWN")
	assert(err.message:find("gone", 1, true), err.message)
	close(one, two)
end)

host.test("errors travel: texts, tables, and those that were raised, which are reported there", function()
	local one, two = two()
	two:Answer("text", function(_, _, reply) reply("sold out") end)
	two:Answer("table", function(_, _, reply) reply({ code = "POOR", message = "5 needed" }, { have = 3 }) end)
	two:Answer("raises", function() error("secret of two") end)
	two:Answer("nan", function(_, _, reply) reply(nil, { a = 0 / 0 }) end)
	local err = ask(one, two:Id(), "text")
	kit.eq({ err.code, err.message, tostring(err) }, { "ERROR", "sold out", "ERROR: sold out" })
	local data
	err, data = ask(one, two:Id(), "table")
	kit.eq({ err.code, err.message, data }, { "POOR", "5 needed", { have = 3 } })
	host.expect_errors(2)
	local before = #host.errors()
	err = ask(one, two:Id(), "raises", nil, 1000)
	kit.eq(err.code, "FAILED")
	assert(not err.message:find("secret", 1, true), err.message)
	assert(host.errors()[before + 1]:find("secret of two", 1, true))
	kit.eq(ask(one, two:Id(), "nan", nil, 1000).code, "FAILED")
	assert(host.errors()[before + 2]:find("data.a: NaN", 1, true), host.errors()[before + 2])
	close(one, two)
end)

host.test("a callback that raises does not stop the others", function()
	local one, two = two()
	two:Answer("never", function() end)
	host.expect_errors(1)
	local got = kit.recorder()
	one:Ask(two:Id(), "never", nil, function() error("in the callback") end, 0.02)
	one:Ask(two:Id(), "never", nil, got.fn, 0.03)
	kit.wait("the other one", function() return #got == 1 end)
	close(one, two)
end)

host.test("a client that is closed answers what is open, and refuses what comes", function()
	local one, two = two()
	two:Answer("never", function() end)
	local got = kit.recorder()
	local heard = false
	two:Answer("never", function() heard = true end)
	one:Ask(two:Id(), "never", nil, got.fn, 1000)
	kit.wait("the request", function() return heard end)
	one.client:Disconnect()
	kit.wait("the end", function() return #got == 1 end)
	kit.eq(got[1][1].code, "CLOSED")
	local accepted, err = one:Ask(two:Id(), "never", nil, got.fn)
	kit.eq({ accepted, err.code }, { false, "CLOSED" })
	kit.ticks(3)
	kit.eq(#got, 1, "a refused request has no answer")
	close(two)
end)

host.test("bad arguments and NaN raise; strange messages do no harm", function()
	local one, two = two()
	kit.raises("#1", one.Ask, one, nil, "x", nil, print)
	kit.raises("#2", one.Ask, one, "x", nil, nil, print)
	kit.raises("#4", one.Ask, one, "x", "y", nil)
	kit.raises("#5", one.Ask, one, "x", "y", nil, print, 0)
	kit.raises("#5", one.Ask, one, "x", "y", nil, print, 0 / 0)
	kit.raises("'Ask' \"y\": data%.z: NaN", one.Ask, one, "x", "y", { z = 0 / 0 }, print)
	kit.raises("#1", one.Answer, one, nil, print)
	kit.raises("#2", one.Answer, one, "x", 5)
	local channel = "realtime:requests:" .. two:Id()
	local elsewhere = kit.recorder()
	one.client:Subscribe("elsewhere", elsewhere.fn)
	for _, text in ipairs({
		"x", "[]", '{"from":"a","data":5}', '{"from":"a","data":{}}',
		'{"from":"a","data":{"request":"ok","number":1,"answer_to":"elsewhere"}}',
	}) do
		one.client:Publish(channel, text)
	end
	for _, text in ipairs({ "x", '{"from":"a","data":5}', '{"from":"a","data":{"number":99,"data":1}}' }) do
		one.client:Publish(one.answers, text)
	end
	two:Answer("ok", function(_, _, reply) reply(nil, "fine") end)
	kit.eq({ ask(one, two:Id(), "ok") }, { nil, "fine" })
	kit.eq(#elsewhere, 0, "answers on a channel that is none for answers")
	close(one, two)
end)
