-- GLuaTest's stubs: stub(table, key) replaces the field and counts its calls; stub() stands alone. Makes `stub`, and
-- a function that restores everything.
return function()
	local stubs = {}

	local function stub(t, key)
		local original, behaviour = t and t[key], nil
		local made = { IsStub = true, callCount = 0, callHistory = {}, restored = false }

		function made:Restore()
			if self.restored then return end
			self.restored = true
			if t then t[key] = original end
		end

		local function set(fn)
			if behaviour then error("Stub already set", 3) end
			behaviour = fn
			return made
		end
		function made.with(fn) return set(fn) end
		function made.returns(...)
			local values, count = { ... }, select("#", ...)
			return set(function() return unpack(values, 1, count) end)
		end
		function made.returnsSequence(values, default)
			return set(function()
				local value = values[made.callCount]
				if value == nil then return default end
				return value
			end)
		end

		setmetatable(made, {
			__call = function(_, ...)
				made.callCount = made.callCount + 1
				made.callHistory[made.callCount] = { ... }
				if behaviour then return behaviour(...) end
			end,
			__tostring = function() return "stub" .. (original and " (" .. tostring(key) .. ")" or "") end,
		})
		if t then t[key] = made end
		stubs[#stubs + 1] = made
		return made
	end

	-- The last one first: of two stubs for one key, the first has the original value.
	local function restore()
		for i = #stubs, 1, -1 do stubs[i]:Restore() end
	end
	return stub, restore
end
