-- The interactive console: commands and variables first, then Lua, whose values are shown.
local native = ...
local getmetatable, select, tostring, type, xpcall = getmetatable, select, tostring, type, xpcall
local print, console = print, native.console_commands

local CHUNK = "@lua_run"
local MOST_KEYS = 50 -- of a table that is shown

-- A table is shown with its content, but not the content of inner tables.
local function show_table(value)
	local keys = {}
	for key in pairs(value) do keys[#keys + 1] = key end
	table.sort(keys, function(a, b)
		if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
		return tostring(a) < tostring(b)
	end)
	print(tostring(value) .. (#keys == 0 and " (empty)" or ""))
	for i = 1, math.min(#keys, MOST_KEYS) do
		local shown = rawget(value, keys[i])
		print("    " .. tostring(keys[i]) .. " = " .. (type(shown) == "string" and string.format("%q", shown) or tostring(shown)))
	end
	if #keys > MOST_KEYS then print("    … and " .. #keys - MOST_KEYS .. " more") end
end

local function show(...)
	local count = select("#", ...)
	local value = ...
	if count == 1 and type(value) == "table" and not getmetatable(value) then return show_table(value) end
	if count > 0 then print(...) end
end

local function concluded(ok, ...)
	if ok then return ... end
	-- The handler returns nothing; where Lua did not call it, memory is out.
	if ... ~= nil then native.report(...) end
end

-- The results; nothing, after the error's report, if it raises.
local function protected(fn, ...) return concluded(xpcall(fn, native.report_any, ...)) end

-- As the game splits them: by spaces, except within quotes; each of {}()': is a separate word.
local function words(text)
	local found, at = {}, 1
	while true do
		at = text:find("%S", at)
		if not at then return found end
		local quoted, behind = text:match('^"([^"]*)"?()', at)
		if not quoted then quoted, behind = text:match("^([{}()':])()", at) end
		if not quoted then quoted, behind = text:match("^([^%s{}()':\"]+)()", at) end
		found[#found + 1], at = quoted, behind
	end
end

native.words = words

-- Built into the server: name, what it does, and how.
local built_in = {}
native.built_in_commands = built_in

local function run_lua(code)
	local chunk, wrong = native.load(code, CHUNK)
	if not chunk then return native.abort(wrong, "") end
	protected(chunk)
end

built_in.lua_run = { "CODE: run it", run_lua }
built_in.lua_openscript = { "FILE: run it, from lua/ of the game or of an addon", function(path)
	local found = native.find_lua("lua_run", path)
	if not found then return print("There is no Lua file '" .. path .. "'") end
	protected(native.run_file, found)
end }

local function another_map(map)
	if map ~= "" then native.keep("host: map", map) end
	native.next_map()
end
built_in.changelevel = { "[MAP]: the next map", another_map }
built_in.map = { "[MAP]: likewise", another_map }

local function leave() native.exit(0) end
built_in.quit = { "end the server", leave }
built_in.exit = { "likewise", leave }

local function list(part)
	local lines = {}
	local function add(name, text)
		local line = string.format("%-24s %s", name, text)
		if line:lower():find(part:lower(), 1, true) then lines[#lines + 1] = line end
	end
	for name, command in pairs(built_in) do add(name, command[1]) end
	for name, help in console.each() do add(name, help) end
	for _, variable in console.variables() do add(variable.name, '= "' .. variable.value .. '" ' .. variable.help) end
	table.sort(lines)
	for _, line in ipairs(lines) do print(line) end
	return #lines
end

built_in.find = { "TEXT: commands and variables with that in them", function(part)
	if list(part) == 0 then print("Nothing has '" .. part .. "' in it") end
end }
built_in.help = { "this list", function()
	list("")
	print("Everything else is Lua: 1 + 1 shows 2, and what lacks its end goes on in the next line.")
end }

-- Whether the line is for a command or a variable. Where Lua would do something with the name, it is not.
local function run_command(line)
	local name, rest = line:match("^(%S+)%s*(.-)%s*$")
	if rest:find("^[=(]") and not rest:find("^==") then return false end
	local mine = built_in[name:lower()]
	if mine then
		mine[2](rest)
		return true
	end
	if console.has(name) then
		protected(console.run, NULL, name, words(rest), rest)
		return true
	end
	local variable = console.variable(name)
	if not variable then return false end
	if rest == "" then
		print(string.format('"%s" = "%s" (default "%s") %s', name, variable.value, variable.default, variable.help))
	else
		local value = words(rest)
		console.set(variable, #value == 1 and value[1] or rest)
	end
	return true
end

local function pass(...) return ... end

-- The value of an expression, or a statement; or nil, the error, and whether an end is missing.
local function compile(text)
	local chunk, no_value = native.load("return " .. text, CHUNK)
	if chunk then
		-- Not as a tail call, which would take the line out of the traceback.
		return native.load("local __pass = ... return __pass(" .. text .. "\n)", CHUNK)
	end
	local wrong
	chunk, wrong = native.load(text, CHUNK)
	return chunk, wrong, not chunk and (wrong:find("'<eof>'$") or no_value:find("'<eof>'$")) ~= nil
end

-- A name that is neither a command nor a variable: more likely mistyped than Lua.
local function unknown_name(line, chunk)
	local name, rest = line:match("^%s*([%a_][%w_]*)%s*(.*)$")
	if not name or rawget(_G, name) ~= nil or not native.load("local " .. name) then return end
	if chunk and rest == "" or not chunk and rest:find("^[%w_\"]") then return name end
end

-- The line that waits.
function native.run_typed()
	local text, is_value = native.typed():gsub("^%s*=", "", 1)
	if not text:find("%S") then return end
	local is_first = is_value == 0 and not text:find("\n", 1, true)
	if is_first and run_command(text:match("^%s*(.*)$")) then return end
	local chunk, wrong, lacks_end = compile(text)
	local unknown = is_first and unknown_name(text, chunk)
	if unknown then
		print('Unknown command "' .. unknown .. '", and no variable of that name')
	elseif chunk then
		show(protected(chunk, pass))
	elseif lacks_end then
		native.typed_goes_on()
	else
		native.abort(wrong, "")
	end
end
