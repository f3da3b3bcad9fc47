-- gm_redis's values: the arguments that a command accepts, and the answer that a callback gets.
-- Used by includes/modules/redis.core.lua.

local values = {}

-- An error: the third argument of a callback.
local failure = { MetaName = "redis_error" }

function failure:__tostring() return self.code .. " " .. self.message end
function failure.__concat(a, b) return tostring(a) .. tostring(b) end

function values.failure(code, message, sent)
	return setmetatable({ code = code, message = message, sent = sent or false }, failure)
end

-- One of realtime's own error tables.
function values.failure_of(err) return values.failure(err.code, err.message, err.sent) end

-- Errors of the connection. gm_redis had one text for all of them.
local LOST = { DISCONNECTED = true, TIMEOUT = true, CLOSED = true, REFUSED = true, RESOLVE = true, PROTOCOL = true }

-- The reply that gm_redis gave in place of this error: the server's own words, or "network failure".
function values.text_of(err) return LOST[err.code] and "network failure" or tostring(err) end

-- Changes lists in place; their items are counted from `first`, 1 or 0. An error inside a list becomes its text, as
-- in gm_redis. A null inside a list becomes false, as in Redis's own Lua, because nil would end the list there.
local function answer(reply, first)
	if type(reply) ~= "table" then return reply end
	local count, shift = #reply, first - 1
	for i = 1, count do
		local item = reply[i]
		if item == realtime.NULL then
			item = false
		elseif type(item) == "table" then
			item = getmetatable(item) and values.text_of(values.failure_of(item)) or answer(item, first)
		end
		reply[i + shift] = item
	end
	if shift < 0 then reply[count] = nil end
	return reply
end
values.answer = answer

-- Whole numbers in full: gm_redis wrote 1e+15 for a million billions.
local function text(value)
	if type(value) == "number" and value == math.floor(value) and math.abs(value) <= 2 ^ 53 then
		return string.format("%.0f", value)
	end
	return tostring(value)
end
values.text = text

-- A command's words after the first one: those of a list up to its first nil, or a single value.
function values.words(keys, first)
	local words = { first }
	if type(keys) ~= "table" then
		words[#words + 1] = text(keys)
		return words
	end
	local i = 1
	while keys[i] ~= nil do
		words[#words + 1] = text(keys[i])
		i = i + 1
	end
	return words
end

local function bad(position, name, expected, value)
	error(string.format("bad argument #%d to '%s' (%s expected, got %s)", position, name, expected,
		value == nil and "no value" or type(value)), 4)
end

function values.check_string(value, position, name)
	if type(value) == "number" then return text(value) end
	if type(value) ~= "string" then bad(position, name, "string", value) end
	return value
end

-- Converts a number to an int as C++ does.
function values.check_integer(value, position, name)
	local number = (type(value) == "number" or type(value) == "string") and tonumber(value)
	if not number then bad(position, name, "number", value) end
	return text(number < 0 and math.ceil(number) or math.floor(number))
end

function values.check_function(value, position, name, optional)
	if optional and value == nil then return end
	if type(value) ~= "function" then bad(position, name, "function", value) end
	return value
end

return values
