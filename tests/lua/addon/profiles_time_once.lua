-- realtime.Profiles in virtual time (_profiles_time.lua): servers that stand still, answers that are lost, requests that come late.

local kit = include("../_kit.lua")
local new_case = include("_profiles_time.lua").new_case
local ID, LEASE = "76561198000000001", 30

-- Opens it and waits: returns the data, or the error's code; and the time.
local function open(case, profiles, seconds)
	local got, from = nil, case.world.now
	profiles:Open(ID, { timeout = seconds or 100 }, function(err, data) got = { err and err.code or data } end)
	while not got and case.world.now < from + 200 do case.pass(0.1) end
	assert(got, "no answer")
	kit.eq(case.world.errors, {})
	return got[1], case.world.now - from
end
local function save(case, profiles, data)
	local got
	profiles:Save(ID, data, function(err) got = { err and err.code } end)
	while not got do case.pass(0.1) end
	return got[1]
end
local function stored(case) return case.fields(ID).data end
local function finish(case, ...)
	kit.eq(case.world.errors, {})
	for _, profiles in ipairs({ ... }) do case.leave(profiles, true) end
end

host.test("who comes back to a server that stood still gets what counts, not what it had", function()
	local case = new_case()
	local a, a_client = case.server("a")
	local b = case.server("b")
	open(case, a)
	save(case, a, { points = 1 })
	a_client.frozen = true
	local data, waited = open(case, b)
	kit.eq(data, { points = 1 })
	assert(waited > LEASE - 12 and waited < LEASE + 2, waited)
	save(case, b, { points = 2 })
	b:Close(ID)
	case.pass(1)
	a_client.frozen = false
	kit.eq(open(case, a), { points = 2 })
	finish(case, a, b)
end)

host.test("while a server cannot reach Redis it hands out nothing that may be somebody else's by now", function()
	local case = new_case()
	local a, a_client = case.server("a")
	open(case, a)
	save(case, a, { points = 1 })
	a_client.connected = false
	case.cut(a_client, "never")
	case.pass(LEASE + 1)
	kit.eq(a:Get(ID), { points = 1 }, "it may still be its own")
	kit.eq(open(case, a, 5), "TIMEOUT")
	case.connect(a_client)
	kit.eq(open(case, a), { points = 1 })
	finish(case, a)
end)

host.test("a save whose answer was lost is saved again, also if the document is back to what it was", function()
	local case = new_case()
	local a, a_client = case.server("a")
	open(case, a)
	local wallet = { points = 1 }
	save(case, a, wallet)
	wallet.points = 2
	local got
	a:Save(ID, wallet, function(err) got = { err } end)
	case.world.pass(0.05, 0.05)
	case.cut(a_client, "now")
	kit.eq(stored(case), '{"points":2}')
	wallet.points = 1
	a:Save(ID, wallet)
	case.pass(2)
	kit.eq({ stored(case), got }, { '{"points":1}', {} })
	finish(case, a)
end)

host.test("an opening that comes late, after its document was closed, holds nobody up", function()
	local case = new_case()
	local a, a_client = case.server("a")
	local b = case.server("b")
	a:Open(ID, function() end)
	case.world.pass(0.05, 0.05)
	case.cut(a_client, "later")
	case.pass(0.5)
	a:Close(ID, { points = 1 })
	case.pass(0.5)
	kit.eq(case.fields(ID).holder, "")
	case.pass(2)
	kit.eq(case.fields(ID).server, "a")
	assert(case.fields(ID).holder ~= "", "the late one has it")
	local data, waited = open(case, b)
	kit.eq(data, { points = 1 })
	assert(waited < 3, waited)
	finish(case, a, b)
end)

host.test("a clock of Redis that goes back keeps nobody out for longer than the lease, and takes nothing from anybody", function()
	local case = new_case()
	local a = case.server("a")
	local b = case.server("b")
	open(case, a)
	save(case, a, { points = 1 })
	local function ahead(text) return text .. string.format("%.0f", (case.world.now + 3600) * 1e6) end
	-- A request and a lease from before the clock went back.
	case.fields(ID).wanted = ahead("b ")
	case.fields(ID)["until"] = ahead("")
	case.pass(15)
	kit.eq(a:Get(ID), { points = 1 })
	case.leave(a, false)
	case.fields(ID)["until"] = ahead("")
	local data, waited = open(case, b)
	kit.eq(data, { points = 1 })
	assert(waited < LEASE + 2, waited)
	-- A hand-over at an unknown time.
	b:Close(ID)
	case.pass(1)
	local c = case.server("c")
	case.fields(ID).handed = ahead("c 1")
	for _, client in ipairs(case.clients) do
		for _, listener in pairs(client.listeners["channel realtime:profiles:{wallet}"]) do listener.fn("handed " .. ID .. " c 99999") end
	end
	local profile = c.profiles[ID]
	kit.eq({ profile.hold, b.profiles[ID] }, { 3600, nil })
	case.pass(1)
	kit.eq({ c.profiles[ID], case.fields(ID).holder }, { nil, "" })
	finish(case, b, c)
end)

