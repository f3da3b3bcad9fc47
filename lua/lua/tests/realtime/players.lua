-- The players' servers. Needs a Redis that runs scripts, a user that may run them, and an id of this server:
-- otherwise it is skipped.
local realtime = assert(include("realtime/load.lua"))
local default = assert(realtime.Default())

local runs_scripts
local function can_run()
	if not select(2, realtime.ServerId()) then return false end
	if runs_scripts == nil then
		local script = "redis.replicate_commands() return redis.call('HLEN', KEYS[1])"
		runs_scripts = default:CommandSync({ "EVAL", script, 1, "realtime:players:{tests}" }) == nil
	end
	return runs_scripts
end

-- Belongs to nobody: accounts begin at 76561197960265728.
local NOBODY = "76561190000000000"

return {
	groupName = "realtime: Players",

	cases = {
		{
			name = "A player on no server cannot be asked",
			when = can_run,
			async = true,
			func = function()
				local players = realtime.Players()
				expect(players:Where(NOBODY)).to.beNil()
				players:Ask(NOBODY, "tests", nil, function(err)
					expect(err.code).to.equal("NOBODY")
					done()
				end)
			end,
		},
		{
			name = "A post waits for the player, and is stored once for an id",
			when = can_run,
			async = true,
			func = function()
				local players = realtime.Players()
				local options = { expires = 1, once = "tests-" .. SysTime() }
				players:Post(NOBODY, "tests", { item = "test" }, options, function(err, id)
					expect(err).to.beNil()
					players:Post(NOBODY, "tests", { item = "test" }, options, function(_, second)
						expect(second).to.equal(id)
						done()
					end)
				end)
			end,
		},
		{
			name = "A SteamID64 that is a number raises",
			when = can_run,
			func = function()
				local players = realtime.Players()
				expect(players.Where, players, 76561198000000001).to.err()
			end,
		},
	},
}
