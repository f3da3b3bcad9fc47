-- Finds files that conflict with realtime over require("redis"): gm_redis's own binary, or another redis.lua. Returns
-- a list of messages.
local MODULE = "lua/includes/modules/redis.lua"
local OURS = "docs/gm_redis.md in realtime's repository" -- a line at the top of our file

-- The functions of gm_redis's own redis.lua, in any version. Ours has all of them.
local KNOWN = {}
for name in ([[CreateClient CreateSubscriber GetClientsTable GetSubscribersTable Auth State Save LastSave Expire Set SetEx Get
	Exists Delete Publish GetConfig SetConfig]]):gmatch("%a+") do KNOWN[name] = true end

local function is_ours(text) return text:find(OURS, 1, true) ~= nil end

-- All files of that name in a folder, in the game's order, each { path, text }. Those of Workshop addons are not in a
-- folder.
local function find_all()
	local _, addons = file.Find("addons/*", "MOD")
	local paths, found = {}, {}
	for _, name in ipairs(addons or {}) do paths[#paths + 1] = "addons/" .. name .. "/" .. MODULE end
	paths[#paths + 1] = MODULE
	for _, path in ipairs(paths) do
		local text = file.Read(path, "MOD")
		if text then found[#found + 1] = { path = "garrysmod/" .. path, text = text } end
	end
	return found
end

local function place(files, text)
	for _, each in ipairs(files) do
		if each.text == text then return each.path end
	end
	return "the includes/modules/redis.lua of a Workshop addon"
end

-- Names of functions in this text that ours does not have, as written; and whether it has any function at all.
local function unknown(text)
	local names, any = {}, false
	for line in text:gmatch("[^\r\n]+") do
		local owner, name = line:match("^%s*function%s+([%w_]+)[.:]([%w_]+)")
		any = any or name ~= nil
		if name and not KNOWN[name] then names[#names + 1] = owner .. "." .. name end
	end
	return names, any
end

local function binary()
	-- Binaries of other systems are not in the way: an addon may look for one.
	local name = "gmsv_redis.core_" .. (include("realtime/install.lua").Platform() or "*") .. ".dll"
	if not file.Exists("lua/bin/" .. name, "MOD") then name = (file.Find("lua/bin/gmsv_redis.core_*.dll", "MOD") or {})[1] or name end
	local old = file.Read(MODULE, "MOD")
	return 'gm_redis itself is installed and answers for require("redis"), not realtime. To move over, stop the server and ' ..
		"delete garrysmod/lua/bin/" .. name ..
		(old and not is_ours(old) and " and garrysmod/" .. MODULE or "")
end

-- Another file runs in place of ours.
local function replaced(path, text)
	local runs = string.format('require("redis") runs %s, not realtime\'s own file', path)
	if text:find("redis.core", 1, true) then
		-- If it has functions that ours lacks, an addon may need it, and the owner may have deleted ours for
		-- its sake.
		local is_addons = #unknown(text) > 0
		return runs .. ". It works over realtime" ..
			(is_addons and "" or "; if it came with gm_redis, stop the server and delete it")
	end
	return runs .. ", and that one does not use realtime: addons made for gm_redis may fail. If nothing else needs it, " ..
		"stop the server and delete it"
end

-- Ours runs in place of another file. Nil for gm_redis's own, which has nothing that ours lacks.
local function shadowed(path, text, ours)
	local names, any = unknown(text)
	if any and #names == 0 then return end
	local lost = ""
	if #names > 0 then
		lost = ", so " .. names[1] .. (#names > 1 and " and " .. #names - 1 .. " more of its functions are missing" or " is missing")
	end
	return string.format('%s does not run: require("redis") finds realtime\'s own file first%s. If an addon needs it, stop the ' ..
		"server and delete %s: %s", path, lost, ours, text:find("redis.core", 1, true) and "the other file works over realtime"
		or "but the other file does not use realtime, and addons made for gm_redis may fail with it")
end

return function()
	-- require takes the binary first.
	if util.IsBinaryModuleInstalled("redis.core") then return { binary() } end
	-- If there are several files of that name, the one that the game takes.
	local text = file.Read("includes/modules/redis.lua", "lsv")
	if not text then return {} end
	local files = find_all()
	if not is_ours(text) then return { replaced(place(files, text), text) } end
	local messages = {}
	for _, each in ipairs(files) do
		if not is_ours(each.text) then messages[#messages + 1] = shadowed(each.path, each.text, place(files, text)) end
	end
	return messages
end
