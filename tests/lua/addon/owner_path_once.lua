-- servers: fake, real; tick-rate: 22, 66, 100
-- A new owner's path: from an empty folder to a message from outside on the console. A message names each step that is
-- left out.

local PATIENCE = host.args[1] == "slow" and 240 or 60
local MODULE, CONFIG = include("_platform.lua").file, "data/realtime.json"

local function config(url, id) host.put(CONFIG, string.format('{ "url": "%s", "id": "%s" }', url, id)) end
local function shows(said, text)
	host.wait(function() return said():find(text, 1, true) end, PATIENCE, "'" .. text .. "' on the console")
end
local secured

include("_steps.lua")({
	{
		name = "everything is in place but the configuration",
		check = function(said)
			said("wrote garrysmod/data/realtime.json")
			said("no Redis is configured: write its URL into garrysmod/data/realtime.json")
		end,
	},
	{
		name = "no module",
		before = function() host.move(MODULE, "kept.dll") end,
		check = function(said) said("needs the file\n    garrysmod/" .. MODULE) end,
	},
	{
		name = "no addon: the game itself names the file that an addon's author includes",
		before = function()
			host.move("kept.dll", MODULE)
			host.move("addons/lua", "addon_kept")
		end,
		check = function(said)
			assert(include("realtime/load.lua") == nil and realtime == nil)
			said("Couldn't include file 'realtime/load.lua'")
		end,
	},
	{
		name = "no id",
		before = function()
			host.move("addon_kept", "addons/lua")
			config(host.redis_url, "")
		end,
		check = function(said)
			said("this server has no id: write one into garrysmod/data/realtime.json")
			shows(said, "[realtime] connected to ")
		end,
	},
	{
		name = "no Redis at that address",
		before = function()
			host.hibernate(true) -- from here on the server is empty
			config("redis://127.0.0.1:1", "ttt-1")
		end,
		check = function(said) shows(said, "REFUSED: ") shows(said, "(URL from garrysmod/data/realtime.json)") end,
	},
	{
		name = "no password",
		before = function()
			secured = host.new_fake({ password = "another" })
			config("redis://" .. secured.url():match("127%.0%.0%.1:%d+"), "ttt-1")
		end,
		check = function(said) shows(said, "NOAUTH: ") shows(said, "(URL from garrysmod/data/realtime.json)") end,
	},
	{
		name = "all of it: a message from outside is on the console of an empty server",
		before = function() config(host.redis_url, "ttt-1") end,
		check = function(said)
			shows(said, 'as "ttt-1"')
			RunConsoleCommand("realtime_tail", "chat")
			host.wait(function() return host.server.publish("chat", "hello") == 1 end, PATIENCE, "the subscription")
			shows(said, "[chat] hello")
			assert(not said():find("missing", 1, true) and not said():find("no id", 1, true), said())
		end,
	},
})
