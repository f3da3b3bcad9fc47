-- What realtime_check advises to type into redis-cli. Each command is alone at the end of a line, so that it can be copied.
return function(realtime, addon)
	local MOST_TOPICS = 16 -- refused topics that one command allows

	-- "field:value" by line, as in INFO.
	function addon.FieldsOf(text)
		local fields = {}
		for line in tostring(text):gmatch("[^\r\n]+") do
			local colon = line:find(":", 1, true)
			if colon then fields[line:sub(1, colon - 1)] = line:sub(colon + 1) end
		end
		return fields
	end

	function addon.InRedisCli(command) return "Type into redis-cli: " .. command .. "\nThen, to keep it: CONFIG REWRITE" end

	-- Whether Redis has replicas, Sentinels watch it, or it is a node of a cluster.
	local function has_several(client)
		local stats = client:Stats()
		if addon.NamesSentinels(client) or stats.mode == "cluster" or stats.role == "replica" then return true end
		local err, text = realtime.Await(client, "Command", { "INFO", "replication" })
		return not err and (tonumber(addon.FieldsOf(text).connected_slaves or "") or 0) > 0
	end

	-- The same for a user's permissions. The first one in a report says that Redis does not copy them.
	function addon.InRedisCliForUser(report, client, command)
		local todo = addon.InRedisCli(command)
		if report.has_told_of_users or not has_several(client) then return todo end
		report.has_told_of_users = true
		return todo .. "\nDo that on each of your Redises, because Redis does not copy users."
	end

	-- Whether the client's URL names Sentinels: the name of the master stands after their addresses.
	function addon.NamesSentinels(client)
		local stats = client:Stats()
		return (stats.sentinel or stats.sentinel_error or tostring(client):find("^[^/]*:%d+/[^/%]]+%]")) ~= nil
	end

	-- The words of servers about keys and channels that a user may not access: of Redis 6 and 7.0; of 7.0 in a script; of Redis 7.2, newer
	-- ones and Valkey.
	local KEYS = { "keys used", "keys mentioned", "access a key" }
	local CHANNELS = { "channels used", "channel mentioned", "access a channel" }
	local function says(text, phrases)
		for _, phrase in ipairs(phrases) do
			if text:find(phrase, 1, true) then return true end
		end
		return false
	end

	-- Whether an error is a refusal of the ACL. Redis 7.0, newer ones and Valkey have another code for it in a script.
	function addon.IsRefusal(err)
		return err.code == "NOPERM" or says(tostring(err), { "user executing the script", "ACL failure in script" })
	end

	-- The error with which the server refuses a topic of the check's own, or nil. The console does not show it: its line would advise to
	-- allow a topic that nobody needs. It shows other refusals.
	function addon.RefusalOf(client, method, topic)
		local reason
		client:On("error", "realtime.Check", function(info)
			local name = info.channel or info.pattern or info.sharded_channel or ""
			if name == topic then
				reason = tostring(info.err)
			else
				addon.Say(string.format("%s %s: %s", info.command or "cannot subscribe to", name, tostring(info.err)))
			end
		end)
		client[method](client, topic, "realtime.Check", function() end)
		realtime.Await(client, "Ping")
		client[method:gsub("Subscribe", "Unsubscribe")](client, topic, "realtime.Check")
		client:Off("error", "realtime.Check")
		return reason
	end

	-- The name of the user that this server logs in as, out of a refusal, or as Redis tells it.
	function addon.UserOf(client, text)
		local name = text:match("ACL SETUSER (%S+)")
		if name then return name end
		local err, answer = realtime.Await(client, "Command", { "ACL", "WHOAMI" })
		return err and tostring(err):match("ACL SETUSER (%S+)") or not err and answer or "USER"
	end

	-- Whether the user may not use the helper's keys. The server refuses a command before it looks at keys, so several are tried.
	local function lacks_keys(client, helper)
		local key = helper.keys:match("^ ~([^*]*)%*") .. "{realtime:check}"
		for _, command in ipairs({ { "EVAL", "return 1", 1, key }, { "HGET", key, "" }, { "GET", key }, { "EXISTS", key } }) do
			local err = realtime.Await(client, "Command", command)
			if not err or not addon.IsRefusal(err) then return false end
			if says(tostring(err), KEYS) then return true end
		end
		return true
	end

	local function lacks_channels(client, helper)
		local channel = helper.channels:match("^ &([^*]*)%*") .. "{realtime:check}"
		local err = realtime.Await(client, "Publish", channel, "")
		return err ~= nil and addon.IsRefusal(err)
	end

	-- Whether the user's permissions have several parts (Redis calls them selectors). The sign of that is a
	-- channel on which he may publish, but to which he may not subscribe.
	local function has_parts(client)
		local channel = "realtime:requests:realtime.check"
		if realtime.Await(client, "Publish", channel, "") then return false end
		local reason = addon.RefusalOf(client, "Subscribe", channel)
		return reason ~= nil and says(reason, CHANNELS)
	end

	local function part_of_helper(helper) return " (" .. (helper.keys .. (helper.channels or "") .. helper.commands):sub(2) .. ")" end

	-- The rules that allow everything that the helper needs. Redis refuses a rule for keys or channels if all of them are allowed
	-- already. A user with parts gets another part; otherwise his other commands would apply to these channels, and these commands to
	-- his channels.
	function addon.RulesOfHelper(client, helper, text)
		if has_parts(client) then return part_of_helper(helper) end
		local keys = (says(text, KEYS) or lacks_keys(client, helper)) and helper.keys or ""
		local channels = helper.channels and (says(text, CHANNELS) or lacks_channels(client, helper)) and helper.channels or ""
		return keys .. channels .. helper.commands
	end

	-- A rule inside parentheses, as it is typed at the prompt of redis-cli. Redis splits the text in the parentheses into words once more;
	-- if a quote in it is not closed, the part is empty.
	local function typed(rule)
		if rule:find("['\"]") then
			rule = '"' .. rule:gsub('[\\"]', "\\%0") .. '"'
		elseif addon.Printable(rule) == rule then
			return rule
		end
		return '"' .. rule:gsub("[^%w&_.:/*?%[%]{}-]", function(c) return string.format("\\x%02x", c:byte()) end) .. '"'
	end

	-- The rule for a topic. A rule cannot contain white space: in a channel's name a question mark matches it.
	local function rule_of(subscription)
		if subscription.pattern then return not subscription.pattern:find("[%s%z]") and "&" .. subscription.pattern or nil end
		local name = subscription.channel or subscription.sharded_channel
		return "&" .. name:gsub("[*?%[\\]", "\\%0"):gsub("[%s%z]", "?")
	end

	-- For a user with parts: the parts that allow the refused topics. A helper's topics get the helper's own part, which `report` remembers.
	local function parts_of_topics(report, client)
		local commands, rules, helpers, count = {}, {}, {}, 0
		for _, subscription in ipairs(client:Subscriptions()) do
			local name = subscription.channel or subscription.pattern or subscription.sharded_channel
			local owner
			for _, helper in ipairs(subscription.state == "refused" and addon.check_helpers or {}) do
				local prefix = helper.channels and helper.channels:match("^ &([^*]*)%*")
				if prefix and name:sub(1, #prefix) == prefix then owner = helper end
			end
			local rule = subscription.state == "refused" and rule_of(subscription)
			if owner and not helpers[owner] then
				helpers[owner] = true
				helpers[#helpers + 1] = owner
			elseif rule and not owner and count < MOST_TOPICS then
				count = count + 1
				local letter = subscription.pattern and "p" or subscription.sharded_channel and "s" or ""
				rules[#rules + 1] = typed(rule)
				commands[" +" .. letter .. "subscribe +" .. letter .. "unsubscribe"] = true
			end
		end
		local text = ""
		for _, helper in ipairs(helpers) do text = text .. part_of_helper(helper) end
		report.advised = helpers
		if count == 0 then return text end
		text = text .. " (" .. table.concat(rules, " ")
		for words in SortedPairs(commands) do text = text .. words end
		return text .. ")"
	end

	-- What to do about a refusal that may have the module's advice at its end. `parts(client)`: the rules for a user with parts, for whom
	-- the module's own rules would have no effect.
	function addon.TodoOfRefusal(report, client, text, parts)
		local _, before = text:find("; to allow it, type into redis-cli: ", 1, true)
		local command = before and text:sub(before + 1)
		if not command or not command:find("^ACL SETUSER ") then return "Fix what the line above names." end
		if parts and has_parts(client) then command = "ACL SETUSER " .. addon.UserOf(client, text) .. parts(report, client) end
		return addon.InRedisCliForUser(report, client, command)
	end

	function addon.TodoOfSubscriptions(report, client, text)
		return addon.TodoOfRefusal(report, client, text, parts_of_topics)
	end
end
