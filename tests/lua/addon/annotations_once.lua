-- The annotations for editors match the API: nothing is missing, nothing invented.

local kit = include("../_kit.lua")

local text = assert(file.Read("addons/lua/annotations/realtime.lua", "MOD"))

-- Classes, their fields, their functions with parameters, and the comment lines before each function.
local fields, functions, comment, class = {}, {}, {}, nil
for line in text:gmatch("[^\n]+") do
	local new_class, field = line:match("^%-%-%-@class (%w+)$"), line:match("^%-%-%-@field ([%w_]+)%??")
	local owner, name, parameters = line:match("^function (%w+)[.:](%w+)%((.-)%) end$")
	if new_class then
		class = new_class
		fields[class] = {}
	elseif field then
		fields[class][field] = true
	end
	if owner then
		functions[owner] = functions[owner] or {}
		functions[owner][name] = { parameters = parameters, comment = comment, separator = line:match("^function %w+([.:])") }
	end
	if line:find("^%-%-%-") then comment[#comment + 1] = line else comment = {} end
end

local function names(of, wanted)
	local list = {}
	for key, value in pairs(of) do
		if wanted(key, value) then list[#list + 1] = tostring(key) end
	end
	table.sort(list)
	return list
end
local function all() return true end
local function is_function(key, value) return isfunction(value) and not key:find("^__") end

host.test("every function of the module and the addon, and no other", function()
	local client = kit.ready()
	local real = {
		realtime = realtime, RealtimeClient = FindMetaTable("RealtimeClient"),
		RealtimeTables = getmetatable(realtime.Tables(client, "x")).__index,
		RealtimeRequests = getmetatable(realtime.Requests(client, "x")).__index,
		RealtimePresence = getmetatable(realtime.Presence(client, "x")).__index,
		RealtimeShared = getmetatable(realtime.Shared("x", client)).__index,
		RealtimeDurable = getmetatable(realtime.Durable(client, "x")).__index,
		RealtimeProfiles = getmetatable(realtime.Profiles("x", client, "x")).__index,
		RealtimePlayers = getmetatable(realtime.Players(client, "x")).__index,
	}
	for owner, methods in pairs(real) do
		kit.eq(names(functions[owner], all), names(methods, is_function), owner)
		for name, told in pairs(functions[owner]) do
			kit.eq(told.separator, owner == "realtime" and "." or ":", owner .. " " .. name)
		end
	end
	kit.eq(names(functions, all), names(real, all))
	client:Disconnect()
end)

host.test("each is described, with every parameter, in order", function()
	for owner, list in pairs(functions) do
		for name, told in pairs(list) do
			assert(told.comment[1] and told.comment[1]:find("^%-%-%-%u"), owner .. "." .. name .. " is not described")
			local documented = {}
			for _, line in ipairs(told.comment) do documented[#documented + 1] = line:match("^%-%-%-@param ([%w_.]+)") end
			kit.eq(table.concat(documented, ", "), told.parameters, owner .. "." .. name)
		end
	end
end)

host.test("the parameters of the addon's functions are those of the code", function()
	local function code_of(class_name)
		if class_name == "realtime" then return { "config", "envelope", "timers", "async", "time", "once", "shared", "profiles", "check" } end
		return { class_name:match("^Realtime(%w+)$"):lower() }
	end
	for owner, list in pairs(functions) do
		if owner ~= "RealtimeClient" then
			local code = ""
			for _, part in ipairs(code_of(owner)) do code = code .. file.Read("addons/lua/lua/realtime/" .. part .. ".lua", "MOD") end
			for name, told in pairs(list) do
				local place = owner == "realtime" and "realtime%." or "methods:"
				local real = code:match("\n\tfunction " .. place .. name .. "%((.-)%)")
				-- The placeholder for surplus arguments is not a parameter.
				local function named(parameters) return (parameters:gsub(", %.%.%.$", "")) end
				if real then kit.eq(named(told.parameters), named(real), owner .. "." .. name) end
			end
		end
	end
end)

host.test("every option of Connect, as Connect lists them", function()
	local message = kit.raises("unknown option", realtime.Connect, { nonsense = 1 })
	local known = message:match("options are:? ([%w_, ]+)") or message:match("known[^:]*: ([%w_, ]+)")
	assert(known, message)
	local list = {}
	for option in known:gsub(" and ", ", "):gmatch("[%w_]+") do list[#list + 1] = option end
	table.sort(list)
	kit.eq(names(fields.RealtimeOptions, all), list)
end)

host.test("every figure of Stats, and every field of a server", function()
	local client = kit.ready()
	local done
	client:Ping(function() done = true end)
	kit.wait("the ping", function() return done end)
	-- Figures that exist only at times.
	host.fake.on_next("subscribe", "answer", "-BUSY a script\r\n")
	client:Subscribe(kit.unique("refused"), function() end)
	kit.wait("a refusal", function() return client:Stats().refused_reason end)
	local stats, lost = client:Stats(), realtime.Connect("redis://127.0.0.1:1")
	kit.wait("a failure", function() return lost:Stats().error end)
	stats.error = lost:Stats().error
	lost:Disconnect()
	-- Figures of a module with TLS.
	stats.tls, stats.tls_expires = "TLSv1.3", 0
	if realtime.FEATURES.tls then
		local tls = host.tls()
		local secured = realtime.Connect("rediss://" .. tls.address, { tls_ca = tls.authority })
		kit.wait("ready", function() return secured:IsConnected() end)
		stats.tls, stats.tls_expires = secured:Stats().tls, secured:Stats().tls_expires
		secured:Disconnect()
	end
	stats.nodes = stats.nodes or {} -- of a cluster
	stats.lookup_time, stats.tls_time = 0, 0 -- with a host name, and with TLS
	stats.sentinel, stats.sentinel_error = "", {} -- of Sentinels
	kit.eq(names(fields.RealtimeStats, all), names(stats, all))
	local presence = realtime.Presence(client, "x")
	local server = presence:Server("x")
	server.database = 0 -- from Redis 6.2 on
	kit.eq(names(fields.RealtimeServer, all), names(server, all))
	local values = names(realtime, function(key, value) return not isfunction(value) and key ~= "addon" end)
	kit.eq(names(fields.realtime, all), values)
	client:Disconnect()
end)

host.test("every event", function()
	local client = kit.ready()
	local message = kit.raises("the events are", client.On, client, "nonsense", print)
	for event in message:match("the events are (.*)"):gmatch('"(%w+)"') do
		for _, name in ipairs({ "On", "Off" }) do
			local told = table.concat(functions.RealtimeClient[name].comment, "\n")
			assert(told:find('"' .. event .. '"', 1, true), name .. " does not list " .. event)
		end
	end
	client:Disconnect()
end)

host.test("an example tells editors what include returns", function()
	local count = 0
	for _, name in ipairs((file.Find("addons/lua/examples/*.lua", "MOD"))) do
		local example = file.Read("addons/lua/examples/" .. name, "MOD")
		if example:find('include("realtime/load.lua")', 1, true) then
			count = count + 1
			assert(example:find('\nlocal realtime = include("realtime/load.lua") ---@type realtime?\n', 1, true), name)
		end
	end
	assert(count > 5, count)
end)

host.test("the folder is one that the Workshop takes", function()
	local json = util.JSONToTable(file.Read("addons/lua/addon.json", "MOD"))
	kit.eq(json.type, "servercontent")
	assert(isstring(json.title) and #json.tags >= 1 and #json.tags <= 2)
	local function ignored(path)
		for _, pattern in ipairs(json.ignore) do
			if path:find("^" .. string.PatternSafe(pattern):gsub("%%%*", ".*") .. "$") then return true end
		end
		return false
	end
	local seen = 0
	local function look(folder)
		local files, folders = file.Find("addons/lua/" .. folder .. "*", "MOD")
		for _, name in ipairs(files) do
			local path = folder .. name
			kit.eq(path, path:lower())
			if path ~= "addon.json" then
				seen = seen + 1
				local for_the_game = path:find("^lua/.*%.lua$") ~= nil and not path:find("^lua/tests/")
				assert(ignored(path) ~= for_the_game, path .. (for_the_game and " is ignored" or " is not ignored"))
			end
		end
		for _, name in ipairs(folders) do look(folder .. name .. "/") end
	end
	look("")
	assert(seen > 15, seen)
end)
