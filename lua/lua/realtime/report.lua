-- Console text with parts from outside: safe to print, short, and not too often.
return function(_, addon)
	local byte, find, format, gsub, sub = string.byte, string.find, string.format, string.gsub, string.sub
	local SysTime, huge = SysTime, math.huge

	local function escape(text)
		return (gsub(text, ".", function(c) return format("\\x%02x", byte(c)) end))
	end

	-- Marks that reorder or break a line: U+061C, U+200E and U+200F, U+2028 to U+202E, U+2066 to U+2069, U+FEFF.
	local function steers(code)
		return code < 0x20 or (code >= 0x7F and code < 0xA0) or code == 0x61C or code == 0x200E or code == 0x200F
			or (code >= 0x2028 and code <= 0x202E) or (code >= 0x2066 and code <= 0x2069) or code == 0xFEFF
	end

	-- The length of the first character of a text, and its code point; or nil if that is not UTF-8.
	local function character(text)
		local a, b, c, d = byte(text, 1, 4)
		if a < 0x80 then return 1, a end
		if a < 0xC2 or not b then return end
		if a < 0xE0 then return 2, (a - 0xC0) * 0x40 + b - 0x80 end
		if not c then return end
		if a < 0xF0 then
			local code = (a - 0xE0) * 0x1000 + (b - 0x80) * 0x40 + c - 0x80
			if code >= 0x800 and (code < 0xD800 or code > 0xDFFF) then return 3, code end
			return
		end
		if a > 0xF4 or not d then return end
		local code = (a - 0xF0) * 0x40000 + (b - 0x80) * 0x1000 + (c - 0x80) * 0x40 + d - 0x80
		if code >= 0x10000 and code <= 0x10FFFF then return 4, code end
	end

	-- A byte with the continuation bytes after it: the character as it is, unless it controls the terminal; otherwise
	-- in the form \x1b.
	local function safe(unit)
		local length, code = character(unit)
		if not length then return escape(unit) end
		if steers(code) then return escape(unit) end
		if length == #unit then return unit end
		return sub(unit, 1, length) .. escape(sub(unit, length + 1))
	end

	-- The text without anything that could control a terminal: control characters, marks that reorder a line and
	-- bytes that are not UTF-8 become \x1b. At most `most` bytes of it; then its total size.
	function addon.Printable(text, most)
		most = most or huge
		local stop = #text
		if stop > most then
			stop = most
			-- Not in the middle of a character, which has three continuation bytes at most.
			for _ = 1, 3 do
				local following = byte(text, stop + 1)
				if following >= 0x80 and following < 0xC0 then stop = stop - 1 end
			end
		end
		local shown, room = sub(text, 1, stop), most
		if find(shown, "[%c\127-\255]") then
			shown = gsub(shown, ".[\128-\191]*", function(unit)
				unit = safe(unit)
				room = room - #unit
				return room >= 0 and unit or ""
			end)
		end
		if stop == #text and room >= 0 then return shown end
		return format("%s … (%d bytes)", shown, #text)
	end

	-- Lines that others can cause: one of each kind in QUIET seconds, and LINES of all kinds. The lines left out are
	-- counted, and the count is printed, too. A kind never contains text from outside.
	local QUIET, LINES, LINE_BYTES = 10, 5, 200
	local KEY = "realtime_report"
	local times, newest = {}, 0 -- when the last LINES lines were printed: a ring
	local said, said_before, turned = {}, {}, -huge -- when each kind was last printed; the two tables alternate, so that none is searched
	local left_out, counting_since = 0, 0

	local function say(text, now)
		newest = newest % LINES + 1
		times[newest] = now
		addon.Say(addon.Printable(text, LINE_BYTES))
	end

	local function is_full(now)
		local oldest = times[newest % LINES + 1]
		return oldest ~= nil and now - oldest < QUIET
	end

	local function tell_count(now)
		if now - counting_since < QUIET or is_full(now) then return end
		addon.RemoveTask(KEY)
		say(format("%d more lines like these were left out", left_out), now)
		left_out = 0
	end

	function addon.SayRarely(kind, text)
		local now = SysTime()
		if now - turned >= QUIET then said, said_before, turned = {}, said, now end
		local last = said[kind] or said_before[kind]
		if (last and now - last < QUIET) or is_full(now) then
			if left_out == 0 then
				counting_since = now
				addon.AddTask(KEY, tell_count)
			end
			left_out = left_out + 1
			return
		end
		said[kind] = now
		say(text, now)
	end
end
