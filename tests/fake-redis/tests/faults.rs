//! Injected faults: a client's view of each, and no effect on other clients.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so by panicking")]

mod support;

use std::time::{Duration, Instant};

use fake_redis::{Close, FakeRedis, Faults, Reaction, Target};
use support::LIMIT;
use support::client::Client;
use support::table::command;

const SUBSCRIBED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n";
const MESSAGE: &[u8] = b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n";

fn start() -> FakeRedis {
    FakeRedis::start().unwrap()
}

fn subscriber(server: &FakeRedis) -> Client {
    let mut client = Client::connect(server);
    client.ask("SUBSCRIBE news", SUBSCRIBED);
    client
}

#[cfg(unix)]
#[test]
fn connections_are_dropped_by_choice_and_in_either_way() {
    let server = start();
    let (mut a, mut b, mut c) = (Client::connect(&server), subscriber(&server), Client::connect(&server));
    a.ask("CLIENT SETNAME main", b"+OK\r\n");
    b.ask("PSUBSCRIBE n*", b"*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n");
    c.ask("PING", b"+PONG\r\n");
    assert_eq!(server.drop_connections(Target::Subscribers, Close::Reset), 1);
    b.expect_reset();
    assert_eq!(server.look(|state| (state.subscribers("news"), state.pattern_subscribers("n*"))), (0, 0));
    assert_eq!(server.drop_connections(Target::Name("other".into()), Close::Fin), 0);
    assert_eq!(server.drop_connections(Target::Name("main".into()), Close::Fin), 1);
    a.expect_end("by name");
    let id = server.look(|state| state.connections()[0].id);
    assert_eq!(server.drop_connections(Target::Id(id), Close::Fin), 1);
    c.expect_end("by id");
    assert_eq!(server.look(|state| state.open()), 0);
}

#[test]
fn a_topic_may_be_refused_by_its_name() {
    let server = start();
    let mut client = subscriber(&server);
    server.refuse_topic("sport", Some("BUSY try\r\nlater"));
    server.refuse_topic("news", Some("ERR no"));
    client.ask("SUBSCRIBE weather sport", b"-BUSY try  later\r\n");
    client.ask("UNSUBSCRIBE news", b"-ERR no\r\n");
    client.ask("SUBSCRIBE weather", b"*3\r\n$9\r\nsubscribe\r\n$7\r\nweather\r\n:2\r\n");
    server.refuse_topic("sport", None);
    client.ask("SUBSCRIBE sport", b"*3\r\n$9\r\nsubscribe\r\n$5\r\nsport\r\n:3\r\n");
}

#[test]
fn a_hash_slot_moves_with_its_sharded_channels() {
    let server = start();
    let mut client = Client::connect(&server);
    client.say_hello_3();
    client.ask("SSUBSCRIBE {eu}a", b">3\r\n$10\r\nssubscribe\r\n$5\r\n{eu}a\r\n:1\r\n");
    client.ask("SSUBSCRIBE other", b">3\r\n$10\r\nssubscribe\r\n$5\r\nother\r\n:2\r\n");
    server.move_slot("eu", Some("10.0.0.2:6379"));
    client.expect(b">3\r\n$12\r\nsunsubscribe\r\n$5\r\n{eu}a\r\n:1\r\n", "unasked");
    for command in ["SSUBSCRIBE {eu}a {eu}b", "SUNSUBSCRIBE {eu}a", "SPUBLISH {eu}a x"] {
        client.ask(command, b"-MOVED 6893 10.0.0.2:6379\r\n");
    }
    client.ask("SSUBSCRIBE {eu}a other", b"-CROSSSLOT Keys in request don't hash to the same slot\r\n");
    assert_eq!(server.spublish("other", "x"), 1);
    client.expect(b">3\r\n$8\r\nsmessage\r\n$5\r\nother\r\n$1\r\nx\r\n", "the other one");
    server.move_slot("eu", None);
    client.ask("SSUBSCRIBE {eu}a", b">3\r\n$10\r\nssubscribe\r\n$5\r\n{eu}a\r\n:2\r\n");
    assert_eq!(server.look(|state| state.sharded_subscribers("{eu}a")), 1);
}

