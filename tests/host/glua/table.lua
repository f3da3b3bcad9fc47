-- What the game adds to tables.
local table, pairs, type = table, pairs, type

function table.Count(t)
	local count = 0
	for _ in pairs(t) do count = count + 1 end
	return count
end

function table.IsEmpty(t) return next(t) == nil end
function table.Empty(t) for key in pairs(t) do t[key] = nil end end

function table.HasValue(t, wanted)
	for _, value in pairs(t) do if value == wanted then return true end end
	return false
end

function table.KeyFromValue(t, wanted) for key, value in pairs(t) do if value == wanted then return key end end end

function table.RemoveByValue(t, wanted)
	local key = table.KeyFromValue(t, wanted)
	if not key then return false end
	if type(key) == "number" then table.remove(t, key) else t[key] = nil end
	return key
end

function table.Copy(t, seen)
	if t == nil then return nil end
	seen = seen or {}
	local copy = setmetatable({}, debug.getmetatable(t))
	seen[t] = copy
	for key, value in pairs(t) do
		if type(value) == "table" then value = seen[value] or table.Copy(value, seen) end
		copy[key] = value
	end
	return copy
end

function table.Merge(into, from)
	for key, value in pairs(from) do
		if type(value) == "table" and type(into[key]) == "table" then table.Merge(into[key], value) else into[key] = value end
	end
	return into
end

function table.Inherit(t, base)
	for key, value in pairs(base) do if t[key] == nil then t[key] = value end end
	t.BaseClass = base
	return t
end

function table.Add(into, from)
	for _, value in pairs(from) do into[#into + 1] = value end
	return into
end

function table.GetKeys(t)
	local keys = {}
	for key in pairs(t) do keys[#keys + 1] = key end
	return keys
end

function table.ClearKeys(t)
	local values = {}
	for _, value in pairs(t) do values[#values + 1] = value end
	return values
end

function table.IsSequential(t)
	local i = 1
	for _ in pairs(t) do
		if t[i] == nil then return false end
		i = i + 1
	end
	return true
end

function table.Reverse(t)
	local reversed, length = {}, #t
	for i = 1, length do reversed[i] = t[length + 1 - i] end
	return reversed
end

function table.Random(t)
	local keys = table.GetKeys(t)
	local key = keys[math.random(math.max(1, #keys))]
	return t[key], key
end

local function by_kind_then_value(a, b)
	if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
	return tostring(a) < tostring(b)
end

function SortedPairs(t, descending)
	local keys = table.GetKeys(t)
	table.sort(keys, descending and function(a, b) return by_kind_then_value(b, a) end or by_kind_then_value)
	local i = 0
	return function()
		i = i + 1
		return keys[i], t[keys[i]]
	end
end

function PrintTable(t, indent, done)
	indent, done = indent or 0, done or {}
	done[t] = true
	for key, value in SortedPairs(t) do
		local margin = string.rep("\t", indent)
		if type(value) == "table" and not done[value] then
			print(margin .. tostring(key) .. ":")
			PrintTable(value, indent + 2, done)
		else
			print(margin .. tostring(key) .. "\t=\t" .. tostring(value))
		end
	end
end
