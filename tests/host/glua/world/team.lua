-- Teams.
TEAM_CONNECTING, TEAM_UNASSIGNED, TEAM_SPECTATOR = 0, 1001, 1002

local YELLOW = Color(255, 255, 100)
local teams = {
	[TEAM_CONNECTING] = { Name = "Joining/Connecting", Color = YELLOW, Score = 0, Joinable = false },
	[TEAM_UNASSIGNED] = { Name = "Unassigned", Color = YELLOW, Score = 0, Joinable = false },
	[TEAM_SPECTATOR] = { Name = "Spectator", Color = YELLOW, Score = 0, Joinable = true },
}

team = {}
function team.SetUp(id, name, color, joinable)
	teams[id] = { Name = name, Color = color, Score = 0, Joinable = joinable ~= false }
end
function team.GetAllTeams() return teams end
function team.Valid(id) return teams[id] ~= nil end
function team.Joinable(id) return teams[id] ~= nil and teams[id].Joinable end
function team.GetName(id) return teams[id] and teams[id].Name or "" end
function team.GetColor(id)
	local color = teams[id] and teams[id].Color or YELLOW
	return Color(color.r, color.g, color.b, color.a)
end
function team.SetColor(id, color)
	if not teams[id] then return false end
	teams[id].Color = color
	return color
end

local function as_list(value) return istable(value) and value or { value } end
function team.SetClass(id, classes) if teams[id] then teams[id].SelectableClasses = as_list(classes) end end
function team.GetClass(id) return teams[id] and teams[id].SelectableClasses end
function team.SetSpawnPoint(id, classes) if teams[id] then teams[id].SpawnPointTable = as_list(classes) end end
function team.GetSpawnPoint(id) return teams[id] and teams[id].SpawnPointTable end

local function score_of(id) return "Team." .. tostring(id) .. ".Score" end
function team.GetScore(id) return GetGlobalInt(score_of(id), 0) end
function team.SetScore(id, score) SetGlobalInt(score_of(id), score) end
function team.AddScore(id, score) team.SetScore(id, team.GetScore(id) + score) end

function team.GetPlayers(id)
	local members = {}
	for _, ply in player.Iterator() do
		if ply:Team() == id then members[#members + 1] = ply end
	end
	return members
end
function team.NumPlayers(id) return #team.GetPlayers(id) end

local function total(id, method)
	local sum = 0
	for _, ply in ipairs(team.GetPlayers(id)) do sum = sum + ply[method](ply) end
	return sum
end
function team.TotalFrags(id) return total(id, "Frags") end
function team.TotalDeaths(id) return total(id, "Deaths") end

-- The one with the fewest members, of several the one with the lowest number.
function team.BestAutoJoinTeam()
	local best, fewest = TEAM_UNASSIGNED, math.huge
	for id, each in pairs(teams) do
		if each.Joinable and id ~= TEAM_SPECTATOR then
			local members = team.NumPlayers(id)
			if members < fewest or members == fewest and id < best then best, fewest = id, members end
		end
	end
	return best
end
