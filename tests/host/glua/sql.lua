-- sql, over SQLite: see src/sql.rs. As in the game, every value is a string, and null is "NULL".
local native = ...

sql = {}

-- The rows; nil if there are none; false after an error, which LastError has.
function sql.Query(query)
	if not isstring(query) then error("bad argument #1 to 'Query' (string expected, got " .. type(query) .. ")", 2) end
	local found = native.sql_query(query)
	if isstring(found) then
		sql.m_strError = found
		return false
	end
	if #found == 0 then return nil end
	local rows = {}
	for i, columns in ipairs(found) do
		rows[i] = {}
		for at = 1, #columns, 2 do rows[i][columns[at]] = columns[at + 1] end
	end
	return rows
end

function sql.QueryRow(query, row)
	local rows = sql.Query(query)
	return rows and rows[row or 1]
end

function sql.QueryValue(query)
	local row = sql.QueryRow(query)
	if not row then return row end
	return select(2, next(row))
end

function sql.SQLStr(text, without_quotes)
	text = tostring(text):gsub("'", "''")
	text = text:match("^%Z*") -- the game ends at the first zero byte
	return without_quotes and text or "'" .. text .. "'"
end
SQLStr = sql.SQLStr

local function exists(kind, name)
	local query = "SELECT name FROM sqlite_master WHERE type = '%s' AND name = %s"
	return sql.Query(query:format(kind, sql.SQLStr(name))) and true or false
end
function sql.TableExists(name) return exists("table", name) end
function sql.IndexExists(name) return exists("index", name) end

function sql.Begin() sql.Query("BEGIN") end
function sql.Commit() sql.Query("COMMIT") end
function sql.LastError() return sql.m_strError end
