-- unix; servers: real; redis: 5.0
-- A web site in Python reads and changes documents of players who are not there, by lua/examples/bridge/profiles.py.

local bridges = include("_bridge.lua")
bridges = bridges and bridges()
if not bridges then return end
local kit = include("../_kit.lua")

local function python(program)
	local code, said = bridges.python("from bridge import Redis\nfrom profiles import Held, Lost, Profiles\n"
		.. "call = Redis(" .. string.format("%q", host.redis_url) .. ").ask\n" .. 'wallets = Profiles("wallet", call)\nwho = "76561198000000001"\n' .. program)
	kit.eq(code, 0, said)
	return said
end

host.test("a gift reaches the player who is away, and nobody is sent away for it", function()
	kit.eq(python([[
print(wallets.read(who))
with wallets.open(who) as wallet:
    print(wallet.data)
    wallet.data = {"points": 5, "name": "☃"}
with wallets.open(who) as wallet:
    wallet.data["points"] += 1
try:
    with wallets.open(who) as wallet:
        wallet.data["points"] = 1000
        raise KeyError
except KeyError:
    pass
print(wallets.read(who))
]]), "None\nNone\n{'points': 6, 'name': '☃'}\n")
	local wallets, got = realtime.Profiles("wallet"), nil
	wallets:On("taken", "test", function() error("nobody takes him") end)
	wallets:Open("76561198000000001", function(_, data) got = data end)
	kit.wait("the document", function() return got end)
	kit.eq(got, { points = 6, name = "☃" })
	kit.eq(python([[
try:
    with wallets.open(who):
        pass
except Held as held:
    print("held by", held)
]]), "held by " .. realtime.ServerId() .. "\n")
	local closed
	wallets:Close("76561198000000001", nil, nil, function(err) closed = not err end)
	kit.wait("the end", function() return closed end)
	-- A slow program learns that a server has the document now. A document that is too large is released unchanged.
	kit.eq(python([[
with wallets.open(who) as wallet:
    wallet.data["points"] = 7
try:
    with wallets.open(who) as wallet:
        call("HSET", wallet.key, "until", "1")
        with wallets.open(who) as other:
            other.data["points"] = 8
        wallet.data["points"] = 9
except Lost as why:
    print("lost", why)
try:
    with wallets.open(who) as wallet:
        wallet.data["text"] = "x" * 300000
except ValueError as why:
    print(why)
with wallets.open(who) as wallet:
    print(wallet.data)
]]), "lost 76561198000000001\nthe document has more than 256 KiB\n{'points': 8, 'name': '☃'}\n")
end)
