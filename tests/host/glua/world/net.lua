-- The net library. A message is kept as the list of written values, so that it can be inspected; its length in bits
-- is counted as in the game. A read that does not match the write gives garbage in the game. Here it raises.
local native = ...
local plain_type = native.plain_type

local humans = player.GetHumans
local MOST_BYTES, KEPT = 65533, 1000
local pooled, names = {}, {}

function util.AddNetworkString(name)
	if not isstring(name) then error("bad argument #1 to 'AddNetworkString' (string expected, got " .. type(name) .. ")", 2) end
	if not pooled[name] then
		names[#names + 1] = name
		pooled[name] = #names
	end
	return pooled[name]
end
function util.NetworkStringToID(name) return pooled[name] or 0 end
function util.NetworkIDToString(id) return names[id] end

net = { Receivers = {} }

local writing, reading
local sent = {}

function net.Start(name, unreliable)
	if not pooled[name] then error("Calling net.Start with unpooled message name! (util.AddNetworkString makes it known)", 2) end
	if writing then
		native.warn("Warning! A net message (" .. writing.name .. ") is already started! Discarding in favor of the new message! ("
			.. name .. ")\n")
	end
	writing = { name = name, unreliable = unreliable or false, values = {}, kinds = {}, count = 0, bits = 0 }
	return true
end
function net.Abort() writing = nil end
function net.BytesWritten()
	if not writing then return nil end
	return math.ceil(writing.bits / 8), writing.bits
end

local function append(kind, value, bits)
	if not writing then error("net.Write" .. kind .. " without net.Start", 3) end
	writing.count = writing.count + 1
	writing.values[writing.count], writing.kinds[writing.count] = value, { kind, bits }
	writing.bits = writing.bits + bits
	if writing.bits > MOST_BYTES * 8 then
		local name = writing.name
		writing = nil
		error("the net message \"" .. name .. "\" has more than " .. MOST_BYTES .. " bytes", 3)
	end
end

local function check(value, wanted, caller, position)
	if plain_type(value) == wanted then return value end
	error("bad argument #" .. position .. " to '" .. caller .. "' (" .. wanted .. " expected, got " .. type(value) .. ")", 3)
end

-- The next value, which must be of that kind, and of so many bits if given.
local function take(kind, bits)
	local function fail(why) error("net.Read" .. kind .. (bits and "(" .. bits .. ")" or "") .. ": " .. why, 4) end
	if not reading then fail("no message is being received") end
	local at = reading.at
	local written = reading.message.kinds[at]
	local where = string.format('the message "%s"', reading.message.name)
	if not written then fail(where .. " has ended, after " .. at - 1 .. " values") end
	where = string.format("value %d of %s", at, where)
	-- These share their form.
	local same = written[1] == kind or (kind == "Int" or kind == "UInt") and (written[1] == "Int" or written[1] == "UInt")
	if not same then fail(where .. " was written by net.Write" .. written[1]) end
	if bits and bits ~= written[2] then fail(where .. " was written with " .. written[2] .. " bits") end
	reading.at = at + 1
	reading.bits = reading.bits + written[2]
	return reading.message.values[at]
end

function net.BytesLeft()
	if not reading then return nil end
	local left = reading.message.bits - reading.bits
	return math.ceil(left / 8), left
end

-- A kind of value whose length does not depend on the reader: `form` makes the received value, `length` gives its
-- bits.
local function kind(name, form, length)
	net["Write" .. name] = function(value, more) append(name, form(value, more), length(value, more)) end
	net["Read" .. name] = function() return take(name) end
end
local function always(bits) return function() return bits end end

kind("String", function(value) return check(value, "string", "WriteString", 1):match("^%Z*") end,
	function(value) return (#value:match("^%Z*") + 1) * 8 end)
kind("Bit", function(value) return value and value ~= 0 and 1 or 0 end, always(1))
kind("Double", function(value) return check(value, "number", "WriteDouble", 1) end, always(64))
kind("UInt64", tostring, always(64))
kind("Int64", tostring, always(64))

-- A float holds 24 binary digits.
kind("Float", function(value)
	local part, power = math.frexp(check(value, "number", "WriteFloat", 1))
	if part ~= part or math.abs(part) == math.huge then return value end
	return math.ldexp(math.floor(part * 2 ^ 24 + 0.5) / 2 ^ 24, power)
end, always(32))

function net.WriteBool(value) append("Bit", value and 1 or 0, 1) end
function net.ReadBool() return take("Bit") == 1 end

local function bits_of(bits, caller)
	if plain_type(bits) ~= "number" or bits < 1 or bits > 32 then
		error("bad argument #2 to '" .. caller .. "' (a number of bits from 1 to 32 expected)", 3)
	end
	return bits
end
local function signed(value, bits) return value >= 2 ^ (bits - 1) and value - 2 ^ bits or value end
function net.WriteUInt(value, bits)
	append("UInt", math.floor(check(value, "number", "WriteUInt", 1)) % 2 ^ bits_of(bits, "WriteUInt"), bits)
end
function net.WriteInt(value, bits)
	append("Int", signed(math.Truncate(check(value, "number", "WriteInt", 1)) % 2 ^ bits_of(bits, "WriteInt"), bits), bits)
end
function net.ReadUInt(bits) return take("UInt", bits_of(bits, "ReadUInt")) % 2 ^ bits end
function net.ReadInt(bits) return signed(take("Int", bits_of(bits, "ReadInt")) % 2 ^ bits, bits) end

function net.WriteData(data, length)
	data = check(data, "string", "WriteData", 1):sub(1, length or #data)
	append("Data", data, #data * 8)
end
function net.ReadData(length) return take("Data", length * 8) end

-- An entity travels as its index: the reader gets the entity that has this index when it reads. NULL arrives as the world, which
-- is not valid either.
function net.WriteEntity(value) append("Entity", IsValid(value) and value:EntIndex() or 0, MAX_EDICT_BITS) end
function net.ReadEntity() return Entity(take("Entity")) end
function net.WritePlayer(value)
	append("Player", IsValid(value) and value:IsPlayer() and value:EntIndex() or 0, MAX_PLAYER_BITS)
end
function net.ReadPlayer() return Entity(take("Player")) end

function net.WriteColor(value, alpha)
	if not IsColor(value) then error("net.WriteColor: color expected, got " .. type(value), 2) end
	alpha = alpha ~= false
	append("Color", Color(value.r, value.g, value.b, alpha and value.a or 255), alpha and 32 or 24)
end
function net.ReadColor(alpha)
	local color = take("Color", alpha == false and 24 or 32)
	return Color(color.r, color.g, color.b, color.a)
end

-- The values that WriteType and WriteTable can carry, and their bits after the 8 of the type.
local function bits_of_value(value, inside)
	local is = plain_type(value)
	if value == nil then return 8 end
	if is == "string" then return 8 + (#value + 1) * 8 end
	if is == "number" then return 8 + 64 end
	if is == "boolean" then return 8 + 1 end
	if IsColor(value) then return 8 + 32 end
	if isentity(value) then return 8 + MAX_EDICT_BITS end
	if is ~= "table" then error("net.WriteType: Couldn't write " .. type(value) .. " (type " .. TypeID(value) .. ")", 0) end
	if inside[value] then error("net.WriteTable: Cyclic table detected. Cannot write tables with cyclic references.", 0) end
	inside[value] = true
	local bits = 8 + 8
	for key, each in pairs(value) do bits = bits + bits_of_value(key, inside) + bits_of_value(each, inside) end
	inside[value] = nil
	return bits
end
local function copy_of(value)
	if plain_type(value) ~= "table" then return value end
	if IsColor(value) then return Color(value:Unpack()) end
	local copy = {}
	for key, each in pairs(value) do copy[copy_of(key)] = copy_of(each) end
	return copy
end

function net.WriteType(value)
	local bits = bits_of_value(value, {})
	append("Type", copy_of(value), bits)
end
function net.ReadType() return copy_of(take("Type")) end
function net.WriteTable(value)
	local bits = bits_of_value(check(value, "table", "WriteTable", 1), {}) - 8
	append("Table", copy_of(value), bits)
end
function net.ReadTable() return copy_of(take("Table")) end

function net.Receive(name, fn) net.Receivers[name:lower()] = fn end

-- Runs the receiver of a message: fn(bits, sender).
local function deliver(message, receivers, sender)
	local fn = receivers[message.name:lower()]
	if not fn then return end
	local outer = reading
	reading = { message = message, at = 1, bits = 0 }
	native.protected(fn, message.bits, sender)
	reading = outer
end

-- Takes the message that is being written.
local function finish(caller)
	local message = writing or error("net." .. caller .. " without net.Start", 3)
	writing = nil
	return message
end

local function to_clients(caller, chosen)
	local message = finish(caller)
	message.to = chosen
	sent[#sent + 1] = message
	if #sent > KEPT then table.remove(sent, 1) end
	native.tell(string.format('net message "%s", %d bits, to %d players', message.name, message.bits, #chosen))
	native.later(function()
		for _, ply in ipairs(chosen) do
			if IsValid(ply) then native.as_client(ply, deliver, message, native.client_receivers(ply)) end
		end
	end)
end

local function players_in(value, caller)
	local list = plain_type(value) == "table" and value or { value }
	for _, ply in ipairs(list) do
		if not isentity(ply) or not ply:IsPlayer() then
			error("net." .. caller .. ": a player or a table of players expected, got " .. tostring(ply), 3)
		end
	end
	if value == nil then error("net." .. caller .. ": a player or a table of players expected, got nil", 3) end
	return list
end

function net.Broadcast() to_clients("Broadcast", humans()) end
function net.Send(whom) to_clients("Send", table.ClearKeys(players_in(whom, "Send"))) end
function net.SendOmit(whom)
	local omitted, rest = players_in(whom, "SendOmit"), {}
	for _, ply in ipairs(humans()) do
		if not table.HasValue(omitted, ply) then rest[#rest + 1] = ply end
	end
	to_clients("SendOmit", rest)
end

-- Sends a client's message: see client.lua.
function native.send_to_server(ply)
	local message = finish("SendToServer")
	native.later(function() if IsValid(ply) then deliver(message, net.Receivers, ply) end end)
end

local function shown_values(message)
	local values = copy_of(message.values)
	for i, written in pairs(message.kinds) do
		if written[1] == "Bit" then values[i] = values[i] == 1 end
		if written[1] == "Entity" or written[1] == "Player" then values[i] = Entity(values[i]) end
	end
	return values
end

-- The messages sent to players, of that name if given, oldest first: { name, values, to, bits, unreliable }.
function host.net_sent(name)
	local found = {}
	for _, message in ipairs(sent) do
		if name == nil or message.name == name then
			found[#found + 1] = {
				name = message.name, values = shown_values(message), to = table.ClearKeys(message.to), bits = message.bits,
				unreliable = message.unreliable,
			}
		end
	end
	return found
end
