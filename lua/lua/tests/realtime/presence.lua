-- Which servers are up. Two ids stand for two servers.
local realtime = assert(include("realtime/load.lua"))
local client = assert(realtime.Default())

local number = 0

return {
	groupName = "realtime: presence",

	-- Others may hear these servers, so each case has its own.
	beforeEach = function(state)
		number = number + 1
		local id = string.format("tests-%s-%d-%d", util.CRC(realtime.ServerId()), os.time(), number)
		state.here, state.there_id = realtime.Presence(client, id .. "-a"), id .. "-b"
		function state.start_there() state.there = realtime.Presence(client, state.there_id) end
	end,

	afterEach = function(state)
		state.here:Stop()
		if state.there then state.there:Stop() end
	end,

	cases = {
		{
			name = "A server that starts has joined",
			async = true,
			func = function(state)
				state.here:On("joined", function(server)
					if server.id ~= state.there_id then return end
					expect(server.map).to.equal(game.GetMap())
					expect(server.max_players).to.equal(game.MaxPlayers())
					expect(server.own).to.beFalse()
					expect(state.here:Server(server.id).id).to.equal(server.id)
					done()
				end)
				state.start_there()
			end,
		},
		{
			name = "A field that is set is announced to the others",
			async = true,
			func = function(state)
				state.here:On("changed", function(server)
					if server.id ~= state.there_id or server.fields.mode ~= "ttt" then return end
					expect(state.here:Server(server.id).fields).to.deepEqual({ mode = "ttt" })
					done()
				end)
				state.here:On("joined", function(server)
					if server.id ~= state.there_id then return end
					expect(server.fields).to.deepEqual({})
					state.there:Set("mode", "ttt")
				end)
				state.start_there()
			end,
		},
		{
			name = "A server that stops has left at once",
			async = true,
			func = function(state)
				state.here:On("left", function(server)
					if server.id ~= state.there_id then return end
					expect(state.here:Server(server.id)).to.beNil()
					done()
				end)
				state.here:On("joined", function(server)
					if server.id == state.there_id then state.there:Stop() end
				end)
				state.start_there()
			end,
		},
		{
			name = "A server knows itself",
			func = function(state)
				local own = 0
				for _, server in ipairs(state.here:Servers()) do
					if server.own then own = own + 1 end
				end
				expect(own).to.equal(1)
				local server = state.here:Server(state.here:Id())
				expect(server.own).to.beTrue()
				expect(server.players).to.equal(player.GetCount())
				expect(server.age).to.equal(0)
			end,
		},
		{
			name = "Another server's id is unknown until it is heard",
			func = function(state) expect(state.here:Server(state.there_id)).to.beNil() end,
		},
		{
			name = "A field without a form in JSON raises",
			func = function(state)
				local function set() state.here:Set("speed", 0 / 0) end
				expect(set).to.errWith("'Set' \"speed\": the value: NaN has no form in JSON")
			end,
		},
	},
}
