//! The game's additions to Lua, in code from any source.

use crate::{
    session::{Folder, Session},
    support::Script,
};

/// Each way of continuing a loop, and the other extensions of the game's Lua.
const ADDON: &str = r#"
// A comment, and /* no other
/* one over
lines */
function odd(last)
    local found = {}
    for i = 1, last do
        if i % 2 == 0 then continue end
        local late = i // a local behind a continue
        found[#found + 1] = late
    end
    return table.concat(found, ",")
end
function first_odd(from) for i = from, 100 do if (i % 2 != 1) then continue end return i end end
function until_three() local i = 0 repeat i = i + 1 if i == 2 then continue end until i >= 3 return i end
function nested()
    local seen = 0
    for a = 1, 3 do
        local b = 0
        while b < 3 do
            b = b + 1
            if b == a then continue end
            if b == 3 then break end
            seen = seen + 1
        end
        if a == 2 then continue end
        seen = seen + 10
    end
    return seen
end
truth = !false && (nil || "yes") != "no"
LINE = debug.getinfo(1, "l").currentline
"#;

#[test]
fn files_strings_and_the_script_speak_it() {
    Script::new(
        r#"
        assert(odd(5) == "1,3,5" && first_odd(4) == 5 && until_three() == 3 && truth == true)
        // 1: b = 2; 2: b = 1; 3: b = 1, 2
        assert(nested() == 24, nested())
        assert(LINE == 32, LINE)
        assert(included == 6)
        assert(CompileString("return 1 != 2", "s")() && !CompileString("return !1 || nil", "s")())
        RunString("for i = 1, 3 do if i != 3 then continue end ran = i end")
        assert(ran == 3)
        local said = CompileString("x = 1\n/* two\nlines */ x = = 2", "place", false)
        assert(said == "place:3: unexpected symbol near '='", said)
        said = CompileString("continue", "place", false)
        assert(type(said) == "string")
        assert(CompileString("x = 1 /* no end", "place", false) != nil)
        assert(!pcall(CompileString))
        host.exit()
        "#,
    )
    .addon_file("lua/autorun/dialect.lua", &format!("{ADDON}\ninclude('other/file.lua')"))
    .addon_file(
        "lua/other/file.lua",
        "included = 0 for i = 1, 3 do if !i then continue end included = included + i end",
    )
    .run()
    .code(0);
}

#[test]
fn the_prompt_speaks_it() {
    let mut session = Session::prompt(&Folder::new(), &[]);
    session.line("1 != 2 && !nil // so it is").next("true");
    session
        .line("for i = 1, 3 do")
        .line("if i == 2 then continue end")
        .line("print(i)")
        .line("end")
        .next("1");
    session.next("3");
    session.line("/* 1").line("2").line("*/ 'clo' .. 'sed'").next("closed");
    session.end_of_input().ends(0);
}
