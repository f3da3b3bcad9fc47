//! Tests the documentation. Every block of every page is run, or the list says why not (`snippets/blocks.rs`), no
//! link is broken (`links.rs`), the reference is complete (`reference.rs`), commands name existing things
//! (`cargo.rs`), and each invariant names existing tests (`invariants.rs`).
//!
//! Lua runs: every block that begins with three backticks and `lua`, in any page and in the annotations, each in a host of
//! its own, with the addon installed.
//!
//! A block passes if nothing raises, neither in it nor in a callback, until its clients are connected, have their
//! answers, and some ticks have passed. If it says `redis://…`, the run's own server answers, and
//! `realtime.Default()` leads there.
//!
//! The needs of a block, and its effects, may be in comments of the Markdown, which readers do not see:
//!
//! ````markdown
//! <!-- setup
//! local client = realtime.Connect(host.redis_url)
//! -->
//! ```lua
//! client:Subscribe("chat", function(message) print(message) end)
//! ```
//! <!-- check
//! host.wait(function() return host.server.publish("chat", "hello") == 1 end, 10, "the subscription")
//! host.wait(function() return table.concat(host.console(), "\n"):find("hello") end, 10, "hello on the console")
//! -->
//! ````
//!
//! `setup` and `check` share the block's locals; `check` may wait (see tests/host/reference.md). Besides the host's
//! functions, `host.says(text)` waits until the console says it. With `<!-- options: … -->` before the block (before
//! `setup`, if there is one) the host gets more options; `no-addon` leaves the addon out, `client` runs the block as
//! the game of a player would who is there. With `--server real` the block is ignored where there is no redis-server,
//! unless CI is set; with `--server postgres` where there is no PostgreSQL, or without `--features postgres` or
//! `GMOD_HOST_MODULE`, which names another file of the module. Lines in errors are those of the file.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use libtest_mimic::{Arguments, Failed, Trial};

#[path = "snippets/acl.rs"]
mod acl;
#[path = "snippets/blocks.rs"]
mod blocks;
#[path = "snippets/cargo.rs"]
mod cargo;
#[path = "snippets/config.rs"]
mod config;
#[path = "snippets/console.rs"]
mod console;
#[path = "snippets/examples.rs"]
mod examples;
#[path = "snippets/invariants.rs"]
mod invariants;
#[path = "snippets/links.rs"]
mod links;
#[path = "snippets/markdown.rs"]
mod markdown;
#[path = "snippets/own.rs"]
mod own;
#[path = "snippets/python.rs"]
mod python;
#[path = "snippets/reference.rs"]
mod reference;
#[path = "snippets/servers.rs"]
mod servers;
#[path = "snippets/shell.rs"]
mod shell;
#[path = "snippets/sql.rs"]
mod sql;
#[path = "snippets/tunnels.rs"]
mod tunnels;
#[path = "snippets/web_site.rs"]
mod web_site;

/// Another file of the module than the one that cargo built.
const MODULE: &str = "GMOD_HOST_MODULE";
/// Much longer than any of them takes.
const TIMEOUT_SECONDS: &str = "60";

/// The code before and after a block, as functions of a file beside the script.
const BEFORE: &str = include_str!("snippets/before.lua");
const AFTER: &str = include_str!("snippets/after.lua");

/// The options that are not the host's.
const NO_ADDON: &str = "no-addon";
const CLIENT: &str = "client";

/// A block of Lua, with its comments.
#[derive(Debug, Default, PartialEq, Eq)]
struct Snippet {
    /// Where the block's first line is, from 1.
    line: usize,
    options: Vec<String>,
    /// Each with the number of its first line.
    setup: Option<(usize, String)>,
    code: String,
    check: Option<(usize, String)>,
}

impl Snippet {
    /// The script: every line where it stands in the file.
    fn script(&self) -> String {
        let mut script = format!("if include('before.lua')({}) then return end ", self.has_addon());
        if let Some((line, setup)) = &self.setup {
            at_line(&mut script, *line, setup);
        }
        if self.has(CLIENT) {
            script.push_str("host.players.client(host.players.add(), function() ");
        }
        at_line(&mut script, self.line, &self.code);
        // Its last line may end in a comment.
        script.push('\n');
        if self.has(CLIENT) {
            script.push_str("end) ");
        }
        match &self.check {
            Some((line, check)) => {
                script.push_str("include('after.lua')(function()");
                at_line(&mut script, *line, check);
                script.push_str("\nend)");
            }
            None => script.push_str("include('after.lua')()"),
        }
        script
    }

    fn has_addon(&self) -> bool {
        !self.has(NO_ADDON)
    }

    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|has| has == option)
    }
}

