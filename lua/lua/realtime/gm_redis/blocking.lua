-- Commands that wait until there is something to answer (BLPOP and its kin), and block their connection until then.
-- In gm_redis all later commands of the client waited with them; here they have a connection of their own, a side
-- link. Included by connection.lua, which passes its methods for them.
--
-- WAIT and WAITAOF are not here, because they wait for writes of their own connection.

-- The position of the timeout: after the name, or at the end.
local SECOND, LAST = 2, -1
local commands = {
	BLPOP = LAST, BRPOP = LAST, BLMOVE = LAST, BRPOPLPUSH = LAST, BZPOPMIN = LAST, BZPOPMAX = LAST,
	BLMPOP = SECOND, BZMPOP = SECOND,
}
-- These block if they have an option BLOCK, with milliseconds, before STREAMS.
local streams = { XREAD = true, XREADGROUP = true }

-- The longest time that realtime accepts.
local YEAR = 31536000

local function block_of(words)
	local i = 2
	while words[i] do
		local word = words[i]:upper()
		if word == "BLOCK" then return (tonumber(words[i + 1]) or 0) / 1000 end
		if word == "STREAMS" then return end
		-- Names of a group and a consumer may be any words.
		i = i + (word == "GROUP" and 3 or 1)
	end
end

-- How many seconds the server waits, 0 for ever; nil for a command that does not block.
local function timeout_of(name, words)
	if commands[name] then
		return tonumber(words[commands[name] == LAST and #words or SECOND]) or 0
	elseif streams[name] then
		return block_of(words)
	end
end

-- `open(self, settings)` makes a link, `send(self, link, entry)` passes a command on and returns an error if it
-- cannot.
return function(Connection, open, send)
	local function open_side(self, settings, waiting)
		local side_settings = {}
		for key, value in pairs(settings) do side_settings[key] = value end
		-- While the server blocks, it does not answer the PING that checks a link.
		side_settings.ping_interval = YEAR
		local side, err = open(self, side_settings)
		if not side then return nil, err end
		side.settings, side.waiting, self.sides[side] = settings, waiting, true
		return side
	end

	local function close_side(self, side)
		side.native:Disconnect()
		self.sides[side] = nil
		if side == self.side then self.side = nil end
	end

	-- One at a time, so that the time of each begins when it is sent.
	local function next_of(self, side)
		if side.in_flight > 0 then return end
		local entry = table.remove(side.waiting, 1)
		if not entry then
			-- After a change of password or database a new side link was made.
			if side ~= self.side then close_side(self, side) end
			return
		end
		local err = send(self, side, entry)
		if not err then return end
		self:answer(entry, err)
		return next_of(self, side)
	end

	-- Whether a command needs a side link. Sets how long its answer may take.
	function Connection:is_blocking(entry)
		if entry.patience then return true end
		local timeout = entry.words and timeout_of(entry.name, entry.words)
		if not timeout then return false end
		entry.patience = timeout > 0 and math.min(timeout + self:command_timeout(), YEAR) or YEAR
		return true
	end

	-- Returns the error of a command that could not be passed on.
	function Connection:block(entry)
		if not self.side then
			local side, err = open_side(self, self.settings, {})
			if not side then return err end
			self.side = side
		end
		table.insert(self.side.waiting, entry)
		next_of(self, self.side)
	end

	-- The last command was answered, perhaps with an error of realtime's.
	function Connection:unblocked(side, failed)
		if not self.sides[side] then return end
		if failed and failed.code == "TIMEOUT" then
			-- The server may still give an element to that command, which would be lost.
			local was_current = side == self.side
			close_side(self, side)
			local fresh, err = open_side(self, side.settings, side.waiting)
			if not fresh then
				for _, entry in ipairs(side.waiting) do self:answer(entry, err) end
				return
			end
			if was_current then self.side = fresh end
			side = fresh
		end
		next_of(self, side)
	end

	-- Later commands use another side link; waiting ones are still sent on this one.
	function Connection:retire_side()
		local side = self.side
		self.side = nil
		if side then next_of(self, side) end
	end

	function Connection:close_sides(err)
		local sides = self.sides
		self.sides, self.side = {}, nil
		for side in pairs(sides) do
			side.native:Disconnect()
			for _, entry in ipairs(side.waiting) do self:answer(entry, err) end
		end
	end
end
