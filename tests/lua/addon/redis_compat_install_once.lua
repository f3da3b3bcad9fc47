-- What lies in the way: gm_redis's own binary, and an old redis.lua. Each step is a start of the server.

local FOLDER = "lua/bin/"
local BINARY = (file.Find("lua/bin/gmsv_realtime_*.dll", "MOD") or {})[1]:gsub("realtime", "redis.core")
local OLD = "lua/includes/modules/redis.lua"

local function lines_with(text)
	local n = 0
	for _, line in ipairs(host.console()) do n = n + (line:find(text, 1, true) and 1 or 0) end
	return n
end

local steps = {
	-- The usual.
	function()
		assert(not util.IsBinaryModuleInstalled("redis.core"))
		require("redis")
		require("redis")
		assert(redis.Version == 1.21 and realtime and lines_with("gm_redis") == 0)
		assert(FindMetaTable("redis_client").State, "redis.lua ran")
		-- A file that nobody can load stands for the binary.
		host.put(FOLDER .. BINARY, "no library")
	end,
	function()
		assert(util.IsBinaryModuleInstalled("redis.core"))
		local ok, err = pcall(require, "redis")
		assert(not ok and err:find("Couldn't load module library!", 1, true), err)
		assert(redis == nil and not FindMetaTable("redis_client"), "stepped aside")
		assert(lines_with("gm_redis itself is installed") == 1 and lines_with("garrysmod/lua/bin/" .. BINARY) == 1)
		-- One that loads, and changes nothing of redis.
		host.put(FOLDER .. BINARY, file.Read(FOLDER .. BINARY:gsub("redis.core", "bare"), "MOD"))
	end,
	-- gm_redis's binary brings `redis` and the metatables; the half that was Lua is still ours.
	function()
		local client = {}
		client.__index, redis = client, { CreateClient = function() return nil, "no more" end }
		function client:Send(command) return command end
		RegisterMetaTable("redis_client", client)
		require("redis")
		assert(lines_with("gm_redis itself is installed") == 2 and redis.Version == nil)
		local ok, err = pcall(redis.CreateClient)
		assert(not ok and err:find("no more", 1, true))
		redis.CreateClient = nil
		local command = setmetatable({}, client):Expire("key", 5)
		assert(command[1] == "EXPIRE" and command[2] == "key" and command[3] == 5)
		host.delete(FOLDER .. BINARY)
		host.put(OLD, 'require("redis.core")\nOLD_FILE_RAN = true\n')
	end,
	-- The game's own folder comes before addons.
	function()
		require("redis")
		assert(OLD_FILE_RAN and redis.Version == 1.21)
		assert(lines_with("garrysmod/" .. OLD .. " is a file of gm_redis") == 1)
		host.delete(OLD)
	end,
	function()
		require("redis.core")
		assert(redis.CreateSubscriber and not FindMetaTable("redis_client").State)
		require("redis")
		assert(FindMetaTable("redis_client").State and redis.GetClientsTable)
		assert(lines_with("is a file of gm_redis") == 1 and lines_with("itself is installed") == 2, "nothing is said now")
		host.exit(0)
	end,
}

host.run(function()
	steps[host.map_number]()
	host.next_map()
end)
