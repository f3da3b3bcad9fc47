-- unix; servers: real; redis: 5.0
-- The first example of docs/shared.md, pasted as it stands into two servers, each a process of its own: through the death of one, a
-- restart of Redis, and a map change meanwhile.

local ffi = debug.getregistry()._PRELOAD.ffi("ffi")
pcall(ffi.cdef, [[
	void *popen(const char *command, const char *mode);
	int fputs(const char *text, void *stream);
	char *fgets(char *text, int size, void *stream);
	int fflush(void *stream);
	int pclose(void *stream);
	char *getenv(const char *name);
]])

-- What a shell prints.
local function shell(command)
	local stream, lines, buffer = ffi.C.popen(command, "r"), {}, ffi.new("char[65536]")
	while ffi.C.fgets(buffer, 65536, stream) ~= nil do lines[#lines + 1] = ffi.string(buffer) end
	ffi.C.pclose(stream)
	return table.concat(lines)
end
local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- Where the host was started: it has gone into a folder of its own since.
local here = debug.getinfo(1, "S").source:match("^@(.*)shared_processes_once%.lua$")
if here:sub(1, 1) ~= "/" then here = ffi.string(ffi.C.getenv("PWD")) .. "/" .. here end
local ROOT = here .. "../../../"
local example = shell("cat " .. quoted(ROOT .. "docs/shared.md")):match("```lua\n(.-)```")
local BANNED = "76561198000000001"

local function configuration(id) return util.TableToJSON({ url = host.redis_url, id = id }) end
if host.map_number == 1 then
	host.put("data/realtime.json", configuration("ttt-1"))
	host.put("addons/bans/lua/autorun/server/bans.lua", example)
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local bans = realtime.Shared("bans")
local function refused(id) return (hook.Run("CheckPassword", id)) == false end

-- The other server: what it prints goes into data/ttt-2.txt.
local function start()
	shell("mkdir -p ttt-2/garrysmod/data && echo " .. quoted(configuration("ttt-2")) .. " >ttt-2/garrysmod/data/realtime.json")
	local stream = ffi.C.popen("echo $$ >garrysmod/data/pid.txt; exec " .. shell("readlink /proc/$PPID/exe"):Trim()
		.. " --prompt --game ttt-2 --addon " .. quoted(ROOT .. "lua") .. " --addon garrysmod/addons/bans >garrysmod/data/ttt-2.txt 2>&1", "w")
	local other, asked = {}, 0
	function other.type(line)
		ffi.C.fputs(line .. "\n", stream)
		ffi.C.fflush(stream)
	end
	-- Waits until a Lua expression has that value there.
	function other.wait(expression, value)
		kit.wait(expression .. " to be " .. value, function()
			asked = asked + 1
			other.type(string.format('print("answer %d: " .. tostring((%s)))', asked, expression))
			local want, said = "answer " .. asked .. ": ", nil
			host.wait(function()
				said = (file.Read("ttt-2.txt", "DATA") or ""):match(want .. "([^\n]*)\n")
				return said
			end, kit.PATIENCE, "an answer")
			return said == value
		end)
	end
	function other.kill() shell("kill -9 $(cat garrysmod/data/pid.txt)") ffi.C.pclose(stream) end
	function other.quit() other.type("quit") ffi.C.pclose(stream) end
	return other
end
local function refusal(id) return string.format('hook.Run("CheckPassword", %q)', id) end

if host.map_number == 2 then
	host.test("two servers", function()
		local other = start()
		kit.wait("the ban", function() return refused(BANNED) end)
		other.wait(refusal(BANNED), "false")
		other.type('realtime.Shared("bans"):Set("2", { reason = "by the other" })')
		kit.wait("its ban", function() return refused("2") end)
		other.kill()
		local removed
		bans:Remove("2", function(err) removed = not err end)
		kit.wait("the pardon", function() return removed and not refused("2") end)
		host.real.command("SAVE")
		host.server.stop()
		kit.wait("the loss", function() return not bans:IsReady() end)
		assert(refused(BANNED), "the copy stays")
		host.next_map()
	end)
	return
end

host.test("after a map change without Redis, and when it is back", function()
	assert(not bans:IsReady() and refused(BANNED), "the snapshot has it")
	host.server.start()
	local other = start()
	other.wait(refusal(BANNED), "false")
	other.wait(refusal("2"), "nil")
	kit.wait("the copy", function() return bans:IsReady() end)
	assert(refused(BANNED) and not refused("2"))
	bans:Remove(BANNED)
	-- The other one bans him again when its map begins: that is what the example does.
	other.wait(refusal(BANNED), "nil")
	other.quit()
end)
