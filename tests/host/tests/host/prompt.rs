//! The interactive console.

use crate::{
    session::{Folder, Session, publish},
    support::write,
};

/// A folder with a script.
fn folder(script: &str) -> Folder {
    let folder = Folder::new();
    write(&folder.join("script.lua"), script);
    folder
}

fn prompt() -> Session {
    Session::prompt(&folder(""), &[])
}

#[test]
fn an_expression_shows_its_values_and_a_statement_runs() {
    let mut session = prompt();
    session.line("1 + 1").next("2");
    session.line("= 'a', nil, 3").next("a\tnil\t3");
    session.line("nil").next("nil");
    session.line("x = 5").line("").line("x -- a comment").next("5");
    session.line("function none() end").line("none()").line("return 1, 2").next("1\t2");
    session.line("{ b = 'text', 7, a = {} }").next("table: 0x…");
    session.next("    1 = 7");
    session.next("    a = table: 0x…");
    session.next("    b = \"text\"");
    session.line("{}").next("table: 0x… (empty)");
    session.line("Color(1, 2, 3)").next("1 2 3 255");
    session.line("quit").ends(0);
}

#[test]
fn what_lacks_its_end_goes_on_in_the_next_line() {
    let mut session = prompt();
    session.line("for i = 1, 2 do").line("print(i)").line("end").next("1");
    session.next("2");
    session.line("{").line("").line("}").next("table: 0x… (empty)");
    session.line("('a'").line("):rep(2)").next("aa");
    session.line("text = [[").line("help").line("]] print(#text)").next("5");
    session.end_of_input().ends(0);
}

#[test]
fn an_error_ends_nothing() {
    let mut session = prompt();
    session.line("error('boo')").next("");
    session.next("[ERROR] lua_run:1: boo");
    session.next("  1. error - [C]:-1");
    session.next("   2. unknown - lua_run:1");
    session.next("");
    session.line("x = = 1").next("");
    session.next("[ERROR] lua_run:1: unexpected symbol near '='");
    session.next("");
    session.line("timer.Simple(0, function() error('late') end)").until("[ERROR] lua_run:1: late");
    session.line("host.run(function() error('later') end)").until("[ERROR] lua_run:1: later");
    session.line("error({})").until("[ERROR] table: 0x…");
    session.line("'alive'").until("alive");
    session.end_of_input().ends(0);
}

#[test]
fn an_error_of_the_script_ends_nothing_either() {
    let folder = folder("print('before') error('boo')");
    let mut session = Session::prompt(&folder, &["--prompt", "script.lua", "--prompt"]);
    session.next("before");
    session.until("[ERROR] script.lua:1: boo");
    session.line("host.args[1]").until("--prompt");
    session.line("host.exit(3)").ends(3);
}

#[test]
fn commands_are_run_as_in_the_games_console() {
    let mut session = prompt();
    session.line(
        "concommand.Add('Greet', function(player, name, words, text) print(player, name, #words, words[1], text) end, nil, 'says hello')",
    );
    session.line("greet \"a b\"  c").next("[NULL Entity]\tgreet\t2\ta b\t\"a b\"  c");
    session.line("greet a:b \"c:d\"").next("[NULL Entity]\tgreet\t4\ta\ta:b \"c:d\"");
    session.line("GREET").next("[NULL Entity]\tGREET\t0\tnil\t");
    session.line("greet STEAM_0:1:2").next("[NULL Entity]\tgreet\t5\tSTEAM_0\tSTEAM_0:1:2");
    session.line("find says").next("greet                    says hello");
    session.line("find nothing of the kind").next("Nothing has 'nothing of the kind' in it");
    session.line("local _ = CreateConVar('my_limit', 5, 0, 'how many')");
    session.line("my_limit").next("\"my_limit\" = \"5\" (default \"5\") how many");
    session.line("my_limit a:b").line("GetConVar('my_limit'):GetString()").next("a:b");
    session.line("my_limit 7").line("GetConVar('my_limit'):GetInt()").next("7");
    session.line("my_limit 7 of 8").line("GetConVar('my_limit'):GetString()").next("7 of 8");
    session.line("my_limit \"7\"");
    session.line("find my_limit").next("my_limit                 = \"7\" how many");
    session.line("my_limit = 8").line("= my_limit + 1").next("9");
    session.line("help").until("lua_run                  CODE: run it");
    session.until("Everything else is Lua: …");
    session.line("no_such").next("Unknown command \"no_such\", and no variable of that name");
    session.line("no_such thing").next("Unknown command \"no_such\", and no variable of that name");
    session
        .line("concommand.Add('bad', function() error('boo') end)")
        .line("bad")
        .until("[ERROR] lua_run:1: boo");
    session.line("lua_run print(1) return 2").until("1");
    session.line("lua_run x = = 1").next("");
    session.next("[ERROR] lua_run:1: unexpected symbol near '='");
    session.next("");
    session.line("exit").ends(0);
}

