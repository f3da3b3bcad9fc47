-- The engine: realms, time, loading of files and modules. Finally removes what the game removes from Lua.
local native = ...
local loadstring = loadstring

SERVER, CLIENT, GAME_DLL, MENU_DLL = true, false, true, false
VERSION, VERSIONSTR, BRANCH = 240000, "240000", "unknown"

CurTime = native.game_time
SysTime = native.system_time
RealTime = native.system_time
UnPredictedCurTime = native.game_time
FrameTime = native.tick_interval

engine = { TickInterval = native.tick_interval }
function engine.TickCount() return native.ticks() end
function engine.ActiveGamemode() return "sandbox" end

system = {}
function system.IsWindows() return jit.os == "Windows" end
function system.IsLinux() return jit.os == "Linux" end
function system.IsOSX() return false end

game = {}
function game.GetMap() return native.kept("host: map") or "gm_construct" end
function game.MaxPlayers() return 16 end
function game.IsDedicated() return true end
function game.GetWorld() return native.entity.world end
function game.SinglePlayer() return false end

local get_string = GetConVarString
function GetHostName() return get_string("hostname") end

function util.IsBinaryModuleInstalled(name) return native.module_exists(name) end

function AddCSLuaFile() end

-- A chunk, in which the game's comments may be.
local function load_lua(code, name) return loadstring(native.plain(code), name) end
native.load = load_lua

-- The name of the chunk at that level, as include needs it.
local function chunk_at(level)
	local info = debug.getinfo(level + 1, "S")
	return info and info.source:match("^@(.*)")
end

local function load_file(found)
	local chunk, err = load_lua(found[2], "@" .. found[1])
	if not chunk then error(err, 0) end
	return chunk
end

-- The file that is being included: a caller of include in a return statement is no longer on the stack.
local including

local function included(outer, ...)
	including = outer
	return ...
end

local function run_file(found)
	local outer, chunk = including, load_file(found)
	including = found[1]
	return included(outer, chunk())
end
native.run_file = run_file

function include(path)
	local from = chunk_at(2)
	local found = native.find_lua(from, path) or native.find_lua(including, path)
	if not found then
		native.warn("Couldn't include file '" .. path .. "' - File not found (" .. (from or "<nowhere>") .. ")\n")
		return
	end
	return run_file(found)
end

-- The binary module first: a Lua module of the same name never runs while there is one.
local loaded = package.loaded
function require(name)
	if type(name) ~= "string" then error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2) end
	local open = native.open_module(name)
	if open == true then return end
	if open then
		open()
		return
	end
	if loaded[name] ~= nil then return end
	local found = native.find_lua(nil, "includes/modules/" .. name .. ".lua")
	if not found then
		native.warn("Couldn't include file 'includes/modules/" .. name .. ".lua' - File not found\n")
		error("Module not found!", 2)
	end
	loaded[name] = true
	load_file(found)()
end

-- Its errors and tracebacks show the name unchanged, like a file's.
function CompileString(code, name, handle_error)
	local chunk, err = load_lua(code, "@" .. name)
	if chunk then return chunk end
	if handle_error == false then return err end
	native.report(err)
end

function RunString(code, name, handle_error)
	local chunk = CompileString(code, name or "RunString", handle_error)
	if type(chunk) ~= "function" then return chunk end
	native.protected(chunk)
end

-- One tick of the server. Allocates nothing itself, so that it runs when memory is exhausted.
function native.tick()
	local hibernating = native.hibernating()
	native.run_later()
	native.run_http()
	native.run_timers(hibernating)
	if not hibernating then
		native.run_hooks("Think")
		native.run_hooks("Tick")
	end
	native.run_coroutines()
end

-- The last of a Lua state: a map change, or the server's end. Modules are closed after it.
function native.shut_down()
	native.run_hooks("ShutDown")
	native.is_closing = true
end
function native.modules_closed() native.is_closing = false end

io, load, loadfile, dofile, _G.loadstring = nil, nil, nil, nil, nil
os = { clock = os.clock, date = os.date, difftime = os.difftime, time = os.time }
package = { loaded = loaded, seeall = package.seeall }
