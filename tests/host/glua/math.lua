-- The game's additions to numbers.
local math = math
local floor, ceil, min, max, abs, sqrt = math.floor, math.ceil, math.min, math.max, math.abs, math.sqrt

math.tau = 2 * math.pi
math.Max, math.Min = max, min

function math.Clamp(value, low, high) return min(max(value, low), high) end
function math.Rand(low, high) return low + (high - low) * math.random() end
function math.Truncate(value, digits)
	local scale = 10 ^ (digits or 0)
	return (value < 0 and ceil or floor)(value * scale) / scale
end
function math.Round(value, digits)
	local scale = 10 ^ (digits or 0)
	return floor(value * scale + 0.5) / scale
end
function math.SnapTo(value, step) return floor(value / step + 0.5) * step end
function math.Sign(value) return value > 0 and 1 or value < 0 and -1 or 0 end
function math.Approach(value, target, step)
	if value < target then return min(value + abs(step), target) end
	if value > target then return max(value - abs(step), target) end
	return target
end
function math.Remap(value, from_low, from_high, low, high)
	return low + (value - from_low) / (from_high - from_low) * (high - low)
end
function math.TimeFraction(start, stop, now) return (now - start) / (stop - start) end
function math.IsNearlyEqual(a, b, tolerance) return abs(a - b) <= (tolerance == nil and 1e-8 or tolerance) end

function math.DistanceSqr(x, y, x2, y2) return (x2 - x) ^ 2 + (y2 - y) ^ 2 end
function math.Distance(x, y, x2, y2) return sqrt(math.DistanceSqr(x, y, x2, y2)) end
math.Dist = math.Distance

function math.NormalizeAngle(angle) return (angle + 180) % 360 - 180 end
function math.AngleDifference(a, b)
	local difference = math.NormalizeAngle(a - b)
	return difference < 180 and difference or difference - 360
end
function math.ApproachAngle(angle, target, step)
	return math.Approach(angle, angle + math.AngleDifference(target, angle), step)
end

function math.BinToInt(digits) return tonumber(digits, 2) end
-- In groups of three.
function math.IntToBin(number)
	local groups = string.format("%o", number):gsub(".", function(digit)
		local value = tonumber(digit)
		return floor(value / 4) .. floor(value / 2) % 2 .. value % 2
	end)
	return groups
end
function math.Factorial(number)
	if number < 0 then return nil end
	local product = 1
	for i = 2, number do product = product * i end
	return product
end

-- Never beyond its ends.
function Lerp(share, from, to)
	if share > 1 then return to end
	if share < 0 then return from end
	return from + (to - from) * share
end
