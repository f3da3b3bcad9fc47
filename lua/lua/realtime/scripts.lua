-- Scripts that run inside Redis: the files in redis/, which web sites may run, too.
return function(realtime, addon)
	local SysTime = SysTime
	local FOLDER = "realtime/redis/"
	local MOST_WAITING = 10000 -- calls of one script that wait until Redis has it again
	local texts = {}
	addon.used_scripts = {} -- by name: the scripts that were run
	-- Client → number and → script → its SHA-1 from Redis; false until Redis has answered.
	local numbers, digests = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })
	-- Client → script → its calls. They must not refer to the client, or it would never be collected.
	local calls = setmetatable({}, { __mode = "k" })

	-- The text of a script; or nil and why.
	function addon.ScriptText(name)
		local path = FOLDER .. name .. ".lua"
		texts[name] = texts[name] or file.Read(path, "LUA")
		if not texts[name] then
			return nil, "the addon's file lua/" .. path .. " is missing, or cannot be read: install the addon anew"
		end
		return texts[name]
	end

	-- An error's text without the module's advice.
	function addon.WithoutRemedy(text)
		for _, remedy in ipairs({ "; to allow it, type into redis-cli: ", "; realtime_check shows " }) do
			local at = text:find(remedy, 1, true)
			if at then return text:sub(1, at - 1) end
		end
		return text
	end

	-- A number for the client, as low as possible: those of closed clients are reused.
	local function number_of(client)
		if numbers[client] then return numbers[client] end
		local taken = {}
		for other, number in pairs(numbers) do
			if other:IsValid() then taken[number] = true end
		end
		local number = 1
		while taken[number] do number = number + 1 end
		numbers[client] = number
		return number
	end

	-- A client's version of the script: the line at its end gives it a digest that no other client of any server
	-- loads. So if Redis has forgotten the script, it refuses all calls in flight. If it refused only the first
	-- ones, these would run after later ones.
	local function text_to_send(client, name)
		local id, is_named = realtime.ServerId()
		return addon.ScriptText(name) .. (is_named and "\n-- " .. id .. " " .. number_of(client) or "")
	end

	-- Errors of a server that will never load a script.
	local REFUSALS = { NOPERM = true, ERR = true }

	-- Until Redis has reported the digest, the script itself is sent; a server whose id changes on each map always
	-- sends it, because Redis would keep a script for each id.
	local function digest_of(client, name)
		if not select(2, realtime.ServerId()) then return false end
		local known = digests[client] or {}
		digests[client] = known
		if known[name] ~= nil then return known[name] end
		known[name] = false
		local accepted = client:Command({ "SCRIPT", "LOAD", text_to_send(client, name) }, function(err, digest)
			if not err then
				known[name] = digest
			elseif not REFUSALS[err.code] then
				known[name] = nil -- it is asked for again: Redis was loading, for example
			end
		end)
		if not accepted then known[name] = nil end
		return false
	end

	-- The ACL refuses what a script does with another code, and without a line that allows it.
	local SCRIPT_REFUSALS = { "user executing the script", "ACL failure in script" }

	-- Explains an error of a Redis that is too old, or of a server that runs no scripts; and says where to find all permissions that a
	-- script needs: the module's advice has only the first missing one, and keys that differ in the next call.
	local function explained(err)
		local text = err and err.message
		if text and (text:find("unknown command", 1, true) or text:find("non deterministic commands", 1, true)) then
			return addon.Error("UNSUPPORTED", "this needs a server that runs scripts, as Redis 5.0 and newer do: " .. text, err.sent)
		end
		local is_refusal = err and err.code == "NOPERM"
		for _, phrase in ipairs(text and SCRIPT_REFUSALS or {}) do is_refusal = is_refusal or text:find(phrase, 1, true) end
		if not is_refusal then return err end
		return addon.Error(err.code, addon.WithoutRemedy(text) .. "; realtime_check shows the line that allows all that this needs", err.sent)
	end

	local function calls_of(client, name)
		calls[client] = calls[client] or {}
		local of_script = calls[client][name]
		if not of_script then
			of_script = { made = 0, unanswered = 0, waiting = {}, sent = {} }
			calls[client][name] = of_script
		end
		return of_script
	end

	-- Sends the waiting calls, in order, with the script, so that Redis learns it again.
	local function send_waiting(of_script)
		local waiting, refused = of_script.waiting, {}
		of_script.waiting = {}
		table.sort(waiting, function(a, b) return a.order < b.order end)
		for _, call in ipairs(waiting) do
			local accepted, refusal = call.evaluate()
			if not accepted then refused[#refused + 1] = { call.fn, refusal } end
		end
		for _, each in ipairs(refused) do addon.Protect(each[1], each[2]) end
	end

	local function words_of(verb, script, keys, arguments)
		local words = { verb, script, #keys }
		for _, key in ipairs(keys) do words[#words + 1] = key end
		for _, argument in ipairs(arguments) do words[#words + 1] = argument end
		return words
	end

	addon.repeatable_scripts = {} -- by name: scripts for which a repeated call has no further effect

	-- The Lua state ends: from now on it cannot learn that Redis has forgotten a script. So every call is sent with
	-- its script, also those that wait for the answers to others. Calls without an answer are sent again, if they may be
	-- repeated.
	function addon.End()
		addon.is_ending = true
		for client, of_client in pairs(calls) do
			for name, of_script in pairs(client:IsValid() and of_client or {}) do
				for order, call in pairs(addon.repeatable_scripts[name] and of_script.sent or {}) do
					local function evaluate() return call.evaluate(function() end) end
					table.insert(of_script.waiting, { order = order, evaluate = evaluate, fn = function() end })
				end
				send_waiting(of_script)
			end
		end
	end

	-- Runs a script for the last time before the Lua state ends. Sends its text, because nobody would learn that Redis has
	-- forgotten it.
	-- Returns the same as client:Command.
	function addon.RunScriptLast(client, name, keys, arguments)
		return client:Command(words_of("EVAL", addon.ScriptText(name), keys, arguments), function() end)
	end

	-- Runs a script. Returns the same as client:Command. Calls of one script through one client take effect in order,
	-- even if Redis has forgotten the script: then it refuses those in flight, and later ones wait until it has refused
	-- the last of these.
	function addon.RunScript(client, name, keys, arguments, answer, seconds)
		addon.used_scripts[name] = true
		local of_script = calls_of(client, name)
		local function fn(err, reply) return answer(explained(err), reply) end
		local function command(verb, script) return words_of(verb, script, keys, arguments) end
		of_script.made = of_script.made + 1
		local call = { order = of_script.made, fn = fn }
		local deadline = seconds and SysTime() + seconds
		function call.evaluate(answered)
			local left = deadline and math.max(deadline - SysTime(), 0.001) -- it may have waited
			return client:Command(command("EVAL", text_to_send(client, name)), answered or fn, left)
		end
		local function wait() of_script.waiting[#of_script.waiting + 1] = call end

		if of_script.waiting[1] and not addon.is_ending then
			if #of_script.waiting >= MOST_WAITING then
				return false, addon.Error("OVERLOADED", MOST_WAITING .. " calls of a script wait already", false)
			end
			wait()
			return true
		end
		local digest = not addon.is_ending and digest_of(client, name)
		if not digest then return call.evaluate() end
		local accepted, refusal = client:Command(command("EVALSHA", digest), function(err, reply)
			of_script.unanswered, of_script.sent[call.order] = of_script.unanswered - 1, nil
			local is_missing = err and err.code == "NOSCRIPT"
			if is_missing then wait() end
			if of_script.unanswered == 0 or addon.is_ending then send_waiting(of_script) end
			if not is_missing then return fn(err, reply) end
		end, seconds)
		if accepted then of_script.unanswered, of_script.sent[call.order] = of_script.unanswered + 1, call end
		return accepted, refusal
	end
end
