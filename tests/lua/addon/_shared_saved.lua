-- A file of an addon that is saved again and again. `saved` is the test's.
local shared = realtime.Shared(saved.name, { snapshot = true }, saved.client, "saved")
shared:On("changed", function() saved.told = saved.told + 1 end)
