-- Requests. Two ids stand for two servers.
local realtime = assert(include("realtime/load.lua"))
local client = assert(realtime.Default())

-- No other server that runs these tests uses them.
local PREFIX = "tests-" .. util.CRC(realtime.ServerId())
local one, two = realtime.Requests(client, PREFIX .. "-one"), realtime.Requests(client, PREFIX .. "-two")

return {
	groupName = "realtime: requests",

	afterEach = function() two:Answer("tests", nil) end,

	cases = {
		{
			name = "A request is answered",
			async = true,
			func = function()
				two:Answer("tests", function(data, from, reply)
					expect(data).to.deepEqual({ map = "gm_flatgrass" })
					expect(from).to.equal(one:Id())
					reply(nil, { players = 7 })
				end)
				one:Ask(two:Id(), "tests", { map = "gm_flatgrass" }, function(err, answer)
					expect(err).to.beNil()
					expect(answer).to.deepEqual({ players = 7 })
					done()
				end)
			end,
		},
		{
			name = "An answer may come later, and only once",
			async = true,
			func = function()
				local again
				two:Answer("tests", function(_, _, reply)
					timer.Simple(0, function()
						reply(nil, "first")
						again = reply(nil, "second")
					end)
				end)
				one:Ask(two:Id(), "tests", nil, function(err, answer)
					expect(err).to.beNil()
					expect(answer).to.equal("first")
					expect(again).to.beFalse()
					done()
				end)
			end,
		},
		{
			name = "A text is an error, and arrives as one",
			async = true,
			func = function()
				two:Answer("tests", function(_, _, reply) reply("not now") end)
				one:Ask(two:Id(), "tests", nil, function(err, answer)
					expect(tostring(err)).to.equal("ERROR: not now")
					expect(answer).to.beNil()
					done()
				end)
			end,
		},
		{
			name = "An error's code arrives",
			async = true,
			func = function()
				two:Answer("tests", function(_, _, reply) reply({ code = "FULL", message = "no seat" }) end)
				one:Ask(two:Id(), "tests", nil, function(err)
					expect(err.code).to.equal("FULL")
					expect(err.message).to.equal("no seat")
					done()
				end)
			end,
		},
		{
			name = "A missing server is NOBODY",
			async = true,
			func = function()
				one:Ask(PREFIX .. "-nobody", "tests", nil, function(err)
					expect(err.code).to.equal("NOBODY")
					done()
				end)
			end,
		},
		{
			name = "An unknown request is UNKNOWN",
			async = true,
			func = function()
				one:Ask(two:Id(), "tests of another kind", nil, function(err)
					expect(err.code).to.equal("UNKNOWN")
					done()
				end)
			end,
		},
		{
			name = "Without an answer in time the error is TIMEOUT, and a late answer is ignored",
			async = true,
			func = function()
				local calls, late = 0, nil
				two:Answer("tests", function(data, _, reply)
					if data == "the next" then return reply(nil, "known") end
					late = reply
				end)
				one:Ask(two:Id(), "tests", "the first", function(err)
					calls = calls + 1
					expect(err.code).to.equal("TIMEOUT")
					if late then late(nil, "too late") end
					one:Ask(two:Id(), "tests", "the next", function(_, answer)
						expect(answer).to.equal("known")
						expect(calls).to.equal(1)
						done()
					end)
				end, 0.2)
			end,
		},
		{
			name = "A value without a form in JSON raises in Ask",
			func = function()
				local function ask() one:Ask(two:Id(), "tests", { speed = 0 / 0 }, function() end) end
				expect(ask).to.errWith("'Ask' \"tests\": data.speed: NaN has no form in JSON")
			end,
		},
		{
			name = "A request without a function for its answer raises",
			func = function()
				local function ask() one:Ask(two:Id(), "tests") end
				expect(ask).to.errWith("bad argument #4 to 'Ask' (function expected)")
			end,
		},
	},
}
