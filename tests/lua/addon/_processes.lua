-- Servers in processes of their own, for suites that begin with "-- unix": this host once more, in a folder and with a console of its own.
-- Loaded with include("_processes.lua"), also before the map that has the tests.

local ffi = debug.getregistry()._PRELOAD.ffi("ffi")
pcall(ffi.cdef, [[
	void *popen(const char *command, const char *mode);
	int fputs(const char *text, void *stream);
	char *fgets(char *text, int size, void *stream);
	int fflush(void *stream);
	int pclose(void *stream);
	char *getenv(const char *name);
]])
local processes = {}

-- What a shell prints.
local function shell(command)
	local stream, lines, buffer = ffi.C.popen(command, "r"), {}, ffi.new("char[65536]")
	while ffi.C.fgets(buffer, 65536, stream) ~= nil do lines[#lines + 1] = ffi.string(buffer) end
	ffi.C.pclose(stream)
	return table.concat(lines)
end
local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
processes.shell = shell

-- The project's folder. The host has gone into a folder of its own since it was started.
local here = debug.getinfo(1, "S").source:match("^@(.*)_processes%.lua$")
if here:sub(1, 1) ~= "/" then here = ffi.string(ffi.C.getenv("PWD")) .. "/" .. here end
processes.ROOT = here .. "../../../"

-- The first block of Lua of a page.
function processes.example(page) return shell("cat " .. quoted(processes.ROOT .. page)):match("```lua\n(.-)```") end

function processes.configuration(id) return util.TableToJSON({ url = host.redis_url, id = id }) end

-- Starts a server with this project's addon and another one, a folder.
function processes.start(id, addon)
	local folder, output, pid = id .. "/garrysmod/data", id .. ".txt", id .. ".pid.txt"
	local kit = include("../_kit.lua")
	file.Delete(output)
	shell("mkdir -p " .. folder .. " && echo " .. quoted(processes.configuration(id)) .. " >" .. folder .. "/realtime.json")
	local stream = ffi.C.popen("echo $$ >garrysmod/data/" .. pid .. "; exec " .. shell("readlink /proc/$PPID/exe"):Trim() .. " --prompt --game "
		.. id .. " --addon " .. quoted(processes.ROOT .. "lua") .. " --addon " .. quoted(addon) .. " >garrysmod/data/" .. output .. " 2>&1", "w")
	local server, asked = {}, 0
	-- What it has printed so far.
	function server.said() return file.Read(output, "DATA") or "" end
	-- Types a line into its console.
	function server.type(line)
		ffi.C.fputs(line .. "\n", stream)
		ffi.C.fflush(stream)
	end
	-- Waits until a Lua expression has that value there.
	function server.wait(expression, value)
		kit.wait(expression .. " to be " .. value, function()
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
		kit.wait(id .. " to say " .. text, function() return server.said():find(text, 1, true) end)
	end
	function server.kill()
		shell("kill -9 $(cat garrysmod/data/" .. pid .. ")")
		ffi.C.pclose(stream)
	end
	function server.quit()
		server.type("quit")
		ffi.C.pclose(stream)
	end
	return server
end

return processes
