-- Two callbacks of one file, neither with an identifier, in the addon's helpers: a hint, unless the file ran again.

local kit = include("../_kit.lua")

local tables = realtime.Tables(kit.connect(), "one")
local presence, requests = realtime.Presence(tables.client, "one"), realtime.Requests(tables.client, "one")
local files = 0

-- A function that loads a file with these lines, as the game would; and its name.
local function file(...)
	files = files + 1
	local name, text = "lua/autorun/server/file_" .. files .. ".lua", table.concat({ ... }, "\n")
	local before = "local tables, presence, requests = ...\n"
	return function() return CompileString(before .. text, name)(tables, presence, requests) end, name
end

host.test("a second subscription is a hint, of whichever of the two methods; once", function()
	for _, case in ipairs({
		{ "Subscribe", "Subscribe", "channel", "Subscribe" }, { "Subscribe", "SubscribeOthers", "channel", "Subscribe" },
		{ "PSubscribeOthers", "PSubscribe", "pattern", "PSubscribe" },
	}) do
		local first, second, kind, method = unpack(case)
		local load, name = file("tables:" .. first .. '("c", function() end)', "tables:" .. second .. '("c", function() end)')
		local told = kit.lines("lua.*")
		load()
		kit.eq(told(), { name .. ":3: this callback replaces that of line 2: without an identifier a file has one callback for the " .. kind
			.. ' "c", of ' .. method .. " and " .. method .. "Others together. To keep both, write tables:" .. second
			.. '("c", "an identifier", …)' })
		load()
		kit.eq(#told(), 1)
	end
end)

host.test("presence:On, and an answer to requests, of another file, too", function()
	local told = kit.lines("lua.*")
	local load, name = file('presence:On("left", function() end)', 'presence:On("left", function() end)',
		'presence:On("joined", function() end)', 'requests:Answer("players", function() end)')
	local other, other_name = file('requests:Answer("players", function() end)')
	load()
	load()
	other()
	kit.eq(told(), {
		name .. ':3: this callback replaces that of line 2: without an identifier a file has one callback for the event "left". '
			.. 'To keep both, write presence:On("left", "an identifier", …)',
		other_name .. ':2: this answer to "players" replaces that of ' .. name .. ":5: one function answers the requests of a name",
	})
end)

host.test("a file that runs again replaces its callbacks without a hint, however its lines moved", function()
	local told = kit.lines("lua.*")
	local function load(lines)
		CompileString(("\n"):rep(lines) .. [[
			local tables, presence, requests = ...
			tables:Subscribe("again", function() end)
			tables:PSubscribeOthers("again", function() end)
			presence:On("left", function() end)
			requests:Answer("again", function() end)
		]], "lua/autorun/server/again.lua")(tables, presence, requests)
		collectgarbage()
	end
	for i = 1, 10 do load(i % 3) end
	kit.ticks(2)
	for i = 1, 10 do load(i % 2) end
	kit.eq(told(), {})
end)

host.test("no hint: later, the same function, an identifier, one that was removed", function()
	local told, load = kit.lines("lua.*"), file('return function() tables:Subscribe("later", function() end) end')
	local subscribe = load()
	subscribe()
	kit.ticks(2)
	subscribe()
	file("local function same() end", 'tables:Subscribe("same", same)', 'tables:Subscribe("same", same)')()
	file('tables:Subscribe("named", "a", function() end)', 'tables:Subscribe("named", "a", function() end)',
		'tables:Subscribe("named", function() end)')()
	file('tables:Subscribe("gone", function() end)', 'tables:Unsubscribe("gone")', 'tables:Subscribe("gone", function() end)')()
	file('presence:On("changed", function() end)', 'presence:Off("changed")', 'presence:On("changed", function() end)')()
	file('requests:Answer("gone", function() end)', 'requests:Answer("gone")', 'requests:Answer("gone", function() end)')()
	kit.eq(told(), {})
	local twice, heard = file('local heard = {}', 'tables:Subscribe("twice", function() end)', "return function() " ..
		'tables:Subscribe("hook", function() end) tables:Subscribe("hook", function() end) end'), kit.lines("lua.*")
	twice()()
	kit.eq(#heard(), 1, "two in one hook")
end)

host.test("what can only be a mistake raises", function()
	for _, method in ipairs({ "Subscribe", "SubscribeOthers", "PSubscribe", "PSubscribeOthers" }) do
		kit.raises("'" .. method .. "': the identifier stands before the function", tables[method], tables, "c", print, "id")
		kit.raises("'" .. method .. "': nothing is expected after the function", tables[method], tables, "c", print, 1024)
		kit.raises("'" .. method .. "': nothing is expected after the function", tables[method], tables, "c", "id", print, 1024)
		tables[method](tables, "c", print, nil, nil)
	end
	kit.raises("'On': the identifier stands before the function", presence.On, presence, "left", print, "id")
	kit.raises("'Unsubscribe' %(identifier: string or nil expected, got function", tables.Unsubscribe, tables, "c", print)
	kit.raises("'PUnsubscribe' %(identifier: string or nil expected, got number", tables.PUnsubscribe, tables, "c", 5)
	kit.raises("'Off' %(identifier: string or nil expected, got function", presence.Off, presence, "left", print)
	kit.raises("lua/[^:]*:2: 'Subscribe': the identifier", (file('tables:Subscribe("c", print, "id")')))
end)

host.test("under pcall, too, the identifier is the file that called", function()
	local told, heard, channel = kit.lines("lua.*"), kit.recorder(), kit.unique("pcall")
	for which = 1, 2 do
		local load = CompileString("local tables, channel, fn = ...\nassert(pcall(tables.Subscribe, tables, channel, fn))", "lua/" .. which .. ".lua")
		load(tables, channel, function() heard.fn(which) end)
	end
	kit.subscribe(tables.client, kit.unique("fence"), "fence", function() end)
	tables:Publish(channel, 1)
	kit.wait("both", function() return #heard == 2 end)
	kit.eq(told(), {})
end)
