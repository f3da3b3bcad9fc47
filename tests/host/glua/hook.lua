-- Hooks. As in the game: the first answer that is not nil ends the round, and so does an error, which goes to the caller.
local native = ...
local type, IsValid, rawget, G = type, IsValid, rawget, _G

hook = {}

-- For each event a list of {name, fn}. A list is never changed, only replaced, so that a round goes on undisturbed.
local events = {}

local function without(list, name)
	local rest = {}
	for i = 1, #list do
		if list[i].name == name then list[i].removed = true else rest[#rest + 1] = list[i] end
	end
	return rest
end

function hook.Add(event, name, fn)
	if event == nil then error("bad argument #1 to 'Add' (value expected)", 2) end
	if type(fn) ~= "function" then error("bad argument #3 to 'Add' (function expected)", 2) end
	if not name then return end
	local list = events[event] or {}
	for i = 1, #list do
		if list[i].name == name then
			list[i].fn = fn
			return
		end
	end
	list = without(list, name)
	list[#list + 1] = { name = name, fn = fn }
	events[event] = list
end

function hook.Remove(event, name)
	if event == nil then error("bad argument #1 to 'Remove' (value expected)", 2) end
	if name == nil then error("bad argument #2 to 'Remove' (value expected)", 2) end
	if events[event] then events[event] = without(events[event], name) end
end

function hook.GetTable()
	local copy = {}
	for event, list in pairs(events) do
		copy[event] = {}
		for i = 1, #list do copy[event][list[i].name] = list[i].fn end
	end
	return copy
end

function hook.Call(event, gamemode, ...)
	local list = events[event]
	if list then
		for i = 1, #list do
			local entry = list[i]
			if not entry.removed then
				local a, b, c, d, e, f
				if type(entry.name) == "string" then
					a, b, c, d, e, f = entry.fn(...)
				elseif IsValid(entry.name) then
					a, b, c, d, e, f = entry.fn(entry.name, ...)
				else
					hook.Remove(event, entry.name)
				end
				if a ~= nil then return a, b, c, d, e, f end
			end
		end
	end
	local fn = gamemode and gamemode[event]
	if fn then return fn(gamemode, ...) end
end

local call = hook.Call

function hook.Run(event, ...) return call(event, rawget(G, "GAMEMODE"), ...) end

-- The engine's own calls: whatever raises is reported.
local function run(event) return hook.Run(event) end
function native.run_hooks(event) native.protected(run, event) end
