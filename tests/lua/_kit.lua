-- Shared by the suites. Loaded with include("_kit.lua").

require("realtime")

local kit = {}

-- Ten times the longest wait on a slow machine; more under a tool that makes everything slow.
kit.PATIENCE = host.args[1] == "slow" and 240 or 60

-- A name of this run only, so that suites on one real server do not hear each other.
local run = string.format("%d", math.floor(SysTime() * 1e6) % 1e12)
local count = 0
function kit.unique(name)
	count = count + 1
	return name .. "." .. run .. "." .. count
end

-- Creates a user of the server, with the rules that follow its name in the ACL. Returns the URL for it.
function kit.user(name, rules)
	if host.server.kind() == "fake" then
		host.fake.user(name .. " " .. rules)
	else
		local words = { "ACL", "SETUSER", name, "reset" }
		for word in rules:gmatch("%S+") do words[#words + 1] = word end
		host.real.command(unpack(words))
	end
	return (host.redis_url:gsub("//[^@]*@", "//"):gsub("//", "//" .. name .. ":pw@"))
end

-- A function that returns the later console lines of realtime that continue with this pattern.
function kit.lines(pattern)
	local from = #host.console()
	return function()
		local found = {}
		for i = from + 1, #host.console() do
			local line = host.console()[i]:match("^%[realtime%] (" .. pattern .. ")")
			if line then found[#found + 1] = line end
		end
		return found
	end
end

-- A client over the protocol version under test.
function kit.connect(options)
	options = options or {}
	local url = options.url or host.redis_url
	options.url = nil
	if options.protocol == nil then options.protocol = host.protocol or "auto" end
	return realtime.Connect(url, options)
end

-- A client that is ready, after its event `ready`: the state comes before the events, the figures about the server
-- with them.
function kit.ready(options)
	local client = kit.connect(options)
	host.wait(function() return client:IsConnected() and client:Stats().protocol end, kit.PATIENCE,
		"the client to be ready")
	return client
end

function kit.wait(what, condition)
	return host.wait(condition, kit.PATIENCE, what)
end

-- Lets ticks pass.
function kit.ticks(n)
	local from = host.ticks()
	host.wait(function() return host.ticks() >= from + n end, kit.PATIENCE, n .. " ticks")
end

-- Waits inside one tick, without letting callbacks run.
function kit.block_until(what, condition)
	local deadline = SysTime() + kit.PATIENCE
	while not condition() do
		if SysTime() > deadline then error("waited in vain for " .. what, 2) end
	end
end

local function show(value)
	if type(value) == "string" then return string.format("%q", value) end
	if type(value) == "table" then
		local parts = {}
		for k, v in pairs(value) do parts[#parts + 1] = "[" .. show(k) .. "] = " .. show(v) end
		table.sort(parts)
		return "{ " .. table.concat(parts, ", ") .. " }"
	end
	return tostring(value)
end
kit.show = show

function kit.same(a, b)
	if type(a) ~= "table" or type(b) ~= "table" then return a == b or (a ~= a and b ~= b) end
	for k, v in pairs(a) do
		if not kit.same(v, rawget(b, k)) then return false end
	end
	for k in pairs(b) do
		if rawget(a, k) == nil then return false end
	end
	return true
end

function kit.eq(got, want, what)
	if not kit.same(got, want) then
		error(string.format("%s: expected %s, got %s", what or "value", show(want), show(got)), 2)
	end
end

function kit.raises(pattern, fn, ...)
	local ok, message = pcall(fn, ...)
	if ok then error("expected an error that says " .. show(pattern), 2) end
	message = tostring(message)
	if not message:find(pattern) then
		error(string.format("expected an error that says %s, got %s", show(pattern), show(message)), 2)
	end
	return message
end

-- Collects a callback's arguments: list[n] = { … }, list.fn is the callback.
function kit.recorder()
	local list = {}
	list.fn = function(...) list[#list + 1] = { ... } end
	return list
end

-- Runs a command and waits for its answer, by default for longer than command_timeout: a busy server may take that long.
function kit.command(client, args, seconds)
	local done, err, reply = false, nil, nil
	local accepted, refused = client:Command(args, function(e, r)
		done, err, reply = true, e, r
	end, seconds or kit.PATIENCE)
	if not accepted then return refused, nil end
	kit.wait("the answer to " .. tostring(args[1]), function() return done end)
	return err, reply
end

-- Publishes and waits for the answer.
function kit.publish(client, channel, message)
	local done, err, receivers = false, nil, nil
	assert(client:Publish(channel, message, function(e, r) done, err, receivers = true, e, r end, kit.PATIENCE))
	kit.wait("the answer to a publish", function() return done end)
	return err, receivers
end

-- Waits until the server has answered all subscriptions of a client so far, because a later command is answered after them
-- in both protocols. Stats may still have the old counts.
function kit.fence(client)
	local done = false
	client:Publish(kit.unique("fence"), "", function() done = true end, kit.PATIENCE)
	kit.wait("the subscriptions", function() return done end)
end

-- Subscribes and waits until the server has confirmed it.
function kit.subscribe(client, ...)
	client:Subscribe(...)
	kit.fence(client)
end

-- Every loss and error that a client reports, as { event, info }, in order; `last(event)`: the newest such info.
function kit.troubles(client)
	local log = {}
	for _, event in ipairs({ "down", "gap", "error", "dropped" }) do
		client:On(event, "troubles", function(info) log[#log + 1] = { event, info } end)
	end
	function log.last(name)
		for i = #log, 1, -1 do if log[i][1] == name then return log[i][2] end end
	end
	return log
end

-- Runs fn while each of its allocations advances a garbage collection, with finalizers that call `finalizer`.
function kit.collecting(finalizers, finalizer, fn)
	collectgarbage()
	collectgarbage("stop")
	collectgarbage("setstepmul", 1000000)
	for _ = 1, finalizers do getmetatable(newproxy(true)).__gc = finalizer end
	collectgarbage("restart")
	fn()
end

return kit
