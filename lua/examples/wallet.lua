-- A wallet for each player that any shop can charge: Wallet.Give(ply, 5), Wallet.Charge(ply, 20, "crowbar", fn). To use it, copy it into
-- lua/autorun/server/ of an addon of yours, on every server. Nothing is lost or doubled when he moves, or when a server dies. A wallet that
-- others made, such as { points = 5 }, will do.

local realtime = include("realtime/load.lua") ---@type realtime?
if not realtime then return end -- the console says what is missing
local wallets, problem = realtime.Profiles("wallet")
if not wallets then return print("[wallet] " .. problem) end

local START = 100 -- points of a new player
local MOST_RECEIPTS = 50 -- purchases that a wallet remembers

hook.Add("PlayerInitialSpawn", "wallet", function(ply)
	wallets:Open(ply, function(err, wallet)
		if err then return ply:Kick("Your wallet cannot be opened, try again: " .. err.message) end
		if not istable(wallet) then wallets:Save(ply, { points = START, receipts = {} }) end -- his first visit
	end)
end)
wallets:On("taken", function(ply, server)
	if isentity(ply) and IsValid(ply) then ply:Kick("You play on " .. (server or "another server") .. " now") end
end)

Wallet = {}

-- His points, or nil while the wallet is not here.
function Wallet.Points(ply)
	local wallet = wallets:Get(ply)
	return wallet and wallet.points
end

-- Saved within 30 s, and when he leaves. Returns whether the wallet is here.
function Wallet.Give(ply, points)
	local wallet = wallets:Get(ply)
	if wallet then wallet.points = wallet.points + points end
	return wallet ~= nil
end

-- Hears what became of a purchase that is in his wallet, and asks again as long as nobody knows.
local function settle(id, wallet, receipt, fn)
	wallets:Save(id, wallet, function(err)
		if not err then return fn() end
		if wallets:Get(id) ~= wallet then return fn(err.message, err.code ~= "TAKEN" or err.sent) end
		if err.code == "TIMEOUT" then return settle(id, wallet, receipt, fn) end
		-- It was not saved: he has his points back.
		wallet.points = wallet.points + receipt.price
		table.RemoveByValue(wallet.receipts, receipt)
		wallets:Save(id, wallet)
		fn(err.message, false)
	end)
end

-- fn(err, is_open): err is nil once it is paid for, whatever dies then. With an error it is not paid for, and he keeps his points; only if
-- is_open is true nobody knows yet, because he has left: give nothing, and look at his receipts when he is back. A receipt is in the same
-- document as the points, so there is never the one without the other.
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
