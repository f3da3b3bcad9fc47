//! Addresses that cannot be reached, hang or hang up: the next one has its turn.

use std::collections::HashSet;
use std::time::Duration;

use realtime::backend::{Connected, LinkError, Stage};
use realtime::model::{Event, LinkId, State};

use super::{
    FIRST, MASTER, all_failed, client, gap, greeted, greeted_on_second, next_round, ready, refused,
    subscribed,
};
use crate::client::{BOTH, Client, Resp, question};
use crate::sink::{Said, failure};

#[test]
fn the_seed_chooses_which_address_comes_first_and_the_others_follow_in_their_order() {
    let mut firsts = HashSet::new();
    for seed in 0..32 {
        let mut client = Client::with_seed("redis://a,b,c", &[], seed);
        let tried: Vec<_> = (0..3)
            .map(|_| {
                let address = client.attempt(0).0;
                refused(&mut client, &address);
                address
            })
            .collect();
        all_failed(&mut client);
        assert!("a:6379 b:6379 c:6379 a:6379 b:6379".contains(&tried.join(" ")), "{tried:?}");
        assert_eq!(next_round(&mut client), tried[0], "the next round is in the same order");
        firsts.insert(tried[0].clone());
    }
    assert_eq!(firsts.len(), 3);
}

#[test]
fn after_one_that_refuses_the_next_is_tried_at_once_and_nothing_is_told_of_it() {
    for resp in BOTH {
        let mut client = client("a,b", &[]);
        assert_eq!(client.attempt(0).0, "a:6379");
        assert_eq!(client.counters.address().as_deref(), Some("a:6379"));
        refused(&mut client, "a:6379");
        assert_eq!(client.attempt(0).0, "b:6379");
        assert_eq!(client.counters.state(), State::Connecting);
        greeted(&mut client, resp, MASTER);
        let told = ready(&mut client);
        assert_eq!((told.first, told.address.as_deref()), (true, Some("b:6379")));
        assert_eq!(client.counters.address().as_deref(), Some("b:6379"));
    }
}

#[test]
fn an_address_that_hangs_takes_its_share_of_the_time_alone() {
    let mut client = client("a,b,c", &[]);
    let seconds = |(address, time): (String, Duration)| (address, (time.as_secs_f64() * 100.0).round());
    // Five seconds among three: it cannot be connected to.
    assert_eq!(seconds(client.attempt(0)), ("a:6379".into(), 167.0));
    client.advance(5.0 / 3.0);
    let address = "a:6379".to_owned();
    client.lost(0, LinkError::TimedOut(Stage::Connect { address, took: Duration::from_secs(1) }, None));
    // The time that one leaves is for the others.
    let (address, share) = client.attempt(0);
    assert_eq!(seconds((address, share)), ("b:6379".into(), 167.0));
    client.advance(0.5);
    refused(&mut client, "b:6379");
    assert_eq!(seconds(client.attempt(0)), ("c:6379".into(), 283.0));
    // It accepts the connection, and sends nothing.
    client.driver.connected(LinkId(0), Connected::default());
    client.advance(2.8);
    assert_eq!(client.said(), []);
    client.advance(0.1);
    let error = all_failed(&mut client);
    for words in
        ["connecting to a:6379 took 1 s", "b:6379: Connection refused", "c:6379: the server was reached"]
    {
        assert!(error.message.to_lowercase().contains(&words.to_lowercase()), "{words}: {error}");
    }
    client.expect_close(0);
    next_round(&mut client);
}

#[test]
fn of_many_addresses_each_has_a_second() {
    let hosts: Vec<_> = (0..20).map(|n| format!("h{n}")).collect();
    let mut many = client(&hosts.join(","), &[]);
    assert_eq!(many.attempt(0).1, Duration::from_secs(1));
    let short = [("connect_timeout", realtime::backend::OptionValue::Number(0.2))];
    assert_eq!(client("a,b", &short).attempt(0).1, Duration::from_millis(200));
    // An error does not name them all.
    for _ in 0..19 {
        refused(&mut many, "10.0.0.1:6379");
        assert_eq!(many.said(), []);
        many.attempt(0);
    }
    refused(&mut many, "10.0.0.1:6379");
    let error = all_failed(&mut many);
    assert!(
        error.message.starts_with("none of the 20 addresses")
            && error.message.contains("; and ")
            && error.message.len() < 1100,
        "{error}"
    );
}

