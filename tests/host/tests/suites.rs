//! The module's own suites: every script in `tests/lua/`, each in a separate host, over both protocol versions.
//!
//! The first line of a script may contain marks, as a comment:
//!
//! - `-- once`: it runs once, with no version chosen (as does a script whose name ends in `_once.lua`);
//! - `-- servers: fake, real`: it runs against the embedded server, and against a redis-server if there is one on the
//!   PATH. If `CI` is set it must be there. Scripts in `tests/lua/real/` run only against a redis-server;
//! - `-- redis: 6.2`: the redis-server must be of that version at least;
//! - `-- unload: before, after`: it runs once for each of these values of the host's option `--unload`;
//! - `-- tick-rate: 22, 66`: likewise for `--tick-rate`;
//! - `-- unix`: it needs Unix, and is ignored on Windows.
//!
//! Semicolons stand between them.
//!
//! `GMOD_HOST_SEED=NUMBER` in the environment changes the order of hooks.
//!
//! `REDIS_SERVER=FILE` in the environment names another redis-server. One before version 6 has no RESP3: suites for
//! both versions run over `protocol = "auto"` and over 2 instead. Suites that cannot run are shown as ignored, with
//! the reason.
//!
//! Scripts in `tests/lua/addon/` run with the addon of `lua/` installed. Those in `tests/lua/postgres/` run against a PostgreSQL, if there
//! is one, with `--features postgres` or another file of the module; with the mark `addon` the addon is installed there, too.
//!
//! Scripts whose names begin with an underscore, and other folders, are not run.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot set itself up fails")]

use std::{
    env, fs,
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
};

use libtest_mimic::{Arguments, Failed, Trial};
use real_redis::Version;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Fake,
    Real,
    Postgres,
}

impl Server {
    const fn name(self) -> &'static str {
        match self {
            Self::Fake => "fake",
            Self::Real => "real",
            Self::Postgres => "postgres",
        }
    }
}

/// A script, and its settings.
struct Suite {
    name: String,
    script: PathBuf,
    protocols: &'static [Option<u8>],
    servers: Vec<Server>,
    unload: Vec<String>,
    tick_rates: Vec<String>,
    /// Whether the addon is installed.
    addon: bool,
    /// It needs features that only Unix has.
    unix: bool,
    /// The oldest redis-server that has the features it needs.
    redis: Version,
}

/// The host's default.
const UNLOAD_DEFAULT: &str = "never";
const TICK_RATE_DEFAULT: &str = "66";

/// The first with RESP3.
const REDIS_6: Version = (6, 0);

/// A command, in words without spaces, that every host runs under: valgrind, for instance.
const RUNNER: &str = "GMOD_HOST_RUNNER";

/// The file for `require("realtime")`, instead of the module built with the tests: a released one.
const MODULE: &str = "GMOD_HOST_MODULE";

/// The seed for the order of hooks. The same in each run, unless the environment names another one.
const SEED: &str = "GMOD_HOST_SEED";
const DEFAULT_SEED: &str = "1";

const ONCE: &[Option<u8>] = &[None];
const BOTH: &[Option<u8>] = &[Some(2), Some(3)];
const BOTH_WITHOUT_RESP3: &[Option<u8>] = &[None, Some(2)];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Suites wait more than they compute, unless a tool makes everything slow.
    let at_once = if env::var_os(RUNNER).is_some() { 1 } else { 3 };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(at_once * cores);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lua").canonicalize().expect("tests/lua");
    let mut suites = suites_in(&folder, "", &[Server::Fake]);
    suites.extend(suites_in(&folder.join("real"), "real/", &[Server::Real]));
    suites.extend(suites_in(&folder.join("addon"), "addon/", &[Server::Fake]));
    suites.extend(suites_in(&folder.join("postgres"), "postgres/", &[Server::Postgres]));
    // If it is missing, each test that needs it reports that.
    let redis = real_redis::version().ok();
    let trials = suites.iter().flat_map(|suite| trials(suite, redis)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn suites_in(folder: &Path, prefix: &str, default: &[Server]) -> Vec<Suite> {
    let entries = fs::read_dir(folder).expect("the folder of the suites");
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
    let has = |wanted: &str| marks.split([' ', ';', ',']).any(|mark| mark == wanted);
    let once = stem.ends_with("_once") || has("once") || prefix == "postgres/";
    let unix = has("unix");
    let server = |name: &str| match name {
        "fake" => Server::Fake,
        "real" => Server::Real,
        "postgres" => Server::Postgres,
        other => panic!("{}: servers are fake, real and postgres, not '{other}'", script.display()),
    };
    let servers = match listed(marks, "servers:") {
        Some(names) => names.map(server).collect(),
        None => default.to_vec(),
    };
    let unload = match listed(marks, "unload:") {
        Some(names) => names.map(str::to_owned).collect(),
        None => vec![UNLOAD_DEFAULT.to_owned()],
    };
    let tick_rates = match listed(marks, "tick-rate:") {
        Some(rates) => rates.map(str::to_owned).collect(),
        None => vec![TICK_RATE_DEFAULT.to_owned()],
    };
    let redis = match listed(marks, "redis:").and_then(|mut list| list.next()) {
        Some(text) => version(text).unwrap_or_else(|| panic!("{}: no version: '{text}'", script.display())),
        None => (0, 0),
    };
    let protocols = if once { ONCE } else { BOTH };
    let addon = prefix == "addon/" || has("addon");
    Suite {
        name: format!("{prefix}{stem}"),
        script,
        protocols,
        servers,
        unload,
        tick_rates,
        addon,
        unix,
        redis,
    }
}

/// The values of a mark.
fn listed<'marks>(marks: &'marks str, mark: &str) -> Option<impl Iterator<Item = &'marks str>> {
    let (_, list) = marks.split_once(mark)?;
    Some(list.split(';').next().unwrap_or_default().split(',').map(str::trim))
}

