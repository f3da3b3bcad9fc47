//! The Redis backend through the real worker: the same conversation with the in-process server and with a real
//! `redis-server`, over RESP2 and RESP3, TCP and Unix sockets.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod deployments;
#[path = "../toy/mod.rs"]
mod toy;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use fake_redis::{Close, FakeRedis, Hello, Reaction, Target};
use real_redis::RealRedis;
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{
    Args, Code, Command, Event, ReplyTo, Request, RequestKind, RequestSlot, State, SubscriptionSlot, Topic,
    TopicKind, Value,
};
use toy::{Client, Game, Seen, eventually};

const LONG: Duration = Duration::from_secs(60);
const CHANNEL: SubscriptionSlot = SubscriptionSlot::new(1, 0);
const PATTERN: SubscriptionSlot = SubscriptionSlot::new(2, 0);
const ANSWER: RequestSlot = RequestSlot::new(3, 0);

/// `protocol`: the option, or `None` for "auto".
fn connect(game: &mut Game, url: &str, protocol: Option<u8>) -> Client {
    let protocol =
        protocol.map_or(OptionValue::String(b"auto".to_vec()), |version| OptionValue::Number(version.into()));
    let pairs = vec![
        ("protocol".to_owned(), protocol),
        ("name".to_owned(), OptionValue::String(b"test".to_vec())),
        ("reconnect_max".to_owned(), OptionValue::Number(0.1)),
    ];
    let backend =
        configure(Options { url: Some(url.to_owned()), pairs, ..Options::default() }).expect("good options");
    game.open(&*backend)
}

fn request(game: &Game, client: &Client, kind: RequestKind) {
    let ticket = client.consumer.ticket(ReplyTo::Callback(ANSWER), 100).expect("room for a request");
    game.command(client, Command::Request(Request { ticket, deadline: Instant::now() + LONG, kind }));
}

fn args(words: &[&[u8]]) -> Args {
    words.iter().collect()
}

/// Subscribe, publish, commands, a transaction, PING, and the end; every answer and message in order. `spoken`: the
/// version that results from `protocol`.
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
            Seen::Event(Event::Down { error, .. })
                if error.message.contains("connects again, with RESP2") => {}
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
    assert_eq!(ready.protocol, Some(spoken));
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

