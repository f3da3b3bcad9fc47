-- servers: real
-- Mistakes in the way a helper's function is called: with a dot in place of a colon, or the other way round.

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")

-- Each method of the helpers, with what its error calls the object.
local function objects()
	local client = kit.ready()
	local made = {}
	for _, name in ipairs({ "Tables", "Requests", "Presence", "Players", "Durable" }) do made[name] = assert(realtime[name](client, kit.unique("s"))) end
	for _, name in ipairs({ "Shared", "Profiles" }) do made[name] = assert(realtime[name](kit.unique("t"), name == "Shared" and {} or client, name == "Shared" and client or "s")) end
	return made, client
end

host.test("a method that is called with a dot says so, at the line of the call", function()
	local made, client = objects()
	local count = 0
	for name, object in SortedPairs(made) do
		for method, fn in SortedPairs(getmetatable(object).__index) do
			for _, self in ipairs({ "nothing", "a text", "another object" }) do
				local wrong = nil
				if self == "a text" then wrong = "chat" elseif self == "another object" then wrong = client end
				local fine, problem = pcall(function() fn(wrong, function() end) end)
				local expected = string.format("bad self to '%s' (Realtime%s expected, got %s; methods are called with a colon: %s:%s(…))", method, name,
					type(wrong), name:lower(), method)
				kit.eq({ fine, problem:match("^tests/lua/addon/methods.lua:%d+: (.*)$") }, { false, expected }, name .. "." .. method .. " on " .. self)
				count = count + 1
			end
		end
	end
	assert(count > 100, count)
	client:Disconnect()
end)

host.test("a constructor that is called with a colon says so", function()
	for _, name in ipairs({ "Tables", "Requests", "Presence", "Players", "Durable", "Shared", "Profiles" }) do
		kit.raises("^tests/lua/addon/methods.lua:%d+: '" .. name .. "' is called with a dot: realtime." .. name .. "%(", function() realtime[name](realtime, "bans") end)
	end
end)

host.test("a function that is called with a colon says so", function()
	for _, name in ipairs({ "Encode", "Decode", "After", "Every", "StopTimer", "Once", "Check", "Async", "Await", "Sleep" }) do
		kit.raises("^tests/lua/addon/methods.lua:%d+: '" .. name .. "' is called with a dot: realtime." .. name .. "%(", function() realtime[name](realtime, 1, print) end)
	end
end)

host.test("a wrong client or id raises at the line of the call, for each constructor", function()
	local client = kit.ready()
	for _, name in ipairs({ "Tables", "Requests", "Presence", "Players", "Durable", "Shared", "Profiles" }) do
		local has_name = name == "Shared" or name == "Profiles"
		local function make(...) if has_name then return realtime[name]("bans", ...) end return realtime[name](...) end
		kit.raises("^tests/lua/addon/methods.lua:%d+: bad argument #%d to '" .. name .. "'", function() make("x", "s") end)
		kit.raises("^tests/lua/addon/methods.lua:%d+: bad argument #%d to '" .. name .. "' %(a server's id", function() make(client, "two words") end)
	end
	client:Disconnect()
end)
