-- realtime.Profiles on a server that runs no scripts: one clear error, and never an empty document.

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")

host.test("Open fails with UNSUPPORTED", function()
	local client = kit.ready()
	local profiles = realtime.Profiles("wallet", client, "a")
	local got = kit.recorder()
	assert(profiles:Open("76561198000000001", got.fn))
	kit.wait("the answer", function() return got[1] end)
	kit.eq({ got[1][1].code, got[1][2] }, { "UNSUPPORTED", nil })
	assert(got[1][1].message:find("Redis 5.0 and newer", 1, true), got[1][1].message)
	kit.wait("the end", function() return not next(profiles.profiles) end)
	client:Disconnect()
end)
