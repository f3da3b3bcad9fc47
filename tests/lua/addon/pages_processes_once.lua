-- unix; servers: real; redis: 6.2
-- The first examples of docs/time.md and docs/check.md, pasted unchanged into two servers, each a process of its own: through the crash
-- of one, a restart of Redis, and a map change.

local processes = include("_processes.lua")
local ADDON = "addons/pages/lua/autorun/server/"

-- Runs before the examples: shortens their seconds, and servers answer requests at once.
local HURRY = [[
local realtime = include("realtime/load.lua")
for _, name in ipairs({ "After", "Every" }) do
	local start = realtime[name]
	realtime[name] = function(seconds, ...) return start(seconds / 20, ...) end
end
realtime.addon.check_listening = 0.2
]]
if host.map_number == 1 then
	host.put("data/realtime.json", processes.configuration("ttt-1"))
	host.put(ADDON .. "a_hurry.lua", HURRY)
	host.put(ADDON .. "check.lua", processes.example("docs/check.md"))
	host.put(ADDON .. "time.lua", processes.example("docs/time.md"))
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local from = #host.console()
-- How often this server has printed a line on this map.
local function count(text)
	local found = 0
	for i = from + 1, #host.console() do
		if host.console()[i] == text then found = found + 1 end
	end
	return found
end
local LINES = { "ten seconds have passed", "a minute has passed", "Redis is fine" }
local function all_here()
	for _, line in ipairs(LINES) do kit.wait(line, function() return count(line) > 0 end) end
	kit.eq(count(LINES[1]), 1)
end
local function start()
	local other = processes.start("ttt-2", "garrysmod/addons/pages")
	for _, line in ipairs(LINES) do other.says(line) end
	return other
end

if host.map_number == 2 then
	host.test("two servers", function()
		local other = start()
		all_here()
		other.kill()
		local client = realtime.Default()
		host.server.stop()
		kit.wait("the loss", function() return not client:IsConnected() end)
		local minutes = count("a minute has passed")
		kit.wait("a minute without Redis", function() return count("a minute has passed") > minutes end)
		host.server.start()
		start().quit()
		host.next_map()
	end)
	return
end

host.test("after the map change", all_here)
