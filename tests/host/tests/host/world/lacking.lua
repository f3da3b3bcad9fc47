-- Functions that the host lacks are named. Functions that the game lacks on a server are nil.
local function lacks(name, use)
	local ok, err = pcall(use)
	local said = "^[^ ]*lacking%.lua:%d+: gmod%-host has no " .. name:gsub("%p", "%%%0") .. "$"
	if ok or not tostring(err):find(said) then error(string.format("%s is not named in %s", name, tostring(err)), 2) end
end

lacks("sql.QueryTyped", function() sql.QueryTyped("SELECT 1") end)
lacks("EmitSound", function() EmitSound("x") end)
lacks("util.TraceLine", function() local trace = util.TraceLine({}) return trace end)
lacks("file.AsyncRead", function() file.AsyncRead("x", "DATA", print) end)
lacks("math.ease.InBack", function() local x = math.ease.InBack(0.5) return x end)
lacks("MOVETYPE_WALK", function() return MOVETYPE_WALK end)
lacks("vector_origin", function() return vector_origin end)
lacks("ACT_IDLE", function() return ACT_IDLE end)
local alice = host.players.add({ name = "Alice" })
lacks("Player:GetEyeTrace", function() local trace = alice:GetEyeTrace() return trace end)
lacks("Entity:GetPos", function() local at = alice:GetPos() return at end)
lacks("Vector:Length", function() local length = FindMetaTable("Vector").Length({}) return length end)

-- Probes are answered as in the game, so that an addon takes the same way.
assert(sound and sound.Add and isfunction(util.TraceLine) and alice.GetPos)
assert(sound.Add == sound.Add)
-- Nothing else exists: neither functions of clients, nor unknown names.
assert(not vgui and not surface and not LocalPlayer and not (util and util.Nothing) and not alice.Nothing and not NoSuchGlobal)
assert(not _G[5] and not _G[""] and not sound["Add Sound"] and not sound.Ad and not MY_ADDON_MODE)
-- An addon's own functions count.
function sound.Add() return "mine" end
MOVETYPE_WALK = 2
FindMetaTable("Player").GetEyeTrace = function() return "theirs" end
assert(sound.Add() == "mine" and MOVETYPE_WALK == 2 and alice:GetEyeTrace() == "theirs")
-- Existing functions are not shadowed.
assert(isfunction(util.TableToJSON) and ("x"):upper() == "X" and color_white == Color(255, 255, 255))
host.exit()
