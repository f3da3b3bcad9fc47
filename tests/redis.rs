//! The Redis backend through the real worker: the same conversation with the in-process server and with a real
//! `redis-server`, over RESP2 and RESP3, TCP and Unix sockets.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod toy;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake_redis::{Close, FakeRedis, Hello, Target};
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{
    Args, Code, Command, Event, ReplyTo, Request, RequestKind, Slot, State, Topic, TopicKind, Value,
};
use toy::{Client, Game, Seen, eventually};

const LONG: Duration = Duration::from_secs(60);
const CHANNEL: Slot = Slot { index: 1, generation: 0 };
const PATTERN: Slot = Slot { index: 2, generation: 0 };
const ANSWER: Slot = Slot { index: 3, generation: 0 };

/// `protocol`: the option, or `None` for "auto".
fn connect(game: &mut Game, url: &str, protocol: Option<u8>) -> Client {
    let protocol =
        protocol.map_or(OptionValue::String(b"auto".to_vec()), |version| OptionValue::Number(version.into()));
    let pairs = vec![
        ("protocol".to_owned(), protocol),
        ("name".to_owned(), OptionValue::String(b"test".to_vec())),
        ("reconnect_max".to_owned(), OptionValue::Number(0.1)),
    ];
    let backend = configure(Options { url: Some(url.to_owned()), pairs }).expect("good options");
    game.open(&*backend)
}

fn request(game: &Game, client: &Client, kind: RequestKind) {
    let ticket = client.consumer.ticket(ReplyTo::Callback(ANSWER), 100).expect("room for a request");
    game.command(client, Command::Request(Request { ticket, deadline: Instant::now() + LONG, kind }));
}

fn args(words: &[&[u8]]) -> Args {
    words.iter().collect()
}

/// Subscribe, publish, commands, a transaction, PING, and the end; every answer and message in order.
/// `spoken`: what `protocol` comes to.
fn converse(url: &str, protocol: Option<u8>, spoken: u8) {
    let mut game = Game::start();
    let mut client = connect(&mut game, url, protocol);
    let topic = |kind, name: &str| Topic { kind, name: name.as_bytes().into() };
    game.command(&client, Command::Subscribe { topic: topic(TopicKind::Channel, "chat"), slot: CHANNEL });
    game.command(&client, Command::Subscribe { topic: topic(TopicKind::Pattern, "ch*"), slot: PATTERN });
    request(&game, &client, RequestKind::Publish(args(&[b"chat", b"a\0\xff\r\nb"])));

    let mut ready = None;
    let mut messages = Vec::new();
    let answer = loop {
        match client.wait() {
            Seen::Event(Event::Ready(info)) => ready = Some(info),
            Seen::Event(Event::Subscribed(_)) => {}
            Seen::Message(slot, payload) => messages.push((slot, payload)),
            Seen::Answer(slot, result) => {
                assert_eq!(slot, ANSWER);
                break result;
            }
            other => panic!("{other:?}"),
        }
    };
    // One connection gets a message for each subscription that it matches.
    assert_eq!(answer, Ok(Value::Integer(2)));
    while messages.len() < 2 {
        messages.push(client.wait_message());
    }
    messages.sort_by_key(|(slot, _)| slot.index);
    let payload = b"a\0\xff\r\nb".to_vec();
    assert_eq!(messages, [(CHANNEL, payload.clone()), (PATTERN, payload)]);
    let ready = ready.expect("ready before any answer");
    assert!(ready.first);
    assert_eq!(ready.protocol, spoken);
    assert!(ready.version.is_some_and(|version| version.contains('.')));
    assert_eq!(client.counters.state(), State::Ready);

    let key = b"realtime-test".as_slice();
    request(&game, &client, RequestKind::Command(args(&[b"DEL", key])));
    assert!(matches!(client.wait_answer(), Ok(Value::Integer(_))));
    let commands = vec![args(&[b"SET", key, b"1"]), args(&[b"INCR", key]), args(&[b"LPUSH", key, b"x"])];
    request(&game, &client, RequestKind::Transaction(commands));
    let Ok(Value::Array(replies)) = client.wait_answer() else { panic!("an array") };
    assert_eq!(replies[..2], [Value::String(b"OK".as_slice().into()), Value::Integer(2)]);
    assert!(matches!(&replies[2], Value::Error(error) if error.code == Code::Server("WRONGTYPE".into())));
    request(&game, &client, RequestKind::Ping);
    assert!(matches!(client.wait_answer(), Ok(Value::Double(seconds)) if seconds > 0.0));
    request(&game, &client, RequestKind::Command(args(&[b"CLIENT", b"GETNAME"])));
    assert_eq!(client.wait_answer(), Ok(Value::String(b"test".as_slice().into())));

    game.command(&client, Command::Unsubscribe(topic(TopicKind::Channel, "chat")));
    game.command(&client, Command::Unsubscribe(topic(TopicKind::Pattern, "ch*")));
    eventually("no receiver", || {
        request(&game, &client, RequestKind::Publish(args(&[b"chat", b"nobody"])));
        (client.wait_answer() == Ok(Value::Integer(0))).then_some(())
    });
    game.command(&client, Command::Disconnect { deadline: Instant::now() + LONG });
    client.wait_for("the end", |seen| (seen == Seen::Event(Event::Closed)).then_some(()));
    assert!(game.shutdown(LONG));
}

