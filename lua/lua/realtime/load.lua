-- The entry point for addons: local realtime, message = include("realtime/load.lua")
-- Returns the `realtime` table, or nil and what to do. However often it is included, everything is set up once.
if CLIENT then return nil, "realtime is for servers" end

local ADDON_VERSION = include("realtime/version.lua")
if istable(realtime) and realtime.ADDON_VERSION then return realtime end

local install = include("realtime/install.lua")
local orange = Color(255, 170, 60)

-- Printed in full on the console the first time, however many addons ask; each of them gets it.
local function fail(message)
	if REALTIME_TOLD ~= message then MsgC(orange, install.Once(message), "\n") end
	return nil, message
end

if not util.IsBinaryModuleInstalled("realtime") then return fail(install.Missing()) end
-- An addon may have loaded it already.
local unfit = not istable(realtime) and install.Unfit()
if unfit then return fail(unfit) end
local loaded, reason = pcall(require, "realtime")
if not loaded then return fail(install.Broken(reason)) end
if not istable(realtime) or not realtime.VERSION then
	return fail(install.Broken("it loads, but there is no global table `realtime` with a VERSION after it"))
end
local mismatch = install.Mismatch(realtime.VERSION, ADDON_VERSION)
if mismatch then return fail(mismatch) end

-- Shared by the parts. Not for addons: it changes without notice.
local addon = {}
realtime.addon = addon

-- Prints one line. Names in it may come from elsewhere, and must not control the terminal. While modules are closed
-- MsgC may crash the game (garrysmod-issues 5280); print works.
function addon.Say(text)
	text = "[realtime] " .. addon.Printable(text)
	if addon.is_ending then print(text) else MsgC(orange, text, "\n") end
end

for _, part in ipairs({
	"tick", "report", "json", "config", "envelope", "objects", "events", "steamid", "tables", "requests", "presence",
	"scripts", "token_calls", "goodbye", "timers", "async", "time", "once",
	"shared_entries", "shared_differences", "shared_copy", "shared_writes", "shared_arguments", "shared_update", "shared_snapshot", "shared",
	"durable_publish", "durable_subscribe", "durable_work", "durable",
	"players_register", "players_stays", "players_requests", "players_post", "players_delivery", "players",
	"profiles_open", "profiles_save", "profiles_renew", "profiles",
	"console", "check_helpers", "check_advice", "check_steps", "check_cluster", "check_scripts", "check",
}) do
	include("realtime/" .. part .. ".lua")(realtime, addon)
end
-- Last, so that after a part raised an error the next try runs everything again.
realtime.ADDON_VERSION = ADDON_VERSION
return realtime
