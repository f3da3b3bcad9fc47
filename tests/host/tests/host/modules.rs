//! Binary modules, map changes, and the process around them.

use crate::support::{PROBE, Script};

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
    // The probe's counter is in its own memory: a fresh count means that it was unloaded.
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
fn a_test_that_dies_of_it_says_so() {
    Script::new("host.test('greedy', function() host.fail_alloc_after(0) local t = {} end)")
        .run()
        .code(1)
        .stdout("FAILED  greedy\nnot enough memory");
}

#[test]
fn a_state_ends_well_while_memory_is_out() {
    Script::new("require('realtime') host.fail_alloc_after(0) host.exit()")
        .module(PROBE)
        .run()
        .code(0)
        .stderr("probe: closed 1 of 1");
}
