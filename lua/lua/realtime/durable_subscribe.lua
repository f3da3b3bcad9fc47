-- A subscriber of realtime.Durable: reads its channel in order, and reports its position to Redis.
-- redis/durable_read.lua is the other half.
return function(realtime, addon)
	local SysTime, tonumber, min, format = SysTime, tonumber, math.min, string.format
	local SCRIPT = "durable_read"
	local BATCH = 100 -- messages that are read at a time
	addon.durable_lease = 15 -- how many seconds a silent Lua state keeps its position in the channel
	addon.durable_look = 5 -- seconds between two reads, which also renew the lease
	local MAX_PAUSE = 60 -- seconds until a message that failed comes again: longer each time
	local RETRY, MOST_RETRY = 1, 60 -- the first and longest pause after an error of Redis, in seconds
	local TWIN = 30 -- seconds until a position that another server holds is reported
	local subscribers = {}
	addon.durable_subscribers = subscribers

	local function say(sub, text, ...) addon.SayRarely(sub, format('durable channel "%s": ' .. text, sub.channel, ...)) end

	local function drop(sub)
		sub.queue, sub.at, sub.failing, sub.errors, sub.deaths, sub.pause_until = {}, 1, nil, 0, 0, 0
	end

	local function handled(sub, message)
		sub.at = sub.at + 1
		sub.errors, sub.deaths, sub.pause_until = 0, 0, 0
		if message.is_adrift then return end
		sub.position, sub.number, sub.is_ahead = message.id, message.number or sub.number, true
	end

	local function message_of(fields)
		return { id = fields[1], number = tonumber(fields[2]), from = fields[3] ~= "" and fields[3] or nil, text = fields[4], first = fields[5] }
	end

	-- Handles waiting messages until `stop`, and at least one.
	local function run(sub, now, stop)
		sub.is_running = true
		while sub.is_on and sub.queue[sub.at] and not sub.failing and now >= sub.pause_until do
			local message = sub.queue[sub.at]
			if message.text == "skip" then
				handled(sub, message) -- put back for another subscriber
			else
				local data, reason = addon.json.Decode(message.text, addon.durable_publishes.MESSAGE)
				local fine, is_unreadable = false, data == nil
				if not is_unreadable then
					local info = addon.DurableInfo(sub.parent, message, sub.errors + sub.deaths + 1)
					fine, reason = addon.Protect(sub.fn, data, message.from, info)
				end
				if sub.queue[sub.at] ~= message then break end -- the callback ended it
				if fine then
					handled(sub, message)
				else
					sub.failing = { message = message, reason = tostring(reason), data = data, most = is_unreadable and 1 or sub.max_deliveries }
				end
			end
			if SysTime() >= stop then break end
		end
		sub.is_running = false
		if sub.at > #sub.queue then sub.queue, sub.at = {}, 1 end
	end

	local function tell_failed(sub, message, data, reason, errors, is_dead)
		addon.DurableTell(sub.parent, "failed", sub.channel, {
			id = message.first, data = data, from = message.from, reason = reason, errors = errors, dead = is_dead,
		})
	end

	local function tell_lost(sub, count)
		say(sub, "%s for %s %s lost", count and tostring(count) .. " messages" or "an unknown number of messages", sub.identifier,
			count == 1 and "was" or "were")
		addon.DurableTell(sub.parent, "lost", sub.channel, { count = count, identifier = sub.identifier })
	end

	local answers = {}

	function answers.read(sub, reply, sent)
		local _, time, position, number, lost, errors, deaths, messages, dead, mark = unpack(reply)
		addon.DurableClock(sub.parent, time)
		sub.busy_since, sub.refusals = nil, 0
		local is_first = not sub.mark
		-- If nothing had been published, nothing is lost.
		local was_lost = lost == -1 and not (sent == "0-0" and sub.number == 0)
		sub.mark = mark
		if position ~= sent then
			-- Redis has another position. Either somebody else had the place, or Redis has lost messages; then the messages here are the only copies.
			if lost == -1 then
				for _, message in ipairs(sub.queue) do message.is_adrift = true end
			else
				drop(sub)
			end
			sub.position, sub.number = position, number
		end
		if dead[1] then
			local message = message_of(dead[1])
			tell_failed(sub, message, addon.json.Decode(message.text, addon.durable_publishes.MESSAGE), dead[2], 0, true)
		end
		if messages[1] then
			sub.queue, sub.at, sub.errors, sub.deaths = {}, 1, errors, deaths
			for i, fields in ipairs(messages) do sub.queue[i] = message_of(fields) end
			sub.more = true
			if lost > 0 and sub.queue[1].number then sub.number = sub.queue[1].number - 1 end
		end
		if is_first then
			sub.is_ready = true
			addon.DurableTell(sub.parent, "ready", sub.channel, { identifier = sub.identifier })
		end
		if was_lost then tell_lost(sub) elseif lost > 0 then tell_lost(sub, lost) end
	end

	function answers.busy(sub, reply)
		local now = SysTime()
		drop(sub)
		sub.position, sub.is_ahead = "", false
		sub.busy_since = sub.busy_since or now
		sub.next_at = now + min(reply[2] / 1000 + 0.1, addon.durable_look)
		if now - sub.busy_since >= TWIN then
			say(sub, 'another server has the id "%s", and gets the messages of "%s". Give each its own "id" in garrysmod/data/realtime.json.',
				sub.parent.id, sub.identifier)
		end
	end

	function answers.lost(sub)
		drop(sub)
		sub.position, sub.is_ahead = "", false
		sub.next_at = SysTime()
	end

	function answers.failed(sub, reply)
		local failing = sub.failing
		if not failing then return end
		sub.failing = nil
		local is_dead, is_lost = reply[3] == 1, reply[3] == 2
		if is_lost then
			handled(sub, failing.message)
		elseif is_dead then
			say(sub, "the message %s is dead after %d errors: %s", failing.message.first, reply[2], addon.Printable(failing.reason, 120))
			handled(sub, failing.message)
			sub.is_ahead = false
		else
			sub.errors = reply[2]
			sub.pause_until = SysTime() + min(2 ^ (sub.errors - 1), MAX_PAUSE)
		end
		tell_failed(sub, failing.message, failing.data, failing.reason, reply[2], is_dead)
		if is_lost then tell_lost(sub, 1) end
	end

	function answers.kind(sub, reply)
		sub.pause_asking = SysTime() + MOST_RETRY
		say(sub, "it is a channel for Work, and Subscribe gets nothing from it (%s)", tostring(reply[2]))
	end

	local function arguments_of(sub, action, ...)
		return {
			action, sub.parent.id .. ":" .. sub.identifier, sub.parent.instance, math.floor(addon.durable_lease * 1000), sub.keep or "", sub.from, sub.position,
			format("%.0f", sub.number), sub.mark or "", ...,
		}
	end
	local function keys_of(sub)
		local key = addon.DurableKey(sub.channel)
		return { key, key .. ":about", key .. ":groups", key .. ":dead" }
	end

	local function ask(sub, arguments)
		local sent = sub.position
		sub.has_asked = true
		sub.is_asking, sub.is_ahead, sub.next_at = true, false, SysTime() + addon.durable_look
		local accepted = addon.RunScript(sub.parent.client, SCRIPT, keys_of(sub), arguments, function(err, reply)
			sub.is_asking = false
			if not sub.is_on then return end
			if not err and not (istable(reply) and answers[reply[1]]) then err = "the server's answer is not one of redis/durable_read.lua" end
			if not err then return answers[reply[1]](sub, reply, sent) end
			sub.is_ahead, sub.next_at = true, SysTime()
			if istable(err) and (err.code == "DISCONNECTED" or err.code == "TIMEOUT" or err.code == "CLOSED") then return end
			sub.refusals = sub.refusals + 1
			sub.pause_asking = SysTime() + min(RETRY * 2 ^ (sub.refusals - 1), MOST_RETRY)
			say(sub, "%s", tostring(err))
		end)
		if not accepted then sub.is_asking, sub.is_ahead, sub.pause_asking = false, true, SysTime() + 1 end
	end

	local function close(sub)
		if sub.has_asked and sub.parent.client:IsValid() then
			addon.RunScript(sub.parent.client, SCRIPT, keys_of(sub), arguments_of(sub, "close", 0), function() end)
		end
	end

	-- Does the next due step.
	function subscribers.Tick(sub, now, stop)
		run(sub, now, stop)
		if not sub.is_on then return close(sub) end -- a callback called Stop
		if sub.is_asking or now < sub.pause_asking or not sub.parent.client:IsConnected() then return end
		local failing = sub.failing
		if failing then
			return ask(sub, arguments_of(sub, "failed", failing.message.id, sub.errors, failing.most, failing.reason:sub(1, 300)))
		end
		local is_empty = not sub.queue[1]
		if sub.is_ahead or now >= sub.next_at or is_empty and sub.more then
			if is_empty then sub.more = false end
			ask(sub, arguments_of(sub, "read", is_empty and BATCH or 0))
		end
	end

	-- Called when messages wait.
	function subscribers.Wake(sub)
		if not sub.busy_since then sub.more = true end
	end

	-- Ends in order: the next Lua state goes on at once. If a callback calls this, Redis is told only after
	-- the callback has returned, so that its message can count as handled.
	function subscribers.Close(sub)
		sub.is_on = false
		if not sub.is_running then close(sub) end
	end

	function subscribers.New(parent, channel, identifier)
		local sub = {
			parent = parent, channel = channel, identifier = identifier, position = "", number = -1, from = "now", next_at = 0,
			pause_asking = 0, refusals = 0, is_on = true, more = true,
		}
		drop(sub)
		return sub
	end
end
