-- Publishes, in bursts within a tick, and nothing else: for benches/game/syscalls.sh, which counts the system calls
-- between the two lines of dashes.
--
-- = rounds                               bursts
-- = publishes                            in each
-- = wakes                                wake-ups of the worker for each burst, without anybody who counts them from outside

local kit = include("_kit.lua")
local settings = kit.settings({ rounds = 20, publishes = 1000, callback = 0, size = 64 }, { rounds = 2, publishes = 10 })

host.run(function()
	local client, message, wakes = kit.ready(), string.rep("x", settings.size), 0
	local answer = settings.callback ~= 0 and function() end or nil
	for round = 0, settings.rounds do
		-- The first one warms up.
		if round == 1 then print("-----") end
		local before = host.writes()
		for _ = 1, settings.publishes do client:Publish("nobody", message, answer) end
		if round > 0 then wakes = wakes + host.writes() - before end
		kit.answered(client)
	end
	print("-----")
	kit.result("rounds", settings.rounds)
	kit.result("publishes", settings.publishes)
	kit.result("wakes", wakes / settings.rounds)
	host.exit(0)
end)
