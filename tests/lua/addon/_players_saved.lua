-- A file of an addon that is saved again and again. `saved` is the test's.
local players = realtime.Players(saved.client, "saved")
players:Answer("gift", function(_, _, _, reply)
	saved.gifts = saved.gifts + 1
	reply(nil, true)
end)
players:On("joined", function() saved.joined = saved.joined + 1 end)
local wallets = realtime.Profiles(saved.name, saved.client, "saved")
wallets:On("saving", function() saved.saving = saved.saving + 1 end)
realtime.Once(saved.name, function() saved.jobs = saved.jobs + 1 end, nil, saved.client, "saved")
