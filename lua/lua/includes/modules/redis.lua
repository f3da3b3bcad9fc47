-- The part of gm_redis that was Lua (the SuperiorServers fork, version 1.21): over realtime, or over gm_redis's own binary
-- where that is installed. docs/gm_redis.md in realtime's repository tells how to move over.

require("redis.core")

local clients = setmetatable({}, { __mode = "v" })
local count = 0
local create = redis.CreateClient

-- Raises where redis.core returns nil and an error.
function redis.CreateClient()
	local client, err = create()
	if not client then error(err) end
	count = count + 1
	clients[count] = client
	return client
end

-- The clients that are in use, without gaps. The list is weak.
function redis.GetClientsTable()
	local kept = 0
	for i = 1, count do
		local client = clients[i]
		clients[i] = nil
		if client ~= nil then
			kept = kept + 1
			clients[kept] = client
		end
	end
	count = kept
	return clients
end

local client = FindMetaTable("redis_client")

-- By way of Send, so that an addon that puts its own in place of it sees these commands, too.

function client:State(callback) return self:Send({ "CLUSTER", "INFO" }, callback) end
function client:Save(callback) return self:Send("BGSAVE", callback) end
function client:LastSave(callback) return self:Send("LASTSAVE", callback) end
function client:Expire(key, seconds, callback) return self:Send({ "EXPIRE", key, seconds }, callback) end
function client:Set(key, value, callback) return self:Send({ "SET", key, value }, callback) end
function client:SetEx(key, seconds, value, callback) return self:Send({ "SETEX", key, seconds, value }, callback) end
function client:Get(key, callback) return self:Send({ "GET", key }, callback) end
function client:GetConfig(name, callback) return self:Send({ "CONFIG", "GET", name }, callback) end
function client:SetConfig(name, value, callback) return self:Send({ "CONFIG", "SET", name, value }, callback) end

-- Old binaries have none of their own.
client.Auth = client.Auth or function(self, password, callback) return self:Send({ "AUTH", password }, callback) end

local function with_keys(name, keys)
	local command = { name }
	if type(keys) ~= "table" then keys = { keys } end
	for i = 1, #keys do command[i + 1] = keys[i] end
	return command
end

function client:Exists(keys, callback) return self:Send(with_keys("EXISTS", keys), callback) end
function client:Delete(keys, callback) return self:Send(with_keys("DEL", keys), callback) end
