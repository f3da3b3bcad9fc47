-- Documents of players: one for each player, which one server holds at a time.
return function(realtime, addon)
	local methods = {}
	local opening, saving, renewing = addon.profiles_opening, addon.profiles_saving, addon.profiles_renewing
	local SysTime, format = SysTime, string.format
	local SECONDS = 60 -- until Open gives up, unless its caller says otherwise: longer than any lease
	local SAVE_SECONDS = 10 -- until a save without an answer is reported as TIMEOUT
	local HOLD, MOST_HOLD = 120, opening.MOST_HOLD -- seconds that a server keeps a document for a player who is on the way to it
	local BUDGET = 0.002 -- seconds of a tick for checking documents for changes
	local NAMED = 10 -- how many players a console line names
	local NO_BOTS = "a bot has no profile"
	local EVENTS = { taken = true, saving = true }
	local SCRIPTS = { "profiles_open", "profiles_save", "profiles_renew" }

	function methods:Name() return self.name end
	function methods:Id() return self.id end

	local function check_function(name, position, fn)
		if fn ~= nil and not isfunction(fn) then
			error(format("bad argument #%d to '%s' (function expected, got %s)", position, name, type(fn)), 3)
		end
	end

	local function is_seconds(value, most) return isnumber(value) and value > 0 and value <= most end

	-- `known`: option → what is wrong with a value, or nil.
	local function check_options(name, position, options, known)
		if options == nil then return {} end
		local function wrong(what) error(format("bad argument #%d to '%s' (%s)", position, name, what), 4) end
		if not istable(options) then wrong("a table of options expected, got " .. type(options)) end
		for key, value in pairs(options) do
			if not known[key] then wrong('there is no option "' .. tostring(key) .. '"; there is ' .. table.concat(table.GetKeys(known), ", ")) end
			local reason = known[key](value)
			if reason then wrong(key .. ": " .. reason) end
		end
		return options
	end
	local OPEN = { timeout = function(value) return not is_seconds(value, 86400) and "seconds above 0 expected, a day at most" or nil end }
	local CLOSE = {
		to = function(value) return not addon.IsId(value) and "a server's id expected" or nil end,
		hold = function(value) return not is_seconds(value, MOST_HOLD) and "seconds above 0 expected, " .. MOST_HOLD .. " at most" or nil end,
	}
	local function is_function(value) return not isfunction(value) and "function expected" or nil end
	local STORAGE = { load = is_function, save = is_function }

	local function not_open(self, id)
		return false, addon.Error("NOTOPEN", format('the profile "%s" of %s is not open on this server', self.name, id), false)
	end

	-- A document that is open here.
	local function find(self, id)
		local profile = self.profiles[id]
		if profile and profile.state == "open" then return profile end
	end

	-- Opens a player's document: fn(err, data), with data nil if there is none yet. Returns the same as
	-- client:Command.
	function methods:Open(ply, options, fn)
		if isfunction(options) and fn == nil then options, fn = nil, options end
		if addon.IsBot(ply) then return addon.RefuseBot(NO_BOTS) end
		local id = addon.SteamID64("Open", 1, ply)
		options = check_options("Open", 2, options, OPEN)
		if not isfunction(fn) then error("bad argument to 'Open' (a function expected after the player, or after the options; got " .. type(fn) .. ")", 2) end
		if not self.client:IsValid() then return false, addon.Error("CLOSED", "the client was closed", false) end
		addon.EnsureTick()
		local profile = self.profiles[id] or opening.Begin(self, id)
		local seconds = options.timeout or SECONDS
		table.insert(profile.openers, { fn = fn, owner = ply, seconds = seconds, deadline = SysTime() + seconds })
		return true
	end

	-- The data of a document that is open here, from Open or Save; otherwise nil.
	function methods:Get(ply)
		if addon.IsBot(ply) then return end
		local profile = find(self, addon.SteamID64("Get", 1, ply))
		return profile and profile.data
	end

	-- Takes new data, or checks the present ones. Raises for data without a form in JSON.
	local function take(name, profile, data)
		local text, reason
		if data == nil then
			reason = saving.Refresh(profile)
		elseif data == realtime.NULL then
			reason = "realtime.NULL is not a document"
		else
			text, reason = addon.json.Encode(data, opening.DOCUMENT)
		end
		if reason then error(format("'%s' of the profile \"%s\": %s", name, profile.parent.name, reason), 3) end
		if text then profile.data, profile.text, profile.problem = data, text, nil end
	end

	local function caller_of(fn) return { fn = fn, deadline = SysTime() + SAVE_SECONDS } end

	-- Saves a document that is open here: fn(err) once Redis has it. Without data, changes since the last save are
	-- saved.
	function methods:Save(ply, data, fn)
		if isfunction(data) and fn == nil then data, fn = nil, data end
		if addon.IsBot(ply) then return addon.RefuseBot(NO_BOTS) end
		local id = addon.SteamID64("Save", 1, ply)
		check_function("Save", 3, fn)
		local profile = find(self, id)
		if not profile then return not_open(self, id) end
		take("Save", profile, data)
		table.insert(profile.callers, caller_of(fn))
		if self.is_shutting_down then saving.StoreLast(profile) end
		return true
	end

	-- Saves it, and releases it: fn(err) once no server holds it. options: `to`, the id of a server that the player
	-- is sent to, and `hold`.
	function methods:Close(ply, data, options, fn)
		if isfunction(data) and options == nil and fn == nil then
			data, fn = nil, data
		elseif isfunction(options) and fn == nil then
			options, fn = nil, options
		end
		if addon.IsBot(ply) then return addon.RefuseBot(NO_BOTS) end
		local id = addon.SteamID64("Close", 1, ply)
		options = check_options("Close", 3, options, CLOSE)
		check_function("Close", 4, fn)
		local profile = find(self, id)
		if not profile then return not_open(self, id) end
		take("Close", profile, data)
		-- Another addon opened it for a player who is still here: it stays open.
		if not isentity(ply) and not options.to and opening.IsPlayers(profile) then
			table.insert(profile.callers, caller_of(fn))
		else
			saving.Close(profile, { to = options.to, hold = math.ceil(options.hold or HOLD) })
			table.insert(profile.closers, caller_of(fn))
		end
		if self.is_shutting_down then saving.StoreLast(profile) end
		return true
	end

	-- event: "taken" or "saving".
	function methods:On(event, identifier, fn, ...)
		if not EVENTS[event] then error('bad argument #1 to \'On\' ("taken" or "saving" expected)', 2) end
		local is_unnamed
		identifier, fn, is_unnamed = addon.IdentifierAndFunction("On", 2, identifier, fn, ...)
		if is_unnamed then
			addon.NotePlace(self.places, event .. " " .. identifier, 2, fn, "On", function(before)
				return format('this callback replaces that of line %d: without an identifier a file has one callback for the event "%s" of a ' ..
					'profile. To keep both, write profiles:On("%s", "an identifier", …)', before.line, event, event)
			end)
		end
		self.listeners[event][identifier] = fn
	end
	function methods:Off(event, identifier)
		if not EVENTS[event] then error('bad argument #1 to \'Off\' ("taken" or "saving" expected)', 2) end
		identifier = addon.Identifier("Off", 2, identifier)
		self.places[event .. " " .. identifier] = nil
		self.listeners[event][identifier] = nil
	end

	local function in_order(self)
		local list = {}
		for _, profile in pairs(self.profiles) do list[#list + 1] = profile end
		table.sort(list, function(a, b) return a.order < b.order end)
		return list
	end

	-- Whether an open document has nothing to do.
	local function rests(profile, now)
		return profile.state == "open" and now < profile.autosave_at and not profile.flight and not profile.callers[1]
			and not profile.openers[1] and not profile.is_leaving and profile.text == profile.saved
	end

	local function tick(self, now)
		if not self.client:IsValid() then return self.close() end
		self.is_shutting_down = false
		local due
		for _, profile in pairs(self.profiles) do
			if not rests(profile, now) then
				due = due or {}
				due[#due + 1] = profile
			end
		end
		if due then
			table.sort(due, function(a, b) return a.order < b.order end)
			local stop = SysTime() + BUDGET
			for _, profile in ipairs(due) do
				opening.Expire(profile, now)
				if profile.state == "opening" or profile.state == "loading" then
					opening.Tick(profile, now)
				elseif profile.state ~= "ended" then
					saving.Tick(profile, now, stop)
				end
			end
		end
		renewing.Tick(self, now)
	end

	-- The player leaves. Changes that other hooks still make to the document count: it is released with the next
	-- tick.
	local function left(self, ply)
		for _, profile in ipairs(in_order(self)) do
			local others = {}
			for _, opener in ipairs(profile.openers) do
				if opener.owner ~= ply then others[#others + 1] = opener end
			end
			profile.openers = others
			if profile.state == "open" and profile.owner == ply then
				saving.Refresh(profile)
				profile.is_leaving = true
			end
		end
	end

	-- The hook ShutDown: players, addons' listeners, and the module of the addon's own storage may be gone later.
	local function shut_down(self)
		if not self.client:IsValid() then return end
		self.is_shutting_down = true
		for _, profile in ipairs(in_order(self)) do
			if profile.state == "open" then saving.Refresh(profile) end
			saving.StoreLast(profile)
		end
	end

	-- The Lua state ends: everything is saved and released immediately.
	local function finish(self)
		if not self.client:IsValid() then return end
		local unsaved = {}
		for _, profile in ipairs(in_order(self)) do
			if not saving.Finish(profile) then unsaved[#unsaved + 1] = profile.id end
		end
		if not unsaved[1] then return end
		local more = #unsaved > NAMED and format(" and %d more", #unsaved - NAMED) or ""
		addon.Say(format('profile "%s": the map ended before the last changes of these were saved: %s%s', self.name,
			table.concat(unsaved, ", ", 1, math.min(#unsaved, NAMED)), more))
	end

	local meta = addon.Meta("Profiles", methods)
	function meta.__tostring(self) return "RealtimeProfiles [" .. self.name .. "]" end
	local made = setmetatable({}, { __mode = "k" }) -- client → id and name → object
	addon.profiles_made = made

	local function create(name, client, id)
		local self = setmetatable({
			name = name, client = client, id = id, channel = "realtime:profiles:{" .. name .. "}", prefix = realtime.RandomToken():sub(1, 16),
			profiles = {}, begun = 0, renew_at = 0, places = {}, listeners = { taken = {}, saving = {} },
		}, meta)
		local identifier = "realtime.Profiles " .. id .. " " .. name
		client:Subscribe(self.channel, identifier, function(message) renewing.Hear(self, message) end, { max_bytes = 256 })
		client:On("ready", identifier, function() self.renew_at = 0 end)
		hook.Add("PlayerDisconnected", identifier, function(ply) left(self, ply) end)
		hook.Add("ShutDown", identifier, function() shut_down(self) end)
		addon.AddGoodbye("Profiles", self, function() finish(self) end)
		function self.close()
			addon.RemoveTask(self)
			hook.Remove("PlayerDisconnected", identifier)
			hook.Remove("ShutDown", identifier)
			addon.RemoveGoodbye("Profiles", self)
			self.forget()
			local closed = addon.Error("CLOSED", "the client was closed", true)
			local profiles = in_order(self)
			self.profiles = {}
			for _, profile in ipairs(profiles) do
				profile.state = "ended"
				opening.Answer(profile, closed)
				saving.AnswerAll(profile, closed)
			end
		end
		addon.AddTask(self, function(now) tick(self, now) end)
		return self
	end

	-- For realtime_status.
	function addon.ShowProfiles(say, client)
		for _, self in SortedPairs(made[client] or {}) do
			local counts = { open = 0, opening = 0, closing = 0 }
			for _, profile in pairs(self.profiles) do
				local shown = counts[profile.state] and profile.state or profile.state == "loading" and "opening" or "open"
				counts[shown] = counts[shown] + 1
			end
			say("    profiles       %s: %d open, %d are being opened, %d are being saved and closed", self.name, counts.open, counts.opening,
				counts.closing)
		end
	end

	-- Documents of players, each held by one server at a time. options: `load` and `save`, the addon's own storage.
	function realtime.Profiles(name, options, client, id)
		addon.CheckDot("Profiles", name)
		if not addon.IsId(name) then
			error("bad argument #1 to 'Profiles' (a name: 1 to 64 letters, digits, '_', '.' or '-')", 2)
		end
		local position = 3
		if istable(options) and getmetatable(options) == FindMetaTable("RealtimeClient") then
			options, client, id, position = nil, options, client, 2
		end
		options = check_options("Profiles", 2, options, STORAGE)
		if (options.load == nil) ~= (options.save == nil) then
			error("bad argument #2 to 'Profiles' (storage of your own needs both, load and save)", 2)
		end
		local is_named = id ~= nil or select(2, realtime.ServerId())
		client, id = addon.ClientAndId("Profiles", position, client, id)
		if not client then return nil, id end
		if not is_named then
			return nil, 'this server has no id of its own, by which others could see who has a profile: write "id" into garrysmod/data/realtime.json'
		end
		for _, script in ipairs(SCRIPTS) do
			local text, reason = addon.ScriptText(script)
			if not text then return nil, reason end
		end
		made[client] = made[client] or {}
		local place = id .. " " .. name
		local self = made[client][place]
		if not self then
			self = create(name, client, id)
			self.forget = function() made[client][place] = nil end
			made[client][place] = self
		elseif options.load and not self.storage then
			error("'Profiles': \"" .. name .. '" exists already, and is kept in Redis: the first call has to give load and save', 2)
		end
		if options.load then self.storage = { load = options.load, save = options.save } end
		return self
	end
end
