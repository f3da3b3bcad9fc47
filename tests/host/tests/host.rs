//! The host, seen from outside: small scripts, and what the program makes of them.

mod support;

use support::{PROBE, Script};

#[test]
fn the_script_gives_the_exit_code() {
    Script::new("host.exit(3)").run().code(3);
    Script::new("host.exit()").run().code(0);
    Script::new("host.exit(4) host.exit(5)").run().code(4);
    Script::new("host.exit(256)").run().code(1).stderr("an exit code is 0 to 255");
}

#[test]
fn a_bad_command_line_is_told_so() {
    for options in [
        vec!["--no-such-option"],
        vec!["--tick-rate", "0"],
        vec!["--tick-rate", "fast"],
        vec!["--timeout", "-1"],
        vec!["--timeout", "1e300"],
        vec!["--unload", "sometimes"],
        vec!["--server", "imaginary"],
        vec!["--module"],
    ] {
        support::host(&options).code(64).stderr("Usage: gmod-host");
    }
    support::host(&[]).code(64).stderr("no script was given");
    support::host(&["--help"]).code(0).stdout("Usage: gmod-host");
}

#[test]
fn what_is_not_there_is_named() {
    support::host(&["no/such.lua"]).code(1).stderr("no/such.lua");
    support::host(&["--module", "no/such.so", "x.lua"]).code(1).stderr("no/such.so does not exist");
    support::host(&["--addon", "no/such/addon", "x.lua"]).code(1).stderr("no/such/addon");
}

#[test]
fn a_script_error_ends_the_run_with_its_traceback() {
    let outcome = Script::new("local function inner() error('boo') end\ninner() host.exit(0)").run();
    outcome
        .code(1)
        .stderr("[ERROR] ")
        .stderr("script.lua:1: boo")
        .stderr("2. inner - ")
        .stderr("script.lua:2");
    Script::new("x = = 1").run().code(1).stderr("script.lua:1: unexpected symbol");
    Script::new("error({})").run().code(1).stderr("an error that is not a string");
}

#[test]
fn an_error_in_a_coroutine_of_the_hosts_ends_the_run() {
    Script::new("host.run(function() host.pass() error('boo') end)")
        .run()
        .code(1)
        .stderr("script.lua:1: boo");
}

#[test]
fn errors_that_reach_the_engine_must_be_expected() {
    let reported = "ErrorNoHaltWithStack('boo') ";
    Script::new(&format!("{reported} host.exit(0)"))
        .run()
        .code(1)
        .stderr("[ERROR] boo")
        .stderr("script.lua:1");
    Script::new(&format!("host.expect_errors(1) {reported} host.exit(0)")).run().code(0).no_stderr("boo");
    Script::new(&format!("host.expect_errors(1) {reported} {reported} host.exit(0)")).run().code(1);
    Script::new(&format!("host.expect_errors(1) host.expect_errors(1) {reported} {reported} host.exit(0)"))
        .run()
        .code(0);
    Script::new(&format!("host.expect_errors(2) {reported} host.exit(0)"))
        .run()
        .code(1)
        .stderr("2 errors were expected, 1 came");
    // The run's own code stays.
    Script::new(&format!("host.expect_errors(2) {reported} host.exit(7)")).run().code(7);
}

#[test]
fn a_run_without_exit_times_out() {
    Script::new("").options(&["--timeout", "0.2"]).run().code(124).stderr("no host.exit within 0.2 seconds");
}

#[test]
fn a_stuck_main_thread_times_out_as_well() {
    Script::new("print('before') while true do end")
        .options(&["--timeout", "0.2"])
        .run()
        .code(124)
        .stdout("before")
        .stderr("the main thread is stuck");
}

#[test]
fn arguments_behind_the_script_are_its_own() {
    Script::new("print(#host.args, host.args[1], host.args[2]) host.exit()")
        .arguments(&["--help", "two words"])
        .run()
        .code(0)
        .stdout("2\t--help\ttwo words\n");
}

