-- Scripts that run inside Redis: the files in redis/, which web sites may run, too.
return function(realtime, addon)
	local FOLDER = "realtime/redis/"
	local MOST_WAITING = 10000 -- calls of one script that wait until Redis has it again
	local texts = {}
	addon.used_scripts = {} -- by name: those that were run
	local digests = {} -- by name: a script's SHA-1, as Redis tells it; false until it has told
	-- Client → script → its calls. They must not name the client, or it would never be collected.
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

	-- As this server sends it: the id at its end gives it a digest that no other server loads. So if Redis has forgotten the script, it
	-- refuses all calls that were on their way, and not the first ones alone, which would then run after later ones. An id that is
	-- another one on each map is left out: Redis would keep a script for each.
	local function text_to_send(name)
		local id, is_named = realtime.ServerId()
		return addon.ScriptText(name) .. (is_named and "\n-- " .. id or "")
	end

	-- Until Redis has told the digest, the script itself is sent.
	local function digest_of(client, name)
		if digests[name] ~= nil then return digests[name] end
		digests[name] = false
		local accepted = client:Command({ "SCRIPT", "LOAD", text_to_send(name) }, function(err, digest)
			if not err then
				digests[name] = digest
			elseif err.code == "DISCONNECTED" or err.code == "TIMEOUT" or err.code == "CLOSED" then
				digests[name] = nil
			end
		end)
		if not accepted then digests[name] = nil end
		return false
	end

	-- What an error of a Redis means that is too old, or of a server that runs no scripts.
	local function explained(err)
		local text = err and err.message
		-- PostgreSQL takes EVAL for SQL.
		if text and err.code == "42601" then
			return addon.Error("UNSUPPORTED", "this needs Redis, and the client leads to PostgreSQL", err.sent)
		end
		if text and (text:find("unknown command", 1, true) or text:find("non deterministic commands", 1, true)) then
			return addon.Error("UNSUPPORTED", "this needs a server that runs scripts, as Redis 5.0 and newer do: " .. text, err.sent)
		end
		return err
	end

	local function calls_of(client, name)
		calls[client] = calls[client] or {}
		local of_script = calls[client][name]
		if not of_script then
			of_script = { made = 0, unanswered = 0, waiting = {} }
			calls[client][name] = of_script
		end
		return of_script
	end

	-- Sends what waits, in the order of the calls, with the script: that is how Redis learns it again.
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

	-- Runs a script. Answers as client:Command. Calls of one script through one client take effect in their order, also if Redis has
	-- forgotten the script: then those on their way are refused, and later ones wait until the last of these is.
	function addon.RunScript(client, name, keys, arguments, answer, seconds)
		addon.used_scripts[name] = true
		local of_script = calls_of(client, name)
		local function fn(err, reply) return answer(explained(err), reply) end
		local function command(verb, script)
			local words = { verb, script, #keys }
			for _, key in ipairs(keys) do words[#words + 1] = key end
			for _, argument in ipairs(arguments) do words[#words + 1] = argument end
			return words
		end
		of_script.made = of_script.made + 1
		local call = { order = of_script.made, fn = fn }
		function call.evaluate() return client:Command(command("EVAL", text_to_send(name)), fn, seconds) end
		local function wait() of_script.waiting[#of_script.waiting + 1] = call end

		if of_script.waiting[1] then
			if #of_script.waiting >= MOST_WAITING then
				return false, addon.Error("OVERLOADED", MOST_WAITING .. " calls of a script wait already", false)
			end
			wait()
			return true
		end
		local digest = digest_of(client, name)
		if not digest then return call.evaluate() end
		local accepted, refusal = client:Command(command("EVALSHA", digest), function(err, reply)
			of_script.unanswered = of_script.unanswered - 1
			local is_missing = err and err.code == "NOSCRIPT"
			if is_missing then wait() end
			if of_script.unanswered == 0 then send_waiting(of_script) end
			if not is_missing then return fn(err, reply) end
		end, seconds)
		if accepted then of_script.unanswered = of_script.unanswered + 1 end
		return accepted, refusal
	end
end