host.test("a save that comes late replaces no later one, and opens nothing again", function()
	local case = new_case()
	local a, a_client = case.server("a")
	local b = case.server("b")
	open(case, a)
	local wallet = { points = 1 }
	save(case, a, wallet)
	wallet.points = 2
	a:Save(ID, wallet)
	case.world.pass(0.05, 0.05)
	case.cut(a_client, "later")
	wallet.points = 3
	a:Close(ID, wallet)
	case.pass(1)
	kit.eq({ stored(case), case.fields(ID).holder }, { '{"points":3}', "" })
	case.pass(2)
	kit.eq({ stored(case), case.fields(ID).holder }, { '{"points":3}', "" }, "after the late one")
	kit.eq(open(case, b), { points = 3 })
	finish(case, a, b)
end)

host.test("a close that was done, and whose answer was lost, is done, also if others have it since", function()
	local case = new_case()
	local a, a_client = case.server("a")
	local b = case.server("b")
	open(case, a)
	save(case, a, { points = 1 })
	local got
	a:Close(ID, { points = 2 }, nil, function(err) got = { err and err.code } end)
	case.world.pass(0.05, 0.05)
	a_client.connected = false
	case.cut(a_client, "now")
	kit.eq(open(case, b), { points = 2 })
	save(case, b, { points = 3 })
	case.connect(a_client)
	case.pass(2)
	kit.eq({ got, stored(case), case.world.lines }, { {}, '{"points":3}', {} })
	finish(case, a, b)
end)

host.test("Save gives up waiting after ten seconds, says that it is open, and goes on", function()
	local case = new_case()
	local a, a_client = case.server("a")
	open(case, a)
	a_client.connected = false
	local got
	a:Save(ID, { points = 1 }, function(err) got = { err.code, err.sent } end)
	case.pass(9)
	kit.eq(got, nil)
	case.pass(2)
	kit.eq(got, { "TIMEOUT", true })
	case.connect(a_client)
	case.pass(1)
	kit.eq(stored(case), '{"points":1}')
	finish(case, a)
end)

host.test("storage that has failed for minutes holds nobody up for longer than the lease, nor does one that hangs after it has failed", function()
	for _, hangs in ipairs({ false, true }) do
		local rows, state = {}, "well"
		local function storage()
			return {
				load = function(id, done) done(nil, rows[id] and table.Copy(rows[id])) end,
				save = function(id, data, _, done)
					if state == "failing" then return done("on purpose") end
					if state == "well" then
						rows[id] = data
						done()
					end
				end,
			}
		end
		local case = new_case()
		local a, b = case.server("a", storage()), case.server("b", storage())
		open(case, a)
		save(case, a, { points = 1 })
		a:Get(ID).points = 2
		state = "failing"
		a:Save(ID)
		-- Now a minute passes between two tries; or it tries again after 16 s, and gets no answer.
		case.pass(hangs and 0.5 or 70)
		if hangs then case.world.realtime.After(10, function() state = "hanging" end) end
		local data, waited = open(case, b)
		kit.eq(data, { points = 1 })
		assert(waited < LEASE + 2, waited)
		state = "well"
		finish(case, a, b)
	end
end)

host.test("four servers that want it at the same time get it one after the other, each with what the one before saved", function()
	local case = new_case()
	local servers, log = {}, {}
	for i = 1, 4 do servers[i] = case.server("s" .. i) end
	for i, profiles in ipairs(servers) do
		profiles:Open(ID, function(err, data)
			assert(not err, err)
			local wallet = data or { list = {} }
			table.insert(wallet.list, i)
			profiles:Save(ID, wallet)
			log[#log + 1] = i
		end)
	end
	case.pass(20)
	kit.eq(#log, 4)
	local last = servers[log[4]]
	kit.eq(last:Get(ID).list, log)
	finish(case, unpack(servers))
end)

host.test("forged messages cost little, and take nothing", function()
	local case = new_case()
	local a, a_client = case.server("a")
	open(case, a)
	save(case, a, 1)
	local asked = 0
	case.on_asked = function() asked = asked + 1 end
	local listener = next(a_client.listeners["channel realtime:profiles:{wallet}"])
	local hear = a_client.listeners["channel realtime:profiles:{wallet}"][listener].fn
	local token = a.profiles[ID].token
	for i = 1, 1000 do
		hear("wanted " .. ID .. " " .. token)
		hear("wanted " .. (i + 1e6) .. " " .. a.prefix .. ("0"):rep(16))
		hear("free " .. (i + 1e6))
		hear("handed " .. (i + 1e6) .. " a 300")
		hear("handed " .. (i + 1e6) .. " b 300")
	end
	assert(asked <= 2, asked)
	case.pass(5)
	assert(asked <= 2 + 64 * 2, asked)
	kit.eq({ a:Get(ID), table.Count(a.profiles) }, { 1, 1 })
	finish(case, a)
end)

host.test("what many players have is renewed in a few calls", function()
	local case = new_case()
	local a = case.server("a")
	local opened = 0
	for i = 1, 250 do
		a:Open(string.format("7656119%010d", 8e9 + i), function() opened = opened + 1 end)
	end
	case.pass(1)
	kit.eq(opened, 250)
	local renewals, renewed = 0, 0
	case.on_executed = function(question)
		if question.name == "profiles_renew" then renewals, renewed = renewals + 1, renewed + #question.keys end
	end
	case.pass(10)
	kit.eq({ renewals, renewed }, { 3, 250 })
	finish(case, a)
end)
