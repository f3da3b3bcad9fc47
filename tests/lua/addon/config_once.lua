-- The URL of Redis and the server's id, from the file and the environment, and the messages about each.

local PATIENCE = host.args[1] == "slow" and 240 or 60
local FILE = "data/realtime.json"
local SECRET = "pa55word-of-the-test"

local function config(format, ...) host.put(FILE, string.format(format, ...)) end
local function url() return host.redis_url end

local function wait_connected(client)
	host.wait(function() return client:IsConnected() end, PATIENCE, "the connection")
end

local function no_client(said, ...)
	local client, message = realtime.Default()
	assert(client == nil and isstring(message), tostring(client))
	for _, part in ipairs({ ... }) do
		assert(message:find(part, 1, true), message)
		said(part)
	end
	assert(not said():find(SECRET, 1, true), "a secret on the console")
end

-- A password that this file does not contain, because the search below includes its functions.
local function hidden() return ("drowssap-neddih"):reverse() end

-- The path from a value to the password, through tables, upvalues and metatables.
local function find_hidden(root)
	local text, seen, queue = hidden(), {}, { { root, "realtime" } }
	local function add(value, path)
		if type(value) == "string" and value:find(text, 1, true) then return path end
		if (type(value) == "table" or type(value) == "function") and not seen[value] then
			seen[value] = true
			queue[#queue + 1] = { value, path }
		end
	end
	while queue[1] do
		local value, path = unpack(table.remove(queue))
		local found
		if type(value) == "table" then
			for key, item in next, value do
				found = found or add(key, path .. "." .. tostring(key) .. " (key)") or add(item, path .. "." .. tostring(key))
			end
			found = found or add(debug.getmetatable(value), path .. " (metatable)")
		else
			for i = 1, 255 do
				local name, item = debug.getupvalue(value, i)
				if not name then break end
				found = found or add(item, path .. ":" .. name)
			end
		end
		if found then return found end
	end
end

include("_steps.lua")({
	{
		name = "the first start writes a template and says so; Default says what is missing",
		check = function(said)
			said("wrote garrysmod/data/realtime.json")
			said('this server has no id: write one into garrysmod/data/realtime.json ("id": "ttt-1")')
			no_client(said, "no Redis is configured", "garrysmod/data/realtime.json", "REALTIME_URL")
			local template = util.JSONToTable(file.Read("realtime.json", "DATA"))
			assert(template.url == "" and template.id == "" and istable(template.options), "the template is not as documented")
			assert(template.help:find("FastDL", 1, true), template.help)
			local id, named = realtime.ServerId()
			assert(id:find("^unnamed%-%x%x%x%x%x%x%x%x$") and named == false, id)
			host.keep("unnamed", id)
			host.put("before", file.Read("realtime.json", "DATA"))
		end,
	},
	{
		name = "the template is not written twice, and a made-up id is another one at every map",
		check = function(said)
			assert(not said():find("wrote", 1, true), said())
			assert(file.Read("before", "MOD") == file.Read("realtime.json", "DATA"))
			assert(realtime.ServerId() ~= host.kept("unnamed"))
		end,
	},
	{
		name = "one client for all addons, with the id as its name",
		before = function() config('{ "url": "%s", "id": "ttt-1" }', url()) end,
		check = function(said)
			local client = realtime.Default()
			assert(client and realtime.Default() == client, "Default makes one client after the other")
			assert(#realtime.Clients() == 1)
			wait_connected(client)
			local id, named = realtime.ServerId()
			assert(id == "ttt-1" and named == true)
			assert(not said():find("no id", 1, true), said())
			local err, name = client:CommandSync({ "CLIENT", "GETNAME" })
			assert(name == "ttt-1", tostring(err or name))
			host.wait(function() return said():find('as "ttt-1"', 1, true) end, PATIENCE, "the line that says it is connected")
			client:Disconnect()
			local fresh = realtime.Default()
			assert(fresh ~= client and fresh:IsValid(), "a client that somebody closed is made anew")
			wait_connected(fresh)
		end,
	},
	{
		name = "once connected no addon finds the password, whatever it looks through; the client can be made anew",
		before = function()
			local address = url():match("[%d.]+:%d+")
			config('{ "url": "redis://:%s@%s", "id": "ttt-1", "options": { "username": "x%s" } }', hidden(), address, hidden())
		end,
		check = function()
			for _ = 1, 2 do
				local client = assert(realtime.Default())
				local place = find_hidden({ realtime, client, hook.GetTable() })
				assert(not place, place)
				client:On("down", function() end)
				client:Disconnect()
			end
		end,
	},
	{
		name = "nobody moves the client that all share, and Connect is the game's own for everything else",
		before = function() config('{ "url": "%s", "id": "ttt-1" }', url()) end,
		check = function()
			local client = realtime.Default()
			local address = client:Stats().address
			for _, arguments in ipairs({ { "redis://127.0.0.1:1", { id = "realtime.Default" } }, { { host = "127.0.0.1", id = "realtime.Default" } } }) do
				local ok, message = pcall(function() realtime.Connect(unpack(arguments)) end)
				assert(not ok and message:find("^tests/lua/addon/config_once.lua:%d+: 'Connect': the id \"realtime.Default\""), message)
			end
			assert(client:Stats().address == address and realtime.Default() == client)
			local other = realtime.Connect(url(), { id = "other" })
			assert(other == realtime.Connect(url(), { id = "other" }) and other ~= client)
			local ok, message = pcall(realtime.Connect, "redis://127.0.0.1", nil, nil)
			assert(ok, message)
			other:Disconnect()
			message:Disconnect()
		end,
	},
	{
		name = "Connect without a URL makes another client of the configured Redis, with the owner's options and more",
		before = function() config('{ "url": "%s", "id": "ttt-1", "options": { "protocol": 2 } }', url()) end,
		check = function(said)
			local client = realtime.Default()
			local own = realtime.Connect(nil, { id = "own", queue_events = 100 })
			assert(own ~= client and own == realtime.Connect(nil, { id = "own", queue_events = 100 }))
			for _, each in ipairs({ client, own }) do
				wait_connected(each)
				host.wait(function() return each:Stats().protocol == 2 end, PATIENCE, "the owner's options")
			end
			assert(own:Stats().address == client:Stats().address)
			local nameless = realtime.Connect()
			wait_connected(nameless)
			for problem, options in pairs({
				[ [[bad argument #2 to 'Connect' %(.*option "overflo"]] ] = { overflo = "pause" }, [ [[bad argument #2 to 'Connect' %(.*option "overflow"]] ] = { overflow = "x" },
			}) do
				local ok, message = pcall(function() realtime.Connect(nil, options) end)
				assert(not ok and message:find("^tests/lua/addon/config_once.lua:%d+: " .. problem), message)
			end
			-- The file as it is now counts.
			config('{ "id": "ttt-1" }')
			local ok, message = pcall(function() realtime.Connect(nil, { id = "third" }) end)
			assert(not ok and message:find("^tests/lua/addon/config_once.lua:%d+: 'Connect': no Redis is configured: "), message)
			own:Disconnect()
			nameless:Disconnect()
			config('{ "url": "%s", "id": "ttt-1" }', url())
		end,
	},
	{
		name = "an addon that puts its own Connect there is not given the password",
		check = function()
			realtime.Default():Disconnect()
			local given = 0
			local before = realtime.Connect
			realtime.Connect = function() given = given + 1 end
			local client = realtime.Default()
			realtime.Connect = before
			assert(client and given == 0)
		end,
	},
	{
		name = "a secret is shared, and shown to nobody",
		before = function() config('{ "url": "%s", "id": "ttt-1", "secret": "%s" }', url(), SECRET) end,
		check = function(said)
			local tables = assert(realtime.Tables())
			wait_connected(tables.client)
			local heard, raw, from
			tables:Subscribe("chat", function(text) heard = text end)
			tables.client:Subscribe("chat", function(text) raw = text end)
			host.wait(function() return tables.client:Stats().confirmed >= 1 end, PATIENCE, "the subscription")
			tables.client:Publish("chat", '{"from":"web","data":"unsigned"}')
			tables:Publish("chat", "signed")
			host.wait(function() return heard end, PATIENCE, "the message")
			assert(heard == "signed", heard)
			assert(raw:find('"mac":"%x+"') and not raw:find(SECRET, 1, true), raw)
			said('a message on chat was left out: it is not signed, and this server has a "secret" in realtime.json')
			RunConsoleCommand("realtime_status")
			said("tables are signed")
			heard, from = realtime.Decode(raw, "chat")
			assert(heard == "signed" and from == "ttt-1")
			assert(not said():find(SECRET, 1, true), "the secret on the console")
		end,
	},
	{
		name = "the bounds of tables can be raised and lowered",
		before = function()
			config('{ "url": "%s", "id": "ttt-1", "max_table_bytes": 100000, "max_table_elements": 100 }', url())
		end,
		check = function()
			local text = ("x"):rep(100000 - 2)
			assert(realtime.Decode((realtime.Encode(text))) == text)
			local encoded, reason = realtime.Encode(text .. "x")
			assert(not encoded and reason == "the value: more than 100000 bytes of JSON", reason)
			local list = {}
			for i = 1, 96 do list[i] = i end -- the list itself counts as four
			assert(realtime.Encode(list))
			list[97] = 97
			encoded, reason = realtime.Encode(list)
			assert(not encoded and reason == "the value: more than 100 elements", reason)
		end,
	},
	{ name = "a secret that is short", before = function() config('{ "secret": "pa55word" }') end, check = function(said) no_client(said, '"secret" must have 16 to 1024 bytes: make one with openssl rand -hex 32') assert(not said():find("pa55word", 1, true)) end },
	{ name = "a secret that is a number", before = function() config('{ "secret": 5 }') end, check = function(said) no_client(said, '"secret" must be a text in quotes') end },
	{ name = "bounds that are none", before = function() config('{ "max_table_bytes": 4194304 }') end, check = function(said) no_client(said, '"max_table_bytes" must be a whole number from 1024 to 4000000') end },
	{ name = "elements that are none", before = function() config('{ "max_table_elements": "many" }') end, check = function(said) no_client(said, '"max_table_elements" must be a whole number from 100 to 1000000') end },
	{
		name = "options go to Connect",
		before = function() config('\239\187\191{ "url": "%s", "id": "ttt-1", "options": { "name": "other", "protocol": 2 } }', url()) end,
		check = function()
			local client = realtime.Default()
			local _, name = client:CommandSync({ "CLIENT", "GETNAME" })
			assert(name == "other", tostring(name))
			host.wait(function() return client:Stats().protocol end, PATIENCE, "the figures")
			assert(client:Stats().protocol == 2)
		end,
	},
	{
		name = "the environment comes first, the id is the file's",
		before = function()
			config('{ "url": "redis://:%s@127.0.0.1:1", "id": "ttt-1", "options": { "protocol": 2 } }', SECRET)
			host.setenv("REALTIME_URL", url())
		end,
		check = function(said)
			wait_connected(realtime.Default())
			assert(realtime.Default() == realtime.Default() and realtime.ServerId() == "ttt-1")
			host.wait(function() return realtime.Default():Stats().protocol == 2 end, PATIENCE, "the file's options")
			local _, name = realtime.Default():CommandSync({ "CLIENT", "GETNAME" })
			assert(name == "ttt-1", tostring(name))
		end,
	},
	{
		name = "an empty variable of the environment is none: the file's URL counts",
		before = function()
			config('{ "url": "%s", "id": "ttt-1" }', url())
			host.setenv("REALTIME_URL", "")
		end,
		check = function()
			wait_connected(realtime.Default())
			host.setenv("REALTIME_URL", url()) -- for those that follow
		end,
	},
	{
		name = "a URL with white space around it and in quotes, in the environment and in the file",
		before = function()
			config('{ "url": " %s ", "id": "ttt-1" }', url())
			host.setenv("REALTIME_URL", " ")
		end,
		check = function()
			wait_connected(realtime.Default())
			host.setenv("REALTIME_URL", '"' .. url() .. '" ') -- for those that follow
			local client = realtime.Connect()
			wait_connected(client)
			client:Disconnect()
		end,
	},
	{
		name = "an id among the options, where it would say nothing",
		before = function() config('{ "options": { "id": "ttt-1" } }') end,
		check = function(said) no_client(said, "garrysmod/data/realtime.json: ", '"options" may not have an "id"') end,
	},
	{
		name = "an option of the file that is wrong beside a URL of the environment",
		before = function() config('{ "id": "ttt-1", "options": { "db": -1 } }') end,
		check = function(said) no_client(said, "garrysmod/data/realtime.json: ", '"db"') end,
	},
	{
		name = "a wrong URL in the environment is told, and the file not taken instead",
		before = function()
			config('{ "url": "%s", "id": "ttt-1" }', url())
			host.setenv("REALTIME_URL", "http://user:" .. SECRET .. "@127.0.0.1")
		end,
		check = function(said) no_client(said, "REALTIME_URL", "http") end,
	},
	{
		name = "a wrong URL in the file",
		before = function()
			host.setenv("REALTIME_URL", nil)
			config('{ "url": "redis://user:%s@127.0.0.1:70000", "id": "ttt-1" }', SECRET)
		end,
		check = function(said) no_client(said, "garrysmod/data/realtime.json: ", "port") end,
	},
	{
		name = "an option that there is not",
		before = function() config('{ "url": "%s", "options": { "pasword": "%s" } }', url(), SECRET) end,
		check = function(said) no_client(said, "garrysmod/data/realtime.json: ", "pasword") end,
	},
	{
		name = "a file that is not JSON is named with line and column, and left alone",
		before = function() config('{\n\t"url": "redis://:%s@127.0.0.1",\n\t"id": ttt-1\n}', SECRET) end,
		check = function(said)
			no_client(said, "garrysmod/data/realtime.json is not JSON: line 3, column 8")
			assert(file.Read("realtime.json", "DATA"):find(SECRET, 1, true), "the owner's file was written over")
		end,
	},
	{
		name = "an empty file: what to do",
		before = function() host.put(FILE, " \n") end,
		check = function(said) no_client(said, "it is empty. Correct it, or delete it, and restart: without the file a template is written") end,
	},
	{
		name = "what cannot be read is not said to be written anew",
		before = function()
			host.move(FILE, "kept.json")
			host.put(FILE .. "/a.txt", "") -- a folder in its place; owners have a file of root there
		end,
		check = function(said)
			no_client(said, "garrysmod/data/realtime.json is there and cannot be read: check who owns it")
			assert(not said():find("wrote", 1, true), said())
			host.move(FILE, "folder")
		end,
	},
	{
		name = "a file of another encoding",
		before = function() host.put(FILE, "\255\254{\0}\0") end,
		check = function(said) no_client(said, "it is in UTF-16, save it as UTF-8") end,
	},
	{ name = "no object", before = function() config('"redis://"') end, check = function(said) no_client(said, "it holds no { }") end },
	{ name = "an id with spaces", before = function() config('{ "id": "TTT 1" }') end, check = function(said) no_client(said, '"id" must be of letters') end },
	{ name = "an id that is a number", before = function() config('{ "id": 1 }') end, check = function(said) no_client(said, '"id" must be a text') end },
	{ name = "a url that is none", before = function() config('{ "url": {} }') end, check = function(said) no_client(said, '"url" must be a text') end },
	{
		name = "a setting that there is not",
		before = function() config('{ "ulr": "redis://:%s@127.0.0.1" }', SECRET) end,
		check = function(said) no_client(said, 'there is no "ulr"') end,
	},
	{
		name = "a folder that cannot be written",
		before = function()
			host.delete(FILE)
			host.move("data", "data_away")
		end,
		check = function(said)
			said("cannot be written: check who owns garrysmod/data")
			no_client(said, "no Redis is configured")
		end,
	},
})
