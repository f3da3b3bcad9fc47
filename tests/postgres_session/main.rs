//! Whole conversations of the PostgreSQL session with a scripted server, in virtual time: no socket, no sleep.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod cancel;
mod client;
mod cuts;
mod hosts;
mod losses;
mod options;
mod pooler;
mod statements;
#[cfg(feature = "tls")]
mod tls;

use realtime::backend::{Action, OptionValue};
use realtime::model::{Code, Command, Event, LinkId, Role, State, Value};

use client::{
    Client, LET_IN, Said, URL, channel, error, message, notification, notified, number, published,
    ready_for_query, role,
};

#[test]
fn a_login_is_these_bytes_and_the_client_is_ready_once_the_server_has_said_what_it_is() {
    let mut client = Client::new(URL, &[]);
    assert_eq!(client.connect(0), "server:5432");
    assert_eq!(
        client.written(0),
        concat!(
            r"\x00\x00\x00]\x00\x03\x00\x00user\x00bob\x00database\x00game\x00application_name\x00realtime\x00",
            r"client_encoding\x00UTF8\x00DateStyle\x00ISO\x00\x00"
        )
    );
    client.read(0, LET_IN);
    assert!(client.written(0).is_empty() && client.said().is_empty());
    client.read(0, &ready_for_query(b'I'));
    assert!(client.written(0).starts_with(r"Q\x00\x00\x00|SELECT pg_catalog.pg_is_in_recovery()"));
    client.read(0, &role(false));
    let [Said::Event(Event::Ready(ready))] = &client.said()[..] else { panic!("ready") };
    assert_eq!(
        (ready.first, ready.role, ready.version.as_deref()),
        (true, Some(Role::Master), Some("15.18"))
    );
    assert_eq!(client.counters.state(), State::Ready);
}

#[test]
fn passwords_are_answered_as_the_server_asks() {
    let mut client = Client::new(URL, &[]);
    client.connect(0);
    client.written(0);
    client.read(0, &message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]));
    let md5 = client.written(0);
    assert!(md5.starts_with(r"p\x00\x00\x00(md5") && md5.ends_with(r"\x00"), "{md5}");
    client.read(0, &[LET_IN, &ready_for_query(b'I'), &role(false)].concat());
    assert!(matches!(client.said()[..], [Said::Event(Event::Ready(_))]));

    let mut client = Client::new("postgres://bob:@server/game?sslmode=disable", &[]);
    client.connect(0);
    client.read(0, &message(b'R', &[0, 0, 0, 3]));
    let [Said::Event(Event::Down { error, .. })] = &client.said()[..] else { panic!("no password") };
    assert_eq!(error.code, Code::Auth);
}

#[test]
fn an_error_of_the_login_says_what_to_do_and_no_password() {
    let mut client = Client::new(URL, &[]);
    client.connect(0);
    client.read(0, &message(b'E', b"SFATAL\0C28P01\0Msecret is wrong\0\0"));
    let [Said::Event(Event::Down { error, retry_in: Some(_) })] = &client.said()[..] else { panic!("down") };
    assert_eq!(error.code, Code::Server("28P01".into()));
    assert_eq!(
        error.message,
        "wrong password for the role bob, or no such role; the server said: [password] is wrong"
    );
    assert_eq!(client.action(), Some(Action::Close(LinkId(0))));
    // Only the server's words may contain it.
    let mut client = Client::new("postgres://bob:wrong@server/game?sslmode=disable", &[]);
    client.connect(0);
    client.read(0, &message(b'E', b"SFATAL\0C28P01\0Mnot wrong\0\0"));
    assert_eq!(
        client.down().message,
        "wrong password for the role bob, or no such role; the server said: not [password]"
    );
}

#[test]
fn whoever_hangs_up_or_is_silent_in_the_login_may_not_be_a_postgresql_server() {
    let hint = "is it the right port? PostgreSQL's is 5432";
    let mut client = Client::new(URL, &[]);
    client.connect(0);
    client.lost(0);
    let error = client.down();
    assert_eq!(error.message, format!("the server closed the connection before it let us in; {hint}"));
    let mut client = Client::new(URL, &[]);
    client.connect(0);
    client.advance(5.0);
    let error = client.down();
    assert!(error.code == Code::Timeout && error.message.contains(hint), "{error}");
    // Later it is.
    let mut client = Client::ready();
    client.lost(0);
    assert_eq!(client.down().message, "the server closed the connection");
}

