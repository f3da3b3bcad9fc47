//! The tutorial in the host's README, followed to the letter. In its blocks
//!
//! - `sh` is typed into a shell, one line after the other; `cargo run -q -p gmod-host` starts the host of this build;
//! - `lua` is a file: its first line says which;
//! - `text` is a host's console: the text after `> ` and `>> ` is typed, every other line must come, in that order
//!   and with nothing between them. `…` stands for anything, and the address of the first terminal's Redis for the
//!   real one.
//!
//! Lines that begin with `1| ` or `2| ` come from several servers; only the order of each server counts.
//!
//! `<!-- terminal 2 -->` chooses the terminal for the next blocks.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{
    collections::BTreeMap,
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    session::{Folder, Session, publish},
    support::write,
};

const README: &str = include_str!("../../README.md");
const CHAPTER: &str = "## Ten minutes";
const HOST: &str = "cargo run -q -p gmod-host";
/// The address that readers see.
const SHOWN_URL: &str = "redis://127.0.0.1:46379";
const PATIENCE: Duration = Duration::from_secs(60);

/// The number of the server that a line of several comes from.
fn server_of(line: &str) -> Option<char> {
    let number = line.chars().next().filter(char::is_ascii_digit)?;
    line[1..].starts_with("| ").then_some(number)
}

/// Where the reader is.
struct Reader {
    folder: Folder,
    terminals: BTreeMap<u32, Session>,
    terminal: u32,
    /// The address of the first terminal's last host.
    url: Option<String>,
}

#[test]
fn the_tutorial_holds_to_the_letter() {
    let folder = Folder::new();
    let addon = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua").canonicalize().expect("lua/");
    symlink(addon, folder.join("lua")).expect("a link");
    let mut reader = Reader { folder, terminals: BTreeMap::new(), terminal: 1, url: None };

    let chapter = README.split_once(CHAPTER).expect("the tutorial").1;
    let mut lines = chapter.lines().take_while(|line| !line.starts_with("## "));
    let mut blocks = 0;
    while let Some(line) = lines.next() {
        let terminal = line.strip_prefix("<!-- terminal ").and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(number) = terminal {
            reader.terminal = number.parse().expect("a number");
        }
        let Some(kind) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match kind {
            "sh" => block.iter().for_each(|line| reader.shell(line)),
            "lua" => reader.file(&block),
            "text" => reader.console(&block),
            other => panic!("nobody knows how to follow a block of '{other}'"),
        }
        blocks += 1;
    }
    assert!(blocks > 15, "there are only {blocks} blocks");
    // Scripts end by themselves, and `console` has ended consoles.
    for session in reader.terminals.values_mut() {
        session.ends(0);
    }
}

impl Reader {
    fn shell(&mut self, line: &str) {
        if let Some((environment, arguments)) = line.split_once(HOST) {
            let environment = environment.split_whitespace().map(|word| self.real(word)).collect::<Vec<_>>();
            let environment = environment.iter().map(|word| word.split_once('=').expect("NAME=VALUE"));
            let arguments: Vec<&str> = arguments.split_whitespace().filter(|word| *word != "--").collect();
            let session = Session::start(&self.folder, &arguments, &environment.collect::<Vec<_>>());
            let before = self.terminals.insert(self.terminal, session);
            assert!(before.is_none(), "a host still runs in terminal {}", self.terminal);
            return;
        }
        let line = self.real(line);
        if line.starts_with("redis-cli ") {
            return self.publish(&line);
        }
        let status = Command::new("sh").args(["-c", &line]).current_dir(&*self.folder).status();
        assert!(status.expect("sh").success(), "{line}");
    }

    /// Waits for a subscriber, because a test is faster than a reader.
    fn publish(&self, line: &str) {
        let words = line.strip_prefix("redis-cli -u ").and_then(|rest| rest.split_once(" PUBLISH "));
        let (url, words) = words.expect("redis-cli -u URL PUBLISH …");
        let (channel, message) = words.split_once(' ').expect("CHANNEL MESSAGE");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if publish(url, channel, message.trim_matches('"')) > 0 {
                return;
            }
            assert!(Instant::now() < deadline, "nobody hears {line}");
        }
    }

    fn file(&self, block: &[&str]) {
        let path = block.first().and_then(|line| line.strip_prefix("-- ")).expect("a file's name");
        write(&self.folder.join(path), &(block.join("\n") + "\n"));
    }

    fn console(&mut self, block: &[&str]) {
        let mut lines = block.iter().copied().peekable();
        while let Some(line) = lines.next() {
            let line = self.real(line);
            if server_of(&line).is_some() {
                let mut of_servers = vec![line];
                while let Some(line) = lines.next_if(|line| server_of(line).is_some()) {
                    of_servers.push(self.real(line));
                }
                self.servers(of_servers);
                continue;
            }
            let session = self.terminals.get_mut(&self.terminal).expect("a host in that terminal");
            let Some(typed) = line.strip_prefix("> ").or_else(|| line.strip_prefix(">> ")) else {
                // The first line with its address.
                let is_address = line.contains(SHOWN_URL) && self.terminal == 1;
                let said = session.next(&line.replace(SHOWN_URL, "redis://127.0.0.1:…"));
                if is_address {
                    self.url =
                        said.split_whitespace().find(|word| word.starts_with("redis://")).map(str::to_owned);
                }
                continue;
            };
            session.line(typed);
            if typed == "quit" {
                session.ends(0);
                self.terminals.remove(&self.terminal);
                if self.terminal == 1 {
                    self.url = None;
                }
            }
        }
    }

    /// Lines of several servers, in the shown order for each server, and in any order among them.
    fn servers(&mut self, mut expected: Vec<String>) {
        let session = self.terminals.get_mut(&self.terminal).expect("a host in that terminal");
        while !expected.is_empty() {
            let mut seen = Vec::new();
            let next: Vec<&str> = expected
                .iter()
                .filter(|line| {
                    let server = server_of(line);
                    let is_first = !seen.contains(&server);
                    seen.push(server);
                    is_first
                })
                .map(String::as_str)
                .collect();
            let came = session.next_of(&next);
            let at = expected.iter().position(|line| line == came).expect("one of them");
            expected.remove(at);
        }
    }

    /// A line as the reader sees it, with the reader's own address.
    fn real(&self, line: &str) -> String {
        let Some(url) = &self.url else { return line.to_owned() };
        let address = |url: &str| url.trim_start_matches("redis://").to_owned();
        line.replace(&address(SHOWN_URL), &address(url))
    }
}
