//! The scripts of `benches/game/` still run: each once, with a small load. Their figures must be there, but are not
//! checked.
//!
//! A script announces its figures in comments, one in a line, `-- = key  meaning`, with `<n>` in the key for any
//! number. It takes `quick=1`. Scripts whose names begin with an underscore are not run.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use libtest_mimic::{Arguments, Failed, Trial};

/// Much longer than any of these short runs takes.
const TIMEOUT_SECONDS: &str = "120";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository");
    let entries = fs::read_dir(root.join("benches/game")).expect("benches/game");
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    scripts.sort();
    let trials = scripts.into_iter().filter_map(|script| {
        let name = script.file_name()?.to_str()?.strip_suffix(".lua")?.to_owned();
        let root = root.clone();
        (!name.starts_with('_')).then(|| Trial::test(name, move || run(&root, &script)))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn run(root: &Path, script: &Path) -> Result<(), Failed> {
    let source = fs::read_to_string(script)?;
    // The only ones that need a folder for an addon to write to.
    let addon: &[&str] = if source.contains("realtime/load.lua") { &["--addon", "lua"] } else { &[] };
    let mut command = Command::new(env!("CARGO_BIN_EXE_gmod-host"));
    command
        .current_dir(root)
        // As intended, if that is possible.
        .args([
            "--server",
            if real_redis::is_expected() { "real" } else { "fake" },
            "--timeout",
            TIMEOUT_SECONDS,
        ])
        .args(addon)
        .arg(script.strip_prefix(root)?)
        .arg("quick=1")
        .env("GMOD_HOST_SEED", "1")
        .env_remove("REDIS_URL")
        .env_remove("REALTIME_URL")
        .env_remove("HOST_PROTOCOL");
    let output = command.output()?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let announced: Vec<&str> = source.lines().filter_map(|line| word(line, "-- = ", 0)).collect();
    let printed: Vec<&str> = stdout.lines().filter_map(|line| word(line, "= ", 0)).collect();
    let mut problems = Vec::new();
    if !output.status.success() {
        problems.push(output.status.to_string());
    }
    if announced.is_empty() {
        problems.push("it announces nothing".to_owned());
    }
    let missing = announced.iter().filter(|key| !printed.iter().any(|printed| is_meant(printed, key)));
    problems.extend(missing.map(|key| format!("{key} was not printed")));
    let unknown = printed.iter().filter(|key| !announced.iter().any(|announced| is_meant(key, announced)));
    problems.extend(unknown.map(|key| format!("{key} is not announced")));
    let no_number = |line: &&str| {
        word(line, "= ", 0).is_some()
            && word(line, "= ", 1)
                .and_then(|number| number.parse::<f64>().ok())
                .is_none_or(|n| !n.is_finite())
    };
    problems.extend(stdout.lines().filter(no_number).map(|line| format!("no number: {line}")));
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failed::from(format!("{command:?}: {}\n{stdout}\n{stderr}", problems.join("; "))))
}

/// The word of that number in a line that begins like this.
fn word<'line>(line: &'line str, mark: &str, number: usize) -> Option<&'line str> {
    line.strip_prefix(mark)?.split_whitespace().nth(number)
}

/// Whether a printed key was announced.
fn is_meant(printed: &str, announced: &str) -> bool {
    let Some((before, behind)) = announced.split_once("<n>") else { return printed == announced };
    let Some(rest) = printed.strip_prefix(before) else { return false };
    let number = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    number > 0 && is_meant(&rest[number..], behind)
}
