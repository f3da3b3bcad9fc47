-- What examples need of the game beyond what the host has.

local kit = include("../_kit.lua")
local stand_ins = {}

-- Something of the game's that is no player.
function stand_ins.entity(class, index, fields)
	local it = {
		IsValid = function() return true end, GetClass = function() return class end, EntIndex = function() return index end,
		IsPlayer = function() return false end, IsVehicle = function() return class:find("^prop_vehicle_") ~= nil end,
	}
	return table.Merge(it, fields or {})
end
stand_ins.NOTHING = { IsValid = function() return false end, IsPlayer = function() return false end }

-- The game's way from the server to its players, and what their chats show.
function stand_ins.network()
	local strings, sent, read, receivers, shown = {}, {}, {}, {}, kit.recorder()
	function util.AddNetworkString(name) strings[name] = true end
	team = { GetColor = function(number) return number == 7 and Color(255, 160, 0) or Color(0, 0, 0) end }
	color_white = Color(255, 255, 255)
	local function write(value) sent[#sent + 1] = value end
	net = {
		Start = function(name) assert(strings[name], name) sent = { name } end, WriteString = write, WriteColor = write,
		Broadcast = function() read = sent receivers[table.remove(read, 1)]() end,
		Receive = function(name, fn) receivers[name] = fn end,
		ReadString = function() return table.remove(read, 1) end, ReadColor = function() return table.remove(read, 1) end,
	}
	_G.chat = { AddText = shown.fn }
	return shown
end

return stand_ins
