//! The command line, exit codes, errors and timeouts.

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
fn the_environment_chooses_the_protocol() {
    let script = "print(type(host.protocol), host.protocol) host.exit()";
    Script::new(script).run().stdout("nil\tnil\n");
    Script::new(script).env("HOST_PROTOCOL", "2").run().stdout("number\t2\n");
    Script::new(script).env("HOST_PROTOCOL", "4").run().code(1).stderr("HOST_PROTOCOL is 2 or 3, not '4'");
}
