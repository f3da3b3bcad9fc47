//! A server that stops serving data while the client is ready: a replica that synchronizes again, or lost its master.

use std::sync::atomic::Ordering;

use realtime::backend::LinkError;
use realtime::model::{Event, RequestKind, State};

use crate::client::{BOTH, Client, Resp, WELCOME, args};
use crate::sink::{Said, message};

const LOADING: &[u8] = b"-LOADING Redis is loading the dataset in memory\r\n";
const REPLICA: &[u8] = b"*1\r\n$5\r\nslave\r\n";
const REPLICA_HELLO: &[u8] = b"%1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n";

/// Answers the question for the role as a replica, and the PING after it with these bytes.
fn asked(client: &mut Client, resp: Resp, ping: &[u8]) {
    if resp == Resp::Two && client.commands(1) == ["PING"] {
        client.server(1, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    }
    let question = if resp == Resp::Three { "HELLO 3" } else { "ROLE" };
    assert_eq!(client.commands(0), [question, "PING"]);
    let role = if resp == Resp::Three { REPLICA_HELLO } else { REPLICA };
    client.server(0, &[role, ping].concat());
}

/// Ready on a replica and subscribed to `chat`.
fn on_replica(resp: Resp) -> Client {
    let mut client = Client::new("redis://server", &[]);
    client.connected(0);
    client.commands(0);
    match resp {
        Resp::Three => {
            client.server(0, REPLICA_HELLO);
            client.server(0, WELCOME);
        }
        Resp::Two => {
            client.server(0, b"-ERR unknown command\r\n");
            client.server(0, &[b"+OK\r\n+OK\r\n$0\r\n\r\n", REPLICA, b"+PONG\r\n"].concat());
        }
    }
    client.subscriber = u8::from(resp == Resp::Two);
    client.subscribe("chat", 1);
    client.subscriber_up();
    client.confirm("subscribe", "chat");
    client.fence(1);
    client.said();
    client.commands(0);
    client.commands(client.subscriber);
    client
}

/// Expects the events when the server serves data again: a gap of everything, and `ready`.
fn served_again(client: &mut Client, lasted: f64) {
    let said = client.said();
    let [Said::Event(Event::Gap { lasted: told, error, topics: None }), Said::Event(Event::Ready(ready))] =
        &said[..]
    else {
        panic!("{said:?}")
    };
    assert!((told.as_secs_f64() - lasted).abs() < 0.5, "{told:?}");
    assert_eq!(error.code.as_str(), "LOADING");
    assert!(!ready.first);
    assert_eq!(client.counters.state(), State::Ready);
    assert_eq!(client.counters.reconnects.load(Ordering::Relaxed), 1, "ready again");
}

#[test]
fn a_replica_that_synchronizes_anew_says_so_and_its_clients_have_a_gap() {
    for resp in BOTH {
        let mut client = on_replica(resp);
        client.advance(15.1);
        asked(&mut client, resp, b"+PONG\r\n");
        assert_eq!(client.said(), []);
        client.advance(15.1);
        asked(&mut client, resp, LOADING);
        assert_eq!(client.expect_down().0.code.as_str(), "LOADING");
        assert_eq!(client.counters.state(), State::Connecting);
        assert_eq!(client.action(), None, "the connection stays");
        // Commands wait, publishes do not.
        client.get(1, "a");
        client.publish(2, "chat", "x");
        assert_eq!(client.commands(0), ["PUBLISH chat x"]);
        client.server(0, b":1\r\n");
        client.said();
        for _ in 0..3 {
            client.advance(1.1);
            assert_eq!(client.commands(0), ["PING"]);
            client.server(0, LOADING);
            assert_eq!(client.said(), [], "told once");
        }
        client.advance(1.1);
        assert_eq!(client.commands(0), ["PING"]);
        client.server(0, b"+PONG\r\n");
        served_again(&mut client, 15.1 + 4.4);
        assert_eq!(client.commands(0), ["GET a"]);
        client.message("chat", "x");
        assert_eq!(client.said(), [message(1, "x")]);
    }
}

#[test]
fn a_message_that_comes_before_the_server_says_that_it_serves_is_behind_the_gap() {
    for resp in BOTH {
        let mut client = on_replica(resp);
        client.advance(15.1);
        asked(&mut client, resp, LOADING);
        client.said();
        client.message("chat", "1");
        client.message("chat", "2");
        let said = client.said();
        let [Said::Event(Event::Gap { topics: None, .. }), first, second] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!([first, second], [&message(1, "1"), &message(1, "2")]);
        // Messages after them may be missing as well.
        client.advance(1.1);
        client.server(0, LOADING);
        client.advance(1.1);
        client.commands(0);
        client.server(0, b"+PONG\r\n");
        served_again(&mut client, 2.2);
    }
}

#[test]
fn a_command_that_finds_no_data_has_the_server_asked_at_once() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        client.said();
        client.commands(client.subscriber);
        client.advance(1.0);
        client.request(1, 10.0, RequestKind::Command(args(&["GET", "a"])));
        client.get(2, "b");
        assert_eq!(client.commands(0), ["GET a", "GET b"]);
        client.server(0, &[LOADING, LOADING].concat());
        assert_eq!(client.said().len(), 2, "the answers");
        // A script's error decides nothing.
        assert_eq!(client.commands(0), ["PING"]);
        client.server(0, b"+PONG\r\n");
        assert_eq!(client.said(), []);
        client.get(3, "a");
        client.server(0, LOADING);
        client.said();
        assert_eq!(client.commands(0), ["GET a", "PING"]);
        client.server(0, LOADING);
        assert_eq!(client.expect_down().0.code.as_str(), "LOADING");
    }
}

