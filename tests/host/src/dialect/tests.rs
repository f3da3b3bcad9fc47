//! Sources and what becomes of them.

use super::plain;

#[track_caller]
fn becomes(source: &str, wanted: &str) {
    let plain = plain(source.as_bytes());
    assert_eq!(String::from_utf8_lossy(&plain), wanted, "from {source}");
}

#[test]
fn plain_lua_stays_as_it_is() {
    for source in [
        "",
        "x = a ~= b and not c or d -- a != b",
        "for i = 1, 2 do goto continue ::continue:: end",
        "x = { ['a!'] = \"b && c\", d = 'e // f \\' || g', h = [[ i != j ]], k = [==[ ]] // ]==] }",
        "--[[ a != b\n ]] --[==[ ]] c != d ]==] x = 1",
        "x = a.continue + b:continue()",
        "x = t[t[1]] / 2 % 3 .. ':' # y",
        "x = '\\\n!' y = \"\\\\\"",
        "s = 'not closed != \n",
        "s = [[ not closed != ",
        "s = 1 --[[ not closed != ",
        "s = 1 /* not closed != ",
        "\u{1b}LJ != ",
    ] {
        becomes(source, source);
    }
}

#[test]
fn operators_are_words() {
    becomes("if a != b && !c || d then", "if a ~= b  and   not c  or  d then");
    becomes("x=!!a!=b", "x= not  not a~=b");
    becomes("x = 'a' != \"b\" != [[c]]", "x = 'a' ~= \"b\" ~= [[c]]");
}

#[test]
fn comments_leave_lines_where_they_are() {
    becomes("a() // b != c\nd()", "a() --  b != c\nd()");
    becomes("a() //[[ b\nd()", "a() -- [[ b\nd()");
    becomes("a() /* b\n!= // c\n*/ d()", "a()  \n\n d()");
    becomes("u = 'http://x' // y", "u = 'http://x' --  y");
    becomes("a() -- /* b\nc() // */", "a() -- /* b\nc() --  */");
}

#[test]
fn continue_goes_to_the_end_of_its_loop() {
    becomes(
        "for k, v in pairs(t) do if v then continue end f(v) end",
        "for k, v in pairs(t) do do if v then goto continue_1 end f(v) end ::continue_1:: end",
    );
    // A comment where the body begins.
    becomes("while a do// b\ncontinue end", "while a do do--  b\ngoto continue_1 end ::continue_1:: end");
    // The inner loop has none.
    becomes(
        "while a do for i = 1, 2 do f() end if b then continue end end",
        "while a do do for i = 1, 2 do f() end if b then goto continue_1 end end ::continue_1:: end",
    );
    becomes(
        "while a do for i = 1, 2 do continue end continue end",
        "while a do do for i = 1, 2 do do goto continue_2 end ::continue_2:: end goto continue_1 end ::continue_1:: end",
    );
    becomes(
        "repeat if a then continue end until b",
        "repeat if a then goto continue_1 end ::continue_1:: until b",
    );
    // A word behind a string, a number or two dots is no field.
    becomes(
        "while a do if b then x = y .. 'z' end continue z = 1. end while a do w = y .. function() end continue end",
        "while a do do if b then x = y .. 'z' end goto continue_1 z = 1. end ::continue_1:: end while a do do w = y .. function() end goto continue_2 end ::continue_2:: end",
    );
    // A function in the head, and a loop in a function in a loop.
    becomes(
        "while f(function() return 1 end) do continue end",
        "while f(function() return 1 end) do do goto continue_1 end ::continue_1:: end",
    );
    becomes(
        "for i = 1, 2 do g(function() for j = 1, 2 do continue end end) end",
        "for i = 1, 2 do g(function() for j = 1, 2 do do goto continue_2 end ::continue_2:: end end) end",
    );
}

#[test]
fn continue_outside_of_a_loop_is_left_to_lua() {
    for source in ["continue", "for i = 1, 2 do f(function() continue end) end", "if a then continue end"] {
        becomes(source, source);
    }
}
