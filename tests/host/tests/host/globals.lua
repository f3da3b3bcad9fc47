-- Globals that addons rely on.
local function same(got, wanted)
	if got ~= wanted then error(string.format("got %s, wanted %s", tostring(got), tostring(wanted)), 2) end
end

same(SERVER, true)
same(CLIENT, false)
same(io, nil)
same(loadstring, nil)
same(os.getenv, nil)
same(type(os.time()), "number")
same(math.floor(1 / engine.TickInterval() + 0.5), 66)
assert(SysTime() > 0 and CurTime() >= 0 and RealTime() > 0)

same(isstring("") and isnumber(1) and istable({}) and isfunction(print) and isbool(false), true)
same(IsValid(nil) or IsValid({}) or IsValid("x"), false)
same(IsValid({ IsValid = function() return true end }), true)
same(FindMetaTable("Color"), getmetatable(Color(1, 2, 3)))
same(FindMetaTable("Nobody"), nil)

same(table.concat(string.Explode(",", "a,,b"), "|"), "a||b")
same(#string.Explode("", "abc"), 3)
same(("abc").StartWith, string.StartWith)
same(string.StartWith("abc", "ab") and string.EndsWith("abc", "bc"), true)
same(string.Replace("a.b.c", ".", "%"), "a%b%c")
same(string.Trim("  x y "), "x y")
same(string.Trim("--x--", "-"), "x")
same(string.Comma(1234567), "1,234,567")
same(("abc")[2], "b")

same(table.Count({ a = 1, 2, 3 }), 3)
same(table.HasValue({ a = "x" }, "x"), true)
local copy = table.Copy({ a = { b = 1 } })
same(copy.a.b, 1)
same(math.Clamp(5, 1, 3), 3)
same(math.Round(2.567, 2), 2.57)

same(util.TableToJSON({ 1, "two", { three = 3.5 } }), '[1,"two",{"three":3.5}]')
same(util.TableToJSON({}), "[]")
local back = util.JSONToTable('{"1":"one","list":[1,-2.5e3,true,false],"text":"\\"\\u00e9\\n","none":null}')
same(back[1], "one")
-- A SteamID64 is one of the keys that become numbers, unless requested otherwise.
same(util.JSONToTable('{"76561198000000001":1}')["76561198000000001"], nil)
same(util.JSONToTable('{"true":1}')[true], 1)
same(util.JSONToTable('{"76561198000000001":1}', false, true)["76561198000000001"], 1)
same(util.TableToJSON({ 76561198000000001 }), "[7.6561198e+16]")
same(util.CRC("123456789"), "3421780262")
same(IsValid(NULL), false)
same(back.list[2], -2500)
same(back.list[4], false)
same(back.text, '"é\n')
same(back.none, nil)
for _, bad in ipairs({ "", "1", '"x"', "{", "[1,]", "[1 2]", "{1:2}", "[1] x", "[nul]", '["\\x"]' }) do
	same(util.JSONToTable(bad), nil)
end
same(select(2, pcall(util.JSONToTable, 5)):find("string expected", 1, true) ~= nil, true)
local loop = {}
loop.loop = loop
same(pcall(util.TableToJSON, loop), false)

same(file.Write("some/where.txt", "x"), false)
file.CreateDir("Some")
same(file.Write("some/Where.txt", "a\0b"), true)
same(file.Append("some/where.txt", "c"), true)
same(file.Read("some/where.txt", "DATA"), "a\0bc")
same(file.Exists("some/where.txt", "DATA"), true)
same(file.Write("program.exe", "x"), false)
same(file.Read("../../secret.txt", "DATA"), nil)
same(file.Read("some/where.txt/below.txt", "DATA"), nil) -- the system says that this is no folder
local files, folders = file.Find("*", "DATA")
same(#files, 0)
same(folders[1], "some")
same(file.Find("some/*.txt", "DATA")[1], "where.txt")
same(file.Find("some/*.json", "DATA")[1], nil)

local changed
CreateConVar("my_number", 5, FCVAR_ARCHIVE, "help")
cvars.AddChangeCallback("my_number", function(_, old, new) changed = old .. new end)
same(GetConVar("my_number"):GetInt(), 5)
RunConsoleCommand("my_number", 7)
same(changed, "57")
same(GetConVar("nobody"), nil)
local typed
concommand.Add("My_Command", function(_, _, arguments) typed = table.concat(arguments, "+") end)
RunConsoleCommand("my_command", "a", 2)
same(typed, "a+2")
local from
concommand.Add("whose", function(who) from = who end, nil, "help")
RunConsoleCommand("whose")
same(from, NULL)
same(concommand.Run("somebody", "WHOSE", {}), true)
same(from, "somebody")

same(#player.GetAll(), 0)
same(type(game.GetMap()), "string")
same(ProtectedCall(function() end), true)
same(CompileString("return 6 * 7", "answer")(), 42)
same(type(CompileString("return return", "bad", false)), "string")
-- In a coroutine as anywhere.
coroutine.wrap(function() same(util.TableToJSON({ a = 1 }), '{"a":1}') end)()

print("all there")
host.exit()
