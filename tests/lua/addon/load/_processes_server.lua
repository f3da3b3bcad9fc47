-- A server of load/processes.lua, in a process of its own: what its main thread does is measured from tick to tick, in processor time.
local realtime = include("realtime/load.lua")
local client = realtime.Default()
for _, event in ipairs({ "down", "gap" }) do client:On(event, "load", function() end) end

local times, last, told, heard, worked = {}, nil, 0, 0, 0
timer.Create("load", 0, 0, function()
	local now = host.thread_time()
	if last then times[#times + 1] = now - last end
	last = now
end)

local shared, durable, ready_at, started
function Load(kind)
	started = SysTime()
	if kind == "shared" then
		shared = realtime.Shared("load")
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
end
function IsReady() return shared:IsReady() and shared:Count() end
function Begin()
	times, last, told, heard, worked = {}, nil, 0, 0, 0
	ready_at, started = nil, SysTime()
end
-- "figures NAME ticks sum p50 p99 max told heard worked seconds-until-ready Lua's-memory process's-memory": milliseconds and MB.
function Figures(name)
	table.sort(times)
	local sum = 0
	for _, time in ipairs(times) do sum = sum + time end
	local function at(share) return (times[math.max(1, math.ceil(#times * share))] or 0) * 1000 end
	local memory = collectgarbage("count") / 1024
	print(string.format("figures %s %d %.2f %.3f %.3f %.3f %d %d %d %.2f %.1f %.1f", name, #times, sum * 1000, at(0.5), at(0.99), at(1), told, heard, worked,
		(ready_at or SysTime()) - started, memory, host.rss() / 1048576))
end
