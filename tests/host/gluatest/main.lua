-- Runs the tests that lie in addons, with a Redis for realtime's addon, and ends the run: with 0 if every case passed or was
-- skipped.
-- Usage: include("main.lua")({ projects = { "my_addon" }, … }); the other options stand below.
return function(options)
	-- The addons' files run at the start of a map: the next one finds the configuration.
	if host.map_number == 1 then
		host.put("data/realtime.json", util.TableToJSON({
			url = host.redis_url, id = "gluatest", options = { protocol = host.protocol },
		}))
		return host.next_map()
	end

	local runner = include("runner.lua")
	local words = { passed = "ok      ", failed = "FAILED  ", empty = "EMPTY   ", skipped = "skipped " }
	local counts = { passed = 0, failed = 0, empty = 0, skipped = 0 }

	local function report(result)
		local verdict, reason = result.verdict, result.reason
		-- Nothing may be left out: neither by a condition, except for the groups in `may_skip`, nor by an async case
		-- without expectations.
		if options.strict and verdict == "skipped" and not table.HasValue(options.may_skip or {}, result.group.groupName) then verdict, reason = "failed", "skipped" end
		if options.strict and verdict == "passed" and result.expectations == 0 then verdict = "empty" end
		counts[verdict] = counts[verdict] + 1
		local group, case = result.group, result.case
		print(words[verdict] .. (group.groupName or group.path) .. ": " .. (case and case.name or group.path))
		if reason then print(reason) end
	end

	runner.Run(runner.Find(options.projects), options.patience or 1, report, function()
		print(string.format("%d passed, %d failed, %d empty, %d skipped", counts.passed, counts.failed, counts.empty,
			counts.skipped))
		if counts.passed == 0 then print("no case of lua/tests/PROJECT/*.lua passed") end
		host.exit(counts.failed + counts.empty == 0 and counts.passed > 0 and 0 or 1)
	end)
end
