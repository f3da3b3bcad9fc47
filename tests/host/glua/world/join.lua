-- Mock players: host.players.add and the other actions of a script or the console. Each step of a player's stay is a
-- separate function, and runs the game's hooks in the game's order.
local native = ...
local base, hook_of, event_of = native.entity, native.engine_hook, native.game_event
local record_of, find_id64 = base.record, player.GetBySteamID64

-- Of 76561198000000001, 76561198000001001 on the second server, and so on: two servers' players are not one person.
local FIRST_ACCOUNT = 39734273 + 1000 * (native.number() - 1)
local BOT_ID64, FIRST_PORT = "900719968423772%02d", 27005

local users, addresses = 0, 0

-- A client that is not yet a player: its record becomes the player's.
local function new_client(options)
	users = users + 1
	local is_bot = options.bot or false
	local client = {
		user_id = users, is_bot = is_bot, name = options.name or (is_bot and "Bot" or "Player") .. string.format("%02d", users),
		class = "player", is_validated = false, is_alive = false, team = TEAM_UNASSIGNED, weapons = {}, ping = options.ping or 5,
		health = 100, max_health = 100, armor = 0, max_armor = 100, frags = 0, deaths = 0, since = CurTime(),
	}
	if is_bot then
		client.id, client.id64, client.account, client.address = "BOT", BOT_ID64:format(users), users, "none"
	else
		local id64 = options.steamid64 or native.id64_of(FIRST_ACCOUNT + users - 1)
		client.account = native.account_of(id64) or error("host.players.add: '" .. tostring(id64) .. "' is no SteamID64", 3)
		client.id64, client.id = id64, util.SteamIDFrom64(id64)
		addresses = addresses + 1
		client.address = options.address or "127.0.0.1:" .. FIRST_PORT + addresses
	end
	client.owner_id64, client.unique_id = client.id64, util.CRC("gm_" .. client.id .. "_gm")
	return client
end

-- The client connects: true, or false and why the player may not enter.
local function connect(client, password)
	if #native.players() >= native.most_players then return false, "Server is full" end
	if not client.is_bot then
		local admitted, reason = hook_of("CheckPassword", client.id64, client.address, "", password or "", client.name)
		if admitted == false then return false, reason or "#GameUI_ServerRejectBadPassword" end
	end
	hook_of("PlayerConnect", client.name, client.address)
	event_of("player_connect", {
		name = client.name, userid = client.user_id, networkid = client.id, address = client.address,
		bot = client.is_bot and 1 or 0, index = client.user_id,
	})
	return true
end

-- Steam has confirmed who the client is.
local function validate(client)
	if client.is_validated then return end
	client.is_validated = true
	if not client.is_bot then hook_of("NetworkIDValidated", client.name, client.id, client.owner_id64) end
end

-- The client has loaded, and becomes a player. A server with players does not hibernate.
local function enter(client, spawns)
	native.hibernate(false)
	local ply = native.new_entity(native.Player, client, 1, native.most_players)
	native.seen[ply] = native.nothing_seen()
	hook_of("PlayerAuthed", ply, client.id, client.unique_id)
	hook_of("PlayerInitialSpawn", ply, false)
	event_of("player_activate", { userid = client.user_id })
	if spawns then ply:Spawn() end
	return ply
end

-- Runs at the start and after each death. The game's gamemodes run PlayerLoadout unless a hook of PlayerSpawn returns a value.
function native.Player:Spawn()
	local record = record_of(self)
	record.is_alive, record.health = true, record.max_health
	if hook_of("PlayerSpawn", self, false) == nil then hook_of("PlayerLoadout", self) end
	event_of("player_spawn", { userid = record.user_id })
end

local function leave(ply, reason)
	local record = base.find_record(ply)
	if not record then return end
	event_of("player_disconnect", {
		name = record.name, userid = record.user_id, networkid = record.id, reason = reason, bot = record.is_bot and 1 or 0,
	})
	hook_of("PlayerDisconnected", ply)
	native.seen[ply].left = reason
	ply:StripWeapons()
	native.remove_entity(ply)
	native.tell(record.name .. " has left: " .. reason)
end

-- Shows a line of chat to all players, or to the speaker's team. A hook may return another text, or "" for none.
local function say(ply, text, team_only)
	local record = record_of(ply)
	local answer = hook_of("PlayerSay", ply, text, team_only or false)
	if isstring(answer) then text = answer end
	if text == "" then return end
	event_of("player_say", { userid = record.user_id, text = text, teamonly = team_only and 1 or 0, priority = 1 })
	local line = (team_only and "(TEAM) " or "") .. record.name .. ": " .. text
	print(line)
	for _, other in ipairs(native.players()) do
		if not team_only or other:Team() == ply:Team() then native.show(other, "chat", line) end
	end
end

local function die(ply, with_hooks)
	local record = record_of(ply)
	if not record.is_alive then return end
	record.is_alive, record.health, record.deaths = false, 0, record.deaths + 1
	ply:StripWeapons()
	if with_hooks then hook_of("PlayerDeath", ply, ply, ply) else hook_of("PlayerSilentDeath", ply) end
end

function native.Player:Kill() die(self, true) end
function native.Player:KillSilent() die(self, false) end
function native.Player:Say(text, team_only) say(self, text, team_only) end
-- Removes the player at the next tick.
function native.Player:Kick(reason)
	record_of(self)
	native.later(function() leave(self, reason or "No reason given") end)
end
function native.Player:ConCommand(line)
	record_of(self)
	native.later(function() if IsValid(self) then host.players.command(self, line) end end)
end

function player.CreateNextBot(name) return host.players.add({ name = name, bot = true }) or NULL end

host.players = {}

-- Returns the player, or nil and why the player may not enter.
function host.players.add(options)
	options = options or {}
	local client = new_client(options)
	if not client.is_bot and find_id64(client.id64) then
		error("host.players.add: " .. client.id64 .. " is here already", 2)
	end
	local admitted, reason = connect(client, options.password)
	if not admitted then return nil, reason end
	if options.validated ~= false then validate(client) end
	return enter(client, options.spawned ~= false)
end

-- For a player added with validated = false.
function host.players.validate(ply) validate(record_of(ply)) end
function host.players.say(ply, text, team_only) say(ply, text, team_only) end
function host.players.leave(ply, reason) leave(ply, reason or "Disconnect by user.") end

-- Runs a command as if the player had typed it into the game's console.
function host.players.command(ply, line)
	record_of(ply)
	local name, rest = line:match("^%s*(%S+)%s*(.-)%s*$")
	if name then native.run_command_of(ply, name, rest) end
end

-- What the player has seen so far. Works for players who have left, too; then `left` is the reason.
function host.players.seen(ply)
	return native.seen[ply] or error("host.players.seen: no player of this host", 2)
end
