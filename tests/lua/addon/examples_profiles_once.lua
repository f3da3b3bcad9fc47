-- servers: real; redis: 5.0
-- A wallet that a shop charges, donations from a web shop, and an inventory that moves with its player.

local world = include("_examples.lua")
if not world then return end
local kit = include("../_kit.lua")
local ID = "76561198000000001"

-- The same player on another server of the network.
local function elsewhere(name)
	local profiles = realtime.Profiles(name, world.other, "ttt-2")
	local server = {}
	function server.open()
		local got
		profiles:Open(ID, function(err, data) got = { err, data } end)
		kit.wait("the document there", function() return got end)
		kit.eq(got[1], nil)
		return got[2]
	end
	function server.close(data)
		local got
		profiles:Close(ID, data, nil, function(err) got = { err } end)
		kit.wait("the end there", function() return got end)
		kit.eq(got, {})
	end
	return server
end
local function join() return assert(host.players.add({ name = "Alice", steamid64 = ID })) end

host.test("a wallet is charged once, with a receipt, and follows its player", function()
	host.players.leave(world.alice)
	world.example("wallet")
	local there, answers = elsewhere("wallet"), kit.recorder()
	local alice = join()
	Wallet.Charge(alice, 5, "crowbar", answers.fn)
	kit.eq({ answers[1], Wallet.Give(alice, 5), Wallet.Points(alice) }, { { "your wallet is not here yet" }, false, nil })
	kit.wait("her wallet", function() return Wallet.Points(alice) == 100 end)
	kit.eq(Wallet.Give(alice, 20), true)
	Wallet.Charge(alice, 121, "gun", answers.fn)
	Wallet.Charge(alice, -5, "gun", answers.fn)
	Wallet.Charge(alice, 70, "crowbar", answers.fn)
	kit.wait("the crowbar", function() return #answers == 4 end)
	kit.eq({ answers[2], answers[4] }, { { "you have 120 points, and it costs 121" }, {} })
	host.players.leave(alice)
	local wallet = there.open()
	kit.eq({ wallet.points, #wallet.receipts, wallet.receipts[1].what }, { 50, 1, "crowbar" })
	-- She plays there, and joins here as well: the other server releases it.
	alice = join()
	kit.wait("her wallet", function() return Wallet.Points(alice) == 50 end)
	-- And there again: here she is kicked.
	there.open()
	kit.wait("the kick", function() return host.players.seen(alice).left == "You play on ttt-2 now" end)
	there.close()
end)

host.test("a wallet that was made elsewhere is charged, and one that cannot be saved gives the points back", function()
	elsewhere("wallet").open()
	elsewhere("wallet").close({ points = 500 })
	local alice, answers = join(), kit.recorder()
	kit.wait("her wallet", function() return Wallet.Points(alice) end)
	Wallet.Charge(alice, 70, "crowbar", answers.fn)
	kit.wait("the crowbar", function() return answers[1] end)
	kit.eq({ answers[1], Wallet.Points(alice) }, { {}, 430 })
	host.real.command("CONFIG", "SET", "maxmemory", "1")
	Wallet.Charge(alice, 30, "gun", answers.fn)
	kit.wait("the refusal", function() return answers[2] end)
	host.real.command("CONFIG", "SET", "maxmemory", "0")
	assert(answers[2][1]:find("maxmemory", 1, true) and answers[2][2] == false, kit.show(answers[2]))
	kit.eq(Wallet.Points(alice), 430)
	host.players.leave(alice)
	local wallet = elsewhere("wallet").open()
	kit.eq({ wallet.points, #wallet.receipts, wallet.receipts[1].what }, { 430, 1, "crowbar" })
	elsewhere("wallet").close({ points = 50, receipts = {} })
end)

host.test("a purchase is asked for until somebody knows, and is open if its player leaves before", function()
	-- The error of Save with a silent Redis.
	local profiles, real = realtime.Profiles("wallet"), realtime.Profiles("wallet").Save
	local alice, answers, saves = join(), kit.recorder(), {}
	kit.wait("her wallet", function() return Wallet.Points(alice) == 50 end)
	function profiles:Save(id, wallet, fn)
		saves[#saves + 1] = fn
		return real(self, id, wallet)
	end
	local silent = realtime.addon.Error("TIMEOUT", "there was no answer", true)
	Wallet.Charge(alice, 20, "crowbar", answers.fn)
	saves[1](silent)
	saves[2](silent)
	kit.eq({ #saves, #answers, Wallet.Points(alice) }, { 3, 0, 30 })
	saves[3]()
	Wallet.Charge(alice, 5, "gun", answers.fn)
	host.players.leave(alice)
	kit.wait("the end", function() return not profiles.profiles[ID] end)
	saves[4](silent)
	kit.eq({ answers[1], answers[2] }, { {}, { "there was no answer", true } })
	profiles.Save = nil
	elsewhere("wallet").open()
	elsewhere("wallet").close({ points = 50, receipts = {} })
end)

host.test("a donation is delivered where she is, or when she joins, and once", function()
	world.example("wallet")
	local deliver
	local here = realtime.Players()
	function here:Answer(name, fn)
		self.Answer, deliver = nil, fn
		return self:Answer(name, fn)
	end
	world.example("wallet_donations")
	local players, posted = realtime.Players(), 0
	local function donate(order, points)
		players:Post(ID, "wallet_donation", { points = points }, { once = order }, function(err)
			assert(not err, err)
			posted = posted + 1
		end)
	end
	donate("order-1", 500)
	donate("order-1", 500)
	kit.wait("the posts", function() return posted == 2 end)
	local alice = join()
	kit.wait("her donation", function() return Wallet.Points(alice) == 550 end)
	kit.wait("her thanks", function() return host.players.seen(alice).chat[1] == "You got 500 points. Thank you!" end)
	donate("order-2", 7)
	kit.wait("the second one", function() return Wallet.Points(alice) == 557 end)
	-- The same post again, as after a crash between the save and the reply, is recognized.
	local known, replies = next(realtime.Profiles("wallet"):Get(alice).donations), kit.recorder()
	deliver(alice, { points = 7 }, "web", replies.fn, { id = known })
	kit.wait("the reply", function() return replies[1] end)
	-- A message is no post. A post that makes no sense is done, with a line.
	deliver(alice, { points = 7 }, "web", replies.fn)
	for _, strange in ipairs({ { points = -7 }, { points = 200000 }, "7" }) do deliver(alice, strange, "web", replies.fn, { id = "other" }) end
	kit.eq({ { unpack(replies) }, Wallet.Points(alice) }, { { {}, { "it is no post" }, {}, {}, {} }, 557 })
	local _, lines = table.concat(host.console(), "\n"):gsub("%[wallet_donations%] a donation for " .. ID .. " was left out", "")
	kit.eq(lines, 3)
	host.players.leave(alice)
	local wallet = elsewhere("wallet").open()
	kit.eq({ wallet.points, table.Count(wallet.donations) }, { 557, 2 })
	elsewhere("wallet").close()
end)

host.test("an inventory moves with its player, and what she carries", function()
	GAMEMODE = { PlayerLoadout = function(_, ply) ply:Give("weapon_physcannon") end }
	world.example("inventory")
	local there = elsewhere("inventory")
	local alice = join()
	kit.eq({ Inventory.Add(alice, "medkit"), Inventory.Items(alice) }, { false, {} })
	kit.wait("her bag", function() return Inventory.Add(alice, "medkit") end)
	kit.eq({ Inventory.Add(alice, "medkit", 2), Inventory.Take(alice, "medkit"), Inventory.Take(alice, "gun") }, { true, true, false })
	alice:Give("weapon_crowbar")
	host.players.leave(alice)
	kit.eq(there.open(), { items = { medkit = 2 }, weapons = { weapon_crowbar = true, weapon_physcannon = true } })
	there.close({ items = { medkit = 1 }, weapons = { weapon_357 = true, item_nuke = true } })
	alice = join()
	kit.wait("her gun", function() return alice:HasWeapon("weapon_357") end)
	kit.eq({ Inventory.Items(alice), alice:HasWeapon("item_nuke") }, { { medkit = 1 }, false })
	host.players.leave(alice)
	kit.eq(there.open().weapons, { weapon_357 = true, weapon_physcannon = true })
	there.close()
end)

host.test("an inventory stays what it was where its player dies, or leaves before she got it, also if the file is saved meanwhile", function()
	local there = elsewhere("inventory")
	local weapons = { weapon_357 = true, weapon_physcannon = true }
	local function leaves_with(alice, want)
		host.players.leave(alice)
		kit.eq(there.open().weapons, want)
		there.close()
	end
	local alice = join()
	kit.wait("her gun", function() return alice:HasWeapon("weapon_357") end)
	alice:Kill()
	alice:StripWeapons()
	leaves_with(alice, weapons)
	-- She never spawns. The file is read again while she waits, and after she has got it.
	alice = assert(host.players.add({ name = "Alice", steamid64 = ID, spawned = false }))
	kit.wait("her bag", function() return Inventory.given[alice] == false end)
	world.example("inventory")
	alice:Spawn() -- she gets it in the next tick
	leaves_with(alice, weapons)
	alice = join()
	kit.wait("her gun", function() return alice:HasWeapon("weapon_357") end)
	world.example("inventory")
	alice:StripWeapons()
	alice:Give("weapon_smg1")
	leaves_with(alice, { weapon_smg1 = true })
end)
