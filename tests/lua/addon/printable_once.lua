-- Texts of others in the form that the console shows.

local kit = include("../_kit.lua")
local Printable = realtime.addon.Printable

host.test("what steers a terminal is shown in place of being done; letters stay", function()
	for _, case in ipairs({
		{ "", "" }, { "hello", "hello" }, { "ça va, Ωmega ☃ 𝄞 \240\159\145\141\239\184\143", "ça va, Ωmega ☃ 𝄞 \240\159\145\141\239\184\143" },
		{ "\27[2J", "\\x1b[2J" }, { "a\nb\r\t\0\7\127", "a\\x0ab\\x0d\\x09\\x00\\x07\\x7f" },
		-- C1 controls, as UTF-8 and as bytes: U+009B begins a sequence as ESC [ does.
		{ "\194\155", "\\xc2\\x9b" }, { "\155", "\\x9b" }, { "\194\128\194\159\194\160", "\\xc2\\x80\\xc2\\x9f\194\160" },
		-- Marks that turn a line around, or begin another one.
		{ "\216\156", "\\xd8\\x9c" }, { "\226\128\142\226\128\143", "\\xe2\\x80\\x8e\\xe2\\x80\\x8f" },
		{ "\226\128\168\226\128\174", "\\xe2\\x80\\xa8\\xe2\\x80\\xae" }, { "\226\129\166\226\129\169", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9" },
		{ "\239\187\191", "\\xef\\xbb\\xbf" }, { "\226\128\141\226\128\167\226\128\175", "\226\128\141\226\128\167\226\128\175" },
		-- Not UTF-8: cut off, too long, surrogates, beyond the last character, continuation bytes alone.
		{ "\195", "\\xc3" }, { "\226\152", "\\xe2\\x98" }, { "\240\157\132", "\\xf0\\x9d\\x84" }, { "\195x", "\\xc3x" },
		{ "\192\155", "\\xc0\\x9b" }, { "\193\129", "\\xc1\\x81" }, { "\224\130\155", "\\xe0\\x82\\x9b" }, { "\240\128\130\155", "\\xf0\\x80\\x82\\x9b" },
		{ "\237\160\128", "\\xed\\xa0\\x80" }, { "\244\144\128\128", "\\xf4\\x90\\x80\\x80" }, { "\245\128\128\128", "\\xf5\\x80\\x80\\x80" },
		{ "\255\254", "\\xff\\xfe" }, { "\195\169\169", "é\\xa9" }, { "x\155\155", "x\\x9b\\x9b" }, { "\226\152\131\131", "☃\\x83" },
	}) do
		kit.eq(Printable(case[1]), case[2], kit.show(case[1]))
		kit.eq(Printable(Printable(case[1])), case[2], "twice: " .. kit.show(case[1]))
	end
end)

host.test("every two and three bytes", function()
	-- An independent check of the result: no control, no mark, and only UTF-8.
	local function is_safe(text)
		return not text:find("[%c\127]") and not text:find("\194[\128-\159]") and not text:find("\226\128[\142\143\168-\174]")
			and not text:find("\226\129[\166-\169]") and not text:find("\216\156") and not text:find("\239\187\191")
			and text:gsub("[\194-\223][\128-\191]", ""):gsub("[\224-\239][\128-\191][\128-\191]", "")
				:gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", ""):find("[\128-\255]") == nil
	end
	local bytes = { 0, 10, 27, 65, 92, 127, 128, 133, 142, 155, 156, 160, 166, 168, 174, 187, 191, 192, 193, 194, 195, 216, 224, 226,
		237, 239, 240, 244, 245, 255 }
	for _, a in ipairs(bytes) do
		for _, b in ipairs(bytes) do
			for _, c in ipairs(bytes) do
				local text = string.char(a, b, c)
				assert(is_safe(Printable(text)), kit.show(text) .. " is shown as " .. kit.show(Printable(text)))
				assert(is_safe(Printable(text .. "é", 3)), kit.show(text))
			end
		end
	end
end)

host.test("a text is cut at so many bytes, not within a character", function()
	for _, case in ipairs({
		{ "hello", 5, "hello" }, { "hello", 4, "hell … (5 bytes)" }, { "hello", 0, " … (5 bytes)" },
		{ "aé", 2, "a … (3 bytes)" }, { "aé", 3, "aé" }, { "☃☃", 5, "☃ … (6 bytes)" }, { "𝄞x", 3, " … (5 bytes)" },
		{ "ab\27cd", 5, "ab … (5 bytes)" }, { "ab\27cd", 4, "ab … (5 bytes)" }, { "\27", 4, "\\x1b" }, { "\27\27", 7, "\\x1b … (2 bytes)" },
		{ ("\155"):rep(1000), 9, " … (1000 bytes)" }, { ("x"):rep(1e6), 3, "xxx … (1000000 bytes)" },
	}) do
		kit.eq(Printable(case[1], case[2]), case[3], kit.show(case[1]:sub(1, 20)) .. " at " .. case[2])
	end
end)
