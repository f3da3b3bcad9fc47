-- The parts that are simpler in Lua than through its C interface. Compiled once when the module is loaded; nothing
-- here raises.
-- Globals are taken now, because addons may replace them later.
local process_events = ...

local G = _G
local pcall, error, type, tostring, rawget, setmetatable = pcall, error, type, tostring, rawget, setmetatable
local pairs, print, select = pairs, print, select
local concat, find, format, gsub, sub = table.concat, string.find, string.format, string.gsub, string.sub

local function member(library, name)
    local found = rawget(G, library)
    local value = type(found) == "table" and rawget(found, name)
    return type(value) == "function" and value or nil
end

local traceback = member("debug", "traceback")
local timer_create, hook_add = member("timer", "Create"), member("hook", "Add")
local first_reporters = { rawget(G, "ErrorNoHaltWithStack"), rawget(G, "ErrorNoHalt") }
local MsgC, Color = rawget(G, "MsgC"), rawget(G, "Color")

local function text_of(value)
    if type(value) == "string" then return value end
    local ok, text = pcall(tostring, value)
    if ok and type(text) == "string" then return text end
    return "(error object is a " .. type(value) .. " value)"
end

-- Runs where a callback raised, while its stack is still there.
local function trace(err)
    local text = text_of(err)
    return traceback and traceback(text, 2) or text
end

local function try(fn, ...)
    return type(fn) == "function" and pcall(fn, ...)
end

-- If an addon replaced the global, it wants to see errors, so the current global is tried first; if it is missing or
-- raises, the original one.
local function report(err)
    local text = text_of(err)
    if try(rawget(G, "ErrorNoHaltWithStack"), text) then return end
    if try(first_reporters[1], text) then return end
    if try(first_reporters[2], text .. "\n") then return end
    print(text)
end

-- While modules are closed the game's own functions for errors and colours may crash it (garrysmod-issues 5280);
-- print works.
local function report_last(err) print(text_of(err)) end

local colored, orange = pcall(Color, 255, 170, 60)

local function say(line)
    if colored and try(MsgC, orange, line, "\n") then return end
    print(line)
end

-- Callbacks run at each tick, whatever addons do to timers and hooks. There are three sources of ticks: a zero-delay
-- timer, the only one that runs while the server hibernates, and the hooks Think and Tick. Hooks run in any order,
-- and one that returns something or raises ends its round, so a hook of another addon can keep ours from ever
-- running. Each source runs callbacks if no other one did since its last turn, and restarts the sources that have
-- been silent for a while.
local NAME = "realtime.ProcessEvents"
local PATIENCE = 16 -- turns of the others
local SOURCES = 3
local sources, processed = {}, 0

local function start(source)
    source.silence = 0
    source.start(source.run)
end

local function turn(source)
    source.silence = 0
    for i = 1, SOURCES do
        local other = sources[i]
        if other ~= source then
            other.silence = other.silence + 1
            if other.silence > PATIENCE then start(other) end
        end
    end
    local is_due = source.seen == processed
    if is_due then processed = processed + 1 end
    source.seen = processed
    if is_due then process_events() end
end

local function add_source(start_source)
    local source = { silence = 0, seen = 0, start = start_source }
    function source.run() turn(source) end
    sources[#sources + 1] = source
end

-- An addon may have replaced the library with one that works, or with one that does nothing: so both are called, each
-- harmless if the other one worked.
local function both(first, present, ...)
    try(first, ...)
    if present ~= first then try(present, ...) end
end

add_source(function(run) both(timer_create, member("timer", "Create"), NAME, 0, 0, run) end)
for _, event in pairs({ "Think", "Tick" }) do
    add_source(function(run) both(hook_add, member("hook", "Add"), event, NAME, run) end)
end

-- At the beginning, and when functions of the module are called while no tick comes: all sources were removed, or
-- cannot run.
local function start_ticks()
    for i = 1, SOURCES do start(sources[i]) end
end

local null = setmetatable({}, {
    MetaName = "RealtimeNull",
    __tostring = function() return "NULL" end,
    __newindex = function() end,
    __metatable = false,
})

local error_meta = {
    MetaName = "RealtimeError",
    __tostring = function(err)
        return text_of(rawget(err, "code")) .. ": " .. text_of(rawget(err, "message"))
    end,
    -- Accepts anything on the other side, because nothing may raise while an error is being reported.
    __concat = function(a, b) return text_of(a) .. text_of(b) end,
}

-- Turns a list of alternating keys and values into a table by key; a table by key stays as it is.
local function map(reply)
    if type(reply) ~= "table" or reply == null then
        error("bad argument #1 to 'Map' (reply: table expected, got " .. (reply == null and "NULL" or type(reply)) .. ")", 2)
    end
    local count = #reply
    for _ in pairs(reply) do count = count - 1 end
    if count ~= 0 then return reply end
    if #reply % 2 ~= 0 then
        error("bad argument #1 to 'Map' (reply: a list of keys and values expected, got an odd number of elements)", 2)
    end
    local result = {}
    for i = 1, #reply, 2 do
        local key = reply[i]
        if key ~= key then key = "nan" end
        result[key] = reply[i + 1]
    end
    return result
end

-- Says which part of a value cannot be written as JSON, and why. `fault` is that part, or a key that is not a string;
-- `reason` is nil if its type is at fault. The other arguments are the places in lists and the keys that lead there.
local MAX_STEP = 64 -- bytes of a key

local function step(key)
    if type(key) == "number" then return "[" .. key .. "]" end
    if #key > MAX_STEP then key = sub(key, 1, MAX_STEP) .. "…" end
    if find(key, "^[%a_][%w_]*$") then return "." .. key end
    -- The key may come from outside. %q keeps line breaks, and the control characters that UTF-8 writes with
    -- two bytes and some terminals obey.
    return (gsub(gsub(format("[%q]", key), "\\\n", "\\n"), "\194[\128-\159]", "?"))
end

local function refused(reason, fault, is_key, ...)
    local path, kind = {}, type(fault)
    for i = 1, select("#", ...) do path[i] = step((select(i, ...))) end
    if is_key then
        path[#path + 1] = "[" .. tostring(fault) .. "]"
        reason = kind == "number" and "a number as a key, which only a list without holes has: use tostring" or "a " .. kind .. " as a key"
    elseif not reason then
        local hint = kind == "Player" and ": send its SteamID64" or ""
        reason = (find(kind, "^[AEIOU]") and "an " or "a ") .. kind .. " has no form in JSON" .. hint
    end
    local place = gsub(concat(path), "^%.", "")
    return (place == "" and "the value" or place) .. ": " .. reason
end

return trace, report, report_last, say, null, error_meta, map, refused, start_ticks
