-- What is plainer in Lua than through its C interface. Compiled once when the module is loaded; nothing here raises.
-- Globals are taken now: addons may replace them later.
local process_events = ...

local G = _G
local pcall, error, type, tostring, rawget, setmetatable = pcall, error, type, tostring, rawget, setmetatable
local pairs, print = pairs, print

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

-- An addon's replacement is meant to see errors, so the present global comes first; if it is missing or raises, what was
-- there at the start.
local function report(err)
    local text = text_of(err)
    if try(rawget(G, "ErrorNoHaltWithStack"), text) then return end
    if try(first_reporters[1], text) then return end
    if try(first_reporters[2], text .. "\n") then return end
    print(text)
end

local colored, orange = pcall(Color, 255, 170, 60)

local function say(line)
    if colored and try(MsgC, orange, line, "\n") then return end
    print(line)
end

-- A zero-delay timer goes on while the server hibernates, a Think hook does not; but addons clear hooks and timers. Each
-- runs callbacks if the other one does not, and puts the other one back when it has been silent for a while.
local TIMER, HOOK, PATIENCE = "realtime.ProcessEvents", "realtime.ProcessEvents", 8
local timer_silence, hook_silence, timer_ran = 0, 0, false
local timer_tick, hook_tick

-- An addon's library may be the one that counts now, and it may do nothing at all: so both ways, each harmless if the other
-- one worked.
local function both(first, present, ...)
    try(first, ...)
    if present ~= first then try(present, ...) end
end

local function start_timer()
    timer_silence = 0
    both(timer_create, member("timer", "Create"), TIMER, 0, 0, timer_tick)
end

local function start_hook()
    hook_silence = 0
    both(hook_add, member("hook", "Add"), "Think", HOOK, hook_tick)
end

function timer_tick()
    timer_silence, timer_ran = 0, true
    hook_silence = hook_silence + 1
    if hook_silence > PATIENCE then start_hook() end
    process_events()
end

function hook_tick()
    hook_silence = 0
    timer_silence = timer_silence + 1
    if timer_silence > PATIENCE then start_timer() end
    if timer_ran then
        timer_ran = false
    else
        process_events()
    end
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
    -- With whatever stands on the other side: nothing is to raise where an error is being told.
    __concat = function(a, b) return text_of(a) .. text_of(b) end,
}

-- A list of keys and values in turn becomes a table by key; what is one already stays as it is.
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

return trace, report, say, null, error_meta, map, start_timer, start_hook
