-- servers: real; redis: 7.0
-- realtime_check's lines for redis-cli, typed as they stand: for users with parts in parentheses, and with a replica.

local put = include("_check_put.lua")
if not put then return end

local kit = include("../_kit.lua")
local check_kit = include("_check.lua")(put)
local check, problems, show, all_well, type_in = check_kit.check, check_kit.problems, check_kit.show, check_kit.all_well, check_kit.type_in

-- The user of docs/security.md, with this in place of `answers`.
local ANSWERS = "(&realtime:requests:ttt-1 &realtime:answers:* &realtime:probe:* +subscribe) " ..
	"(&realtime:requests:* &realtime:answers:* &realtime:probe:* +publish)"
local function with_parts(answers)
	local rules = "on >pw resetchannels +hello +ping +time +client|setname +client|info +info +unsubscribe +punsubscribe " ..
		"(&chat &kills.* &realtime:presence +subscribe +psubscribe +publish) " .. (answers or ANSWERS)
	local client = check_kit.restart(kit.user("ttt-1", rules))
	kit.wait("ready", function() return client:IsConnected() end)
	return client
end
-- What the server says to a command of that user: "OK", or why not.
local function may(...) return host.real.command("ACL", "DRYRUN", "ttt-1", ...) end
local function stays_protected()
	for _, words in ipairs({ { "SUBSCRIBE", "realtime:requests:ttt-2" }, { "PSUBSCRIBE", "realtime:requests:*" }, { "PUBLISH", "shop", "x" } }) do
		assert(may(unpack(words)):find("permission", 1, true), table.concat(words, " "))
	end
end
local function refused(client, count)
	kit.wait("the refusals", function() return client:Stats().refused == count end)
end

host.test("channels and patterns that a user with parts may not subscribe to", function()
	local client = with_parts()
	local names = { "shop", "it's", "a\\b", "two words", "st*r", "\195\188", "\"\\", "\1" }
	for _, name in ipairs(names) do client:Subscribe(name, function() end) end
	client:PSubscribe("shop.*", function() end)
	client:SSubscribe("shard", function() end)
	refused(client, #names + 2)
	local line = check_kit.only("subscriptions", "10 of 10 are refused")
	assert(not line.text:find("ACL SETUSER", 1, true), line.text)
	type_in(host.real, line.todo, "ACL SETUSER ttt%-1 %(")
	for _, name in ipairs(names) do kit.eq({ name, may("SUBSCRIBE", name) }, { name, "OK" }) end
	kit.eq({ may("PSUBSCRIBE", "shop.*"), may("SSUBSCRIBE", "shard") }, { "OK", "OK" })
	for _, name in ipairs({ "stir", "shops" }) do assert(may("SUBSCRIBE", name) ~= "OK", name) end
	stays_protected()
	client:Disconnect()
end)

host.test("the channel of a shared table: the helper's line, once", function()
	local client = with_parts()
	local shared = realtime.Shared("bans")
	refused(client, 1)
	client:Subscribe("shop", function() end)
	refused(client, 2)
	local list = problems(check())
	kit.eq({ list[1].about, list[2].about, list[2].todo }, { "subscriptions", "shared tables",
		"Type the line of the subscriptions above: it allows this as well." }, show(check()))
	type_in(host.real, list[1].todo, "ACL SETUSER")
	kit.eq({ may("SUBSCRIBE", "realtime:shared:{bans}"), may("SUBSCRIBE", "shop") }, { "OK", "OK" })
	stays_protected()
	client:Disconnect() -- it would ask again within five minutes
	client = realtime.Default()
	shared = realtime.Shared("bans")
	kit.wait("the table", function() return shared:IsReady() end)
	all_well()
	client:Disconnect()
	table.Empty(realtime.addon.used_scripts)
end)

host.test("players: the channel on which servers tell who is where", function()
	local client = with_parts(ANSWERS .. " (~realtime:players:* &realtime:players:* +eval +evalsha +script|load +time +publish +get +set +hget " ..
		"+hmget +hset +hdel +hlen +hgetall +pexpire +zadd +zrem +zscore +zrangebyscore +zremrangebyscore)")
	local used = realtime.addon.used_scripts
	used.players_claims = true
	type_in(host.real, check_kit.only("players", "channel").todo, "ACL SETUSER ttt%-1 %(")
	kit.eq({ may("PUBLISH", "realtime:players", "x"), may("SUBSCRIBE", "realtime:players"), may("SUBSCRIBE", "realtime:players:ttt-1") },
		{ "OK", "OK", "OK" })
	all_well()
	stays_protected()
	used.players_claims = nil
	client:Disconnect()
end)

host.test("a message to oneself", function()
	local client = with_parts("(&realtime:requests:ttt-1 +subscribe) (&realtime:requests:* +publish)")
	type_in(host.real, check_kit.only("messages", "is refused").todo, "ACL SETUSER")
	all_well()
	stays_protected()
	client:Disconnect()
end)

host.test("with a replica the first such line says that users are not copied", function()
	local function hints(report)
		local count = 0
		for _, line in ipairs(problems(report)) do count = count + select(2, line.todo:gsub("on each of your Redises", "")) end
		return count, #problems(report)
	end
	local client = check_kit.with_user("resetchannels &chat -psubscribe")
	kit.eq({ hints(check()) }, { 0, 2 }, "alone")
	local replica = host.new_real()
	replica.command("REPLICAOF", "127.0.0.1", host.redis_url:match("%d+$"))
	kit.wait("the replica", function() return tostring(host.real.command("INFO", "replication")):find("connected_slaves:1", 1, true) end)
	kit.eq({ hints(check()) }, { 1, 2 }, "with a replica")
	client:Disconnect()
end)
