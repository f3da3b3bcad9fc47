//! The console's colours.

use crate::support::Script;

const SCRIPT: &str = r"
    MsgC(Color(255, 0, 0), 'red', Color(255, 255, 255), 'white', ' ', 1, '\n')
    MsgC('plain\n')
    print('printed')
    ErrorNoHalt('careful\n')
    host.expect_errors(0, 1)
    host.put('console', table.concat(host.console(), '\n'))
    print((file.Read('console', 'MOD'):gsub('\27', 'ESCAPE')))
";

#[test]
fn each_kind_of_line_has_its_own() {
    let script = Script::new(&format!("{SCRIPT} error('boo')")).options(&["--color", "always"]);
    script
        .run()
        .code(1)
        .stdout("\x1b[31mred\x1b[0mwhite 1\nplain\nprinted\n")
        .stderr("\x1b[33m[ERROR] script.lua:5: careful\x1b[0m\n")
        .stderr("\x1b[31m[ERROR] script.lua:9: boo\x1b[0m\n\x1b[31m  1. error - [C]:-1\x1b[0m\n");
    Script::new("")
        .options(&["--color", "always", "--timeout", "0.1"])
        .run()
        .stderr("\x1b[2mgmod-host: no host.exit");
}

#[test]
fn the_console_that_scripts_read_has_none() {
    let lines = "\nredwhite 1\nplain\nprinted\n\n[ERROR] script.lua:5: careful\n";
    let script = format!("{SCRIPT} host.exit(0)");
    Script::new(&script).options(&["--color", "always"]).run().code(0).stdout(lines).no_stdout("ESCAPE");
}

#[test]
fn a_pipe_has_none_unless_it_is_told() {
    for options in [&[][..], &["--color", "auto"], &["--color", "never"]] {
        let script = Script::new(&format!("{SCRIPT} error('boo')")).options(options);
        script.run().code(1).no_stdout("\x1b").no_stderr("\x1b");
    }
}
