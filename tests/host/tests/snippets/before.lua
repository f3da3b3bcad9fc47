-- Runs before a block of the documentation. Returns true if the map has to restart first.
local with_addon = ...
if with_addon and host.map_number == 1 then
	-- A server that was away is found again soon.
	host.put("data/realtime.json",
		string.format('{ "url": "%s", "id": "ttt-1", "options": { "reconnect_max": 0.5 } }', host.redis_url))
	host.next_map()
	return true
end

require("realtime")

-- Whatever address a block names, the run's own server answers.
local connect = realtime.Connect
function realtime.Connect(url, ...)
	if not istable(url) then return connect(host.redis_url, ...) end
	url.host, url.username, url.password, url.path = nil, nil, nil, nil
	url.port = tonumber(host.redis_url:match("%d+$"))
	return connect(url, ...)
end

-- For checks: waits until the console shows the text.
function host.says(text)
	host.wait(function() return table.concat(host.console(), "\n"):find(text, 1, true) end, 20, "'" .. text .. "' on the console")
end
