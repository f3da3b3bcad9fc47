-- JSON that preserves its values, by the module. util.JSONToTable does not: it turns keys that look like numbers into
-- numbers (a SteamID64 loses its last digits), stops at 15,000 keys, and drops nulls of lists; util.TableToJSON
-- writes NaN, which no reader accepts.
return function(realtime, addon)
	local DecodeJson, EncodeJson = realtime.DecodeJson, realtime.EncodeJson
	local type = type

	local DEFAULTS = {}
	local json = {}
	addon.json = json

	-- The text of a value; or nil and the reason, which begins with the path to the value at fault. `most`: the bytes
	-- and elements that it may have; every value is an element, a table counts as four, keys do not count.
	function json.Encode(value, most)
		most = most or DEFAULTS
		return EncodeJson(value, most.bytes, most.elements)
	end

	-- The value in a text; or nil and what is wrong, with line and column, and true if it is not JSON. An
	-- object's nulls are left out, a list's are realtime.NULL; numbers beyond 2^53 are strings. `most` as in
	-- Encode. If `span` is given and the outermost object has the key span.key, span.first and span.last are
	-- set to the positions of the first and the last byte of its value.
	function json.Decode(text, most, span)
		most = most or DEFAULTS
		local value, first, last = DecodeJson(text, most.bytes, most.elements, span and span.key)
		if value == nil and type(first) == "string" then return nil, first, last end
		if span then span.first, span.last = first, last end
		return value
	end
end
