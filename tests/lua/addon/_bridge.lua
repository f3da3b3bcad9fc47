-- Runs lua/examples/bridge with Python, beside this server, "hub". Loaded with include("_bridge.lua")(secret or nil). Returns nil
-- while the map restarts, and without Python, which ends the run.

local kit = include("../_kit.lua")

-- The host cannot start processes, because Lua in the game cannot.
local ffi = debug.getregistry()._PRELOAD.ffi("ffi")
ffi.cdef([[
	void *popen(const char *command, const char *mode);
	int fputs(const char *text, void *stream);
	int fflush(void *stream);
	int pclose(void *stream);
	int system(const char *command);
	char *getenv(const char *name);
]])
local function environment(name)
	local value = ffi.C.getenv(name)
	return value ~= nil and ffi.string(value) or nil
end

if ffi.C.system("command -v python3 >/dev/null") ~= 0 then
	assert(environment("CI") ~= "true", "there is no python3")
	print("there is no python3: left out")
	host.exit(0)
	return
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- The folder in which the host was started; it has changed its folder since.
local here = debug.getinfo(1, "S").source:match("^@(.*)_bridge%.lua$")
if here:sub(1, 1) ~= "/" then here = environment("PWD") .. "/" .. here end
local FOLDER = here .. "../../../lua/examples/bridge"
local SCRIPT = quoted(FOLDER .. "/bridge.py")

-- chat: the chat lines of the one player here.
local bridges = {}

-- A running bridge, whose output goes into data/NAME.txt.
function bridges.start(name, url, secret)
	local command = string.format("exec env PYTHONDONTWRITEBYTECODE=1 REALTIME_SECRET=%s python3 %s %s >garrysmod/data/%s.txt 2>&1",
		quoted(secret or ""), SCRIPT, quoted(url), name)
	local stream = ffi.C.popen(command, "w")
	assert(stream ~= nil, "popen")
	local bridge, seen = {}, 1
	function bridge.type(line)
		ffi.C.fputs(line .. "\n", stream)
		ffi.C.fflush(stream)
	end
	-- Waits for the line, which must come after the line of the last call.
	function bridge.wait(line)
		local said
		local found = host.wait(function()
			said = file.Read(name .. ".txt", "DATA") or ""
			local _, stop = said:find(line, seen, true)
			seen = stop or seen
			return stop
		end, kit.PATIENCE)
		if not found then error("waited in vain for " .. line .. " in: " .. said, 2) end
	end
	-- The bridge ends when its input ends. Returns its exit code, in the form of wait(2).
	function bridge.close() return ffi.C.pclose(stream) end
	return bridge
end

-- Runs a Python program that may import the example's modules: returns its exit code, in the form of wait(2), and its output.
function bridges.python(program)
	local command = "exec env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" .. quoted(FOLDER) .. " python3 - >garrysmod/data/python.txt 2>&1"
	local stream = ffi.C.popen(command, "w")
	assert(stream ~= nil, "popen")
	ffi.C.fputs(program, stream)
	return ffi.C.pclose(stream), file.Read("python.txt", "DATA")
end

bridges.alice = host.players.add({ name = "Alice", steamid64 = "76561198000000001" })
bridges.chat = host.players.seen(bridges.alice).chat -- the lines that she gets

return function(secret)
	if host.map_number == 1 then
		host.put("data/realtime.json", util.TableToJSON({ url = host.redis_url, id = "hub", secret = secret }))
		host.next_map()
		return
	end
	return bridges
end
