-- unix; servers: real; redis: 5.0
-- The scripts of load/, each with a small load, so that they work when somebody needs their figures.

local settings = {
	shared = "keys=200 servers=2 seconds=1", durable = "backlog=300 rate=100 seconds=1", players = "servers=2 players=5 seconds=1",
	profiles = "servers=2 players=5 seconds=1", processes = "keys=200 servers=2 rate=50 seconds=1 settle=0 backlog=300 messages=100 readers=2",
}
for name, words in SortedPairs(settings) do
	host.args = string.Explode(" ", words)
	include("load/" .. name .. ".lua")
end
