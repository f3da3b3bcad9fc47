-- A mock player's game, for an addon's messages: host.players.client(ply, fn) runs fn as the player's client would.
-- CLIENT is true there, and `net`, `chat` and LocalPlayer are the player's. Everything else is this server's,
-- including hooks and timers.
local native = ...
local rawget, rawset, pairs, tostring = rawget, rawset, pairs, tostring
local NOTHING, server_net = {}, net

-- The receivers in each player's game.
local receivers = setmetatable({}, { __mode = "k" })
function native.client_receivers(ply)
	receivers[ply] = receivers[ply] or {}
	return receivers[ply]
end

-- Only servers send to players.
local of_servers = { Broadcast = true, Send = true, SendOmit = true }

local function client_net(ply)
	local made = {}
	for name, fn in pairs(server_net) do
		if not of_servers[name] then made[name] = fn end
	end
	made.Receivers = native.client_receivers(ply)
	function made.Receive(name, fn) made.Receivers[name:lower()] = fn end
	function made.SendToServer() native.send_to_server(ply) end
	return made
end

local function add_text(ply, ...)
	local words = {}
	for i = 1, select("#", ...) do
		local part = select(i, ...)
		if isstring(part) then words[#words + 1] = part elseif not IsColor(part) then words[#words + 1] = tostring(part) end
	end
	native.show(ply, "chat", table.concat(words), { ... })
end

-- Runs fn with the client's globals. They are the server's again when fn returns or raises.
function native.as_client(ply, fn, ...)
	local before, own = {}, {
		CLIENT = true, SERVER = false, net = client_net(ply), LocalPlayer = function() return ply end,
		chat = { AddText = function(...) add_text(ply, ...) end },
	}
	for name, value in pairs(own) do
		local old = rawget(_G, name)
		before[name] = old == nil and NOTHING or old
		rawset(_G, name, value)
	end
	native.protected(fn, ...)
	for name, old in pairs(before) do
		if old == NOTHING then old = nil end
		rawset(_G, name, old)
	end
end

function host.players.client(ply, fn)
	native.entity.record(ply)
	native.as_client(ply, fn)
end