#[test]
fn the_environment_chooses_the_protocol() {
    let script = "print(type(host.protocol), host.protocol) host.exit()";
    Script::new(script).run().stdout("nil\tnil\n");
    Script::new(script).env("HOST_PROTOCOL", "2").run().stdout("number\t2\n");
    Script::new(script).env("HOST_PROTOCOL", "4").run().code(1).stderr("HOST_PROTOCOL is 2 or 3, not '4'");
}

#[test]
fn an_empty_server_runs_zero_delay_timers_alone() {
    Script::new(
        r#"
        local ran = {}
        local function count(what) return function() ran[what] = (ran[what] or 0) + 1 end end
        timer.Create("endless", 0, 0, count("endless"))
        timer.Create("thrice", 0, 3, count("thrice"))
        timer.Create("late", 0.001, 0, count("late"))
        timer.Simple(0, count("simple"))
        hook.Add("Think", "think", count("think"))
        hook.Add("Tick", "tick", count("tick"))
        host.run(function()
            host.pass(10)
            assert(CurTime() == 0, "game time stands still")
            assert(ran.endless >= 9, "the zero-delay timer runs")
            for _, what in ipairs({ "thrice", "late", "simple", "think", "tick" }) do assert(not ran[what], what) end
            host.hibernate(false)
            host.wait(function() return ran.thrice == 3 and ran.late and ran.simple and ran.think and ran.tick end, 10, "all")
            assert(CurTime() > 0)
            host.exit()
        end)
        "#,
    )
    .options(&["--hibernate"])
    .run()
    .code(0);
}

