-- Net messages arrive as the game's, and can be looked at.
local function same(got, wanted)
	if got ~= wanted then error(string.format("got %s, wanted %s", tostring(got), tostring(wanted)), 2) end
end
local function raises(part, fn, ...)
	local ok, err = pcall(fn, ...)
	if ok or not tostring(err):find(part, 1, true) then error(string.format("%q is not in %s", part, tostring(err)), 2) end
end

local alice, bob = host.players.add({ name = "Alice" }), host.players.add({ name = "Bob" })
util.AddNetworkString("all")

host.test("what is written is read, with its length", function()
	local got
	net.Receive("ALL", function(bits, from)
		got = { bits = bits, from = from, net.ReadString(), net.ReadUInt(8), net.ReadInt(8), net.ReadBool(), net.ReadBit(),
			net.ReadFloat(), net.ReadDouble(), net.ReadData(3), net.ReadColor(), net.ReadColor(false), net.ReadEntity(),
			net.ReadPlayer(), net.ReadType(), net.ReadTable(), net.ReadUInt64() }
		got.left = { net.BytesLeft() }
	end)
	local function write()
		net.Start("all")
		net.WriteString("text\0 cut")
		net.WriteUInt(300, 8)
		net.WriteInt(200, 8)
		net.WriteBool(true)
		net.WriteBit(false)
		net.WriteFloat(0.1)
		net.WriteDouble(0.1)
		net.WriteData("a\0b!", 3)
		net.WriteColor(Color(1, 2, 3, 4))
		net.WriteColor(Color(1, 2, 3, 4), false)
		net.WriteEntity(alice)
		net.WritePlayer(NULL)
		net.WriteType(nil)
		net.WriteTable({ 1, name = "x", who = bob })
		net.WriteUInt64("76561198000000001")
	end
	host.players.client(alice, function()
		same(CLIENT and not SERVER and LocalPlayer(), alice)
		write()
		net.SendToServer()
	end)
	same(SERVER and not CLIENT and rawget(_G, "LocalPlayer"), nil)
	same(got, nil) -- it comes with the next tick
	host.pass()
	same(got.from, alice)
	local table_bits = 8 + (8 + 64) * 2 + (8 + 40 + 8 + 16) + (8 + 32 + 8 + 13)
	same(got.bits, 40 + 8 + 8 + 1 + 1 + 32 + 64 + 24 + 32 + 24 + 13 + 8 + 8 + table_bits + 64)
	same(got[1], "text")
	same(got[2], 300 % 256)
	same(got[3], 200 - 256)
	same(got[4], true)
	same(got[5], 0)
	same(string.format("%.10f", got[6]), "0.1000000015")
	same(got[7], 0.1)
	same(got[8], "a\0b")
	same(got[9], Color(1, 2, 3, 4))
	same(got[10], Color(1, 2, 3))
	same(got[11], alice)
	same(got[12], game.GetWorld()) -- what NULL becomes; it is not valid, either
	same(got[13], nil)
	same(got[14][1] .. got[14].name, "1x")
	same(got[14].who, bob)
	same(got[15], "76561198000000001")
	same(got.left[2], 0)
	-- Messages from clients are not among those sent to them.
	same(#host.net_sent(), 0)
end)

host.test("messages go to whom they are for, and can be looked at", function()
	local carol = host.players.add({ name = "Carol" })
	host.players.add({ bot = true })
	local got = {}
	for _, ply in ipairs(player.GetHumans()) do
		host.players.client(ply, function()
			net.Receive("all", function(_, from)
				same(from, nil)
				same(net.Broadcast, nil)
				got[#got + 1] = LocalPlayer():Nick() .. net.ReadString()
				chat.AddText(Color(1, 2, 3), "in ", "his chat")
			end)
		end)
	end
	local function send(text, how, ...)
		net.Start("all")
		net.WriteString(text)
		how(...)
	end
	send("1", net.Broadcast)
	send("2", net.Send, alice)
	send("3", net.Send, { bob, carol })
	send("4", net.SendOmit, bob)
	host.pass()
	same(table.concat(got, " "), "Alice1 Bob1 Carol1 Alice2 Bob3 Carol3 Alice4 Carol4")
	same(host.players.seen(carol).chat[1], "in his chat")
	same(host.players.seen(carol).chat_parts[1][1], Color(1, 2, 3))
	local sent = host.net_sent("all")
	same(#sent .. sent[2].name .. sent[2].values[1] .. sent[2].bits, "4all216")
	same(#sent[4].to, 2)
	same(sent[4].to[2], carol)
	same(#host.net_sent("other"), 0)
	-- A player who leaves before it arrives gets nothing.
	send("5", net.Send, carol)
	host.players.leave(carol)
	host.pass()
	same(#got, 8)
end)

host.test("mistakes are named", function()
	raises("unpooled", net.Start, "unknown")
	raises("net.WriteString without net.Start", net.WriteString, "x")
	raises("net.Send without net.Start", net.Send, alice)
	net.Start("all")
	raises("a player or a table of players expected, got nil", net.Send, nil)
	raises("expected, got [NULL Entity]", net.Send, { NULL })
	raises("string expected, got nil", net.WriteString, nil)
	raises("from 1 to 32", net.WriteUInt, 5)
	raises("color expected, got table", net.WriteColor, { r = 1, g = 2, b = 3 })
	raises("Couldn't write function", net.WriteType, print)
	local loop = {}
	loop.loop = loop
	raises("Cyclic", net.WriteTable, loop)
	raises("more than 65533 bytes", net.WriteData, ("x"):rep(70000))
	raises("without net.Start", net.WriteBit, true)
	raises("no message is being received", net.ReadString)
	net.Start("all")
	net.Start("all")
	assert(table.concat(host.console(), "\n"):find("already started", 1, true))
	net.Abort()
end)

host.test("a read that does not fit is told, where the game would give rubbish", function()
	local function reads(part, write, read)
		net.Receive("all", function() raises(part, read) end)
		host.players.client(alice, function()
			net.Start("all")
			write()
			net.SendToServer()
		end)
		host.pass()
	end
	local function string_then_number() net.WriteString("x") net.WriteUInt(5, 8) end
	reads('net.ReadUInt(8): value 1 of the message "all" was written by net.WriteString', string_then_number,
		function() net.ReadUInt(8) end)
	reads('value 2 of the message "all" was written with 8 bits', string_then_number,
		function() net.ReadString() net.ReadUInt(16) end)
	reads('net.ReadString: the message "all" has ended, after 2 values', string_then_number,
		function() net.ReadString() net.ReadInt(8) net.ReadString() end)
end)
