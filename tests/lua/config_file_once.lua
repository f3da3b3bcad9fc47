-- unix
-- The permissions of data/realtime.json, which contains a password.

local kit = include("_kit.lua")
local native = include("_native.lua")

local FILE = "garrysmod/data/realtime.json"
local R, W, X = 4, 2, 1

-- The number for chmod, from the permissions of owner, group and others.
local function mode(owner, group, others) return (owner * 8 + group) * 8 + others end

host.test("without the file there is nothing to take", function()
	assert(native.rights(FILE) == nil, "there is one")
	kit.eq({ realtime.RestrictConfig() }, { true })
	assert(native.rights(FILE) == nil, "it was made")
end)

host.test("others lose every right, owner and group none", function()
	file.Write("realtime.json", "{}")
	file.Write("other.json", "{}")
	native.set_rights("garrysmod/data/other.json", mode(R + W, R, R))
	for _, others in ipairs({ 0, R, W, X, R + W + X }) do
		for _, rights in ipairs({ { R + W, R }, { R + W + X, R + W + X }, { R, 0 } }) do
			native.set_rights(FILE, mode(rights[1], rights[2], others))
			kit.eq({ realtime.RestrictConfig() }, { true })
			kit.eq(native.rights(FILE), string.format("%d%d0", rights[1], rights[2]))
		end
	end
	kit.eq(native.rights("garrysmod/data/other.json"), "644")
	kit.eq(file.Read("realtime.json", "DATA"), "{}")
end)

host.test("a path that is given changes no other file", function()
	native.set_rights("garrysmod/data/other.json", mode(R + W, R, R))
	kit.eq({ realtime.RestrictConfig("garrysmod/data/other.json") }, { true })
	kit.eq(native.rights("garrysmod/data/other.json"), "644")
end)

host.test("what the system refuses is told", function()
	native.unlink(FILE)
	native.link("realtime.json", FILE)
	local restricted, reason = realtime.RestrictConfig()
	kit.eq(restricted, nil)
	assert(reason:find("^cannot remove the permissions of other users on " .. string.PatternSafe(FILE) .. ": %u"), reason)
	native.unlink(FILE)
	file.CreateDir("realtime.json")
	restricted, reason = realtime.RestrictConfig()
	kit.eq(restricted, nil)
	assert(reason:find("it is not a file", 1, true), reason)
end)
