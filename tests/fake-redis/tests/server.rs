//! A server's life and settings: stopping and starting, users, versions, its state.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so by panicking")]

mod support;

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use fake_redis::{FakeRedis, Health, Hello, Role};
use support::client::Client;

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
fn a_stopped_server_keeps_its_port_from_others() {
    let server = start();
    server.stop().unwrap();
    let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], server.port()));
    assert_eq!(other.bind(&address.into()).unwrap_err().kind(), ErrorKind::AddrInUse);
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
    // The port is free again. Now and then another process is faster to take it, but not every time.
    let is_free_again = (0..10).any(|_| {
        let server = start();
        let port = server.port();
        let mut a = Client::connect(&server);
        a.ask("PING", b"+PONG\r\n");
        drop(server);
        a.expect_end("drop");
        TcpStream::connect(("127.0.0.1", port)).is_err() && FakeRedis::builder().port(port).start().is_ok()
    });
    assert!(is_free_again);
}

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
fn missing_commands_get_the_owners_words_but_not_those_of_newer_versions() {
    let server =
        FakeRedis::builder().version("6.2.0").about_missing_commands("use another server").start().unwrap();
    let mut a = Client::connect(&server);
    a.ask("EVAL x 0", b"-ERR unknown command 'EVAL': use another server\r\n");
    a.ask("LPUSHX k x", b"-ERR unknown command 'LPUSHX': use another server\r\n");
    a.ask("SSUBSCRIBE c", b"-ERR unknown command 'SSUBSCRIBE', with args beginning with: 'c' \r\n");
    let server = FakeRedis::start().unwrap();
    let mut plain = Client::connect(&server);
    plain.ask("LPUSHX k x", b"-ERR unknown command 'LPUSHX', with args beginning with: 'k' 'x' \r\n");
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
fn hello_may_be_forbidden_or_an_empty_promise() {
    let forbidden = b"-NOPERM this user has no permissions to run the 'hello' command or its subcommand\r\n";
    for (hello, reply) in [
        (Hello::NoPermission, &forbidden[..]),
        (Hello::GrantedAsList, b"*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n"),
        (Hello::GrantedAsMap, b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n"),
        (Hello::GrantedAsOk, b"+OK\r\n"),
    ] {
        let server = FakeRedis::builder().hello(hello).start().unwrap();
        let mut a = Client::connect(&server);
        ["HELLO 3", "GET k", "QUIT"].iter().for_each(|words| a.say(words));
        let said = a.read_to_end();
        assert!(said.starts_with(reply), "{hello:?}: {}", said.escape_ascii());
        assert!(said.ends_with(b"$-1\r\n+OK\r\n"), "RESP2's null: {hello:?}: {}", said.escape_ascii());
    }
}

#[test]
fn a_server_becomes_a_replica_and_a_master_again() {
    let server = FakeRedis::builder().role(Role::Replica).start().unwrap();
    let mut a = Client::connect(&server);
    a.ask("ROLE", b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$7\r\nconnect\r\n:-1\r\n");
    a.ask("SET k v", b"-READONLY You can't write against a read only replica.\r\n");
    server.set_role(Role::Master);
    a.ask("ROLE", b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    a.ask("SET k v", b"+OK\r\n");
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
