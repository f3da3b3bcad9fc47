//! When a server counts as one that delivers nothing, and what has to be waited for first.

use std::time::Duration;

use realtime::backend::{Connected, LinkError};
use realtime::model::{Event, Room, TopicKind};

use super::{ON, PONG_ON_SUBSCRIBER, answer, answer_for, ask, no_events, verified};
use crate::client::{BOTH, Client, MASTER, Resp};
use crate::sink::{Said, message, subscribed};

#[test]
fn a_server_that_answers_but_delivers_nothing_is_found() {
    for resp in BOTH {
        let (mut client, _) = verified(resp);
        client.message("chat", "the last one");
        client.said();
        assert_eq!(answer_for(&mut client, 19.75), 1);
        no_events(&mut client);
        client.advance(0.5);
        let (error, _) = client.expect_down();
        assert_eq!(error.code.as_str(), "DISCONNECTED");
        assert!(error.message.contains("answers PING but delivers no messages"), "{error}");
        let link = client.subscriber;
        client.expect_close(link);
        let lost_at = client.driver.now;
        // Messages are missing from the last one on, however many answers came after it.
        client.subscriber_back(resp);
        let said = client.said();
        let Some(Said::Event(Event::Gap { lasted, error, topics: None })) = said.first() else {
            panic!("{said:?}")
        };
        assert!(*lasted >= Duration::from_secs(20) + (client.driver.now - lost_at), "{lasted:?}");
        assert!(error.message.contains("delivers no messages"), "{error}");
        // And all is asked for again.
        client.confirm("subscribe", "chat");
        client.fence(2);
        let channel = ask(&mut client);
        client.confirm("subscribe", &channel);
        client.said();
        assert_eq!(answer_for(&mut client, 15.25), 1);
    }
}

#[test]
fn the_verdict_waits_for_the_servers_answer_to_the_probe() {
    // On RESP2's other link: a server that is slow, or has many publishes to process, delivers as late.
    let (mut client, _) = verified(Resp::Two);
    client.advance(15.1);
    let commands = client.commands(0);
    assert_eq!(commands.len(), 2, "ROLE and the probe: {commands:?}");
    assert_eq!(client.commands(1), ["PING"]);
    client.server(1, PONG_ON_SUBSCRIBER);
    client.advance(4.0);
    client.server(0, MASTER);
    for _ in 0..5 {
        // It is alive: attributes have no other meaning.
        client.advance(2.0);
        client.server(0, b"|1\r\n+a\r\n+b\r\n");
        no_events(&mut client);
    }
    client.server(0, b":1\r\n");
    client.advance(4.9);
    answer(&mut client);
    no_events(&mut client);
    client.advance(0.2);
    assert!(client.expect_down().0.message.contains("delivers no messages"));
}

#[test]
fn a_message_on_its_way_for_long_is_no_silence() {
    for resp in BOTH {
        let (mut client, _) = verified(resp);
        assert_eq!(answer_for(&mut client, 15.25), 1);
        // The probe comes after it.
        client.push(">3\r\n$7\r\nmessage\r\n$4\r\nchat\r\n$100\r\n");
        let link = client.subscriber;
        for _ in 0..10 {
            client.advance(4.0);
            if link == 1 {
                answer(&mut client);
            }
            client.server(link, &[b'x'; 10]);
            no_events(&mut client);
        }
        client.server(link, b"\r\n");
        assert_eq!(client.said(), [message(1, &"x".repeat(100))]);
        answer_for(&mut client, 10.0);
        no_events(&mut client);
    }
}

#[test]
fn confirmations_on_their_way_are_no_silence() {
    // Under RESP3 the answer to the probe comes after them anyway.
    let (mut client, _) = verified(Resp::Two);
    assert_eq!(answer_for(&mut client, 15.25), 1);
    for n in 0..10 {
        client.command_in_one_tick(crate::client::subscribe(TopicKind::Channel, &n.to_string(), n));
    }
    assert_eq!(client.commands(1).len(), 2);
    for n in 0..10 {
        client.advance(4.0);
        answer(&mut client);
        client.confirm("subscribe", &n.to_string());
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, &n.to_string())]);
    }
    client.fence(2);
    client.advance(1.0);
    answer(&mut client);
    assert!(client.expect_down().0.message.contains("delivers no messages"));
}

