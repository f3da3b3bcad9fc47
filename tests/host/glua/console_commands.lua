-- Console variables and commands. The game's C++ code calls the current functions of `concommand` and `cvars`, which
-- an addon may have replaced.
local native = ...
local type, tonumber, tostring, rawget, G = native.plain_type, tonumber, tostring, rawget, _G
local type_name, report, new_userdata = type, ErrorNoHaltWithStack, native.new_userdata
local protected = native.protected

FCVAR_NONE, FCVAR_ARCHIVE, FCVAR_PROTECTED, FCVAR_NOTIFY, FCVAR_REPLICATED = 0, 128, 32, 256, 8192

-- A variable is a userdata. Its fields: name, value, default, help, flags, min, max.
local variables, records = {}, setmetatable({}, { __mode = "k" })
local ConVar = { MetaID = TYPE_CONVAR }
ConVar.__index = ConVar
RegisterMetaTable("ConVar", ConVar)

local function record_of(variable)
	return records[variable] or error("bad argument #1 (ConVar expected, got " .. type_name(variable) .. ")", 3)
end

function ConVar:__tostring() return "ConVar [" .. record_of(self).name .. "]" end
function ConVar:GetName() return record_of(self).name end
function ConVar:GetString() return record_of(self).value end
function ConVar:GetDefault() return record_of(self).default end
function ConVar:GetHelpText() return record_of(self).help end
function ConVar:GetFlags() return record_of(self).flags end
function ConVar:IsFlagSet(flag) return bit.band(record_of(self).flags, flag) == flag end
function ConVar:GetMin() return record_of(self).min end
function ConVar:GetMax() return record_of(self).max end
function ConVar:GetFloat() return tonumber(record_of(self).value:match("^%s*[%+%-]?[%d%.]+[eE]?[%+%-]?%d*") or 0) or 0 end
function ConVar:GetInt() return math.Truncate(self:GetFloat()) end
function ConVar:GetBool() return self:GetInt() ~= 0 end

local function library(name, fn)
	local found = rawget(G, name)
	return found and found[fn]
end

-- Callbacks are called only if the value differs. Their errors are reported.
local function set(record, value)
	local old, number = record.value, tonumber(value)
	if number and record.min and number < record.min then value = record.min end
	if number and record.max and number > record.max then value = record.max end
	record.value = tostring(value)
	if record.value ~= old then protected(library("cvars", "OnConVarChanged"), record.name, old, record.value) end
end

function ConVar:SetString(value) set(record_of(self), value) end
function ConVar:SetInt(value) set(record_of(self), math.Truncate(value)) end
function ConVar:SetFloat(value) set(record_of(self), value) end
function ConVar:SetBool(value) set(record_of(self), value and 1 or 0) end
function ConVar:Revert() set(record_of(self), record_of(self).default) end

-- The first one to create it decides.
function CreateConVar(name, default, flags, help, min, max)
	if variables[name] then return variables[name] end
	if type(flags) == "table" then
		local all = 0
		for _, flag in pairs(flags) do all = bit.bor(all, flag) end
		flags = all
	end
	local made = new_userdata(ConVar)
	variables[name] = made
	records[made] = {
		name = name, default = tostring(default), value = tostring(default), help = help or "", flags = flags or 0, min = min,
		max = max,
	}
	return made
end

function GetConVar_Internal(name) return variables[name] end
function GetConVar(name) return variables[name] end
function ConVarExists(name) return variables[name] ~= nil end
function GetConVarNumber(name) return variables[name] and variables[name]:GetFloat() or 0 end
function GetConVarString(name) return variables[name] and variables[name]:GetString() or "" end

-- A real server has its name from server.cfg, which runs after the Lua files of the start, at each map.
local hostname = records[CreateConVar("hostname", "Garry's Mod", FCVAR_NOTIFY, "the server's name, which GetHostName returns")]
function native.run_server_cfg() hostname.value = "gmod-host" .. (native.number() > 1 and " " .. native.number() or "") end

cvars = {}
-- Functions, or {function, identifier}, by the variable's name.
local callbacks = {}

function cvars.GetConVarCallbacks(name, create)
	if create then callbacks[name] = callbacks[name] or {} end
	return callbacks[name]
end

function cvars.OnConVarChanged(name, old, new)
	for _, callback in ipairs(callbacks[name] or {}) do
		local fn = type(callback) == "table" and callback[1] or callback
		fn(name, old, new)
	end
end

local function check_identifier(position, identifier)
	if identifier and type(identifier) ~= "string" then
		error("bad argument #" .. position .. " (string expected, got " .. type_name(identifier) .. ")", 3)
	end
end

local function place_of(list, identifier)
	for i, callback in ipairs(list) do
		if type(callback) == "table" and callback[2] == identifier then return i end
	end
end

function cvars.AddChangeCallback(name, fn, identifier)
	check_identifier(3, identifier)
	local list = cvars.GetConVarCallbacks(name, true)
	list[identifier and place_of(list, identifier) or #list + 1] = identifier and { fn, identifier } or fn
end

function cvars.RemoveChangeCallback(name, identifier)
	check_identifier(2, identifier)
	local list = cvars.GetConVarCallbacks(name, true)
	local place = place_of(list, identifier)
	if place then table.remove(list, place) end
end

function cvars.String(name, default) return variables[name] and variables[name]:GetString() or default end
function cvars.Number(name, default)
	if not variables[name] then return default end
	return variables[name]:GetFloat()
end
function cvars.Bool(name, default)
	if not variables[name] then return default end
	return variables[name]:GetBool()
end

-- The names that the engine knows as commands of Lua's, with their help. It never forgets one.
local known = {}
function AddConsoleCommand(name, help) known[name:lower()] = help or "" end

concommand = {}
local commands, completions = {}, {}

-- Mistakes are reported, but the command is added anyway, as in the game.
function concommand.Add(name, fn, complete, help, flags)
	local function wrong(position, value)
		report("bad argument #" .. position .. " to 'Add' (function expected, got " .. type_name(value) .. ")")
	end
	if type(fn) ~= "function" then wrong(2, fn) end
	if complete ~= nil and type(complete) ~= "function" then wrong(3, complete) end
	commands[name:lower()], completions[name:lower()] = fn, complete
	AddConsoleCommand(name, help, flags)
end

function concommand.Remove(name) commands[name:lower()], completions[name:lower()] = nil, nil end
function concommand.GetTable() return commands, completions end

-- Returns whether there is such a command.
function concommand.Run(player, name, arguments, text)
	local command = commands[name:lower()]
	if not command then
		Msg("Unknown command: " .. name .. "\n")
		return false
	end
	command(player, name, arguments, text)
	return true
end

function concommand.AutoComplete(name, text, arguments)
	local complete = completions[name:lower()]
	if complete then return complete(name, text, arguments) end
end

-- As if typed into the server's console: an error in it is reported, and does not come back to the caller.
function RunConsoleCommand(name, ...)
	local arguments = { ... }
	for i = 1, #arguments do arguments[i] = tostring(arguments[i]) end
	if known[name:lower()] then
		protected(library("concommand", "Run"), NULL, name, arguments, table.concat(arguments, " "))
	elseif variables[name] then
		variables[name]:SetString(arguments[1])
	else
		print('Unknown command "' .. name .. '"')
	end
end

-- For interactive use.
native.console_commands = {
	has = function(name) return known[name:lower()] ~= nil end,
	run = function(...) return library("concommand", "Run")(...) end,
	each = function() return pairs(known) end,
	variable = function(name) return variables[name] and records[variables[name]] end,
	variables = function() return pairs(records) end,
	set = set,
}
