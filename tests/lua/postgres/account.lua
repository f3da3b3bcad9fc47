-- Accounts for every message: another client publishes numbers in order, while connections are cut, the server restarts and stalls, and the
-- main thread stalls. Each number arrives once and in order, or a `gap` or a `dropped` covers it; each statement is answered once, and run
-- at most once.

local kit = include("../_kit.lua")

if not realtime.FEATURES.postgres then
	host.run(function() host.exit(0) end)
	return
end

local BATCH, BATCHES = 500, 12 -- messages at a time, and how often something happens

host.test("whatever happens to the server, no number is missing without a word", function()
	host.server.sql("CREATE TABLE account (n int)")
	local client = realtime.Connect(host.redis_url, {
		reconnect_max = 0.1, ping_interval = 0.5, ping_timeout = 1, queue_events = 2000, command_timeout = kit.PATIENCE,
	})
	local last, missing, in_gaps, dropped, gaps, has_gap, problem = 0, 0, 0, 0, 0, false, nil
	client:Subscribe("numbers", function(message)
		local number = tonumber(message)
		if number <= last then problem = problem or number .. " came after " .. last end
		missing = number - last - 1
		if missing > 0 and missing ~= dropped and not has_gap then problem = problem or missing .. " are missing before " .. number end
		if missing > dropped then in_gaps = in_gaps + missing - dropped end
		last, dropped, has_gap = number, 0, false
	end)
	client:On("dropped", function(info) dropped = dropped + info.count end)
	client:On("gap", function() gaps, has_gap = gaps + 1, true end)
	client:On("down", function() end)
	kit.wait("ready", function() return client:IsConnected() and client:Stats().confirmed == 1 end)

	local published, asked, answers = 0, 0, {}
	local function publish()
		host.server.sql(string.format("SELECT count(pg_notify('numbers', n::text)) FROM generate_series(%d, %d) AS n", published + 1, published + BATCH))
		published = published + BATCH
	end
	local function ask()
		asked = asked + 1
		local number = asked
		assert(client:Command({ "INSERT INTO account VALUES ($1)", number }, function(err)
			if answers[number] ~= nil then problem = problem or "two answers to " .. number end
			answers[number] = err or false
			if err and not err.sent then problem = problem or tostring(err) end
		end))
	end
	local faults = {
		function() host.server.drop() end,
		function()
			host.server.stop()
			host.server.start()
		end,
		function() host.block(0.3) end, -- the main thread stands still
		function()
			host.server.pause()
			kit.wait("the loss", function() return not client:IsConnected() end)
			host.server.resume()
		end,
	}
	for batch = 1, BATCHES do
		publish()
		for _ = 1, 5 do ask() end
		faults[batch % #faults + 1]()
		publish()
		kit.wait("ready again", function() return client:IsConnected() end)
	end
	-- The last ones come on a connection that stays.
	kit.wait("the last number", function()
		if last == published then return true end
		if client:IsConnected() then publish() end
	end)
	kit.wait("every answer", function() return table.Count(answers) == asked end)
	kit.eq(problem, nil)
	assert(gaps > 0 and in_gaps > 0, "something was lost")

	local times = {}
	local err, rows = client:CommandSync({ "SELECT n, count(*) AS times FROM account GROUP BY n" }, kit.PATIENCE)
	kit.eq(err, nil)
	for _, row in ipairs(rows) do times[row.n] = row.times end
	for number = 1, asked do
		local count = times[number] or 0
		assert(answers[number] and count <= 1 or not answers[number] and count == 1, number .. " ran " .. count .. " times: " .. tostring(answers[number]))
	end
	client:Disconnect()
end)
