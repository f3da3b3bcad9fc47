//! The console shows the lines that the pages show.
//!
//! Before a block of such lines, a comment contains the Lua that produces them:
//!
//! ````markdown
//! <!-- produce
//! if configured("redis://127.0.0.1:1") then realtime.Default() end
//! -->
//! ```text
//! [realtime] realtime.Default at 10.0.0.5:6379: REFUSED: …
//! ```
//! ````
//!
//! It runs with the addon installed, in a coroutine, and waits until every line of the block is on the console: numbers,
//! addresses and invented names may differ, and `…` stands for anything.
//!
//! Lines that no script can produce, and those in tables, must at least be in the sources.

use std::{fs, path::Path};

use libtest_mimic::Failed;

use crate::{
    fresh_folder, host,
    markdown::{self, Block},
};

const PRODUCE: &str = include_str!("produce.lua");

/// Lines of the game or a server, not ours.
const NOT_OURS: &[&str] = &[
    "Module not found!",
    "Couldn't load module library!",
    "GLIBC_2.… not found",
    "Unknown command \"realtime_check\"",
    "Couldn't include file 'realtime/load.lua'",
];

/// Text of the system or of Redis that we pass on: the rest of a line.
const HANDED_ON: &[&str] = &[
    "Bus error",
    "Connection reset by peer",
    "os error",
    "invalid password",
    "invalid username-password pair or user is disabled",
    "command not allowed when used memory > 'maxmemory'",
];

pub(crate) fn is_produced(root: &Path, name: &str, block: &Block, produce: &str) -> Result<(), Failed> {
    let folder = fresh_folder(&format!("{name}-{}", block.line))?;
    let lines: Vec<String> = block.code.lines().map(|line| format!("[==[{line}]==]")).collect();
    let script = format!(
        "local LINES = {{ {} }}\nlocal function produce()\n{produce}\nend\n{PRODUCE}",
        lines.join(", ")
    );
    host(root, &folder, "produce.lua", &script, true, &[], &[])
}

/// Every line of a block, except for numbers and names, is in the sources.
pub(crate) fn is_in_the_sources(root: &Path, block: &Block) -> Result<(), Failed> {
    let sources = sources(root)?;
    block.code.lines().try_for_each(|line| Ok(known(&sources, line)?))
}

/// Likewise for the first cells of the tables in the pages on troubleshooting.
pub(crate) fn tables_are_in_the_sources(root: &Path) -> Result<(), Failed> {
    let sources = sources(root)?;
    let mut seen = 0;
    let pages =
        markdown::pages(root).into_iter().filter(|(name, _)| name.starts_with("docs/troubleshooting"));
    for (name, page) in pages {
        for (number, line) in page.lines().enumerate() {
            let Some(cell) = line.strip_prefix("| `").and_then(|row| row.split(" | ").next()) else {
                continue;
            };
            for text in markdown::inline_code(&format!("`{cell}")) {
                if !NOT_OURS.contains(&text) {
                    seen += 1;
                    known(&sources, text).map_err(|problem| format!("{name}:{}: {problem}", number + 1))?;
                }
            }
        }
    }
    if seen > 120 { Ok(()) } else { Err(format!("only {seen} were found").into()) }
}

/// Fails for a text with a part that is not in the sources.
fn known(sources: &str, text: &str) -> Result<(), String> {
    // The sources compose these.
    let together = [
        "[realtime] ",
        "realtime.Default at ",
        "garrysmod/data/realtime.json",
        "the server refused the login",
        "an HTTP server",
        "an SSH server",
        "a MySQL or MariaDB server",
    ];
    let text = &together.iter().fold(text.to_owned(), |text, part| text.replace(part, "…"));
    let varies = |c: char| c.is_ascii_digit() || matches!(c, '…' | ':' | ';' | '"' | '(' | ')');
    let parts = text.split(varies).map(str::trim).filter(|part| part.split_whitespace().count() >= 2);
    let ours = parts.filter(|part| !HANDED_ON.contains(part));
    for part in ours {
        if !sources.contains(part) {
            return Err(format!("no source says {part:?} (of {text:?})"));
        }
    }
    Ok(())
}

/// The sources of the module and the addon; texts over several lines are joined.
fn sources(root: &Path) -> Result<String, Failed> {
    let mut all = String::new();
    for folder in ["src", "lua/lua"] {
        read(&root.join(folder), &mut all)?;
    }
    let mut joined = String::new();
    for line in all.lines() {
        let line = line.trim();
        match line
            .strip_suffix('\\')
            .or_else(|| line.strip_suffix("\" .."))
            .or_else(|| line.strip_suffix("' .."))
        {
            Some(part) => joined.push_str(part.trim_start_matches(['"', '\''])),
            None => joined.extend([line.trim_start_matches(['"', '\'']), "\n"]),
        }
    }
    Ok(joined)
}

fn read(folder: &Path, all: &mut String) -> Result<(), Failed> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, all)?;
        } else {
            all.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

pub(crate) fn wrong_lines_fail(root: &Path) -> Result<(), Failed> {
    let block = |code: &str| Block { code: code.to_owned(), ..Block::default() };
    let produce = "print('[realtime] redis.invalid 10 ms at 127.0.0.1:7')";
    is_produced(root, "right.md", &block("[realtime] redis.example … ms at 10.0.0.5:6379"), produce)?;
    let produce = "print('[realtime] it is away; trying again at once')";
    is_produced(root, "soon.md", &block("[realtime] it is away; next attempt in 42 ms"), produce)?;
    is_produced(root, "soon-itself.md", &block("[realtime] it is away; trying again at once"), produce)?;
    let wrong = is_produced(root, "wrong.md", &block("[realtime] another text"), "PATIENCE = 0.1");
    if wrong.is_ok() || is_in_the_sources(root, &block("[realtime] nobody says this 5 times")).is_ok() {
        return Err("a wrong line passes".into());
    }
    is_in_the_sources(root, &block("TIMEOUT: the server was reached but did not answer within 7 s"))
}
