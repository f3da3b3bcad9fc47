//! Servers that let clients in and have no data to serve yet: LOADING and MASTERDOWN.

use std::time::Duration;

use realtime::model::{Event, RequestKind, State, TopicKind, Value};

use crate::client::{BOTH, Client, HELLO3, Resp, WELCOME, args, life};
use crate::sink::{Said, answer, failure, message, string, subscribed};

const LOADING: &[u8] = b"-LOADING Redis is loading the dataset in memory\r\n";
const MASTERDOWN: &[u8] =
    b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n";

/// Connected, and the handshake's PING on the link of the commands is answered like this.
fn let_in(resp: Resp, ping: &[u8]) -> Client {
    let mut client = Client::new("redis://server", &[]);
    client.connected(0);
    client.welcome(resp, ping);
    client
}

#[test]
fn a_server_that_loads_is_ready_when_it_serves() {
    for resp in BOTH {
        for (refusal, code) in [(LOADING, "LOADING"), (MASTERDOWN, "MASTERDOWN")] {
            let mut client = let_in(resp, refusal);
            let (error, retry_in) = client.expect_down();
            assert_eq!((error.code.as_str(), retry_in), (code, Duration::from_secs(1)));
            assert_eq!(client.counters.state(), State::Connecting);
            assert_eq!(client.action(), None, "the connection stays");
            // Subscriptions and publishes continue, and pass the commands, which wait.
            client.subscribe("chat", 1);
            client.get(1, "a");
            client.publish(2, "chat", "x");
            client.request(3, 10.0, RequestKind::Ping);
            if resp == Resp::Two {
                client.connected(1);
                client.commands(1);
                // This link needs nothing that waits for the data.
                client.server(
                    1,
                    &[WELCOME.strip_suffix(b"+PONG\r\n").expect("PING is the last"), refusal].concat(),
                );
            }
            let link = client.subscriber;
            assert_eq!(client.commands(link), ["SUBSCRIBE chat", "PING realtime:1"]);
            client.confirm("subscribe", "chat");
            client.server(link, refusal);
            assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
            assert_eq!(client.commands(0), ["PUBLISH chat x"]);
            client.message("chat", "x");
            client.server(0, b":1\r\n");
            assert_eq!(client.said(), [message(1, "x"), answer(2, Value::Integer(1))]);
            // Asked again each second, one PING at a time.
            for _ in 0..3 {
                client.advance(0.9);
                assert_eq!(client.commands(0), Vec::<String>::new());
                client.advance(0.2);
                assert_eq!(client.commands(0), ["PING"]);
                client.advance(1.5);
                assert_eq!(client.commands(0), Vec::<String>::new());
                client.server(0, refusal);
                assert_eq!(client.said(), [], "told once");
                assert_eq!(client.counters.state(), State::Connecting);
            }
            client.advance(1.1);
            client.commands(0);
            client.server(0, b"+PONG\r\n");
            client.expect_ready(true, resp);
            assert_eq!(client.commands(0), ["GET a", "PING"]);
            client.server(0, b"+a\r\n");
            assert_eq!(client.said(), [answer(1, string("a"))]);
            client.advance(5.0);
            assert_eq!(client.commands(0), Vec::<String>::new(), "no more questions");
        }
    }
}

#[test]
fn loading_may_take_longer_than_connect_timeout() {
    let mut client = let_in(Resp::Three, LOADING);
    client.expect_down();
    for _ in 0..60 {
        client.advance(1.0);
        let commands = client.commands(0);
        assert_eq!(commands[0], "PING");
        client.server(0, LOADING);
        for question in &commands[1..] {
            client.server(0, life(question).expect("the question for the role"));
        }
    }
    assert_eq!(client.said(), []);
    // Another reason is reported. A user without the right to PING is served.
    client.advance(1.0);
    client.server(0, MASTERDOWN);
    assert_eq!(client.expect_down().0.code.as_str(), "MASTERDOWN");
    client.advance(1.0);
    client.server(0, b"-NOPERM this user has no permissions to run the 'ping' command\r\n");
    client.expect_ready(true, Resp::Three);
}

#[test]
fn a_command_that_waits_for_the_data_times_out_with_the_reason() {
    let mut client = let_in(Resp::Three, LOADING);
    client.expect_down();
    client.request(1, 0.5, RequestKind::Command(args(&["GET", "a"])));
    client.advance(0.6);
    let said = client.said();
    assert_eq!(failure(&said), (1, "TIMEOUT".to_owned(), false));
    let [Said::Answer { result: Err(error), .. }] = &said[..] else { panic!("{said:?}") };
    assert!(error.message.contains("LOADING"), "{error}");
    assert_eq!(client.commands(0), Vec::<String>::new());
}

#[test]
fn a_loading_server_that_falls_silent_is_found() {
    let mut client = let_in(Resp::Three, LOADING);
    client.expect_down();
    client.advance(20.5);
    let (error, _) = client.expect_down();
    assert!(error.message.contains("sent nothing"), "{error}");
    client.expect_close(0);
    client.commands(0);
    client.reconnect(0);
    client.hello(Resp::Three);
    client.expect_ready(true, Resp::Three);
}

#[test]
fn a_server_that_refuses_everything_is_never_ready() {
    for resp in BOTH {
        for (answer, code) in [
            (&b"-NOAUTH Authentication required.\r\n"[..], "NOAUTH"),
            (b"-ERR no\r\n", "ERR"),
            (b"-BUSY Redis is busy running a script.\r\n", "BUSY"),
            (b"+OK\r\n", "PROTOCOL"),
            (b":1\r\n", "PROTOCOL"),
            (b"*0\r\n", "PROTOCOL"),
        ] {
            let mut client = let_in(resp, answer);
            assert_eq!(client.expect_down().0.code.as_str(), code, "{}", answer.escape_ascii());
            client.expect_close(0);
            assert_eq!(client.counters.state(), State::Waiting);
        }
    }
    // It may also do so after it reported that it loads.
    let mut client = let_in(Resp::Three, LOADING);
    client.expect_down();
    client.advance(1.1);
    client.server(0, b"-ERR no\r\n");
    assert_eq!(client.expect_down().0.code.as_str(), "ERR");
    client.expect_close(0);
}

#[test]
fn a_restart_with_much_data_is_a_gap_and_then_ready() {
    let mut client = Client::subscribed(Resp::Three, &[]);
    client.said();
    client.lost(0, realtime::backend::LinkError::Eof);
    client.expect_down();
    client.reconnect(0);
    client.server(0, HELLO3);
    client.server(0, &[WELCOME.strip_suffix(b"+PONG\r\n").expect("PING is the last"), LOADING].concat());
    let said = client.said();
    let [Said::Event(Event::Gap { .. }), Said::Event(Event::Down { error, .. })] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!(error.code.as_str(), "LOADING");
    client.confirm("subscribe", "chat");
    client.message("chat", "x");
    assert_eq!(client.said(), [message(1, "x")]);
    client.advance(1.1);
    client.server(0, b"$10\r\nrealtime:2\r\n+PONG\r\n");
    client.expect_ready(false, Resp::Three);
}
