-- The game's additions to tables.
local native = ...
local table, pairs, next, type, tostring, random = table, pairs, next, native.plain_type, tostring, math.random
local getmetatable = debug.getmetatable

function table.Pack(...) return { ... }, select("#", ...) end

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
function table.KeysFromValue(t, wanted)
	local keys = {}
	for key, value in pairs(t) do if value == wanted then keys[#keys + 1] = key end end
	return keys
end
function table.MemberValuesFromKey(t, key)
	local values = {}
	for _, value in pairs(t) do
		if type(value) == "table" and value[key] ~= nil then values[#values + 1] = value[key] end
	end
	return values
end

function table.RemoveByValue(t, wanted)
	local key = table.KeyFromValue(t, wanted)
	if not key then return false end
	if type(key) == "number" then table.remove(t, key) else t[key] = nil end
	return key
end

function table.Copy(t, seen)
	if t == nil then return nil end
	seen = seen or {}
	local copy = setmetatable({}, getmetatable(t))
	seen[t] = copy
	for key, value in pairs(t) do
		if type(value) == "table" then value = seen[value] or table.Copy(value, seen) end
		copy[key] = value
	end
	return copy
end

function table.CopyFromTo(from, to)
	table.Empty(to)
	table.Merge(to, from)
end

-- Tables within tables are merged, too, unless they are to be replaced.
function table.Merge(into, from, replace)
	for key, value in pairs(from) do
		if not replace and type(value) == "table" and type(into[key]) == "table" then
			table.Merge(into[key], value)
		else
			into[key] = value
		end
	end
	return into
end

function table.Inherit(t, base)
	for key, value in pairs(base) do if t[key] == nil then t[key] = value end end
	t.BaseClass = base
	return t
end

function table.Add(into, from)
	if into == from or type(from) ~= "table" then return into end
	if type(into) ~= "table" then into = {} end
	for _, value in pairs(from) do table.insert(into, value) end
	return into
end

function table.ForceInsert(t, value)
	t = t or {}
	table.insert(t, value)
	return t
end

function table.GetKeys(t)
	local keys, count = {}, 0
	for key in pairs(t) do
		count = count + 1
		keys[count] = key
	end
	return keys
end

function table.ClearKeys(t, keep_them)
	local values = {}
	for key, value in pairs(t) do
		if keep_them then value.__key = key end
		values[#values + 1] = value
	end
	return values
end

function table.LowerKeyNames(t)
	local lowered = {}
	for key, value in pairs(t) do
		lowered[type(key) == "string" and key:lower() or key] = type(value) == "table" and table.LowerKeyNames(value) or value
	end
	return lowered
end

function table.Flip(t)
	local flipped = {}
	for key, value in pairs(t) do flipped[value] = key end
	return flipped
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

-- Nothing of an empty table.
function table.Random(t)
	local left = random(1, table.Count(t))
	for key, value in pairs(t) do
		left = left - 1
		if left == 0 then return value, key end
	end
end

function table.Shuffle(t)
	for i = 1, #t - 1 do
		local j = random(i, #t)
		t[i], t[j] = t[j], t[i]
	end
end

function table.ForEach(t, fn) for key, value in pairs(t) do fn(key, value) end end

function table.GetFirstKey(t) return (next(t)) end
function table.GetFirstValue(t) return select(2, next(t)) end
-- Works for sequences alone.
function table.GetLastKey(t) return (next(t, table.Count(t) - 1)) end
function table.GetLastValue(t) return select(2, next(t, table.Count(t) - 1)) end

function table.FindNext(t, wanted)
	local found
	for _, value in pairs(t) do
		if found then return value end
		found = value == wanted
	end
	return table.GetFirstValue(t)
end
function table.FindPrev(t, wanted)
	local last = table.GetLastValue(t)
	for _, value in pairs(t) do
		if value == wanted then return last end
		last = value
	end
	return last
end

function table.GetWinningKey(t)
	local highest, winner = -math.huge, nil
	for key, value in pairs(t) do
		if value > highest then highest, winner = value, key end
	end
	return winner
end

local function ascending(a, b) return a < b end
local function descending(a, b) return a > b end

function table.SortDesc(t) return table.sort(t, descending) end

-- Keys by their values: the highest first, or last on request.
function table.SortByKey(t, ascends)
	local keys = table.GetKeys(t)
	table.sort(keys, function(a, b)
		if ascends then return t[a] < t[b] end
		return t[a] > t[b]
	end)
	return keys
end

-- Tables by one of their fields: the highest first, or last on request. Tables without the field come before the
-- highest.
function table.SortByMember(t, name, ascends)
	ascends = ascends or false
	table.sort(t, function(a, b)
		local x, y = type(a) == "table" and a[name], type(b) == "table" and b[name]
		if not x then return not ascends end
		if not y then return ascends end
		if type(x) == "string" then x, y = x:lower(), y:lower() end
		if ascends then return x < y end
		return x > y
	end)
end

-- By keys, which can be compared: numbers and strings together raise.
function SortedPairs(t, descends)
	local keys = table.GetKeys(t)
	table.sort(keys, descends and descending or ascending)
	local i = 0
	return function()
		i = i + 1
		return keys[i], t[keys[i]]
	end
end

-- The keys and values of a sequence of {key, value}.
local function each(sorted)
	local i = 0
	return function()
		i = i + 1
		if sorted[i] then return sorted[i].key, sorted[i].value end
	end
end

-- The whole table as a sequence, each element with its sort key.
local function with_member(t, member_of)
	local list = {}
	for key, value in pairs(t) do list[#list + 1] = { key = key, value = value, member = member_of(value) } end
	return list
end

local function sorted_pairs(t, descends, member_of)
	local list = with_member(t, member_of)
	local compare = descends and descending or ascending
	table.sort(list, function(a, b) return compare(a.member, b.member) end)
	return each(list)
end

function SortedPairsByValue(t, descends) return sorted_pairs(t, descends, function(value) return value end) end
function SortedPairsByMemberValue(t, name, descends)
	local list = with_member(t, function(value) return value[name] end)
	table.SortByMember(list, "member", not descends)
	return each(list)
end
function RandomPairs(t, descends) return sorted_pairs(t, descends, function() return random() end) end

local function number_or_text(a, b)
	if type(a) == "number" and type(b) == "number" then return a < b end
	return tostring(a) < tostring(b)
end

function PrintTable(t, indent, done)
	indent, done = indent or 0, done or {}
	done[t] = true
	local keys = table.GetKeys(t)
	table.sort(keys, number_or_text)
	for _, key in ipairs(keys) do
		local value = t[key]
		local name = type(key) == "string" and '["' .. key .. '"]' or "[" .. tostring(key) .. "]"
		Msg(("\t"):rep(indent))
		if type(value) == "table" and not done[value] then
			done[value] = true
			Msg(name, ":\n")
			PrintTable(value, indent + 2, done)
			done[value] = nil
		else
			Msg(name, "\t=\t", value, "\n")
		end
	end
end
