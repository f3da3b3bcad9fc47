//! The search for silently deaf clients for as long as wanted, in virtual time: `cargo run --release -p fuzz-targets
//! --example deafness -- [seconds, 60 unless given] [the first seed, 1 unless given]`
//!
//! Each seed is a conversation of an hour or so with a server that answers wrongly. An interrupted run can continue
//! with the last printed seed. A seed that fails is printed with the events before the failure; `-- 0 SEED` runs it
//! alone.

#![allow(clippy::expect_used, reason = "a tool that cannot go on says why")]

use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, thread};

use fuzz_targets::{Seen, deafness, deafness_input};

/// How often it prints how far it has come.
const REPORT: Duration = Duration::from_secs(60);
/// Stops after so many failures.
const MAX_FAILED: usize = 10;

fn main() -> ExitCode {
    let mut numbers = env::args().skip(1).map(|argument| argument.parse::<u64>().expect("a number"));
    let (seconds, first) = (numbers.next().unwrap_or(60), numbers.next().unwrap_or(1));
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut seed, mut reported) = (first, Instant::now());
    let (mut seen, mut failed) = (Seen::default(), Vec::new());
    loop {
        // In a separate thread, which may panic.
        match thread::spawn(move || deafness(&deafness_input(seed))).join() {
            Ok(more) => seen += more,
            Err(_) => {
                println!("seed {seed}: failed");
                failed.push(seed);
            }
        }
        let is_over = Instant::now() >= end || failed.len() >= MAX_FAILED;
        if is_over || reported.elapsed() > REPORT {
            reported = Instant::now();
            println!("seeds {first} to {seed}: {} failed, {seen:?}", failed.len());
        }
        if is_over {
            break;
        }
        seed += 1;
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("failed: seeds {failed:?}");
    ExitCode::FAILURE
}
