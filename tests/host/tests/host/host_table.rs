//! The `host` table: waiting, testing, looking, and the servers.

use crate::support::Script;

#[test]
fn tests_run_in_turn_and_decide_the_code() {
    let tests = r#"
        local log = {}
        host.test("first", function() host.pass(3) log[#log + 1] = "first" end)
        host.test("second", function() assert(log[1] == "first") host.test("third", function() end) end)
    "#;
    Script::new(tests)
        .run()
        .code(0)
        .stdout("ok      first\nok      second\nok      third\n3 passed, 0 failed\n");
    Script::new(&format!(
        "{tests} host.test('bad', function() host.wait(function() return false end, 0.05, 'the moon') end)"
    ))
    .run()
    .code(1)
    .stdout("FAILED  bad\n")
    .stdout("the moon: not within 0.05 s")
    .stdout("3 passed, 1 failed");
}

#[test]
fn wait_returns_the_answer_or_false() {
    Script::new(
        r#"
        assert(not pcall(host.wait, function() return true end), "outside of a coroutine")
        host.run(function()
            assert(host.wait(function() return "answer" end) == "answer")
            local started = SysTime()
            assert(host.wait(function() return nil end, 0.05) == false)
            assert(SysTime() - started >= 0.05)
            -- It goes on with no players, too.
            host.hibernate(true)
            host.pass(2)
            host.exit(5)
            error("not reached")
        end)
        "#,
    )
    .run()
    .code(5);
}

#[test]
fn the_console_is_kept_for_the_script() {
    Script::new(
        r#"
        print("a", 1, nil, true)
        Msg("b") Msg("c") MsgN("d") MsgC(Color(255, 0, 0), "red ", Color(0, 0, 0), "black\nnext\n")
        ErrorNoHalt("no halt") 
        local lines = host.console()
        assert(table.concat(lines, "|") == "a\t1\tnil\ttrue|bcd|red black|next||[ERROR] " .. lines[6]:match("] (.*)"),
            table.concat(lines, "|"))
        assert(lines[6]:find("script.lua:4: no halt$"), lines[6])
        host.exit()
        "#,
    )
    .run()
    .code(0)
    .stdout("a\t1\tnil\ttrue\nbcd\nred black\nnext\n")
    .stderr("no halt");
}

#[test]
fn the_process_is_measured() {
    Script::new(
        r#"
        assert(host.rss() > 1e6 and host.threads() >= 1 and host.fds() >= 3)
        assert(host.peak_rss() >= host.rss() - 1e6)
        local before = host.monotonic()
        assert(before > 0 and host.monotonic() >= before)
        if jit.os == "Linux" then
            -- It grows while this thread works, and by nothing much while it sleeps.
            local worked = host.thread_time()
            local sum = 0
            for i = 1, 1e7 do sum = sum + i % 7 end
            local slept = host.thread_time()
            assert(slept > worked, "no time passed for " .. sum)
            host.block(slept - worked + 0.2)
            assert(host.thread_time() - slept < slept - worked + 0.2)
        end
        host.spin(true)
        host.run(function()
            host.pass(1000)
            host.spin(false)
            local times = host.tick_times()
            assert(#times >= 999 and times[1] >= 0 and #host.tick_times() == 0)
            host.setenv("SOME_NAME", "some value")
            host.exit()
        end)
        "#,
    )
    .options(&["--tick-rate", "10", "--timeout", "20"])
    .run()
    .code(0);
}

#[test]
fn another_server_leaves_no_embedded_one() {
    Script::new("print(host.redis_url) print(pcall(function() return host.fake end)) host.exit()")
        .env("REDIS_URL", "redis://example.invalid:1")
        .run()
        .code(0)
        .stdout("redis://example.invalid:1\nfalse\t")
        .stdout("names another server, which the host does not drive");
}

#[test]
fn the_embedded_server_is_driven_from_lua() {
    Script::new(
        r#"
        local before = host.threads()
        assert(host.redis_url:find("^redis://127.0.0.1:%d+$") and host.redis_url == host.fake.url())
        assert(host.threads() > before, "it starts when it is asked for")
        assert(host.server.kind() == "fake" and host.server.publish("nobody", "listens") == 0)
        assert(#host.fake.connections() == 0 and host.fake.accepted() == 0)
        assert(host.fake.drop("subscribers", "reset") == 0 and host.fake.drop() == 0 and host.fake.drop(7) == 0)
        assert(host.fake.faults("all", { read = false, pieces = 3, delay = 0.5, cut_with = "reset" }) == 0)
        assert(host.fake.faults("new", { greeting = "-DENIED no\r\n", cut_after_sent = 12 }) == nil)
        host.fake.faults("new", { none = true })
        for _, call in ipairs({
            { "on_next", "publish", "answer", "-ERR no\r\n" }, { "on_next", "ping", "close", "reset" }, { "forget_reactions" },
            { "health", "loading" }, { "health", "serving" }, { "hello", "noproto" }, { "hello", "full" }, { "role", "replica" }, { "max_clients", 5 },
            { "subscriber_buffer", 1000 }, { "password", "secret" }, { "password" }, { "user", "bob on >x ~* &* +@all" },
            { "log", true }, { "pause" }, { "resume" }, { "stop" }, { "start" }, { "refuse" }, { "start" },
        }) do
            host.fake[call[1]](unpack(call, 2))
        end
        for _, call in ipairs({
            { "no_such_method" }, { "health", "ill" }, { "user", "bob +nonsense(" }, { "publish", 1 }, { "max_clients", -1 },
            { "on_next", "ping", "explode" },
        }) do
            assert(not pcall(host.fake[call[1]], unpack(call, 2)), call[1])
        end
        assert(not pcall(host.fake.faults, "all", { reed = false }))
        assert(not pcall(host.server.health, "loading"), "not of both kinds")
        assert(not pcall(function() return host.real end))

        local second = host.new_fake({ socket = "second.sock", password = "x", version = "7.2.4" })
        assert(second.url():find("^unix:///.*/second.sock$"), second.url())
        assert(not pcall(host.new_fake, { colour = "red" }))
        host.exit()
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn a_real_server_is_driven_from_lua() {
    if !real_redis::is_expected() {
        return;
    }
    Script::new(
        r#"
        local real = host.real
        assert(host.redis_url == real.url() and host.server.kind() == "real" and real.socket():find("^unix:///"))
        assert(real.publish("nobody", "listens") == 0 and real.command("PING") == "PONG")
        assert(real.command("SET", "key", "a\0b") == "OK" and real.command("GET", "key") == "a\0b")
        assert(real.command("KEYS", "*")[1] == "key")
        assert(select(2, pcall(real.command, "NONSENSE")):find("unknown command"))
        real.drop()
        for _, stop in ipairs({ "stop", "kill" }) do
            real[stop]()
            assert(not pcall(real.command, "PING"))
            real.start()
            assert(real.command("GET", "key") == nil, "a fresh one")
        end
        real.command("CONFIG", "SET", "requirepass", "secret")
        assert(real.command("PING") == "PONG", "whatever the default user's password is")
        -- In a pause it takes connections and says nothing.
        real.pause()
        real.resume()
        assert(real.command("PING") == "PONG")
        real.pause()
        real.stop()
        assert(not pcall(function() return host.fake end))
        host.exit()
        "#,
    )
    .options(&["--server", "real"])
    .run()
    .code(0);
}

#[test]
fn what_host_does_not_have_is_an_error() {
    Script::new("host.redis_uri()").run().code(1).stderr("script.lua:1: host has no 'redis_uri'");
}
