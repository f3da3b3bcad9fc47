//! The module's own suites: every script in `tests/lua/`, each in a host of its own, over both protocol versions.
//!
//! The first line of a script may say more, as a comment:
//!
//! - `-- once`: it runs once, with no version chosen (as does a script whose name ends in `_once.lua`);
//! - `-- servers: fake, real`: it runs against the embedded server, and against a redis-server if there is one on the
//!   PATH. Where CI=true there must be. Scripts in `tests/lua/real/` run against a redis-server alone.
//!
//! Scripts whose names begin with an underscore, and other folders, are left alone.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot set itself up fails")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use libtest_mimic::{Arguments, Failed, Trial};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Fake,
    Real,
}

impl Server {
    const fn name(self) -> &'static str {
        match self {
            Self::Fake => "fake",
            Self::Real => "real",
        }
    }
}

/// A script, and what it runs with.
struct Suite {
    name: String,
    script: PathBuf,
    protocols: &'static [Option<u8>],
    servers: Vec<Server>,
}

const ONCE: &[Option<u8>] = &[None];
const BOTH: &[Option<u8>] = &[Some(2), Some(3)];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lua").canonicalize().expect("tests/lua");
    let mut suites = suites_in(&folder, "", &[Server::Fake]);
    suites.extend(suites_in(&folder.join("real"), "real/", &[Server::Real]));
    let trials = suites.into_iter().flat_map(trials).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn suites_in(folder: &Path, prefix: &str, default: &[Server]) -> Vec<Suite> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    scripts.sort();
    let is_suite = |script: &PathBuf| script.is_file() && script.extension().is_some_and(|end| end == "lua");
    scripts.retain(is_suite);
    let suites = scripts.into_iter().map(|script| suite(script, prefix, default));
    suites.filter(|suite| !suite.name[prefix.len()..].starts_with('_')).collect()
}

fn suite(script: PathBuf, prefix: &str, default: &[Server]) -> Suite {
    let stem = script.file_stem().expect("a file").to_string_lossy().into_owned();
    let source = fs::read_to_string(&script).expect("UTF-8");
    let marks = source.lines().next().and_then(|line| line.strip_prefix("--")).unwrap_or_default();
    let once = stem.ends_with("_once") || marks.split([' ', ';', ',']).any(|mark| mark == "once");
    let servers = match marks.split_once("servers:") {
        Some((_, list)) => servers(list, &script),
        None => default.to_vec(),
    };
    Suite { name: format!("{prefix}{stem}"), script, protocols: if once { ONCE } else { BOTH }, servers }
}

fn servers(list: &str, script: &Path) -> Vec<Server> {
    let list = list.split(';').next().unwrap_or_default();
    let server = |name: &str| match name.trim() {
        "fake" => Server::Fake,
        "real" => Server::Real,
        other => panic!("{}: servers are fake and real, not '{other}'", script.display()),
    };
    list.split(',').map(server).collect()
}

fn trials(suite: Suite) -> Vec<Trial> {
    let Suite { name, script, protocols, servers } = suite;
    let mut trials = Vec::new();
    for &server in &servers {
        for &protocol in protocols {
            let version = protocol.map_or_else(String::new, |version| format!("resp{version}, "));
            let name = format!("{name} ({version}{})", server.name());
            let script = script.clone();
            // Without a redis-server: shown as ignored, or failing, where CI counts on it.
            let ignored = server == Server::Real && !on_ci() && !has_redis_server();
            trials.push(Trial::test(name, move || run(&script, server, protocol)).with_ignored_flag(ignored));
        }
    }
    trials
}

fn run(script: &Path, server: Server, protocol: Option<u8>) -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_gmod-host"));
    command
        .current_dir(&root)
        .args(["--server", server.name()])
        .arg(script.strip_prefix(&root)?)
        .env_remove("REDIS_URL")
        .env_remove("REALTIME_URL")
        .env_remove("HOST_PROTOCOL");
    if let Some(version) = protocol {
        command.env("HOST_PROTOCOL", version.to_string());
    }
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failed::from(format!(
        "{command:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )))
}

fn on_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| ci == "true")
}

fn has_redis_server() -> bool {
    Command::new("redis-server").arg("--version").output().is_ok_and(|output| output.status.success())
}
