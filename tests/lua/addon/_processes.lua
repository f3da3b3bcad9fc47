-- Servers in processes of their own, for suites that begin with "-- unix": this host once more, in a folder and with a console of its own.
-- Loaded with include("_processes.lua"), also before the map that has the tests.

local registry = debug.getregistry()
local ffi = registry._LOADED.ffi or registry._PRELOAD.ffi("ffi") -- a second opening would lose the declarations of the first
pcall(ffi.cdef, [[
	void *popen(const char *command, const char *mode);
	int fputs(const char *text, void *stream);
	char *fgets(char *text, int size, void *stream);
	int fflush(void *stream);
	int pclose(void *stream);
	char *getenv(const char *name);
]])
local processes = {}

-- The output of a shell command.
local function shell(command)
	local stream, lines, buffer = ffi.C.popen(command, "r"), {}, ffi.new("char[65536]")
	while ffi.C.fgets(buffer, 65536, stream) ~= nil do lines[#lines + 1] = ffi.string(buffer) end
	ffi.C.pclose(stream)
	return table.concat(lines)
end
local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
processes.shell = shell

-- The host has changed its folder since it was started.
local function absolute(path) return path:sub(1, 1) == "/" and path or ffi.string(ffi.C.getenv("PWD")) .. "/" .. path end
-- The project's folder.
processes.ROOT = absolute(debug.getinfo(1, "S").source:match("^@(.*)_processes%.lua$")) .. "../../../"
-- This host, with its module.
local program = shell("readlink /proc/$PPID/exe"):Trim()
local module = shell("tr '\\0' '\\n' </proc/$PPID/cmdline"):match("%-%-module\n([^\n]+)\n")
if module then program = program .. " --module " .. quoted(absolute(module)) end

-- A file of the project, and the first block of Lua of a page.
function processes.read(path) return shell("cat " .. quoted(processes.ROOT .. path)) end
function processes.example(page) return processes.read(page):match("```lua\n(.-)```") end

function processes.configuration(id, options) return util.TableToJSON({ url = host.redis_url, id = id, options = options }) end

-- Starts a server with this addon and another one, a folder. `more`: options of its client; name of its folder, if two servers have one id.
function processes.start(id, addon, more)
	more = more or {}
	local name = more.name or id
	local folder, output, pid = name .. "/garrysmod/data", name .. ".txt", name .. ".pid.txt"
	local kit = include("../_kit.lua")
	file.Delete(output)
	file.Delete(pid)
	shell("mkdir -p " .. folder .. " && echo " .. quoted(processes.configuration(id, more.options)) .. " >" .. folder .. "/realtime.json")
	local line = string.format("echo $$ >garrysmod/data/%s; exec %s --prompt --game %s --addon %s --addon %s >garrysmod/data/%s 2>&1", pid, program, name,
		quoted(processes.ROOT .. "lua"), quoted(addon), output)
	local stream = ffi.C.popen(line, "w")
	kit.wait("the process of " .. name, function() return (file.Read(pid, "DATA") or ""):find("\n") end)
	local server, asked = {}, 0
	-- Its output so far.
	function server.said() return file.Read(output, "DATA") or "" end
	-- Types a line into its console.
	function server.type(line)
		ffi.C.fputs(line .. "\n", stream)
		ffi.C.fflush(stream)
	end
	-- Waits for a condition; a failure shows its last output.
	local function wait(what, condition)
		local fine, message = pcall(kit.wait, what, condition)
		if not fine then error(message .. "; " .. name .. " said last:\n" .. server.said():sub(-1000), 0) end
	end
	-- Waits until a Lua expression has that value on the server.
	function server.wait(expression, value)
		wait(expression .. " to be " .. value, function()
			asked = asked + 1
			server.type(string.format('print("answer %d: " .. tostring((%s)))', asked, expression))
			local want, said = "answer " .. asked .. ": ", nil
			host.wait(function()
				said = server.said():match(want .. "([^\n]*)\n")
				return said
			end, kit.PATIENCE, "an answer")
			return said == value
		end)
	end
	function server.says(text)
		wait(name .. " to say " .. text, function() return server.said():find(text, 1, true) end)
	end
	function server.signal(which) shell("kill -" .. which .. " $(cat garrysmod/data/" .. pid .. ")") end
	-- Stops it for so many seconds. It continues even if this suite ends before, because otherwise it would never see the end of its input.
	function server.stop(seconds)
		server.signal("STOP")
		shell(string.format("(sleep %.2f; kill -CONT $(cat garrysmod/data/%s)) >/dev/null 2>&1 &", seconds, pid))
	end
	function server.kill()
		server.signal("KILL")
		ffi.C.pclose(stream)
	end
	function server.quit()
		server.type("quit")
		ffi.C.pclose(stream)
	end
	return server
end

return processes
