//! Messages as fast as they can be sent, for one subscriber after the other.

mod server;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) use server::{FRAME, serve};

use crate::error::Error;
use crate::process::{Figures, Service, figures};
use crate::results::{OURS, Results};
use crate::settings::Settings;
use crate::subscribe::Subject;

/// How long any of them may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The group of subscribers without Lua.
pub(crate) const WITHOUT_LUA: &str = "firehose, 64 B";
/// The group of subscribers with a Lua callback for each message.
pub(crate) const INTO_LUA: &str = "firehose into a Lua callback, 64 B";
/// The group of those whose messages come over TLS.
const OVER_TLS: &str = "firehose over TLS into a Lua callback, 64 B";

/// All subscribers without Lua.
///
/// # Errors
///
/// The system's own; a child that fails.
pub(crate) fn run(settings: &Settings, results: &mut Results) -> Result<(), Error> {
    for _ in 0..settings.rounds {
        for subject in Subject::FIREHOSE {
            let figures = against(settings.messages, None, |port| {
                let mut command = this_program()?;
                command.args(["firehose", subject.name(), &port.to_string()]);
                Ok(command)
            })?;
            add(WITHOUT_LUA, subject.name(), &figures, results)?;
        }
    }
    Ok(())
}

/// The whole path: the module in the stand-in host, and hiredis with LuaJIT on one thread.
///
/// # Errors
///
/// The system's own; a child that fails.
pub(crate) fn run_into_lua(settings: &Settings, host: &Path, results: &mut Results) -> Result<(), Error> {
    for _ in 0..settings.rounds {
        let figures = against(settings.messages, None, |port| Ok(into_lua(host, None, port)))?;
        add_threads(INTO_LUA, &figures, results)?;
        for (subject, protocol) in [("hiredis + LuaJIT", "3"), ("hiredis + LuaJIT (RESP2)", "2")] {
            let figures = against(settings.messages, None, |port| {
                let mut command = Command::new(env!("FIREHOSE_LUA"));
                command.args([&port.to_string(), protocol]);
                Ok(command)
            })?;
            add(INTO_LUA, subject, &figures, results)?;
        }
    }
    Ok(())
}

/// The same over TLS: `module` is built with it, and hiredis has OpenSSL.
///
/// # Errors
///
/// The system's own; a child that fails.
pub(crate) fn run_over_tls(
    settings: &Settings,
    host: &Path,
    module: &Path,
    results: &mut Results,
) -> Result<(), Error> {
    let authority = AuthorityFile::new();
    for _ in 0..settings.rounds {
        let figures = against(settings.messages, Some(&authority), |port| {
            let mut command = into_lua(host, Some(module), port);
            let mut argument = OsStr::new("authority=").to_owned();
            argument.push(&authority.0);
            command.arg(argument);
            Ok(command)
        })?;
        add_threads(OVER_TLS, &figures, results)?;
        let figures = against(settings.messages, Some(&authority), |port| {
            let mut command = Command::new(env!("FIREHOSE_LUA"));
            command.args([&port.to_string(), "3"]).arg(&authority.0);
            Ok(command)
        })?;
        add(OVER_TLS, "hiredis + OpenSSL + LuaJIT", &figures, results)?;
    }
    Ok(())
}

/// The certificate of the authority of a server that speaks TLS.
struct AuthorityFile(PathBuf);

impl AuthorityFile {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("peers-{}.pem", std::process::id())))
    }
}

impl Drop for AuthorityFile {
    fn drop(&mut self) {
        // If no server has written it, there is nothing to remove.
        let _removed = std::fs::remove_file(&self.0);
    }
}

/// The module in the stand-in host, as a subscriber: `module`, or the one that was built with the host.
fn into_lua(host: &Path, module: Option<&Path>, port: u16) -> Command {
    let mut command = Command::new(host);
    if let Some(module) = module {
        command.arg("--module").arg(module);
    }
    command.args(["--timeout", "60", "benches/peers/lua/firehose.lua"]).arg(format!("port={port}"));
    command
}

/// Runs a subscriber against a server of its own, which speaks TLS if there is a file for its authority.
fn against(
    messages: usize,
    authority: Option<&AuthorityFile>,
    subscriber: impl FnOnce(u16) -> Result<Command, Error>,
) -> Result<Figures, Error> {
    let mut command = this_program()?;
    command.args(["serve", &messages.to_string()]).args(authority.map(|file| &file.0));
    let server = Service::start(command)?;
    let port = server.said.parse().map_err(Error::peer("the firehose's port"))?;
    figures(subscriber(port)?, PATIENCE)
}

/// A command that runs this program again.
pub(crate) fn this_program() -> Result<Command, Error> {
    Ok(Command::new(std::env::current_exe().map_err(Error::io("this program's path"))?))
}

fn add(group: &str, subject: &str, figures: &Figures, results: &mut Results) -> Result<(), Error> {
    let (messages, seconds) = (figures.get("messages")?, figures.get("seconds")?);
    results.add(group, subject, "messages", "M msg/s", messages / seconds / 1e6);
    let cpu = per_million(figures.get("cpu_seconds")?, figures)?;
    results.add(group, subject, "processor time for a million", "ms", cpu * 1e3);
    results.add(group, subject, "peak memory", "B", figures.get("peak_bytes")?);
    if let Ok(lost) = figures.get("lost")
        && lost > 0.0
    {
        results.add(group, subject, "lost on the way", "messages", lost);
    }
    Ok(())
}

/// Our figures, with the time of each of the two threads.
fn add_threads(group: &str, figures: &Figures, results: &mut Results) -> Result<(), Error> {
    add(group, OURS, figures, results)?;
    for name in ["worker", "main"] {
        let found = figures.pairs.iter().find(|(key, _)| key.strip_suffix("_cpu_seconds") == Some(name));
        if let Some((_, seconds)) = found {
            let metric = format!("{name} thread for a million");
            results.add(group, OURS, &metric, "ms", per_million(*seconds, figures)? * 1e3);
        }
    }
    Ok(())
}

fn per_million(seconds: f64, figures: &Figures) -> Result<f64, Error> {
    Ok(seconds * 1e6 / figures.get("messages")?)
}
