//! The host on a terminal, which `script` provides, a program of util-linux. Without it nothing is tested, unless CI
//! is set, which requires it.

use std::{env, process::Command};

use crate::{
    session::{Folder, Session, publish},
    support::write,
};

fn has_script() -> bool {
    let there = Command::new("script").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(
        there || env::var_os("CI").is_none(),
        "CI is set, and there is no program named script on the PATH"
    );
    there
}

#[test]
fn a_line_is_edited_and_what_is_printed_goes_above_it() {
    if !has_script() {
        return;
    }
    let folder = Folder::new();
    let mut session = Session::in_terminal(&folder);
    session.until("…gmod-host: type Lua, …");
    session.keys("20 + 4\x7f3\r").until("…23…");
    // The arrow up.
    session.keys("\x1b[A\r").until("…23…");
    // An incomplete line is shown, too.
    session.keys("Msg('un' .. 'finished')\r").until("…unfinished…");
    // Typed in halves, with the server's output above it. It also shows that the line is being edited.
    session.keys("timer.Create('x', 0.1, 0, function() print('abo' .. 've') end)\r").until("…\x1b[Kabove…");
    session.keys("'ha' ..").until("…'ha' ..…\x1b[Kabove…");
    session.keys(" 'lf'\r").until("…half…");
    // Ctrl-C discards an incomplete chunk.
    session.keys("for i = 1,\r").until("…>> …\x1b[Kabove…");
    session.keys("\x03").until("…\x1b[K> …\x1b[Kabove…");
    session.keys("'a' .. 'fresh'\r").until("…afresh…");
    session.keys("quit\r").ends_with_whatever(0);
}

/// A pasted block is one chunk: its locals last to its end.
#[test]
fn a_pasted_block_keeps_its_locals() {
    if !has_script() {
        return;
    }
    let folder = Folder::new();
    let mut session = Session::in_terminal(&folder);
    session.until("…gmod-host: type Lua, …");
    let block = "-- two lines\rlocal first = 'fir' .. 'st'\rprint(first .. ' half')";
    session.keys(&format!("\x1b[200~{block}\x1b[201~\r")).until("…first half…");
    session.keys("quit\r").ends_with_whatever(0);
}

/// Also before there is a prompt, and while a line runs.
#[test]
fn lines_may_be_typed_ahead() {
    if !has_script() {
        return;
    }
    let folder = Folder::new();
    let mut session = Session::in_terminal(&folder);
    session.keys("print('fir' .. 'st')\rprint('sec' .. 'ond')\r").until("…first…");
    session.until("…second…");
    session
        .keys("'thi' .. 'rd'\r'fou' .. 'rth'\rfor i = 1, 1 do\rprint('fif' .. 'th')\rend\r")
        .until("…third…");
    session.until("…fourth…");
    session.until("…fifth…");
    session.keys("quit\r").ends_with_whatever(0);
}

/// The editor takes no text between Enter and the next line, and the server prints all the time.
#[test]
fn enter_may_be_pressed_while_much_is_printed() {
    if !has_script() {
        return;
    }
    let folder = Folder::new();
    let mut session = Session::in_terminal(&folder);
    session.until("…gmod-host: type Lua, …");
    session
        .keys("hook.Add('ShutDown', 'x', function() print('good' .. 'bye') end) print('kn' .. 'own')\r")
        .until("…known…");
    session.keys("timer.Create('x', 0, 0, function() for i = 1, 20 do print('no' .. 'ise') end end)\r");
    session.until("…noise…");
    for n in 0..30 {
        session.keys(&format!("'mark' .. {n}\r")).until(&format!("…mark{n}…"));
    }
    session.keys("quit\r").until("…goodbye…");
    session.ends_with_whatever(0);
}

#[test]
fn the_terminal_is_given_back_as_it_was() {
    if !has_script() {
        return;
    }
    let folder = Folder::new();
    let mut session = Session::in_terminal(&folder);
    let said = session.until("…gmod-host: the embedded Redis is at redis://127.0.0.1:…");
    let url = said[said.find("redis://").expect("a URL")..].trim_end().to_owned();
    session.until("…gmod-host: type Lua, …");
    // It ends while a line is half typed, as the output above the line shows.
    session.keys(
        "require('realtime') c = realtime.Connect() c:Subscribe('end', function() host.exit(0) end) \
         c:On('subscri' .. 'bed', function() print('subscri' .. 'bed') end)\r",
    );
    session.until("…subscribed…");
    session.keys("timer.Create('x', 0.1, 0, function() print('abo' .. 've') end)\r").until("…\x1b[Kabove…");
    session.keys("half a li").until("…half a li…\x1b[Kabove…");
    assert_eq!(publish(&url, "end", "now"), 1, "{session:?}");
    session.until("…the mode: … icanon …");
    session.ends_with_whatever(0);
}

#[test]
fn a_terminal_has_them_unless_its_owner_says_no() {
    if !has_script() {
        return;
    }
    let folder = Folder::new();
    write(&folder.join("script.lua"), "MsgC(Color(255, 0, 0), 'red', '\\n') host.exit(0)");
    for (options, environment, colors) in [
        ("", ("TERM", "xterm"), true),
        ("", ("TERM", "dumb"), false),
        ("", ("NO_COLOR", "1"), false),
        ("", ("NO_COLOR", ""), true),
        ("--color never", ("TERM", "xterm"), false),
        ("--color always", ("NO_COLOR", "1"), true),
    ] {
        let run = format!("{} {options} script.lua", env!("CARGO_BIN_EXE_gmod-host"));
        let output = Command::new("script")
            .args(["--quiet", "--return", "--command", &run, "/dev/null"])
            .current_dir(&*folder)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .env(environment.0, environment.1)
            .output()
            .expect("script");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("red"), "{output:?}");
        assert_eq!(text.contains("\x1b[31mred\x1b[0m"), colors, "{options} {environment:?}: {text:?}");
    }
}
