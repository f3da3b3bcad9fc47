-- The owner's settings: where Redis is, and this server's id among the others.
return function(realtime, addon)
	local FILE = "realtime.json" -- in garrysmod/data
	local SHOWN = "garrysmod/data/" .. FILE
	local DEFAULT = "realtime.Default" -- the id of the client that all addons share
	local MIN_SECRET, MAX_SECRET = 16, 1024 -- bytes
	-- With its envelope a message of that size stays within the module's max_message_bytes.
	local MIN_TABLE_BYTES, MAX_TABLE_BYTES = 1024, 4000000
	local MIN_TABLE_ELEMENTS, MAX_TABLE_ELEMENTS = 100, 1000000
	-- Taken before other addons can replace it, because it gets the password.
	local Connect, pcall = realtime.Connect, pcall

	local TEMPLATE = [[
{
	"help": "url: where Redis is, such as redis://:password@10.0.0.5:6379 (not needed where the environment variable REALTIME_URL is set). id: this server's own name, such as ttt-1; no two servers may have the same. options: see realtime.Connect. More settings: docs/addon.md. This file holds a password: keep it off FastDL. It is read at each start and map.",
	"url": "",
	"id": "",
	"options": {}
}
]]

	-- The game writes files that all users of the machine may read.
	local function restrict()
		local restricted, reason = realtime.RestrictConfig()
		if not restricted then addon.Say("everybody on this machine can read the password in " .. SHOWN .. ": " .. reason) end
	end

	local function read()
		local text = file.Read(FILE, "DATA")
		if text then
			restrict()
			local config, wrong = addon.json.Decode(text)
			if not text:find("%S") then
				wrong = "it is empty"
			elseif text:find("^\255\254") or text:find("^\254\255") then -- Notepad's "Unicode"
				wrong = "it is in UTF-16, save it as UTF-8"
			elseif not wrong and type(config) ~= "table" then
				wrong = "it holds no { }"
			end
			if not wrong then return config end
			return {}, SHOWN .. " is not JSON: " .. wrong .. ". Correct it, or delete it, and restart: without the file a template is written"
		end
		if file.Exists(FILE, "DATA") then return {}, SHOWN .. " is there and cannot be read: check who owns it" end
		file.Write(FILE, TEMPLATE)
		if not file.Exists(FILE, "DATA") then
			addon.Say(SHOWN .. " is not there and cannot be written: check who owns garrysmod/data")
		else
			restrict()
			addon.Say("wrote " .. SHOWN .. ": a template for the address of Redis and this server's id")
		end
		return {}
	end

	local function whole(value, least, most)
		return isnumber(value) and value % 1 == 0 and value >= least and value <= most
	end

	-- The rule for each setting: a check, and the text if it fails.
	local function text(value) return isstring(value) end
	local function table_size(least, most)
		return {
			function(value) return whole(value, least, most) end,
			string.format("must be a whole number from %d to %d", least, most),
		}
	end
	local settings_known = {
		help = { function() return true end },
		url = { text, "must be a text in quotes" },
		id = { text, "must be a text in quotes" },
		options = { istable, "must be a { }" },
		secret = { text, "must be a text in quotes" },
		max_table_bytes = table_size(MIN_TABLE_BYTES, MAX_TABLE_BYTES),
		max_table_elements = table_size(MIN_TABLE_ELEMENTS, MAX_TABLE_ELEMENTS),
	}

	-- The form of a server's id, here and in every message.
	function addon.IsId(id) return isstring(id) and #id <= 64 and id:find("^[%w_.-]+$") ~= nil end

	-- What is wrong with the settings, or nil.
	local function fault(config)
		for key, value in SortedPairs(config) do
			local known = settings_known[key]
			if not known then
				return string.format('there is no "%s"; the settings are url, id, options, secret, max_table_bytes and max_table_elements',
					addon.Printable(tostring(key), 64))
			end
			if not known[1](value) then return string.format('"%s" %s', key, known[2]) end
		end
		local id, secret, options = config.id, config.secret, config.options
		if id and id ~= "" and not addon.IsId(id) then
			return '"id" must be of letters, digits, "_", "." and "-", at most 64'
		end
		if secret and secret ~= "" and (#secret < MIN_SECRET or #secret > MAX_SECRET) then
			return string.format('"secret" must have %d to %d bytes: make one with openssl rand -hex 32', MIN_SECRET, MAX_SECRET)
		end
		if options and options.id ~= nil then
			return '"options" may not have an "id", which is the addon\'s own; this server\'s id goes beside "options"'
		end
	end

	local function set(value) return value ~= "" and value or nil end

	-- The settings, and what is wrong with them.
	local function load()
		local config, problem = read()
		if not problem then
			problem = fault(config)
			problem = problem and SHOWN .. ": " .. problem
		end
		if problem then return { options = {} }, problem end
		return {
			url = set(config.url), id = set(config.id), secret = set(config.secret), options = config.options or {},
			max_table_bytes = config.max_table_bytes, max_table_elements = config.max_table_elements,
		}
	end

	local settings, problem = load()
	local own_id, secret = settings.id, settings.secret
	addon.max_table_bytes, addon.max_table_elements = settings.max_table_bytes, settings.max_table_elements

	-- The proof that a message comes from a server with the secret. Without a secret there is none.
	if secret then
		local HMAC = realtime.HMAC
		function addon.Sign(text) return HMAC(secret, text) end
	end

	local id = own_id or "unnamed-" .. realtime.RandomToken():sub(1, 8)
	if not own_id and not problem then
		addon.Say(string.format('this server has no id: write one into %s ("id": "ttt-1"). Until then it is "%s", ' ..
			"another at every map, and other servers cannot address it.", SHOWN, id))
	end

	function realtime.ServerId() return id, own_id ~= nil end

	-- Why this server has no id of its own, for realtime_status.
	addon.unnamed = not own_id and (problem or "it has no id in " .. SHOWN) or nil

	local UNCONFIGURED = "no Redis is configured: write its URL into " .. SHOWN ..
		' ("url": "redis://:password@10.0.0.5:6379"), or set the environment variable REALTIME_URL; then restart'

	-- The owner's options, and more.
	local function options_of(settings, more)
		local options = {}
		for key, value in pairs(settings.options) do options[key] = value end
		for key, value in pairs(more) do options[key] = value end
		if options.name == nil then options.name = own_id end
		return options
	end

	-- Lua cannot read the environment, but the module can: without a URL it takes that of REALTIME_URL.
	local function connect()
		if not settings then settings, problem = load() end
		if problem then return nil, problem end
		local options = options_of(settings, { id = DEFAULT })
		local ok, result = pcall(Connect, nil, options)
		addon.settings_from = ok and "the environment variable REALTIME_URL" or SHOWN
		if not ok and tostring(result):find("set the environment variable REALTIME_URL", 1, true) then
			if not settings.url then return nil, UNCONFIGURED end
			-- The last argument is for errors: where the URL comes from.
			ok, result = pcall(Connect, settings.url, options, SHOWN)
		end
		if ok then
			-- From now on only the module has the password, and addons do not find it here.
			settings = nil
			return result
		end
		-- The owner of the server did not call a function, so the text names none.
		local text = tostring(result)
		text = text:match("^bad argument #%d to 'Connect' %((.*)%)$") or text
		local of_file = not text:find("environment variable REALTIME_URL", 1, true)
		return nil, (of_file and SHOWN .. ": " or "") .. text
	end

	local default
	addon.default_listeners = {} -- each is called with a client that Default has made

	function realtime.Default()
		if default and default:IsValid() then return default end
		local client, message = connect()
		default = client
		for _, fn in ipairs(client and addon.default_listeners or {}) do fn(client) end
		return client, message
	end

	-- Whether the environment variable is set: without a URL the module reads it before it looks at the options.
	local function has_variable()
		local _, message = pcall(Connect, nil, { [""] = true })
		return not tostring(message):find("set the environment variable REALTIME_URL", 1, true)
	end

	-- Without a URL it connects to the configured Redis, with the owner's options. The calls of the module's own function are tail calls, so
	-- that it finds the calling script.
	realtime.Connect = function(...)
		local url, options = ...
		local count = select("#", ...)
		if url == nil and (options == nil or istable(options)) and count <= 2 and not (options and rawget(options, "id") == DEFAULT) then
			local own, wrong = load()
			if wrong then addon.Raise("'Connect': " .. wrong) end
			options = options_of(own, options or {})
			if has_variable() then return Connect(nil, options) end
			if not own.url then addon.Raise("'Connect': " .. UNCONFIGURED) end
			return Connect(own.url, options, SHOWN) -- the last argument is for errors
		end
		-- With this id and another URL it would reconnect the client of all addons to that server.
		options = istable(url) and url or options
		if istable(options) and rawget(options, "id") == DEFAULT then
			error('\'Connect\': the id "' .. DEFAULT .. '" is that of the client which all addons share: realtime.Default() returns it', 2)
		end
		return Connect(...)
	end
end