#[test]
fn when_all_are_dead_one_event_names_each_with_what_it_said() {
    let mut client = client("a,b:7000,[fd00::5]", &[]);
    for round in 0..2 {
        if round > 0 {
            client.await_attempt();
        }
        client.attempt(0);
        refused(&mut client, "10.0.0.1:6379");
        client.attempt(0);
        client.driver.connected(LinkId(0), Connected::default());
        client.driver.drive();
        client.server(0, b"-WRONGPASS invalid username-password pair or user is disabled.\r\n");
        client.expect_close(0);
        client.attempt(0);
        client.lost(0, LinkError::Resolve { host: "x".into(), reason: "no such name".into() });
        let error = all_failed(&mut client);
        // A server that answers says more about the settings than a silent one.
        assert_eq!(error.code.as_str(), "WRONGPASS");
        let at = |words: &str| error.message.find(words).unwrap_or_else(|| panic!("{words}: {error}"));
        let (a, b, c) = (
            at("a:6379: cannot connect to 10.0.0.1:6379"),
            at("; b:7000: the server refused the login"),
            at("; [fd00::5]:6379: cannot resolve x"),
        );
        assert!(a < b && b < c, "in the order of the options: {error}");
        assert_eq!(client.counters.state(), State::Waiting);
    }
}

