//! `tests/host/gluatest.lua`: an addon's tests in GLuaTest's format, from the outside.

use crate::support::Script;

const PASSING: &str = r#"return { groupName = "good", cases = {
    { name = "a case", func = function() expect(1).to.equal(1) end },
    { name = "another", skip = true, func = function() end },
} }"#;

fn runner() -> Script {
    Script::new(include_str!("../../gluatest.lua"))
        .file("gluatest/main.lua", include_str!("../../gluatest/main.lua"))
        .file("gluatest/runner.lua", include_str!("../../gluatest/runner.lua"))
        .file("gluatest/expect.lua", include_str!("../../gluatest/expect.lua"))
        .file("gluatest/stub.lua", include_str!("../../gluatest/stub.lua"))
        .addon_file("lua/tests/good/a.lua", PASSING)
}

#[test]
fn what_passes_ends_with_0() {
    runner()
        .run()
        .stdout("ok      good: a case\n")
        .stdout("skipped good: another\n")
        .stdout("1 passed, 0 failed, 0 empty, 1 skipped\n")
        .code(0);
}

#[test]
fn one_that_fails_or_expects_nothing_ends_with_1() {
    runner()
        .addon_file(
            "lua/tests/bad/a.lua",
            r#"return { cases = { { name = "a case", func = function() expect(1).to.equal(2) end } } }"#,
        )
        .run()
        .stdout("FAILED  tests/bad/a.lua: a case\nlua/tests/bad/a.lua:1: Expected 1 to equal 2\nok      good")
        .stdout("1 passed, 1 failed, 0 empty, 1 skipped\n")
        .code(1);
    runner()
        .addon_file(
            "lua/tests/bad/a.lua",
            r#"return { cases = { { name = "a case", func = function() end } } }"#,
        )
        .run()
        .stdout("EMPTY   tests/bad/a.lua: a case\n")
        .code(1);
}

#[test]
fn the_command_line_names_projects() {
    let bad = r#"return { cases = { { name = "bad", func = function() error("bad") end } } }"#;
    runner()
        .addon_file("lua/tests/bad/a.lua", bad)
        .arguments(&["good"])
        .run()
        .stdout("1 passed, 0 failed")
        .code(0);
    runner().arguments(&["misspelt"]).run().stdout("no case of lua/tests/PROJECT/*.lua passed\n").code(1);
}

#[test]
fn realtimes_addon_finds_a_redis() {
    runner()
        .addon_file(
            "lua/tests/config/a.lua",
            r#"return { cases = { { name = "url", func = function()
                expect(util.JSONToTable(file.Read("realtime.json", "DATA")).url).to.equal(host.redis_url)
            end } } }"#,
        )
        .run()
        .stdout("2 passed, 0 failed")
        .code(0);
}
