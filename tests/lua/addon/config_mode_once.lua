-- unix
-- Other users of the machine may not read the password in data/realtime.json, whoever wrote the file.

local native = include("../_native.lua")

local FILE = "garrysmod/data/realtime.json"

include("_steps.lua")({
	{
		name = "the template that is written at the first start",
		check = function(said)
			said("wrote garrysmod/data/realtime.json")
			assert(native.rights(FILE):find("^%d%d0$"), native.rights(FILE))
		end,
	},
	{
		name = "a file that the owner put there",
		before = function()
			host.put("data/realtime.json", '{ "id": "ttt-1" }')
			native.set_rights(FILE, (6 * 8 + 4) * 8 + 4)
		end,
		check = function(said)
			assert(native.rights(FILE) == "640", native.rights(FILE))
			assert(not said():find("everybody on this machine", 1, true), said())
		end,
	},
})
