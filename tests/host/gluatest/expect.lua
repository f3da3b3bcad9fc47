-- GLuaTest's expectations: expect(subject).to.equal(5), and the opposite with toNot or notTo; was and wasNot are the same.

-- The checks of a subject, and their names. `args`: the arguments after the subject, for functions.
local checks = {}

local function need(value, kind, name)
	if type(value) ~= kind then error("." .. name .. " expects a " .. kind .. ", got " .. type(value), 0) end
end

local function show(value) return isstring(value) and "'" .. value .. "'" or tostring(value) end

function checks.equal(subject, _, wanted) return subject == wanted, "equal " .. show(wanted) end

-- The first place where they differ, or nil.
local function difference(a, b, path)
	if a == b then return end
	if not istable(a) or not istable(b) then return path end
	for key, value in pairs(a) do
		local found = difference(value, b[key], path .. "[" .. tostring(key) .. "]")
		if found then return found end
	end
	for key in pairs(b) do
		if a[key] == nil then return path .. "[" .. tostring(key) .. "]" end
	end
end

function checks.deepEqual(subject, _, wanted)
	need(subject, "table", "deepEqual")
	need(wanted, "table", "deepEqual")
	local place = difference(subject, wanted, "")
	return not place, "equal " .. show(wanted) .. " in depth" .. (place and ", at " .. place or "")
end

function checks.aboutEqual(subject, _, wanted, tolerance)
	need(subject, "number", "aboutEqual")
	return math.abs(subject - wanted) <= (tolerance or 0.00001), "be about " .. show(wanted)
end

function checks.beLessThan(subject, _, bound) return subject < bound, "be less than " .. show(bound) end
function checks.beGreaterThan(subject, _, bound) return subject > bound, "be greater than " .. show(bound) end
function checks.beBetween(subject, _, low, high)
	return subject >= low and subject <= high, "be between " .. show(low) .. " and " .. show(high)
end
function checks.beTrue(subject) return subject == true, "be true" end
function checks.beFalse(subject) return subject == false, "be false" end
function checks.beNil(subject) return subject == nil, "be nil" end
function checks.exist(subject) return subject ~= nil, "exist" end
function checks.beNaN(subject)
	need(subject, "number", "beNaN")
	return subject ~= subject, "be NaN"
end
function checks.beValid(subject) return IsValid(subject), "be valid" end
function checks.beInvalid(subject) return not IsValid(subject), "be invalid" end
function checks.beA(subject, _, kind) return type(subject) == kind, "be a " .. show(kind) end
checks.beAn = checks.beA

function checks.succeed(subject, args)
	need(subject, "function", "succeed")
	local ok, err = pcall(subject, unpack(args, 1, args.n))
	return ok, "succeed" .. (ok and "" or ", got " .. show(err))
end

function checks.err(subject, args)
	need(subject, "function", "err")
	return not pcall(subject, unpack(args, 1, args.n)), "raise an error"
end

-- The whole message, without the place where an addon's file raised it.
function checks.errWith(subject, args, wanted)
	need(subject, "function", "errWith")
	need(wanted, "string", "errWith")
	local ok, err = pcall(subject, unpack(args, 1, args.n))
	if ok then return nil, "raise an error" end
	if string.StartsWith(err, "lua/") or string.StartsWith(err, "addons/") then err = err:gsub("^.-:%d+: ", "", 1) end
	return err == wanted, "raise " .. show(wanted) .. ", got " .. show(err)
end

-- At least so many times.
function checks.called(subject, _, count)
	if not istable(subject) or not subject.IsStub then error(".called expects a stub", 0) end
	return subject.callCount >= (count or 1), "have been called, which it was " .. subject.callCount .. " times"
end

-- Makes `expect`. fail(message) is called if a check fails that should hold; a negated check that holds raises.
return function(fail, used)
	local function raise(message) error(message, 0) end

	local function side(subject, args, negated)
		local methods, refuse = {}, negated and raise or fail
		for name, check in pairs(checks) do
			methods[name] = function(...)
				local holds, what = check(subject, args, ...)
				if holds == not negated then return end
				-- Neither: there was nothing to compare.
				local word = negated and holds ~= nil and " to not " or " to "
				local here = debug.getinfo(2, "Sl")
				refuse(here.short_src .. ":" .. here.currentline .. ": Expected " .. show(subject) .. word .. what)
			end
		end
		return methods
	end

	return function(subject, ...)
		used()
		local args = { n = select("#", ...), ... }
		local positive, negative = side(subject, args, false), side(subject, args, true)
		return { to = positive, was = positive, toNot = negative, notTo = negative, wasNot = negative }
	end
end
