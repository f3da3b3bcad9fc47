-- Runs realtime_check for a suite, and follows its report. `put` writes the settings with a URL.

local kit = include("../_kit.lua")

return function(put)
	local check_kit = {}

	-- Servers of this process answer at once.
	check_kit.listening = 2 -- seconds, for checks that ask twice
	realtime.addon.check_listening = 0.2

	-- Servers of these tests keep nothing on disk, and the report says so as soon as a helper is used.
	function check_kit.keep(server) server.command("CONFIG", "SET", "save", "3600 1") end
	check_kit.keep(host.real)

	function check_kit.check()
		local report
		realtime.Check(function(told) report = told end)
		kit.wait("the report", function() return report end)
		return report
	end

	function check_kit.problems(report)
		local list = {}
		for _, line in ipairs(report.lines) do
			if line.state == "problem" then list[#list + 1] = line end
		end
		return list
	end

	function check_kit.show(report)
		local lines = {}
		for _, line in ipairs(report.lines) do
			lines[#lines + 1] = line.state .. " " .. line.about .. ": " .. line.text .. (line.todo and " -> " .. line.todo or "")
		end
		return table.concat(lines, "\n")
	end

	-- Expects exactly one problem: its subject, and a part of its text.
	function check_kit.only(about, part)
		local report = check_kit.check()
		local list = check_kit.problems(report)
		assert(#list == 1 and list[1].about == about and list[1].text:find(part, 1, true) and list[1].todo and not report.ok, check_kit.show(report))
		return list[1]
	end

	-- The same for other servers: on a busy machine their messages may come after a check has stopped listening.
	function check_kit.only_soon(about, part)
		local line
		kit.wait("the problem with the " .. about, function()
			local fine, found = pcall(check_kit.only, about, part)
			line = fine and found
			return line
		end)
		return line
	end

	function check_kit.all_well()
		local report = check_kit.check()
		assert(report.ok and #check_kit.problems(report) == 0, check_kit.show(report))
		return report
	end

	-- Expects no problem, and this text about other servers in the report; repeated as above.
	function check_kit.all_well_soon(part)
		kit.wait(part, function() return check_kit.show(check_kit.all_well()):find(part, 1, true) end)
	end

	-- Splits a line as redis-cli does.
	local function words_of(line)
		local words, word, quote, i = {}, nil, nil, 1
		while i <= #line do
			local c = line:sub(i, i)
			local hex = quote == '"' and line:match("^\\x(%x%x)", i)
			if hex then
				word, i = word .. string.char(tonumber(hex, 16)), i + 3
			elseif quote == '"' and c == "\\" or quote == "'" and line:sub(i, i + 1) == "\\'" then
				word, i = word .. line:sub(i + 1, i + 1), i + 1
			elseif quote and c == quote then
				quote = nil
				assert(i == #line or line:find("^%s", i + 1), "a quote closes within a word: " .. line)
			elseif not quote and (c == '"' or c == "'") then
				quote, word = c, word or ""
			elseif not quote and c:find("%s") then
				words[#words + 1], word = word, nil
			else
				word = (word or "") .. c
			end
			i = i + 1
		end
		assert(not quote, "a quote stays open: " .. line)
		words[#words + 1] = word
		return words
	end

	-- Types the line that the text gives for redis-cli, to its end. `command`: what it begins with.
	function check_kit.type_in(server, text, command)
		local line = assert(text:match("redis%-cli: (" .. command .. "[^\n]*)"), text)
		local answer = server.command(unpack(words_of(line)))
		assert(not (isstring(answer) and answer:find("^ERR") or istable(answer) and answer.code), line .. ": " .. tostring(answer))
		return answer
	end

	-- Writes a URL and restarts, as the report asks an owner to do.
	function check_kit.restart(url)
		put(url)
		realtime.Default():Disconnect()
		return assert(realtime.Default())
	end

	function check_kit.with_user(rules) return check_kit.restart(kit.user("gmod", "on >pw ~* &* +@all " .. rules)) end

	return check_kit
end
