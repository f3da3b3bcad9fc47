-- servers: fake, real
-- The tests in GLuaTest's format that lie in the addon.

include("../../host/gluatest/main.lua")({
	projects = { "realtime" }, strict = true, patience = host.args[1] == "slow" and 20 or 3,
})
