-- At every start and map change: reports whether the setup works, or what is missing, before an addon needs it.
for _, text in ipairs(include("realtime/gm_redis/in_the_way.lua")()) do print("[realtime] " .. text) end

local realtime, missing = include("realtime/load.lua")
if not realtime then
	concommand.Add("realtime_check", function() print("PROBLEM  module: " .. missing) end, nil,
		"realtime: checks the setup, and says what to do about each problem")
	return
end

local client, message = realtime.Default()
if not client then
	realtime.addon.Say(message)
	return
end
client:On("ready", "realtime.autorun", function(info)
	local server = (info.server or "a server") .. (info.version and " " .. info.version or "")
	local line = string.format('connected to %s as "%s"', server, realtime.ServerId())
	if info.first then return realtime.addon.Say(line) end
	-- A server that accepts us and hangs up can cause this line as often as it likes.
	realtime.addon.SayRarely("autorun", line)
end)
