-- sql as addons use it. The first map writes, the second one reads: the database outlives the Lua state.
if host.map_number == 2 then
	assert(sql.QueryValue("SELECT name FROM players WHERE id = '2'") == "Bob's")
	assert(sql.LastError() == nil)
	return host.exit()
end

assert(not sql.TableExists("players"))
assert(sql.Query("CREATE TABLE players (id TEXT PRIMARY KEY, name TEXT, points INTEGER, rate REAL)") == nil)
assert(sql.TableExists("players") and not sql.IndexExists("players"))
assert(sql.SQLStr("Bob's") == "'Bob''s'" and sql.SQLStr("a\0b", true) == "a" and SQLStr == sql.SQLStr)
local insert = "INSERT INTO players VALUES ('1', 'Alice', 7, 1.5); INSERT INTO players VALUES ('2', %s, NULL, 1e300)"
assert(sql.Query(insert:format(sql.SQLStr("Bob's"))) == nil)

local rows = sql.Query("SELECT * FROM players ORDER BY id")
assert(#rows == 2 and rows[1].id == "1" and rows[1].name == "Alice" and rows[1].points == "7" and rows[1].rate == "1.5")
assert(rows[2].name == "Bob's" and rows[2].points == "NULL" and rows[2].rate == "1.0e+300")
assert(sql.QueryRow("SELECT name FROM players ORDER BY id", 2).name == "Bob's")
assert(sql.QueryRow("SELECT name FROM players WHERE id = '3'") == nil)
assert(sql.QueryValue("SELECT count(*) FROM players") == "2")

assert(sql.LastError() == nil)
assert(sql.Query("SELECT lost FROM players") == false and sql.LastError() == "no such column: lost", sql.LastError())
assert(sql.QueryRow("nonsense") == false and sql.LastError():find("syntax error", 1, true))
assert(sql.QueryValue("nonsense") == false)
assert(sql.Query("INSERT INTO players VALUES ('1', 'Eve', 0, 0)") == false)
assert(sql.LastError() == "UNIQUE constraint failed: players.id", sql.LastError())

sql.Begin()
sql.Query("DELETE FROM players")
assert(sql.QueryValue("SELECT count(*) FROM players") == "0")
sql.Query("ROLLBACK")
assert(sql.QueryValue("SELECT count(*) FROM players") == "2")
assert(not pcall(sql.Query) and not pcall(sql.Query, {}))
assert(not file.Exists("sv.db", "MOD"), "without --game it is in memory")
host.next_map()
