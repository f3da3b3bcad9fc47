-- Messages that wait. They need a Redis that runs scripts, and a user that may: else they are skipped.
local realtime = assert(include("realtime/load.lua"))
local default = assert(realtime.Default())

local runs_scripts
local function can_run()
	if runs_scripts == nil then
		local script = "redis.replicate_commands() return redis.call('XLEN', KEYS[1])"
		runs_scripts = default:CommandSync({ "EVAL", script, 1, "realtime:durable:{tests}" }) == nil
	end
	return runs_scripts
end

return {
	groupName = "realtime: Durable",

	beforeEach = function(state)
		state.durable = realtime.Durable()
		state.channel = string.format("tests-%s-%d", realtime.ServerId():sub(1, 40), SysTime() * 1e6)
	end,

	afterEach = function(state) state.durable:Stop(state.channel) end,

	cases = {
		{
			name = "A message waits for the worker, and is removed when it is done",
			when = can_run,
			async = true,
			func = function(state)
				local durable, channel = state.durable, state.channel
				durable:Publish(channel, { text = "test" }, function(err, id)
					expect(err).to.beNil()
					durable:Work(channel, function(data, from, finish, info)
						expect(data.text).to.equal("test")
						expect(from).to.equal(durable:Id())
						expect(info.id).to.equal(id)
						expect(finish()).to.beTrue()
						realtime.After(0.5, function()
							durable:Stats(channel, function(problem, stats)
								expect(problem).to.beNil()
								expect(stats.length).to.equal(0)
								done()
							end)
						end)
					end)
				end)
			end,
		},
		{
			name = "A subscriber gets what was published, or says why there can be none",
			when = can_run,
			async = true,
			func = function(state)
				local durable, channel = state.durable, state.channel
				local is_on, problem = durable:Subscribe(channel, function(data)
					expect(data).to.equal("news")
					durable:Forget(channel, durable:Id(), function(err)
						expect(err).to.beNil()
						done()
					end)
				end, { from = "start" })
				if not is_on then
					expect(problem).to.beA("string")
					return done()
				end
				durable:Publish(channel, "news")
			end,
		},
		{
			name = "A channel that is no name raises",
			func = function(state)
				expect(state.durable.Publish, state.durable, "no name", 1).to.err()
			end,
		},
	},
}
