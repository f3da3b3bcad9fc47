-- unix; servers: fake, real
-- The bridge of lua/examples/bridge, run by Python, talks with web_bridge.lua through the module.

local bridges = include("_bridge.lua")
bridges = bridges and bridges()
if not bridges then return end
local kit = include("../_kit.lua")
local alice, chat = bridges.alice, bridges.chat

host.test("chat goes both ways", function()
	include("../../../lua/examples/web_bridge.lua")
	kit.subscribe(realtime.Default(), kit.unique("fence"), function() end)
	local bridge = bridges.start("chat", host.redis_url)
	bridge.wait("listening\n")
	hook.Run("PlayerSay", alice, 'a "quoted" ☃ line', false)
	bridge.wait('[hub] Alice (76561198000000001): a "quoted" ☃ line\n')
	bridge.type('Bob: hello "there": ☃')
	kit.wait("the line", function() return #chat == 1 end)
	kit.eq(chat, { '[web] Bob: hello "there": ☃' })
	bridge.wait("1 servers heard it\n")
	bridge.type("B\255b: no UTF-8")
	kit.wait("the line", function() return #chat == 2 end)
	kit.eq(chat[2], "[web] B?b: no UTF-8")
	bridge.wait("1 servers heard it\n")
	bridge.type("no colon")
	bridge.wait("type it as name: text\n")
	-- Messages that others may send.
	local line = '{"name":"A","steamid":"1","text":"B"}'
	for _, message in ipairs({ "", "no JSON", "[]", '{"from":"x","data":5}', ("["):rep(100000), '{"from":["x"],"data":' .. line .. "}",
		'{"from":"a b","data":' .. line .. "}", '{"from":"","data":' .. line .. "}", '{"from":"x","data":' .. line .. "}" .. (" "):rep(70000),
		'{"from":"x","data":{"name":"A","steamid":1,"text":"B"}}', '{"from":"x","data":{"name":"A","steamid":"1","text":["B"]}}' }) do
		host.server.publish("web.from_game", message)
		bridge.wait("left out a message that is no line of chat\n")
	end
	host.server.publish("web.from_game", '{"from":"x","data":{"name":"\\u001b[1m","steamid":"1","text":"two\\nlines"}}')
	bridge.wait("[x]  [1m (1): two lines\n")
	host.server.publish("web.from_game", '{"from":"x","data":{"name":"' .. ("n"):rep(500) .. '","steamid":"1","text":"' .. ("t"):rep(500) .. '"}}')
	bridge.wait("[x] " .. ("n"):rep(64) .. " (1): " .. ("t"):rep(200) .. "\n")
	-- It reconnects by itself.
	host.server.drop()
	bridge.wait("not listening: the server closed the connection\n")
	bridge.wait("listening\n")
	kit.wait("this server's way back", function() return realtime.Default():IsConnected() end)
	hook.Run("PlayerSay", alice, "still there?", false)
	bridge.wait("[hub] Alice (76561198000000001): still there?\n")
	host.server.stop()
	bridge.type("Bob: anybody?")
	bridge.wait("nobody heard it: ")
	kit.eq(bridge.close(), 0, "its exit code")
	host.server.start()
end)

host.test("a password, and a user who may do just this", function()
	local server = host.new_fake({ password = "a b:c", user = "web on >d@e/f resetchannels &web.* -@all +subscribe +publish" })
	local address = server.url():match("[%d.]+:%d+")
	for name, login in pairs({ password = ":a%20b%3Ac", user = "web:d%40e%2Ff" }) do
		local bridge = bridges.start(name, "redis://" .. login .. "@" .. address)
		bridge.wait("listening\n")
		bridge.type("Bob: hello")
		bridge.wait("0 servers heard it\n")
		kit.eq(bridge.close(), 0, "its exit code")
	end
	local bridge = bridges.start("wrong", "redis://web:wrong@" .. address)
	bridge.wait("not listening: WRONGPASS")
	bridge.type("Bob: hello")
	bridge.wait("nobody heard it: WRONGPASS")
	kit.eq(bridge.close(), 0, "its exit code")
end)

host.test("a URL that is of another kind, or wrong, ends it at once", function()
	for url, said in pairs({
		["rediss://127.0.0.1"] = "the URL must begin with redis://\n",
		["redis://:secret@127.0.0.1:port"] = "the port in the URL is no number from 0 to 65535\n",
	}) do
		local bridge = bridges.start("wrong-url", url)
		bridge.wait(said)
		kit.eq(bridge.close(), 256, "its exit code, 1")
	end
end)

host.test("with a secret it signs, and leaves out what is not signed", function()
	local heard = kit.recorder()
	local other = kit.connect({ id = "other" })
	kit.subscribe(other, "web.to_game", heard.fn)
	local bridge = bridges.start("signed", host.redis_url, "secret")
	bridge.wait("listening\n")
	bridge.type('Bob: hello "there": ☃')
	kit.wait("the line", function() return #heard == 1 end)
	local form = '^{"from":"web","time":%d+,"mac":"' .. ("%x"):rep(64) .. '","data":{"user": "Bob", "text": "hello \\"there\\": ☃"}}$'
	assert(heard[1][1]:find(form), heard[1][1])
	host.server.publish("web.from_game", '{"from":"x","data":{"name":"A","steamid":"1","text":"B"}}')
	bridge.wait("left out a message that is no line of chat\n")
	kit.eq(bridge.close(), 0, "its exit code")
end)

host.test("replies that are too much, or something else", function()
	local TOO_MUCH, ELSE = "the server sends too much", "the server sends something other than messages"
	local server = host.new_fake()
	local bridge = bridges.start("hostile", server.url())
	bridge.wait("listening\n")
	for _, case in ipairs({
		{ ("*1\r\n"):rep(50), TOO_MUCH }, { "?5\r\n", "the server does not speak Redis's protocol" },
		{ "+OK\r\n:5\r\n", ELSE }, { "+OK\r\n*2\r\n:5\r\n:5\r\n", ELSE }, -- the bytes after the confirmation are not a message
		{ "-ERR \27[31m\194\155" .. ("x"):rep(500) .. "\r\n", "ERR  [31m " .. ("x"):rep(500) },
	}) do
		server.on_next("subscribe", "answer", case[1])
		server.drop()
		bridge.wait("not listening: " .. case[2] .. "\n")
	end
	bridge.wait("listening\n")
	for _, reply in ipairs({ "*1\r\n$5\r\nhello\r\n", "$-1\r\n", "+OK\r\n" }) do
		server.on_next("publish", "answer", reply)
		bridge.type("Bob: hello")
		bridge.wait("nobody heard it: the server answers with something other than a number\n")
	end
	kit.eq(bridge.close(), 0, "its exit code")
end)

-- The limits of a reply, each with a reply that just fits.
local REPLIES = [=[
import bridge, io

def read(text):
    redis = bridge.Redis.__new__(bridge.Redis)
    redis.incoming = io.BytesIO(text)
    return redis.read()

def refused(text, why):
    try:
        read(text)
    except ConnectionError as problem:
        assert why in str(problem), problem
    else:
        raise AssertionError(text[:100])

TOO_MUCH, CLOSED = "too much", "closed"
text = lambda size: b"$%d\r\n%s\r\n" % (size, b"x" * size)
assert read(b"+" + b"x" * 1021 + b"\r\n") == "x" * 1021
refused(b"+" + b"x" * 1022 + b"\r\n", TOO_MUCH)
refused(b"+OK", CLOSED)
assert read(b"*1\r\n" * 4 + b":5\r\n") == [[[[5]]]]
refused(b"*1\r\n" * 5 + b":5\r\n", TOO_MUCH)
assert read(b"*256\r\n" + b":5\r\n" * 256) == [5] * 256
refused(b"*257\r\n" + b":5\r\n" * 257, TOO_MUCH)
assert read(b"*2\r\n*127\r\n" + b":5\r\n" * 127 + b"*127\r\n" + b":5\r\n" * 127) == [[5] * 127] * 2
refused(b"*2\r\n*127\r\n" + b":5\r\n" * 127 + b"*128\r\n" + b":5\r\n" * 128, TOO_MUCH)
assert read(text(1048576)) == "x" * 1048576
assert read(b"*2\r\n" + text(524288) * 2) == ["x" * 524288] * 2
refused(b"*2\r\n" + text(524288) + text(524289), TOO_MUCH)
refused(b"$5\r\nx", CLOSED)
]=]

host.test("one byte, one element and one level too many", function()
	local code, said = bridges.python(REPLIES)
	assert(code == 0, said)
end)

-- The first two macs are the ones that `openssl dgst -sha256 -hmac secret` makes of these texts.
local CHECK = [=[
import envelope, hmac, time
from envelope import Forged, mac_of, sign, verify

assert mac_of("secret", 1700000000, "web", "", "web.to_game", '{"user":"Bob"}') \
    == "06df5824032f241e4fa9ee87dacacfea7ca9bd15d9a6c55393b340f1eda57c0a"
assert mac_of("secret", 1700000000, "ttt-1", "0123456789abcdef", "web.to_game", '{"user":"Bob"}') \
    == "9549bb7e870283372d2f08e2a383752a58673160eeab96b70b5230213bcc7d7e"
data = {"user": "B\u2603b", "list": [1, {"}": "\\"}], "deep": {"data": None}}
text = sign("secret", "web", "channel", data)
assert verify("secret", "channel", text) == ("web", data)
spaced = " " + text.replace('","time":', '" ,\n"time" : ').replace('"data":{"u', '"data" :  {"u') + " "
assert spaced != text and verify("secret", "channel", spaced) == ("web", data)
raw = '"\udcff"'  # a byte that is no UTF-8
now = int(time.time())
signed = '{"from":"a","time":%d,"mac":"%s","data":%s}' % (now, mac_of("secret", now, "a", "", "c", raw), raw)
assert verify("secret", "c", signed) == ("a", "\udcff")
assert mac_of("secret", 5, "a", "", "c", raw) == hmac.new(b"secret", b'5\na\n\n1\nc"\xff"', "sha256").hexdigest()

def refused(text, secret="secret", channel="channel", why=None):
    try:
        verify(secret, channel, text)
    except Forged as forged:
        assert why is None or why in str(forged), forged
    else:
        raise AssertionError(text)

refused(text, secret="Secret", why="the mac")
refused(text, channel="channe1", why="the mac")
refused(text.replace("web", "wep"), why="the mac")
refused(text.replace("\u2603", "x"), why="the mac")
refused(text.replace('"time":', '"time":1'), why="the mac")
refused('{"from":"web","time":true,"mac":"%s","data":1}' % mac_of("secret", True, "web", "", "channel", "1"), why="type")

def from_server(state, signed_state):
    mac = mac_of("secret", now, "ttt-1", signed_state, "channel", "1")
    return '{"from":"ttt-1","state":%s,"time":%d,"mac":"%s","data":1}' % (state, now, mac)

assert verify("secret", "channel", from_server('"0123456789abcdef"', "0123456789abcdef")) == ("ttt-1", 1)
assert verify("secret", "channel", from_server("null", "")) == ("ttt-1", 1)
refused(from_server('"0123456789abcdef"', ""), why="the mac")
refused(from_server('"1"', "0123456789abcdef"), why="the mac")
refused(from_server("null", "None"), why="the mac")
for state in ("5", "true", "[]", "{}"):
    refused(from_server(state, state), why="state is no name")
refused(from_server('"\\ud800"', ""), why="state is no name")
for wrong in ('""', "5", '"%s"' % ("0" * 64), '"%s"' % ("\u2603" * 64), "null", "[]"):
    refused('{"from":"web","time":%d,"mac":%s,"data":1}' % (now, wrong))
for wrong in ("", "[]", "{}", "5", "{", "[" * 100000, '{"from":"web","time":true,"mac":"","data":1}', '{"from":"a b","time":1,"mac":"","data":1}'):
    refused(wrong)
for offset, fine in ((119, True), (-119, True), (121, False), (-121, False)):
    time_of, envelope.time.time = envelope.time.time, lambda: now + offset
    text = '{"from":"a","time":%d,"mac":"%s","data":1}' % (now, mac_of("secret", now, "a", "", "channel", "1"))
    verify("secret", "channel", text) if fine else refused(text, why="too old")
    envelope.time.time = time_of
try:
    sign("secret", "a\nb", "channel", 1)
except ValueError:
    pass
else:
    raise AssertionError("a sender with a line feed")
]=]

host.test("what is signed and what is refused", function()
	local code, said = bridges.python(CHECK)
	assert(code == 0, said)
end)
