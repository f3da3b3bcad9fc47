-- Faults on the way to a server of any kind, by the proxy that a world's clients connect through. Each is a
-- function(world, random, seconds, fault) that begins it and returns a function to end it; `fault.how` describes it.

local faults = {}

local WAYS = { "fin", "reset", "half" }
local COURSES = { { up_stall = true }, { down_stall = true }, { up_stall = true, down_stall = true } }
local NAMES = { "up", "down", "both ways" }

function faults.cut(world, random, _, fault)
	fault.how = WAYS[random(#WAYS)]
	world.proxy.cut(fault.how)
	return function() end
end

-- Nothing passes, on the connections that are open and on those to come.
function faults.stall(world, random, _, fault)
	local which = random(#COURSES)
	local new_ones_too = random(2) == 1
	fault.how = NAMES[which] .. (new_ones_too and ", new ones too" or "")
	world.proxy.edit(COURSES[which])
	if new_ones_too then world.proxy.faults(COURSES[which]) end
	return function()
		world.proxy.edit({ up_stall = false, down_stall = false })
		world.proxy.faults({})
	end
end

-- Each connection stalls or is cut after some bytes, in the handshake or later.
function faults.at_a_byte(world, random, _, fault)
	local course, what, bytes = random(2) == 1 and "up_" or "down_", random(2), random(3) == 1 and random(4000) or random(400)
	fault.how = course .. (what == 1 and "stall_at " or "cut_at ") .. bytes
	world.proxy.faults({ [course .. (what == 1 and "stall_at" or "cut_at")] = bytes })
	world.proxy.cut("reset")
	return function()
		world.proxy.faults({})
		world.proxy.edit({ up_stall = false, down_stall = false, [course .. "stall"] = false })
	end
end

-- Byte by byte, with a pause.
function faults.trickle(world, random, _, fault)
	local pause = 0.001 * random(20)
	world.is_slow = true
	fault.how = string.format("%.3f s", pause)
	local changes = { down_piece = 1 + random(40), down_pause = pause, up_piece = 1 + random(40), up_pause = pause }
	world.proxy.edit(changes)
	world.proxy.faults(changes)
	return function()
		world.proxy.edit({ down_piece = 0, down_pause = 0, up_piece = 0, up_pause = 0 })
		world.proxy.faults({})
	end
end

function faults.refuse(world, random)
	world.proxy.refuse()
	if random(2) == 1 then world.proxy.cut("fin") end
	return function() world.proxy.accept() end
end

-- Accepted, and never answered.
function faults.mute(world)
	world.proxy.faults({ mute = true })
	world.proxy.cut("fin")
	return function() world.proxy.faults({}) world.proxy.cut("reset") end
end

-- The game stalls for some seconds while many messages come.
function faults.hitch(world, random, _, fault)
	local seconds, burst = 0.2 + 2 * random(), random(1500)
	fault.how = string.format("%.1f s, %d messages", seconds, burst)
	local topic = world.topics[random(#world.topics)]
	if world.kind.bursts then
		for _ = 1, burst do world:publish(topic) end
	end
	host.block(seconds)
	return function() end
end

return faults
