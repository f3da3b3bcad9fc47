-- unix; servers: real; redis: 5.0
-- The first example of docs/durable.md, pasted as it stands into two servers, each a process of its own: through the death of one in the
-- midst of a message, a restart of Redis, and a map change.

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
local here = debug.getinfo(1, "S").source:match("^@(.*)durable_processes_once%.lua$")
if here:sub(1, 1) ~= "/" then here = ffi.string(ffi.C.getenv("PWD")) .. "/" .. here end
local ROOT = here .. "../../../"
local example = shell("cat " .. quoted(ROOT .. "docs/durable.md")):match("```lua\n(.-)```")

local function configuration(id) return util.TableToJSON({ url = host.redis_url, id = id }) end
if host.map_number == 1 then
	host.put("data/realtime.json", configuration("ttt-1"))
	host.put("addons/sales/lua/autorun/server/sales.lua", example)
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local durable, ranks = realtime.Durable(), realtime.Shared("ranks")
realtime.addon.durable_look = 0.3
local function is_sold(id) return ranks:Get(id) == "vip" end
local function length()
	local found
	durable:Stats("purchases", function(_, stats) found = stats and stats.length or -1 end)
	kit.wait("the figures", function() return found end)
	return found
end

-- The other server: what it prints goes into data/ttt-2.txt.
local function start()
	shell("mkdir -p ttt-2/garrysmod/data && echo " .. quoted(configuration("ttt-2")) .. " >ttt-2/garrysmod/data/realtime.json")
	local stream = ffi.C.popen("echo $$ >garrysmod/data/pid.txt; exec " .. shell("readlink /proc/$PPID/exe"):Trim()
		.. " --prompt --game ttt-2 --addon " .. quoted(ROOT .. "lua") .. " --addon garrysmod/addons/sales >garrysmod/data/ttt-2.txt 2>&1", "w")
	local other = {}
	function other.type(line)
		ffi.C.fputs(line .. "\n", stream)
		ffi.C.fflush(stream)
	end
	function other.wait(text)
		kit.wait("the other one to say " .. text, function() return (file.Read("ttt-2.txt", "DATA") or ""):find(text, 1, true) end)
	end
	function other.kill() shell("kill -9 $(cat garrysmod/data/pid.txt)") ffi.C.pclose(stream) end
	function other.quit() other.type("quit") ffi.C.pclose(stream) end
	return other
end

if host.map_number == 2 then
	host.test("two servers", function()
		RunConsoleCommand("sell", "1", "vip")
		kit.wait("the first rank", function() return is_sold("1") end)
		-- This one stops working, and the other one is caught in the midst of a message.
		durable:Stop("purchases")
		local other = start()
		other.type('realtime.Durable():Work("purchases", function(purchase) print("working on " .. purchase.steamid) end, { patience = 1 })')
		other.type('print("it " .. "works")')
		other.wait("it works")
		RunConsoleCommand("sell", "2", "vip")
		other.wait("working on 2")
		kit.eq({ length(), is_sold("2") }, { 1, false })
		other.kill()
		-- Nothing works now. Redis restarts meanwhile, and the map changes.
		RunConsoleCommand("sell", "3", "vip")
		kit.wait("its message", function() return length() == 2 end)
		host.real.command("SAVE")
		host.server.stop()
		kit.wait("the loss", function() return not ranks:IsReady() end)
		host.server.start()
		host.next_map()
	end)
	return
end

host.test("after the map change", function()
	kit.wait("both", function() return is_sold("2") and is_sold("3") end)
	kit.wait("an empty channel", function() return length() == 0 end)
	-- The other one is back, with the example as it stands, and alone.
	durable:Stop("purchases")
	local other = start()
	RunConsoleCommand("sell", "4", "vip")
	other.wait("4 bought vip")
	kit.wait("its rank", function() return is_sold("4") end)
	other.quit()
end)
