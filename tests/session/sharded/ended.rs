//! A node lost a hash slot and ended its subscriptions, unasked; the connection stays.

use std::sync::atomic::Ordering;
use std::time::Duration;

use realtime::backend::LinkError;
use realtime::model::{Event, State};

use super::{SHARDED, ended, expect_gap_and_ready, hearing, smessage};
use crate::client::{BOTH, topic};
use crate::sink::{Said, message};

/// So much longer the slot may have been at its new node.
const LAG: Duration = Duration::from_secs(5);

#[test]
fn a_channel_that_was_ended_is_asked_for_again_and_has_its_own_gap() {
    for resp in BOTH {
        let mut client = hearing(resp);
        let link = client.subscriber;
        client.advance(3.0);
        client.smessage("chat", "1");
        let heard = client.driver.now;
        client.advance(2.0);
        client.push(&ended("chat"));
        assert_eq!(client.said(), [message(1, "1")], "nothing is known of what follows");
        assert_eq!((client.confirmed(), client.counters.state()), (0, State::Ready));
        assert_eq!(client.commands(link), ["SSUBSCRIBE chat", "PING realtime:2"]);
        client.advance(1.0);
        // In one read, followed by a message.
        client.push(&format!(">3\r\n$10\r\nssubscribe\r\n$4\r\nchat\r\n:1\r\n{}", smessage("chat", "2")));
        let said = client.said();
        let [Said::Event(Event::Gap { lasted, error, topics }), second, Said::Event(Event::Ready(_))] =
            &said[..]
        else {
            panic!("{said:?}")
        };
        assert_eq!(*lasted, client.driver.now - heard + LAG, "the node may have lost it at any time since");
        assert!(error.message.contains("the server ended the subscription"), "{error}");
        assert_eq!(topics.as_deref(), Some(&[topic(SHARDED, "chat")][..]));
        assert_eq!(*second, message(1, "2"));
        client.fence(2);
        assert_eq!((client.said(), client.confirmed()), (vec![], 1));
        assert_eq!(client.counters.reconnects.load(Ordering::Relaxed), 0, "no new connection");
    }
}

#[test]
fn what_waited_behind_a_pause_is_as_old_as_the_pause() {
    let mut client = hearing(crate::client::Resp::Three);
    client.smessage("chat", "1");
    let heard = client.driver.now;
    client.said();
    client.driver.queue.full = Some(realtime::model::Room::Messages);
    client.push(&smessage("chat", "2"));
    client.advance(20.0);
    client.resume();
    client.push(&ended("chat"));
    client.said();
    client.confirm("ssubscribe", "chat");
    assert_eq!(expect_gap_and_ready(&mut client, &["chat"]), client.driver.now - heard + LAG);
}

#[test]
fn channels_of_one_hash_slot_have_one_gap_and_others_none() {
    for resp in BOTH {
        let mut client = hearing(resp);
        let link = client.subscriber;
        for (name, slot) in [("{chat}a", 2), ("{chat}b", 3), ("other", 4)] {
            client.ssubscribe(name, slot);
            client.confirm("ssubscribe", name);
            client.fence(slot.into());
        }
        client.commands(link);
        client.said();
        client.push(&["chat", "{chat}a", "{chat}b"].map(ended).concat());
        // All are in one hash slot: `chat`, too.
        assert_eq!(client.commands(link), ["SSUBSCRIBE chat {chat}a {chat}b", "PING realtime:5"]);
        client.smessage("other", "x");
        assert_eq!(client.said(), [message(4, "x")]);
        let confirmations = ["chat", "{chat}a", "{chat}b"]
            .map(|name| format!(">3\r\n$10\r\nssubscribe\r\n${}\r\n{name}\r\n:1\r\n", name.len()));
        client.push(&confirmations.concat());
        expect_gap_and_ready(&mut client, &["chat", "{chat}a", "{chat}b"]);
    }
}

#[test]
fn the_node_without_the_slot_refuses_until_it_has_it_again() {
    for resp in BOTH {
        let mut client = hearing(resp);
        let (link, heard) = (client.subscriber, client.driver.now);
        client.push(&ended("chat"));
        client.commands(link);
        client.server(link, b"-MOVED 4321 10.0.0.2:6379\r\n");
        client.fence(2);
        let said = client.said();
        let [Said::Event(Event::SubscribeFailed { topic: refused, error })] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!((refused, error.code.as_str()), (&topic(SHARDED, "chat"), "MOVED"));
        assert_eq!(
            error.message,
            "hash slot 4321 is at the node 10.0.0.2:6379, not at the one that was asked"
        );
        let shown = client.counters.one_refused().unwrap();
        assert!(shown.starts_with("sharded channel \"chat\": MOVED: hash slot 4321"), "{shown}");
        client.advance(1.0);
        assert_eq!(client.commands(link)[0], "SSUBSCRIBE chat", "{resp:?}");
        client.confirm("ssubscribe", "chat");
        let lasted = expect_gap_and_ready(&mut client, &["chat"]);
        assert_eq!(lasted, client.driver.now - heard + LAG, "not since it was asked for again");
        assert_eq!(client.counters.refused.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_loss_meanwhile_is_one_gap_of_all_since_the_first_was_ended() {
    for resp in BOTH {
        let mut client = hearing(resp);
        let (link, heard) = (client.subscriber, client.driver.now);
        client.push(&ended("chat"));
        client.advance(5.0);
        client.server(link, b"-CLUSTERDOWN Hash slot not served\r\n");
        client.said();
        client.lost(link, LinkError::Eof);
        client.said();
        client.subscriber_back(resp);
        let said = client.said();
        let gap = said.iter().find_map(|said| match said {
            Said::Event(Event::Gap { lasted, topics: None, .. }) => Some(*lasted),
            _ => None,
        });
        assert_eq!(gap, Some(client.driver.now - heard + LAG), "{said:?}");
        client.confirm("ssubscribe", "chat");
        let said = client.said();
        assert!(!said.iter().any(|said| matches!(said, Said::Event(Event::Gap { .. }))), "{said:?}");
    }
}

#[test]
fn once_it_was_heard_again_a_loss_counts_from_the_last_byte() {
    let mut client = hearing(crate::client::Resp::Three);
    client.push(&ended("chat"));
    client.confirm("ssubscribe", "chat");
    client.fence(2);
    client.advance(5.0);
    client.smessage("chat", "x");
    client.said();
    client.lost(0, LinkError::Eof);
    client.said();
    client.subscriber_back(crate::client::Resp::Three);
    let said = client.said();
    let Some(Said::Event(Event::Gap { lasted, topics: None, .. })) = said.first() else { panic!("{said:?}") };
    assert!(*lasted < Duration::from_secs(5), "{lasted:?}");
}

#[test]
fn requests_wait_for_a_channel_that_was_ended_as_after_a_loss() {
    for resp in BOTH {
        let mut client = hearing(resp);
        client.push(&ended("chat"));
        client.commands(client.subscriber);
        client.publish(1, "chat", "x");
        assert_eq!(client.commands(0), Vec::<String>::new());
        client.confirm("ssubscribe", "chat");
        assert_eq!(client.commands(0), ["PUBLISH chat x"]);
    }
}
