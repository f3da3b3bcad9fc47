-- Scripts that run inside Redis: the files in redis/, which web sites may run, too.
return function(_, addon)
	local FOLDER = "realtime/redis/"
	local texts = {}
	addon.used_scripts = {} -- by name: those that were run
	local digests = setmetatable({}, { __mode = "k" }) -- client → script → its SHA-1, as Redis tells it

	-- The text of a script; or nil and why.
	function addon.ScriptText(name)
		local path = FOLDER .. name .. ".lua"
		texts[name] = texts[name] or file.Read(path, "LUA")
		if not texts[name] then
			return nil, "the addon's file lua/" .. path .. " is missing, or cannot be read: install the addon anew"
		end
		return texts[name]
	end

	-- Redis forgets scripts when it restarts. So each is loaded once on every connection.
	local function digests_of(client)
		if digests[client] then return digests[client] end
		local of_client = {}
		digests[client] = of_client
		function of_client.load(name)
			client:Command({ "SCRIPT", "LOAD", addon.ScriptText(name) }, function(err, digest)
				of_client[name] = not err and digest or of_client[name]
			end)
		end
		if not client:IsValid() then return of_client end
		client:On("ready", "realtime.Scripts", function(info)
			if info.first then return end
			for name in pairs(of_client) do
				if name ~= "load" then of_client.load(name) end
			end
		end)
		return of_client
	end

	-- What an error of a Redis means that is too old, or of a server that runs no scripts.
	local function explained(err)
		local text = err and err.message
		if text and (text:find("unknown command", 1, true) or text:find("non deterministic commands", 1, true)) then
			return addon.Error("UNSUPPORTED", "this needs a server that runs scripts, as Redis 5.0 and newer do: " .. text, err.sent)
		end
		return err
	end

	-- Runs a script. Answers as client:Command.
	function addon.RunScript(client, name, keys, arguments, answer, seconds)
		local of_client = digests_of(client)
		addon.used_scripts[name] = true
		local function fn(err, reply) return answer(explained(err), reply) end
		local function command(verb, script)
			local words = { verb, script, #keys }
			for _, key in ipairs(keys) do words[#words + 1] = key end
			for _, argument in ipairs(arguments) do words[#words + 1] = argument end
			return words
		end
		local function evaluate() return client:Command(command("EVAL", addon.ScriptText(name)), fn, seconds) end
		local digest = of_client[name]
		if not digest then
			-- Until Redis has told its digest, the script itself is sent.
			if digest == nil then
				of_client[name] = false
				of_client.load(name)
			end
			return evaluate()
		end
		return client:Command(command("EVALSHA", digest), function(err, reply)
			if not err or err.code ~= "NOSCRIPT" then return fn(err, reply) end
			local accepted, refused = evaluate()
			if not accepted then fn(refused) end
		end, seconds)
	end
end
