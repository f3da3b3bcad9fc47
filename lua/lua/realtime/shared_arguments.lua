-- Checks the arguments of realtime.Shared's methods. A mistake raises in the name of the method, at the line of the
-- call.
return function(realtime, addon)
	local entries = addon.shared_entries
	local MAX_KEY = 256 -- bytes
	local MAX_ONCE = 128 -- bytes of an id for `once`
	local arguments = {}
	addon.shared_arguments = arguments

	local function bad(position, name, what) addon.Raise(string.format("bad argument #%d to '%s' (%s)", position, name, what)) end

	-- The optional arguments of a write, and those of Add.
	local NAMES, NAMES_OF_ADD = { "expires", "once", "timeout" }, { "expires", "max", "min", "once", "timeout" }
	local function check_options(name, position, options)
		if options == nil then return {} end
		local function wrong(what) bad(position, name, what) end
		if not istable(options) then wrong("a table of options expected, got " .. type(options)) end
		local names = name == "Add" and NAMES_OF_ADD or NAMES
		for key in pairs(options) do
			if not table.HasValue(names, key) then
				wrong('there is no option "' .. tostring(key) .. '"; the options are ' .. table.concat(names, ", "))
			end
		end
		local function positive(key)
			local value = options[key]
			if value ~= nil and not (isnumber(value) and value > 0) then wrong(key .. ": seconds above 0 expected") end
		end
		positive("expires")
		positive("timeout")
		local once = options.once
		if once ~= nil and not (isstring(once) and #once > 0 and #once <= MAX_ONCE) then
			wrong("once: a text of 1 to " .. MAX_ONCE .. " bytes expected")
		end
		for _, key in ipairs({ "min", "max" }) do
			local value = options[key]
			if value ~= nil and not (isnumber(value) and value == value) then wrong(key .. ": a number expected") end
		end
		return options
	end

	-- A key's name. Raises for anything else.
	function arguments.Key(name, position, key)
		if isentity(key) and key:IsPlayer() then bad(position, name, "a key is a string: write ply:SteamID64()") end
		if not isstring(key) or key == "" or #key > MAX_KEY then
			bad(position, name, "a key expected: a string of 1 to " .. MAX_KEY .. " bytes")
		end
	end

	function arguments.Function(name, position, fn)
		if fn ~= nil and not isfunction(fn) then bad(position, name, "function expected, got " .. type(fn)) end
	end

	-- [options] [, fn]
	function arguments.OptionsAndFunction(name, position, options, fn)
		if isfunction(options) and fn == nil then options, fn = nil, options end
		options = check_options(name, position, options)
		arguments.Function(name, position + 1, fn)
		return options, fn
	end

	-- The JSON of a value. Raises with the place of the mistake.
	function arguments.Encode(name, key, value)
		-- Keys may come from other servers.
		local function wrong(reason) addon.Raise(addon.Printable("'" .. name .. '\' "' .. key .. '": ' .. reason)) end
		if value == nil then wrong("nil is no value; Remove takes a key away") end
		if value == realtime.NULL then wrong("realtime.NULL is no value") end
		local text, reason = addon.json.Encode(value, entries.VALUE)
		if not text then wrong(reason) end
		return text
	end

	function arguments.Expiry(options, otherwise)
		if options.expires == nil then return otherwise end
		return options.expires == math.huge and "never" or string.format("%.6f", options.expires)
	end
end