#[test]
fn with_the_in_process_server() {
    let server = FakeRedis::start().expect("a server");
    converse(&server.url(), Some(3), 3);
    converse(&server.url(), Some(2), 2);
    converse(&server.url(), None, 3);
}

#[test]
fn with_an_in_process_server_that_speaks_resp2_alone() {
    for hello in [Hello::Unknown, Hello::NoProto] {
        let server = FakeRedis::builder().hello(hello).start().expect("a server");
        converse(&server.url(), None, 2);
    }
}

#[test]
fn with_the_in_process_server_over_a_unix_socket() {
    let folder = Folder::new();
    let path = folder.0.join("socket");
    let server = FakeRedis::builder().unix(&path).start().expect("a server");
    let url = format!("unix://{}", path.display());
    converse(&url, Some(3), 3);
    converse(&url, Some(2), 2);
    drop(server);
}

#[test]
fn with_a_real_server() {
    let Some(server) = RealRedis::start() else { return };
    for url in [server.tcp(), server.unix()] {
        for protocol in server.protocols {
            converse(&url, *protocol, protocol.unwrap_or(2));
        }
    }
}

const MANY: u32 = 100_000;

/// Subscribes to many channels, loses the connection, and is subscribed to all of them again. `drop_all` ends every
/// connection of the server.
fn many_channels(url: &str, protocol: Option<u8>, drop_all: impl Fn()) {
    let mut game = Game::start();
    let mut client = connect(&mut game, url, protocol);
    client.wait_ready();
    let began = Instant::now();
    for n in 0..MANY {
        game.subscribe(&client, &format!("channel-{n}"), n);
    }
    let mut told = 0;
    client.wait_for("the last confirmation", |seen| {
        told += u32::from(matches!(seen, Seen::Event(Event::Subscribed(_))));
        (told == MANY).then_some(())
    });
    let subscribed = began.elapsed();
    drop_all();
    let began = Instant::now();
    client.wait_for("the gap", |seen| matches!(seen, Seen::Event(Event::Gap { .. })).then_some(()));
    client.wait_ready();
    println!("{MANY} channels over RESP{protocol:?}: {subscribed:?}, and after a loss {:?}", began.elapsed());
    assert_eq!(client.counters.confirmed.load(Ordering::Relaxed), u64::from(MANY));
    for n in [0, MANY / 2, MANY - 1] {
        game.publish(&client, &format!("channel-{n}"), b"x", ReplyTo::Nobody);
        assert_eq!(client.wait_message(), (Slot { index: n, generation: 0 }, b"x".to_vec()));
    }
    assert!(game.shutdown(LONG));
}

#[test]
fn a_hundred_thousand_channels_come_back_from_the_in_process_server() {
    let server = FakeRedis::start().expect("a server");
    for protocol in [Some(2), Some(3)] {
        many_channels(&server.url(), protocol, || {
            server.drop_connections(Target::All, Close::Fin);
        });
    }
}

#[test]
fn a_hundred_thousand_channels_come_back_from_a_real_server() {
    let Some(server) = RealRedis::start() else { return };
    for &protocol in server.protocols {
        many_channels(&server.tcp(), protocol, || server.drop_all());
    }
}

/// A folder that goes away with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("realtime-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct RealRedis {
    process: Child,
    folder: Folder,
    port: u16,
    /// What it can be asked for: before Redis 6 there is no RESP3, and "auto" falls back.
    protocols: &'static [Option<u8>],
}

impl RealRedis {
    /// A server of this test's own: `REDIS_SERVER` in the environment, or the one on the PATH; `None` if none is installed,
    /// which is a failure where the gate runs.
    fn start() -> Option<Self> {
        let program = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let version = match Process::new(&program).arg("--version").output() {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) => {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "the gate needs a redis-server on the PATH: {error}"
                );
                println!("left out: no redis-server on the PATH ({error})");
                return None;
            }
        };
        let (_, version) = version.split_once("v=").expect("a version");
        let major: u32 = version.split('.').next().and_then(|number| number.parse().ok()).expect("a number");
        let protocols: &[_] = if major < 6 { &[None, Some(2)] } else { &[Some(2), Some(3)] };
        // Another process may take the port before the server does; then another port is tried.
        for _ in 0..20 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("bound").port();
            drop(listener);
            let folder = Folder::new();
            let mut process = Process::new(&program)
                .args(["--bind", "127.0.0.1", "--save", "", "--unixsocket", "redis.sock"])
                .args(["--port", &port.to_string(), "--dir"])
                .arg(&folder.0)
                .current_dir(&folder.0)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .expect("it was there a moment ago");
            let up = eventually("redis-server up or gone", || {
                if process.try_wait().expect("a child").is_some() {
                    return Some(false);
                }
                let listens =
                    folder.0.join("redis.sock").exists() && TcpStream::connect(("127.0.0.1", port)).is_ok();
                listens.then_some(true)
            });
            if up {
                return Some(Self { process, folder, port, protocols });
            }
        }
        panic!("redis-server found no free port");
    }

    fn tcp(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends every connection but the one that asks for it.
    fn drop_all(&self) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a server");
        stream.write_all(b"CLIENT KILL TYPE pubsub\r\nCLIENT KILL TYPE normal\r\n").expect("a connection");
        let answers = BufReader::new(stream).lines().take(2);
        answers.for_each(|answer| assert!(answer.expect("an answer").starts_with(':')));
    }

    fn unix(&self) -> String {
        format!("unix://{}", self.folder.0.join("redis.sock").display())
    }
}

impl Drop for RealRedis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
