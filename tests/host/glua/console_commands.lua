-- Console variables and commands.
local native = ...
local convars, commands, helps = {}, {}, {}
local convar = { __index = {}, MetaName = "ConVar" }
debug.getregistry().ConVar = convar

function convar.__index:GetName() return self.name end
function convar.__index:GetString() return self.value end
function convar.__index:GetDefault() return self.default end
function convar.__index:GetHelpText() return self.help end
function convar.__index:GetFloat() return tonumber(self.value) or 0 end
function convar.__index:GetInt() return math.Truncate(tonumber(self.value) or 0) end
function convar.__index:GetBool() return self:GetInt() ~= 0 end
function convar.__index:SetString(value)
	local old = self.value
	self.value = tostring(value)
	for _, callback in ipairs(self.callbacks) do callback(self.name, old, self.value) end
end
function convar.__index:SetInt(value) self:SetString(math.Truncate(value)) end
function convar.__index:SetFloat(value) self:SetString(value) end
function convar.__index:SetBool(value) self:SetString(value and 1 or 0) end
function convar.__index:Revert() self:SetString(self.default) end

function CreateConVar(name, default, _, help)
	convars[name] = convars[name] or setmetatable(
		{ name = name, default = tostring(default), value = tostring(default), help = help or "", callbacks = {} }, convar)
	return convars[name]
end

function GetConVar(name) return convars[name] end
function ConVarExists(name) return convars[name] ~= nil end

cvars = {}
function cvars.AddChangeCallback(name, callback) table.insert(CreateConVar(name, "").callbacks, callback) end

concommand = {}
function concommand.Add(name, fn, _, help)
	commands[name:lower()] = fn
	helps[name:lower()] = help
end
function concommand.Remove(name) commands[name:lower()] = nil end
function concommand.GetTable() return commands end

-- Returns whether there is such a command.
function concommand.Run(player, name, arguments, text)
	local command = commands[name:lower()]
	if not command then return false end
	command(player, name, arguments or {}, text or table.concat(arguments or {}, " "))
	return true
end

-- As if typed into the server's console.
function RunConsoleCommand(name, ...)
	local arguments = { ... }
	for i = 1, #arguments do arguments[i] = tostring(arguments[i]) end
	if concommand.Run(NULL, name, arguments) then return end
	if convars[name] then convars[name]:SetString(arguments[1]) else print('Unknown command "' .. name .. '"') end
end

-- For who types into the console.
native.console_commands = {
	has = function(name) return commands[name:lower()] ~= nil end,
	each = function() return pairs(commands) end,
	help = function(name) return helps[name] or "" end,
	variables = function() return pairs(convars) end,
}

FCVAR_NONE, FCVAR_ARCHIVE, FCVAR_PROTECTED, FCVAR_NOTIFY, FCVAR_REPLICATED = 0, 128, 32, 256, 8192
