-- Callbacks of client:Subscribe with format = "json" get the same values and reasons as from the naive twin in Lua,
-- for random messages, both short ones and long ones that are read in slices. The argument seed=N chooses the messages.

local kit = include("../_kit.lua")
local twin = include("_json_twin.lua")(realtime)

local seed = tonumber((host.args[1] or ""):match("^seed=(%d+)$")) or 1
math.randomseed(seed)
local random = math.random
local hint = "seed=" .. seed

local STRINGS = { "", "a", "data", "76561198000000001", '"', "\\", "\n", "\0", "é€𝄞", "\255", ("x"):rep(70) }
local PIECES = { "[", "]", "{", "}", ",", ":", '"', "1", "-", "null", "\\u00e9", " ", "\0", "9007199254740993", "e5", "//" }
local LONG = 16384 -- bytes: messages of this size and more are read in slices

local function value(depth)
	local kind = random(depth > 5 and 4 or 6)
	if kind == 1 then return random() < 0.5 end
	if kind == 2 then return realtime.NULL end
	if kind == 3 then return random(-1000, 1000) / 8 end
	if kind == 4 then return STRINGS[random(#STRINGS)] end
	local made = {}
	for i = 1, random(0, 8) do
		if kind == 5 then made[i] = value(depth + 1) else made[STRINGS[random(#STRINGS)] .. random(9)] = value(depth + 1) end
	end
	return made
end

-- A text, most often JSON.
local function text_of()
	local text = twin.Encode({ data = value(1), a = value(2) })
	if random() < 0.3 then
		local at = random(#text)
		text = text:sub(1, at - 1) .. PIECES[random(#PIECES)] .. text:sub(at + random(0, 2))
	end
	if random() < 0.3 then
		local list = {}
		for i = 1, random(2, 30) do list[i] = text end
		text = "[" .. table.concat(list, ",\n") .. "]"
	end
	if random() < 0.5 then text = text:gsub(",", "," .. (" "):rep(random(0, math.floor(2 * LONG / (1 + select(2, text:gsub(",", ""))))))) end
	return text
end

host.test("random messages give the same value, or the same reason", function()
	local client, channel = kit.ready(), kit.unique("twin")
	local got, limits = {}, { bytes = 60000, elements = 2000 }
	client:Subscribe(channel, function(...) got[#got + 1] = { select("#", ...), ... } end,
		{ format = "json", max_bytes = limits.bytes, max_elements = limits.elements, text_of = "data", unreadable = true })
	local long, refused = 0, 0
	for round = 1, 12 do
		local texts = {}
		for i = 1, 60 do texts[i] = text_of() end
		got = {}
		for _, text in ipairs(texts) do client:Publish(channel, text) end
		kit.wait("messages of round " .. round, function() return #got == #texts end)
		for i, text in ipairs(texts) do
			local span = { key = "data" }
			local wanted, why, is_no_json = twin.Decode(text, limits, span)
			local about = hint .. ", message " .. i .. " of round " .. round
			if why then
				kit.eq(got[i], { 5, nil, channel, nil, why, is_no_json and text or nil }, about)
				refused = refused + 1
			elseif span.first then
				kit.eq(got[i], { 4, wanted, channel, nil, text:sub(span.first, span.last) }, about)
			else
				kit.eq(got[i], { 2, wanted == nil and realtime.NULL or wanted, channel }, about)
			end
			if #text > LONG then long = long + 1 end
		end
	end
	assert(long > 100 and refused > 100, long .. " long ones, " .. refused .. " refused")
	client:Disconnect()
end)
