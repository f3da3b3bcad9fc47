-- The time of day by the clock of Redis, or PostgreSQL, which is the same on all servers.
return function(realtime, addon)
	local SysTime, tonumber, istable = SysTime, tonumber, istable
	local INTERVAL = 60 -- seconds between two measurements
	local SOON = 1 -- seconds until the next one after a bad one
	local GOOD = 0.1 -- how far off a good measurement may be, in seconds
	local DRIFT = 0.0002 -- seconds that two clocks may drift apart in a second
	local MAX_TIME = 2 ^ 53

	-- Redis's time is SysTime() plus the offset, which was measured at `measured` and may have been off by `bound`
	-- then.
	local offset, bound, measured
	local missing = "the time is not known before the first answer of Redis"
	local default, next_at = nil, math.huge
	local is_other_clock = true -- since the last `ready` the client may be on another server

	local function whole(text, most)
		local number = tonumber(text)
		return number and number % 1 == 0 and number >= 0 and number <= most and number or nil
	end

	-- An answer is off by half of the round trip at most: the measurement with the smallest bound counts, until drift
	-- has made it worse.
	local function take(time, sent, now)
		local off = (now - sent) / 2
		if offset and not is_other_clock and off > bound + (now - measured) * DRIFT then return end
		offset, bound, measured, is_other_clock = time - (sent + now) / 2, off, now, false
	end

	-- The time of a PostgreSQL in the form of Redis's TIME: seconds and microseconds, as digits.
	local POSTGRES_TIME = "SELECT ARRAY[floor(seconds)::text, floor(seconds % 1 * 1000000)::text] AS time " ..
		"FROM (SELECT extract(epoch FROM clock_timestamp())::numeric AS seconds) AS clock"

	local function measure(client)
		local sent = SysTime()
		next_at = math.huge
		local is_postgres = addon.IsPostgres(client)
		local accepted = client:Command({ is_postgres and POSTGRES_TIME or "TIME" }, function(err, reply)
			if client ~= default then return end
			local now = SysTime()
			if is_postgres and not err then reply = reply[1].time end
			local seconds = istable(reply) and whole(reply[1], MAX_TIME)
			local microseconds = seconds and whole(reply[2], 999999)
			if microseconds then take(seconds + microseconds / 1e6, sent, now) end
			if err then
				missing = tostring(err)
			elseif not microseconds then
				missing = "the server does not answer TIME with a time"
			end
			-- Asked again at the next `ready` if it was refused.
			if microseconds or err and err.code == "TIMEOUT" then next_at = now + (bound and bound <= GOOD and INTERVAL or SOON) end
		end)
		if not accepted then next_at = sent + SOON end
	end

	addon.AddTask("realtime.Time", function(now)
		if now < next_at then return end
		-- After a loss of the connection, the next `ready` measures again.
		if not default:IsConnected() then
			next_at = math.huge
		else
			measure(default)
		end
	end)

	-- Uses this client for measurements from now on.
	function addon.MeasureTime(client)
		default, next_at = client, math.huge
		client:On("ready", "realtime.Time", function()
			if client ~= default then return end
			is_other_clock = true
			measure(client)
		end)
	end

	table.insert(addon.default_listeners, addon.MeasureTime)

	-- Seconds since 1970 by Redis's clock, with fractions; or nil and why they are not known.
	function realtime.Time()
		addon.EnsureTick()
		if offset then return SysTime() + offset end
		local client, message = realtime.Default()
		return nil, client and missing or message
	end
end
