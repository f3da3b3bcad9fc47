-- once
-- Two callbacks of one file on one channel or event, neither with an identifier: a hint, unless the file ran again.

local kit = include("_kit.lua")

local client = kit.connect({ id = "twins" })
local files = 0

-- A function that loads a file with these lines, as the game would; and its name.
local function file(...)
	files = files + 1
	local name, text = "lua/autorun/server/file_" .. files .. ".lua", "local client = ...\n" .. table.concat({ ... }, "\n")
	return function(...) return CompileString(text, name)(client, ...) end, name
end

local SUBSCRIBE = { Subscribe = "channel", PSubscribe = "pattern" }

for method, kind in pairs(SUBSCRIBE) do
	host.test(method .. " twice in one file is a hint, once, with file, line and what to write", function()
		local call = "client:" .. method .. '("chat.' .. method .. '", function() end)'
		local load, name = file(call, "", call, call)
		local told = kit.lines(".*")
		load()
		kit.eq(told(), {
			name .. ":4: this callback replaces that of line 2: without an identifier a file has one callback for the " .. kind
				.. ' "chat.' .. method .. '". To keep both, write client:' .. method .. '("chat.' .. method .. '", "an identifier", …)',
			name .. ":5: this callback replaces that of line 4: without an identifier a file has one callback for the " .. kind
				.. ' "chat.' .. method .. '". To keep both, write client:' .. method .. '("chat.' .. method .. '", "an identifier", …)',
		})
		load()
		kit.eq(#told(), 2, "each place has its hint once")
	end)
end

host.test("On twice in one file is a hint", function()
	local told, load, name = kit.lines(".*"), file('client:On("gap", function() end)', 'client:On("gap", function() end)')
	load()
	kit.eq(told(), { name .. ':3: this callback replaces that of line 2: without an identifier a file has one callback for the event "gap". '
		.. 'To keep both, write client:On("gap", "an identifier", …)' })
end)

host.test("a file that runs again replaces its callbacks without a hint, in the same tick and later, however its lines moved", function()
	local told, heard, channel = kit.lines(".*"), kit.recorder(), kit.unique("again")
	local name = "lua/autorun/server/again.lua"
	local function load(lines, which)
		local text = ("\n"):rep(lines) .. "local client, channel, heard, which = ...\nclient:Subscribe(channel, function() heard(which) end)\n"
			.. 'client:PSubscribe(channel, function() end)\nclient:On("down", function() end)'
		CompileString(text, name)(client, channel, heard.fn, which)
		collectgarbage() -- the next chunk may get this one's place in memory
	end
	for which = 1, 20 do load(which % 3, which) end
	kit.ticks(2)
	for which = 21, 40 do load(which % 2, which) end
	kit.subscribe(client, kit.unique("fence"), "fence", function() end)
	kit.publish(client, channel, "")
	kit.wait("the message", function() return #heard == 1 end)
	kit.eq(heard[1], { 40 })
	kit.eq(told(), {})
end)

host.test("a loop of one line is a hint, once; so are two hooks in one tick", function()
	local told, load, name = kit.lines(".*"), file('for _ = 1, 5 do client:Subscribe("loop", function() end) end',
		'local a, b = function() client:Subscribe("hooks", function() end) end, function() client:Subscribe("hooks", function() end) end',
		"return function() a() b() end")
	local hooks = load()
	kit.eq(#told(), 1)
	assert(told()[1]:find(name .. ":2: this callback replaces that of line 2", 1, true), told()[1])
	hooks()
	kit.eq(#told(), 2)
end)

host.test("no hint: what replaces a callback ticks later, the same function, an identifier, another file, one that was removed", function()
	local told, load = kit.lines(".*"), file('return function() client:Subscribe("later", function() end) end')
	local subscribe = load()
	subscribe()
	kit.ticks(2)
	subscribe()
	file("local function same() end", 'client:Subscribe("same", same)', 'client:Subscribe("same", same)')()
	file('client:Subscribe("named", "a", function() end)', 'client:Subscribe("named", "a", function() end)',
		'client:Subscribe("named", function() end)')()
	for _ = 1, 2 do file('client:Subscribe("files", function() end)')() end
	file('client:Subscribe("gone", function() end)', 'client:Unsubscribe("gone")', 'client:Subscribe("gone", function() end)')()
	kit.eq(told(), {})
end)

host.test("a name steers no terminal", function()
	local told, load = kit.lines(".*"), file('local name = "\\27[2J\\n"', 'client:Subscribe(name, function() end)', "client:Subscribe(name, function() end)")
	load()
	assert(told()[1]:find("\\x1b[2J", 1, true) and not table.concat(host.console()):find("\27[2J", 1, true), told()[1])
end)

host.test("an identifier after the function is an error, and so is what comes after all arguments", function()
	for _, case in ipairs({ { "Subscribe", "chat" }, { "PSubscribe", "chat*" }, { "On", "ready" } }) do
		local method, topic = case[1], case[2]
		kit.raises("#3 to '" .. method .. "' %(identifier: it stands before the function", client[method], client, topic, print, "id")
	end
	kit.raises("#3 to 'On' %(one argument too many: nothing expected, got number", client.On, client, "ready", print, 5)
	kit.raises("#4 to 'On' %(one argument too many: nothing expected, got function", client.On, client, "ready", "id", print, print)
	kit.raises("#5 to 'Subscribe' %(one argument too many: nothing expected, got string", client.Subscribe, client, "c", "id", print, 5, "id")
	kit.raises("#4 to 'Subscribe' %(one argument too many: nothing expected, got string", client.Subscribe, client, "c", print, nil, "id")
end)

-- Last, because there are no hints any more after it.
host.test("no more than 16 places get a hint", function()
	local lines, shown = {}, 0
	for i = 1, 40 do lines[i] = 'client:Subscribe("many", function() end)' end
	file(unpack(lines))()
	for _, line in ipairs(host.console()) do
		if line:find("this callback replaces that of line", 1, true) then shown = shown + 1 end
	end
	kit.eq(shown, 16)
end)
