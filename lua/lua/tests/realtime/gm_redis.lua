-- gm_redis's API over realtime. Its clients have no URL: these tests need the configured Redis at a TCP port and
-- without a password, and no binary of gm_redis; otherwise they are skipped.
local realtime = assert(include("realtime/load.lua"))
local default = assert(realtime.Default())

local host, port = string.match(default:Stats().address, "^(.*):(%d+)$")
port = tonumber(port)
local is_ours = not util.IsBinaryModuleInstalled("redis.core")
if is_ours then require("redis") end

local reachable
local function can_run()
	if not is_ours or not port then return false end
	if reachable == nil then
		local trial = realtime.Connect({ host = host, port = port, id = "realtime.tests" })
		trial:On("down", function() end)
		reachable = trial:CommandSync({ "PING" }) == nil
		trial:Disconnect()
	end
	return reachable
end

return {
	groupName = "realtime: gm_redis's API",

	beforeEach = function(state)
		state.name = string.format("realtime:tests:%s:%d", realtime.ServerId(), SysTime() * 1e6)
		state.client, state.subscriber = redis.CreateClient(), redis.CreateSubscriber()
		timer.Create("realtime.tests", 0, 0, function()
			for _, each in ipairs({ state.client, state.subscriber }) do
				if each:IsValid() then each:Poll() end
			end
		end)
	end,

	afterEach = function(state)
		state.client:Destroy()
		state.subscriber:Destroy()
	end,

	cases = {
		{
			name = "A client connects, and is NULL when destroyed",
			when = can_run,
			func = function(state)
				expect(state.client:Connect(host, port)).to.beTrue()
				expect(state.client:IsConnected()).to.beTrue()
				state.client:Destroy()
				expect(state.client).to.beInvalid()
				expect(tostring(state.client)).to.equal("[NULL redis_client]")
				expect(state.client.Poll, state.client).to.err()
			end,
		},
		{
			name = "A missing server gives a text as the error",
			when = can_run,
			func = function(state)
				local ok, err = state.client:Connect("127.0.0.1", 1)
				expect(ok).to.beNil()
				expect(err).to.beA("string")
				expect(state.client:IsConnected()).to.beFalse()
			end,
		},
		{
			name = "Commands wait for Commit",
			when = can_run,
			async = true,
			func = function(state)
				local round_trips, committed = 0, false
				state.client:Connect(host, port)
				state.client:Ping(function(client, reply)
					expect(committed).to.beTrue()
					expect(client == state.client).to.beTrue()
					expect(reply).to.equal("PONG")
					done()
				end)
				-- Long enough for an answer, if it had been sent.
				local function pong()
					round_trips = round_trips + 1
					if round_trips < 5 then return default:Ping(pong) end
					committed = true
					state.client:Commit()
				end
				default:Ping(pong)
			end,
		},
		{
			name = "Answers wait for Poll",
			when = can_run,
			func = function(state)
				local answered, deadline = false, SysTime() + 5
				state.client:Connect(host, port)
				state.client:Ping(function() answered = true end)
				state.client:Commit()
				realtime.ProcessEvents()
				expect(answered).to.beFalse()
				while not answered and SysTime() < deadline do state.client:Poll() end
				expect(answered).to.beTrue()
			end,
		},
		{
			name = "A value of any bytes is set, read and deleted",
			when = can_run,
			async = true,
			func = function(state)
				local value = "before \0 behind"
				state.client:Connect(host, port)
				state.client:Set(state.name, value)
				state.client:Get(state.name, function(_, reply) expect(reply == value).to.beTrue() end)
				state.client:Delete(state.name, function(_, reply) expect(reply).to.equal(1) end)
				state.client:Get(state.name, function(_, reply)
					expect(reply).to.beNil()
					done()
				end)
				state.client:Commit()
			end,
		},
		{
			name = "An error is the server's text, and an error object",
			when = can_run,
			async = true,
			func = function(state)
				state.client:Connect(host, port)
				state.client:Set(state.name, "no list")
				state.client:Send({ "RPUSH", state.name, "x" }, function(_, reply, err)
					expect(reply).to.beA("string")
					expect(err.code).to.equal("WRONGTYPE")
				end)
				state.client:Delete(state.name, function(_, reply, err)
					expect(reply).to.equal(1)
					expect(err).to.beNil()
					done()
				end)
				state.client:Commit()
			end,
		},
		{
			name = "A subscriber receives what a client publishes",
			when = can_run,
			async = true,
			func = function(state)
				state.client:Connect(host, port)
				state.subscriber:Connect(host, port)
				state.subscriber.OnMessage = function(subscriber, channel, message)
					expect(subscriber == state.subscriber).to.beTrue()
					expect(channel).to.equal(state.name)
					expect(message).to.equal("hello")
					done()
				end
				state.subscriber:Subscribe(state.name)
				state.subscriber:Commit()
				-- The two have separate connections: a message published before the subscription exists has no
				-- receiver.
				local function publish()
					state.client:Publish(state.name, "hello", function(_, receivers)
						if receivers == 0 then publish() end
					end)
					state.client:Commit()
				end
				publish()
			end,
		},
	},
}
