-- unix
-- The connection breaks at each frame of realtime.Profiles, on either side, in virtual time (_profiles_time.lua): where the document is then,
-- who may save, and what each side learns. The table is in docs/profiles.md, and is compared with it.

local kit = include("../_kit.lua")
local new_case = include("_profiles_time.lua").new_case

local ID, LEASE = "76561198000000001", 30

-- A player has 1 coin in Redis. On A he gets a second one; then he moves to B. `way`:
--   "move"  A saves and closes, B opens
--   "take"  B opens while A has him, and has not saved the second coin
--   "hand"  A saves and closes with a hand-over to B, where he arrives two seconds later
local function play(way, frame, lost, dies)
	local case = new_case()
	local world = case.world
	local got = { a = {}, b = {} }
	case.redis.hashes["realtime:profiles:{wallet}:" .. ID] = { data = '{"coins":1}', fence = "1000" }
	local a, a_client = case.server("a")
	local b, b_client = case.server("b")
	local function hear(list, what)
		return function(err, data)
			list[#list + 1] = what .. (err and " " .. err.code or "") .. (istable(data) and " " .. data.coins .. (data.coins == 1 and " coin" or " coins") or "")
		end
	end
	a:On("taken", "test", function() hear(got.a, "taken")() end)
	-- The frame at which the connection breaks: a request of a kind, or a message.
	local struck, cut
	function case.on_asked(client, name, arguments)
		if client.id == frame.who and name == frame.script and (not frame.action or arguments[1] == frame.action) and not struck then struck = true end
	end
	local function strike()
		if frame.message and not struck then
			for _, each in ipairs(case.wire) do
				if each.message and each.client.id == frame.who and each.message:find("^" .. frame.message) then struck = true end
			end
		end
		if not struck or cut then return end
		local client = frame.who == "a" and a_client or b_client
		case.cut(client, lost)
		local fields = case.fields(ID)
		local holder = (fields.holder or "") ~= "" and fields.server or "nobody"
		cut = { at = world.now, coins = world.addon.json.Decode(fields.data).coins, holder = holder }
		if dies then
			case.leave(frame.who == "a" and a or b, false)
			cut.died = frame.who
		end
	end
	local function pass(seconds)
		local stop = world.now + seconds
		while world.now < stop do
			case.pass(0.05, 0.05)
			strike()
		end
	end
	local function wait(seconds, condition)
		local stop = world.now + seconds
		while world.now < stop and not condition() do pass(0.05) end
	end

	local open_a, closed_a, opened_at
	a:Open(ID, function(err, data)
		hear(got.a, "Open")(err, data)
		if err then return end
		open_a = true
		data.coins = 2
		if way == "take" then return end
		a:Save(ID, data, function(problem)
			hear(got.a, "Save")(problem)
			closed_a = true
			a:Close(ID, nil, way == "hand" and { to = "b", hold = 60 } or nil, hear(got.a, "Close"))
		end)
	end)
	wait(20, function() return a_client.valid == false or (way == "take" and open_a or closed_a) end)
	if way == "hand" then pass(2) end
	local asked_at
	local function open_b()
		asked_at = world.now
		b:Open(ID, { timeout = 100 }, function(err, data)
			hear(got.b, "Open")(err, data)
			opened_at = world.now
		end)
	end
	open_b()
	if way == "take" then pass(0.5) end
	wait(100, function() return opened_at or not b_client.valid end)
	pass(15)
	if not b_client.valid then
		-- He joins a third server instead.
		b, b_client = case.server("c")
		open_b()
		wait(100, function() return opened_at end)
		pass(5)
	end
	assert(cut, "the frame did not come")
	assert(#got.b == 1, "B heard " .. #got.b .. " answers")
	local waited = opened_at - asked_at
	assert(waited <= LEASE + 3, "he waited for " .. waited .. " s")
	local outcome = got.b[1] .. (waited > 5 and ", once the lease is over" or "")
	-- Only the unsaved coin of A is lost with it.
	local was_saved = table.HasValue(got.a, "Save") or table.HasValue(got.a, "Close") or not dies
	assert(not was_saved or got.b[1] == "Open 2 coins", "the second coin is gone")
	kit.eq(world.errors, {})
	for _, each in ipairs({ a, b }) do if each.client.valid then case.leave(each, true) end end
	return cut, table.concat(got.a, ", "), outcome
end

local FRAMES = {
	{ "move", who = "a", script = "profiles_open", text = "A: Open" },
	{ "move", who = "a", script = "profiles_save", action = "save", text = "A: Save" },
	{ "move", who = "a", script = "profiles_save", action = "close", text = "A: Close" },
	{ "move", who = "b", script = "profiles_open", text = "B: Open" },
	{ "take", who = "b", script = "profiles_open", text = "B: Open while A has it" },
	{ "take", who = "a", message = "wanted", text = "the message that B wants it" },
	{ "take", who = "a", script = "profiles_renew", text = "A: is it wanted?" },
	{ "take", who = "a", script = "profiles_save", action = "close", text = "A: save and let go" },
	{ "take", who = "b", message = "free", text = "the message that it is free" },
	{ "hand", who = "a", script = "profiles_save", action = "close", text = "A: Close for B" },
	{ "hand", who = "b", message = "handed", text = "the message of the hand-over" },
	{ "hand", who = "b", script = "profiles_open", action = "claim", text = "B: takes it over" },
}

local ROW = "| %s | %s | %s | %s | %s | %s | %s |"

local function rows_of(frame)
	local rows = {}
	for _, lost in ipairs(frame.message and { { "never", "it" } } or { { "never", "the question" }, { "now", "the answer" } }) do
		local cut, a_hears, b_hears = play(frame[1], frame, lost[1], false)
		local _, _, afterwards = play(frame[1], frame, lost[1], true)
		-- A request that is read late, after the first ones of the new connection, changes nothing.
		if not frame.message then
			local _, late_a, late_b = play(frame[1], frame, "later", false)
			kit.eq({ late_a, late_b }, { a_hears, b_hears }, frame.text .. ", read late")
		end
		local holder = cut.holder == "nobody" and "nobody" or cut.holder:upper()
		rows[#rows + 1] = ROW:format(frame.text, lost[2], cut.coins, holder, a_hears, b_hears, afterwards)
	end
	return rows
end

-- The folder in which the host was started; it has changed its folder since.
local function page()
	local ffi = debug.getregistry()._PRELOAD.ffi("ffi")
	pcall(ffi.cdef, [[
		void *popen(const char *command, const char *mode);
		char *fgets(char *text, int size, void *stream);
		int pclose(void *stream);
		char *getenv(const char *name);
	]])
	local here = debug.getinfo(1, "S").source:match("^@(.*)profiles_cuts_once%.lua$")
	if here:sub(1, 1) ~= "/" then here = ffi.string(ffi.C.getenv("PWD")) .. "/" .. here end
	local stream = ffi.C.popen("cat '" .. here .. "../../../docs/profiles.md'", "r")
	local lines, buffer = {}, ffi.new("char[65536]")
	while ffi.C.fgets(buffer, 65536, stream) ~= nil do lines[#lines + 1] = ffi.string(buffer) end
	ffi.C.pclose(stream)
	return table.concat(lines)
end

host.test("the connection breaks at each frame, as the page says", function()
	local rows = {}
	for _, frame in ipairs(FRAMES) do table.Add(rows, rows_of(frame)) end
	local made = table.concat(rows, "\n")
	if not page():find(made, 1, true) then error("the table in docs/profiles.md is to be:\n" .. made, 0) end
end)
