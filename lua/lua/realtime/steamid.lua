-- SteamID64s, which the helpers use as the players' names.
return function(_, addon)
	-- The helpers ignore bots: the SteamID64 that the game makes up for a bot belongs to another bot on another server.
	function addon.IsBot(value) return isentity(value) and IsValid(value) and value:IsPlayer() and value:IsBot() end
	-- The refusal of a method for a bot.
	function addon.RefuseBot(what) return false, addon.Error("BOT", what, false) end

	-- The SteamID64 of an argument: a player, a SteamID64 or a "STEAM_0:…". Raises for anything else, in the name of
	-- the method that was called. `level`: how many functions lie between the method's caller and this one, 1 by
	-- default.
	function addon.SteamID64(name, position, value, level)
		level = (level or 1) + 3
		local function wrong(what) error(string.format("bad argument #%d to '%s' (%s)", position, name, what), level) end
		if isentity(value) then
			if not (IsValid(value) and value:IsPlayer()) then wrong("a player expected, got " .. tostring(value)) end
			if value:IsBot() then wrong("a player expected, got a bot") end
			value = value:SteamID64()
		elseif isnumber(value) then
			wrong("a number cannot hold a SteamID64: write it in quotes")
		end
		if isstring(value) then
			if value:find("^STEAM_%d:[01]:%d+$") then value = util.SteamIDTo64(value) end
			if value:find("^7656119%d%d%d%d%d%d%d%d%d%d$") then return value end
		end
		wrong('a player, a SteamID64 in quotes or a "STEAM_0:…" expected, got ' .. (isstring(value) and '"' .. addon.Printable(value, 40) .. '"' or type(value)))
	end
end
