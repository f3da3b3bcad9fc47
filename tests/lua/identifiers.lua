-- servers: fake, real
-- A missing identifier stands for the calling Lua file, for every way of calling.

local kit = include("_kit.lua")
local a, b = include("_file_a.lua"), include("_file_b.lua")

-- Everything in flight at the call has ended when this returns.
local function fence(client)
	local done = false
	client:Ping(function() done = true end)
	kit.wait("a PING", function() return done end)
end

-- In every way: file a's new callback replaces its old one, b's stays, and a removes only its own.
local function check(put, remove, topic, fire)
	local client = kit.ready()
	for way in pairs(a) do
		local old, new, beside, what = kit.recorder(), kit.recorder(), kit.recorder(), put .. " through " .. way
		a.directly(client, put, topic, old.fn)
		b[way](client, put, topic, beside.fn)
		a[way](client, put, topic, new.fn)
		fire(client, topic)
		kit.wait(what, function() return #new == 1 and #beside == 1 end)
		kit.eq(#old, 0, what .. ": calls of the twin")
		a[way](client, remove, topic)
		fire(client, topic)
		kit.wait(what .. ", the other file's", function() return #beside == 2 end)
		fence(client)
		kit.eq(#new, 1, remove .. " through " .. way .. ": calls of what was removed")
		b.directly(client, remove, topic)
	end
	client:Disconnect()
end

local function publish(client, topic) kit.publish(client, topic, "x") end

host.test("Subscribe and Unsubscribe", function() check("Subscribe", "Unsubscribe", kit.unique("files"), publish) end)
host.test("PSubscribe and PUnsubscribe", function() check("PSubscribe", "PUnsubscribe", kit.unique("files"), publish) end)

host.test("On and Off", function()
	check("On", "Off", "error", function(client)
		client:Command({ "NOSUCHCOMMAND" })
		fence(client)
	end)
end)
