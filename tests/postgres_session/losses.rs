//! Losses of a connection, and their reports.

use std::time::Duration;

use realtime::backend::OptionValue;
use realtime::model::{Code, Command, Event, RequestKind, State, Value};

use crate::client::{Client, Said, URL, message, notification, number, published, ready_for_query};

#[test]
fn the_gap_stands_between_the_last_message_before_and_the_first_one_after() {
    let mut client = Client::subscribed(&[]);
    client.read(1, &notification("chat", "before"));
    client.advance(3.0);
    client.lost(0);
    let said = client.said();
    assert!(
        matches!(&said[..], [Said::Message(1, _), Said::Event(Event::Down { .. })]),
        "one down for both: {said:?}"
    );
    assert_eq!(client.counters.state(), State::Waiting);
    client.advance(1.0);
    while !client.driver.is_wanted(realtime::model::LinkId(0)) {
        client.advance(0.1);
    }
    assert!(client.action().is_some(), "the other link is closed");
    client.restore();
    client.read(1, &notification("chat", "after"));
    let said = client.said();
    let [
        Said::Event(Event::Gap { lasted, topics: None, .. }),
        Said::Event(Event::Ready(ready)),
        Said::Message(1, text),
    ] = &said[..]
    else {
        panic!("{said:?}")
    };
    assert!(*lasted >= Duration::from_secs(4) && !ready.first && text == "after");
}

#[test]
fn what_may_have_been_sent_fails_and_what_was_not_is_sent_again() {
    let mut client = Client::ready();
    client.ask(1, &["SELECT 1"]);
    client.driver.set_writable(realtime::model::LinkId(0), 0);
    client.publish(2, "chat", "later");
    client.lost(0);
    client.driver.set_writable(realtime::model::LinkId(0), usize::MAX);
    let said = client.said();
    let [Said::Answer(1, Err(error)), Said::Event(Event::Down { .. })] = &said[..] else {
        panic!("{said:?}")
    };
    assert!(error.sent && error.code == Code::Disconnected);
    client.advance(0.2);
    client.connect(0);
    client.read(0, &[crate::client::LET_IN, &ready_for_query(b'I'), &crate::client::role(false)].concat());
    assert!(client.written(0).contains("later"));
    client.read(0, &published());
    assert_eq!(client.said().last(), Some(&Said::Answer(2, Ok(Value::Null))));
}

#[test]
fn the_servers_last_words_are_the_reason() {
    let mut client = Client::ready();
    client.read(0, &message(b'E', b"SFATAL\0C57P01\0Mterminating connection\0\0"));
    assert!(client.said().is_empty());
    client.lost(0);
    let said = client.said();
    let [Said::Event(Event::Down { error, .. })] = &said[..] else { panic!("{said:?}") };
    assert_eq!(error.code, Code::Server("57P01".into()));
}

#[test]
fn silence_is_asked_about_and_then_the_server_is_lost_but_not_while_a_statement_runs() {
    let seconds = |seconds: f64| OptionValue::Number(seconds);
    let mut client = Client::new(URL, &[("ping_interval", seconds(2.0)), ("ping_timeout", seconds(1.0))]);
    client.up();
    client.said();
    client.advance(2.1);
    assert_eq!(client.written(0), r"S\x00\x00\x00\x04");
    client.read(0, &ready_for_query(b'I'));
    client.ask(1, &["SELECT pg_sleep(9)"]);
    client.advance(9.0);
    client.read(0, &number("1"));
    assert!(matches!(client.said()[..], [Said::Answer(1, Ok(_))]), "its caller has given it ten seconds");
    client.advance(3.1);
    let said = client.said();
    let [Said::Event(Event::Down { error, .. })] = &said[..] else { panic!("{said:?}") };
    assert!(error.message.contains("nothing came"), "{error}");
}

#[test]
fn the_end_answers_what_is_left_and_tells_from_when_messages_are_missing() {
    let mut client = Client::subscribed(&[]);
    client.request(1, RequestKind::Ping);
    let deadline = client.driver.now + Duration::from_secs(1);
    client.command(Command::Disconnect { deadline });
    client.read(1, &notification("chat", "too late"));
    client.advance(1.0);
    let said = client.said();
    let [Said::Event(Event::Gap { .. }), Said::Answer(1, Err(error)), Said::Event(Event::Closed)] = &said[..]
    else {
        panic!("{said:?}")
    };
    assert!(error.code == Code::Closed && error.sent);
    assert!(client.driver.is_finished());
}

#[test]
fn a_server_that_serves_before_it_let_us_in_is_not_believed() {
    let scram = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    for unfinished in [&b""[..], &scram] {
        let mut client = Client::new(URL, &[]);
        client.connect(0);
        client.read(0, unfinished);
        client.written(0);
        client.read(0, &ready_for_query(b'I'));
        assert_eq!(client.written(0), "", "it is asked nothing");
        let said = client.said();
        let [Said::Event(Event::Down { error, .. })] = &said[..] else { panic!("{said:?}") };
        assert_eq!(error.code, Code::Protocol);
    }
}
