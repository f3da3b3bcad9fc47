-- The entry point, and the owner's configuration.
local realtime = assert(include("realtime/load.lua"))

return {
	groupName = "realtime: loading and configuration",

	cases = {
		{
			name = "However often it is loaded, there is one table",
			func = function()
				local connect, default = realtime.Connect, realtime.Default
				local again, message = include("realtime/load.lua")
				expect(again == realtime).to.beTrue()
				expect(message).to.beNil()
				require("realtime")
				expect(_G.realtime == realtime).to.beTrue()
				expect(realtime.Connect == connect).to.beTrue()
				expect(realtime.Default == default).to.beTrue()
			end,
		},
		{
			name = "Module and addon have versions",
			func = function()
				expect(string.match(realtime.VERSION, "^%d+%.%d+%.%d+$")).to.exist()
				expect(string.match(realtime.ADDON_VERSION, "^%d+%.%d+%.%d+$")).to.exist()
			end,
		},
		{
			name = "All addons get one client",
			func = function()
				local client = realtime.Default()
				expect(client).to.beValid()
				expect(realtime.Default() == client).to.beTrue()
				expect(table.HasValue(realtime.Clients(), client)).to.beTrue()
			end,
		},
		{
			name = "The configured Redis answers",
			func = function()
				local err, reply = realtime.Default():CommandSync({ "PING" })
				expect(err).to.beNil()
				expect(reply).to.equal("PONG")
			end,
		},
		{
			name = "The id is that of data/realtime.json, or random",
			func = function()
				local config = util.JSONToTable(file.Read("realtime.json", "DATA"))
				local id, named = realtime.ServerId()
				expect(named).to.equal((config.id or "") ~= "")
				expect(id == config.id).to.equal(named)
				expect(string.match(id, "^[%w_.-]+$")).to.equal(id)
			end,
		},
		{
			name = "The helpers are made once for a client and an id",
			func = function()
				expect(realtime.Tables() == realtime.Tables(realtime.Default(), (realtime.ServerId()))).to.beTrue()
				expect(realtime.Requests() == realtime.Requests()).to.beTrue()
				expect(realtime.Tables():Id()).to.equal((realtime.ServerId()))
			end,
		},
		{
			name = "An invalid id raises",
			func = function()
				local function tables() return realtime.Tables(realtime.Default(), "a b") end
				expect(tables).to.err()
			end,
		},
	},
}
