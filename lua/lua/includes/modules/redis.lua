-- The part of gm_redis that was Lua (the SuperiorServers fork, version 1.21): over realtime, or over gm_redis's own
-- binary if that is installed. docs/gm_redis.md in realtime's repository explains how to migrate.

require("redis.core")

-- A create function that raises where redis.core's returns nil and an error, and a function that lists the objects in
-- use, without gaps. The list is weak.
local function listed(create)
	local list, count = setmetatable({}, { __mode = "v" }), 0

	local function make()
		local made, err = create()
		if not made then error(err) end
		count = count + 1
		list[count] = made
		return made
	end

	local function in_use()
		local kept = 0
		for i = 1, count do
			local each = list[i]
			list[i] = nil
			if each ~= nil then
				kept = kept + 1
				list[kept] = each
			end
		end
		count = kept
		return list
	end

	return make, in_use
end

redis.CreateClient, redis.GetClientsTable = listed(redis.CreateClient)
redis.CreateSubscriber, redis.GetSubscribersTable = listed(redis.CreateSubscriber)

local client = FindMetaTable("redis_client")

-- All of these call Send: an addon that replaces Send sees them, and arguments may be anything that Send takes. A nil
-- ends the command, so that Auth(nil) and Publish(channel) are answered with the server's error instead of raising.

function client:Auth(password, callback) return self:Send({ "AUTH", password }, callback) end
function client:Publish(channel, message, callback) return self:Send({ "PUBLISH", channel, message }, callback) end
function client:State(callback) return self:Send({ "CLUSTER", "INFO" }, callback) end
function client:Save(callback) return self:Send("BGSAVE", callback) end
function client:LastSave(callback) return self:Send("LASTSAVE", callback) end
function client:Expire(key, seconds, callback) return self:Send({ "EXPIRE", key, seconds }, callback) end
function client:Set(key, value, callback) return self:Send({ "SET", key, value }, callback) end
function client:SetEx(key, seconds, value, callback) return self:Send({ "SETEX", key, seconds, value }, callback) end
function client:Get(key, callback) return self:Send({ "GET", key }, callback) end
function client:GetConfig(name, callback) return self:Send({ "CONFIG", "GET", name }, callback) end
function client:SetConfig(name, value, callback) return self:Send({ "CONFIG", "SET", name, value }, callback) end

local function with_keys(name, keys)
	local command = { name }
	if type(keys) ~= "table" then keys = { keys } end
	for i = 1, #keys do command[i + 1] = keys[i] end
	return command
end

function client:Exists(keys, callback) return self:Send(with_keys("EXISTS", keys), callback) end
function client:Delete(keys, callback) return self:Send(with_keys("DEL", keys), callback) end
