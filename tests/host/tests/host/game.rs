//! Timers, globals and files, as in the game.

use crate::support::{PROBE, Script};

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

/// The same file passes on the game's own Lua files (`.ci/game-lua`).
#[test]
fn what_is_strict_in_the_game_is_strict_here() {
    Script::new(include_str!("truths.lua")).run().code(0).stdout("all true\n");
}

#[test]
fn the_games_globals_are_there() {
    Script::new(include_str!("globals.lua")).run().code(0).stdout("all there\n");
}

#[test]
fn addons_are_mounted_into_game_and_not_into_mod() {
    Script::new(
        r#"
        host.put("lua/bin/own.dll", "own")
        local function found(root) return table.concat(file.Find("lua/bin/*.dll", root), " ") end
        assert(found("MOD"):find("own.dll") and not found("MOD"):find("theirs.dll"), found("MOD"))
        assert(found("GAME"):find("own.dll.* theirs.dll"), found("GAME"))
        assert(file.Exists("lua/bin/theirs.dll", "GAME") and not file.Exists("lua/bin/theirs.dll", "MOD"))
        assert(file.Read("lua/bin/theirs.dll", "GAME") == "x" and file.Read("only/one.lua", "LUA") == "y")
        assert(#file.Find("no/such/*", "GAME") == 0 and file.Find("*", "NOWHERE") == nil)
        host.move("lua/bin/own.dll", "some/where/else.dll")
        assert(file.Read("some/where/else.dll", "MOD") == "own" and not file.Exists("lua/bin/own.dll", "MOD"))
        host.delete("some/where/else.dll")
        assert(not file.Exists("some/where/else.dll", "MOD"))
        assert(not pcall(host.delete, "some/where/else.dll") and not pcall(host.move, "nothing", "x"))
        assert(not pcall(host.put, "../outside", ""))
        host.exit()
        "#,
    )
    .addon_file("lua/bin/theirs.dll", "x")
    .addon_file("lua/only/one.lua", "y")
    .run()
    .code(0);
}

#[test]
fn shut_down_runs_at_the_end_of_each_map_before_the_modules_close() {
    let script = r#"
        require("realtime")
        hook.Add("ShutDown", "test", function() ErrorNoHalt("shut down ", host.map_number, "\n") end)
        if host.map_number == 2 then host.exit() else host.next_map() end"#;
    let outcome = Script::new(script).module(PROBE).run();
    let stderr = outcome.code(0).stderr_text();
    let places = ["shut down 1", "probe: closed 1", "shut down 2", "probe: closed 2"];
    let places = places.map(|text| stderr.find(text).unwrap_or_else(|| panic!("no {text:?} in {stderr}")));
    assert!(places.is_sorted(), "{stderr}");
}

#[test]
fn what_may_crash_the_game_while_modules_are_closed_fails_the_script() {
    for (call, code) in
        [("Msg('x')", 1), ("MsgC(color_white, 'x')", 1), ("ErrorNoHalt('x')", 1), ("print('x')", 0)]
    {
        let script = format!("require('realtime') realtime.OnClose(function() {call} end) host.exit()");
        let outcome = Script::new(&script).run();
        outcome.code(code);
        if code == 1 {
            outcome.stderr("within gmod13_close: it may crash the game; print works");
        }
    }
}

#[test]
fn the_environment_can_be_set_and_unset() {
    let script = "
        require('realtime')
        host.setenv('REALTIME_URL', 'nonsense://')
        local _, set = pcall(realtime.Connect)
        host.setenv('REALTIME_URL', nil)
        local _, unset = pcall(realtime.Connect)
        assert(set:find('nonsense') and unset:find('set the environment variable'), unset)
        host.exit()";
    Script::new(script).run().code(0);
}