#[test]
fn an_orderly_end_is_one_whatever_lies_unread() {
    let path = std::env::temp_dir().join(format!("fake-redis-end-{}.sock", std::process::id()));
    for server in [start(), FakeRedis::builder().unix(path).start().unwrap()] {
        let mut a = Client::connect(&server);
        a.ask("PING", b"+PONG\r\n");
        server.send(Target::All, "+last\r\n");
        // Closing a socket with unread bytes would send a reset.
        server.faults(Target::All, |faults| faults.read = false);
        a.say("PING");
        server.drop_connections(Target::All, Close::Fin);
        assert_eq!(a.read_to_end(), b"+last\r\n");
    }
}

#[test]
fn a_stalled_connection_stalls_nobody_else() {
    let server = start();
    let (mut a, mut b) = (Client::connect(&server), subscriber(&server));
    a.ask("CLIENT SETNAME stalled", b"+OK\r\n");
    let stalled = || Target::Name("stalled".into());
    server.faults(stalled(), |faults| faults.read = false);
    a.say("INCR n");
    let mut c = Client::connect(&server);
    c.ask("PUBLISH news hello", b":1\r\n");
    b.expect(MESSAGE, "while another stalls");
    c.ask("EXISTS n", b":0\r\n");
    server.faults(stalled(), |faults| faults.read = true);
    a.expect(b":1\r\n", "after the stall");
}

#[test]
fn replies_held_back_come_in_order_once_released() {
    let server = start();
    let mut a = Client::connect(&server);
    a.ask("PING", b"+PONG\r\n");
    server.faults(Target::All, |faults| faults.write = false);
    a.say("INCR n");
    a.say("ECHO x");
    server.wait_until(|state| state.connections()[0].commands == 3, LIMIT).unwrap();
    let info = server.look(|state| state.connections().remove(0));
    assert_eq!((info.sent, info.unsent), (7, b":1\r\n$1\r\nx\r\n".len()));
    server.faults(Target::All, |faults| faults.write = true);
    a.expect(b":1\r\n$1\r\nx\r\n", "released");
}

