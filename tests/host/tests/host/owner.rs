//! A new owner's path, followed to the letter: an empty folder, the steps of docs/owners.md, the host in place of the game.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    session::{Folder, Session, publish},
    support::{self, write},
};

const OWNERS: &str = include_str!("../../../../docs/owners.md");

/// The guide's lines must appear, except for its version of Redis.
fn announced(line: &str) -> &str {
    assert!(OWNERS.contains(line), "docs/owners.md no longer says {line:?}");
    line
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file");
        }
    }
}

/// The module that cargo built, and its place on this system.
fn built() -> PathBuf {
    let program = support::command().get_program().to_owned();
    Path::new(&program).parent().expect("a folder").join("deps/librealtime.so")
}

const MODULE: &str = "lua/bin/gmsv_realtime_linux64.dll";

/// The server, with only the files that its owner has put there.
fn start(folder: &Path, tick_rate: &str) -> Session {
    let options = ["--game", "server", "--module", "none", "--tick-rate", tick_rate];
    let mut session = Session::start(folder, &options, &[]);
    session.until("gmod-host: type Lua, …");
    session
}

#[test]
fn an_owner_gets_from_an_empty_folder_to_a_message() {
    ["22", "66", "100"].into_iter().for_each(follow);
}

fn follow(tick_rate: &str) {
    // The Redis of another machine.
    let folder = Folder::new();
    let mut redis = Session::start(&folder, &[], &[]);
    let said = redis.next("gmod-host: the embedded Redis is at redis://127.0.0.1:…");
    let url = &said[said.find("redis://").expect("a URL")..];

    // The folder is still empty.
    let mut server = start(&folder, tick_rate);
    server.line("realtime_status").next("Unknown command \"realtime_status\", …");
    server.line("quit").ends(0);

    // The addon alone: the console names the file that is missing, and where it goes.
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    copy(&repository.join("lua"), &folder.join("server/garrysmod/addons/realtime"));
    let mut server = start(&folder, tick_rate);
    server.next("[realtime] the binary module is missing. …");
    let module = server.next("    garrysmod/lua/bin/gmsv_realtime_linux….dll");
    assert!(OWNERS.contains(module.trim()), "docs/owners.md does not name {module}");
    server.until("Put the file there, under exactly this name, and restart the server.");
    server.line("quit").ends(0);

    let place = folder.join("server").join(module.trim());
    fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
    fs::copy(built(), place).expect("the module");
    let mut server = start(&folder, tick_rate);
    server.next("[realtime] wrote garrysmod/data/realtime.json: …");
    server.next("[realtime] this server has no id: …");
    server.next("[realtime] no Redis is configured: write its URL into garrysmod/data/realtime.json …");
    server.line("quit").ends(0);

    let configuration = announced("{ \"url\": \"redis://gmod:secret@10.0.0.5:6379\", \"id\": \"ttt-1\" }")
        .replace("redis://gmod:secret@10.0.0.5:6379", url);
    write(&folder.join("server").join(announced("garrysmod/data/realtime.json")), &configuration);
    let mut server = start(&folder, tick_rate);
    server.next(announced("[realtime] connected to redis 7.0.15 as \"ttt-1\""));
    server.line(announced("realtime_tail chat")).next("showing chat; realtime_tail chat ends it");
    server.line("host.run(function() host.wait(function() return realtime.Default():Stats().confirmed == 1 end) print('ok') end)");
    server.until("ok");
    assert_eq!(publish(url, "chat", "hello"), 1);
    server.next(announced("[chat] hello"));
    server.line(announced("realtime_status")).until("    subscriptions  1, 1 confirmed");
    server.next("      confirmed    chat, 1 callbacks");
    server.next("    up             …");
    server.line(announced("realtime_ping")).next("realtime.Default at 127.0.0.1:…: … ms");
    server.line("quit").ends(0);
    redis.line("quit");
}

/// An interrupted upload. The loader maps the parts that the file's header names, and the first access to a
/// missing one is SIGBUS.
#[test]
fn a_module_that_was_cut_short_does_not_end_the_game() {
    let built = fs::read(built()).expect("the module");
    // Before the end of the segments the loader dies; after it only data for debuggers is missing.
    for part in [1_usize, 30, 60, 90, 99] {
        let folder = Folder::new();
        let server = folder.join("server/garrysmod");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua"), &server.join("addons/realtime"));
        let module = server.join(MODULE);
        fs::create_dir_all(module.parent().expect("a folder")).expect("a folder");
        fs::write(&module, &built[..built.len() * part / 100]).expect("a file");
        let mut server = start(&folder, "66");
        server.next(&format!("[realtime] garrysmod/{MODULE} is incomplete:"));
        server.next(&format!("    {} bytes of it are there, of {}.", built.len() * part / 100, built.len()));
        server.next("It was not loaded, because that can end the game.");
        server.next("Take gmsv_realtime_linux64.dll out of the release's zip again (stop the server first), and restart the server.");
        server.line("realtime_status").next("Unknown command \"realtime_status\", …");
        server.line("1 + 1").next("2");
        server.line("quit").ends(0);
    }
}

