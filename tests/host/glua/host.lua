-- The `host` table, with which a script queries and controls this program. The README lists it.
local native = ...

host = {}

-- Read on access. Fields that name a server start it.
local read = {
	args = native.arguments,
	protocol = native.protocol,
	map_number = native.map_number,
	seed = native.seed,
}
native.host_reads = read

setmetatable(host, {
	__index = function(_, key)
		local get = read[key]
		if not get then error("host has no '" .. tostring(key) .. "'", 2) end
		return get()
	end,
})

-- In a coroutine of host.run or host.test these do not return; elsewhere the caller continues to its end.
function host.exit(code)
	native.exit(code)
	native.leave()
end
function host.next_map()
	native.next_map()
	native.leave()
end

host.hibernate = native.hibernate
host.spin = native.spin
host.ticks = native.ticks
host.tick_times = native.tick_times
host.close_times = native.close_times
host.keep = native.keep
host.kept = native.kept
host.setenv = native.set_environment

-- Below garrysmod/, without the rules for Lua: for changes that the server's owner makes to files.
function host.put(path, contents)
	local folder = path:match("^(.*)/")
	if folder then native.make_folder("MOD", folder) end
	if not native.write("MOD", path, contents) then error("cannot write " .. path, 2) end
end
function host.move(from, to)
	local folder = to:match("^(.*)/")
	if folder then native.make_folder("MOD", folder) end
	if not native.rename("MOD", from, to) then error("cannot move " .. from .. " to " .. to, 2) end
end
function host.delete(path)
	if not native.delete("MOD", path) then error("cannot delete " .. path, 2) end
end

host.expect_errors = native.expect_errors
host.errors = native.errors
host.console = native.console

host.fail_alloc_after = native.fail_allocations
host.rss = native.resident_bytes
host.peak_rss = native.peak_resident_bytes
host.heap = native.allocated_bytes
host.mapped = native.library_is_mapped
host.threads = native.threads
host.fds = native.descriptors
host.block = native.block
host.monotonic = native.monotonic
host.thread_time = native.thread_time

host.writes = native.writes

-- Figures by the name of the thread.
local function by_thread(flat)
	local threads = {}
	for i = 1, #flat, 2 do threads[flat[i]] = flat[i + 1] end
	return threads
end
function host.cpu() return by_thread(native.processor_seconds()) end
function host.sleeps() return by_thread(native.sleeps()) end
