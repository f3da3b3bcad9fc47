-- Timers, waiting, the time of day.
local realtime = assert(include("realtime/load.lua"))
local client = assert(realtime.Default())

return {
	groupName = "realtime: time",

	afterEach = function() realtime.StopTimer("realtime:tests") end,

	cases = {
		{
			name = "After runs once",
			async = true,
			func = function()
				local ran = 0
				realtime.After(0, function() ran = ran + 1 end)
				realtime.After(0.2, function()
					expect(ran).to.equal(1)
					done()
				end)
			end,
		},
		{
			name = "Every runs until it is stopped",
			async = true,
			func = function()
				local ran = 0
				realtime.Every(0.01, "realtime:tests", function()
					ran = ran + 1
					if ran == 3 then expect(realtime.StopTimer("realtime:tests")).to.beTrue() end
				end)
				realtime.After(0.5, function()
					expect(ran).to.equal(3)
					expect(realtime.StopTimer("realtime:tests")).to.beFalse()
					done()
				end)
			end,
		},
		{
			name = "Async waits for time and for answers",
			async = true,
			func = function()
				realtime.Async(function()
					realtime.Sleep(0.01)
					local err, seconds = realtime.Await(client, "Ping")
					expect(err).to.beNil()
					expect(seconds).to.beA("number")
					done()
				end)
			end,
		},
		{
			name = "Once runs a job, or says what is missing",
			async = true,
			func = function()
				local slot = "realtime:tests:" .. realtime.RandomToken()
				expect(realtime.Once(slot, function(finish, fence)
					expect(fence).to.beA("number")
					expect(finish()).to.beTrue()
					done()
				end)).to.beTrue()
				-- The server lacks a command or right that is not needed by the other tests.
				local version = tonumber(tostring(client:Stats().version):match("%d+"))
				if version and version < 5 then return done() end
				local script = "return redis.call('HMGET', KEYS[1], 'state')"
				client:Command({ "EVAL", script, 1, "realtime:once:{" .. slot .. "}" }, function(err)
					if err then done() end
				end)
			end,
		},
		{
			name = "Time is a time, or has a reason",
			func = function()
				local now, problem = realtime.Time()
				if now then
					expect(now).to.beGreaterThan(1.7e9)
				else
					expect(problem).to.beA("string")
				end
			end,
		},
	},
}
