-- Sample values for the benches about tables. Each `n` gives a different one of the same size.

local samples = {}

function samples.chat_line(n)
	return {
		player = "76561198000000001", name = "Alice", text = string.format("%016d", n * 7919) .. "anybody seen the traitor near me?",
		team = 3, dead = false,
	}
end

-- A table of 160 items.
function samples.inventory(n)
	local items = {}
	for i = 1, 160 do
		items[i] = {
			id = 7000000 + n * 1000 + i, class = "weapon_ttt_" .. i, amount = i % 7, wear = (12345 + i * 77 + n) / 100000,
			slots = { i, i + 1, 3 }, stat_trak = i % 2 == 0, name = "item " .. i,
		}
	end
	return { owner = "76561198000000001", items = items }
end

-- A list of objects whose text has roughly so many bytes.
function samples.large(bytes)
	local list = {}
	for i = 1, bytes / 60 do list[i] = { id = i, at = { i, i / 8, -i }, name = "player " .. i, alive = i % 3 == 0 } end
	return list
end

return samples
