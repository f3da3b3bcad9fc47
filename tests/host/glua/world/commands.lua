-- Console commands for mock players, and the commands that players type.
local native = ...
local commands, words, find_id64 = native.built_in_commands, native.words, player.GetBySteamID64

-- The player with that name, or the only one whose name begins with it.
local function find(name)
	local found = {}
	for _, ply in ipairs(native.players()) do
		if ply:Nick() == name then return ply end
		if name ~= "" and ply:Nick():lower():sub(1, #name) == name:lower() then found[#found + 1] = ply end
	end
	if #found == 1 then return found[1] end
	print(#found == 0 and "There is no player '" .. name .. "'" or "Several players' names begin with '" .. name .. "'")
end

-- The first word, and the rest.
local function first_word(text)
	local quoted, rest = text:match('^"([^"]*)"%s*(.*)$')
	if quoted then return quoted, rest end
	return text:match("^(%S*)%s*(.*)$")
end

local function add(options)
	local ply, reason = host.players.add(options)
	print(ply and tostring(ply) .. " has joined" or "He may not enter: " .. reason)
end

commands.player_add = { "NAME [STEAMID64]: a mock player joins", function(text)
	local name, id64 = first_word(text)
	if name == "" then return print("player_add NAME [STEAMID64]") end
	if id64 == "" then return add({ name = name }) end
	if not native.account_of(id64) then return print("'" .. id64 .. "' is no SteamID64") end
	if find_id64(id64) then return print(id64 .. " is here already") end
	add({ name = name, steamid64 = id64 })
end }
commands.bot = { "a bot joins", function() add({ bot = true }) end }

commands.player_say = { "NAME TEXT: he speaks", function(text)
	local name, line = first_word(text)
	local ply = find(name)
	if ply then host.players.say(ply, line) end
end }

commands.player_command = { "NAME COMMAND …: he types that into his console", function(text)
	local name, line = first_word(text)
	local ply = find(name)
	if ply then host.players.command(ply, line) end
end }

commands.player_leave = { "NAME [REASON]: he leaves", function(text)
	local name, reason = first_word(text)
	local ply = find(name)
	if ply then host.players.leave(ply, reason ~= "" and reason or nil) end
end }

commands.status = { "who is here", function()
	print(string.format("players : %d (%d max)", #native.players(), native.most_players))
	for _, ply in ipairs(native.players()) do
		print(string.format('# %d "%s" %s %s', ply:UserID(), ply:Nick(), ply:SteamID(), ply:IPAddress()))
	end
end }

-- `say` is the game's own.
function native.run_command_of(ply, name, rest)
	if name:lower() == "say" then return host.players.say(ply, (rest:gsub('^"(.*)"$', "%1"))) end
	if name:lower() == "say_team" then return host.players.say(ply, (rest:gsub('^"(.*)"$', "%1")), true) end
	native.protected(concommand.Run, ply, name, words(rest), rest)
end
