//! The clients among the parser's examples, with the embedded server and with a real one; directly, and with replies
//! that come one byte at a time.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

#[path = "../../../resp/examples/client_blocking.rs"]
#[allow(dead_code, reason = "the test is its own program")]
mod client_blocking;
#[path = "../../../resp/examples/client_mio.rs"]
#[allow(dead_code, reason = "the test is its own program")]
mod client_mio;
#[path = "../../../resp/examples/client_tokio.rs"]
#[allow(dead_code, reason = "the test is its own program")]
mod client_tokio;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fake_redis::FakeRedis;
use fault_proxy::{Course, Cut, FaultProxy, Faults};
use real_redis::RealRedis;
use resp::OwnedValue;

const PATIENCE: Duration = Duration::from_secs(60);

const HELLO: (&str, i64) = ("HELLO", 3);

/// Runs `test` with the address of each server, and with that of a proxy that passes its bytes on one by one.
fn with_servers(test: impl Fn(SocketAddr)) {
    let fake = FakeRedis::start().expect("a server");
    let both = |port: u16| {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        test(server);
        let proxy = FaultProxy::start(server).expect("a proxy");
        // A pause, so that the bytes arrive separately.
        let down = Course { piece: 1, pause: Duration::from_micros(50), ..Course::default() };
        proxy.faults(Faults { down, ..Faults::default() });
        test(proxy.address());
    };
    both(fake.port());
    if real_redis::is_expected() {
        let real = RealRedis::builder().start().expect("a redis-server");
        both(real.port());
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("in time") })
}

fn push(words: [&str; 3]) -> OwnedValue {
    OwnedValue::Push(words.map(OwnedValue::from).to_vec())
}

#[test]
fn each_client_runs_as_a_program() {
    with_servers(|server| {
        client_blocking::run(&server.to_string()).expect("it talks to the server");
        client_mio::run(&server.to_string()).expect("it talks to the server");
        block_on(client_tokio::run(&server.to_string())).expect("it talks to the server");
    });
}

/// The README promises that they are short enough to read at once. The program around a client does not count.
#[test]
fn each_client_is_short() {
    for (source, most) in [
        (include_str!("../../../resp/examples/client_blocking.rs"), 110),
        (include_str!("../../../resp/examples/client_mio.rs"), 110),
        (include_str!("../../../resp/examples/client_tokio.rs"), 110),
    ] {
        let client = source.lines().take_while(|line| !line.contains("fn main()"));
        let lines = client.filter(|line| !line.starts_with("//!")).count();
        assert!(lines < most, "{lines} lines: {source}");
    }
}

/// Pushes between pipelined replies are kept apart.
#[test]
fn blocking() {
    with_servers(|server| {
        let mut client = client_blocking::Client::connect(server, PATIENCE, HELLO).expect("connected");
        client.queue(("SET", "k", 5));
        client.queue(["SUBSCRIBE", "c"]);
        client.queue(("PUBLISH", "c", &b"\r\n\xff"[..]));
        client.queue(["GET", "k"]);
        client.queue(["NOSUCH"]);
        assert_eq!(client.reply().expect("OK").as_str(), Some("OK"));
        assert_eq!(client.reply().expect("a number"), OwnedValue::Integer(1));
        assert_eq!(client.reply().expect("a string"), OwnedValue::from("5"));
        assert!(client.reply().expect("an error").as_error().is_some_and(|text| text.starts_with(b"ERR")));
        assert_eq!(client.push().expect("a confirmation").at(0), Some(&"subscribe".into()));
        let message = client.push().expect("a message");
        assert_eq!(message.at(2), Some(&OwnedValue::from(b"\r\n\xff")));
    });
}

#[test]
fn mio() {
    with_servers(|server| {
        let mut client = client_mio::Client::connect(server, HELLO).expect("it connects");
        client.queue(("SET", "k", "x".repeat(2_000)));
        client.queue(["GET", "k"]);
        client.queue(("SET", "k", 5));
        client.queue(["SUBSCRIBE", "c"]);
        client.queue(("PUBLISH", "c", "hello"));
        let mut seen = Vec::new();
        while seen.len() < 7 {
            client
                .turn(PATIENCE, &mut |frame| {
                    seen.push(frame.into_owned());
                    Ok(())
                })
                .expect("a turn");
        }
        assert!(seen[0].get("server").is_some(), "the reply to HELLO");
        assert_eq!(seen[2].as_bytes().map(<[u8]>::len), Some(2_000));
        assert!(seen.contains(&push(["message", "c", "hello"])), "{seen:?}");
    });
}

