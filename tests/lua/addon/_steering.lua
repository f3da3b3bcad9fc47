-- Looks for bytes that steer a terminal: a simpler, independent version of the addon's check in report.lua.

-- Control characters but tab and line feed; then each mark in UTF-8.
local CONTROLS = "[%z\1-\8\11-\31\127]"
local MARKS = {
	"\194[\128-\159]", -- C1
	"\216\156", "\226\128[\142\143\168-\174]", "\226\129[\166-\169]", "\239\187\191", -- they reorder or break a line
}

-- The first such mark in a line, or nil. A lone byte from 0x80 to 0x9F is C1, too, for terminals that
-- do not use UTF-8.
return function(line)
	local found = line:match(CONTROLS)
	for _, mark in ipairs(MARKS) do found = found or line:match(mark) end
	if found then return found end
	local alone = line:gsub("[\194-\223][\128-\191]", ""):gsub("[\224-\239][\128-\191][\128-\191]", "")
		:gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", "")
	return alone:match("[\128-\159]")
end
