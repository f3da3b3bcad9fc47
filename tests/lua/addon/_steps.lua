-- Acts as an owner: each step changes the folder, restarts the server (by a map change), and checks the console.
-- Usage: include("_steps.lua")({ { name = …, before = function() … end, check = function(said) … end }, … })
-- The first step finds an empty folder with everything installed.
-- said(): the console since that start; said(text) raises unless it contains the text.

return function(steps)
	local map = host.map_number
	local start = host.kept("console") or 0

	local function said(text)
		local lines, all = {}, host.console()
		for i = start + 1, #all do lines[#lines + 1] = all[i] end
		local console = table.concat(lines, "\n")
		if text and not console:find(text, 1, true) then
			error("the console does not say " .. string.format("%q", text) .. ", but:\n" .. console, 2)
		end
		return console
	end

	host.run(function()
		steps[map].check(said)
		print("ok      " .. steps[map].name)
		local next_step = steps[map + 1]
		if not next_step then host.exit(0) end
		if next_step.before then next_step.before() end
		host.keep("console", #host.console())
		host.next_map()
	end)
end
