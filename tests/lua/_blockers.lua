-- Hooks that keep others from running, like some addons' hooks: hooks run in any order, and one that returns a value or raises
-- stops the rest.

local blockers = {}
local count = 0

-- Whether the event reaches the hook `name`, which is replaced during the check.
local function is_reached(event, name)
	local fn, reached = hook.GetTable()[event][name], false
	hook.Add(event, name, function() reached = true end)
	pcall(hook.Run, event)
	hook.Add(event, name, fn)
	return reached
end

-- Adds hooks to `event`, each of which runs `fn`, until the hook `name` is not reached any more.
function blockers.add(event, name, fn)
	repeat
		count = count + 1
		hook.Add(event, "blocker " .. count, fn)
		if count > 500 then error("hooks run in the order in which they were added", 2) end
	until not is_reached(event, name)
end

function blockers.remove_all()
	for i = 1, count do
		for _, event in ipairs({ "Think", "Tick" }) do hook.Remove(event, "blocker " .. i) end
	end
	count = 0
end

return blockers
