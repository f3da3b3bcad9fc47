-- A file of an addon that is saved again and again. `ran`: how often each part of it ran.
ran = ran or {}
local function count(name) ran[name] = (ran[name] or 0) + 1 end

realtime.After(0.05, function() count("unnamed After") end)
realtime.After(0.05, function() count("unnamed After") end)
realtime.After(0.05, "saved.after", function() count("After") end)
realtime.Every(0.05, "saved.every", function() count("Every " .. tostring(generation)) end)
realtime.Async(function()
	realtime.Sleep(0.05)
	count("unnamed Async")
end)
realtime.Async("saved.async", function()
	realtime.Sleep(0.05)
	count("Async")
end)
