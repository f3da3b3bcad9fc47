//! The command line, exit codes, errors and timeouts.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::support::{self, Script};

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
        vec!["--color", "green"],
        vec!["--module"],
    ] {
        support::host(&options).code(64).stderr("Usage: gmod-host");
    }
    support::host(&["--help"]).code(0).stdout("Usage: gmod-host");
}

#[test]
fn what_is_not_there_is_named() {
    support::host(&["no/such.lua"]).code(1).stderr("no/such.lua");
    support::host(&["--module", "no/such.so", "x.lua"]).code(1).stderr("no/such.so does not exist");
    support::host(&["--addon", "no/such/addon", "x.lua"]).code(1).stderr("no/such/addon");
    Script::new("host.exit(0)")
        .addon_file("autorun/a.lua", "print('the folder lua itself was named')")
        .run()
        .code(0)
        .stderr("addon has no folder lua: no Lua of it runs");
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
fn a_traceback_of_a_full_stack_stays_short() {
    // Whether the handler of errors has room on a full stack depends on what LuaJIT compiled.
    for compiler in ["jit.on()", "jit.off()"] {
        Script::new(&format!("{compiler} local function deeper() return 1 + deeper() end deeper()"))
            .run()
            .code(1)
            .stderr("stack overflow")
            .no_stderr("101. ");
    }
    Script::new(
        "local function deeper(n) if n == 0 then error('boo') end return 1 + deeper(n - 1) end deeper(150)",
    )
    .run()
    .code(1)
    .stderr("100. deeper - ")
    .stderr("  and more\n")
    .no_stderr("101. ");
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
    for (least, most, code) in [(0, 5, 0), (2, 2, 0), (2, 3, 0), (3, 5, 1), (1, 1, 1)] {
        let expected = format!("host.expect_errors({least}, {most}) {reported} {reported} host.exit(0)");
        Script::new(&expected).run().code(code);
    }
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
fn an_id_is_the_servers_own() {
    let addon = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua");
    let addon = addon.to_str().expect("UTF-8");
    let script = "
        local realtime = include('realtime/load.lua')
        local id, is_named = realtime.ServerId()
        local players, problem = realtime.Players()
        print('the id:', id, is_named, players and 'has players' or problem)
        host.exit()";
    let run = |options: &[&str]| Script::new(script).options(&["--addon", addon]).options(options).run();
    run(&["--configured", "--id", "ttt-1"]).code(0).stdout("the id:\tttt-1\ttrue\thas players\n");
    run(&["--configured"]).code(0).no_stdout("has players");
    for wrong in ["", "two words", "a/b", &"x".repeat(63)] {
        run(&["--id", wrong]).code(64).stderr("--id takes 1 to 62 letters, digits, _ . and -");
    }
    // The id in the file of a server that stays is not changed.
    let folder = support::fresh_folder();
    let game = folder.to_str().expect("UTF-8");
    let file = folder.join("garrysmod/data/realtime.json");
    run(&["--game", game, "--id", "ttt-1"]).code(0);
    run(&["--game", game, "--id", "ttt-1"]).code(0);
    // The module finds the file in the game's folder, and closes it to other users.
    assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o007, 0);
    run(&["--game", game, "--id", "ttt-2"]).code(1).stderr("--id ttt-2: ").stderr(
        "garrysmod/data/realtime.json has the id \"ttt-1\"; change the file, or leave the option out",
    );
    support::write(&file, "{ \"url\": \"redis://127.0.0.1:1\" }");
    run(&["--game", game, "--id", "ttt-1"]).code(1).stderr("has no id");
    fs::remove_dir_all(folder).expect("the folder");
}

#[test]
fn the_demo_says_what_it_measures() {
    Script::new(include_str!("../../../../lua/examples/demo.lua"))
        .run()
        .code(0)
        .stdout("[alpha] connected to the embedded server over RESP3\n")
        .stdout(
            "latency: from the publish to the callback; most of it is the wait for a tick, every 15 ms\n",
        );
}

#[test]
fn the_environment_chooses_the_protocol() {
    let script = "print(type(host.protocol), host.protocol) host.exit()";
    Script::new(script).run().stdout("nil\tnil\n");
    Script::new(script).env("HOST_PROTOCOL", "2").run().stdout("number\t2\n");
    Script::new(script).env("HOST_PROTOCOL", "4").run().code(1).stderr("HOST_PROTOCOL is 2 or 3, not '4'");
}
