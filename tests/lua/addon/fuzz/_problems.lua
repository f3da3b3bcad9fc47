-- Problems, and the messages after which they came.

local function escaped(text, most)
	local shown = text:sub(1, most):gsub("[^\32-\126]", function(c) return string.format("\\x%02x", c:byte()) end)
	return shown .. (#text > most and string.format("… (%d bytes)", #text) or "")
end

-- At most `shown` of a kind are printed.
return function(seed, shown)
	local problems, print = { counts = {} }, print

	-- `said`: { index, channel, text } of a message, or nil; `when`: "at" or "after" it.
	function problems.add(said, when, kind, ...)
		local count = (problems.counts[kind] or 0) + 1
		problems.counts[kind] = count
		if count > shown then return end
		print("PROBLEM: " .. kind .. ": " .. escaped(string.format(...), 400))
		if not said then return end
		print(string.format("    %s seed=%d only=%d, to %s: %s", when, seed, said.index, escaped(said.channel, 60), escaped(said.text, 200)))
	end

	-- Counts the calls of the last seconds.
	function problems.window(seconds)
		local times, first, last = {}, 1, 0
		return function(at)
			last = last + 1
			times[last] = at
			while times[first] <= at - seconds do
				times[first] = nil
				first = first + 1
			end
			return last - first + 1
		end
	end

	return problems
end
