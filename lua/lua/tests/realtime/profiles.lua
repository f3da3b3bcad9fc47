-- Documents of players. They need a Redis that runs scripts, a user that may run them, and a server with an id:
-- otherwise they are skipped.
local realtime = assert(include("realtime/load.lua"))
local default = assert(realtime.Default())
local PLAYER = "76561197960265729" -- the first account of Steam

local runs_scripts
local function can_run()
	if runs_scripts == nil then
		local script = "redis.replicate_commands() return redis.call('HMGET', KEYS[1], 'fence')"
		runs_scripts = default:CommandSync({ "EVAL", script, 1, "realtime:profiles:{tests}:" .. PLAYER }) == nil
	end
	return runs_scripts and select(2, realtime.ServerId()) == true
end

return {
	groupName = "realtime: Profiles",

	-- One document, which stays in Redis.
	beforeEach = function(state) state.profiles = can_run() and realtime.Profiles("tests-" .. realtime.ServerId():sub(1, 40)) end,

	cases = {
		{
			name = "A document has the content that was last saved, and closes",
			when = can_run,
			async = true,
			timeout = 60,
			func = function(state)
				local profiles, number = state.profiles, SysTime()
				profiles:Open(PLAYER, function(err)
					expect(err).to.beNil()
					profiles:Save(PLAYER, { number = 0 })
					profiles:Get(PLAYER).number = number
					profiles:Close(PLAYER, function(problem)
						expect(problem).to.beNil()
						expect(profiles:Get(PLAYER)).to.beNil()
						profiles:Open(PLAYER, function(_, data)
							expect(data.number).to.equal(number)
							profiles:Close(PLAYER, done)
						end)
					end)
				end)
			end,
		},
		{
			name = "A document that is not open cannot be saved",
			when = can_run,
			func = function(state)
				local accepted, err = state.profiles:Save("76561197960265730", 1)
				expect(accepted).to.beFalse()
				expect(err.code).to.equal("NOTOPEN")
			end,
		},
		{
			name = "An argument that is not a player raises",
			when = can_run,
			func = function(state)
				expect(state.profiles.Open, state.profiles, "Alice", print).to.err()
			end,
		},
	},
}
