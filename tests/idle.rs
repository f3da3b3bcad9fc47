//! A worker with nothing to do sleeps. In a separate file, because it reads the process's threads.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod toy;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use realtime::backend::OptionValue;
use toy::{Game, eventually};

/// How long nothing may happen. A busy loop shows in far less time.
const IDLE: Duration = Duration::from_millis(300);

/// The worker's folder in `/proc`.
fn worker() -> PathBuf {
    let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
    let mut named =
        threads.filter(|thread| fs::read_to_string(thread.join("comm")).unwrap().trim_end() == "realtime");
    named.next().unwrap()
}

/// How often the thread has gone to sleep so far, and whether it sleeps now.
fn sleeps(thread: &Path) -> (u64, bool) {
    let status = fs::read_to_string(thread.join("status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().to_owned()
    };
    (field("voluntary_ctxt_switches").parse().unwrap(), field("State").starts_with('S'))
}

#[test]
fn a_worker_with_nothing_to_do_sleeps() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut game = Game::start();
    let mut client = game.connect(&[("port", OptionValue::Number(port.into()))]);
    let _peer = listener.accept().unwrap();
    client.wait_ready();
    let thread = worker();
    // It may sleep for a moment, and look once more, before it sleeps for long.
    eventually("a sleep without an end", || {
        let before = sleeps(&thread);
        thread::sleep(IDLE);
        (before.1 && sleeps(&thread) == before).then_some(())
    });
    assert!(game.shutdown(IDLE));
}