fn at_line(script: &mut String, line: usize, text: &str) {
    let now = script.matches('\n').count() + 1;
    script.push_str(&"\n".repeat(line.saturating_sub(now)));
    script.push_str(text);
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository");
    let mut trials = vec![
        Trial::test("blocks are found, with what stands around them", own::blocks_are_found),
        Trial::test("a block keeps its lines", own::lines_are_kept),
        Trial::test("a block that is wrong fails", {
            let root = root.clone();
            move || own::wrong_ones_fail(&root)
        }),
        Trial::test("a dead link is found", {
            let root = root.clone();
            move || links::dead_ones_are_found(&root)
        }),
        Trial::test("every link leads somewhere", {
            let root = root.clone();
            move || links::all_lead_somewhere(&root)
        }),
        Trial::test("a command that names nothing is found", {
            let root = root.clone();
            move || cargo::wrong_commands_are_found(&root)
        }),
        Trial::test("commands name what is there", {
            let root = root.clone();
            move || cargo::commands_name_what_is_there(&root)
        }),
        Trial::test("an invariant without a test is found", invariants::missing_ones_are_found),
        Trial::test("each invariant names tests that are there", {
            let root = root.clone();
            move || invariants::each_names_tests_that_are_there(&root)
        }),
        Trial::test("each folder of tests is described", {
            let root = root.clone();
            move || invariants::tests_are_described(&root)
        }),
        Trial::test("the API reference is whole", {
            let root = root.clone();
            move || reference::is_whole(&root)
        }),
        Trial::test("examples are as short as they are said to be", {
            let root = root.clone();
            move || examples::are_short(&root)
        }),
        Trial::test("pages that sources name are there", {
            let root = root.clone();
            move || links::pages_that_sources_name(&root)
        }),
    ];
    for (name, text) in markdown::pages(&root).into_iter().chain([annotations(&root)]) {
        for snippet in snippets(&text) {
            let (root, name) = (root.clone(), name.clone());
            let may_have = cfg!(feature = "postgres") || env::var_os(MODULE).is_some();
            let has_postgres = may_have && sql::is_expected();
            let ignored =
                snippet.has("real") && !real_redis::is_expected() || snippet.has("postgres") && !has_postgres;
            let trial = Trial::test(format!("{name}:{}", snippet.line), move || run(&root, &name, &snippet));
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    trials.extend(blocks::trials(&root));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Editors also show Markdown, from comments.
fn annotations(root: &Path) -> (String, String) {
    let name = "lua/annotations/realtime.lua";
    let text = fs::read_to_string(root.join(name)).expect("the annotations");
    let lines = text.lines().map(|line| line.strip_prefix("---").unwrap_or_default());
    (name.to_owned(), lines.collect::<Vec<_>>().join("\n"))
}

/// All blocks of a Markdown text.
fn snippets(markdown: &str) -> Vec<Snippet> {
    let lines: Vec<&str> = markdown.lines().collect();
    let mut found: Vec<Snippet> = Vec::new();
    let mut next = Snippet::default();
    // A check belongs to the block before it, which another test may run.
    let mut ours = false;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_end();
        if line == "```lua" {
            let end = end_of(&lines, at, "```");
            next.line = at + 2;
            next.code = lines[at + 1..end].join("\n");
            found.push(std::mem::take(&mut next));
            ours = true;
            at = end;
        } else if line.starts_with("```") {
            // A block in another language, or one that shows Markdown.
            let fence = "`".repeat(line.len() - line.trim_start_matches('`').len());
            at = end_of(&lines, at, &fence);
            next = Snippet::default();
            ours = false;
        } else if let Some(options) =
            line.strip_prefix("<!-- options:").and_then(|rest| rest.strip_suffix("-->"))
        {
            next.options = options.split_whitespace().map(str::to_owned).collect();
        } else if line == "<!-- setup" {
            let end = end_of(&lines, at, "-->");
            next.setup = Some((at + 2, lines[at + 1..end].join("\n")));
            at = end;
        } else if line == "<!-- check" {
            let end = end_of(&lines, at, "-->");
            if let Some(before) = found.last_mut().filter(|_| ours) {
                before.check = Some((at + 2, lines[at + 1..end].join("\n")));
            }
            at = end;
        } else if !line.is_empty() {
            next = Snippet::default();
        }
        at += 1;
    }
    found
}

/// The end of the comment or block that begins at a line.
fn end_of(lines: &[&str], start: usize, mark: &str) -> usize {
    let behind = &lines[start + 1..];
    start + 1 + behind.iter().position(|line| line.trim_end() == mark).unwrap_or(behind.len())
}

fn run(root: &Path, name: &str, snippet: &Snippet) -> Result<(), Failed> {
    let folder = fresh_folder(&format!("{name}-{}", snippet.line))?;
    for (name, source) in [("before.lua", BEFORE), ("after.lua", AFTER)] {
        fs::write(folder.join(name), format!("return function(...) {source} end"))?;
    }
    let options: Vec<&str> = snippet
        .options
        .iter()
        .map(String::as_str)
        .filter(|option| ![NO_ADDON, CLIENT].contains(option))
        .collect();
    // Named like the file, so that errors name it.
    let file = name.replace('/', "_");
    host(root, &folder, &file, &snippet.script(), snippet.has_addon(), &options, &[])
        .map_err(|error| format!("{name}:{}: {}", snippet.line, error.message().unwrap_or_default()).into())
}

/// Runs a script in the host, and removes the folder after a success.
fn host(
    root: &Path,
    folder: &Path,
    file: &str,
    script: &str,
    addon: bool,
    options: &[&str],
    environment: &[(&str, &str)],
) -> Result<(), Failed> {
    fs::write(folder.join(file), script)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_gmod-host"));
    command.current_dir(folder).args(["--timeout", TIMEOUT_SECONDS]);
    if let Some(file) = env::var_os(MODULE) {
        command.arg("--module").arg(file);
    }
    if addon {
        command.arg("--addon").arg(root.join("lua"));
    }
    for variable in ["REDIS_URL", "REALTIME_URL", "HOST_PROTOCOL"] {
        command.env_remove(variable);
    }
    if env::var_os("GMOD_HOST_SEED").is_none() {
        command.env("GMOD_HOST_SEED", "1");
    }
    let output = command.args(options).arg(file).envs(environment.iter().copied()).output()?;
    if output.status.success() {
        fs::remove_dir_all(folder)?;
        return Ok(());
    }
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Failed::from(format!("{}\n{stdout}\n{stderr}", output.status)))
}

fn fresh_folder(name: &str) -> Result<PathBuf, Failed> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "snippet-{}-{}",
        std::process::id(),
        name.replace('/', "_")
    ));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