#[test]
fn a_lost_master_is_left_for_the_next_address_at_once() {
    for resp in BOTH {
        let mut client = subscribed("a,b", resp);
        client.advance(15.0);
        let looked = client.driver.now;
        assert_eq!(client.commands(0), [question(resp)]);
        client.server(0, crate::client::life(question(resp)).unwrap());
        client.commands(1);
        client.server(1, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
        client.advance(5.0);
        client.message("chat", "x");
        client.get(1, "sent");
        client.publish(2, "chat", "sent");
        assert_eq!(client.commands(0), ["GET sent", "PUBLISH chat sent"]);
        client.said();
        if resp == Resp::Two {
            client.lost(1, LinkError::Eof);
            client.said();
        }
        client.lost(0, LinkError::Eof);
        let said = client.said();
        assert_eq!(failure(&said[..1]), (1, "DISCONNECTED".into(), true));
        assert_eq!(failure(&said[1..2]), (2, "DISCONNECTED".into(), true));
        if resp == Resp::Three {
            let [.., Said::Event(Event::Down { error, retry_in })] = &said[..] else { panic!("{said:?}") };
            assert_eq!(*retry_in, Some(Duration::ZERO));
            assert!(error.message.starts_with("a:6379: the server closed the connection"), "{error}");
        }
        assert_eq!(client.attempt(0).0, "b:6379");
        client.get(3, "later");
        greeted(&mut client, resp, super::Host { id: "another", ..MASTER });
        if resp == Resp::Two {
            client.await_attempt();
            assert_eq!(client.attempt(1).0, "b:6379");
            greeted_on_second(&mut client, super::Host { id: "another", ..MASTER });
        }
        client.confirm("subscribe", "chat");
        let said = client.said();
        let since = client.driver.now - looked;
        assert_eq!(gap(&said), since, "the master may have been another one since then");
        let ready = said.iter().find_map(|said| match said {
            Said::Event(Event::Ready(ready)) => Some(ready),
            _ => None,
        });
        assert!(
            ready.is_some_and(|ready| !ready.first && ready.address.as_deref() == Some("b:6379")),
            "{said:?}"
        );
        // A request that may have reached one server is never sent to another.
        client.fence(2);
        let commands = client.commands(0);
        assert!(commands.contains(&"GET later".into()), "{commands:?}");
        assert!(!commands.iter().any(|command| command.ends_with("sent")), "{commands:?}");
    }
}

#[test]
fn a_connection_that_lasted_is_followed_by_a_whole_round() {
    let mut client = client("a,b", &[]);
    for _ in 0..4 {
        for address in ["a:6379", "b:6379"] {
            assert_eq!(client.attempt(0).0, address);
            greeted(&mut client, Resp::Three, MASTER);
            client.said();
            client.advance(10.0);
            client.lost(0, LinkError::Eof);
            assert_eq!(client.expect_down().1, Duration::ZERO);
        }
    }
}

#[test]
fn after_a_brief_connection_an_address_that_could_not_be_used_before_is_tried_at_once() {
    let mut client = client("a,b", &[]);
    // An outage, until the pauses are long.
    let began = client.driver.now;
    let mut address = client.attempt(0).0;
    while address != "b:6379" || client.driver.now - began < Duration::from_secs(60) {
        refused(&mut client, &address);
        client.await_attempt();
        address = client.attempt(0).0;
        client.said();
    }
    greeted(&mut client, Resp::Three, MASTER);
    client.advance(5.0);
    client.said();
    // Brief, compared with those pauses.
    client.lost(0, LinkError::Eof);
    assert_eq!(client.expect_down().1, Duration::ZERO);
    assert_eq!(client.attempt(0).0, "a:6379");
    refused(&mut client, "a:6379");
    assert!(client.action_before_writing().is_none(), "it pauses after that");
}

/// As one server that does so is tried ever more rarely.
#[test]
fn servers_that_hang_up_in_turn_are_tried_ever_more_rarely() {
    for hosts in ["a", "a,b", "a,b,c"] {
        let mut client = client(hosts, &[]);
        let (began, mut attempts) = (client.driver.now, 0.0);
        while client.driver.now - began < Duration::from_secs(600) {
            client.await_attempt();
            client.attempt(0);
            greeted(&mut client, Resp::Three, MASTER);
            client.lost(0, LinkError::Eof);
            client.said();
            attempts += 1.0;
            assert!(attempts < 1000.0, "{hosts}: tried without a pause");
        }
        let rounds = attempts / hosts.split(',').count() as f64;
        assert!((20.0..100.0).contains(&rounds), "{hosts}: {rounds}");
    }
}

/// Each name has its own ring of addresses.
#[test]
fn each_name_remembers_which_of_its_addresses_was_of_no_use() {
    let peer = |last: u8| ([10, 0, 0, last], 6379).into();
    let mut client = Client::with_seed("redis://a,b", &[], FIRST);
    let mut afters = Vec::new();
    for accepted in [1, 2, 3, 4] {
        client.await_attempt();
        let Some(realtime::backend::Action::Connect { after, .. }) = client.action_before_writing() else {
            panic!("no attempt")
        };
        afters.push(after);
        client.driver.connected(LinkId(0), Connected { peer: Some(peer(accepted)), ..Connected::default() });
        client.lost(0, LinkError::Eof);
        if accepted % 2 == 0 {
            let error = all_failed(&mut client);
            let at = |peer: u8| error.message.contains(&format!("(at 10.0.0.{peer}:6379)"));
            assert!(at(accepted - 1) && at(accepted), "{error}");
        }
    }
    assert_eq!(afters, [None, None, Some(peer(1)), Some(peer(2))]);
}

#[test]
fn an_address_that_has_to_be_renewed_is_not_left() {
    // It grants RESP3 and speaks RESP2.
    let mut client = client("a,b", &[]);
    client.attempt(0);
    greeted(&mut client, Resp::Three, MASTER);
    client.subscribe("chat", 1);
    client.commands(0);
    client.server(0, b"*3\r\n$9\r\nsubscribe\r\n$4\r\nchat\r\n:1\r\n");
    client.expect_close(0);
    assert_eq!(next_round(&mut client), "a:6379");
}
