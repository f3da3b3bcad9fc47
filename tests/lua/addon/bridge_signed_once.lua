-- unix; servers: fake, real
-- With a shared secret, the bridge of lua/examples/bridge and web_bridge.lua hear each other, and nobody else.

local SECRET = ("a secret "):rep(5)

local bridges = include("_bridge.lua")
bridges = bridges and bridges(SECRET)
if not bridges then return end
local kit = include("../_kit.lua")
local alice, chat = bridges.alice, bridges.chat

host.test("signed chat goes both ways", function()
	include("../../../lua/examples/web_bridge.lua")
	kit.subscribe(realtime.Default(), kit.unique("fence"), function() end)
	local bridge = bridges.start("signed", host.redis_url, SECRET)
	bridge.wait("listening\n")
	hook.Run("PlayerSay", alice, 'a "quoted" \r\n ☃ line / \\', false)
	bridge.wait('[hub] Alice (76561198000000001): a "quoted"    ☃ line / \\\n')
	bridge.type('Bob: hello "there": ☃ \\')
	kit.wait("the line", function() return #chat == 1 end)
	kit.eq(chat, { '[web] Bob: hello "there": ☃ \\' })
	-- A name that is not UTF-8 is signed unchanged.
	hook.Run("PlayerSay", alice, "B\255b", false)
	bridge.wait("[hub] Alice (76561198000000001): B b\n")
	-- Two other senders, without the secret and with a wrong one.
	for name, secret in pairs({ none = false, another = SECRET:upper() }) do
		local other = bridges.start(name, host.redis_url, secret or nil)
		other.wait("listening\n")
		other.type("Eve: hello")
		other.wait("1 servers heard it\n")
		kit.eq(other.close(), 0, "its exit code")
	end
	bridge.type("Bob: last")
	kit.wait("the last line", function() return chat[#chat] == "[web] Bob: last" end)
	kit.eq(#chat, 2)
	kit.eq(bridge.close(), 0, "its exit code")
end)
