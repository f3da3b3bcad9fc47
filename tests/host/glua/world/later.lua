-- The engine's work between two ticks: network messages, and removals.
local native = ...
local waiting, count = {}, 0

-- Runs fn before the hooks of the next tick.
function native.later(fn)
	count = count + 1
	waiting[count] = fn
end

-- Their requests wait for the next tick. Allocates nothing if nothing waits.
function native.run_later()
	if count == 0 then return end
	local now, last = waiting, count
	waiting, count = {}, 0
	for i = 1, last do native.protected(now[i]) end
end

local xpcall = xpcall
local function concluded(ok, ...)
	if ok then return ... end
	-- The handler returns nothing; where Lua did not call it, memory is out.
	if ... ~= nil then native.report(...) end
end

-- A hook that the engine runs: its answer; nothing, after the error's report, if it raises.
local gamemode = gmod.GetGamemode
local function run(event, ...) return hook.Call(event, gamemode(), ...) end
-- A traceback recognizes the engine's calls by this name. So it must not be a tail call below.
local function protected(...) return concluded(xpcall(run, native.report_any, ...)) end
function native.engine_hook(...)
	local first, second = protected(...)
	return first, second
end

-- Events that an addon asked for by gameevent.Listen are hooks, too.
local listened = {}
gameevent = {}
function gameevent.Listen(name) listened[name] = true end
function native.game_event(name, data) if listened[name] then protected(name, data) end end
