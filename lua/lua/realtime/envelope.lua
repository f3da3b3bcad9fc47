-- The envelope: the sender beside the data; and, if the servers share a secret, the proof of both.
return function(realtime, addon)
	local Encode, Decode, Sign = addon.json.Encode, addon.json.Decode, addon.Sign
	local format, find, sub, type, abs, os_time = string.format, string.find, string.sub, type, math.abs, os.time

	local ENVELOPE_BYTES, ENVELOPE_ELEMENTS = 4096, 64 -- beside the data of a table
	local MAX_AGE = 120 -- how far two servers' clocks may differ for a signed message, in seconds
	local MAX_TIME = 2 ^ 53

	-- The limits of a message's data, and of the message with its envelope.
	function addon.Bounds(bytes, envelope_bytes, elements)
		local message = { bytes = bytes + envelope_bytes, elements = elements + ENVELOPE_ELEMENTS }
		return { bytes = bytes, elements = elements, message = message }
	end
	addon.table_bounds = addon.Bounds(addon.max_table_bytes or 65536, ENVELOPE_BYTES, addon.max_table_elements or 20000)

	-- A name of this Lua state, beside the id: two servers that share an id differ in it.
	local STATE = realtime.RandomToken():sub(1, 16)

	-- The proof that a server with the secret sent this data, as this server and Lua state, at this time, to this
	-- channel. The length separates a channel's name from the data.
	local function mac(time, from, state, channel, text)
		return Sign(format("%.0f\n%s\n%s\n%d\n", time, from, state, #channel) .. channel .. text)
	end

	-- The beginning of every message that this Lua state sends under this id.
	function addon.Head(from) return '{"from":"' .. from .. '","state":"' .. STATE .. '"' end

	-- The text of a message, or nil and the reason. It is signed if there is a secret and a channel is given.
	function addon.Encode(data, from, channel, bounds)
		if data == nil then return nil, "the value: nil has no form in JSON" end
		if data == realtime.NULL then return nil, "the value: realtime.NULL alone is no message" end
		local text, reason = Encode(data, bounds)
		if not text then return nil, reason end
		local head = addon.Head(from)
		if not Sign or not channel then return head .. ',"data":' .. text .. "}" end
		local time = os_time()
		return format('%s,"time":%.0f,"mac":"%s","data":', head, time, mac(time, from, STATE, channel, text)) .. text .. "}"
	end

	local NO_ENVELOPE = 'no envelope, such as {"from":"ttt-1","data":…}'

	-- Plain text is not an envelope. If an envelope was begun, the mistake in it helps, too.
	local function no_json(text, wrong)
		return find(text, "^[\239\187\191 \t\r\n]*{") and NO_ENVELOPE .. ", because of a mistake in " .. wrong or NO_ENVELOPE
	end

	-- What is wrong with an envelope's proof, or nil.
	local function refusal(envelope, channel, text)
		local time = envelope.time
		if type(envelope.mac) ~= "string" then return 'it is not signed, and this server has a "secret" in realtime.json' end
		if type(time) ~= "number" or time % 1 ~= 0 or time < 0 or time > MAX_TIME then return "its time is no number of seconds" end
		local state = envelope.state == nil and "" or envelope.state
		if state ~= "" and not addon.IsId(state) then return "its state is no name" end
		if envelope.mac ~= mac(time, envelope.from, state, channel, text) then
			return "it is signed with another secret, or was changed on its way"
		end
		local age = os_time() - time
		if abs(age) > MAX_AGE then
			return format("it was signed %.0f s %s this server's clock, and at most %d are allowed: somebody replayed it, or a clock is wrong",
				abs(age), age > 0 and "before" or "after", MAX_AGE)
		end
	end

	-- The option with which a subscription gets the text of the data, if there is a secret, for the proof.
	addon.text_of = Sign and "data" or nil

	-- The data in an envelope, its sender's id, and whether it came from this Lua state; or nil and the reason.
	-- `text`: that of the data, for which the proof is checked; false if it is not to be checked.
	local function open(envelope, channel, text)
		if type(envelope) ~= "table" or envelope.data == nil or type(envelope.from) ~= "string" then
			return nil, NO_ENVELOPE
		end
		if not addon.IsId(envelope.from) then
			return nil, '"from" is no id: 1 to 64 letters, digits, "_", "." and "-"'
		end
		local wrong = text and refusal(envelope, channel, text)
		if wrong then return nil, wrong end
		return envelope.data, envelope.from, envelope.state == STATE
	end

	-- The same for the arguments of a subscription to JSON: the envelope, and the text of its data if that is wanted;
	-- or nil, a reason, and the message if it is not JSON.
	function addon.Open(envelope, channel, text, message)
		if envelope == nil then return nil, message and no_json(message, text) or text end
		return open(envelope, channel, Sign and (text or ""))
	end

	-- The same for a text. With a channel its proof is checked, if there is a secret.
	function addon.Decode(text, channel, bounds)
		local span = Sign and channel and { key = "data" }
		local envelope, wrong, is_no_json = Decode(text, bounds.message, span)
		if wrong then return nil, is_no_json and no_json(text, wrong) or wrong end
		return open(envelope, channel, span and (span.first and sub(text, span.first, span.last) or ""))
	end

	local function check_channel(name, position, channel)
		if channel ~= nil and type(channel) ~= "string" then
			error(format("bad argument #%d to '%s' (a channel's name expected)", position, name), 3)
		end
	end

	function realtime.Encode(data, id, channel)
		addon.CheckDot("Encode", data)
		check_channel("Encode", 3, channel)
		if id == nil then id = realtime.ServerId() end
		if not addon.IsId(id) then
			error("bad argument #2 to 'Encode' (a server's id: 1 to 64 letters, digits, '_', '.' or '-')", 2)
		end
		return addon.Encode(data, id, channel, addon.table_bounds)
	end

	function realtime.Decode(text, channel)
		addon.CheckDot("Decode", text)
		check_channel("Decode", 2, channel)
		if type(text) ~= "string" then return nil, "a " .. type(text) .. " is no text" end
		local data, from = addon.Decode(text, channel, addon.table_bounds)
		return data, from
	end
end
