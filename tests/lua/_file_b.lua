-- A file of an addon. Calls a method in every way in which a script can; its twin is _file_a.lua.

return {
	directly = function(client, method, ...) client[method](client, ...) end,
	pcall = function(client, method, ...) assert(pcall(client[method], client, ...)) end,
	["a function under pcall"] = function(client, method, ...)
		assert(pcall(function(...) client[method](client, ...) end, ...))
	end,
	["a coroutine"] = function(client, method, ...)
		coroutine.wrap(function(...) client[method](client, ...) end)(...)
	end,
	["a coroutine that yielded"] = function(client, method, ...)
		local resume = coroutine.wrap(function(...) coroutine.yield() client[method](client, ...) end)
		resume(...)
		resume()
	end,
	["a timer"] = function(client, method, ...)
		local arguments, done = { ... }, false
		timer.Simple(0, function() client[method](client, unpack(arguments)) done = true end)
		host.wait(function() return done end)
	end,
}
