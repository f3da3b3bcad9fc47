-- unix; unload: before, after
-- JSON of the module at its edges: memory that runs out at every point, and finalizers in the middle of a build that use the
-- same functions or close the module. Values, texts and reasons are tested in addon/json_twin_once.lua.
--
-- A script has no way to close the module: see _native.lua.

local kit = include("_kit.lua")
local native = include("_native.lua")

local DEPTH = 40

local function nested(leaf)
	local value = { leaf = leaf, list = { 1, 2.5, true, realtime.NULL, "x\n" } }
	for i = 1, DEPTH do value = i % 2 == 0 and { value, i } or { value = value, ["key " .. i] = "\0" } end
	return value
end

local value = nested("leaf")
local text = assert(realtime.EncodeJson(value))

local function starved(allocations, fn, ...)
	collectgarbage()
	collectgarbage("stop")
	host.fail_alloc_after(allocations)
	local ok, first, second = pcall(fn, ...)
	host.fail_alloc_after(nil)
	collectgarbage("restart")
	return ok, first, second
end

-- Calls fn with ever more allocations left until they suffice, and returns its results then.
local function at_every_point(fn, ...)
	for allocations = 0, 2000 do
		local ok, first, second = starved(allocations, fn, ...)
		if ok then return first, second, allocations end
		assert(tostring(first):find("memory", 1, true), first)
	end
	error("needs more than 2000 allocations")
end

host.test("memory may run out at every allocation of a build", function()
	local back, _, allocations = at_every_point(realtime.DecodeJson, text)
	kit.eq(back, value)
	assert(allocations > DEPTH, allocations .. " allocations for a table of " .. DEPTH .. " levels")
	kit.eq((realtime.DecodeJson(text)), value)
end)

host.test("memory may run out at every allocation of a text, and of a reason", function()
	kit.eq(at_every_point(realtime.EncodeJson, value), text)
	local _, reason = at_every_point(realtime.EncodeJson, nested(print))
	assert(reason:find("leaf: a function has no form in JSON", 1, true), reason)
	_, reason = at_every_point(realtime.DecodeJson, text .. "x")
	kit.eq(reason, "line 1, column " .. #text + 1 .. ": expected the end")
	-- And everything works afterwards.
	kit.eq((realtime.EncodeJson(value)), text)
end)

host.test("a build that raised keeps back nothing that is let go of later", function()
	local client = kit.ready()
	for allocations = 0, 40 do assert(not starved(allocations, realtime.DecodeJson, text)) end
	local callbacks = setmetatable({}, { __mode = "k" })
	for i = 1, 3 do
		local fn = function() return i end
		callbacks[fn] = true
		client:On("gap", "callback", fn)
	end
	client:Off("gap", "callback")
	realtime.Clients()
	collectgarbage()
	collectgarbage()
	kit.eq(next(callbacks), nil)
	client:Disconnect()
end)

host.test("a build that raised leaves nothing of what was read behind, whatever is called next", function()
	local many = "[" .. ("0,"):rep(200000) .. "0]"
	collectgarbage()
	local before = host.heap()
	for allocations = 0, 1 do assert(not starved(allocations, realtime.DecodeJson, many)) end
	-- The read value takes three megabytes, of which a little may stay for the next text.
	local more = host.heap() - before
	assert(more < 256 * 1024, more .. " bytes were left behind")
	kit.eq(#realtime.DecodeJson(many), 200001)
end)

local list = {}
for i = 1, 300 do list[i] = { id = i, name = "item " .. i, tags = { "a", "b\n" } } end
local long = assert(realtime.EncodeJson(list))

host.test("finalizers in the middle of a build read and write JSON themselves", function()
	local ran, depth = 0, 0
	kit.collecting(200, function()
		if depth > 3 then return end
		depth, ran = depth + 1, ran + 1
		kit.eq((realtime.DecodeJson('{"a":["\\u00e9"]}')).a[1], "é")
		kit.eq(realtime.EncodeJson({ 1, { x = 2 } }), '[1,{"x":2}]')
		local _, reason = realtime.EncodeJson({ a = { 0 / 0 } })
		kit.eq(reason, "a[1]: NaN has no form in JSON")
		assert(not realtime.DecodeJson("[1,"))
		depth = depth - 1
	end, function()
		for _ = 1, 20 do
			kit.eq((realtime.DecodeJson(long)), list)
			kit.eq((realtime.EncodeJson((realtime.DecodeJson(text)))) ~= nil, true)
		end
	end)
	assert(ran > 0, "no finalizer ran")
end)

host.test("a coroutine, and an error in a finalizer, leave nothing behind", function()
	local thread = coroutine.wrap(function()
		for _ = 1, 3 do coroutine.yield((realtime.DecodeJson(long))) end
	end)
	for _ = 1, 3 do kit.eq(thread(), list) end
	local raised = 0
	local function raise()
		raised = raised + 1
		error("a finalizer")
	end
	kit.collecting(3, raise, function()
		for _ = 1, 200 do pcall(realtime.DecodeJson, long) end
	end)
	kit.eq((realtime.DecodeJson(long)), list)
	assert(raised > 0, "no finalizer ran")
end)

host.test("the module is closed in the middle of a build", function()
	local closed = false
	local got
	kit.collecting(200, function()
		if closed then return end
		closed = true
		native.close()
	end, function()
		while not closed do got = realtime.DecodeJson(long) end
	end)
	kit.eq(got, list, "what was being built")
	kit.raises("realtime was closed", realtime.DecodeJson, "1")
	kit.raises("realtime was closed", realtime.EncodeJson, 1)
end)
