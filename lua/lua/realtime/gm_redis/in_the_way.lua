-- What keeps require("redis") from realtime: gm_redis's own binary, or a redis.lua of somebody else. Returns a message, or nil.
local MODULE = "lua/includes/modules/redis.lua"
local OURS = "docs/gm_redis.md in realtime's repository" -- stands at the top of our file

-- Where the file with this text lies. Files of the Workshop lie in no folder.
local function place(text)
	local _, addons = file.Find("addons/*", "MOD")
	local places = { MODULE }
	for _, name in ipairs(addons or {}) do places[#places + 1] = "addons/" .. name .. "/" .. MODULE end
	for _, path in ipairs(places) do
		if file.Read(path, "MOD") == text then return "garrysmod/" .. path end
	end
	return "the includes/modules/redis.lua of a Workshop addon"
end

return function()
	-- For require the binary comes first.
	if util.IsBinaryModuleInstalled("redis.core") then
		local binaries = file.Find("lua/bin/gmsv_redis.core_*.dll", "MOD") or {}
		local old = file.Read(MODULE, "MOD")
		return 'gm_redis itself is installed and answers for require("redis"), not realtime. To move over, stop the server and ' ..
			"delete garrysmod/lua/bin/" .. (binaries[1] or "gmsv_redis.core_*.dll") ..
			(old and not old:find(OURS, 1, true) and " and garrysmod/" .. MODULE or "")
	end
	-- Of several files of that name, the one that the game takes.
	local text = file.Read("includes/modules/redis.lua", "lsv")
	if not text or text:find(OURS, 1, true) then return end
	local runs = string.format('require("redis") runs %s, not realtime\'s own file', place(text))
	if text:find("redis.core", 1, true) then
		return runs .. ". It works over realtime; if it came with gm_redis, stop the server and delete it"
	end
	return runs .. ", and that one does not use realtime: addons made for gm_redis may fail. If nothing else needs it, " ..
		"stop the server and delete it"
end
