-- A server of load/processes.lua, in its own process: the work of its main thread is measured for each tick, in processor time.
local ticks = include("_ticks.lua")
local realtime = include("realtime/load.lua")
local client = realtime.Default()
for _, event in ipairs({ "down", "gap" }) do client:On(event, "load", function() end) end

-- LuaJIT doubles its table of strings at once, and touches each string for that, which takes milliseconds in the code that makes the next
-- string. So many strings are made before anything is measured, as other addons have them. Returns the longest time.
local strings = {}
function HaveStrings(count)
	local longest = 0
	for i = 1, count do
		local began = host.thread_time()
		strings[i] = "a string of another addon: " .. i
		longest = math.max(longest, host.thread_time() - began)
	end
	return string.format("%.1f", longest * 1000)
end

local told, heard, worked = 0, 0, 0
local shared, durable, ready_at, started
function Load(kind, snapshot)
	started = SysTime()
	if kind == "shared" then
		shared = realtime.Shared("load", { snapshot = snapshot })
		shared:On("ready", "load", function() ready_at = SysTime() end)
		shared:On("changed", "load", function() told = told + 1 end)
	else
		durable = realtime.Durable()
		durable:Subscribe("load.news", function() heard = heard + 1 end, { from = "start", keep = 200000 })
		durable:Work("load.work", function(_, _, done)
			worked = worked + 1
			done()
		end, { parallel = 50, keep = 200000 })
	end
	ticks.Begin()
end
function IsReady() return shared:IsReady() and shared:Count() end
function Begin()
	told, heard, worked = 0, 0, 0
	ready_at, started = nil, SysTime()
	ticks.Begin()
end
-- "longest NAME text", then "figures NAME ticks sum p50 p99 max told heard worked seconds-until-ready Lua's-memory process's-memory":
-- milliseconds and MB.
function Figures(name)
	local memory, count, sum, at = collectgarbage("count") / 1024, ticks.Figures()
	print("longest " .. name .. " " .. ticks.Longest())
	print(string.format("figures %s %d %.2f %.3f %.3f %.3f %d %d %d %.2f %.1f %.1f", name, count, sum * 1000, at(0.5), at(0.99), at(1), told, heard, worked,
		(ready_at or SysTime()) - started, memory, host.rss() / 1048576))
end
