//! The tools of the benches: the module of bare calls, and the host's counters.

use crate::support::Script;

#[test]
fn bare_calls_do_what_the_module_does() {
    Script::new(
        r#"
        require("bare")
        assert(bare.zero() == 0)
        local text = bare.payloads(3, 20, "<", ">")
        local first, second, third = text:match("^<(%x+xxxx)><(%x+xxxx)><(%x+xxxx)>$")
        assert(#text == 66 and #first == 20 and first ~= second and second ~= third, text)
        local got = {}
        local function note(payload, channel) got[#got + 1] = payload .. "@" .. channel end
        bare.prepare(3, 64, "chat", note)
        assert(bare.deliver(1) >= 0 and bare.deliver(2) >= 0)
        assert(#got == 3 and got[1] ~= got[2] and got[1]:match("^%x+x+@chat$") and #got[1] == 64 + 5, got[1])
        bare.prepare(2, 16, "chat", note, note)
        bare.deliver(2)
        assert(#got == 7 and got[4] == got[5] and got[5] ~= got[6])
        assert(select(2, pcall(bare.deliver, 3)):find("so many are not prepared"))
        assert(not pcall(bare.payloads, 1, 15, "", ""))
        bare.prepare(1, 16, "chat", error)
        assert(select(2, pcall(bare.deliver, 1)):find("a callback raised"))
        host.exit()
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn the_bare_reader_reads_what_is_published_alone() {
    Script::new(
        r#"
        require("bare")
        local port = tonumber(host.fake.url():match(":(%d+)$"))
        host.run(function()
            local threads = host.threads()
            bare.read(port, "chat")
            assert(not pcall(bare.read, port, "chat"), "there is one already")
            host.wait(function() return bare.reads() == 1 end, 10, "the confirmation")
            local _, before = bare.reads()
            local publisher = host.new_publisher({ port = port, rate = 1000, size = 64, alone = true, channels = { "chat" } })
            host.wait(function() return publisher.figures().heard > 20 end, 10, "messages")
            publisher.stop()
            local heard = publisher.figures().heard
            assert(heard == publisher.figures().written)
            -- *3, message, chat, and the payload, each with its length and ends of lines.
            local each = 4 + 13 + 10 + 5 + 66
            host.wait(function() return select(2, bare.reads()) == before + heard * each end, 10, "all of them")
            assert(host.cpu()["bare-reader"] and host.sleeps()["bare-reader"] > 0)
            bare.stop()
            bare.stop()
            assert(host.threads() == threads)
            host.exit()
        end)
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn writes_and_sleeps_are_counted() {
    Script::new(
        r#"
        local writes, sleeps = host.writes(), host.sleeps()["gmod-host"]
        assert(host.writes() == writes, "looking is no write")
        print("a line")
        assert(host.writes() == writes + 1)
        host.block(0.001)
        assert(host.sleeps()["gmod-host"] > sleeps)
        host.exit()
        "#,
    )
    .run()
    .code(0);
}
