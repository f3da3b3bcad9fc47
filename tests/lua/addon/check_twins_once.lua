-- servers: real; redis: 6.2
-- realtime_check on two servers at about the same time: both learn what is wrong with both, and what to do is the same.

local put = include("_check_put.lua")
if not put then return end

local kit = include("../_kit.lua")
local addon = realtime.addon
-- A check ends as soon as it knows, however long it may listen: so a slow machine changes nothing.
addon.check_listening = 30

-- The step of a check that a server with this client makes. Returns a list of its lines, with `done` once it is complete.
local function listen(client)
	local lines, writer = {}, {}
	for _, state in ipairs({ "Good", "Problem", "Unknown" }) do
		writer[state] = function(about, text, todo) lines[#lines + 1] = { state = state, about = about, text = text, todo = todo } end
	end
	addon.Async(function()
		addon.check_steps.others(writer, client)
		lines.done = true
	end)
	return lines
end
local function end_of(...)
	for _, lines in ipairs({ ... }) do
		kit.wait("the end of a check", function() return lines.done end)
	end
end

local own, other
host.test("two servers that are ready", function()
	own, other = realtime.Default(), kit.ready({ id = "other" })
	kit.wait("ready", function() return own:IsConnected() end)
end)

local function presence_of(client)
	for presence in pairs(addon.presences) do
		if presence.client == client then return presence end
	end
end

for about, is_early in pairs({ ["in the same tick"] = function() return true end,
	["once the first one has announced itself"] = function() return presence_of(own) and presence_of(own).announced > 0 end }) do
	host.test("one id, " .. about .. ": both say so", function()
		local first = listen(own)
		kit.wait("the first one", is_early)
		local second = listen(other)
		end_of(first, second)
		for _, lines in ipairs({ first, second }) do
			kit.eq({ #lines, lines[1].state, lines[1].about }, { 1, "Problem", "same id" })
		end
		kit.eq(next(addon.presences), nil)
	end)
end

host.test("two databases: the same number for both", function()
	local url = host.redis_url
	own:Disconnect()
	other:Disconnect()
	put(url .. "/2")
	own, other = realtime.Default(), realtime.Connect(url .. "/1", { id = "other" })
	kit.wait("both", function() return own:IsConnected() and other:IsConnected() end)
	addon.check_listening = 2
	for _, client in ipairs({ own, other }) do
		local elsewhere = client == own and other or own
		local presence = realtime.Presence(elsewhere, "ttt-2")
		local found
		kit.wait("the problem", function()
			local lines = listen(client)
			end_of(lines)
			for _, line in ipairs(lines) do found = line.about == "database" and line or found end
			return found
		end)
		assert(found.todo:find("6379/1, and restart the server that you changed", 1, true), found.todo)
		presence:Stop()
	end
end)
