//! A network that drops packets: no connection is closed, and nothing arrives any more. In a separate network
//! namespace; if the system does not provide one, the test is shown as ignored.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod toy;

use std::env;
use std::process::{Command as Process, ExitCode};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fake_redis::FakeRedis;
use libtest_mimic::{Arguments, Trial};
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{Event, ReplyTo, State};
use toy::{Game, Seen, eventually};

/// Set for the part of the test that runs inside the namespace.
const INSIDE: &str = "REALTIME_TEST_NAMESPACE";
/// Seconds before a PING and after it: longer than any stall of a thread.
const PATIENCE: f64 = 4.0;
const LONG: Duration = Duration::from_secs(60);

/// This program again, in an empty network namespace.
fn inside(program: &str, arguments: &[&str]) -> Process {
    let mut process = Process::new("unshare");
    process.args(["--map-root-user", "--net", program]).args(arguments);
    process
}

/// The only network interface of the namespace.
fn loopback(state: &str) {
    let status = Process::new("ip").args(["link", "set", "lo", state]).status();
    assert!(status.expect("it was there before").success());
}

fn main() -> ExitCode {
    if env::var_os(INSIDE).is_some() {
        [2.0, 3.0].into_iter().for_each(converse);
        return ExitCode::SUCCESS;
    }
    let there =
        inside("ip", &["link", "set", "lo", "up"]).output().is_ok_and(|output| output.status.success());
    let trial = Trial::test("a_network_that_swallows_packets_is_found_and_survived", || {
        let program = env::current_exe()?;
        let status =
            inside(program.to_str().ok_or("a path that is UTF-8")?, &[]).env(INSIDE, "1").status()?;
        if status.success() { Ok(()) } else { Err("it failed in its namespace, see above".into()) }
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial.with_ignored_flag(!there)]).exit_code()
}

fn converse(protocol: f64) {
    loopback("up");
    let server = FakeRedis::start().expect("a server");
    let option = |key: &str, value| (key.to_owned(), OptionValue::Number(value));
    let pairs = vec![
        option("protocol", protocol),
        option("ping_interval", PATIENCE),
        option("ping_timeout", PATIENCE),
        option("connect_timeout", PATIENCE),
        option("reconnect_max", 0.1),
    ];
    let backend =
        configure(Options { url: Some(server.url()), pairs, ..Options::default() }).expect("good options");
    let mut game = Game::start();
    let mut client = game.open(&*backend);
    game.subscribe(&client, "chat", 1);
    client.wait_for("a confirmation", |seen| matches!(seen, Seen::Event(Event::Subscribed(_))).then_some(()));
    server.publish("chat", "before");
    assert_eq!(client.wait_message().1, b"before");

    let began = Instant::now();
    loopback("down");
    server.publish("chat", "swallowed");
    let error = client.wait_down();
    println!("RESP{protocol}: found after {:?}: {error}", began.elapsed());
    assert_eq!(error.code.as_str(), "DISCONNECTED");
    assert!(error.message.contains("not even an answer to PING"), "{error}");
    // Over RESP2 the loss of each of the two links is found separately: the other one might still bring the message.
    eventually("the end of the subscriptions", || {
        (client.counters.confirmed.load(Ordering::Relaxed) == 0).then_some(())
    });

    loopback("up");
    let gap = client.wait_for("the gap", |seen| match seen {
        Seen::Event(Event::Gap { error, .. }) => Some(error),
        Seen::Message(..) => panic!("a message before the gap"),
        _ => None,
    });
    assert_eq!(gap.code, error.code);
    client.wait_ready();
    assert_eq!(client.counters.state(), State::Ready);
    game.publish(&client, "chat", b"after", ReplyTo::Nobody);
    assert_eq!(client.wait_message().1, b"after");
    assert!(game.shutdown(LONG));
}