/// Authors may keep addons and the module elsewhere; none of them is left in the server's own folders.
#[test]
fn a_servers_folder_takes_in_what_lies_elsewhere() {
    let folder = Folder::new();
    write(&folder.join("mine/lua/autorun/a.lua"), "print('mine', file.Read('lua/my/text.lua', 'GAME'))");
    write(&folder.join("mine/lua/my/text.lua"), "text");
    write(&folder.join("server/garrysmod/addons/own/lua/autorun/b.lua"), "print('own')");
    write(&folder.join("server/garrysmod/lua/autorun/c.lua"), "print('game')");
    let options = ["--game", "server", "--addon", "mine"];
    let mut server = Session::start(&folder, &options, &[]);
    server.until("gmod-host: type Lua, …");
    for line in ["mine\ttext", "own", "game"] {
        server.next(line);
    }
    server.line("require('realtime') print(realtime.VERSION)").next("0.1.0");
    server.line("table.concat(select(2, file.Find('addons/*', 'MOD')), ' ')").next("mine own");
    server.line("file.Write('kept.txt', 'text')").next("true");
    server.line("quit").ends(0);
    let mut left = Vec::new();
    for (part, expected) in [("addons", "own"), ("lua", "autorun"), ("data", "kept.txt")] {
        let entries = fs::read_dir(folder.join("server/garrysmod").join(part)).expect("a folder");
        left.extend(entries.map(|entry| (entry.expect("an entry").file_name(), expected)));
    }
    assert!(left.iter().all(|(name, expected)| name == expected), "{left:?}");
    // Two addons with one name.
    let mut server = Session::start(&folder, &[&options[..], &["--addon", "mine"]].concat(), &[]);
    server.next("gmod-host: the addon mine cannot be used: there is an addon of that name");
    server.ends(1);
}

/// The host prints the address in the server's own configuration.
#[test]
fn the_place_to_publish_is_the_one_that_the_servers_file_names() {
    let folder = Folder::new();
    let mut redis = Session::start(&folder, &[], &[]);
    let said = redis.next("gmod-host: the embedded Redis is at redis://127.0.0.1:…");
    let url = said[said.find("redis://").expect("a URL")..].to_owned();
    let addon = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua");
    let options = ["--game", "server", "--addon", addon.to_str().expect("UTF-8")];
    let file = folder.join("server/garrysmod/data/realtime.json");

    // No address yet, so the embedded server may be used.
    let mut server = Session::start(&folder, &options, &[]);
    server.next(
        "gmod-host: garrysmod/data/realtime.json names no Redis; to use the embedded Redis, write its URL into \
         \"url\": redis://127.0.0.1:…",
    );
    server.until("[realtime] no Redis is configured: write its URL into garrysmod/data/realtime.json …");
    server.line("quit").ends(0);

    write(&file, &format!("{{ \"id\": \"ttt-1\", \"url\": \"{url}\" }}"));
    let mut server = Session::start(&folder, &options, &[]);
    server.next(&format!("gmod-host: publish from elsewhere: redis-cli -u {url} PUBLISH test hello"));
    server.until("[realtime] connected to redis 7.0.15 as \"ttt-1\"");
    server.line("realtime.Default():Subscribe('test', function(text) print('[test] ' .. text) end)");
    server.line("host.run(function() host.wait(function() return realtime.Default():Stats().confirmed == 1 end) print('ok') end)");
    server.until("ok");
    assert_eq!(publish(&url, "test", "hello"), 1);
    server.next("[test] hello");
    server.line("quit").ends(0);

    // A password stays in the file.
    write(&file, &format!("{{ \"url\": \"{}\" }}", url.replace("redis://", "redis://gmod:secret@")));
    let mut server = Session::start(&folder, &options[..2], &[]);
    server.next(&format!(
        "gmod-host: publish from elsewhere, on a channel that the user gmod may use: redis-cli -u {url} --user gmod --askpass \
         PUBLISH CHANNEL hello"
    ));
    server.next("gmod-host: type Lua, …");
    server.line("quit").ends(0);

    // The environment comes before the file, and REALTIME_URL before REDIS_URL.
    let elsewhere = [("REALTIME_URL", url.as_str()), ("REDIS_URL", "redis://127.0.0.1:1")];
    let mut server = Session::start(&folder, &options, &elsewhere);
    server.next(&format!("gmod-host: publish from elsewhere: redis-cli -u {url} PUBLISH test hello"));
    server.until("[realtime] connected to redis 7.0.15 as …");
    server.line("quit").ends(0);
    redis.line("quit");
}
