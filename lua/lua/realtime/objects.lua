-- The common part of the helpers: one object for each client and server id, shared by all addons.
return function(realtime, addon)
	local getinfo, format = debug.getinfo, string.format

	-- The calling script, as in the module: its file and line. Between it and us there may be functions such as
	-- pcall.
	local function caller(level)
		local info
		repeat
			level = level + 1
			info = getinfo(level, "Sl")
		until not info or info.what ~= "C"
		if not info then return "[C]", -1 end
		return info.source:gsub("^[@=]", ""), info.currentline
	end

	local OWN = getinfo(1, "S").source:match("^(.*/)") -- the folder of this file and its neighbours

	-- Raises at the line of the nearest script that is not this addon's.
	function addon.Raise(text)
		local level, info = 1, nil
		repeat
			level = level + 1
			info = getinfo(level, "S")
		until not info or (info.what ~= "C" and info.source:sub(1, #OWN) ~= OWN)
		error(text, info and level or 0)
	end

	local function is_nothing(...)
		for i = 1, select("#", ...) do
			if select(i, ...) ~= nil then return false end
		end
		return true
	end

	-- [identifier,] fn → identifier, fn, and whether the identifier is the calling file. `level`: the caller of the
	-- method.
	function addon.IdentifierAndFunction(name, level, identifier, fn, ...)
		level = level + 1
		local is_unnamed = isfunction(identifier)
		if is_unnamed and isstring(fn) then
			error("'" .. name .. "': the identifier stands before the function, not after it", level)
		end
		if not is_unnamed and not isstring(identifier) then
			error("'" .. name .. "': expected a function, or an identifier (string) and a function", level)
		end
		if not is_unnamed and not isfunction(fn) then error("'" .. name .. "': expected a function after the identifier", level) end
		if not is_nothing(is_unnamed and fn or nil, ...) then
			error("'" .. name .. "': nothing is expected after the function", level)
		end
		if is_unnamed then return (caller(level)), identifier, true end
		return identifier, fn, false
	end

	-- An identifier, or the calling file.
	function addon.Identifier(name, level, identifier)
		if identifier == nil then return (caller(level + 1)) end
		if isstring(identifier) then return identifier end
		error("bad argument #2 to '" .. name .. "' (identifier: string or nil expected, got " .. type(identifier) .. ")", level + 1)
	end

	-- The main chunk of the file that is being loaded; if files load each other, of the innermost one.
	local function running_chunk()
		for level = 2, math.huge do
			local info = getinfo(level, "Sf")
			if not info then return end
			if info.what == "main" then return info.func, info.source end
		end
	end

	-- Objects that a file makes without an identifier while it is loaded end when the file is loaded again and makes
	-- something: so a file that was saved five times has one of each. finish(): ends this one. Objects made later, or
	-- by a line typed into the console, stay.
	local loads = {}
	function addon.NoteLoad(finish)
		local chunk, source = running_chunk()
		if not chunk or not source:find("%.lua$") then return end
		local load = loads[source]
		if not load or load.chunk ~= chunk then
			local before = load and load.made or {}
			load = { chunk = chunk, made = {} }
			loads[source] = load
			for _, each in ipairs(before) do each() end
		end
		load.made[#load.made + 1] = finish
	end

	local MAX_HINTS = 16 -- how many places the hint is printed for; after that there are no more hints
	local hinted, hints = {}, 0
	local tick, is_ending = {}, false

	local function next_tick()
		tick, is_ending = {}, false
		addon.RemoveTask("realtime.Objects")
	end

	-- Notes in `places` where a callback was added, because the next one with the same key replaces it. Prints a hint
	-- if this one has just replaced another. A file that runs again replaces its callbacks on purpose. So there is a
	-- hint in three cases only: two files added them; the same main chunk was being loaded at both; or no main chunk is
	-- being loaded, and both were added within one tick. There is none for the same function with the same `call` (the
	-- method). hint(before): the text about a callback of that file and line.
	function addon.NotePlace(places, key, level, fn, call, hint)
		local file, line = caller(level + 1)
		local chunk, before = running_chunk(), places[key]
		places[key] = { file = file, line = line, chunk = chunk, tick = tick, fn = fn, call = call }
		if not is_ending then
			is_ending = true
			addon.AddTask("realtime.Objects", next_tick)
		end
		if not before or (before.fn == fn and before.call == call) then return end
		local is_same_run = before.tick == tick
		if chunk then is_same_run = before.chunk == chunk end
		if before.file ~= file then is_same_run = true end
		local place = file .. ":" .. line
		if not is_same_run or hinted[place] or hints == MAX_HINTS then return end
		hinted[place], hints = true, hints + 1
		addon.Say(place .. ": " .. hint(before))
	end

	function addon.Error(code, message, sent)
		return setmetatable({ code = code, message = message, sent = sent or false }, addon.error_meta)
	end
	addon.error_meta = FindMetaTable("RealtimeError") -- the module's

	-- Known before the client is connected.
	function addon.IsPostgres(client) return client:Stats().server == "PostgreSQL" end

	-- Objects that use scripts inside Redis.
	local NEED_REDIS = { Shared = true, Durable = true, Once = true, Players = true, Profiles = true }

	-- The client and the id of an object: the given ones, or the server's own. nil and why, if there is no Default()
	-- client, or if the object cannot use the client's server. Raises for invalid arguments, in the name of the
	-- calling constructor; the client is its argument `position`.
	function addon.ClientAndId(name, position, client, id)
		addon.EnsureTick()
		if client == nil then
			local message
			client, message = realtime.Default()
			if not client then return nil, message end
		elseif not istable(client) or getmetatable(client) ~= FindMetaTable("RealtimeClient") then
			addon.Raise("bad argument #" .. position .. " to '" .. name .. "' (client expected, got " .. type(client) .. ")")
		elseif not client:IsValid() then
			addon.Raise("'" .. name .. "' for a closed client; make a new one with realtime.Connect")
		end
		id = id == nil and realtime.ServerId() or id
		if not addon.IsId(id) then
			addon.Raise("bad argument #" .. position + 1 .. " to '" .. name .. "' (a server's id: 1 to 64 letters, digits, '_', '.' or '-')")
		end
		if NEED_REDIS[name] and addon.IsPostgres(client) then
			return nil, "realtime." .. name .. " needs Redis, and this client leads to PostgreSQL: give it a client of a Redis"
		end
		return client, id
	end

	-- The metatable of the objects of realtime[name]. Their methods raise if they are called with a dot in place of the colon. After
	-- that check comes a tail call, so that the levels of the stack stay the same.
	function addon.Meta(name, methods)
		local meta = { __index = {}, MetaName = "Realtime" .. name }
		for method, fn in pairs(methods) do
			local function check(self)
				if getmetatable(self) == meta then return end
				addon.Raise(format("bad self to '%s' (%s expected, got %s; methods are called with a colon: %s:%s(…))", method, meta.MetaName,
					type(self), name:lower(), method))
			end
			meta.__index[method] = function(self, ...)
				check(self)
				return fn(self, ...)
			end
		end
		return meta
	end

	-- Raises for realtime:Shared("bans"), with a colon in place of the dot.
	function addon.CheckDot(name, first)
		if first == realtime then addon.Raise("'" .. name .. "' is called with a dot: realtime." .. name .. "(…)") end
	end

	-- Makes realtime[name]([client [, id]]): `create` fills a new object that has client and id.
	function addon.Constructor(name, methods, create)
		function methods:Id() return self.id end
		local meta = addon.Meta(name, methods)
		function meta.__tostring(object) return meta.MetaName .. " [" .. object.id .. "]" end
		local made = setmetatable({}, { __mode = "k" })

		realtime[name] = function(client, id)
			addon.CheckDot(name, client)
			client, id = addon.ClientAndId(name, 1, client, id)
			if not client then return nil, id end
			local of_client = made[client] or {}
			made[client] = of_client
			if not of_client[id] then
				local object = setmetatable({ client = client, id = id }, meta)
				object.forget = function() of_client[id] = nil end
				create(object)
				of_client[id] = object
			end
			return of_client[id]
		end
	end
end
