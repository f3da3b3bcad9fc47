-- Files in the way: gm_redis's own binary, and another redis.lua. Each step is a start of the server.

local FOLDER = "lua/bin/"
local BINARY = (file.Find("lua/bin/gmsv_realtime_*.dll", "MOD") or {})[1]:gsub("realtime", "redis.core")
-- The name that the binary of another system has.
local FOREIGN_BINARY = FOLDER .. "gmsv_redis.core_" .. (BINARY:find("_linux.dll", 1, true) and "linux64" or "linux") .. ".dll"
local OLD = "lua/includes/modules/redis.lua"
-- A binary that any system loads; on Windows the host has only realtime's.
local LOADS = jit.os ~= "Windows" and FOLDER .. BINARY:gsub("redis.core", "bare")

-- The addon's messages at this start about files in the way.
local function said()
	local lines = {}
	for i = (host.kept("lines") or 0) + 1, #host.console() do
		local line = host.console()[i]
		if line:find("redis.lua", 1, true) or line:find("gm_redis", 1, true) then lines[#lines + 1] = line end
	end
	return table.concat(lines, "\n")
end

local function says(text)
	if said() ~= text then error("the console says " .. said() .. "\nand not        " .. text, 2) end
end

local INSTALLED = '[realtime] gm_redis itself is installed and answers for require("redis"), not realtime. To move over, stop the ' ..
	"server and delete garrysmod/" .. FOLDER .. BINARY
local OVER_REALTIME = '[realtime] require("redis") runs garrysmod/%s, not realtime\'s own file. It works over realtime; if it ' ..
	"came with gm_redis, stop the server and delete it"
local ANOTHER = '[realtime] require("redis") runs garrysmod/%s, not realtime\'s own file, and that one does not use realtime: ' ..
	"addons made for gm_redis may fail. If nothing else needs it, stop the server and delete it"
local SHADOWED = '[realtime] garrysmod/%s does not run: require("redis") finds realtime\'s own file first%s. If an addon needs it, ' ..
	"stop the server and delete garrysmod/addons/lua/" .. OLD .. ": %s"
local WORKS = "the other file works over realtime"
local FAILS = "but the other file does not use realtime, and addons made for gm_redis may fail with it"
-- gm_redis's own file, and an addon's changed version.
local STOCK = 'require("redis.core")\nfunction redis.CreateClient() end\nlocal meta = {}\nfunction meta:Auth(password) end\n'
-- Before and after the addon under test, which is mounted as addons/lua.
local BEFORE, BEHIND = "addons/aaa/" .. OLD, "addons/zzz/" .. OLD

local steps = {
	-- The usual case.
	function()
		assert(not util.IsBinaryModuleInstalled("redis.core"))
		require("redis")
		require("redis")
		assert(redis.Version == 1.21 and realtime)
		says("")
		assert(FindMetaTable("redis_client").State, "redis.lua ran")
		-- A file that nobody can load stands for the binary.
		host.put(FOLDER .. BINARY, "no library")
		for _, system in ipairs({ "aaa", "linux", "linux64", "win32", "win64" }) do
			local other = FOLDER .. "gmsv_redis.core_" .. system .. ".dll"
			if other ~= FOLDER .. BINARY then host.put(other, "") end
		end
	end,
	function()
		assert(util.IsBinaryModuleInstalled("redis.core"))
		local ok, err = pcall(require, "redis")
		assert(not ok and err:find("Couldn't load module library!", 1, true), err)
		assert(redis == nil and not FindMetaTable("redis_client"), "stepped aside")
		-- Its file for this system is named, whatever others are beside it.
		says(INSTALLED)
		for _, name in ipairs(file.Find(FOLDER .. "gmsv_redis.core_*.dll", "MOD")) do
			if name ~= BINARY then host.delete(FOLDER .. name) end
		end
		-- One that loads and does not change redis; the whole of gm_redis.
		if LOADS then host.put(FOLDER .. BINARY, file.Read(LOADS, "MOD")) end
		host.put(OLD, 'require("redis.core")\n')
	end,
	function()
		says(INSTALLED .. " and garrysmod/" .. OLD)
		-- A copy of realtime's stays.
		host.put(OLD, file.Read("addons/lua/" .. OLD, "MOD"))
	end,
	-- gm_redis's binary provides `redis` and the metatables; the Lua half is still ours.
	function()
		local client = {}
		client.__index, redis = client, { CreateClient = function() return nil, "no more" end }
		function client:Send(command) return command end
		RegisterMetaTable("redis_client", client)
		says(INSTALLED)
		if LOADS then
			require("redis")
			says(INSTALLED)
			assert(redis.Version == nil)
			local ok, err = pcall(redis.CreateClient)
			assert(not ok and err:find("no more", 1, true))
			redis.CreateClient = nil
			local command = setmetatable({}, client):Expire("key", 5)
			assert(command[1] == "EXPIRE" and command[2] == "key" and command[3] == 5)
		end
		host.delete(FOLDER .. BINARY)
		host.put(OLD, STOCK)
		host.put(BEFORE, 'require("redis.core")\nFOREIGN_FILE_RAN = true\n')
		host.put(BEHIND, STOCK .. "function redis.ConnectClient() end\n")
	end,
	-- It is named whether it is required or not.
	function()
		says(OVER_REALTIME:format(BEFORE))
		require("redis")
		assert(FOREIGN_FILE_RAN and redis.Version == 1.21)
		says(OVER_REALTIME:format(BEFORE))
		host.put(BEFORE, 'require("redis.core")\nfunction redis.ConnectClient() end\n')
	end,
	-- With its own functions it is part of an addon.
	function()
		says('[realtime] require("redis") runs garrysmod/' .. BEFORE .. ", not realtime's own file. It works over realtime")
		host.put(BEFORE, "FOREIGN_FILE_RAN = true\n")
	end,
	-- Neither gm_redis's nor ours.
	function()
		says(ANOTHER:format(BEFORE))
		require("redis")
		assert(FOREIGN_FILE_RAN and redis == nil)
		-- A Workshop addon has no folder.
		file.Find = function() return {}, {} end
		local message = include("realtime/gm_redis/in_the_way.lua")()[1]
		assert(message:find("runs the includes/modules/redis.lua of a Workshop addon, not", 1, true), message)
		host.delete(BEFORE)
	end,
	-- Addons are mounted before the game's own folder, so ours runs now. Of the files that do not run, gm_redis's own has nothing
	-- that ours lacks; the others are named.
	function()
		says(SHADOWED:format(BEHIND, ", so redis.ConnectClient is missing", WORKS))
		require("redis")
		assert(FindMetaTable("redis_client").State, "ours ran")
		host.put(BEHIND, STOCK .. "function redis.ConnectClient() end\nfunction meta.Wait(self) end\n\tfunction  meta:Log() end\n")
		host.put(OLD, 'require "redis.core"\ninclude("my_addon/redis.lua")\n')
	end,
	function()
		says(SHADOWED:format(BEHIND, ", so redis.ConnectClient and 2 more of its functions are missing", WORKS) .. "\n" ..
			SHADOWED:format(OLD, "", WORKS))
		host.delete(BEHIND)
		host.put(OLD, "function redis.query() end\n")
	end,
	function()
		says(SHADOWED:format(OLD, ", so redis.query is missing", FAILS))
		host.delete(OLD)
		-- For an addon that looks whether gm_redis's binary is there: an empty one, for a system that is not this one.
		host.put(FOREIGN_BINARY, "")
	end,
	function()
		assert(file.Exists(FOREIGN_BINARY, "MOD") and file.Exists(FOREIGN_BINARY, "GAME"))
		says("")
		require("redis")
		assert(FindMetaTable("redis_client").State, "ours ran")
		host.delete(FOREIGN_BINARY)
	end,
	function()
		require("redis.core")
		assert(redis.CreateSubscriber and not FindMetaTable("redis_client").State)
		require("redis")
		assert(FindMetaTable("redis_client").State and redis.GetClientsTable)
		says("")
		host.exit(0)
	end,
}

host.run(function()
	steps[host.map_number]()
	host.keep("lines", #host.console())
	host.next_map()
end)