#[test]
fn subscriptions_have_a_link_of_their_own_and_a_publish_waits_for_them() {
    let mut client = Client::ready();
    client.subscribe("it's \"chat\"", 1);
    client.publish(5, "it's \"chat\"", "hi");
    client.connect(1);
    client.read(1, &[LET_IN, &ready_for_query(b'I')].concat());
    let written = client.written(1);
    assert!(written.contains(r#"LISTEN \"realtime:probe:"#));
    assert!(written.ends_with(r#"LISTEN \"it\'s \"\"chat\"\"\"\x00"#), "{written}");
    assert!(client.written(0).is_empty(), "not before the confirmation");
    let done = [message(b'C', b"LISTEN\0"), ready_for_query(b'I')].concat();
    client.read(1, &done.repeat(2));
    assert_eq!(client.said(), [Said::Event(Event::Subscribed(channel("it's \"chat\"")))]);
    let written = client.written(0);
    assert_eq!(written.matches("pg_notify").count(), 1, "it is parsed once: {written}");
    assert_eq!(written.matches(r"S\x00\x00\x00\x04").count(), 1, "a transaction of its own");
    client.read(1, &notification("it's \"chat\"", "hi"));
    client.read(0, &[notified(), published()].concat());
    assert_eq!(client.said(), [Said::Message(1, "hi".into()), Said::Answer(5, Ok(Value::Null))]);
    client.command(Command::Unsubscribe(channel("it's \"chat\"")));
    assert!(client.written(1).contains("UNLISTEN"));
}

#[test]
fn ready_waits_for_a_message_to_oneself_and_a_pooler_that_loses_it_is_named() {
    let mut client = Client::new(URL, &[]);
    client.subscribe("chat", 1);
    client.up();
    client.connect(1);
    client.read(1, &[LET_IN, &ready_for_query(b'I')].concat());
    let done = [message(b'C', b"LISTEN\0"), ready_for_query(b'I')].concat();
    client.read(1, &done.repeat(2));
    client.read(0, &notified());
    assert_eq!(client.said(), [Said::Event(Event::Subscribed(channel("chat")))], "and not ready");
    client.advance(5.1);
    let [Said::Event(Event::Down { error, .. })] = &client.said()[..] else { panic!("down") };
    assert!(error.message.contains("pooler in transaction mode"), "{error}");

    let mut client = Client::new(URL, &[]);
    client.subscribe("chat", 1);
    client.restore();
    let said = client.said();
    assert!(
        matches!(said[..], [Said::Event(Event::Subscribed(_)), Said::Event(Event::Ready(_))]),
        "{said:?}"
    );
    client.advance(60.0);
    assert!(!client.written(0).contains("realtime:probe"), "once, without verify_delivery");
}

#[test]
fn with_verify_delivery_a_server_that_falls_silent_is_found() {
    let mut client = Client::subscribed(&[("verify_delivery", OptionValue::Boolean(true))]);
    client.advance(15.1);
    assert!(client.written(0).contains("realtime:probe"));
    // Both links answer the round trips.
    client.read(1, &ready_for_query(b'I'));
    client.read(0, &[notified(), ready_for_query(b'I')].concat());
    client.advance(5.1);
    let said = client.said();
    assert!(
        matches!(&said[..], [Said::Event(Event::Down { error, .. })] if error.message.contains("delivers none")),
        "{said:?}"
    );
}

#[test]
fn a_refused_listen_is_told_and_asked_for_again() {
    let mut client = Client::ready();
    client.subscribe("chat", 1);
    client.connect(1);
    client.read(1, &[LET_IN, &ready_for_query(b'I')].concat());
    client.written(1);
    let refused = [error("25006", "cannot execute LISTEN during recovery"), ready_for_query(b'I')].concat();
    client.read(1, &refused.repeat(2));
    let [Said::Event(Event::SubscribeFailed { error, .. })] = &client.said()[..] else { panic!("refused") };
    assert_eq!(error.code, Code::Server("25006".into()));
    client.advance(1.1);
    assert!(client.written(1).contains(r#"LISTEN \"chat\""#));
}

#[test]
fn whatever_way_a_conversation_is_cut_it_means_the_same() {
    let converse = |size: usize| {
        let mut client = Client::new(URL, &[]);
        client.driver.read_bytes = size;
        client.subscribe("chat", 1);
        client.restore();
        client.ask(7, &["SELECT $1", "1"]);
        let said = [
            notification("chat", "a"),
            notification("other", "b"),
            message(b'N', b"\0"),
            notification("chat", "c"),
        ];
        client.read(1, &said.concat());
        client.read(0, &[number("7"), ready_for_query(b'I')].concat());
        client.said()
    };
    let whole = converse(usize::MAX);
    assert!(whole.len() > 5, "{whole:?}");
    for size in 1..=40 {
        assert_eq!(format!("{:?}", converse(size)), format!("{whole:?}"), "{size}");
    }
}

#[test]
fn whatever_a_server_says_nothing_panics_and_every_request_is_answered_once() {
    let mut random = 1_u64;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(random >> 33).unwrap() % below
    };
    for _ in 0..400 {
        let mut client = if next(2) == 0 { Client::subscribed(&[]) } else { Client::ready() };
        let mut asked = 0;
        for _ in 0..30 {
            let link = u8::try_from(next(2)).unwrap();
            match next(8) {
                0 => client.ask(asked, &["SELECT 1"]),
                1 => client.publish(asked, "chat", "x"),
                2 => client.request(
                    asked,
                    realtime::model::RequestKind::Transaction(vec![client::args(&["SELECT 1"])]),
                ),
                3 => {
                    client.advance(0.1 * f64::from(u8::try_from(next(100)).unwrap()));
                    while let Some(action) = client.action() {
                        if let Action::Connect { link, .. } = action {
                            client.driver.connected(link, realtime::backend::Connected::default());
                        }
                    }
                    continue;
                }
                4 => {
                    let body: Vec<u8> = (0..next(20)).map(|_| u8::try_from(next(256)).unwrap()).collect();
                    let tag = b"RKSNZ123nCDTEAIGtsW?"[next(20)];
                    client.read(link, &message(tag, &body));
                    continue;
                }
                5 => {
                    client.read(link, &[LET_IN, &ready_for_query(b'I'), &role(next(2) == 0)].concat());
                    continue;
                }
                6 => {
                    let status = b"ITE"[next(3)];
                    client.read(link, &[error("26000", "x"), ready_for_query(status)].concat());
                    continue;
                }
                _ => {
                    client.read(link, &number("1"));
                    continue;
                }
            }
            asked += 1;
        }
        let deadline = client.driver.now + std::time::Duration::from_secs(1);
        client.command(Command::Disconnect { deadline });
        client.advance(2.0);
        let mut answered: Vec<_> = client
            .said()
            .into_iter()
            .filter_map(|said| match said {
                Said::Answer(id, _) => Some(id),
                _ => None,
            })
            .collect();
        answered.sort_unstable();
        assert_eq!(answered, (0..asked).collect::<Vec<_>>());
        assert!(client.driver.is_finished());
    }
}
