//! How many instructions the hot paths take. Unlike clocks this is repeatable, so that small regressions are found
//! before they add up.
//!
//! Each path runs under `valgrind --tool=callgrind` with two numbers of rounds; the difference of the counts, divided
//! by the difference of the rounds, is the cost of one message. It fails if that exceeds the limit in `LIMITS`, and
//! says so if it is far below, so that the limit can be lowered.
//!
//! ```sh
//! cargo bench --bench instructions
//! ```

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot go on says why")]

#[path = "../common/mod.rs"]
mod common;
mod paths;

use std::env;
use std::num::NonZero;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use paths::{PATHS, Path};

/// Runs of a path before counting begins: after them all buffers have their size.
const WARM: usize = 4;
/// Runs that are counted.
const COUNTED: usize = 16;
/// How far a count may be from its limit, in percent: the C library chooses its copying loops by the processor.
const MARGIN: f64 = 8.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments[..] {
        [] => check(),
        [name, rounds] => {
            let path = PATHS.iter().find(|path| path.name == name).expect("a path of the table");
            (path.run)(rounds.parse().expect("a number of rounds"));
            ExitCode::SUCCESS
        }
        other => panic!("takes no arguments, got {other:?}"),
    }
}

/// Counts every path and compares.
fn check() -> ExitCode {
    let mut failed = 0;
    println!("{:40} {:>12} {:>8}", "instructions for each", "counted", "limit");
    for (path, counted) in PATHS.iter().zip(counts()) {
        let off = (counted / path.limit - 1.0) * 100.0;
        let verdict = if off > MARGIN {
            failed += 1;
            "TOO MANY"
        } else if off < -MARGIN {
            "fewer: lower the limit"
        } else {
            ""
        };
        println!("{:40} {counted:>12.1} {:>8} {verdict}", path.name, path.limit);
    }
    println!("\n{} passed, {failed} failed", PATHS.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The counts of all paths, in order. As many run at once as there are cores, because a count does not depend on
/// load.
fn counts() -> Vec<f64> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let counts: Vec<OnceLock<f64>> = PATHS.iter().map(|_| OnceLock::new()).collect();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = PATHS.get(at) else { return };
            counts[at].set(count(path)).expect("each path is counted once");
        }
    };
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    counts.into_iter().map(|place| place.into_inner().expect("every path is counted")).collect()
}

/// Instructions for each item of a path.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^53")]
fn count(path: &Path) -> f64 {
    let few = instructions(path, WARM);
    let many = instructions(path, WARM + COUNTED);
    (many - few) as f64 / (COUNTED * path.items) as f64
}

/// Instructions of the whole program.
fn instructions(path: &Path, rounds: usize) -> u64 {
    let program = env::current_exe().expect("this program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([path.name, &rounds.to_string()])
        .output()
        .expect("valgrind runs; Debian has it as the package valgrind");
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, number)| number);
    match collected.and_then(|number| number.trim().parse().ok()) {
        Some(number) if output.status.success() => number,
        _ => panic!("{}: {log}", path.name),
    }
}
