-- For suites of realtime_check: writes the settings of a server with a URL. On the first map it writes those of host.redis_url, begins the
-- next map, and returns nil: the suite has nothing to do on that map.
local function put(url) host.put("data/realtime.json", string.format('{ "url": "%s", "id": "ttt-1", "options": { "reconnect_max": 0.1 } }', url)) end
if host.map_number == 1 then
	put(host.redis_url)
	host.next_map()
	return
end
return put