/// `redis`: the version of the redis-server, if there is one.
fn trials(suite: &Suite, redis: Option<Version>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for &server in &suite.servers {
        let old = server == Server::Real && redis.is_some_and(|version| version < REDIS_6);
        let protocols = if old && suite.protocols == BOTH { BOTH_WITHOUT_RESP3 } else { suite.protocols };
        for &protocol in protocols {
            for unload in &suite.unload {
                for tick_rate in &suite.tick_rates {
                    trials.push(trial(suite, server, redis, protocol, unload, tick_rate));
                }
            }
        }
    }
    trials
}

fn trial(
    suite: &Suite,
    server: Server,
    redis: Option<Version>,
    protocol: Option<u8>,
    unload: &str,
    tick_rate: &str,
) -> Trial {
    let mut name = format!("{} (", suite.name);
    match protocol {
        Some(version) => name.push_str(&format!("resp{version}, ")),
        None if suite.protocols == BOTH => name.push_str("auto, "),
        None => {}
    }
    name.push_str(server.name());
    if unload != UNLOAD_DEFAULT {
        name.push_str(&format!(", unload {unload}"));
    }
    if tick_rate != TICK_RATE_DEFAULT {
        name.push_str(&format!(", {tick_rate} Hz"));
    }
    name.push(')');
    let words = ["--server", server.name(), "--unload", unload, "--tick-rate", tick_rate];
    let mut options = words.map(str::to_owned).to_vec();
    if suite.addon {
        options.extend(["--addon", "lua"].map(str::to_owned));
    }
    let script = suite.script.clone();
    let test = Trial::test(name, move || run(&script, &options, protocol));
    let lacks = match (server, redis) {
        _ if suite.unix && cfg!(windows) => Some("needs Unix".to_owned()),
        // If one is required it fails.
        (Server::Postgres, _) if cfg!(windows) => Some("needs Unix".to_owned()),
        // Another file's features are not known here. A suite does nothing if it lacks this one.
        (Server::Postgres, _) if !cfg!(feature = "postgres") && env::var_os(MODULE).is_none() => {
            Some("needs the feature postgres".to_owned())
        }
        #[cfg(unix)]
        (Server::Postgres, _) if !real_postgres::is_expected() => Some("needs a PostgreSQL".to_owned()),
        (Server::Real, None) if !real_redis::is_expected() => Some("needs a redis-server".to_owned()),
        (Server::Real, Some(version)) if version < suite.redis => {
            Some(format!("needs Redis {}.{}", suite.redis.0, suite.redis.1))
        }
        _ => None,
    };
    match lacks {
        Some(reason) => test.with_kind(reason).with_ignored_flag(true),
        None => test,
    }
}

fn run(script: &Path, options: &[String], protocol: Option<u8>) -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut command = host()?;
    command
        .current_dir(&root)
        .args(options)
        .args(["--timeout", timeout()])
        .args(env::var_os(MODULE).map(|file| ["--module".into(), file]).into_iter().flatten())
        // The form of chunk names in the game, on Windows, too.
        .arg(script.strip_prefix(&root)?.to_string_lossy().replace('\\', "/"))
        .args(env::var_os(RUNNER).map(|_| "slow"))
        // A shell sets it in the folder where it starts the host; cargo may have run elsewhere.
        .env("PWD", &root)
        .env_remove("REDIS_URL")
        .env_remove("REALTIME_URL")
        .env_remove("HOST_PROTOCOL")
        .env(SEED, env::var_os(SEED).unwrap_or_else(|| DEFAULT_SEED.into()));
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

/// Seconds for one script: many times the slowest one.
fn timeout() -> &'static str {
    if env::var_os(RUNNER).is_some() { "1200" } else { "900" }
}

/// The host, directly or under a tool.
fn host() -> Result<Command, Failed> {
    let program = env!("CARGO_BIN_EXE_gmod-host");
    let Some(runner) = env::var_os(RUNNER) else { return Ok(Command::new(program)) };
    let runner = runner.into_string().map_err(|_| format!("{RUNNER} is not UTF-8"))?;
    let mut words = runner.split_whitespace();
    let mut command = Command::new(words.next().ok_or_else(|| format!("{RUNNER} is empty"))?);
    command.args(words).arg(program);
    Ok(command)
}

/// The first two numbers of `6.2.14`.
fn version(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(|number| number.trim().parse().ok());
    Some((numbers.next()??, numbers.next()??))
}
