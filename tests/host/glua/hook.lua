-- Hooks. The first answer that is not nil ends the round, and so does an error, which goes to the caller. Addons
-- cannot rely on their order, as in the game. Here the order depends on a seed, so that failures can be repeated.
local native = ...
local type_name, type, tostring, pairs, rawget, G = type, native.plain_type, tostring, pairs, rawget, _G
local IsValid, report = IsValid, ErrorNoHaltWithStack
local bxor, rshift, byte = bit.bxor, bit.rshift, string.byte

hook = {}
gmod = {}
function gmod.GetGamemode() return rawget(G, "GAMEMODE") end

local find_gamemode, seed = gmod.GetGamemode, native.seed()

-- Functions by event and name. Addons get this very table from GetTable, and may change it.
local hooks = {}

-- Names in the order in which they run, by event. A list is never changed, only replaced, so that a running round is
-- not disturbed.
local orders = {}

local MODULUS = 2 ^ 32

-- Names that are not strings are ordered by their first use.
local numbers, last_number = setmetatable({}, { __mode = "k" }), 0
local function text_of(name)
	if type(name) == "string" then return name end
	if not numbers[name] then
		last_number = last_number + 1
		numbers[name] = tostring(last_number)
	end
	return numbers[name]
end

local function rank_of(name)
	local text, rank = text_of(name), seed
	for i = 1, #text do rank = (rank * 33 + byte(text, i)) % MODULUS end
	for _ = 1, 2 do
		rank = bxor(rank, rshift(rank, 15)) % MODULUS
		rank = (rank * 69069 + 1) % MODULUS
	end
	return rank
end

-- The order of the current hooks.
local function new_order(list)
	local order = { names = {}, known = {} }
	local ranks = {}
	for name in pairs(list) do
		order.names[#order.names + 1] = name
		order.known[name], ranks[name] = true, rank_of(name)
	end
	table.sort(order.names, function(a, b)
		if ranks[a] ~= ranks[b] then return ranks[a] < ranks[b] end
		return text_of(a) < text_of(b)
	end)
	return order
end

-- Allocates nothing as long as no name is new.
local function order_of(event, list)
	local order = orders[event]
	if order then
		local known, is_complete = order.known, true
		for name in pairs(list) do
			if not known[name] then is_complete = false end
		end
		if is_complete then return order.names end
	end
	orders[event] = new_order(list)
	return orders[event].names
end

-- Whether hooks may have that name: a string, or something with IsValid, with which the hook ends.
local function is_name(name)
	local kind = type(name)
	if kind == "string" then return true end
	return kind ~= "number" and kind ~= "boolean" and kind ~= "function" and name.IsValid ~= nil and name.IsValid ~= false
end

local function wrong(position, fn, wanted, got)
	report("bad argument #" .. position .. " to '" .. fn .. "' (" .. wanted .. " expected, got " .. type_name(got) .. ")")
end

-- Mistakes are reported, and nothing is added. It does not raise.
function hook.Add(event, name, fn)
	if type(event) ~= "string" then return wrong(1, "Add", "string", event) end
	if type(fn) ~= "function" then return wrong(3, "Add", "function", fn) end
	if name == nil or not is_name(name) then return wrong(2, "Add", "string", name) end
	hooks[event] = hooks[event] or {}
	hooks[event][name] = fn
end

-- nil as a name raises.
function hook.Remove(event, name)
	if type(event) ~= "string" then return wrong(1, "Remove", "string", event) end
	if not is_name(name) then return wrong(2, "Remove", "string", name) end
	if hooks[event] then hooks[event][name] = nil end
end

function hook.GetTable() return hooks end

function hook.Call(event, gamemode, ...)
	local list = hooks[event]
	if list ~= nil then
		local names = order_of(event, list)
		for i = 1, #names do
			local name = names[i]
			local fn = list[name]
			if fn ~= nil then
				local a, b, c, d, e, f
				if type(name) == "string" then
					a, b, c, d, e, f = fn(...)
				elseif IsValid(name) then
					a, b, c, d, e, f = fn(name, ...)
				else
					list[name] = nil
				end
				if a ~= nil then return a, b, c, d, e, f end
			end
		end
	end
	local fn = gamemode and gamemode[event]
	if fn ~= nil then return fn(gamemode, ...) end
end

-- The gamemode that was there at the first call, even if another one is there now.
local cached
function hook.Run(event, ...)
	cached = cached or find_gamemode()
	return hook.Call(event, cached, ...)
end

-- The engine's own calls: whatever raises is reported.
local function run(event) return hook.Call(event, find_gamemode()) end
function native.run_hooks(event) native.protected(run, event) end
