-- redis: 7.0; once
-- Servers that a script starts, and commands to one that does not answer.

local kit = include("../_kit.lua")

host.test("a server that does not answer stalls nobody, and what it says later is no other command's answer", function()
	local server = host.new_real({ "enable-debug-command yes" })
	-- Far longer than an answer takes on a busy machine, but short enough to wait for a missing one.
	local talker, patient = server.talker(5), server.talker(kit.PATIENCE)
	local function answer(of)
		local answers
		kit.wait("an answer", function() answers = of.answers() return #answers > 0 end)
		kit.eq(#answers, 1)
		return answers[1]
	end
	kit.eq({ talker.say("ECHO", "first"), answer(talker) }, { 1, { 1, true, true, "first" } })
	local number = talker.say("NO SUCH COMMAND")
	local refused = answer(talker)
	kit.eq({ refused[1], refused[2], refused[3] }, { number, true, false })
	assert(refused[4]:find("^ERR unknown command"), refused[4])
	server.pause()
	patient.say("ECHO", "patience")
	number = talker.say("ECHO", "late")
	local unanswered = answer(talker)
	kit.eq({ unanswered[1], unanswered[2], unanswered[3] }, { number, false, false })
	server.resume()
	kit.eq(answer(patient), { 1, true, true, "patience" })
	talker.say("ECHO", "next")
	kit.eq(answer(talker)[4], "next")
	server.kill()
end)

host.test("there may be several, each with its own configuration", function()
	local first, second = host.new_real({ "maxclients 100", "timeout 7" }), host.new_real()
	kit.eq(first.command("CONFIG", "GET", "timeout")[2], "7")
	kit.eq(second.command("CONFIG", "GET", "timeout")[2], "0")
	second.command("REPLICAOF", "127.0.0.1", tostring(first.port()))
	kit.wait("the replica", function() return first.command("INFO", "replication"):find("connected_slaves:1", 1, true) end)
	first.kill()
	second.kill()
end)
