-- A player is on one server only: joining another one ends the first. To use it, copy it into lua/autorun/server/ of
-- an addon of yours, on every server. The newest server counts, so players are not locked out after a crash.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local players, problem = realtime.Players()
if not players then return print("[no_multirun] " .. problem) end

players:On("taken", "no_multirun", function(ply, server) ply:Kick("You play on " .. server .. " now") end)
