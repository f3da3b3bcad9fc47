-- Hashes, proofs and random tokens as scripts get them.

local kit = include("_kit.lua")

host.test("published digests", function()
	for text, digest in pairs({
		[""] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq =
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		[("a"):rep(1000000)] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	}) do
		kit.eq(realtime.SHA256(text), digest, #text .. " bytes")
	end
end)

host.test("published proofs", function()
	kit.eq(realtime.HMAC("Jefe", "what do ya want for nothing?"),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
	kit.eq(realtime.HMAC(("\170"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key First"),
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
end)

host.test("a NUL ends nothing", function()
	kit.eq(realtime.HMAC("\0\255\n", "\0\128\255"), "a3ede44ced3fe6ad482be416e87c7df98f23cb18014db101b59e53c3dc65ab7b")
	assert(realtime.SHA256("a\0b") ~= realtime.SHA256("a\0c"))
end)

host.test("a number is no string, and the error says which argument is wrong", function()
	kit.raises("bad argument #1 to 'SHA256' %(text: string expected, got number%)", realtime.SHA256, 1)
	kit.raises("bad argument #1 to 'HMAC' %(key: string expected, got nil%)", realtime.HMAC, nil, "text")
	kit.raises("bad argument #2 to 'HMAC' %(text: string expected, got no value%)", realtime.HMAC, "key")
end)

host.test("tokens are 32 hexadecimal digits, and none comes twice", function()
	local seen = {}
	for _ = 1, 10000 do
		local token = realtime.RandomToken()
		assert(#token == 32 and not token:find("[^%da-f]"), token)
		assert(not seen[token], token)
		seen[token] = true
	end
end)
