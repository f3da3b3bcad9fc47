-- Addons whose hooks end every round, and that remove our timer and our hooks: callbacks continue, or continue with the next calls.

local kit, blockers = include("_kit.lua"), include("_blockers.lua")
local NAME, EVENTS = "realtime.ProcessEvents", { "Think", "Tick" }

local function returns() return true end
local function raises() error("a hook of another addon", 0) end

local function timer_is_back() return timer.Exists(NAME) end
local function hook_is_back(event) return function() return hook.GetTable()[event][NAME] ~= nil end end

-- Runs `fn` while an addon's hooks block ours.
local function blocked(events, fn, go_on)
	for _, event in ipairs(events) do
		kit.wait("our hook", hook_is_back(event))
		blockers.add(event, NAME, fn)
	end
	go_on()
	blockers.remove_all()
end

local function messages()
	local client, got, channel = kit.ready(), kit.recorder(), kit.unique("blocked")
	kit.subscribe(client, channel, got.fn)
	local sent = 0
	return client, function(what)
		sent = sent + 1
		client:Publish(channel, what)
		kit.wait("a message while " .. what, function() return #got == sent end)
	end
end

for event, other in pairs({ Think = "Tick", Tick = "Think" }) do
	host.test("a hook before ours returns something in each " .. event, function()
		local client, arrives = messages()
		blocked({ event }, returns, function()
			timer.Remove(NAME)
			arrives("the timer is gone")
			kit.wait("the timer", timer_is_back)
			timer.Remove(NAME)
			hook.Remove(other, NAME)
			local passed = host.ticks()
			kit.wait("the ticks", function() return host.ticks() > passed + 30 end)
			-- Now only a call can restore it.
			kit.wait("the timer, with calls", function() return client:Stats() and timer_is_back() end)
			arrives("the hook was gone, too")
			kit.wait("the hook", hook_is_back(other))
		end)
		client:Disconnect()
	end)
end

host.test("a hook before ours raises in each Think", function()
	local client, arrives = messages()
	host.expect_errors(1, 1e6)
	blocked({ "Think" }, raises, function()
		timer.Remove(NAME)
		arrives("the timer is gone")
		kit.wait("the timer", timer_is_back)
	end)
	client:Disconnect()
end)

local function remove_all()
	timer.Remove(NAME)
	for _, event in ipairs(EVENTS) do hook.Remove(event, NAME) end
end

local function block_all()
	blocked(EVENTS, returns, function()
		timer.Remove(NAME)
		kit.ticks(30)
		remove_all()
	end)
end

for method, stop in pairs({ IsConnected = remove_all, Clients = remove_all, Publish = block_all }) do
	host.test("no tick comes, and " .. method .. " is called now and then", function()
		local client, arrives = messages()
		stop()
		kit.ticks(5)
		assert(not timer.Exists(NAME), "something put it back")
		kit.wait("the timer", function()
			kit.ticks(5)
			if method == "Clients" then realtime.Clients() else client[method](client, kit.unique("none"), "") end
			return timer_is_back()
		end)
		arrives("calls came")
		for _, event in ipairs(EVENTS) do kit.wait("the hook", hook_is_back(event)) end
		client:Disconnect()
	end)
end

host.test("a tick has one round, however many there are to begin it", function()
	local client, got, channel = kit.ready(), {}, kit.unique("rounds")
	for _, event in ipairs(EVENTS) do kit.wait("our hook", hook_is_back(event)) end
	kit.wait("the timer", timer_is_back)
	kit.subscribe(client, channel, function() got[host.ticks()] = (got[host.ticks()] or 0) + 1 end)
	-- Even a budget of zero runs one callback.
	realtime.SetTickBudget(0)
	for _ = 1, 50 do client:Publish(channel, "x") end
	local function all()
		local ran = 0
		for _, here in pairs(got) do ran = ran + here end
		return ran == 50
	end
	kit.wait("all of them", all)
	for _, here in pairs(got) do kit.eq(here, 1) end
	realtime.SetTickBudget(0.002)
	client:Disconnect()
end)
