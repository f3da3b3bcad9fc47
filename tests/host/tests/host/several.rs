//! Several servers side by side, seen from outside: input, output, and their end.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::{
    session::{Folder, Session, publish},
    support::write,
};

const ECHO: &str = r#"
    concommand.Add("say", function(_, _, _, text) print("said: " .. text) end)
    print("started as " .. util.JSONToTable(file.Read("data/realtime.json", "GAME")).id)
"#;

/// Much longer than two subscriptions take, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two servers with an addon that prints; after their first lines.
fn two(folder: &Folder, options: &[&str]) -> (Session, String) {
    write(&folder.join("echo/lua/autorun/server/echo.lua"), ECHO);
    let options = [&["--servers", "2", "--addon", "echo"], options].concat();
    let mut session = Session::start(folder, &options, &[]);
    let address = session.next("gmod-host: the embedded Redis is at redis://127.0.0.1:…");
    session.next("gmod-host: publish from elsewhere: redis-cli -u redis://127.0.0.1:… PUBLISH test hello");
    session.next(
        "gmod-host: type Lua, a command, or help for server-1; @2 LINE is for server-2, @all LINE for all; quit ends all",
    );
    both(&mut session, "started as server-1", "started as server-2");
    (session, address.rsplit(' ').next().unwrap_or_default().to_owned())
}

/// A line of each, in any order.
fn both(session: &mut Session, first: &str, second: &str) {
    let (first, second) = (format!("1| {first}"), format!("2| {second}"));
    let came = session.next_of(&[&first, &second]).to_owned();
    session.next(if came == first { &second } else { &first });
}

#[test]
fn a_line_goes_where_it_says() {
    let folder = Folder::new();
    let (mut session, _) = two(&folder, &[]);
    session.line("say one").next("1| said: one");
    session.line("@2 say two").next("2| said: two");
    session.line("@all say both");
    both(&mut session, "said: both", "said: both");
    session.line("@2").next("gmod-host: lines without a number are for server-2 from now on");
    session.line("say three").next("2| said: three");
    session.line("@3 say").next("gmod-host: @3 is nobody: the servers are @1 to @2, and @all is all of them");
    session.line("quit").ends(0);
}

#[test]
fn each_has_a_name_that_can_be_changed() {
    let folder = Folder::new();
    let (mut session, _) = two(&folder, &[]);
    session.line("@all print(GetHostName())");
    both(&mut session, "gmod-host", "gmod-host 2");
    session.line("hostname Zombies").line("GetHostName()").next("1| Zombies");
    session.line("quit").ends(0);
}

#[test]
fn pasted_text_is_one_piece() {
    let folder = Folder::new();
    let (mut session, _) = two(&folder, &[]);
    session.line("\x1b[200~local a = 5\n\nprint('a is', a)\x1b[201~").next("1| a is\t5");
    session.line("@2 print('a line')").next("2| a line");
    session.line("quit").ends(0);
}

#[test]
fn players_of_two_servers_are_not_one_person() {
    let folder = Folder::new();
    let (mut session, _) = two(&folder, &[]);
    session.line("@all player_add Alice");
    both(&mut session, "Player [1][Alice] has joined", "Player [1][Alice] has joined");
    session.line("@all print(player.GetHumans()[1]:SteamID64())");
    both(&mut session, "76561198000000001", "76561198000001001");
    session.line("quit").ends(0);
}

#[test]
fn ids_begin_with_the_given_name() {
    let folder = Folder::new();
    write(&folder.join("echo/lua/autorun/server/echo.lua"), ECHO);
    let options = ["--servers", "2", "--addon", "echo", "--id", "ttt", "--game", "kept", "--quiet"];
    for _ in 0..2 {
        let mut session = Session::start(&folder, &options, &[]);
        both(&mut session, "started as ttt-1", "started as ttt-2");
        session.line("@2 quit").next("gmod-host: ttt-2 has ended, with code 0");
        session.line("quit").ends(0);
    }
    write(&folder.join("kept/ttt-2/garrysmod/data/realtime.json"), r#"{ "id": "mine" }"#);
    let mut session = Session::start(&folder, &options, &[]);
    session.until("gmod-host: --id ttt-2: kept/ttt-2/garrysmod/data/realtime.json has the id \"mine\"; …");
    session.ends(1);
}

#[test]
fn all_use_one_redis() {
    let folder = Folder::new();
    let (mut session, url) = two(&folder, &[]);
    session.line(
        r#"@all require("realtime") realtime.Connect(host.redis_url):Subscribe("a", function(m) print("heard " .. m) end)"#,
    );
    let deadline = Instant::now() + PATIENCE;
    let mut heard = 0;
    // Until both have subscribed: a message that only one gets is followed by another one.
    for number in 0.. {
        let message = number.to_string();
        let receivers = publish(&url, "a", &message);
        for _ in 0..receivers {
            session.until(&format!("…| heard {message}"));
        }
        heard = receivers;
        if heard == 2 {
            break;
        }
        assert!(Instant::now() < deadline, "{receivers} of two have subscribed");
    }
    assert_eq!(heard, 2);
    session.line("exit").ends(0);
}

#[test]
fn one_that_ends_leaves_the_others() {
    let folder = Folder::new();
    let (mut session, _) = two(&folder, &[]);
    session.line("@2 quit").next("gmod-host: server-2 has ended, with code 0");
    session.line("@2 say late").next("gmod-host: server-2 has ended: it does not read this line");
    session.line("say here").next("1| said: here");
    session.end_of_input().ends(0);
}

#[test]
fn ctrl_c_ends_all_in_order() {
    let folder = Folder::new();
    let (mut session, _) = two(&folder, &[]);
    session.line(r#"@all hook.Add("ShutDown", "test", function() print("in order") end) print("set")"#);
    both(&mut session, "set", "set");
    session.signal("INT");
    both(&mut session, "in order", "in order");
    session.ends(0);
}

#[test]
fn folders_that_stay_keep_what_is_in_them() {
    let folder = Folder::new();
    write(&folder.join("kept/server-2/garrysmod/data/realtime.json"), r#"{ "id": "mine" }"#);
    write(&folder.join("echo/lua/autorun/server/echo.lua"), ECHO);
    let mut session =
        Session::start(&folder, &["--servers", "2", "--addon", "echo", "--game", "kept", "--quiet"], &[]);
    both(&mut session, "started as server-1", "started as mine");
    session.line(r#"file.Write("a.txt", "b")"#).next("1| true");
    session.line("quit").ends(0);
    let written = folder.join("kept/server-1/garrysmod/data/a.txt");
    assert_eq!(fs::read_to_string(written).ok().as_deref(), Some("b"));
}
