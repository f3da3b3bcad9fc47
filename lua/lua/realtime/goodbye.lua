-- The end of the Lua state. The module calls the function here after all ShutDown hooks, so that nothing which they do is missed, and
-- none of them can prevent it.
return function(realtime, addon)
	-- Messages, jobs and documents are given back before another server may have the players; this one is up until all that is out.
	local ORDER = { "Durable", "Once", "Profiles", "Players", "Presence" }
	local goodbyes = {} -- helper → object → function
	for _, helper in ipairs(ORDER) do goodbyes[helper] = {} end
	addon.goodbyes = goodbyes

	-- fn() sends the last words of an object, for which nobody hears an answer. It must not ask the game, files, or other modules for
	-- anything: these may be gone. What needs them is done in a ShutDown hook.
	function addon.AddGoodbye(helper, object, fn) goodbyes[helper][object] = fn end
	function addon.RemoveGoodbye(helper, object) goodbyes[helper][object] = nil end

	realtime.OnClose(function()
		addon.Protect(addon.End)
		for _, helper in ipairs(ORDER) do
			for _, fn in pairs(goodbyes[helper]) do addon.Protect(fn) end
		end
	end)
end
