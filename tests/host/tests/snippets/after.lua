-- Runs after a block of the documentation: its clients finish, or fail.
local check = ...
local PATIENCE = 20

host.run(function()
	if check then check() end
	for _, client in ipairs(realtime.Clients()) do
		host.wait(function()
			return not client:IsValid() or (client:IsConnected() and client:Stats().pending == 0)
		end, PATIENCE, "answers for " .. tostring(client))
	end
	host.pass(5)
	host.exit(0)
end)
