//! The module and its parser beside their peers. `run` starts it; see README.md.

mod chart;
mod error;
mod firehose;
mod game;
mod hiredis;
mod latency;
mod parse;
mod process;
mod results;
mod settings;
mod subscribe;
mod system;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use error::Error;
use lexopt::{Arg, Parser, ValueExt};
use results::Results;
use settings::Settings;
use subscribe::Subject;

pub(crate) const USAGE: &str =
    "peers run --host GMOD_HOST --tls-module FILE [--quick] [--only parse|firehose|lua|tls|latency|game]… [--json FILE]
peers chart RESULTS.json FOLDER
Children of a run: peers serve MESSAGES [AUTHORITY], peers firehose SUBJECT PORT, peers latency SUBJECT PORT,
peers publish PORT MESSAGES";

/// The parts of a run, in order.
const PARTS: [&str; 6] = ["parse", "firehose", "lua", "tls", "latency", "game"];

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<(), Error> {
    let mut parser = Parser::from_env();
    let Some(Arg::Value(command)) = parser.next()? else { return Err(usage("no command")) };
    match command.to_str() {
        Some("run") => run(parser),
        Some("chart") => {
            let (results, folder): (PathBuf, PathBuf) =
                (value(&mut parser)?.into(), value(&mut parser)?.into());
            chart::draw(&Results::read(&results)?, &folder)
        }
        Some("serve") => {
            let messages = value(&mut parser)?.parse()?;
            let authority = match parser.next()? {
                Some(Arg::Value(file)) => Some(PathBuf::from(file)),
                Some(other) => return Err(other.unexpected().into()),
                None => None,
            };
            firehose::serve(messages, authority.as_deref())
        }
        Some("firehose") => subject(&mut parser)?.firehose(value(&mut parser)?.parse()?),
        Some("latency") => subject(&mut parser)?.latency(value(&mut parser)?.parse()?),
        Some("publish") => latency::publish(value(&mut parser)?.parse()?, value(&mut parser)?.parse()?),
        _ => Err(usage("no such command")),
    }
}

fn run(mut parser: Parser) -> Result<(), Error> {
    let (mut settings, mut host, mut module, mut json) = (Settings::FULL, None, None, None);
    let mut parts = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("quick") => settings = Settings::QUICK,
            Arg::Long("host") => host = Some(PathBuf::from(parser.value()?)),
            Arg::Long("tls-module") => module = Some(PathBuf::from(parser.value()?)),
            Arg::Long("json") => json = Some(PathBuf::from(parser.value()?)),
            Arg::Long("only") => {
                let part = parser.value()?.string()?;
                parts.push(*PARTS.iter().find(|name| **name == part).ok_or_else(|| usage("no such part"))?);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let host = host.ok_or_else(|| usage("--host is missing"))?;
    let module = module.ok_or_else(|| usage("--tls-module is missing"))?;
    // Such a run measures little, and must not overwrite full results.
    let json = json.or_else(|| {
        (!settings.quick && parts.is_empty()).then(|| PathBuf::from("benches/peers/results.json"))
    });
    let mut results = Results::default();
    for part in PARTS.into_iter().filter(|part| parts.is_empty() || parts.contains(part)) {
        eprintln!("peers: {part}");
        match part {
            "parse" => parse::run(&settings, &mut results)?,
            "firehose" => firehose::run(&settings, &mut results)?,
            "lua" => firehose::run_into_lua(&settings, &host, &mut results)?,
            "tls" => firehose::run_over_tls(&settings, &host, &module, &mut results)?,
            "latency" => latency::run(&settings, &host, &mut results)?,
            _ => game::run(&settings, &host, &mut results)?,
        }
    }
    println!("{}", results.table());
    let Settings { rounds, latency_rounds, .. } = settings;
    let version = hiredis::VERSION;
    println!("hiredis {version}; medians of {rounds} interleaved rounds, of {latency_rounds} for latencies");
    json.map_or(Ok(()), |json| results.write(&json))
}

fn subject(parser: &mut Parser) -> Result<Subject, Error> {
    let name = value(parser)?.string()?;
    Subject::named(&name).ok_or_else(|| usage("no such subject"))
}

fn value(parser: &mut Parser) -> Result<OsString, Error> {
    match parser.next()? {
        Some(Arg::Value(value)) => Ok(value),
        _ => Err(usage("something is missing")),
    }
}

fn usage(message: &'static str) -> Error {
    Error::Usage(message.into())
}
