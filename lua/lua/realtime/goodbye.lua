-- The end of the Lua state. The module calls the function here after all ShutDown hooks, so that nothing which they
-- do is missed, and none of them can prevent it.
return function(realtime, addon)
	-- Messages, jobs and documents are given back before another server may have the players; this server counts as
	-- up until all of that is sent.
	local ORDER = { "Durable", "Once", "Profiles", "Players", "Presence" }
	local goodbyes = {} -- helper → object → function
	for _, helper in ipairs(ORDER) do goodbyes[helper] = {} end
	addon.goodbyes = goodbyes

	-- fn() sends the last messages of an object, whose answers are not received. It must not use the game, files, or
	-- other modules, which may be gone; do that in a ShutDown hook.
	function addon.AddGoodbye(helper, object, fn) goodbyes[helper][object] = fn end
	function addon.RemoveGoodbye(helper, object) goodbyes[helper][object] = nil end

	realtime.OnClose(function()
		addon.Protect(addon.End)
		for _, helper in ipairs(ORDER) do
			for _, fn in pairs(goodbyes[helper]) do addon.Protect(fn) end
		end
	end)
end
