-- Replies of scripts on a real server, in either protocol.

local kit = include("../_kit.lua")

-- Runs a script on the server that answers in the protocol of the connection.
local function eval(client, script)
	local choose = client:Stats().protocol == 3 and "redis.setresp(3) " or ""
	return kit.command(client, { "EVAL", choose .. script, 0 })
end

host.test("values of every type", function()
	local client = kit.ready()
	if client:Stats().protocol == 3 then
		kit.eq({ eval(client, "return {1, 'text', true, false, {double=0.5}, {big_number='123456789012345678901234567890'}}") },
			{ nil, { 1, "text", true, false, 0.5, "123456789012345678901234567890" } })
		kit.eq({ eval(client, "return {double=1/0}") }, { nil, math.huge })
		local _, nan = eval(client, "return {double=0/0}")
		assert(nan ~= nan)
		kit.eq({ eval(client, "return {verbatim_string={string='# title', format='mkd'}}") }, { nil, "# title" })
		kit.eq({ eval(client, "return {set={one=true}}") }, { nil, { "one" } })
		kit.eq({ eval(client, "return {map={a=1}}") }, { nil, { a = 1 } })
	end
	kit.eq({ eval(client, "return {1, {}, {'a', {2}}}") }, { nil, { 1, {}, { "a", { 2 } } } })
	local err, reply = eval(client, "return {redis.error_reply('MINE what happened'), 2}")
	kit.eq(err, nil)
	kit.eq({ reply[1].code, reply[1].message, tostring(reply[1]), reply[2] },
		{ "MINE", "what happened", "MINE: what happened", 2 })
	client:Disconnect()
end)

host.test("keys that Lua does not allow", function()
	local client = kit.ready()
	if client:Stats().protocol == 3 then
		local err, reply = eval(client, "return {map={[{double=0/0}]=1, [false]=2, x=3}}")
		kit.eq(err, nil)
		kit.eq(reply.nan, 1)
		kit.eq(reply.x, 3)
		assert(reply[false] == 2 or reply[realtime.NULL] == 2, kit.show(reply))
		err, reply = eval(client, "return {map={[{1, 2}]='x'}}")
		kit.eq({ err.code, reply }, { "UNSUPPORTED", nil })
	end
	kit.eq({ kit.command(client, { "ECHO", "fine" }) }, { nil, "fine" })
	client:Disconnect()
end)

host.test("nulls inside of lists leave no holes", function()
	local client, key = kit.ready(), kit.unique("null")
	kit.command(client, { "SET", key, "x" })
	local err, reply = kit.command(client, { "MGET", key .. "1", key, key .. "2" })
	kit.eq({ err, #reply }, { nil, 3 })
	assert(reply[1] == realtime.NULL and reply[2] == "x" and reply[3] == realtime.NULL)
	client:Disconnect()
end)

host.test("wide replies", function()
	local client = kit.ready()
	local err, reply = eval(client, "local t = {} for i = 1, 20000 do t[i] = i end return t")
	kit.eq(err, nil)
	kit.eq({ #reply, reply[20000] }, { 20000, 20000 })
	client:Disconnect()
end)
