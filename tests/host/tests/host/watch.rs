//! Lua files that change on disk run again.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{fs, path::Path};

use crate::{
    session::{Folder, Session, publish},
    support::{Script, write},
};

/// Like editors that replace a file in one step.
fn replace(file: &Path, contents: &str) {
    let new = file.with_extension("new");
    write(&new, contents);
    fs::rename(new, file).expect("a file");
}

#[test]
fn a_file_of_an_addon_runs_again_however_it_was_written() {
    let folder = Folder::new();
    let file = folder.join("addon/lua/autorun/server/a.lua");
    write(&file, "print('one')");
    let mut session = Session::prompt(&folder, &["--addon", "addon"]);
    session.next("one");
    write(&file, "print('two')");
    session.next("gmod-host: addons/addon/lua/autorun/server/a.lua has changed and runs again");
    session.next("two");
    replace(&file, "print('three')");
    session.next("gmod-host: addons/addon/lua/autorun/server/a.lua has changed and runs again");
    session.next("three");
    session.line("quit").ends(0);
}

#[test]
fn an_error_in_it_ends_nothing() {
    let folder = Folder::new();
    let file = folder.join("addon/lua/autorun/a.lua");
    write(&file, "print('one')");
    let mut session = Session::prompt(&folder, &["--addon", "addon"]);
    session.next("one");
    replace(&file, "error('boo')");
    session.until("[ERROR] addons/addon/lua/autorun/a.lua:1: boo");
    replace(&file, "x = = 1");
    session.until("[ERROR] addons/addon/lua/autorun/a.lua:1: unexpected symbol near '='");
    replace(&file, "print('mended')");
    session.until("mended");
    session.line("quit").ends(0);
}

#[test]
fn whatever_ran_counts_and_nothing_else() {
    let folder = Folder::new();
    let addon = |path: &str| folder.join("addon/lua").join(path);
    write(&addon("autorun/a.lua"), "include('my/part.lua')");
    write(&addon("my/part.lua"), "print('part')");
    write(&addon("my/unused.lua"), "print('unused')");
    write(&addon("includes/modules/tool.lua"), "print('tool')");
    write(&folder.join("script.lua"), "print('script') include('beside.lua') require('tool')");
    write(&folder.join("beside.lua"), "print('beside')");
    let mut session = Session::prompt(&folder, &["--addon", "addon", "--prompt", "script.lua"]);
    for line in ["part", "script", "beside", "tool"] {
        session.next(line);
    }
    replace(&addon("my/unused.lua"), "print('used')");
    for (file, name) in [
        (addon("my/part.lua"), "addons/addon/lua/my/part.lua"),
        (folder.join("beside.lua"), "beside.lua"),
        (addon("includes/modules/tool.lua"), "addons/addon/lua/includes/modules/tool.lua"),
    ] {
        replace(&file, "print('again')");
        session.next(&format!("gmod-host: {name} has changed and runs again"));
        session.next("again");
    }
    // The files that it includes run with it, changed or not, and once.
    replace(&folder.join("beside.lua"), "print('new')");
    replace(&folder.join("script.lua"), "include('beside.lua') print('end')");
    session.until("gmod-host: script.lua has changed and runs again");
    session.next("new");
    session.next("end");
    // The game's own folder, and a fresh Lua state.
    session.line("host.put('lua/own.lua', 'print(1)') include('own.lua')").until("1");
    session
        .line("host.put('lua/own.lua', 'print(2)')")
        .next("gmod-host: lua/own.lua has changed and runs again");
    session.next("2");
    session.line("changelevel").next("again");
    session.next("new");
    session.next("end");
    session.line("host.put('lua/own.lua', 'print(3)') print('not included here')").next("not included here");
    replace(&folder.join("script.lua"), "print('quit')");
    session.next("gmod-host: script.lua has changed and runs again");
    session.next("quit");
    session.line("quit").ends(0);
}

/// Files run again only with `--watch`, and never during a test's run.
#[test]
fn it_is_an_option_of_its_own() {
    let script = r"
        ran = (ran or 0) + 1
        if ran > 1 then return end
        host.put('lua/a.lua', 'count = 1')
        include('a.lua')
        host.put('lua/a.lua', 'count = count + 10')
        host.run(function()
            print('count', host.wait(function() return count == 11 end, tonumber(host.args[1])))
            host.exit(0)
        end)
    ";
    Script::new(script).arguments(&["1"]).run().code(0).stdout("count\tfalse\n");
    Script::new(script).options(&["--watch"]).arguments(&["20"]).run().code(0).stdout("count\ttrue\n");
}

/// The steps of a script's author: change the file that subscribes, and publish.
#[test]
fn a_client_with_an_id_has_no_twin_after_it() {
    let source = |text: &str| {
        format!(
            "require('realtime')
            local client = realtime.Connect(host.redis_url, {{ id = 'mine' }})
            client:On('subscribed', function() print('subscribed') end)
            client:Subscribe('test', function(message) print('{text} ' .. message) end)"
        )
    };
    let folder = Folder::new();
    let file = folder.join("addon/lua/autorun/server/a.lua");
    write(&file, &source("old"));
    let mut session = Session::start(&folder, &["--addon", "addon"], &[]);
    let said = session.next("gmod-host: the embedded Redis is at redis://127.0.0.1:…");
    let url = &said[said.find("redis://").expect("a URL")..];
    session.until("subscribed");
    assert_eq!(publish(url, "test", "one"), 1);
    session.next("old one");
    replace(&file, &source("new"));
    session.next("gmod-host: addons/addon/lua/autorun/server/a.lua has changed and runs again");
    session.line("#realtime.Clients()").next("1");
    assert_eq!(publish(url, "test", "two"), 1);
    session.next("new two");
    session.line("quit").ends(0);
}