/// Types lines at the prompt of redis-cli.
fn type_into_redis_cli(redis: &RealRedis, lines: &str) {
    let mut cli = std::process::Command::new("redis-cli");
    let cli = cli.args(["-p", &redis.port().to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = cli.spawn().expect("redis-cli");
    running.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("a line");
    let output = running.wait_with_output().expect("the end");
    assert_eq!(String::from_utf8_lossy(&output.stdout).replace("OK\n", ""), "", "{lines}");
}

/// The advice of errors, typed exactly, allows just what was refused.
#[test]
fn what_an_acl_forbids_is_allowed_by_what_the_error_says() {
    if !real_redis::is_expected() || real_redis::version().is_ok_and(|version| version < (6, 2)) {
        return eprintln!("skipped: no redis-server with an ACL for channels");
    }
    let redis = RealRedis::builder().start().expect("a redis-server");
    let names: [&[u8]; 9] = [
        b"chat",
        b"a b",
        b"it's",
        b"$(reboot) `x` \\\"!\"",
        b"back\\",
        b"a*b?[c]",
        b"\x1b[2J\r\n",
        b"\xff\0",
        "k\u{16f}\u{202e}".as_bytes(),
    ];
    for version in [2, 3] {
        for denied in ["+@all", "+@all -subscribe -psubscribe -publish -set -multi"] {
            let rules = format!("ACL SETUSER gmod reset on >secret resetchannels {denied}\n");
            type_into_redis_cli(&redis, &rules);
            // A right to the command may be missing first, and then one to the channel.
            let rounds = if denied == "+@all" { 1 } else { 2 };
            for round in 0..=rounds {
                let remedies = refused(&redis, version, &names);
                assert_eq!(remedies.is_empty(), round == rounds, "{denied}, round {round}: {remedies:?}");
                type_into_redis_cli(&redis, &remedies.join("\n"));
            }
            assert!(
                !refused(&redis, version, &[b"another", b"aXb", b"a*bXc"]).is_empty(),
                "no more is allowed"
            );
        }
    }
}

/// The rights of a user gmod that are needed to subscribe, publish and write.
fn refused(redis: &RealRedis, version: u8, names: &[&[u8]]) -> Vec<String> {
    let mut game = Game::start();
    let url = format!("redis://gmod:secret@127.0.0.1:{}", redis.port());
    let mut client = connect(&mut game, &url, Some(version));
    let mut left = 0;
    for (&name, index) in names.iter().zip(0..) {
        for (kind, generation) in [(TopicKind::Channel, 0), (TopicKind::Pattern, 1)] {
            // No rule can have such a pattern.
            if kind == TopicKind::Pattern && name.iter().any(|byte| b" \r\n\0".contains(byte)) {
                continue;
            }
            left += 1;
            let slot = SubscriptionSlot::new(index, generation);
            game.command(&client, Command::Subscribe { topic: Topic { kind, name: name.into() }, slot });
        }
        request(&game, &client, RequestKind::Publish(args(&[name, b"x"])));
        request(&game, &client, RequestKind::Command(args(&[b"SET", name, b"secret"])));
        request(&game, &client, RequestKind::Transaction(vec![args(&[b"GET", name])]));
    }
    left += names.len() * 3;
    let mut remedies = Vec::new();
    while left > 0 {
        let error = match client.wait() {
            Seen::Answer(_, Err(error)) | Seen::Event(Event::SubscribeFailed { error, .. }) => Some(error),
            Seen::Answer(..) | Seen::Event(Event::Subscribed(_)) => None,
            _ => continue,
        };
        left -= 1;
        if let Some(error) = error {
            let remedy = error.remedy.unwrap_or_else(|| panic!("no remedy: {}", error.message));
            assert!(
                error.message.ends_with(&remedy.to_string()) && !error.message.contains("secret"),
                "{}",
                error.message
            );
            remedies.push(remedy.to_string().replace("to allow it, type into redis-cli: ", "") + "\n");
        }
    }
    assert!(game.shutdown(LONG));
    remedies
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
    for hello in [
        Hello::Unknown,
        Hello::NoProto,
        Hello::NoPermission,
        Hello::GrantedAsList,
        Hello::GrantedAsMap,
        Hello::GrantedAsOk,
    ] {
        let server = FakeRedis::builder().hello(hello).start().expect("a server");
        converse(&server.url(), None, 2);
    }
}

#[test]
fn with_the_in_process_server_over_a_unix_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let server = FakeRedis::builder().unix(&path).start().expect("a server");
    converse(&format!("redis+unix://{}", path.display()), Some(3), 3);
    converse(&format!("unix://{}", path.display()), Some(2), 2);
    drop(server);
}

#[test]
fn with_a_real_server() {
    let Some((server, protocols)) = real_server() else { return };
    for url in [server.url(), server.unix_url()] {
        for protocol in protocols {
            converse(&url, *protocol, protocol.unwrap_or(2));
        }
    }
}

/// The queue is full twice in a row: once when a request is too late at once or times out,
/// and once more with the message that follows. The client must still notice afterwards that the server has fallen silent.
#[test]
fn a_silent_server_is_noticed_after_the_queue_was_full_twice() {
    let number = |value: f64| OptionValue::Number(value);
    let options = || {
        [
            ("ping_interval", number(2.0)),
            ("ping_timeout", number(2.0)),
            ("overflow", OptionValue::String(b"pause".to_vec())),
            ("queue_events", number(1.0)),
            // Less than any error has, so that an answer which is an error fills the queue alone.
            ("queue_bytes", number(10.0)),
            ("max_message_bytes", number(10.0)),
        ]
    };
    for seconds_to_live in [Duration::ZERO, Duration::from_millis(10)] {
        let server = FakeRedis::start().expect("a server");
        let pairs = options().map(|(key, value)| (key.to_owned(), value)).into();
        let backend = configure(Options { url: Some(server.url()), pairs, ..Options::default() })
            .expect("good options");
        let mut game = Game::start();
        let mut client = game.open(&*backend);
        game.subscribe(&client, "chat", CHANNEL.index);
        client.wait_for("subscribed", |seen| matches!(seen, Seen::Event(Event::Subscribed(_))).then_some(()));
        // No answer, so that the commands that are sent time out.
        (0..2).for_each(|_| server.on_next("get", Reaction::Answer(Vec::new())));
        let (caller, answered) = sync_channel(1);
        for to in [ReplyTo::Callback(ANSWER), ReplyTo::Caller(caller)] {
            let ticket = client.consumer.ticket(to, 100).expect("room for a request");
            let deadline = Instant::now() + seconds_to_live;
            let kind = RequestKind::Command(args(&[b"GET", b"x"]));
            game.command(&client, Command::Request(Request { ticket, deadline, kind }));
        }
        let error = answered.recv_timeout(LONG).expect("an answer").expect_err("it is too late");
        assert_eq!(error.code, Code::Timeout);
        server.publish("chat", "x");
        assert_eq!(client.wait_message().1, b"x");
        server.faults(Target::All, |faults| faults.write = false);
        let error = client.wait_down();
        assert!(error.message.contains("sent nothing"), "{error}");
        assert!(game.shutdown(LONG));
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
        assert_eq!(client.wait_message(), (SubscriptionSlot::new(n, 0), b"x".to_vec()));
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
    let Some((server, protocols)) = real_server() else { return };
    for &protocol in protocols {
        many_channels(&server.url(), protocol, || drop_all(&server));
    }
}

/// A server for this test, with the possible values of `protocol`: before Redis 6 there is no RESP3, and "auto" falls
/// back. `None` if there is none and none is required.
fn real_server() -> Option<(RealRedis, &'static [Option<u8>])> {
    if !real_redis::is_expected() {
        println!("left out: no redis-server on the PATH");
        return None;
    }
    let (major, _) = real_redis::version().expect("a redis-server");
    let server = RealRedis::builder().start().expect("a redis-server");
    Some((server, if major < 6 { &[None, Some(2)] } else { &[Some(2), Some(3)] }))
}

/// Ends every connection but the one that asks for it.
fn drop_all(server: &RealRedis) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("a server");
    stream.write_all(b"CLIENT KILL SKIPME yes\r\n").expect("a connection");
    let answer = BufReader::new(stream).lines().next().expect("an answer").expect("an answer");
    assert!(answer.starts_with(':'), "{answer}");
}
