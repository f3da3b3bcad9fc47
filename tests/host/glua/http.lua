-- HTTP, and http.Fetch and http.Post on top of it. http:// alone: see src/http.rs.
local native = ...

local waiting = {}

local function encoded(text)
	return (tostring(text):gsub("[^%w%-._~]", function(c) return string.format("%%%02X", c:byte()) end))
end

local function form(parameters)
	local parts = {}
	for key, value in SortedPairs(parameters or {}) do parts[#parts + 1] = encoded(key) .. "=" .. encoded(value) end
	return table.concat(parts, "&")
end

local function check(value, name)
	if isstring(value) and not value:find("[%c]") then return value end
	error("HTTP: " .. name .. " is no text without control characters", 4)
end

-- The request as it is sent, with the host and the port that it is for.
local function request_of(parameters)
	local host, port, path = check(parameters.url, "url"):match("^http://([^/:?#]+):?(%d*)([^#]*)")
	local method = check(parameters.method or "GET", "method"):upper()
	local body, kind = parameters.body or "", parameters.type or "text/plain; charset=utf-8"
	if parameters.parameters and next(parameters.parameters) then
		if method == "POST" then
			body, kind = form(parameters.parameters), "application/x-www-form-urlencoded"
		else
			path = path .. (path:find("?", 1, true) and "&" or "?") .. form(parameters.parameters)
		end
	end
	if not path:find("^/") then path = "/" .. path end
	local lines = { method .. " " .. path:gsub(" ", "%%20") .. " HTTP/1.1", "Host: " .. host .. (port ~= "" and ":" .. port or ""),
		"Connection: close" }
	if body ~= "" or method == "POST" or method == "PUT" or method == "PATCH" then
		lines[#lines + 1] = "Content-Type: " .. kind
		lines[#lines + 1] = "Content-Length: " .. #body
	end
	for name, value in SortedPairs(parameters.headers or {}) do
		lines[#lines + 1] = check(name, "a header's name") .. ": " .. check(tostring(value), "a header")
	end
	return host, tonumber(port) or 80, table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

function HTTP(parameters)
	if not istable(parameters) then error("bad argument #1 to 'HTTP' (table expected, got " .. type(parameters) .. ")", 2) end
	local url = tostring(parameters.url)
	if not url:find("^http://[^/:?#]") then
		local why = url:find("^https://") and "gmod-host has no https://, which needs TLS: " .. url or "invalid url"
		native.later(function() if parameters.failed then parameters.failed(why) end end)
		if url:find("^https://") then native.warn(why .. "\n") end
		return true
	end
	waiting[native.http_start(request_of(parameters))] = parameters
	return true
end

-- At each tick: the answers since the last one.
function native.run_http()
	while true do
		local answer = native.http_answer()
		if not answer then return end
		local parameters = waiting[answer[1]]
		waiting[answer[1]] = nil
		-- The answer to a request of an earlier map is discarded.
		if parameters and answer[3] then
			local headers = {}
			for name, value in answer[3]:gmatch("([^:\r\n]+):%s*([^\r\n]*)") do headers[name] = value end
			if parameters.success then native.protected(parameters.success, answer[2], answer[4], headers) end
		elseif parameters and parameters.failed then
			native.protected(parameters.failed, answer[2])
		end
	end
end

http = {}

function http.Fetch(url, success, failed, headers)
	HTTP({ url = url, method = "get", headers = headers or {}, failed = failed, success = success and function(code, body, got)
		success(body, #body, got, code)
	end })
end

function http.Post(url, parameters, success, failed, headers)
	HTTP({ url = url, method = "post", parameters = parameters, headers = headers or {}, failed = failed,
		success = success and function(code, body, got) success(body, #body, got, code) end })
end
