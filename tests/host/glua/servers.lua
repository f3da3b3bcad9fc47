-- The server that a script talks to: host.server, host.fake, host.real, host.new_fake, host.proxy. Options and faults are tables here and
-- names and values in turn for the natives.
local native = ...

local function flat(into, t)
	for name, value in pairs(t) do
		into[#into + 1] = name
		into[#into + 1] = value
	end
	return unpack(into)
end

local function driver(drive)
	return setmetatable({
		faults = function(target, changes) return drive("faults", flat({ target or "all" }, changes)) end,
	}, {
		__index = function(_, method)
			return function(...) return drive(method, ...) end
		end,
	})
end

local servers = { server = driver(native.server), fake = driver(native.fake), real = driver(native.real) }

-- Reading the table already shows whether there is such a server.
for name, server in pairs(servers) do
	native.host_reads[name] = function()
		native[name]("url")
		return server
	end
end
native.host_reads.redis_url = native.redis_url

function host.new_fake(options)
	local number = native.new_fake(flat({}, options or {}))
	return driver(function(method, ...) return native.drive_fake(number, method, ...) end)
end

-- A redis-server more, with these lines in its configuration. `talker(seconds)`: commands to it while it may not answer, on a
-- connection and a thread of their own. `say(…)` returns the command's number, `answers()` what came since the last look: a list of
-- { number, whether the server answered, whether it was no error, the reply or the error }.
function host.new_real(lines)
	local number = native.new_real(unpack(lines or {}))
	local real = driver(function(method, ...) return native.drive_real(number, method, ...) end)
	function real.talker(seconds)
		local talker = native.new_talker(number, seconds)
		return {
			say = function(...) return native.drive_talker(talker, "say", ...) end,
			answers = function()
				local flat, answers = native.drive_talker(talker, "answers"), {}
				for i = 1, #flat, 4 do answers[#answers + 1] = { flat[i], flat[i + 1], flat[i + 2], flat[i + 3] } end
				return answers
			end,
		}
	end
	return real
end

-- Another publisher on 127.0.0.1, on a separate thread. Each message is its number (12 digits, from 1), its time
-- (SysTime in microseconds, 16 digits), and dashes up to `size`; the channels alternate.
function host.new_publisher(options)
	local number = native.start_publisher(options.port, options.rate, options.size, options.alone or false,
		unpack(options.channels))
	return {
		figures = function() return native.publisher_figures(number) end,
		stop = function() native.stop_publisher(number) end,
	}
end

function host.proxy(options)
	local number = native.new_proxy(options and options.server or host.redis_url)
	local function drive(method, ...) return native.drive_proxy(number, method, ...) end
	local proxy = driver(drive)
	for _, method in ipairs({ "faults", "next", "edit" }) do
		proxy[method] = function(changes) return drive(method, flat({}, changes)) end
	end
	return proxy
end

-- A TLS server before a plain one: its address without a scheme, and the certificate of the authority that it belongs to.
function host.tls(options)
	local both = native.new_tls(options and options.server or host.redis_url)
	local number = math.floor(both / 65536)
	return { address = "127.0.0.1:" .. both % 65536, authority = native.tls_authority(number) }
end
