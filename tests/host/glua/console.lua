-- The console output of addons, and the errors that they raise and report.
local native = ...

-- The libraries of plain Lua, without the game's additions.
native.plain_names = { string = {}, table = {}, math = {} }
for library, names in pairs(native.plain_names) do
	for name in pairs(_G[library]) do names[name] = true end
end

local select, tostring, type, concat, xpcall = select, tostring, type, table.concat, xpcall
local error, getinfo, min, tonumber = error, debug.getinfo, math.min, tonumber

local function join(separator, ...)
	local pieces = {}
	for i = 1, select("#", ...) do pieces[i] = tostring((select(i, ...))) end
	return concat(pieces, separator)
end

-- While modules are closed Msg crashes the game (garrysmod-issues 5280), and the other functions may, too; print
-- works.
local function refuse_at_the_end(name)
	if native.is_closing then native.abort(name .. " within gmod13_close: it may crash the game; print works\n", "") end
end

function print(...) native.print(join("\t", ...) .. "\n") end
function Msg(...)
	refuse_at_the_end("Msg")
	native.print(join("", ...))
end
function MsgN(...)
	refuse_at_the_end("MsgN")
	native.print(join("", ...) .. "\n")
end
MsgAll = Msg

local color = { MetaName = "Color", MetaID = 255 }
color.__index = color
debug.getregistry().Color = color

-- Raises without three numbers, or values that convert to numbers.
function Color(r, g, b, a)
	return setmetatable({
		r = min(tonumber(r), 255), g = min(tonumber(g), 255), b = min(tonumber(b), 255), a = min(tonumber(a or 255), 255),
	}, color)
end

function ColorAlpha(of, a) return Color(of.r, of.g, of.b, a) end
function IsColor(value) return getmetatable(value) == color end

function color:__eq(other) return self.r == other.r and self.g == other.g and self.b == other.b and self.a == other.a end
function color:__tostring() return string.format("%d %d %d %d", self.r, self.g, self.b, self.a) end
function color:Unpack() return self.r, self.g, self.b, self.a end
function color:ToTable() return { self:Unpack() } end
function color:Copy() return Color(self:Unpack()) end

color_white, color_black, color_transparent = Color(255, 255, 255), Color(0, 0, 0), Color(255, 255, 255, 0)

color_white, color_black, color_transparent = Color(255, 255, 255), Color(0, 0, 0), Color(255, 255, 255, 0)

function MsgC(...)
	refuse_at_the_end("MsgC")
	local r, g, b
	for i = 1, select("#", ...) do
		local piece = select(i, ...)
		if type(piece) == "table" and piece.r and piece.g and piece.b then
			r, g, b = piece.r, piece.g, piece.b
		else
			native.print(tostring(piece), r, g, b)
		end
	end
end

function Error(...) error(join("", ...), 2) end

function ErrorNoHalt(...)
	refuse_at_the_end("ErrorNoHalt")
	local where = getinfo(2, "Sl")
	local place = where and where.currentline > 0 and where.short_src .. ":" .. where.currentline .. ": " or ""
	native.warn("\n[ERROR] " .. place .. join("", ...) .. "\n")
end

-- A lone string goes straight to the host, which needs no memory of Lua's to report it.
function ErrorNoHaltWithStack(...)
	refuse_at_the_end("ErrorNoHaltWithStack")
	local message = ...
	if select("#", ...) ~= 1 or type(message) ~= "string" then message = join("", ...) end
	return native.report(message)
end

-- For the prelude: a message handler that no addon can replace, and the way to call functions that may raise.
local function report(message)
	if type(message) == "table" then message = tostring(message) end
	return native.report(message)
end
native.report_any = report

function native.protected(fn, ...)
	local ok, err = xpcall(fn, report, ...)
	-- The handler returns nothing; where Lua did not call it, memory is out.
	if not ok and err ~= nil then native.report(err) end
	return ok
end

function ProtectedCall(fn, ...) return native.protected(fn, ...) end