#[test]
fn tokio() {
    with_servers(|server| {
        block_on(async {
            let mut client = client_tokio::Client::connect(server, HELLO).await.expect("connected");
            client.queue(("SET", "k", 5)).await.expect("queued");
            client.queue(["SUBSCRIBE", "c"]).await.expect("queued");
            client.queue(("PUBLISH", "c", "hello")).await.expect("queued");
            assert_eq!(client.reply().await.expect("OK").as_str(), Some("OK"));
            assert_eq!(client.push().await.expect("a confirmation").at(0), Some(&"subscribe".into()));
            assert_eq!(client.push().await.expect("a message"), push(["message", "c", "hello"]));
            assert_eq!(client.reply().await.expect("a number"), OwnedValue::Integer(1));
        });
    });
}

/// The error of each client, run as a program.
fn refusals(server: SocketAddr) -> [String; 3] {
    let server = server.to_string();
    [
        client_blocking::run(&server).expect_err("it is refused").to_string(),
        client_mio::run(&server).expect_err("it is refused").to_string(),
        block_on(client_tokio::run(&server)).expect_err("it is refused").to_string(),
    ]
}

/// What the server refuses at the beginning ends a client with what the server says.
#[test]
fn a_refused_login_hello_or_subscription_is_an_error() {
    let check = |port: u16, expected: &str| {
        for refusal in refusals(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            assert!(refusal.starts_with(expected), "{refusal}");
        }
    };
    let with_login = |port: u16| {
        let (server, login) = ((Ipv4Addr::LOCALHOST, port), ("HELLO", 3, "AUTH", "default", "secret"));
        let mut client = client_blocking::Client::connect(server, PATIENCE, login).expect("logged in");
        assert_eq!(client.command(["PING"]).expect("a reply").as_str(), Some("PONG"));
        block_on(client_tokio::Client::connect(server, login)).map(drop).expect("logged in");
    };
    let fake = FakeRedis::builder().password("secret").start().expect("a server");
    check(fake.port(), "NOAUTH");
    with_login(fake.port());
    fake.set_password(None);
    fake.refuse_topic("example:channel", Some("NOPERM no"));
    check(fake.port(), "NOPERM no");
    // Before Redis 6.
    fake.set_hello(fake_redis::Hello::Unknown);
    check(fake.port(), "ERR unknown command");

    if real_redis::is_expected() {
        let real = RealRedis::builder().configuration("requirepass secret").start().expect("a redis-server");
        check(real.port(), "NOAUTH");
        with_login(real.port());
    }
}

/// After a refusal the client goes on, and no reply is taken for another.
#[test]
fn a_client_goes_on_after_a_refused_subscription() {
    let fake = FakeRedis::start().expect("a server");
    fake.refuse_topic("secret", Some("NOPERM no"));
    let server = (Ipv4Addr::LOCALHOST, fake.port());
    let mut client = client_blocking::Client::connect(server, PATIENCE, HELLO).expect("connected");
    assert!(client.subscribe("secret").is_err());
    assert_eq!(client.command(("ECHO", "next")).expect("a reply").as_str(), Some("next"));
    block_on(async {
        let mut client = client_tokio::Client::connect(server, HELLO).await.expect("connected");
        assert!(client.subscribe("secret").await.is_err());
        client.queue(("ECHO", "next")).await.expect("queued");
        assert_eq!(client.reply().await.expect("a reply").as_str(), Some("next"));
    });
}

/// A connection that ends in the middle of a reply is an error, and so is a silent one.
#[test]
fn a_connection_that_breaks_is_an_error() {
    let fake = FakeRedis::start().expect("a server");
    let proxy = FaultProxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, fake.port()))).expect("a proxy");
    let down = Course { cut_at: Some(20), cut: Cut::Close, ..Course::default() };
    proxy.faults(Faults { down, ..Faults::default() });
    let error =
        client_blocking::Client::connect(proxy.address(), PATIENCE, HELLO).map(drop).expect_err("it is cut");
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    let error =
        block_on(client_tokio::Client::connect(proxy.address(), HELLO)).map(drop).expect_err("it is cut");
    assert!(matches!(error, resp::codec::CodecError::Cut { offset: 0 }), "{error}");

    proxy.faults(Faults { mute: true, ..Faults::default() });
    let timeout = Duration::from_millis(1);
    let error =
        client_blocking::Client::connect(proxy.address(), timeout, HELLO).map(drop).expect_err("no answer");
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error}");
}
