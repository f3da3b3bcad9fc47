-- Looks for deaf clients: clients of every kind on servers that refuse, load, are demoted, swallow messages, hang, hang up and lie, one
-- fault every few seconds from a seed. No client may miss a topic for more than 30 s without reporting it, lose a message without a
-- report, or stay deaf after the faults. `_account.lua` has the exact rules.
--
--     cargo run --release -q -p gmod-host -- --server fake --timeout 4500 tests/lua/deaf/deaf.lua seconds=3600 seed=1
--
-- With `--server real` the servers are redis-servers, 7.0 or later, of the test's own.

require("realtime")

local settings = {
	seconds = 60, -- how long new faults begin
	seed = 1,
	worlds = 0, -- servers with clients of their own; 0: as many as are usual
	clients = 6, -- of each
	only = "", -- the name of the one fault that happens
	report_every = 60, -- seconds between progress lines
}
for _, argument in ipairs(host.args) do
	local key, value = argument:match("^([%w_]+)=(.+)$")
	if not key or settings[key] == nil then error("deaf: there is no setting '" .. argument .. "'") end
	if key ~= "only" then value = assert(tonumber(value), "deaf: " .. key .. " is a number") end
	settings[key] = value
end

local USUAL = { fake = 8, real = 3 }
local SHOWN = 40 -- problems that are printed

local World = include("_world.lua")
local is_real = host.server.kind() == "real"
local kind = include(is_real and "_real.lua" or "_fake.lua")
if settings.worlds == 0 then settings.worlds = USUAL[host.server.kind()] end
if settings.only ~= "" and not kind.faults[settings.only] then
	error("deaf: the faults are " .. table.concat(kind.names, ", ") .. ", not " .. settings.only)
end

local start, problems = SysTime(), 0
local function problem(text)
	problems = problems + 1
	if problems <= SHOWN then print(string.format("PROBLEM: at %.1f s, seed %d: %s", SysTime() - start, settings.seed, text)) end
end

local worlds = {}
local function sum(key)
	local total, most = 0, 0
	for _, world in ipairs(worlds) do
		for _, account in ipairs(world.accounts) do
			total, most = total + account[key], math.max(most, account[key])
		end
	end
	return total, most
end

local function line()
	local faults, published, taken = 0, 0, 0
	for _, world in ipairs(worlds) do
		published, taken = published + world.published, taken + world.taken
		for _, count in pairs(world.faults) do faults = faults + count end
	end
	print(string.format("%7.1f s  %d faults, %d published, %d taken, %d heard, %d told of as lost, %d problems; resident %.1f MiB",
		SysTime() - start, faults, published, taken, sum("heard"), sum("lost"), problems, host.rss() / 1048576))
end

host.run(function()
	for i = 1, settings.worlds do
		local world = World.new(kind, "w" .. i, settings.seed * 1000 + i, settings.clients, problem)
		world.start, world.only = start, settings.only ~= "" and settings.only or nil
		worlds[i] = world
	end
	local next_line, calm = start + settings.report_every, false
	while not calm do
		host.pass()
		local now = SysTime()
		local goes_on = now - start < settings.seconds
		calm = not goes_on
		for _, world in ipairs(worlds) do calm = world:tick(now, goes_on) and calm end
		if now >= next_line then
			line()
			next_line = now + settings.report_every
			host.tick_times() -- so that they do not pile up
		end
	end
	line()
	local counts = {}
	for _, name in ipairs(kind.names) do
		local count = 0
		for _, world in ipairs(worlds) do count = count + (world.faults[name] or 0) end
		counts[#counts + 1] = name .. " " .. count
	end
	print("faults       " .. table.concat(counts, ", "))
	local _, deafest = sum("deafest")
	local _, slowest = sum("slowest")
	print(string.format("deaf         %.1f s at most in silence, heard again within %.1f s after a fault", deafest, slowest))
	print(string.format("deaf-%s, seed %d, %.0f s: %s", host.server.kind(), settings.seed, SysTime() - start,
		problems == 0 and "nobody was deaf in silence" or problems .. " problems"))
	host.exit(problems == 0 and 0 or 1)
end)
