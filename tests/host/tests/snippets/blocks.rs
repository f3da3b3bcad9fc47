//! Every block of every page, by language: the test that runs it, or why none does. An unknown block fails.

use std::{env, fs, path::Path};

use libtest_mimic::{Failed, Trial};

use crate::{
    acl, config, console,
    markdown::{self, Block},
    python, shell, sql, tunnels, web_site,
};

/// Blocks of `text` that are not console lines: their page, their content, and why they do not run.
const NO_CONSOLE: &[(&str, &str, &str)] = &[
    ("docs/architecture.md", "socket -> net", "a drawing"),
    ("docs/owners.md", "garrysmod/addons/realtime/ ", "a folder: its files are those that are built"),
];

/// Chapters that a separate test follows from their first block to the last: page, chapter, test. Both exist, or
/// neither.
const FOLLOWED: &[(&str, &str, &str)] =
    &[("tests/host/README.md", "Ten minutes", "tests/host/tests/host/tutorial.rs")];

/// Whether a separate test follows the chapter of a block.
pub(crate) fn is_followed(page: &str, block: &Block) -> bool {
    FOLLOWED.iter().any(|(name, chapter, _)| *name == page && *chapter == block.chapter)
}

/// Languages whose blocks other tests run.
const ELSEWHERE: &[&str] = &["lua", "rust"];

/// Without Windows: a batch file sets the same variables as the shell's block.
const BATCH: &str = "bat";

/// A trial for each block that Lua's and Rust's tests do not run, and the trials for all blocks.
pub(crate) fn trials(root: &Path) -> Vec<Trial> {
    let pages: Vec<(String, Vec<Block>)> =
        markdown::pages(root).into_iter().map(|(name, text)| (name, markdown::blocks(&text))).collect();
    let with_redis = real_redis::is_expected();
    let mut trials = Vec::new();
    for (name, blocks) in &pages {
        for (at, block) in blocks.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| blocks.get(at));
            let behind = blocks.get(at + 1).filter(|next| follows(block, next));
            let is_output = before.is_some_and(|before| follows(before, block));
            if is_followed(name, block) {
                continue;
            }
            let known = known(name, block);
            if known.is_ok() && (ELSEWHERE.contains(&&*block.language) || is_output) {
                continue;
            }
            let needs_redis = matches!(&*block.language, "conf" | "redis")
                || (block.language == "sh" && shell::asks(block));
            let needs_python = block.language == "python" || web_site::has_a_user(block);
            let needs_postgres = block.language == "sql";
            let (root, name, block, output) = (root.to_owned(), name.clone(), block.clone(), behind.cloned());
            let title = format!("{name}:{} ({})", block.line, block.language);
            let trial = Trial::test(title, move || {
                known?;
                run(&root, &name, &block, output.as_ref())
            });
            let lacks = (needs_redis && !with_redis)
                || (needs_python && !python::is_expected())
                || (needs_postgres && !sql::is_expected());
            trials.push(trial.with_ignored_flag(lacks));
        }
    }
    let all: Vec<Block> = pages.iter().flat_map(|(_, blocks)| blocks.clone()).collect();
    let shells = all.clone();
    trials.push(Trial::test("every rule for the shell counts", move || shell::every_rule_counts(&shells)));
    let (folder, pages_of_web_sites) = (root.to_owned(), pages.clone());
    trials.push(Trial::test("every exception counts", move || every_exception_counts(&folder, &pages)));
    let ends = all.clone();
    trials.push(Trial::test("both ends of each tunnel meet", move || tunnels::ends_meet(&of(&ends, "ini"))));
    let stunnel = Trial::test("stunnel carries a PING", move || tunnels::stunnel_carries(&of(&all, "ini")));
    // The gate installs it, so there a missing one is a failure, as with redis-server.
    let with_stunnel = env::var_os("CI").is_some() || tunnels::stunnel().is_some();
    trials.push(stunnel.with_ignored_flag(!with_stunnel || !with_redis));
    let (copy, again, third) = (root.to_owned(), root.to_owned(), root.to_owned());
    let acl = Trial::test("every ACL SETUSER in the text is taken", move || acl::in_the_text(&copy));
    trials.push(acl.with_ignored_flag(!with_redis));
    trials.push(Trial::test("each web site has a user of its own", move || {
        web_site::each_has_a_user(&pages_of_web_sites)
    }));
    trials.push(Trial::test("what the tables say of the console is in the sources", move || {
        console::tables_are_in_the_sources(&again)
    }));
    trials.push(Trial::test("a wrong line of the console fails", move || console::wrong_lines_fail(&third)));
    trials.push(Trial::test("an unknown block fails", unknown_ones_fail));
    trials
}

/// Whether a block is the output of the one before it: JSON right after a command.
fn follows(before: &Block, block: &Block) -> bool {
    let end = before.line + before.code.lines().count() + 1;
    before.language == "sh" && block.language == "json" && block.line <= end + 2
}

fn of<'a>(blocks: &'a [Block], language: &str) -> Vec<&'a Block> {
    blocks.iter().filter(|block| block.language == language).collect()
}

/// Whether such a block is tested.
fn known(name: &str, block: &Block) -> Result<(), Failed> {
    match &*block.language {
        // Their tests look for fences at the start of a line.
        "lua" | "rust" if block.indented => Err("its fence is indented: nothing would run it".into()),
        "lua" | "rust" | "sh" | "json" | "conf" | "redis" | "ini" | "text" | "toml" | "python" | "sql"
        | BATCH => Ok(()),
        other => {
            Err(format!("{name}: nothing runs or looks at a block of `{other}`; say so in {}", file!())
                .into())
        }
    }
}