#[test]
fn while_nobody_listens_no_probe_is_missed() {
    for resp in BOTH {
        let (mut client, _) = verified(resp);
        assert_eq!(answer_for(&mut client, 16.0), 1);
        // The probe is in the air, and the queue is full.
        client.driver.queue.full = Some(Room::Messages);
        client.message("chat", "1");
        assert_eq!(client.said(), []);
        for _ in 0..20 {
            client.advance(4.0);
            let link = client.subscriber;
            if link == 1 {
                assert_eq!(answer(&mut client), 0, "and none is sent");
            } else {
                assert_eq!(client.commands(0), Vec::<String>::new());
            }
        }
        no_events(&mut client);
        client.resume();
        assert_eq!(client.said(), [message(1, "1")]);
        // Then it starts over.
        assert_eq!(answer_for(&mut client, 14.5), 0);
        assert_eq!(answer_for(&mut client, 5.0), 1);
        no_events(&mut client);
        answer_for(&mut client, 1.5);
        assert!(client.said().iter().any(|said| matches!(said, Said::Event(Event::Down { .. }))));
    }
}

#[test]
fn a_probe_unread_when_reading_stopped_is_awaited_anew() {
    let (mut client, _) = verified(Resp::Two);
    client.advance(14.5);
    client.request(1, 1.0, realtime::model::RequestKind::Ping);
    client.advance(0.6);
    assert_eq!(client.commands(0).len(), 3, "the request, the question that looks for life, and the probe");
    // The queue is full; reading stops on the subscriber link, and the answer to the probe comes on the other one.
    client.driver.queue.full = Some(Room::Messages);
    client.advance(0.5);
    client.server(1, PONG_ON_SUBSCRIBER);
    client.server(0, &[b"+PONG\r\n", MASTER, b":1\r\n"].concat());
    assert_eq!(client.said().len(), 1, "the request's timeout");
    client.commands(1);
    for _ in 0..10 {
        client.advance(4.0);
        answer(&mut client);
    }
    assert_eq!(client.said(), []);
    client.resume();
    client.advance(4.9);
    answer(&mut client);
    assert_eq!(client.said(), []);
    client.advance(0.2);
    assert!(client.expect_down().0.message.contains("delivers no messages"));
}

/// The link is lost and made again. Returns how long its gap lasted.
fn gap_of_a_loss(client: &mut Client) -> Duration {
    client.lost(0, LinkError::Eof);
    client.said();
    client.reconnect(0);
    client.hello(Resp::Three);
    let said = client.said();
    let Some(Said::Event(Event::Gap { lasted, .. })) = said.first() else { panic!("{said:?}") };
    *lasted
}

#[test]
fn a_link_lost_while_a_probe_is_missing_has_its_gap_since_the_last_message() {
    let (mut client, _) = verified(Resp::Three);
    client.message("chat", "the last one");
    client.said();
    assert_eq!(answer_for(&mut client, 17.0), 1);
    let lasted = gap_of_a_loss(&mut client);
    assert!(lasted >= Duration::from_secs(17), "{lasted:?}");
}

/// A server that swallows messages answers commands all the same.
#[test]
fn a_link_lost_before_the_next_probe_has_its_gap_since_the_last_message_not_since_the_last_answer() {
    let (mut client, _) = verified(Resp::Three);
    client.message("chat", "the last one");
    client.said();
    client.advance(12.0);
    client.get(1, "a");
    client.commands(0);
    client.server(0, b"$-1\r\n");
    let lasted = gap_of_a_loss(&mut client);
    assert!(lasted >= Duration::from_secs(12), "{lasted:?}");
}

#[test]
fn of_several_addresses_the_next_one_has_its_turn() {
    let mut client = Client::new("redis://server", &ON);
    let peer = Some(([10, 0, 0, 1], 6379).into());
    client.connected_as(0, Connected { peer, ..Connected::default() });
    client.hello(Resp::Three);
    client.expect_ready(true, Resp::Three);
    client.subscribe("chat", 1);
    client.confirm("subscribe", "chat");
    client.fence(1);
    let channel = ask(&mut client);
    client.confirm("subscribe", &channel);
    client.said();
    assert_eq!(answer_for(&mut client, 21.0), 1);
    assert!(client.expect_down().0.message.contains("delivers no messages"));
    client.expect_close(0);
    client.await_attempt();
    assert_eq!(client.expect_connect(0), peer);
}
