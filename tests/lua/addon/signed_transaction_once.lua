-- servers: fake, real
-- With a shared secret, an addon's publish inside a transaction is signed by realtime.Encode, and accepted.

if host.map_number == 1 then
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "hub", "secret": "%s" }', host.redis_url, ("secret"):rep(5)))
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local realtime = include("realtime/load.lua")

host.test("signed for its channel it is heard, unsigned or for another one it is not", function()
	local client, other, heard = realtime.Default(), kit.ready({ id = "other" }), kit.recorder()
	local channel = kit.unique("c")
	realtime.Tables(other, "ttt-2"):Subscribe(channel, heard.fn)
	kit.subscribe(other, kit.unique("fence"), function() end)
	local function write(text)
		local done = false
		client:Transaction({ { "SET", channel, 1 }, { "PUBLISH", channel, text } }, function(err) done = not err end)
		kit.wait("the answer", function() return done end)
	end
	write(realtime.Encode("unsigned"))
	write(realtime.Encode("for another", nil, "another"))
	write('{"from":"web","data":"forged"}')
	write(realtime.Encode("signed", nil, channel))
	kit.wait("the word", function() return #heard > 0 end)
	kit.eq(heard, { { "signed", "hub", channel }, fn = heard.fn })
end)
