//! Losing a connection and coming back: down, gap, ready.

use std::time::Duration;

use realtime::backend::LinkError;
use realtime::model::{Event, State, TopicKind};

use crate::client::{BOTH, Client, Resp};
use crate::sink::{Said, message, subscribed};

/// A client that is ready and subscribed to `a` and `b*`.
fn with_subscriptions(resp: Resp) -> Client {
    let mut client = Client::new("redis://server", &[]);
    client.subscribe("a", 1);
    client.psubscribe("b*", 2);
    client.handshake(resp);
    client.subscriber_up();
    client.commands(client.subscriber);
    client.confirm("subscribe", "a");
    client.fence(1);
    client.confirm("psubscribe", "b*");
    client.fence(2);
    assert_eq!(client.said().len(), 3);
    client
}

fn gap(said: &Said) -> (Duration, &str) {
    match said {
        Said::Event(Event::Gap { lasted, error, topics: None }) => (*lasted, error.code.as_str()),
        other => panic!("expected a gap, not {other:?}"),
    }
}

fn is_ready(said: &Said) -> bool {
    matches!(said, Said::Event(Event::Ready(ready)) if !ready.first)
}

#[test]
fn the_gap_stands_between_the_last_message_before_and_the_first_after() {
    for resp in BOTH {
        let mut client = with_subscriptions(resp);
        let link = client.subscriber;
        client.message("a", "before");
        client.advance(2.0);
        client.lost(link, LinkError::Eof);
        let said = client.said();
        assert_eq!(said[0], message(1, "before"));
        assert!(matches!(said[1], Said::Event(Event::Down { .. })));
        assert_eq!(said.len(), 2);
        assert_eq!(client.counters.state(), State::Waiting);
        assert_eq!(client.confirmed(), 0);
        let lost_at = client.driver.now;
        client.subscriber_back(resp);
        let said = client.said();
        let (lasted, code) = gap(&said[0]);
        assert_eq!(
            lasted,
            Duration::from_secs(2) + (client.driver.now - lost_at),
            "since the last byte on the old link"
        );
        assert_eq!(code, "DISCONNECTED");
        assert_eq!(said.len(), 1);
        assert_eq!(client.counters.state(), State::Connecting);
        let commands = client.commands(link);
        assert_eq!(commands[0], "SUBSCRIBE a");
        assert_eq!(commands[2], "PSUBSCRIBE b*");
        client.confirm("subscribe", "a");
        client.fence(3);
        client.message("a", "after");
        client.confirm("psubscribe", "b*");
        client.fence(4);
        let said = client.said();
        assert_eq!(said[0], message(1, "after"), "confirmed before: not told again");
        assert!(is_ready(&said[1]), "{said:?}");
        assert_eq!(said.len(), 2);
        assert_eq!(client.counters.state(), State::Ready);
        assert_eq!(client.counters.reconnects.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}

#[test]
fn no_gap_without_a_confirmed_subscription() {
    for resp in BOTH {
        // Never confirmed.
        let mut client = Client::ready(resp, &[]);
        client.subscribe("a", 1);
        client.subscriber_up();
        client.lost(client.subscriber, LinkError::Eof);
        client.said();
        client.subscriber_back(resp);
        assert_eq!(client.said(), []);
        // Confirmed, and given up before the loss, or during it.
        for during in [false, true] {
            let mut client = with_subscriptions(Resp::Three);
            let give_up = |client: &mut Client| {
                client.unsubscribe("a");
                client.command(realtime::model::Command::Unsubscribe(crate::client::topic(
                    TopicKind::Pattern,
                    "b*",
                )));
            };
            if !during {
                give_up(&mut client);
            }
            client.lost(0, LinkError::Eof);
            client.said();
            if during {
                give_up(&mut client);
            }
            client.subscriber_back(Resp::Three);
            let said = client.said();
            assert!(is_ready(&said[0]), "{said:?}");
            assert_eq!(client.commands(0), Vec::<String>::new());
        }
    }
}

#[test]
fn a_second_loss_in_the_middle_of_resubscribing_loses_nothing() {
    for resp in BOTH {
        let mut client = with_subscriptions(resp);
        let link = client.subscriber;
        client.lost(link, LinkError::Eof);
        client.subscriber_back(resp);
        client.commands(link);
        client.said();
        client.advance(2.0);
        client.confirm("subscribe", "a");
        client.advance(1.0);
        client.lost(link, LinkError::Eof);
        let said = client.said();
        assert!(matches!(said[..], [Said::Event(Event::Down { .. })]), "the attempt failed: {said:?}");
        let lost_at = client.driver.now;
        client.subscriber_back(resp);
        let (lasted, _) = gap(&client.said()[0]);
        assert_eq!(
            lasted,
            Duration::from_secs(3) + (client.driver.now - lost_at),
            "since the gap before: b* has been missing all the time"
        );
        let commands = client.commands(link);
        assert_eq!([&commands[0], &commands[2]], ["SUBSCRIBE a", "PSUBSCRIBE b*"]);
        let next = client.confirmed();
        assert_eq!(next, 0);
        client.confirm("subscribe", "a");
        let fence = if commands[1].ends_with('5') { 5 } else { panic!("{commands:?}") };
        client.fence(fence);
        client.confirm("psubscribe", "b*");
        assert!(client.said().iter().any(is_ready));
    }
}

#[test]
fn a_gap_outlives_failed_attempts() {
    for resp in BOTH {
        let mut client = with_subscriptions(resp);
        let link = client.subscriber;
        client.advance(1.0);
        client.lost(link, LinkError::Eof);
        client.said();
        let lost_at = client.driver.now;
        for _ in 0..4 {
            client.await_attempt();
            client.expect_connect(link);
            client.refused(link);
            let (error, _) = client.expect_down();
            assert_eq!(error.code.as_str(), "REFUSED");
        }
        client.subscriber_back(resp);
        let said = client.said();
        let (lasted, code) = gap(&said[0]);
        assert_eq!(lasted, Duration::from_secs(1) + (client.driver.now - lost_at));
        assert_eq!(code, "DISCONNECTED", "why it was lost, not why it stayed so");
    }
}

#[test]
fn the_same_seed_gives_the_same_conversation() {
    let run = || {
        let mut client = Client::new("redis://server", &[]);
        let mut waits = Vec::new();
        for _ in 0..10 {
            client.await_attempt();
            client.expect_connect(0);
            client.refused(0);
            waits.push(client.expect_down().1);
        }
        waits
    };
    assert_eq!(run(), run());
}

#[test]
fn losing_the_command_link_leaves_the_subscriber_link_alone() {
    let mut client = with_subscriptions(Resp::Two);
    client.lost(0, LinkError::Eof);
    client.expect_down();
    client.message("a", "still here");
    assert_eq!(client.said(), [message(1, "still here")]);
    client.publish(1, "a", "waits");
    client.reconnect(0);
    assert_eq!(
        client.commands(0)[0],
        crate::client::SETINFO[0],
        "the version stays decided while a link is up"
    );
    client.server(0, crate::client::OLD_WELCOME);
    let said = client.said();
    assert!(said.len() == 1 && is_ready(&said[0]), "no gap: {said:?}");
    assert_eq!(client.commands(0), ["PUBLISH a waits"]);
    assert_eq!(client.commands(1), Vec::<String>::new());
}

#[test]
fn losing_the_subscriber_link_leaves_the_command_link_alone() {
    let mut client = with_subscriptions(Resp::Two);
    client.get(1, "x");
    client.lost(1, LinkError::Eof);
    client.expect_down();
    client.server(0, b"+x\r\n");
    assert_eq!(client.said().len(), 1, "its answer came");
    // Whatever follows must reach the subscriptions made before: it waits for them.
    client.publish(2, "a", "hello");
    assert_eq!(client.commands(0), ["GET x"]);
    client.subscriber_back(Resp::Two);
    client.said();
    client.confirm("subscribe", "a");
    client.fence(3);
    client.confirm("psubscribe", "b*");
    assert!(is_ready(&client.said()[0]));
    assert_eq!(client.commands(0), ["PUBLISH a hello"]);
}

#[test]
fn a_restart_under_resp2_is_one_down_one_gap_one_ready() {
    for order in [[0, 1], [1, 0]] {
        let mut client = with_subscriptions(Resp::Two);
        client.lost(order[0], LinkError::Eof);
        client.lost(order[1], LinkError::Eof);
        client.expect_down();
        // With no link up the version is negotiated again, and the second link waits for the first.
        client.reconnect(0);
        assert_eq!(client.commands(0), ["HELLO 3"]);
        client.server(0, b"-ERR unknown command 'HELLO'\r\n");
        client.server(0, crate::client::OLD_WELCOME);
        assert_eq!(client.said(), []);
        client.subscriber_back(Resp::Two);
        let said = client.said();
        gap(&said[0]);
        client.confirm("subscribe", "a");
        client.fence(3);
        client.confirm("psubscribe", "b*");
        let said = client.said();
        assert!(said.len() == 1 && is_ready(&said[0]), "{said:?}");
    }
}

#[test]
fn an_upgrade_to_resp3_moves_the_subscriptions() {
    let mut client = with_subscriptions(Resp::Two);
    client.lost(1, LinkError::Eof);
    client.lost(0, LinkError::Eof);
    client.expect_down();
    client.reconnect(0);
    client.hello(Resp::Three);
    gap(&client.said()[0]);
    assert_eq!(client.commands(0)[0], "SUBSCRIBE a");
    client.confirm("subscribe", "a");
    client.fence(3);
    client.confirm("psubscribe", "b*");
    assert!(is_ready(&client.said()[0]));
    client.message("a", "x");
    assert_eq!(client.said(), [message(1, "x")]);
    client.advance(60.0);
    client.said();
}

#[test]
fn an_unwanted_second_link_is_not_mourned() {
    let mut client = with_subscriptions(Resp::Two);
    client.unsubscribe("a");
    client.command(realtime::model::Command::Unsubscribe(crate::client::topic(TopicKind::Pattern, "b*")));
    client.lost(1, LinkError::Eof);
    assert_eq!(client.said(), []);
    assert_eq!(client.counters.state(), State::Ready);
    client.get(1, "x");
    assert!(client.commands(0).contains(&"GET x".to_owned()));
    // Wanted again: opened again.
    client.subscribe("c", 1);
    client.connected(1);
}

#[test]
fn what_is_subscribed_while_down_comes_with_the_rest() {
    for resp in BOTH {
        let mut client = with_subscriptions(resp);
        let link = client.subscriber;
        client.lost(link, LinkError::Eof);
        client.subscribe("c", 3);
        client.unsubscribe("a");
        client.said();
        client.subscriber_back(resp);
        let commands = client.commands(link);
        assert_eq!([&commands[0], &commands[2]], ["SUBSCRIBE c", "PSUBSCRIBE b*"]);
        client.said();
        client.confirm("subscribe", "c");
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "c")]);
    }
}

#[test]
fn the_second_link_is_not_made_without_the_first() {
    let mut client = Client::ready(Resp::Two, &[]);
    client.subscribe("a", 1);
    client.connected(1);
    client.lost(0, LinkError::Eof);
    client.expect_down();
    client.expect_close(1);
    client.reconnect(0);
    client.hello(Resp::Three);
    // Under RESP3 it has no use.
    assert_eq!(client.action(), None);
    assert_eq!(client.commands(0)[0], "SUBSCRIBE a");
}

#[test]
fn messages_come_from_a_subscribed_link_alone() {
    for resp in BOTH {
        let mut client = with_subscriptions(resp);
        let link = client.subscriber;
        client.lost(link, LinkError::Eof);
        client.said();
        client.reconnect(link);
        client.message("a", "before the handshake, and before the gap");
        assert!(!client.said().iter().any(|said| matches!(said, Said::Message { .. })));
    }
    let mut client = with_subscriptions(Resp::Two);
    client.server(0, b">3\r\n+message\r\n+a\r\n+on the wrong link\r\n");
    assert_eq!(client.said(), []);
}
