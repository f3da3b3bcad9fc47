//! Players, the network, and functions that the host lacks.

use crate::{
    session::{Folder, Session},
    support::Script,
};

#[test]
fn mock_players_do_as_the_games() {
    Script::new(include_str!("world/players.lua")).run().code(0).stdout("13 passed, 0 failed");
}

#[test]
fn net_messages_arrive_and_can_be_looked_at() {
    Script::new(include_str!("world/net.lua")).run().code(0).stdout("4 passed, 0 failed");
}

#[test]
fn what_is_lacking_is_named() {
    Script::new("include('lacking.lua')")
        .file("lacking.lua", include_str!("world/lacking.lua"))
        .run()
        .code(0);
}

#[test]
fn sql_is_as_in_the_game() {
    Script::new("include('sql.lua')").file("sql.lua", include_str!("world/sql.lua")).run().code(0);
}

/// Each folder has a database of its own.
#[test]
fn sql_is_kept_in_a_folder_that_stays() {
    let script = "
        sql.Query('CREATE TABLE IF NOT EXISTS runs (name TEXT)')
        sql.Query('INSERT INTO runs VALUES (' .. sql.SQLStr(host.args[1]) .. ')')
        for _, row in ipairs(sql.Query('SELECT name FROM runs')) do print('run:', row.name) end
        print('file:', file.Exists('sv.db', 'MOD'))
        host.exit()";
    let (one, two) = (Folder::new(), Folder::new());
    let run = |folder: &Folder, name: &str| {
        let game = folder.to_str().expect("UTF-8");
        Script::new(script).options(&["--game", game]).arguments(&[name]).run()
    };
    run(&one, "first").code(0).stdout("run:\tfirst\nfile:\ttrue\n");
    run(&one, "second").code(0).stdout("run:\tfirst\nrun:\tsecond\n");
    run(&two, "third").code(0).stdout("run:\tthird\n").no_stdout("first");
}

/// Players belong to a map's Lua state: the next one begins without them.
#[test]
fn a_map_change_forgets_players() {
    let script = "assert(player.GetCount() == 0) host.players.add() \
                  if host.map_number == 2 then host.exit() else host.next_map() end";
    Script::new(script).run().code(0);
}

#[test]
fn somebody_at_the_console_adds_players_who_speak_and_leave() {
    let folder = Folder::new();
    let mut console = Session::prompt(&folder, &[]);
    console.line("player_add Alice 76561198000000001").next("Player [1][Alice] has joined");
    console.line("player_add \"Big Bob\"").next("Player [2][Big Bob] has joined");
    console.line("status").next("players : 2 (16 max)");
    console.next("# 1 \"Alice\" STEAM_0:1:19867136 127.0.0.1:…");
    console.next("# 2 \"Big Bob\" STEAM_0:0:… 127.0.0.1:…");
    console.line("player_say ali hello, you").next("Alice: hello, you");
    console.next("gmod-host: Alice sees: Alice: hello, you");
    console.next("gmod-host: Big Bob sees: Alice: hello, you");
    console.line("concommand.Add('wave', function(ply) ply:ChatPrint('you wave') end)");
    console.line("player_command Big wave").next("gmod-host: Big Bob sees: you wave");
    console.line("util.AddNetworkString('hi') net.Start('hi') net.WriteString('x') net.Broadcast()");
    console.next("gmod-host: net message \"hi\", 16 bits, to 2 players");
    console.line("player_leave \"Big Bob\" too late").next("gmod-host: Big Bob has left: too late");
    console.line("player_say Big x").next("There is no player 'Big'");
    console.line("player_add Alice 76561198000000001").next("76561198000000001 is here already");
    console.line("player_add Alice 5").next("'5' is no SteamID64");
    console.line("bot").next("Player [2][Bot…] has joined");
    console.line("util.TraceLine({})").next("");
    console.next("[ERROR] lua_run:1: gmod-host has no util.TraceLine");
    console.next("  1. …");
    console.line("quit");
}
