-- The console commands. They run by concommand.Run here, because the engine's own queue would run them later.
local realtime = assert(include("realtime/load.lua"))
local client = assert(realtime.Default())

local function type_in(name, ...)
	concommand.Run(NULL, name, { ... }, table.concat({ ... }, " "))
end

return {
	groupName = "realtime: console commands",

	-- Collects the output in `state.lines` instead of the console.
	beforeEach = function(state)
		state.lines = {}
		stub(_G, "print").with(function(line)
			state.lines[#state.lines + 1] = line
			if state.heard then state.heard(line) end
		end)
		function state.text() return table.concat(state.lines, "\n") end
		state.channel = string.format("realtime:tests:%s:%d", realtime.ServerId(), SysTime() * 1e6)
	end,

	cases = {
		{
			name = "realtime_status shows the server's id and every client",
			func = function(state)
				type_in("realtime_status")
				expect(string.find(state.text(), 'this server is "' .. realtime.ServerId() .. '"', 1, true)).to.exist()
				expect(string.find(state.text(), "realtime.Default", 1, true)).to.exist()
				expect(string.find(state.text(), "round trip", 1, true)).to.exist()
			end,
		},
		{
			name = "realtime_ping shows the milliseconds",
			async = true,
			func = function(state)
				state.heard = function(line)
					if not string.find(line, "realtime.Default", 1, true) then return end
					expect(string.match(line, "%d+%.%d%d ms$")).to.exist()
					done()
				end
				type_in("realtime_ping")
			end,
		},
		{
			name = "realtime_tail shows messages, without control characters",
			async = true,
			func = function(state)
				state.heard = function(line)
					if not string.find(line, "[" .. state.channel .. "]", 1, true) then return end
					expect(line).to.equal("[" .. state.channel .. "] a bell \\x07")
					done()
				end
				type_in("realtime_tail", state.channel)
				client:Publish(state.channel, "a bell \7")
			end,
			cleanup = function(state) type_in("realtime_tail", state.channel) end,
		},
		{
			name = "realtime_tail of the same channel stops it",
			async = true,
			func = function(state)
				type_in("realtime_tail", state.channel)
				expect(state.text()).to.equal("showing " .. state.channel .. "; realtime_tail " .. state.channel .. " ends it")
				type_in("realtime_tail", state.channel)
				expect(state.lines[2]).to.equal(state.channel .. " is no longer shown")
				client:Subscribe(state.channel, function(message)
					if message ~= "last" then return end
					expect(#state.lines).to.equal(2)
					done()
				end)
				client:Publish(state.channel, "first")
				client:Publish(state.channel, "last")
			end,
			cleanup = function(state) client:Unsubscribe(state.channel) end,
		},
		{
			name = "realtime_debug without an argument shows its usage",
			func = function(state)
				type_in("realtime_debug")
				expect(state.text()).to.equal("usage: realtime_debug 1, or realtime_debug 0")
			end,
		},
		{
			name = "A player who is not a superadmin is refused, in the player's console",
			func = function(state)
				local player = { IsValid = function() return true end, IsSuperAdmin = function() return false end }
				local told = stub(player, "PrintMessage")
				concommand.Run(player, "realtime_status", {}, "")
				expect(told.callCount).to.equal(1)
				expect(told.callHistory[1][3]).to.equal("realtime_status is for superadmins")
				expect(#state.lines).to.equal(0)
			end,
		},
	},
}