#[test]
fn a_replica_that_is_busy_serves() {
    for resp in BOTH {
        for ping in [&b"-BUSY Redis is busy running a script\r\n"[..], b"-NOPERM no\r\n", b"+OK\r\n"] {
            let mut client = on_replica(resp);
            client.advance(15.1);
            asked(&mut client, resp, ping);
            assert_eq!(client.said(), []);
            assert_eq!(client.counters.state(), State::Ready);
        }
    }
}

#[test]
fn a_loss_while_the_server_serves_nothing_is_one_gap_since_it_did() {
    for resp in BOTH {
        let mut client = on_replica(resp);
        client.advance(15.1);
        asked(&mut client, resp, LOADING);
        client.said();
        client.lost(client.subscriber, LinkError::Eof);
        let before = client.driver.now;
        client.reconnect(client.subscriber);
        client.commands(client.subscriber);
        if resp == Resp::Three {
            client.server(0, REPLICA_HELLO);
            client.server(0, WELCOME);
        } else {
            client.server(1, WELCOME);
        }
        let said = client.said();
        let Some(Said::Event(Event::Gap { lasted, .. })) = said.iter().find(|said| !is_down(said)) else {
            panic!("{said:?}")
        };
        assert!(*lasted >= client.driver.now - before + std::time::Duration::from_secs(15), "{lasted:?}");
    }
}

fn is_down(said: &Said) -> bool {
    matches!(said, Said::Event(Event::Down { .. }))
}

#[test]
fn under_resp2_the_link_of_the_subscriptions_alone_may_say_it() {
    let mut client = on_replica(Resp::Two);
    client.advance(14.0);
    client.lost(0, LinkError::Eof);
    client.expect_down();
    client.advance(1.1);
    assert_eq!(client.commands(1), ["PING"]);
    client.server(1, LOADING);
    client.message("chat", "x");
    let said = client.said();
    let [Said::Event(Event::Gap { topics: None, .. }), first] = &said[..] else { panic!("{said:?}") };
    assert_eq!(*first, message(1, "x"));
}

#[test]
fn under_resp2_a_new_link_of_commands_that_is_not_served_means_a_gap() {
    let mut client = on_replica(Resp::Two);
    client.lost(0, LinkError::Eof);
    client.expect_down();
    client.reconnect(0);
    client.commands(0);
    client.server(0, &[b"+OK\r\n+OK\r\n$0\r\n\r\n", REPLICA, LOADING].concat());
    assert_eq!(client.expect_down().0.code.as_str(), "LOADING");
    client.advance(1.1);
    client.commands(0);
    client.server(0, b"+PONG\r\n");
    let said = client.said();
    let [Said::Event(Event::Gap { topics: None, .. }), Said::Event(Event::Ready(_))] = &said[..] else {
        panic!("{said:?}")
    };
}

#[test]
fn a_link_that_was_remade_while_nothing_was_wanted_has_its_gap_too() {
    let mut client = on_replica(Resp::Two);
    client.unsubscribe("chat");
    client.confirm("unsubscribe", "chat");
    client.fence(2);
    client.lost(1, LinkError::Eof);
    assert_eq!(client.said(), [], "nothing is missed");
    client.subscribe("b", 2);
    client.connected(1);
    client.commands(1);
    client.server(1, WELCOME);
    client.confirm("subscribe", "b");
    client.fence(3);
    assert_eq!(client.said().len(), 1, "subscribed");
    client.commands(1);
    client.advance(15.1);
    asked(&mut client, Resp::Two, LOADING);
    assert_eq!(client.expect_down().0.code.as_str(), "LOADING");
    client.advance(1.1);
    assert_eq!(client.commands(0), ["PING"]);
    client.server(0, b"+PONG\r\n");
    let said = client.said();
    assert!(
        matches!(&said[..], [Said::Event(Event::Gap { topics: None, .. }), Said::Event(Event::Ready(_))]),
        "{said:?}"
    );
}

#[test]
fn a_link_that_was_silent_before_the_server_ceased_to_serve_has_its_gap_since_then() {
    let mut client = Client::subscribed(Resp::Two, &[]);
    client.message("chat", "the last one");
    client.said();
    client.advance(8.0);
    // The commands' link alone is lost, and the server has no data when it is back.
    client.lost(0, LinkError::Eof);
    client.reconnect(0);
    client.welcome(Resp::Two, LOADING);
    client.said();
    client.advance(0.5);
    client.lost(1, LinkError::Eof);
    client.advance(0.6);
    client.server(0, b"+PONG\r\n");
    client.reconnect(1);
    client.commands(1);
    client.server(1, WELCOME);
    client.confirm("subscribe", "chat");
    let said = client.said();
    let lasted = said.iter().find_map(|said| match said {
        Said::Event(Event::Gap { lasted, topics: None, .. }) => Some(lasted.as_secs_f64()),
        _ => None,
    });
    assert!(lasted.is_some_and(|lasted| lasted > 9.0), "{said:?}");
}