#[test]
fn messages_may_vanish_while_all_else_goes_on() {
    let server = start();
    let (mut a, mut b) = (subscriber(&server), subscriber(&server));
    let deaf = server.look(|state| state.connections()[0].id);
    server.faults(Target::Id(deaf), |faults| faults.deliver = false);
    assert_eq!(server.publish("news", "hello"), 2, "it claims to have delivered");
    b.expect(MESSAGE, "while another hears nothing");
    a.ask("PING", b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    server.faults(Target::Id(deaf), |faults| faults.deliver = true);
    server.publish("news", "hello");
    a.expect(MESSAGE, "delivered again");
}

#[test]
fn connections_that_are_accepted_may_never_be_answered() {
    let server = FakeRedis::builder().faults(Faults { write: false, ..Faults::default() }).start().unwrap();
    let mut a = Client::connect(&server);
    a.say("PING");
    server.wait_until(|state| state.received("ping") == 1, LIMIT).unwrap();
    assert_eq!(server.look(|state| state.connections()[0].sent), 0);
    server.faults_for_new(|faults| faults.write = true);
    Client::connect(&server).ask("PING", b"+PONG\r\n");
    server.faults(Target::All, |faults| faults.write = true);
    a.expect(b"+PONG\r\n", "released");
}

#[test]
fn replies_in_pieces_are_the_same_replies() {
    for pieces in [vec![1], vec![2, 3], vec![1000, 1, 0]] {
        let server = FakeRedis::builder().faults(Faults { pieces, ..Faults::default() }).start().unwrap();
        let (mut a, mut b) = (subscriber(&server), Client::connect(&server));
        b.ask("PUBLISH news hello", b":1\r\n");
        a.expect(MESSAGE, "in pieces");
        b.ask("QUIT", b"+OK\r\n");
        b.expect_end("in pieces");
    }
}

#[test]
fn replies_may_come_late() {
    const DELAY: Duration = Duration::from_millis(30);
    let server = FakeRedis::builder().faults(Faults { delay: DELAY, ..Faults::default() }).start().unwrap();
    let mut a = Client::connect(&server);
    let asked = Instant::now();
    a.ask("PING", b"+PONG\r\n");
    // Not earlier; how much later depends on the machine.
    assert!(asked.elapsed() >= DELAY);
}

#[test]
fn a_cut_after_what_was_sent_falls_on_every_byte() {
    let whole = [b"+PONG\r\n".as_slice(), SUBSCRIBED].concat();
    for how in [Close::Fin, Close::Reset] {
        let server = start();
        for cut in 0..=whole.len() {
            server.faults_for_new(|faults| {
                faults.cut_after_sent = Some(cut as u64);
                faults.cut_with = how;
            });
            let mut a = Client::connect(&server);
            a.send(&[command("PING"), command("SUBSCRIBE news")].concat());
            match how {
                Close::Fin => assert_eq!(a.read_to_end(), &whole[..cut]),
                Close::Reset => {
                    // Unread bytes may be lost with the connection: what came is a prefix.
                    while a.read().is_ok_and(|n| n > 0) {}
                    assert!(whole[..cut].starts_with(&a.take_heard()));
                }
            }
            server.wait_until(|state| state.open() == 0, LIMIT).unwrap();
            assert_eq!(server.look(|state| state.subscribers("news")), 0);
        }
    }
}

#[test]
fn a_cut_after_what_was_received_falls_on_every_byte() {
    let server = start();
    let increment = command("INCR n");
    let sent = increment.repeat(2);
    let mut expected = 0;
    for cut in 0..=sent.len() {
        server.faults_for_new(|faults| faults.cut_after_received = Some(cut as u64));
        let mut a = Client::connect(&server);
        a.send(&sent);
        let whole_commands = cut / increment.len();
        let replies: String = (0..whole_commands).map(|n| format!(":{}\r\n", expected + n + 1)).collect();
        assert_eq!(a.read_to_end(), replies.as_bytes(), "cut at {cut}");
        expected += whole_commands;
        server.wait_until(|state| state.open() == 0, LIMIT).unwrap();
        assert_eq!(server.look(|state| state.received("incr")), expected as u64, "cut at {cut}");
    }
}

#[test]
fn a_cut_that_is_already_passed_falls_at_once() {
    let server = start();
    let edits: [fn(&mut Faults); 2] =
        [|faults| faults.cut_after_received = Some(1), |faults| faults.cut_after_sent = Some(1)];
    for edit in edits {
        let mut a = Client::connect(&server);
        a.ask("PING", b"+PONG\r\n");
        server.faults(Target::All, edit);
        a.expect_end("passed");
    }
}

#[test]
fn a_server_may_turn_away_and_kick_out_with_words() {
    let server = start();
    let mut a = Client::connect(&server);
    a.ask("PING", b"+PONG\r\n");
    server.faults_for_new(|faults| *faults = Faults::turn_away("-DENIED not you\r\n"));
    assert_eq!(Client::connect(&server).read_to_end(), b"-DENIED not you\r\n");
    a.ask("PING", b"+PONG\r\n");
    assert_eq!(server.kick(Target::All, "ERR going\r\ndown"), 1);
    assert_eq!(a.read_to_end(), b"-ERR going  down\r\n");
}

#[test]
fn any_bytes_may_be_said_without_being_asked() {
    let server = start();
    let (mut a, mut b) = (Client::connect(&server), subscriber(&server));
    a.ask("PING", b"+PONG\r\n");
    assert_eq!(server.send(Target::Subscribers, b"\xff\0"), 1);
    b.expect(b"\xff\0", "unasked");
    assert_eq!(server.send(Target::All, ">0\r\n"), 2);
    a.expect(b">0\r\n", "unasked");
    b.expect(b">0\r\n", "unasked");
    a.ask("FAKE.REPLY %1\\r\\n_\\r\\n,nan\\r\\n", b"%1\r\n_\r\n,nan\r\n");
}

#[test]
fn the_next_command_of_a_name_is_answered_otherwise() {
    let server = start();
    let mut a = Client::connect(&server);
    server.on_next("GET", Reaction::Answer(b"-ERR first\r\n".to_vec()));
    server.on_next("get", Reaction::Answer(b"".to_vec()));
    server.on_next("nonsense", Reaction::Answer(b"+sense\r\n".to_vec()));
    server.on_next("client|getname", Reaction::Answer(b"+me\r\n".to_vec()));
    a.ask("PING", b"+PONG\r\n");
    a.ask("gEt k", b"-ERR first\r\n");
    a.say("GET k");
    a.ask("GET k", b"$-1\r\n");
    a.ask("NONSENSE", b"+sense\r\n");
    a.ask("CLIENT GETNAME", b"+me\r\n");
    server.on_next("incr", Reaction::RunThenClose(Close::Fin));
    a.say("INCR n");
    a.expect_end("after it ran");
    let mut b = Client::connect(&server);
    b.ask("GET n", b"$1\r\n1\r\n");
    server.on_next("incr", Reaction::Close(Close::Reset));
    b.say("INCR n");
    b.expect_reset();
    server.on_next("ping", Reaction::Close(Close::Fin));
    server.forget_reactions();
    let mut c = Client::connect(&server);
    c.ask("PING", b"+PONG\r\n");
    c.ask("GET n", b"$1\r\n1\r\n");
}

#[test]
fn every_command_of_a_name_is_answered_otherwise_until_that_is_forgotten() {
    let server = start();
    let mut a = Client::connect(&server);
    server.on_every("Subscribe", Reaction::Answer(b"-BUSY a script\r\n".to_vec()));
    server.on_next("subscribe", Reaction::Answer(b"-ERR first\r\n".to_vec()));
    a.ask("SUBSCRIBE a", b"-ERR first\r\n");
    for _ in 0..3 {
        a.ask("SUBSCRIBE a", b"-BUSY a script\r\n");
    }
    a.ask("PING", b"+PONG\r\n");
    server.forget_reactions();
    a.ask("SUBSCRIBE a", b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
}

#[test]
fn a_subscriber_that_does_not_read_is_cut_off_and_holds_up_nobody() {
    const BIG: usize = 1 << 20;
    // More than the system's buffers take for one connection.
    const MESSAGES: usize = 64;
    let server = FakeRedis::builder().subscriber_buffer(4 * BIG).start().unwrap();
    let slow = subscriber(&server);
    let mut quick = subscriber(&server);
    let payload = vec![b'x'; BIG];
    let mut receivers = Vec::new();
    for _ in 0..MESSAGES {
        receivers.push(server.publish("news", &payload));
        quick.expect(format!("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n${BIG}\r\n").as_bytes(), "header");
        quick.expect(&payload, "payload");
        quick.expect(b"\r\n", "end");
    }
    assert_eq!((receivers[0], receivers[MESSAGES - 1]), (2, 1));
    assert_eq!(server.look(|state| state.open()), 1);
    drop(slow);
}

#[test]
fn a_burst_arrives_whole_and_in_order() {
    const MESSAGES: usize = 50_000;
    let server = start();
    let (mut a, mut b) = (subscriber(&server), Client::connect(&server));
    let publishes: Vec<u8> = (0..MESSAGES).flat_map(|n| command(&format!("PUBLISH news {n:05}"))).collect();
    let sender = std::thread::spawn(move || {
        b.send(&publishes);
        b
    });
    for n in 0..MESSAGES {
        a.expect(format!("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\n{n:05}\r\n").as_bytes(), "burst");
    }
    sender.join().unwrap().expect(&b":1\r\n".repeat(MESSAGES), "answers");
}
