-- A finalizer closes the module, during a collection that our own push of a value has started: the pushed value stays
-- whole, and freed memory is not touched.
--
-- A script has no way to close the module: see _native.lua.

local kit = include("_kit.lua")
local native = include("_native.lua")

local MAPS, BYTES, FINALIZERS = 20, 40000, 200

host.run(function()
	local map = host.map_number
	if map > MAPS then return host.exit(0) end
	local client, channel, payload = kit.ready(), kit.unique("collected"), ("x"):rep(BYTES)
	local got, closed, words = nil, false, { "GET", "k" }
	kit.subscribe(client, channel, function(message) got = message end)
	client:CommandSync({ "SET", "k", payload })
	-- The memory that a call reserves exists already, so that pushing its result is the first to allocate.
	for _ = 1, 3 do client:CommandSync(words) end
	local run = function() got = select(2, client:CommandSync(words)) end
	if map % 3 == 1 then
		-- An answer that is being pushed for its callback: its parts belong to the module itself.
		local list, before = { "MGET" }, client:Stats().bytes_in
		for i = 1, 50 do list[i + 1] = "k" end
		client:Command(list, function(_, reply)
			for i = 1, 50 do assert(reply[i] == payload, "element " .. i .. " of the answer is changed") end
		end)
		kit.block_until("the answer", function() return client:Stats().bytes_in > before + 50 * BYTES end)
		-- It was read. A callback shows that it is queued, too.
		run = function()
			kit.block_until("a callback", function() return realtime.ProcessEvents(1) > 0 or closed end)
		end
	elseif map % 3 == 0 then
		client:Publish(channel, payload)
		kit.block_until("the message", function() return client:Stats().queued_events == 1 end)
		run = function() realtime.ProcessEvents(1) end
	end
	collectgarbage()
	collectgarbage("stop")
	collectgarbage("setstepmul", 1000000)
	for _ = 1, FINALIZERS do
		getmetatable(newproxy(true)).__gc = function()
			if not closed then
				closed = true
				native.close()
			end
		end
	end
	collectgarbage("restart")
	run()
	assert(closed, "no finalizer ran")
	assert(got == nil or got == payload, "what was pushed is changed")
	kit.eq(client:State(), "closed")
	local _, err = client:Publish(channel, "too late")
	assert(("failed: " .. err):find("^failed: CLOSED: realtime was closed"), "an error of the closed module")
	for _, name in ipairs({ "RandomToken", "SHA256", "HMAC", "RestrictConfig", "DecodeJson", "EncodeJson" }) do
		kit.raises("realtime was closed", realtime[name], "key", "text")
	end
	-- An answer had arrived already. Values for a callback may come too late.
	if map % 3 == 2 then kit.eq(got, payload, "the answer") end
	host.next_map()
end)
