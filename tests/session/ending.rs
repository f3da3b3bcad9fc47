//! Disconnect: accepted requests are sent, answers are awaited, and the rest is reported.

use realtime::backend::{Action, LinkError};
use realtime::model::{Event, RequestKind, State, Value};

use crate::client::{BOTH, Client, Resp};
use crate::sink::{Said, answer, failure};

#[test]
fn disconnect_sends_what_was_accepted_and_waits_for_answers() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        client.subscribe("other", 2);
        client.publish(1, "chat", "a");
        client.said();
        client.advance(2.0);
        client.disconnect(1.0);
        // For a session that takes over: the last event was the confirmation.
        let said = client.said();
        let [Said::Event(Event::Gap { lasted, error, topics: None })] = &said[..] else { panic!("{said:?}") };
        assert_eq!((lasted.as_secs_f64(), error.code.as_str()), (2.0, "CLOSED"));
        client.message("chat", "nobody listens");
        // Confirmations still find their place.
        client.confirm("subscribe", "other");
        client.fence(2);
        assert!(client.commands(0).contains(&"PUBLISH chat a".to_owned()));
        client.request(2, 9.0, RequestKind::Ping);
        assert_eq!(failure(&client.said()), (2, "CLOSED".to_owned(), false));
        assert_eq!(client.counters.state(), State::Ready);
        client.server(0, b":0\r\n");
        assert_eq!(client.said(), [answer(1, Value::Integer(0)), Said::Event(Event::Closed)]);
        assert_eq!(client.counters.state(), State::Closed);
        assert_eq!(client.action(), Some(Action::Finish));
        assert_eq!(client.driver.session.poll_timeout(), None);
        // No more events follow, and a straggler gets its answer all the same.
        client.server(0, b":0\r\n");
        client.request(3, 9.0, RequestKind::Ping);
        assert_eq!(failure(&client.said()), (3, "CLOSED".to_owned(), false));
    }
}

#[test]
fn disconnect_gives_up_at_its_deadline() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        client.get(1, "sent");
        client.set_writable(0, 0);
        client.get(2, "unsent");
        client.disconnect(1.0);
        client.advance(0.9);
        assert_eq!(client.said(), []);
        client.advance(0.2);
        let said = client.said();
        assert_eq!(failure(&said[..1]), (1, "CLOSED".to_owned(), true));
        assert_eq!(failure(&said[1..2]), (2, "CLOSED".to_owned(), false));
        assert_eq!(said[2..], [Said::Event(Event::Closed)]);
    }
}

#[test]
fn disconnect_of_an_idle_client_is_immediate() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.disconnect(1.0);
    assert_eq!(client.said(), [Said::Event(Event::Closed)]);
    assert_eq!(client.action(), Some(Action::Finish));
}

#[test]
fn disconnect_while_connecting_still_sends() {
    for resp in BOTH {
        let mut client = Client::new("redis://server", &[]);
        client.publish(1, "chat", "hello");
        client.disconnect(1.0);
        client.handshake(resp);
        assert_eq!(client.commands(0), ["PUBLISH chat hello"]);
        client.server(0, b":0\r\n");
        assert_eq!(client.said(), [answer(1, Value::Integer(0)), Said::Event(Event::Closed)]);
    }
}

#[test]
fn disconnect_between_attempts_waits_for_nothing() {
    let mut client = Client::new("redis://server", &[]);
    client.publish(1, "chat", "hello");
    client.expect_connect(0);
    client.refused(0);
    client.said();
    client.disconnect(1.0);
    let said = client.said();
    assert_eq!(failure(&said[..1]), (1, "CLOSED".to_owned(), false));
    assert_eq!(said[1..], [Said::Event(Event::Closed)]);
}

#[test]
fn losing_the_link_ends_a_disconnect() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.get(1, "a");
    client.disconnect(1.0);
    client.lost(0, LinkError::Eof);
    let said = client.said();
    assert_eq!(failure(&said[..1]), (1, "DISCONNECTED".to_owned(), true));
    assert_eq!(said[1..], [Said::Event(Event::Closed)]);
}
