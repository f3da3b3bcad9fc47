-- Passes posts to players who are here, for realtime.Players: each until its handler has replied without an error.
return function(realtime, addon)
	local SysTime, min, format = SysTime, math.min, string.format
	local SCRIPT = "players_take"
	local BUDGET = 0.002 -- seconds of a tick that handlers may take
	local PAUSE, MOST_PAUSE = 5, 300 -- seconds until a post that failed comes again: longer each time
	local RETRY, MOST_RETRY = 1, 60 -- seconds after an error of Redis: longer each time
	addon.players_patience = 60 -- seconds within which a handler that promised a reply must give it
	local delivery = {}
	addon.players_delivery = delivery

	local function keys_of(id)
		local key = addon.PlayersKey
		return { key("posts:" .. id), key("waiting"), key("claims") }
	end

	-- fn(reply) if it was answered, failed(pause) if not.
	local function ask(self, id, arguments, fn, failed)
		local accepted = addon.RunScript(self.client, SCRIPT, keys_of(id), arguments, function(err, reply)
			if not err and not istable(reply) then err = "the server's answer is not one of redis/players_take.lua" end
			if not err then
				self.take_refusals = 0
				return fn(reply)
			end
			if istable(err) and (err.code == "DISCONNECTED" or err.code == "TIMEOUT" or err.code == "CLOSED") then return failed(0) end
			self.take_refusals = self.take_refusals + 1
			addon.SayRarely(self, "players: posts: " .. tostring(err))
			failed(min(RETRY * 2 ^ (self.take_refusals - 1), MOST_RETRY))
		end)
		if not accepted then failed(RETRY) end
	end

	-- A handler has finished the post. The player's stay may be another one by now.
	local function settle(self, post, state)
		post.state, post.run, self.running[post.id] = state, nil, nil
		local stay = self.stays[post.player]
		if stay then stay.due_at = 0 end
	end

	-- It was handled: Redis is informed, whether or not the player is still here.
	local function finish(self, post)
		settle(self, post, "done")
		self.done_posts[post.id] = post
	end

	local function fail(self, post, reason)
		settle(self, post, "waiting")
		post.errors = post.errors + 1
		post.at = SysTime() + min(PAUSE * 2 ^ (post.errors - 1), MOST_PAUSE)
		addon.SayRarely(self, format('players: the post "%s" to %s has failed, and comes again: %s', addon.Printable(post.name, 64), post.player,
			addon.Printable(tostring(reason), 120)))
	end

	local function start(self, stay, post, now)
		post.state, post.since = "running", now
		local run = {}
		post.run, self.running[post.id] = run, post
		self.overdue_at = min(self.overdue_at, now + addon.players_patience)
		local info = { id = post.id, age = math.max(now - post.posted_at, 0) }
		addon.players_requests.Handle(self, stay.ply, post.name, post.data, post.from, function(err)
			if post.run ~= run then return false end
			if err ~= nil then
				fail(self, post, istable(err) and (err.message or err.code) or err)
			else
				finish(self, post)
			end
			return true
		end, info)
	end

	local function fail_overdue(self, now)
		self.overdue_at = math.huge
		for _, post in SortedPairs(self.running) do
			if now - post.since >= addon.players_patience then
				fail(self, post, format("no reply within %g s", addon.players_patience))
			else
				self.overdue_at = min(self.overdue_at, post.since + addon.players_patience)
			end
		end
	end

	-- If nothing here answers its name, only the id is kept: the post waits in Redis, and is fetched again once
	-- something does.
	local function post_of(self, stay, fields, time)
		local id, text = fields[1], fields[2]
		local head, data = text:match("^([^\n]*)\n(.*)$")
		head = head and addon.json.Decode(head)
		local value, wrong = nil, "it has no line of JSON at its beginning"
		if istable(head) and isstring(head[2]) and isstring(head[3]) then
			if not self.handlers[head[3]] then return { id = id, player = stay.id, state = "unanswered", name = head[3] } end
			value, wrong = addon.json.Decode(data, addon.players_posting.DATA)
		end
		if value == nil then
			addon.SayRarely(self, format("players: a post to %s is left out: %s", stay.id, addon.Printable(tostring(wrong), 120)))
			self.unreadable = self.unreadable + 1
			return { id = id, player = stay.id, state = "unreadable" }
		end
		local age = (time - tonumber(id:match("^%d+") or 0) / 1000) / 1000
		return {
			id = id, player = stay.id, from = head[2], name = head[3], data = value, state = "waiting", at = 0, errors = 0, posted_at = SysTime() - age,
		}
	end

	local function take(self, stay)
		stay.has_posts, stay.is_taking = false, true
		local arguments = { "take", stay.id, self.instance }
		for id in SortedPairs(stay.posts) do arguments[#arguments + 1] = id end
		for id, post in SortedPairs(self.done_posts) do
			if post.player == stay.id and not stay.posts[id] then arguments[#arguments + 1] = id end
		end
		ask(self, stay.id, arguments, function(reply)
			stay.is_taking = false
			if reply[1] ~= "posts" or self.stays[stay.id] ~= stay then return end
			local _, time, posts, more = unpack(reply)
			for _, fields in ipairs(posts) do
				local id = fields[1]
				-- The player may have left and come back while a handler has it.
				stay.posts[id] = stay.posts[id] or self.running[id] or self.done_posts[id] or post_of(self, stay, fields, tonumber(time))
			end
			stay.has_posts, stay.due_at = stay.has_posts or more == 1, 0
		end, function(pause) stay.is_taking, stay.has_posts, stay.take_at = false, true, SysTime() + pause end)
	end

	-- Hands out the posts of one stay, in the order in which they were posted, and notes when the next one is due.
	local function run(self, stay, now, stop)
		if addon.players_stays.Find(self, stay.id) ~= stay then return end
		stay.due_at = math.huge
		for _, post in SortedPairs(stay.posts) do
			if not post or post.state ~= "waiting" then -- nothing to do with it now
			elseif not self.handlers[post.name] then
				post.state, post.data = "unanswered", nil
			elseif now < post.at then
				stay.due_at = min(stay.due_at, post.at)
			else
				start(self, stay, post, now)
				if SysTime() >= stop or addon.players_stays.Find(self, stay.id) ~= stay then
					stay.due_at = 0
					return
				end
			end
		end
	end

	local function tell_done(self, post)
		post.is_asking = true
		ask(self, post.player, { "done", post.player, self.instance, post.id }, function()
			self.done_posts[post.id] = nil
			local stay = self.stays[post.player]
			if stay then stay.posts[post.id] = nil end
		end, function(pause) post.is_asking, post.retry_at = false, SysTime() + pause end)
	end

	-- The stays that are due, the one that has waited longest first: the budget of a tick may not suffice for all.
	local function due_stays(self, now)
		local due = {}
		for id, stay in pairs(self.mail) do
			if self.stays[id] ~= stay or not (next(stay.posts) or stay.has_posts or stay.is_taking) then
				self.mail[id] = nil
			elseif stay.due_at and now >= stay.due_at then
				due[#due + 1] = stay
			end
		end
		table.sort(due, function(a, b)
			local first, second = a.served or 0, b.served or 0
			if first ~= second then return first < second end
			return a.id < b.id
		end)
		return due
	end

	function delivery.Tick(self, now)
		local stop = SysTime() + BUDGET
		if now >= self.overdue_at then fail_overdue(self, now) end
		for _, stay in ipairs(due_stays(self, now)) do
			self.served = self.served + 1
			stay.served = self.served
			run(self, stay, now, stop)
			if SysTime() >= stop then break end
		end
		if not self.client:IsConnected() then return end
		for _, post in SortedPairs(self.done_posts) do
			if not post.is_asking and now >= (post.retry_at or 0) then tell_done(self, post) end
		end
		for _, stay in pairs(self.mail) do
			if stay.has_posts and stay.state == "held" and not stay.is_taking and not stay.left_at and now >= (stay.take_at or 0) then take(self, stay) end
		end
	end

	-- The Lua state ends: handled posts are reported now, because no tick comes any more.
	function delivery.Close(self)
		for _, post in SortedPairs(self.done_posts) do tell_done(self, post) end
	end

	-- A post waits for a player.
	function delivery.Wake(self, id)
		local stay = self.stays[id]
		if stay then stay.has_posts, self.mail[id] = true, stay end
	end

	-- A name is answered from now on: its posts are fetched from Redis again.
	function delivery.Answered(self, name)
		for id, stay in pairs(self.stays) do
			for post_id, post in pairs(stay.posts) do
				if post.state == "unanswered" and post.name == name then
					stay.posts[post_id] = nil
					delivery.Wake(self, id)
				end
			end
		end
	end

	-- `mail`: the stays with waiting posts, in Redis or here. `running`: the posts that a handler has, by id.
	function delivery.New(self)
		self.unreadable = 0
		self.mail, self.done_posts, self.running, self.take_refusals, self.served, self.overdue_at = {}, {}, {}, 0, 0, math.huge
	end
end
