-- A wallet for each player that any shop can charge: Wallet.Give(ply, 5), Wallet.Charge(ply, 20, "crowbar", fn). To
-- use it, copy it into lua/autorun/server/ of an addon of yours, on every server. Nothing is lost or doubled when a
-- player moves, or when a server dies. An existing wallet of another addon, such as { points = 5 }, works, too.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local wallets, problem = realtime.Profiles("wallet")
if not wallets then return print("[wallet] " .. problem) end

local START = 100 -- points of a new player
local MOST_RECEIPTS = 50 -- purchases that a wallet remembers

hook.Add("PlayerInitialSpawn", "wallet", function(ply)
	wallets:Open(ply, function(err, wallet)
		if err then return ply:Kick("Your wallet cannot be opened, try again: " .. err.message) end
		if not istable(wallet) then wallets:Save(ply, { points = START, receipts = {} }) end -- the first visit
	end)
end)
wallets:On("taken", function(ply, server)
	if isentity(ply) and IsValid(ply) then ply:Kick("You play on " .. (server or "another server") .. " now") end
end)

Wallet = {}

-- The player's points, or nil while the wallet is not here.
function Wallet.Points(ply)
	local wallet = wallets:Get(ply)
	return wallet and wallet.points
end

-- Saved within 30 s, and when the player leaves. Returns whether the wallet is here.
function Wallet.Give(ply, points)
	local wallet = wallets:Get(ply)
	if wallet then wallet.points = wallet.points + points end
	return wallet ~= nil
end

-- Waits for the outcome of a purchase that is in the player's wallet, and asks again as long as it is unknown.
local function settle(id, wallet, receipt, fn)
	wallets:Save(id, wallet, function(err)
		if not err then return fn() end
		if wallets:Get(id) ~= wallet then return fn(err.message, err.code ~= "TAKEN" or err.sent) end
		if err.code == "TIMEOUT" then return settle(id, wallet, receipt, fn) end
		-- It was not saved: the points are given back.
		wallet.points = wallet.points + receipt.price
		table.RemoveByValue(wallet.receipts, receipt)
		wallets:Save(id, wallet)
		fn(err.message, false)
	end)
end

-- fn(err, is_open): err is nil once the player has paid, whatever fails later. With an error nothing was paid, and the
-- player keeps the points. But if is_open is true, the outcome is not known yet, because the player has left: give
-- nothing, and check the receipts when the player is back. A receipt is in the same document as the points, so neither is
-- saved without the other.
function Wallet.Charge(ply, price, what, fn)
	local wallet = wallets:Get(ply)
	if not wallet then return fn("your wallet is not here yet") end
	if not (price >= 0 and wallet.points >= price) then return fn("you have " .. wallet.points .. " points, and it costs " .. price) end
	local receipt = { what = what, price = price, time = os.time() }
	wallet.receipts = wallet.receipts or {}
	table.insert(wallet.receipts, receipt)
	if #wallet.receipts > MOST_RECEIPTS then table.remove(wallet.receipts, 1) end
	wallet.points = wallet.points - price
	settle(ply:SteamID64(), wallet, receipt, fn)
end
