-- servers: real; redis: 5.0
-- The bans of lua/examples with Redis as the authority.

local world = include("_examples.lua")
if not world then return end
local kit = include("../_kit.lua")

host.test("shared_bans", function()
	local elsewhere = realtime.Shared("bans", world.other, "ttt-2")
	kit.wait("the other server", function() return elsewhere:IsReady() end)
	local function answer(id) return { hook.Run("CheckPassword", id) } end
	elsewhere:Set("76561198000000007", { reason = "old" })
	kit.wait("the one from before", function() return elsewhere:Get("76561198000000007") end)
	world.example("shared_bans")
	kit.wait("the one from before", function() return answer("76561198000000007")[1] == false end)
	kit.eq(answer("76561198000000007"), { false, "You are banned: old" })
	kit.eq(answer("76561198000000002"), {})
	SharedBans.Add("76561198000000002", 3600, "cheats")
	kit.wait("the new one", function() return answer("76561198000000002")[1] == false end)
	kit.wait("it, elsewhere", function() return elsewhere:Get("76561198000000002") end)
	assert(elsewhere:Expires("76561198000000002") > 3000)
	SharedBans.Add("76561198000000003", 0.1, "for a moment")
	SharedBans.Remove("76561198000000002")
	kit.wait("the end of both", function()
		return answer("76561198000000002")[1] == nil and answer("76561198000000003")[1] == nil and elsewhere:Count() == 1
	end)
	-- A ban from elsewhere for a player who is here.
	elsewhere:Set(world.alice:SteamID64(), { reason = ("x"):rep(5000) })
	kit.wait("the kick", function() return host.players.seen(world.alice).left end)
	kit.eq(#host.players.seen(world.alice).left, #"You are banned: " + 200)
	-- A ban between CheckPassword and the spawn.
	elsewhere:Set("76561198000000008", { reason = "while he loads" })
	kit.wait("the ban", function() return realtime.Shared("bans"):Get("76561198000000008") end)
	local check = hook.GetTable().CheckPassword.shared_bans
	hook.Remove("CheckPassword", "shared_bans")
	local late = host.players.add({ name = "Late", steamid64 = "76561198000000008" })
	hook.Add("CheckPassword", "shared_bans", check)
	kit.wait("the kick", function() return host.players.seen(late).left == "You are banned: while he loads" end)
	-- Values that are not bans.
	for i, strange in ipairs({ 5, "x", false, {}, { reason = 5 } }) do elsewhere:Set("7656119800000001" .. i, strange) end
	elsewhere:Set("last", 1)
	kit.wait("all", function() return realtime.Shared("bans"):Get("last") end)
	for i = 1, 5 do kit.eq({ pcall(hook.Run, "CheckPassword", "7656119800000001" .. i) }, { true }, i) end
	-- Changes from elsewhere while this server has no connection.
	host.server.drop()
	elsewhere:Set("76561198000000009", { reason = "unheard" })
	elsewhere:Remove("76561198000000007")
	kit.wait("it is read again", function()
		return answer("76561198000000009")[1] == false and answer("76561198000000007")[1] == nil
	end)
end)
