-- Shared tables. They need a Redis that runs scripts, and a user that may: else they are skipped.
local realtime = assert(include("realtime/load.lua"))
local default = assert(realtime.Default())

local runs_scripts
local function can_run()
	if runs_scripts == nil then
		local script = "redis.replicate_commands() return redis.call('HGET', KEYS[1], '')"
		runs_scripts = default:CommandSync({ "EVAL", script, 1, "realtime:shared:{tests}" }) == nil
	end
	return runs_scripts
end

return {
	groupName = "realtime: Shared",

	beforeEach = function(state)
		state.shared = realtime.Shared(string.format("tests-%s-%d", realtime.ServerId():sub(1, 40), SysTime() * 1e6))
	end,

	cases = {
		{
			name = "A value is there once fn runs, and can be removed",
			when = can_run,
			async = true,
			func = function(state)
				local shared, id = state.shared, "76561198000000001"
				shared:Set(id, { reason = "test" }, { expires = 60 }, function(err)
					expect(err).to.beNil()
					expect(shared:Get(id).reason).to.equal("test")
					expect(shared:Expires(id)).to.beGreaterThan(0)
					shared:Remove(id, function(problem, existed)
						expect(problem).to.beNil()
						expect(existed).to.beTrue()
						expect(shared:Get(id)).to.beNil()
						done()
					end)
				end)
			end,
		},
		{
			name = "Add keeps within its bounds",
			when = can_run,
			async = true,
			func = function(state)
				local shared = state.shared
				shared:Add("n", 2, { expires = 60 })
				shared:Add("n", -3, { min = 0 }, function(err, value)
					expect(err.code).to.equal("LIMIT")
					expect(value).to.equal(2)
					shared:Remove("n", done)
				end)
			end,
		},
		{
			name = "A key that is no string raises",
			func = function(state)
				expect(state.shared.Set, state.shared, 5, 1).to.err()
			end,
		},
	},
}
