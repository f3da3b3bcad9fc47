//! Messages as fast as they can be sent, for one subscriber after the other.

mod server;

use std::path::Path;
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

/// All subscribers without Lua.
///
/// # Errors
///
/// The system's own; a child that fails.
pub(crate) fn run(settings: &Settings, results: &mut Results) -> Result<(), Error> {
    for _ in 0..settings.rounds {
        for subject in Subject::FIREHOSE {
            let figures = against(settings.messages, |port| {
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
        let figures = against(settings.messages, |port| {
            let mut command = Command::new(host);
            command.args(["--timeout", "60", "benches/peers/lua/firehose.lua"]).arg(format!("port={port}"));
            Ok(command)
        })?;
        add(INTO_LUA, OURS, &figures, results)?;
        for name in ["worker", "main"] {
            let found = figures.pairs.iter().find(|(key, _)| key.strip_suffix("_cpu_seconds") == Some(name));
            if let Some((_, seconds)) = found {
                let metric = format!("{name} thread for a million");
                results.add(INTO_LUA, OURS, &metric, "ms", per_million(*seconds, &figures)? * 1e3);
            }
        }
        for (subject, protocol) in [("hiredis + LuaJIT", "3"), ("hiredis + LuaJIT (RESP2)", "2")] {
            let figures = against(settings.messages, |port| {
                let mut command = Command::new(env!("FIREHOSE_LUA"));
                command.args([&port.to_string(), protocol]);
                Ok(command)
            })?;
            add(INTO_LUA, subject, &figures, results)?;
        }
    }
    Ok(())
}

/// Runs a subscriber against a server of its own.
fn against(
    messages: usize,
    subscriber: impl FnOnce(u16) -> Result<Command, Error>,
) -> Result<Figures, Error> {
    let mut command = this_program()?;
    command.args(["serve", &messages.to_string()]);
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

fn per_million(seconds: f64, figures: &Figures) -> Result<f64, Error> {
    Ok(seconds * 1e6 / figures.get("messages")?)
}
