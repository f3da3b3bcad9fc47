-- Steam's names for an account: STEAM_0:1:7099, 76561197960279927.
local native = ...

-- A SteamID64 is 76561197960265728 and the account's number, more than a Lua number holds: it is counted in two parts.
local HEAD, TAIL, TAIL_DIGITS = 7656119, 7960265728, 10

-- The account's number; nil for an invalid SteamID64.
function native.account_of(id64)
	local head, tail = tostring(id64):match("^(%d%d%d%d%d%d%d)(%d%d%d%d%d%d%d%d%d%d)$")
	if not head then return nil end
	local account = (tonumber(head) - HEAD) * 10 ^ TAIL_DIGITS + tonumber(tail) - TAIL
	return account >= 0 and account < 2 ^ 32 and account or nil
end

local function id64_of(account)
	local tail = account + TAIL
	local carried = math.floor(tail / 10 ^ TAIL_DIGITS)
	return string.format("%d%010.0f", HEAD + carried, tail - carried * 10 ^ TAIL_DIGITS)
end

-- "STEAM_0:0:0" and "0" for invalid ones, as in the game.
function util.SteamIDFrom64(id64)
	local account = native.account_of(id64) or 0
	return string.format("STEAM_0:%d:%d", account % 2, math.floor(account / 2))
end
function util.SteamIDTo64(id)
	local odd, half = tostring(id):match("^STEAM_%d:([01]):(%d+)$")
	if not odd then return "0" end
	return id64_of(tonumber(half) * 2 + tonumber(odd))
end
native.id64_of = id64_of
