-- unix; servers: real; redis: 5.0
-- The example wallet.lua in three servers, each a process of its own: one stands still for longer than its lease, one is killed, and one
-- changes its map.

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
local here = debug.getinfo(1, "S").source:match("^@(.*)profiles_processes_once%.lua$")
if here:sub(1, 1) ~= "/" then here = ffi.string(ffi.C.getenv("PWD")) .. "/" .. here end
local ROOT = here .. "../../../"
-- So that nobody has to wait for half a minute.
local example = "include('realtime/load.lua').addon.profiles_lease = 5\n" .. shell("cat " .. quoted(ROOT .. "lua/examples/wallet.lua"))

local function configuration(id) return util.TableToJSON({ url = host.redis_url, id = id }) end
if host.map_number == 1 then
	host.put("data/realtime.json", configuration("ttt-1"))
	host.put("addons/wallet/lua/autorun/server/wallet.lua", example)
	host.next_map()
	return
end

local kit = include("../_kit.lua")
local ID = "76561198000000001"
local alice
local function points() return IsValid(alice) and Wallet.Points(alice) end
local function join() alice = assert(host.players.add({ name = "Alice", steamid64 = ID })) end

-- Another server: what it prints goes into data/NAME.txt.
local function start(name)
	local folder = "garrysmod/data/" .. name
	shell("mkdir -p " .. name .. "/garrysmod/data && echo " .. quoted(configuration(name)) .. " >" .. name .. "/garrysmod/data/realtime.json")
	local stream = ffi.C.popen("echo $$ >" .. folder .. ".pid; exec " .. shell("readlink /proc/$PPID/exe"):Trim() .. " --prompt --game " .. name
		.. " --module " .. quoted(shell("readlink -f garrysmod/" .. include("_platform.lua").file):Trim())
		.. " --addon " .. quoted(ROOT .. "lua") .. " --addon garrysmod/addons/wallet >" .. folder .. ".txt 2>&1", "w")
	local server = {}
	function server.type(line)
		ffi.C.fputs(line .. "\n", stream)
		ffi.C.fflush(stream)
	end
	function server.signal(which) shell("kill -" .. which .. " $(cat " .. folder .. ".pid)") end
	function server.wait(text)
		kit.wait(name .. " to say " .. text, function() return (file.Read(name .. ".txt", "DATA") or ""):find(text, 1, true) end)
	end
	function server.close() ffi.C.pclose(stream) end
	server.type("ply = host.players.add({ name = 'Alice', steamid64 = '" .. ID .. "' })")
	server.type("timer.Create('look', 0.1, 0, function() if Wallet.Points(ply) then timer.Remove('look') print('points: ' .. Wallet.Points(ply)) end end)")
	return server
end

if host.map_number == 2 then
	host.test("three servers", function()
		local second = start("ttt-2")
		second.wait("points: 100")
		second.type("Wallet.Charge(ply, 70, 'crowbar', function(err) print('charged: ' .. tostring(err)) end)")
		second.wait("charged: nil")
		second.type("print(Wallet.Give(ply, 5), 'and not saved')")
		second.wait("and not saved")
		-- It stands still for longer than the lease, and she comes here.
		second.signal("STOP")
		join()
		kit.wait("her wallet", function() return points() == 30 end)
		Wallet.Give(alice, 12)
		second.signal("CONT")
		second.wait("what changed since it was saved last is lost")
		second.wait("You play on ttt-1 now")
		kit.eq(points(), 42, "she keeps it")
		host.players.leave(alice)
		-- On to a third one, which is killed.
		local third = start("ttt-3")
		third.wait("points: 42")
		third.type("print(Wallet.Give(ply, 1000), 'and not saved')")
		third.wait("and not saved")
		third.signal("KILL")
		third.close()
		join()
		kit.wait("her wallet", function() return points() == 42 end)
		-- Back to the second one, which asks for it.
		Wallet.Give(alice, 1)
		second.type("ply = host.players.add({ name = 'Alice', steamid64 = '" .. ID .. "' })")
		second.type("timer.Create('look', 0.1, 0, function() if Wallet.Points(ply) then timer.Remove('look') print('again: ' .. Wallet.Points(ply)) end end)")
		second.wait("again: 43")
		kit.wait("the kick", function() return host.players.seen(alice).left == "You play on ttt-2 now" end)
		second.type("quit")
		second.close()
		join()
		kit.wait("her wallet", function() return points() == 43 end)
		Wallet.Give(alice, 1)
		host.next_map()
	end)
	return
end

host.test("after the map change", function()
	join()
	kit.wait("her wallet", function() return points() == 44 end)
	host.players.leave(alice)
end)
