-- unix; servers: real; redis: 5.0
-- The first example of docs/shared.md, pasted unchanged into two servers, each a process of its own: through the crash of one, a
-- restart of Redis, and a map change during it.

local processes = include("_processes.lua")
local BANNED = "76561198000000001"

if host.map_number == 1 then
	host.put("data/realtime.json", processes.configuration("ttt-1"))
	host.put("addons/bans/lua/autorun/server/bans.lua", processes.example("docs/shared.md"))
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local bans = realtime.Shared("bans")
local function refused(id) return (hook.Run("CheckPassword", id)) == false end

local function start() return processes.start("ttt-2", "garrysmod/addons/bans") end
local function refusal(id) return string.format('hook.Run("CheckPassword", %q)', id) end

if host.map_number == 2 then
	host.test("two servers", function()
		local other = start()
		kit.wait("the ban", function() return refused(BANNED) end)
		other.wait(refusal(BANNED), "false")
		other.type('realtime.Shared("bans"):Set("2", { reason = "by the other" })')
		kit.wait("its ban", function() return refused("2") end)
		other.kill()
		local removed
		bans:Remove("2", function(err) removed = not err end)
		kit.wait("the pardon", function() return removed and not refused("2") end)
		host.real.command("SAVE")
		host.server.stop()
		kit.wait("the loss", function() return not bans:IsReady() end)
		assert(refused(BANNED), "the copy stays")
		host.next_map()
	end)
	return
end

host.test("after a map change without Redis, and when it is back", function()
	assert(not bans:IsReady() and refused(BANNED), "the snapshot has it")
	host.server.start()
	local other = start()
	other.wait(refusal(BANNED), "false")
	other.wait(refusal("2"), "nil")
	kit.wait("the copy", function() return bans:IsReady() end)
	assert(refused(BANNED) and not refused("2"))
	bans:Remove(BANNED)
	-- The other one bans him again when its map begins, because the example does that.
	other.wait(refusal(BANNED), "nil")
	other.quit()
end)
