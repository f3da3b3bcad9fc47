-- Numbers from a seed, the same on every machine. One generator for each use, so that none affects another.

return function(seed)
	local state = seed % 2147483646 + 1
	-- A whole number from 1 to `most`; without it a fraction from 0 up to 1.
	local function random(most)
		state = state * 48271 % 2147483647
		local share = (state - 1) / 2147483646
		return most and math.floor(share * most) + 1 or share
	end
	for _ = 1, 10 do random() end
	return random
end
