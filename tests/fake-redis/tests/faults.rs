//! Faults on demand: what a client sees of each, and that nobody else sees anything.

mod support;

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use fake_redis::{Close, FakeRedis, Faults, Health, Hello, Reaction, Target};
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

fn refused(server: &FakeRedis) -> bool {
    let outcome = TcpStream::connect(("127.0.0.1", server.port()));
    outcome.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[test]
fn a_stopped_server_refuses_and_comes_back_with_its_data_on_the_same_port() {
    let server = start();
    let (mut a, url) = (Client::connect(&server), server.url());
    a.ask("SET k v", b"+OK\r\n");
    server.stop().unwrap();
    server.stop().unwrap();
    a.expect_end("stop");
    assert!(refused(&server));
    assert!(!server.look(|state| state.is_listening()));
    server.start_again().unwrap();
    server.start_again().unwrap();
    assert_eq!(server.url(), url);
    let mut b = Client::connect(&server);
    b.ask("GET k", b"$1\r\nv\r\n");
    assert_eq!(server.look(|state| state.accepted()), 2);
}

#[test]
fn a_server_that_refuses_keeps_whom_it_has() {
    let server = start();
    let mut a = Client::connect(&server);
    a.ask("PING", b"+PONG\r\n");
    server.refuse().unwrap();
    assert!(refused(&server));
    a.ask("PING", b"+PONG\r\n");
    server.start_again().unwrap();
    Client::connect(&server).ask("PING", b"+PONG\r\n");
}

#[test]
fn dropping_the_server_ends_everything() {
    let server = start();
    let port = server.port();
    let mut a = Client::connect(&server);
    a.ask("PING", b"+PONG\r\n");
    drop(server);
    a.expect_end("drop");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    // The port is free again.
    FakeRedis::builder().port(port).start().unwrap();
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_and_is_removed() {
    let path = std::env::temp_dir().join(format!("fake-redis-faults-{}.sock", std::process::id()));
    let server = FakeRedis::builder().unix(&path).start().unwrap();
    assert_eq!(server.url(), format!("unix://{}", path.display()));
    Client::connect(&server).ask("PING", b"+PONG\r\n");
    server.stop().unwrap();
    assert!(!path.exists());
    server.start_again().unwrap();
    let mut a = Client::connect(&server);
    a.ask("PING", b"+PONG\r\n");
    drop(server);
    a.expect_end("drop");
    assert!(!path.exists());
}

#[test]
fn connections_are_dropped_by_choice_and_in_either_way() {
    let server = start();
    let (mut a, mut b, mut c) = (Client::connect(&server), subscriber(&server), Client::connect(&server));
    a.ask("CLIENT SETNAME main", b"+OK\r\n");
    c.ask("PING", b"+PONG\r\n");
    assert_eq!(server.drop_connections(Target::Subscribers, Close::Reset), 1);
    b.expect_reset();
    assert_eq!(server.look(|state| state.subscribers("news")), 0);
    assert_eq!(server.drop_connections(Target::Name("other".into()), Close::Fin), 0);
    assert_eq!(server.drop_connections(Target::Name("main".into()), Close::Fin), 1);
    a.expect_end("by name");
    let id = server.look(|state| state.connections()[0].id);
    assert_eq!(server.drop_connections(Target::Id(id), Close::Fin), 1);
    c.expect_end("by id");
    assert_eq!(server.look(|state| state.open()), 0);
}

#[test]
fn an_orderly_end_comes_after_what_was_written() {
    let server = start();
    let mut a = Client::connect(&server);
    a.ask("PING", b"+PONG\r\n");
    server.send(Target::All, "+last\r\n");
    // Bytes that nobody reads any more must not turn the end into a reset.
    server.faults(Target::All, |faults| faults.read = false);
    a.say("PING");
    server.drop_connections(Target::All, Close::Fin);
    a.expect(b"+last\r\n", "before the end");
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
                    // What lay unread is lost with the connection, or not: what came is a beginning.
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
        // A server that ends a connection with bytes unread sends a reset; what it said before may arrive or not.
        while a.read().is_ok_and(|n| n > 0) {}
        assert!(replies.as_bytes().starts_with(&a.take_heard()), "cut at {cut}");
        expected += whole_commands;
        server.wait_until(|state| state.open() == 0, LIMIT).unwrap();
        assert_eq!(server.look(|state| state.received("incr")), expected as u64, "cut at {cut}");
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
fn a_server_that_loads_or_lost_its_master_speaks_of_that_only() {
    let server = FakeRedis::builder().health(Health::Loading).start().unwrap();
    let mut a = Client::connect(&server);
    let loading = b"-LOADING Redis is loading the dataset in memory\r\n";
    a.ask("PING", loading);
    a.ask("GET k", loading);
    a.ask("CLIENT SETNAME x", b"+OK\r\n");
    a.ask("PUBLISH news x", b":0\r\n");
    server.set_health(Health::MasterDown);
    let down = b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n";
    a.ask("PING", down);
    server.set_health(Health::Serving);
    a.ask("PING", b"+PONG\r\n");
}

#[test]
fn hello_may_be_missing_or_know_one_version_only() {
    let server = FakeRedis::builder().hello(Hello::Unknown).version("7.2.4").start().unwrap();
    let mut a = Client::connect(&server);
    a.ask("HELLO 3", b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n");
    a.ask("GET k", b"$-1\r\n");
    server.set_hello(Hello::NoProto);
    a.ask("HELLO 3", b"-NOPROTO unsupported protocol version\r\n");
    a.ask("GET k", b"$-1\r\n");
    a.ask("HELLO 2", b"*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n{any}\r\n");
    assert_eq!(server.look(|state| state.received("hello")), 3);
}

#[test]
fn the_version_decides_whether_setinfo_is_known() {
    for (version, reply) in
        [("7.1.9", b"-ERR unknown subcommand".as_slice()), ("7.2.0", b"+OK"), ("8.0.0", b"+OK")]
    {
        let server = FakeRedis::builder().version(version).start().unwrap();
        Client::connect(&server).ask("CLIENT SETINFO LIB-NAME x", reply);
    }
}

#[test]
fn passwords_and_users_change_while_it_runs() {
    let server = start();
    let mut a = Client::connect(&server);
    a.ask("PING", b"+PONG\r\n");
    server.set_password(Some("secret"));
    a.ask("PING", b"+PONG\r\n");
    let mut b = Client::connect(&server);
    b.ask("PING", b"-NOAUTH Authentication required.\r\n");
    b.ask("AUTH secret", b"+OK\r\n");
    server.set_user("bob on nopass &news +@all").unwrap();
    b.ask("AUTH bob x", b"+OK\r\n");
    b.ask("SUBSCRIBE news", SUBSCRIBED);
    assert_eq!(
        server.set_user("bob nonsense").unwrap_err().to_string(),
        "the ACL rule `nonsense` is not one that this server knows"
    );
    server.set_user("bob resetchannels").unwrap();
    b.expect_end("revoked");
    let error = FakeRedis::builder().user("bob +nonsense").start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
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

#[test]
fn messages_are_published_and_counted_without_a_client() {
    let server = start();
    let mut a = subscriber(&server);
    a.ask("PSUBSCRIBE n*", b"*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n");
    assert_eq!(server.look(|state| (state.subscribers("news"), state.pattern_subscribers("n*"))), (1, 1));
    assert_eq!(server.publish("news", "hello"), 2);
    assert_eq!(server.publish("none", b"\0"), 1);
    assert_eq!(server.publish("other", ""), 0);
    a.expect(MESSAGE, "by channel");
    a.expect(b"*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$5\r\nhello\r\n", "by pattern");
    a.expect(b"*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnone\r\n$1\r\n\0\r\n", "by pattern alone");
}

#[test]
fn commands_are_kept_only_when_asked() {
    let server = start();
    let mut a = Client::connect(&server);
    a.ask("PING", b"+PONG\r\n");
    server.set_log(true);
    a.ask("ECHO \\0", b"$1\r\n\0\r\n");
    a.ask("GET", b"-ERR wrong number of arguments for 'get' command\r\n");
    a.ask("QUIT", b"+OK\r\n");
    a.expect_end("QUIT");
    let commands = server.look(|state| state.commands(1).to_vec());
    let expected: [&[&[u8]]; 3] = [&[b"ECHO", b"\0"], &[b"GET"], &[b"QUIT"]];
    assert_eq!(commands, expected);
    server.set_log(false);
    assert!(server.look(|state| state.commands(1).is_empty()));
}

#[test]
fn waiting_in_vain_says_what_there_was() {
    let server = start();
    let mut a = subscriber(&server);
    let error = server.wait_until(|state| state.open() == 2, Duration::from_millis(1)).unwrap_err();
    assert!(error.to_string().contains("saw 1 connections"), "{error}");
    a.ask("PING", b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    let info = server.look(|state| state.connections().remove(0));
    assert_eq!((info.id, info.commands, info.channels), (1, 2, vec![b"news".to_vec()]));
}