#[test]
fn a_timer_that_raises_is_reported_and_removed() {
    Script::new(
        r#"
        host.expect_errors(2)
        local ran = 0
        timer.Create("bad", 0, 0, function() ran = ran + 1 error("boo") end)
        timer.Create("worse", 0, 5, function() error({}) end)
        local others = 0
        timer.Create("good", 0, 0, function() others = others + 1 end)
        host.run(function()
            host.wait(function() return others == 5 end, 10, "the other timer")
            assert(ran == 1 and not timer.Exists("bad") and not timer.Exists("worse") and timer.Exists("good"))
            assert(host.errors()[1]:find("script.lua:4: boo$"), host.errors()[1])
            host.exit()
        end)
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn timers_do_as_the_games() {
    Script::new(
        r#"
        local log = {}
        local function note(text) return function() log[#log + 1] = text end end
        timer.Simple(0, note("simple"))
        timer.Create("ordinary", 0.0001, 1, note("ordinary"))
        timer.Create("zero", 0, 0, note("zero"))
        timer.Create("twin", 0, 0, note("first twin"))
        timer.Create("twin", 0, 0, function() note("twin")() timer.Remove("twin") timer.Simple(0, note("made inside")) end)
        assert(timer.Exists("twin"))
        host.run(function()
            assert(table.concat(log, ", ") == "zero, twin, simple", table.concat(log, ", "))
            assert(not timer.Exists("twin") and timer.Exists("ordinary"), "no game time has passed")
            host.pass()
            assert(table.concat(log, ", ", 4) == "zero, ordinary, made inside", table.concat(log, ", "))
            assert(not timer.Exists("ordinary"))

            local count = 0
            timer.Create("adjusted", 1000, 1, function() count = count + 1 end)
            timer.Adjust("adjusted", 0.001, 2)
            host.wait(function() return count == 2 end, 10, "the adjusted timer")
            assert(not timer.Exists("adjusted"))
            assert(not pcall(timer.Create, "x", 0, 0) and not pcall(timer.Simple, "soon", print))
            host.exit()
        end)
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn hooks_do_as_the_games() {
    Script::new(
        r#"
        hook.Add("Ask", "a", function(x) if x == 1 then return "a", 2 end end)
        hook.Add("Ask", "b", function(x) return x end)
        local text, number = hook.Run("Ask", 1)
        assert(text == "a" and number == 2 and hook.Run("Ask", 5) == 5, "the first answer ends the round")
        hook.Remove("Ask", "a")
        assert(hook.Run("Ask", 1) == 1 and hook.GetTable().Ask.a == nil and hook.GetTable().Ask.b)
        assert(hook.Run("Nobody") == nil)

        local ran = {}
        hook.Add("Cut", "a", function() ran.a = true hook.Remove("Cut", "b") hook.Add("Cut", "d", function() ran.d = true end) end)
        hook.Add("Cut", "b", function() ran.b = true end)
        hook.Add("Cut", "c", function() ran.c = true end)
        hook.Run("Cut")
        assert(ran.a and ran.c and not ran.b, "one that is removed in the round does not run in it")

        local gone = { IsValid = function() return false end }
        hook.Add("Ask2", gone, function() error("not called") end)
        hook.Run("Ask2")

        -- An error goes to who runs the hooks: for the engine's own, to the console, and the round is over.
        host.expect_errors(2)
        hook.Add("Raise", "a", function() error("raised") end)
        assert(not pcall(hook.Run, "Raise"))
        local thinks, after = 0, 0
        hook.Add("Think", "a", function() thinks = thinks + 1 if thinks <= 2 then error("in think") end end)
        hook.Add("Think", "b", function() after = after + 1 end)
        host.run(function()
            host.pass(4)
            assert(thinks == 5 and after == 3, after)
            host.exit()
        end)
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn require_takes_the_binary_first_and_once() {
    Script::new(
        r#"
        assert(util.IsBinaryModuleInstalled("realtime") and not util.IsBinaryModuleInstalled("other"))
        assert(not util.IsBinaryModuleInstalled("../bin/realtime"))
        require("realtime")
        require("realtime")
        assert(probe.opened == 1 and lua_module_ran == nil)
        require("luamodule")
        assert(lua_module_ran == 1)
        require("luamodule")
        assert(lua_module_ran == 1)
        host.exit()
        "#,
    )
    .module(PROBE)
    .addon_file("lua/includes/modules/realtime.lua", "lua_module_ran = 1")
    .addon_file("lua/includes/modules/luamodule.lua", "lua_module_ran = (lua_module_ran or 0) + 1")
    .run()
    .code(0)
    .stderr("probe: closed 1 of 1");
}

#[test]
fn require_fails_in_the_engines_words() {
    Script::new("require('nope')")
        .run()
        .code(1)
        .stderr("Couldn't include file 'includes/modules/nope.lua'")
        .stderr("script.lua:1: Module not found!")
        .stderr("1. error")
        .stderr("2. require - [C]:-1");
    Script::new("require('realtime')")
        .module(file!())
        .run()
        .code(1)
        .stderr("script.lua:1: Couldn't load module library! (")
        .stderr("gmsv_realtime_linux64.dll: ");
}

#[test]
fn include_looks_beside_the_file_and_in_addons() {
    let outcome =
        Script::new("print(include('lib/a.lua')) include('shared.lua') include('nope.lua') host.exit()")
            .file("lib/a.lua", "return include('b.lua')")
            .file("lib/b.lua", "return debug.getinfo(1, 'S').source:match('lib/b.lua$')")
            .addon_file("lua/shared.lua", "print('shared', debug.getinfo(1, 'S').short_src)")
            .addon_file("lua/autorun/first.lua", "print('first')")
            .addon_file("lua/autorun/server/second.lua", "print('second')")
            .run();
    outcome.code(0).stdout("first\nsecond\nlib/b.lua\nshared\taddons/addon/lua/shared.lua\n");
    outcome.stderr("Couldn't include file 'nope.lua'");
}

#[test]
fn the_process_is_as_the_games_a_bad_write_kills_it() {
    Script::new("require('realtime') assert(probe.sigpipe_is_default()) host.exit()")
        .module(PROBE)
        .run()
        .code(0);
    let outcome =
        Script::new("require('realtime') probe.write_to_closed_pipe() host.exit()").module(PROBE).run();
    outcome.killed_by(libc::SIGPIPE);
}

#[test]
fn there_is_one_luajit() {
    Script::new("require('realtime') print(probe.luajits(), probe.same_luajit()) host.exit()")
        .module(PROBE)
        .run()
        .code(0)
        .stdout("1\ttrue\n");
}

#[test]
fn a_map_change_makes_a_fresh_state_and_keeps_what_is_kept() {
    let script = r#"
        assert(leftover == nil)
        leftover = true
        require("realtime")
        print(host.map_number, host.kept("number"), host.kept("text"), probe.opened, probe.closed, #host.close_times())
        host.keep("number", (host.kept("number") or 0) + 1)
        host.keep("text", "a\0b")
        assert(not pcall(host.keep, "table", {}))
        timer.Create("x", 0, 0, function() if host.map_number == 3 then host.exit() else host.next_map() end end)
        "#;
    Script::new(script)
        .module(PROBE)
        .run()
        .code(0)
        .stdout("1\tnil\tnil\t1\t0\t0\n2\t1\ta\0b\t2\t1\t1\n3\t2\ta\0b\t3\t2\t2\n")
        .stderr("probe: closed 3 of 3");
}

#[test]
fn expectations_hold_over_maps() {
    let script = "
        ErrorNoHaltWithStack('on map ' .. host.map_number)
        if host.map_number == 2 then host.exit() end
        host.next_map()";
    Script::new(&format!("host.expect_errors(1) {script}")).run().code(0);
    Script::new(script).run().code(1).stderr("on map 1");
}

#[test]
fn modules_are_unloaded_when_asked_in_both_orders() {
    // What counts in the probe is its own memory: a fresh count means that it was gone.
    let script = "
        require('realtime')
        print('opened', probe.opened)
        witness = newproxy(true)
        getmetatable(witness).__gc = function() ErrorNoHalt('lua_close') end
        if host.map_number == 2 then host.exit() else host.next_map() end";
    for (when, second) in [("never", "opened\t2"), ("before", "opened\t1"), ("after", "opened\t1")] {
        let outcome = Script::new(script).module(PROBE).options(&["--unload", when]).run();
        outcome.code(0).stdout(second);
        let stderr = outcome.stderr_text();
        let place = |text| stderr.find(text).unwrap_or_else(|| panic!("{when}: no {text:?} in {stderr}"));
        let (closed, unloaded, lua_closed) =
            (place("probe: closed"), place("probe: unloaded"), place("lua_close"));
        assert!(closed < unloaded.min(lua_closed), "{when}: {stderr}");
        assert_eq!(unloaded < lua_closed, when == "before", "{when}: {stderr}");
    }
}

#[test]
fn memory_runs_out_on_demand() {
    Script::new(
        r#"
        require("realtime")
        local probe, fail = probe, host.fail_alloc_after
        host.test("in a protected call", function()
            fail(100)
            local some = pcall(probe.push_strings, 50)
            local ok, err = pcall(probe.push_strings, 1000)
            fail(nil)
            assert(some and not ok and err == "not enough memory", err)
            assert(pcall(probe.push_strings, 1000))
        end)
        host.test("what frees memory needs none", function()
            local garbage = ("x"):rep(1e6)
            garbage = nil
            fail(0)
            local ok, err = pcall(collectgarbage)
            fail(nil)
            assert(ok, err)
        end)
        host.test("in a timer, which is reported and removed; the server goes on", function()
            host.expect_errors(1)
            timer.Create("greedy", 0, 0, function() probe.push_strings(1000) end)
            local before = host.ticks()
            local function later() return host.ticks() > before + 20 end
            fail(10)
            host.wait(later)
            fail(nil)
            assert(not timer.Exists("greedy"))
            assert(host.errors()[1] == "not enough memory", host.errors()[1])
        end)
        host.test("and ErrorNoHaltWithStack needs none", function()
            host.expect_errors(1)
            fail(0)
            ErrorNoHaltWithStack("from an empty heap")
            fail(nil)
            assert(host.errors()[2] == "from an empty heap")
        end)
        "#,
    )
    .module(PROBE)
    .run()
    .code(0)
    .stdout("4 passed, 0 failed");
}

#[test]
fn a_state_ends_well_while_memory_is_out() {
    Script::new("require('realtime') host.fail_alloc_after(0) host.exit()")
        .module(PROBE)
        .run()
        .code(0)
        .stderr("probe: closed 1 of 1");
}

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
        .stdout("REDIS_URL names another server");
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
            { "health", "loading" }, { "health", "serving" }, { "hello", "noproto" }, { "hello", "full" }, { "max_clients", 5 },
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
    if !support::real_server() {
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

#[test]
fn the_games_globals_are_there() {
    Script::new(include_str!("globals.lua")).run().code(0).stdout("all there\n");
}
