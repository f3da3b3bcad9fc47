-- Hands posts to players who are here, for realtime.Players: each until its handler has replied without an error.
return function(realtime, addon)
	local SysTime, min, format = SysTime, math.min, string.format
	local SCRIPT = "players_take"
	local BUDGET = 0.002 -- seconds of a tick that handlers may take
	local PAUSE, MOST_PAUSE = 5, 300 -- seconds until a post that failed comes again: longer each time
	local RETRY, MOST_RETRY = 1, 60 -- seconds after an error of Redis: longer each time
	addon.players_patience = 60 -- seconds in which a handler that promised a reply gives it
	local delivery = {}
	addon.players_delivery = delivery

	local function keys_of(id)
		local key = addon.PlayersKey
		return { key("posts:" .. id), key("waiting"), key("claims") }
	end

	-- fn(reply) if it was answered, failed(pause) if not.
	local function ask(self, id, arguments, fn, failed)
		local accepted = addon.RunScript(self.client, SCRIPT, keys_of(id), arguments, function(err, reply)
			if not err and not istable(reply) then err = "the server's answer is none of redis/players_take.lua" end
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

	local tell_done

	-- It was handled: Redis is told, whether or not he is still here.
	local function finish(self, post)
		post.state = "done"
		self.done_posts[post.id] = post
		if self.is_closed then tell_done(self, post) end
	end

	local function fail(self, post, reason)
		post.state, post.errors = "waiting", post.errors + 1
		post.at = SysTime() + min(PAUSE * 2 ^ (post.errors - 1), MOST_PAUSE)
		addon.SayRarely(self, format('players: the post "%s" to %s has failed, and comes again: %s', addon.Printable(post.name, 64), post.player,
			addon.Printable(tostring(reason), 120)))
	end

	local function start(self, stay, post, now)
		post.state, post.since = "running", now
		local run = {}
		post.run = run
		local info = { id = post.id, age = math.max(now - post.posted_at, 0) }
		addon.players_requests.Handle(self, stay.ply, post.name, post.data, post.from, function(err)
			if post.run ~= run or post.state ~= "running" then return false end
			post.run = nil
			if err ~= nil then
				fail(self, post, istable(err) and (err.message or err.code) or err)
			else
				finish(self, post)
			end
			return true
		end, info)
	end

	local function post_of(self, stay, fields, time)
		local id, text = fields[1], fields[2]
		local head, data = text:match("^([^\n]*)\n(.*)$")
		head = head and addon.json.Decode(head)
		local value, wrong = nil, "it has no line of JSON at its beginning"
		if istable(head) and isstring(head[2]) and isstring(head[3]) then value, wrong = addon.json.Decode(data, addon.players_posting.DATA) end
		if value == nil then
			addon.SayRarely(self, format("players: a post to %s is left out: %s", stay.id, addon.Printable(tostring(wrong), 120)))
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
				if not stay.posts[fields[1]] then stay.posts[fields[1]] = post_of(self, stay, fields, tonumber(time)) end
			end
			stay.has_posts = stay.has_posts or more == 1
		end, function(pause) stay.is_taking, stay.has_posts, stay.take_at = false, true, SysTime() + pause end)
	end

	-- Posts in the order in which they were posted.
	local function run(self, stay, now, stop)
		for id, post in SortedPairs(stay.posts) do
			if post.state == "running" and now - post.since >= addon.players_patience then
				post.run = nil
				fail(self, post, format("no reply within %g s", addon.players_patience))
			elseif post.state == "waiting" and now >= post.at and self.handlers[post.name] and addon.players_stays.Find(self, stay.id) == stay then
				start(self, stay, post, now)
			end
			if SysTime() >= stop then return end
		end
	end

	function tell_done(self, post)
		post.is_asking = true
		ask(self, post.player, { "done", post.player, self.instance, post.id }, function()
			self.done_posts[post.id] = nil
			local stay = self.stays[post.player]
			if stay then stay.posts[post.id] = nil end
		end, function(pause) post.is_asking, post.retry_at = false, SysTime() + pause end)
	end

	function delivery.Tick(self, now)
		local stop = SysTime() + BUDGET
		for id, stay in pairs(self.mail) do
			if self.stays[id] ~= stay or not (next(stay.posts) or stay.has_posts or stay.is_taking) then self.mail[id] = nil end
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

	-- The Lua state ends: what was handled is told now, because no tick comes any more.
	function delivery.Close(self)
		self.is_closed = true
		for _, post in SortedPairs(self.done_posts) do tell_done(self, post) end
	end

	-- Something waits for a player.
	function delivery.Wake(self, id)
		local stay = self.stays[id]
		if stay then stay.has_posts, self.mail[id] = true, stay end
	end

	-- `mail`: the stays for which something waits, in Redis or here.
	function delivery.New(self) self.mail, self.done_posts, self.take_refusals = {}, {}, 0 end
end
