-- Tables of two clients that stand for two servers.

local kit = include("../_kit.lua")

local function two()
	return realtime.Tables(kit.ready(), "one"), realtime.Tables(kit.ready(), "two")
end

local function close(...)
	for _, tables in ipairs({ ... }) do tables.client:Disconnect() end
end

return two, close