fn run(root: &Path, name: &str, block: &Block, output: Option<&Block>) -> Result<(), Failed> {
    match &*block.language {
        "sh" => shell::run(root, name, block, output.map(|output| output.code.as_str())),
        "json" => config::is_taken(root, name, block),
        "conf" => acl::configuration(root, name, block),
        "redis" => acl::typed(root, name, block),
        "python" => python::runs(root, name, block),
        "sql" => sql::runs(root, name, block),
        "toml" => dependencies(root, block),
        // Tested together: "both ends of each tunnel meet".
        "ini" => Ok(()),
        BATCH => batch(root, block),
        _ => text(root, name, block),
    }
}

fn text(root: &Path, name: &str, block: &Block) -> Result<(), Failed> {
    if let Some(produce) = &block.produce {
        return console::is_produced(root, name, block, produce);
    }
    if let Some((_, begins, _)) =
        NO_CONSOLE.iter().find(|(page, ..)| *page == name).filter(|(_, part, _)| block.code.contains(part))
    {
        return if begins.starts_with("garrysmod/") { files(root, block) } else { Ok(()) };
    }
    if block.code.starts_with("[realtime]") || block.code.starts_with('…') {
        return console::is_in_the_sources(root, block);
    }
    Err("neither lines of the console nor in the list of what is none".into())
}

/// The module's files have the names of the built ones.
fn files(root: &Path, block: &Block) -> Result<(), Failed> {
    let platforms = fs::read_to_string(root.join("xtask/src/platform.rs"))?;
    let words = block
        .code
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("garrysmod/lua/bin/gmsv_realtime_"));
    let names: Vec<&str> = words.filter_map(|word| word.strip_suffix(".dll")).collect();
    match names.iter().find(|name| !platforms.contains(&format!("Platform {{ name: \"{name}\""))) {
        None if names.len() == 4 => Ok(()),
        None => Err(format!("four files are built, not {names:?}").into()),
        Some(name) => Err(format!("{name} is not built").into()),
    }
}

/// The dependencies on the parser's pages are those of its examples.
fn dependencies(root: &Path, block: &Block) -> Result<(), Failed> {
    let manifest = fs::read_to_string(root.join("resp/Cargo.toml"))?;
    let quoted =
        |line: &str| -> Vec<String> { line.split('"').skip(1).step_by(2).map(str::to_owned).collect() };
    let (header, lines) = block.code.split_once('\n').unwrap_or_default();
    for line in lines.lines() {
        let name = line.split(" = ").next().unwrap_or_default();
        let ours: Vec<String> = if name == "realtime-resp" {
            let features =
                manifest.lines().filter_map(|line| line.split_once(" = [").map(|(name, _)| name.to_owned()));
            features.chain(["../realtime/resp".to_owned()]).collect()
        } else {
            let line = manifest.lines().rev().find(|line| line.starts_with(&format!("{name} = ")));
            quoted(line.ok_or_else(|| format!("the examples do not depend on {name}"))?)
        };
        if let Some(wrong) = quoted(line).into_iter().find(|word| !ours.contains(word)) {
            return Err(format!("{name}: {wrong:?} is not what the examples are built with: {ours:?}").into());
        }
    }
    if header == "[dependencies]" { Ok(()) } else { Err("no dependencies".into()) }
}

/// Not run, because there is no Windows: it sets the variable to the same value as the shell's block, and starts a
/// server.
fn batch(root: &Path, block: &Block) -> Result<(), Failed> {
    let owners = fs::read_to_string(root.join("docs/owners.md"))?;
    let url = owners
        .split("export REALTIME_URL='")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .unwrap_or_default();
    let lines: Vec<&str> = block.code.lines().filter(|line| !line.starts_with("rem ")).collect();
    match &lines[..] {
        [set, start]
            if *set == format!("set REALTIME_URL={url}")
                && start.starts_with("srcds_win64.exe -console ") =>
        {
            Ok(())
        }
        _ => Err(format!("unlike the shell's block, which sets {url}").into()),
    }
}

fn every_exception_counts(root: &Path, pages: &[(String, Vec<Block>)]) -> Result<(), Failed> {
    for (page, chapter, test) in FOLLOWED {
        let blocks = pages.iter().filter(|(name, _)| name == page).flat_map(|(_, blocks)| blocks);
        let chapter_is_there = blocks.filter(|block| block.chapter == *chapter).count() > 0;
        let test = fs::read_to_string(root.join(test)).unwrap_or_default();
        if chapter_is_there != test.contains(&format!("\"## {chapter}\"")) {
            return Err(format!("{page} has a chapter {chapter}, or a test follows it, but not both").into());
        }
    }
    for (page, part, why) in NO_CONSOLE {
        let blocks = pages.iter().filter(|(name, _)| name == page).flat_map(|(_, blocks)| blocks);
        if blocks.filter(|block| block.language == "text" && block.code.contains(part)).count() != 1 {
            return Err(format!("{page} has no such block any more ({why}): {part}").into());
        }
    }
    Ok(())
}

fn unknown_ones_fail() -> Result<(), Failed> {
    let wrong = ["```yaml\na: 1\n```", "```\nnothing\n```", "  ```lua\n  x = 1\n  ```", "~~~lua\nx = 1\n~~~"];
    for markdown in wrong {
        let blocks = markdown::blocks(markdown);
        if blocks.is_empty() || blocks.iter().all(|block| known("a page", block).is_ok()) {
            return Err(format!("it passes:\n{markdown}").into());
        }
    }
    Ok(())
}
