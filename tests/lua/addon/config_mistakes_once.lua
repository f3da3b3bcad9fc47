-- Mistakes that owners make in realtime.json, the messages about them, and the lines of realtime_status.

local PATIENCE = host.args[1] == "slow" and 120 or 15
local FILE, SHOWN = "data/realtime.json", "garrysmod/data/realtime.json"

local function config(url, id) host.put(FILE, string.format('{ "url": "%s", "id": "%s" }', url, id)) end

-- The lines of realtime_status.
local function status()
	local from, lines = #host.console(), {}
	RunConsoleCommand("realtime_status")
	local all = host.console()
	for i = from + 1, #all do lines[#lines + 1] = all[i] end
	return table.concat(lines, "\n")
end

local function says(text, ...)
	for _, part in ipairs({ ... }) do assert(text:find(part, 1, true), string.format("%q is not in %s", part, text)) end
end

include("_steps.lua")({
	{
		name = "no id: the status says so",
		check = function() says(status(), '" (it has no id in ' .. SHOWN .. ")") end,
	},
	{
		name = "a comma too many is named, with its place, and the status does not speak of an id",
		before = function() host.put(FILE, '{\n\t"url": "redis://10.0.0.5",\n\t"id": "ttt-1",\n}') end,
		check = function(said)
			local what = SHOWN .. " is not JSON: line 3, column 15: a comma too many: '}' follows it"
			said(what)
			says(status(), what)
			assert(not status():find("it has no id", 1, true), status())
		end,
	},
	{
		name = "an id that cannot be one: the status says so",
		before = function() config(host.redis_url, "TTT 1") end,
		check = function(said)
			local what = SHOWN .. ': "id" must be of letters, digits, "_", "." and "-", at most 64'
			said(what)
			says(status(), what)
			assert(not status():find("it has no id", 1, true), status())
		end,
	},
	{
		name = "other mistakes of hands in JSON",
		check = function()
			for text, wrong in pairs({
				['{ "url": "a" // here\n}'] = "line 1, column 14: JSON has no comments",
				['# here\n{ "url": "a" }'] = "line 1, column 1: JSON has no comments",
				["{ 'url': 'a' }"] = "line 1, column 3: expected a key in double quotes: strings need plain double quotes",
				['{ "url": \226\128\156a\226\128\157 }'] = "line 1, column 10: expected a value: strings need plain double quotes",
				['{ "url": "a"\n  "id": "b" }'] = "line 2, column 3: expected ',' or '}'",
				['{ "url": "a"'] = "line 1, column 13: expected ',' or '}', but the text ends: a bracket or a quote is missing",
				['{ "options": [1, 2, ] }'] = "line 1, column 19: a comma too many: ']' follows it",
				['{ , "url": "a" }'] = "line 1, column 3: expected a key in double quotes",
			}) do
				local value, told = realtime.addon.json.Decode(text)
				assert(value == nil and told:find(wrong, 1, true) == 1, text .. ": " .. tostring(told))
			end
			assert(realtime.addon.json.Decode('{ "options": [], "url": {} }'))
		end,
	},
	{
		name = "white space around the URL does no harm",
		before = function() config("  " .. host.redis_url .. " ", "ttt-1") end,
		check = function(said)
			host.wait(function() return said():find('[realtime] connected to redis', 1, true) end, PATIENCE, "the connection")
			says(status(), 'this server is "ttt-1"\n')
		end,
	},
	{
		name = "white space in the URL is named in an owner's words",
		before = function() config("redis:// 127.0.0.1", "ttt-1") end,
		check = function(said) said("[realtime] " .. SHOWN .. ": url: the URL has white space in it (a space is written %20)") end,
	},
	{
		name = "without +unsubscribe the status tells what the server goes on sending, and what allows the end of it",
		before = function()
			local server = host.new_fake({ user = "gmod on >secret resetchannels &chat +@all -unsubscribe" })
			config("redis://gmod:secret@" .. server.url():match("127%.0%.0%.1:%d+"), "ttt-1")
		end,
		check = function()
			local client = realtime.Default()
			client:Subscribe("chat", "mine", function() end)
			host.wait(function() return client:Stats().confirmed == 1 end, PATIENCE, "the subscription")
			says(status(), "    subscriptions  1, 1 confirmed\n")
			client:Unsubscribe("chat", "mine")
			host.wait(function() return client:Stats().refused == 1 end, PATIENCE, "the refusal")
			says(status(), "    subscriptions  0, 0 confirmed; the server still sends 1 that were unsubscribed\n",
				'    refused        1: the end of channel "chat": NOPERM: ', "; to allow it, type into redis-cli: ACL SETUSER gmod +unsubscribe\n")
		end,
	},
})
