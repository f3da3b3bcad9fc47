-- What the server's owner decides: where Redis is, and how this server is called among the others.
return function(realtime, addon)
	local FILE = "realtime.json" -- in garrysmod/data
	local SHOWN = "garrysmod/data/" .. FILE
	local ID = "^[%w_.-]+$"
	local MAX_ID = 64

	local TEMPLATE = [[
{
	"help": "url: where Redis is, such as redis://:password@10.0.0.5:6379 (not needed where the environment variable REALTIME_URL is set). id: this server's own name, such as ttt-1; no two servers may have the same. options: see realtime.Connect. This file holds a password: keep it off FastDL. It is read at each start and map.",
	"url": "",
	"id": "",
	"options": {}
}
]]

	local function read()
		local text = file.Read(FILE, "DATA")
		if text then
			local config, wrong = addon.json.Decode(text)
			if not text:find("%S") then
				wrong = "it is empty"
			elseif text:find("^\255\254") or text:find("^\254\255") then -- Notepad's "Unicode"
				wrong = "it is in UTF-16, save it as UTF-8"
			elseif not wrong and type(config) ~= "table" then
				wrong = "it holds no { }"
			end
			if not wrong then return config end
			return {}, SHOWN .. " is not JSON: " .. wrong .. ". Mend it, or delete it, and restart: without the file a template is written"
		end
		if file.Exists(FILE, "DATA") then return {}, SHOWN .. " is there and cannot be read: check who owns it" end
		file.Write(FILE, TEMPLATE)
		if not file.Exists(FILE, "DATA") then
			addon.Say(SHOWN .. " is not there and cannot be written: check who owns garrysmod/data")
		else
			addon.Say("wrote " .. SHOWN .. ": a template for where Redis is and how this server is called")
		end
		return {}
	end

	-- The settings, and what is wrong with them.
	local function check(config, wrong)
		if wrong then return {}, wrong end
		local url, id, options = config.url, config.id, config.options
		if url ~= nil and type(url) ~= "string" then return {}, SHOWN .. ': "url" must be a text in quotes' end
		if options ~= nil and type(options) ~= "table" then return {}, SHOWN .. ': "options" must be a { }' end
		if options and options.id ~= nil then
			return {}, SHOWN .. ': "options" may not have an "id", which is the addon\'s own; this server\'s stands beside "options"'
		end
		if id ~= nil and type(id) ~= "string" then return {}, SHOWN .. ': "id" must be a text in quotes' end
		if id and id ~= "" and (not id:find(ID) or #id > MAX_ID) then
			return {}, SHOWN .. ': "id" must be of letters, digits, "_", "." and "-", at most ' .. MAX_ID
		end
		for key in pairs(config) do
			if key ~= "help" and key ~= "url" and key ~= "id" and key ~= "options" then
				return {}, string.format('%s: there is no "%s"; the settings are url, id and options', SHOWN, tostring(key))
			end
		end
		return { url = url ~= "" and url or nil, id = id ~= "" and id or nil, options = options or {} }
	end

	local settings, problem = check(read())

	-- A name that nobody else has. Lua's random numbers are the same at each start of some servers, these are not.
	function addon.RandomName()
		local seed = tostring({}) .. SysTime() .. os.time() .. math.random()
		return string.format("%08x", util.CRC(seed)) .. string.format("%08x", util.CRC(seed .. "2"))
	end

	local id = settings.id or "unnamed-" .. addon.RandomName():sub(1, 8)
	if not settings.id and not problem then
		addon.Say(string.format('this server has no id: write one into %s ("id": "ttt-1"). Until then it is "%s", ' ..
			"another at every map, and other servers cannot address it.", SHOWN, id))
	end

	function realtime.ServerId() return id, settings.id ~= nil end

	-- Lua cannot read the environment, the module can: without a URL it takes that of REALTIME_URL.
	local function connect()
		if problem then return nil, problem end
		local options = {}
		for key, value in pairs(settings.options) do options[key] = value end
		options.id = "realtime.Default"
		if options.name == nil then options.name = settings.id end
		local ok, result = pcall(realtime.Connect, nil, options)
		if ok then return result end
		if not tostring(result):find("set the environment variable REALTIME_URL", 1, true) then
			local of_file = not tostring(result):find("environment variable REALTIME_URL", 1, true)
			return nil, (of_file and SHOWN .. ": " or "") .. tostring(result)
		end
		if not settings.url then
			return nil, "no Redis is configured: write its URL into " .. SHOWN ..
				' ("url": "redis://:password@10.0.0.5:6379"), or set the environment variable REALTIME_URL; then restart'
		end
		ok, result = pcall(realtime.Connect, settings.url, options)
		if ok then return result end
		return nil, SHOWN .. ": " .. tostring(result)
	end

	local default

	function realtime.Default()
		if default and default:IsValid() then return default end
		local client, message = connect()
		default = client
		return client, message
	end
end
