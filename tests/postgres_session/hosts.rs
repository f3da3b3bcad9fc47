//! Several hosts, and which of them is of use.

use realtime::backend::OptionValue;
use realtime::model::{Event, Role};

use crate::client::{Client, LET_IN, Said, error, message, ready_for_query, role};

const TWO: &str = "postgres://bob:secret@a,b:5433/game?sslmode=disable";

fn answer(client: &mut Client, is_standby: bool) {
    client.read(0, &[LET_IN, &ready_for_query(b'I'), &role(is_standby)].concat());
    client.said_actions();
}

impl Client {
    /// Forgets wishes to close links.
    fn said_actions(&mut self) {
        self.driver.carry_out();
    }
}

/// Connects, and skips earlier closes. Returns the address.
fn connect(client: &mut Client) -> String {
    loop {
        match client.action() {
            Some(realtime::backend::Action::Connect { link, endpoint, .. }) => {
                client.driver.connected(link, realtime::backend::Connected::default());
                client.driver.drive();
                return endpoint.to_string();
            }
            Some(_) => {}
            None => panic!("no wish to connect"),
        }
    }
}

#[test]
fn a_standby_is_passed_over_at_once_and_a_round_of_no_use_says_what_each_said() {
    let mut client = Client::new(TWO, &[]);
    let first = connect(&mut client);
    answer(&mut client, true);
    assert!(client.said().is_empty(), "the other one has its turn");
    let second = connect(&mut client);
    assert_ne!(first, second);
    answer(&mut client, true);
    let said = client.said();
    let [Said::Event(Event::Down { error, .. })] = &said[..] else { panic!("{said:?}") };
    assert!(error.message.contains("a:5432: the server is a hot standby"), "{error}");
    assert!(error.message.contains("b:5433: "), "{error}");
    client.advance(0.2);
    connect(&mut client);
    answer(&mut client, false);
    assert!(matches!(client.said()[..], [Said::Event(Event::Ready(_))]));
}

#[test]
fn a_primary_is_taken_once_no_host_is_the_standby_that_was_preferred() {
    let pairs = [("target_session_attrs", OptionValue::String(b"prefer-standby".to_vec()))];
    for (roles, attempts) in [([false, true], 2), ([false, false], 3)] {
        let mut client = Client::new(TWO, &pairs);
        for attempt in 1..=attempts {
            assert!(client.said().is_empty());
            connect(&mut client);
            answer(&mut client, roles[(attempt - 1) % 2]);
        }
        assert!(matches!(client.said()[..], [Said::Event(Event::Ready(_))]), "{roles:?}");
    }
}

#[test]
fn a_standby_that_accepts_a_listen_was_promoted() {
    let pairs = [("target_session_attrs", OptionValue::String("any".into()))];
    let mut client = Client::new("postgres://bob:secret@a/game?sslmode=disable", &pairs);
    client.subscribe("chat", 1);
    connect(&mut client);
    answer(&mut client, true);
    client.connect(1);
    client.read(1, &[LET_IN, &ready_for_query(b'I')].concat());
    let refused = [error("25006", "cannot execute LISTEN during recovery"), ready_for_query(b'I')].concat();
    client.read(1, &refused.repeat(2));
    assert_eq!(client.counters.role(), Some(Role::Replica));
    client.advance(1.1);
    assert!(client.written(1).contains("LISTEN"));
    client.read(1, &[message(b'C', b"LISTEN\0"), ready_for_query(b'I')].concat());
    assert_eq!(client.counters.role(), Some(Role::Master));
}

#[test]
fn each_target_takes_what_it_names() {
    for (target, is_standby, is_wanted) in [
        ("any", true, true),
        ("primary", true, false),
        ("primary", false, true),
        ("standby", true, true),
        ("standby", false, false),
        ("read-only", true, true),
        ("read-write", true, false),
        ("read-write", false, true),
    ] {
        let pairs = [("target_session_attrs", OptionValue::String(target.into()))];
        let mut client = Client::new("postgres://bob:secret@a/game?sslmode=disable", &pairs);
        client.connect(0);
        answer(&mut client, is_standby);
        let said = client.said();
        match &said[..] {
            [Said::Event(Event::Ready(ready))] => {
                assert!(is_wanted, "{target}");
                assert_eq!(ready.role == Some(Role::Replica), is_standby);
            }
            [Said::Event(Event::Down { .. })] => assert!(!is_wanted, "{target}"),
            other => panic!("{other:?}"),
        }
    }
}
