-- On and Off for objects with events of their own, and callbacks that wait for the next tick.
return function(_, addon)
	local format = string.format

	-- Gives objects On and Off. `object`: the name of one of them in a hint. `names`: the events. `place`:
	-- the words after the event's name in that hint, such as " of a table", or "". added(self, event,
	-- identifier, fn), if there is one, runs after On.
	function addon.AddEvents(methods, object, names, place, added)
		local known, quoted = {}, {}
		for i, name in ipairs(names) do known[name], quoted[i] = true, '"' .. name .. '"' end
		local expected = table.concat(quoted, ", ", 1, #quoted - 1) .. " or " .. quoted[#quoted] .. " expected"

		-- Adds a callback for an event, under an identifier, or under the calling file.
		function methods:On(event, identifier, fn, ...)
			if not known[event] then error("bad argument #1 to 'On' (" .. expected .. ")", 2) end
			local is_unnamed
			identifier, fn, is_unnamed = addon.IdentifierAndFunction("On", 2, identifier, fn, ...)
			if is_unnamed then
				addon.NotePlace(self.places, event .. " " .. identifier, 2, fn, "On", function(before)
					return format('this callback replaces that of line %d: without an identifier a file has one callback for the event "%s"%s. ' ..
						'To keep both, write %s:On("%s", "an identifier", …)', before.line, event, place, object, event)
				end)
			end
			self.listeners[event][identifier] = fn
			if added then added(self, event, identifier, fn) end
		end
		function methods:Off(event, identifier)
			if not known[event] then error("bad argument #1 to 'Off' (" .. expected .. ")", 2) end
			identifier = addon.Identifier("Off", 2, identifier)
			self.places[event .. " " .. identifier] = nil
			self.listeners[event][identifier] = nil
		end
	end

	-- Calls the current listeners of an event. arguments(): returns new arguments for each of them.
	function addon.Tell(self, event, arguments)
		local listeners = {}
		for _, fn in pairs(self.listeners[event]) do listeners[#listeners + 1] = fn end
		for _, fn in ipairs(listeners) do addon.Protect(fn, arguments()) end
	end

	-- Calls fn in the next tick: no callback runs inside the call that registered it.
	function addon.Soon(self, fn) self.soon[#self.soon + 1] = fn end

	function addon.RunSoon(self)
		if #self.soon == 0 then return end
		local list = self.soon
		self.soon = {}
		for _, fn in ipairs(list) do addon.Protect(fn) end
	end
end
