//! The module over PostgreSQL beside libpq, on one server and in one run: `benches/postgres/run`. See README.md.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::{Command, Stdio};

use real_postgres::RealPostgres;

/// Compiled by build.rs.
const PEER: &str = env!("LIBPQ_PEER");
const SCRIPT: &str = "benches/postgres/lua/reach.lua";
/// How often all of them are measured, in turn. A figure is the median of its rounds.
const ROUNDS: usize = 3;
const MESSAGES: &str = "1000";
const SELECTS: &str = "2000";
const PUBLISHES: &str = "50000";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The figure in a program's `= key number`.
fn figure(command: &mut Command) -> Result<f64> {
    let output = command.stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let value =
        said.lines().find_map(|line| line.strip_prefix("= ")?.split_whitespace().nth(1)?.parse().ok());
    match value {
        Some(value) if output.status.success() => Ok(value),
        _ => Err(format!("{command:?}: {}: {said}", output.status).into()),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn main() -> Result<()> {
    let mut host = std::env::args().skip(1).collect::<Vec<_>>().into_iter();
    let program = host.next().ok_or("usage: postgres-reach GMOD_HOST [OPTIONS OF THE HOST...]")?;
    let options: Vec<String> = host.collect();
    let server = RealPostgres::builder()
        .sql("CREATE TABLE players (id text PRIMARY KEY, name text, points int8)")
        .sql("INSERT INTO players VALUES ('76561198000000001', 'Alice', 42)")
        .start()?;
    let url = server.url();
    let ours = |part: &str, count: &str| {
        let mut command = Command::new(&program);
        command.args(&options).args(["--timeout", "120", SCRIPT]);
        command.args([format!("url={url}"), format!("part={part}"), format!("count={count}")]);
        command
    };
    let libpq = |part: &str, count: &str| {
        let mut command = Command::new(PEER);
        command.args([part, &url, count]);
        command
    };
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let heard = |mut listener: Command| -> Result<f64> {
        let mut publisher = libpq("publish", MESSAGES).spawn()?;
        let age = figure(&mut listener);
        let _status = publisher.wait()?;
        age
    };
    for _ in 0..ROUNDS {
        all.entry("message, ours").or_default().push(heard(ours("listen", "0"))?);
        all.entry("message, libpq").or_default().push(heard(libpq("listen", "0"))?);
        all.entry("select, ours").or_default().push(figure(&mut ours("select", SELECTS))?);
        all.entry("select that waits, ours").or_default().push(figure(&mut ours("sync", SELECTS))?);
        all.entry("select, libpq").or_default().push(figure(&mut libpq("select", SELECTS))?);
        all.entry("publish, ours").or_default().push(figure(&mut ours("publish", PUBLISHES))?);
    }
    let of = |key: &str| median(&all[key]);
    println!(
        "publish to callback: {:.1} µs, libpq {:.1} µs",
        of("message, ours") / 1e3,
        of("message, libpq") / 1e3
    );
    println!(
        "SELECT of one row to its table: {:.1} µs, libpq {:.1} µs",
        of("select, ours") / 1e3,
        of("select, libpq") / 1e3
    );
    println!("= message_ratio {:.2}", of("message, ours") / of("message, libpq"));
    println!("= select_ratio {:.2}", of("select, ours") / of("select, libpq"));
    println!("= select_sync_ratio {:.2}", of("select that waits, ours") / of("select, libpq"));
    println!("= publishes_a_second {:.0}", of("publish, ours"));
    Ok(())
}
