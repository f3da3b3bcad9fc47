-- What the helpers have in common: one object for each client and server id, shared by all addons.
return function(realtime, addon)
	-- The files of an addon that calls us: as in the module, its callbacks are its own.
	function addon.CallingFile(level)
		local info = debug.getinfo(level + 1, "S")
		return info and info.source:gsub("^[@=]", "") or "[C]"
	end

	-- [identifier,] fn → identifier, fn. `level`: of who called the method.
	function addon.IdentifierAndFunction(name, level, identifier, fn)
		if isfunction(identifier) and fn == nil then return addon.CallingFile(level + 1), identifier end
		if not isstring(identifier) then
			error("'" .. name .. "': expected a function, or an identifier (string) and a function", level + 1)
		end
		if not isfunction(fn) then error("'" .. name .. "': expected a function behind the identifier", level + 1) end
		return identifier, fn
	end

	function addon.Error(code, message, sent)
		return setmetatable({ code = code, message = message, sent = sent or false }, addon.error_meta)
	end
	addon.error_meta = {
		MetaName = "RealtimeError",
		__tostring = function(err) return tostring(err.code) .. ": " .. tostring(err.message) end,
	}

	-- Makes realtime[name]([client [, id]]): `create` fills a new object that has client and id.
	function addon.Constructor(name, methods, create)
		local meta = { __index = methods, MetaName = "Realtime" .. name }
		function meta.__tostring(object) return meta.MetaName .. " [" .. object.id .. "]" end
		function methods:Id() return self.id end
		local made = setmetatable({}, { __mode = "k" })

		realtime[name] = function(client, id)
			addon.EnsureTick()
			if client == nil then
				local message
				client, message = realtime.Default()
				if not client then return nil, message end
			elseif not istable(client) or getmetatable(client) ~= FindMetaTable("RealtimeClient") then
				error("bad argument #1 to '" .. name .. "' (client expected, got " .. type(client) .. ")", 2)
			elseif not client:IsValid() then
				error("'" .. name .. "' for a closed client; make a new one with realtime.Connect", 2)
			end
			id = id == nil and realtime.ServerId() or id
			if not addon.IsId(id) then
				error("bad argument #2 to '" .. name .. "' (a server's id: 1 to 64 letters, digits, '_', '.' or '-')", 2)
			end
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
