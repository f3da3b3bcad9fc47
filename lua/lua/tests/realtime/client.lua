-- Publishing, subscribing and commands, by the client that all addons share.
local realtime = assert(include("realtime/load.lua"))
local client = assert(realtime.Default())

-- An ACL that allows channels by a pattern allows exactly that pattern, not a narrower one.
local PATTERN = "realtime:*"

local number = 0

return {
	groupName = "realtime: client",

	beforeEach = function(state)
		number = number + 1
		state.channel = string.format("realtime:tests:%s:%d:%d", realtime.ServerId(), SysTime() * 1e6, number)
	end,

	afterEach = function(state)
		client:Unsubscribe(state.channel)
		client:Unsubscribe(state.channel, "kept")
		client:PUnsubscribe(PATTERN)
	end,

	cases = {
		{
			name = "A message arrives with its channel",
			async = true,
			func = function(state)
				client:Subscribe(state.channel, function(message, channel)
					expect(message).to.equal("hello")
					expect(channel).to.equal(state.channel)
					done()
				end)
				client:Publish(state.channel, "hello")
			end,
		},
		{
			name = "Any bytes arrive as they are",
			async = true,
			func = function(state)
				local bytes = "NUL \0, line\r\n, no UTF-8 \255"
				client:Subscribe(state.channel, function(message)
					expect(message == bytes).to.beTrue()
					done()
				end)
				client:Publish(state.channel, bytes)
			end,
		},
		{
			name = "A pattern's callback gets channel and pattern",
			async = true,
			func = function(state)
				client:PSubscribe(PATTERN, function(message, channel, pattern)
					if channel ~= state.channel then return end
					expect(message).to.equal("by pattern")
					expect(pattern).to.equal(PATTERN)
					done()
				end)
				client:Publish(state.channel, "by pattern")
			end,
		},
		{
			name = "Messages arrive in the order in which they were published",
			async = true,
			func = function(state)
				local heard = {}
				client:Subscribe(state.channel, function(message)
					heard[#heard + 1] = message
					if #heard < 3 then return end
					expect(table.concat(heard, " ")).to.equal("1 2 3")
					done()
				end)
				for i = 1, 3 do client:Publish(state.channel, i) end
			end,
		},
		{
			name = "A publish returns the number of subscribers",
			async = true,
			func = function(state)
				-- Other clients may be subscribed to everything.
				client:Publish(state.channel, "before", function(err, others)
					expect(err).to.beNil()
					-- A subscription may overtake a publish that was made before it.
					client:Subscribe(state.channel, function() end)
					client:Publish(state.channel, "after", function(err_after, receivers)
						expect(err_after).to.beNil()
						expect(receivers).to.equal(others + 1)
						done()
					end)
				end)
			end,
		},
		{
			name = "After Unsubscribe no message arrives",
			async = true,
			func = function(state)
				local wrong, heard = 0, 0
				client:Subscribe(state.channel, function() wrong = wrong + 1 end)
				client:Subscribe(state.channel, "kept", function()
					heard = heard + 1
					if heard < 2 then return end
					expect(wrong).to.equal(0)
					done()
				end)
				client:Unsubscribe(state.channel)
				client:Publish(state.channel, "first")
				client:Publish(state.channel, "second")
			end,
		},
		{
			name = "The same identifier again replaces the callback",
			async = true,
			func = function(state)
				local replaced = 0
				client:Subscribe(state.channel, "kept", function() replaced = replaced + 1 end)
				client:Subscribe(state.channel, "kept", function(message)
					expect(message).to.equal("for the second")
					expect(replaced).to.equal(0)
					done()
				end)
				client:Publish(state.channel, "for the second")
			end,
		},
		{
			name = "No callback runs inside the call that registered it",
			async = true,
			func = function(state)
				local returned = false
				client:Publish(state.channel, "", function()
					expect(returned).to.beTrue()
					done()
				end)
				returned = true
			end,
		},
		{
			name = "A ping returns the seconds of the round trip",
			async = true,
			func = function()
				client:Ping(function(err, seconds)
					expect(err).to.beNil()
					expect(seconds).to.beGreaterThan(0)
					done()
				end)
			end,
		},
		{
			name = "A command is answered",
			async = true,
			func = function()
				client:Command({ "PING", "are you there?" }, function(err, reply)
					expect(err).to.beNil()
					expect(reply).to.equal("are you there?")
					done()
				end)
			end,
		},
		{
			name = "A command's error has a code and a message",
			async = true,
			func = function()
				client:Command({ "REALTIME.NOSUCHCOMMAND" }, function(err, reply)
					expect(reply).to.beNil()
					expect(err).to.beA("table")
					expect(tostring(err)).to.equal(err.code .. ": " .. err.message)
					done()
				end)
			end,
		},
		{
			name = "Await waits for a command",
			func = function()
				local err, reply = client:CommandSync({ "PING", "at once" })
				expect(err).to.beNil()
				expect(reply).to.equal("at once")
			end,
		},
		{
			name = "A table as a message raises, with advice",
			func = function(state)
				local ok, message = pcall(client.Publish, client, state.channel, { 1 })
				expect(ok).to.beFalse()
				expect(string.find(message, "bad argument #2 to 'Publish'", 1, true)).to.exist()
				expect(string.find(message, "util.TableToJSON", 1, true)).to.exist()
			end,
		},
		{
			name = "A subscription without a function raises",
			func = function(state)
				local ok, message = pcall(client.Subscribe, client, state.channel, "an identifier")
				expect(ok).to.beFalse()
				expect(string.find(message, "bad argument #3 to 'Subscribe'", 1, true)).to.exist()
			end,
		},
		{
			name = "Commands that would change the connection raise",
			func = function()
				local ok, message = pcall(client.Command, client, { "SUBSCRIBE", "chat" })
				expect(ok).to.beFalse()
				expect(string.find(message, ":Subscribe", 1, true)).to.exist()
			end,
		},
	},
}
