-- Runs after LINES and produce(): the lines must be on the console in the end.
PATIENCE = 15 -- a script may have less

-- On the first map it writes the configuration and starts the next one; then it is true.
function configured(url, options)
	if host.map_number > 1 then return true end
	host.put("data/realtime.json", string.format('{ "url": "%s", "id": "ttt-1", "options": %s }', url, options or "{}"))
	host.next_map()
end

-- Parts that may differ between the page and this run, and their form here. The first match counts.
local VARIES = {
	{ "^%d+%.%d+%.%d+%.%d+:%d+", "[%d.]+:%d+" }, { "^%d[%d.]*%d", "[%d.]+" },
	{ "^%d", "[%d.]+" }, { "^…", ".-" }, { "^redis%.example", "[%w.]+" },
	{ "^My Server", ".-" },
}

local function pattern(line)
	local parts = {}
	while line ~= "" do
		local length, part = 1, line:sub(1, 1):gsub("%p", "%%%0")
		for _, varies in ipairs(VARIES) do
			local _, finish = line:find(varies[1])
			if finish then
				length, part = finish, varies[2]
				break
			end
		end
		parts[#parts + 1] = part
		line = line:sub(length + 1)
	end
	return table.concat(parts)
end

local function shown(wanted)
	for _, line in ipairs(host.console()) do
		for part in (line .. "\n"):gmatch("(.-)\n") do
			-- Waits are random, and one of less than a millisecond has other words.
			local longer = part:gsub("trying again at once", "next attempt in 0 ms")
			if part:find(wanted) or longer:find(wanted) then return true end
		end
	end
end

host.run(function()
	produce()
	for _, line in ipairs(LINES) do
		local wanted = pattern(line)
		host.wait(function() return shown(wanted) end, PATIENCE, "this line: " .. line .. "\nas " .. wanted)
	end
	host.exit(0)
end)
