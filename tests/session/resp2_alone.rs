//! Servers that grant RESP3 and speak RESP2.

use realtime::backend::{LinkError, OptionValue};
use realtime::model::{Event, State, TopicKind, Value};

use crate::client::{Client, HELLO3, Resp, SETINFO, WELCOME};
use crate::sink::{Said, answer, failure, message, subscribed};

const HELLO_LIST: &[u8] = b"*4\r\n$6\r\nserver\r\n$6\r\ngarnet\r\n$5\r\nproto\r\n:3\r\n";
const HELLO_PROTO_2: &[u8] = b"%2\r\n$6\r\nserver\r\n$7\r\nkvrocks\r\n$5\r\nproto\r\n:2\r\n";

/// Whatever HELLO's answer looks like, the first confirmation shows which protocol the server speaks.
#[test]
fn resp3_granted_and_resp2_spoken() {
    for hello in [HELLO3, HELLO_LIST, HELLO_PROTO_2, b"+OK\r\n"] {
        let mut client = Client::new("redis://server", &[]);
        client.subscribe("chat", 1);
        client.connected(0);
        client.server(0, hello);
        client.server(0, WELCOME);
        client.publish(1, "chat", "x");
        client.server(0, b"*3\r\n$9\r\nsubscribe\r\n$4\r\nchat\r\n:1\r\n");
        let (error, _) = client.expect_down();
        assert_eq!(error.code.as_str(), "DISCONNECTED");
        assert!(error.message.contains("connects again, with RESP2"), "{error}");
        client.expect_close(0);
        // It is remembered as long as the session lives.
        for first in [true, false] {
            client.commands(0);
            client.reconnect(0);
            assert_eq!(client.hello(Resp::Two), SETINFO[0], "no HELLO");
            if first {
                client.subscriber_up();
            } else {
                client.subscriber_back(Resp::Two);
            }
            client.confirm("subscribe", "chat");
            client.server(1, b"+PONG\r\n");
            client.said();
            assert_eq!(client.counters.state(), State::Ready);
            if first {
                assert_eq!(client.commands(0), ["PUBLISH chat x"], "it was not sent before");
                client.message("chat", "x");
                client.server(0, b":1\r\n");
                assert_eq!(client.said(), [message(1, "x"), answer(1, Value::Integer(1))]);
            }
            client.lost(1, LinkError::Eof);
            client.lost(0, LinkError::Eof);
        }
    }
}

/// A server that confirms with pushes speaks RESP3, whatever HELLO's answer looks like.
#[test]
fn resp3_granted_in_odd_words_and_spoken() {
    for hello in [HELLO_LIST, HELLO_PROTO_2, b"+OK\r\n"] {
        let mut client = Client::new("redis://server", &[]);
        client.subscribe("chat", 1);
        client.connected(0);
        client.server(0, hello);
        client.server(0, WELCOME);
        client.confirm("subscribe", "chat");
        client.fence(1);
        assert_eq!(client.said()[0], subscribed(TopicKind::Channel, "chat"));
        assert_eq!(client.counters.state(), State::Ready);
    }
}

#[test]
fn demanding_resp3_of_a_server_that_grants_it_and_speaks_resp2() {
    let mut client = Client::ready(Resp::Three, &[("protocol", OptionValue::Number(3.0))]);
    client.subscribe("chat", 1);
    client.server(0, b"*3\r\n$9\r\nsubscribe\r\n$4\r\nchat\r\n:1\r\n");
    assert_eq!(
        client.expect_down().0.to_string(),
        "UNSUPPORTED: the server granted RESP3 and speaks RESP2; leave out the option protocol, or set it to 2"
    );
    client.expect_close(0);
    client.commands(0);
    client.reconnect(0);
    assert_eq!(client.commands(0), ["HELLO 3"]);
}

#[test]
fn a_message_in_the_form_of_a_list_is_no_answer_to_a_publish() {
    let mut client = Client::subscribed(Resp::Three, &[]);
    client.said();
    client.publish(1, "chat", "x");
    client.server(0, b"*3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n$1\r\nx\r\n");
    let said = client.said();
    assert_eq!(failure(&said[..1]), (1, "DISCONNECTED".to_owned(), true));
    assert!(
        matches!(&said[1..], [Said::Event(Event::Down { error, .. })] if error.code.as_str() == "PROTOCOL")
    );
}

#[test]
fn the_channel_of_the_probes_tells_too_when_all_else_is_refused() {
    let mut client = Client::ready(Resp::Three, &[("verify_delivery", OptionValue::Boolean(true))]);
    client.subscribe("chat", 1);
    let asked = client.commands(0).pop().expect("a SUBSCRIBE");
    client.server(0, b"-BUSY a script\r\n$10\r\nrealtime:1\r\n");
    client.said();
    let channel = asked.strip_prefix("SUBSCRIBE ").expect("the channel of the probes");
    let confirmation = format!("*3\r\n$9\r\nsubscribe\r\n${}\r\n{channel}\r\n:1\r\n", channel.len());
    client.server(0, confirmation.as_bytes());
    assert!(client.expect_down().0.message.contains("connects again, with RESP2"));
    client.expect_close(0);
    client.reconnect(0);
    assert_eq!(client.hello(Resp::Two), SETINFO[0], "no HELLO");
}