#[test]
fn lua_openscript_runs_a_file_of_the_script_or_of_the_game() {
    let folder = folder("");
    write(&folder.join("own.lua"), "print('own', include('beside.lua'))");
    write(&folder.join("beside.lua"), "return 'beside'");
    write(&folder.join("addon/lua/my/part.lua"), "print('part')");
    write(&folder.join("second/lua/my/other.lua"), "print('other')");
    let mut session = Session::prompt(&folder, &["--addon", "addon", "--addon", "second"]);
    session.line("lua_openscript own.lua").next("own\tbeside");
    session.line("lua_openscript my/part.lua").next("part");
    session.line("lua_openscript my/other.lua").next("other");
    session.line("lua_openscript no/such.lua").next("There is no Lua file 'no/such.lua'");
    session.line("quit").ends(0);
}

#[test]
fn the_server_ticks_while_the_prompt_waits() {
    let mut session = prompt();
    session.line("timer.Create('count', 0.01, 3, function() x = (x or 0) + 1 print(x) end)").next("1");
    session.next("2");
    session.next("3");
    session.line("quit").ends(0);
}

#[test]
fn another_map_is_a_fresh_lua_state() {
    let folder = folder(
        "print('on', game.GetMap(), host.map_number) hook.Add('ShutDown', 'x', function() print('off') end)",
    );
    let mut session = Session::prompt(&folder, &["--prompt", "script.lua"]);
    session.next("on\tgm_construct\t1");
    session.line("mine = 1").line("changelevel gm_flatgrass").next("off");
    session.next("on\tgm_flatgrass\t2");
    session.line("mine == nil").next("true");
    session.line("map").next("off");
    session.next("on\tgm_flatgrass\t3");
    session.line("quit").next("off");
    session.ends(0);
}

#[test]
fn it_ends_in_order() {
    let bye = "hook.Add('ShutDown', 'bye', function() print('bye') end) print('ready')";
    for signal in ["INT", "TERM"] {
        let mut session = prompt();
        session.line(bye).next("ready");
        session.signal(signal).next("bye");
        session.ends(0);
    }
    let mut session = prompt();
    session.line(bye).end_of_input().next("ready");
    session.next("bye");
    session.ends(0);
    let mut session = prompt();
    session.line(bye).line("if true then").end_of_input().next("ready");
    session.next("gmod-host: the input ended within a chunk of Lua, which did not run: if true then");
    session.next("bye");
    session.ends(0);
}

#[test]
fn a_stuck_console_ends_at_the_second_interrupt() {
    let mut session = prompt();
    session.line("print('stuck') while true do end").next("stuck");
    session.is_killed_by("INT");
}

#[test]
fn a_timeout_counts_only_if_it_was_asked_for() {
    let mut session = Session::prompt(&folder(""), &["--timeout", "0.2"]);
    session.next("gmod-host: no host.exit within 0.2 seconds");
    session.ends(124);
}

#[test]
fn clients_that_were_not_told_where_redis_is_get_to_the_server_that_is_named() {
    let connect = "require('realtime') c = realtime.Connect() c:Subscribe('test', print) \
                   c:On('subscribed', function() print('subscribed') end)";
    let folder = folder("");
    let mut session = Session::start(&folder, &[], &[]);
    let said = session.next("gmod-host: the embedded Redis is at redis://127.0.0.1:…");
    let url = &said[said.find("redis://").expect("a URL")..];
    session.until("gmod-host: type Lua, …");
    session.line(connect).next("subscribed");
    assert_eq!(publish(url, "test", "from outside"), 1, "{session:?}");
    session.next("from outside\ttest");

    // A variable that is empty names no server.
    let mut alone = Session::start(&folder, &[], &[("REALTIME_URL", "")]);
    alone.next("gmod-host: the embedded Redis is at redis://127.0.0.1:…");
    alone.until("gmod-host: type Lua, …");
    alone.line(connect).next("subscribed");
    alone.line("quit").ends(0);

    // Another host on the same server.
    for variable in ["REDIS_URL", "REALTIME_URL"] {
        let mut second = Session::start(&folder, &[], &[(variable, url)]);
        second.next(&format!("gmod-host: publish from elsewhere: redis-cli -u {url} PUBLISH test hello"));
        second.next("gmod-host: type Lua, …");
        second.line(connect).next("subscribed");
        second.line("c:Publish('test', 'from ' .. 'another')").next("true");
        second.next("from another\ttest");
        session.next("from another\ttest");
        second.line("quit").ends(0);
    }
    session.line("quit").ends(0);
}
