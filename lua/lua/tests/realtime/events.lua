-- Events of a client, and its end. Nothing listens on port 1: clients of it never connect.
local realtime = assert(include("realtime/load.lua"))
local client = assert(realtime.Default())

local LISTENER = "realtime.tests"
local NOWHERE = "redis://user:pa55word@127.0.0.1:1"

return {
	groupName = "realtime: events and errors",

	-- A listener for `down` keeps that off the console.
	beforeEach = function(state)
		state.nowhere = realtime.Connect(NOWHERE, { id = LISTENER })
		state.nowhere:On("down", "quiet", function() end)
		state.channel = string.format("realtime:tests:%s:%d", realtime.ServerId(), SysTime() * 1e6)
	end,

	afterEach = function(state)
		if state.nowhere:IsValid() then state.nowhere:Disconnect() end
		client:Unsubscribe(state.channel)
		for _, event in ipairs({ "ready", "subscribed", "error" }) do client:Off(event, LISTENER) end
	end,

	cases = {
		{
			name = "A late listener for ready is called soon",
			async = true,
			func = function()
				client:On("ready", LISTENER, function(info)
					expect(info.protocol).to.beBetween(2, 3)
					expect(info.server).to.beA("string")
					expect(client:IsConnected()).to.beTrue()
					expect(client:State()).to.equal("ready")
					done()
				end)
			end,
		},
		{
			name = "A confirmed subscription emits an event",
			async = true,
			func = function(state)
				client:On("subscribed", LISTENER, function(info)
					if info.channel ~= state.channel then return end
					expect(info.pattern).to.beNil()
					done()
				end)
				client:Subscribe(state.channel, function() end)
			end,
		},
		{
			name = "A failed command without a callback emits an error",
			async = true,
			func = function()
				client:On("error", LISTENER, function(info)
					if info.command ~= "REALTIME.NOSUCHCOMMAND" then return end
					expect(info.err.code).to.beA("string")
					expect(info.err.message).to.beA("string")
					done()
				end)
				client:Command({ "REALTIME.NOSUCHCOMMAND", "an argument" })
			end,
		},
		{
			name = "A missing server is REFUSED, and tried again",
			async = true,
			func = function(state)
				state.nowhere:On("down", LISTENER, function(info)
					expect(info.err.code).to.equal("REFUSED")
					expect(info.retry_in).to.beGreaterThan(0)
					expect(state.nowhere:IsConnected()).to.beFalse()
					expect(state.nowhere:IsValid()).to.beTrue()
					done()
				end)
			end,
		},
		{
			name = "A command without a server fails with TIMEOUT, unsent",
			async = true,
			func = function(state)
				state.nowhere:Command({ "PING" }, function(err)
					expect(err.code).to.equal("TIMEOUT")
					expect(err.sent).to.beFalse()
					done()
				end, 0.05)
			end,
		},
		{
			name = "Closing a client answers waiting commands with CLOSED",
			async = true,
			func = function(state)
				state.nowhere:Publish("chat", "never", function(err)
					expect(err.code).to.equal("CLOSED")
					done()
				end)
				state.nowhere:Disconnect()
			end,
		},
		{
			name = "A closed client refuses, and says so",
			func = function(state)
				state.nowhere:Disconnect()
				local accepted, err = state.nowhere:Publish("chat", "never")
				expect(accepted).to.beFalse()
				expect(err.code).to.equal("CLOSED")
				expect(state.nowhere:State()).to.equal("closed")
				expect(state.nowhere).to.beInvalid()
				expect(state.nowhere.Subscribe, state.nowhere, "chat", function() end).to.err()
			end,
		},
		{
			name = "One id is one client",
			func = function(state)
				expect(realtime.Connect(NOWHERE, { id = LISTENER }) == state.nowhere).to.beTrue()
				expect(table.HasValue(realtime.Clients(), state.nowhere)).to.beTrue()
			end,
		},
		{
			name = "No password is told",
			func = function(state)
				local told = tostring(state.nowhere) .. util.TableToJSON(state.nowhere:Stats())
				expect(string.find(told, "127.0.0.1:1", 1, true)).to.exist()
				expect(string.find(told, "pa55word", 1, true)).to.beNil()
				local _, message = pcall(realtime.Connect, "redis://user:pa55word@127.0.0.1:port")
				expect(string.find(message, "port", 1, true)).to.exist()
				expect(string.find(message, "pa55word", 1, true)).to.beNil()
			end,
		},
		{
			name = "An unknown option raises, with its name",
			func = function()
				local ok, message = pcall(realtime.Connect, NOWHERE, { conect_timeout = 1 })
				expect(ok).to.beFalse()
				expect(string.find(message, "conect_timeout", 1, true)).to.exist()
			end,
		},
	},
}
