-- What the game adds to numbers.
local math = math

function math.Clamp(value, low, high) return math.min(math.max(value, low), high) end
function math.Rand(low, high) return low + (high - low) * math.random() end
function math.Truncate(value, digits)
	local scale = 10 ^ (digits or 0)
	return (value < 0 and math.ceil or math.floor)(value * scale) / scale
end
function math.Round(value, digits)
	local scale = 10 ^ (digits or 0)
	return math.floor(value * scale + 0.5) / scale
end
function math.Approach(value, target, step)
	step = math.abs(step)
	if value < target then return math.min(value + step, target) end
	return math.max(value - step, target)
end
function Lerp(share, from, to) return from + (to - from) * share end
