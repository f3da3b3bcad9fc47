-- servers: fake, real
-- The tests in GLuaTest's format that lie in the addon.

include("../../host/gluatest/main.lua")({
	projects = { "realtime" }, strict = true, may_skip = { "realtime: Shared", "realtime: Durable", "realtime: Players", "realtime: Profiles" }, -- where the server runs no scripts
	patience = host.args[1] == "slow" and 20 or 3,
})
