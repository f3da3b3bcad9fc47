-- Players on any server type !queue, and the hub sends four of them together to the server with the most room, where
-- they learn who they play with. To use it, copy it into lua/autorun/server/ of an addon of yours, on every server,
-- with your ids and addresses.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local players, problem = realtime.Players()
if not players then return print("[hub_queue] " .. problem) end
local queue, presence, here = realtime.Shared("queue"), realtime.Presence(), players:Id()
local HUB, PARTY, PATIENCE = "hub", 4, 60 -- seconds that a queued player may be on no known server
local ADDRESSES = { ["ttt-1"] = "203.0.113.5:27016", ["ttt-2"] = "203.0.113.5:27017" } -- of the servers to play on

hook.Add("PlayerSay", "hub_queue", function(ply, text)
	if not ply:IsFullyAuthenticated() then return end -- it may be somebody else's SteamID
	if text == "!queue" then queue:Set(ply:SteamID64(), realtime.Time() or 0) elseif text == "!leave" then queue:Remove(ply:SteamID64()) end
end)

-- On the player's server: the client asks the player, and connects.
players:Answer("go", function(ply, server, from, reply)
	if from ~= HUB or not ADDRESSES[server] then return reply("this server is not known") end
	ply:SendLua(string.format("permissions.AskToConnect(%q)", ADDRESSES[server]))
end)
-- On the target server. Without info it is not a post but a message, which anyone with the right to publish can send.
if ADDRESSES[here] then
	players:Answer("party", function(ply, party, _, reply, info)
		if not info then return reply("it is no post") end
		if not istable(party) or not isstring(party.names) or not ADDRESSES[party.server] then return print("[hub_queue] left out a post that is no party") end
		if party.server ~= here then return reply("he is not there yet") end -- the post comes again on the server that he joins
		ply:ChatPrint("You play with " .. party.names .. ".")
	end)
end

local function with_room() -- the emptiest server that has room for all of them
	local best
	for _, each in ipairs(presence:Servers()) do
		local has_room = ADDRESSES[each.id] and not each.away and each.players + PARTY <= each.max_players
		if has_room and (not best or each.players < best.players) then best = each end
	end
	return best
end

local absent = {} -- SteamID64 → when a queued player left the last server
local function send_party()
	local now, waiting, server, names = SysTime(), {}, with_room(), {}
	queue:Each(function(id, since)
		if not id:find("^7656119%d%d%d%d%d%d%d%d%d%d$") or not isnumber(since) then return queue:Remove(id) end -- written by another program
		local _, who = players:Where(id)
		absent[id] = not who and (absent[id] or now) or nil
		if who and not who.loading then waiting[#waiting + 1] = { id = id, name = who.name, since = since } end
		if absent[id] and now - absent[id] > PATIENCE then queue:Remove(id) end
	end)
	if #waiting < PARTY or not server then return end
	table.sort(waiting, function(a, b) return a.since < b.since end)
	for i = 1, PARTY do names[i] = waiting[i].name end
	for i = 1, PARTY do
		queue:Remove(waiting[i].id)
		players:Post(waiting[i].id, "party", { server = server.id, names = table.concat(names, ", ") }, { expires = 300 })
		players:Ask(waiting[i].id, "go", server.id, function(err) if err then print("[hub_queue] " .. tostring(err)) end end)
	end
end
if here == HUB then realtime.Every(2, "hub_queue", send_party) end
