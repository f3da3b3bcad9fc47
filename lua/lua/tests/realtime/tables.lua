-- Tables as messages. Two ids stand for two servers.
local realtime = assert(include("realtime/load.lua"))
local client = assert(realtime.Default())

local STEAM_ID = "76561198000000001"
local one, two = realtime.Tables(client, "tests-one"), realtime.Tables(client, "tests-two")

return {
	groupName = "realtime: tables",

	beforeEach = function(state)
		state.channel = string.format("realtime:tests:%s:%d", realtime.ServerId(), SysTime() * 1e6)
	end,

	afterEach = function(state) one:Unsubscribe(state.channel) end,

	cases = {
		{
			name = "A table arrives with its sender and channel",
			async = true,
			func = function(state)
				one:Subscribe(state.channel, function(data, from, channel)
					expect(data).to.deepEqual({ text = "hello", list = { 1, 2.5, false } })
					expect(from).to.equal("tests-two")
					expect(channel).to.equal(state.channel)
					done()
				end)
				two:Publish(state.channel, { text = "hello", list = { 1, 2.5, false } })
			end,
		},
		{
			name = "A SteamID64 stays a string, as a key, too",
			async = true,
			func = function(state)
				one:Subscribe(state.channel, function(data)
					expect(data[STEAM_ID]).to.equal("a player")
					expect(data.player).to.equal(STEAM_ID)
					done()
				end)
				two:Publish(state.channel, { [STEAM_ID] = "a player", player = STEAM_ID })
			end,
		},
		{
			name = "A server's own messages arrive, too",
			async = true,
			func = function(state)
				one:Subscribe(state.channel, function(_, from)
					expect(from).to.equal(one:Id())
					done()
				end)
				one:Publish(state.channel, "own")
			end,
		},
		{
			name = "A server's own messages are skipped on request",
			async = true,
			func = function(state)
				one:SubscribeOthers(state.channel, function(data)
					expect(data).to.equal("another's")
					done()
				end)
				one:Publish(state.channel, "own")
				two:Publish(state.channel, "another's")
			end,
		},
		{
			name = "A message without an envelope is left out, and the next one arrives",
			async = true,
			func = function(state)
				one:Subscribe(state.channel, function(data)
					expect(data).to.equal("good")
					done()
				end)
				client:Publish(state.channel, "plain text")
				two:Publish(state.channel, "good")
			end,
		},
		{
			name = "NaN is refused by Publish, with its place",
			func = function()
				local function publish() one:Publish("speeds", { players = { { speed = 0 / 0 } } }) end
				expect(publish).to.errWith("'Publish' to speeds: players[1].speed: NaN has no form in JSON")
			end,
		},
		{
			name = "Data beyond the bounds are refused by Publish",
			func = function()
				local function publish() one:Publish("texts", { text = ("x"):rep(4000000) }) end
				expect(publish).to.err()
			end,
		},
		{
			name = "A SteamID64 as a number is refused",
			func = function()
				local text, reason = realtime.Encode({ player = 76561198000000001 })
				expect(text).to.beNil()
				expect(string.find(reason, "player", 1, true)).to.exist()
				expect(string.find(reason, "2^53", 1, true)).to.exist()
			end,
		},
		{
			name = "An encoded table is decoded, with the sender",
			func = function()
				local data, from = realtime.Decode(realtime.Encode({ by = STEAM_ID, minutes = 90 }))
				expect(data).to.deepEqual({ by = STEAM_ID, minutes = 90 })
				expect(from).to.equal((realtime.ServerId()))
			end,
		},
		{
			name = "An error in decoding has line and column",
			func = function()
				local data, reason = realtime.Decode("{\n nonsense }")
				expect(data).to.beNil()
				expect(string.find(reason, "line 2, column 2", 1, true)).to.exist()
			end,
		},
	},
}
