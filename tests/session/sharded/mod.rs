//! Sharded channels: how they are subscribed, and what is reported if a node has lost their hash slot.

mod ended;
mod races;
mod refused;

use realtime::model::{Command, Event, RequestKind, TopicKind, Value};

use crate::client::{BOTH, Client, Resp, args, every_cut, subscribe, topic};
use crate::sink::{Said, answer, failure, message, subscribed};

const SHARDED: TopicKind = TopicKind::ShardedChannel;

impl Client {
    fn ssubscribe(&mut self, name: &str, slot: u32) {
        self.command(subscribe(SHARDED, name, slot));
    }

    fn sunsubscribe(&mut self, name: &str) {
        self.command(Command::Unsubscribe(topic(SHARDED, name)));
    }

    fn smessage(&mut self, channel: &str, payload: &str) {
        self.push(&smessage(channel, payload));
    }
}

fn smessage(channel: &str, payload: &str) -> String {
    let (n, m) = (channel.len(), payload.len());
    format!(">3\r\n$8\r\nsmessage\r\n${n}\r\n{channel}\r\n${m}\r\n{payload}\r\n")
}

/// The server's push when it ends a subscription.
fn ended(channel: &str) -> String {
    format!(">3\r\n$12\r\nsunsubscribe\r\n${}\r\n{channel}\r\n:0\r\n", channel.len())
}

/// Ready, and subscribed to the sharded channel `chat` as slot 1, with fence 1. The commands were looked at.
fn hearing(resp: Resp) -> Client {
    let mut client = Client::ready(resp, &[]);
    client.ssubscribe("chat", 1);
    client.subscriber_up();
    let link = client.subscriber;
    assert_eq!(client.commands(link), ["SSUBSCRIBE chat", "PING realtime:1"]);
    client.confirm("ssubscribe", "chat");
    client.fence(1);
    assert_eq!(client.said(), [subscribed(SHARDED, "chat")]);
    client
}

/// Expects a gap of these sharded channels, and a `ready`.
fn expect_gap_and_ready(client: &mut Client, names: &[&str]) -> std::time::Duration {
    let said = client.said();
    let [Said::Event(Event::Gap { lasted, topics: Some(topics), .. }), Said::Event(Event::Ready(ready))] =
        &said[..]
    else {
        panic!("expected a gap and ready, not {said:?}")
    };
    let expected: Vec<_> = names.iter().map(|name| topic(SHARDED, name)).collect();
    assert_eq!(topics[..], expected[..]);
    assert!(!ready.first);
    *lasted
}

#[test]
fn a_channel_and_a_sharded_channel_of_one_name_are_told_apart() {
    for resp in BOTH {
        every_cut(
            |client| {
                client.command_in_one_tick(subscribe(TopicKind::Channel, "chat", 1));
                client.command_in_one_tick(subscribe(SHARDED, "chat", 2));
                client.subscriber_up();
                let link = client.subscriber;
                let commands = client.commands(link);
                assert_eq!([&*commands[0], &*commands[2]], ["SUBSCRIBE chat", "SSUBSCRIBE chat"]);
                client.confirm("ssubscribe", "chat");
                assert_eq!(client.said(), [], "not the one whose turn it is");
                client.confirm("subscribe", "chat");
                client.fence(1);
                client.confirm("ssubscribe", "chat");
                client.fence(2);
                client.message("chat", "to all");
                client.smessage("chat", "to a shard");
                let said = client.said();
                assert_eq!(
                    said,
                    [
                        subscribed(TopicKind::Channel, "chat"),
                        subscribed(SHARDED, "chat"),
                        message(1, "to all"),
                        message(2, "to a shard")
                    ]
                );
                client.sunsubscribe("chat");
                assert_eq!(client.commands(link)[0], "SUNSUBSCRIBE chat");
                client.smessage("chat", "late");
                client.message("chat", "still");
                assert_eq!(client.said(), [message(1, "still")]);
            },
            || Client::ready(resp, &[]),
        );
    }
}

#[test]
fn one_command_has_channels_of_one_hash_slot_after_a_loss_too() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        for (name, slot) in [("{shop}a", 1), ("other", 2), ("{shop}b", 3)] {
            client.command_in_one_tick(subscribe(SHARDED, name, slot));
        }
        client.subscriber_up();
        let link = client.subscriber;
        let commands = |client: &mut Client| {
            let mut commands = client.commands(link);
            commands.retain(|command| command.starts_with("SSUB"));
            commands
        };
        // A new link, or in the order of the calls on one that was there.
        let restored = ["SSUBSCRIBE {shop}a {shop}b", "SSUBSCRIBE other"];
        let first = if resp == Resp::Two {
            &restored[..]
        } else {
            &["SSUBSCRIBE {shop}a", "SSUBSCRIBE other", "SSUBSCRIBE {shop}b"]
        };
        assert_eq!(commands(&mut client), first, "{resp:?}");
        client.lost(link, realtime::backend::LinkError::Eof);
        client.subscriber_back(resp);
        assert_eq!(commands(&mut client), restored, "{resp:?}");
    }
}

#[test]
fn many_hash_slots_are_asked_for_at_once() {
    let mut client = Client::ready(Resp::Three, &[]);
    for n in 0..5000 {
        client.command_in_one_tick(subscribe(SHARDED, &format!("channel-{n}"), n));
    }
    let asked = client.commands(0).len() / 2;
    assert!((500..2000).contains(&asked), "{asked} commands wait for an answer");
    let long = "x".repeat(30_000);
    let mut client = Client::ready(Resp::Three, &[]);
    for n in 0..100 {
        client.command_in_one_tick(subscribe(SHARDED, &format!("{n}{long}"), n));
    }
    assert_eq!(client.commands(0).len(), 16, "eight of these are enough");
}

#[test]
fn a_message_is_published_to_a_shard_and_counts_the_receivers_there() {
    for resp in BOTH {
        let mut client = hearing(resp);
        client.request(1, 10.0, RequestKind::SPublish(args(&["chat", "hello"])));
        assert_eq!(client.commands(0), ["SPUBLISH chat hello"]);
        client.server(0, b":3\r\n");
        assert_eq!(client.said(), [answer(1, Value::Integer(3))]);
        assert_eq!(client.counters.published.load(std::sync::atomic::Ordering::Relaxed), 1);
        client.request(2, 10.0, RequestKind::SPublish(args(&["chat"])));
        assert_eq!(failure(&client.said()), (2, "UNSUPPORTED".into(), false));
        // It waits for the subscriptions before it, as each request does.
        client.ssubscribe("news", 2);
        client.request(3, 10.0, RequestKind::SPublish(args(&["news", "hello"])));
        let waiting = if resp == Resp::Two { vec![] } else { vec!["SSUBSCRIBE news", "PING realtime:2"] };
        assert_eq!(client.commands(0), waiting);
        client.confirm("ssubscribe", "news");
        assert_eq!(client.commands(0), ["SPUBLISH news hello"]);
    }
}

#[test]
fn a_sharded_message_that_is_too_large_is_counted() {
    let mut client = hearing(Resp::Three);
    client.smessage("chat", &"x".repeat(5 << 20));
    assert_eq!(client.said(), [Said::TooLarge(5 << 20)]);
}
