//! The state that is kept of topics, and for how long.

use std::collections::HashMap;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::backend::toolbox::RefusalKind;
use crate::model::{Code, Error};

fn channel(name: &str) -> Topic {
    Topic { kind: TopicKind::Channel, name: name.as_bytes().into() }
}

const SLOT: SubscriptionSlot = SubscriptionSlot::new(0, 0);

fn online() -> Delivery {
    let mut delivery = Delivery::new(1);
    delivery.request_all();
    delivery
}

/// The server confirms every request. Returns the operations.
fn confirm_all(delivery: &mut Delivery) -> Vec<Operation> {
    let mut operations = Vec::new();
    while let Some(mut batch) = delivery.next_batch() {
        operations.push(batch.operation());
        for name in batch.names().to_vec() {
            assert!(batch.tick_off(batch.operation(), batch.kind(), &name));
            delivery.confirm(&batch, &name);
        }
    }
    operations
}

#[test]
fn nothing_is_kept_of_a_topic_that_is_neither_wanted_nor_held() {
    let mut delivery = online();
    delivery.subscribe(&channel("a"), SLOT);
    delivery.unsubscribe(&channel("a"));
    assert_eq!(confirm_all(&mut delivery), [], "it was never asked for");
    delivery.subscribe(&channel("b"), SLOT);
    assert_eq!(confirm_all(&mut delivery), [Operation::Subscribe]);
    delivery.unsubscribe(&channel("b"));
    assert!(delivery.is_empty() && delivery.is_held(TopicKind::Channel, b"b"));
    assert_eq!(confirm_all(&mut delivery), [Operation::Unsubscribe]);
    delivery.subscribe(&channel("c"), SLOT);
    let batch = delivery.next_batch().unwrap();
    delivery.unsubscribe(&channel("c"));
    let error = Error::sent(Code::Server("NOPERM".into()), "no");
    delivery.refuse(batch, &error, RefusalKind::Forbidden, Instant::now());
    assert_eq!(confirm_all(&mut delivery), []);
    assert!(delivery.tables.of(TopicKind::Channel).is_empty());
    assert!(!delivery.holds_back(u64::MAX), "nothing waits for an answer");
}

fn sharded(name: &str) -> Topic {
    Topic { kind: TopicKind::ShardedChannel, ..channel(name) }
}

#[test]
fn one_command_has_names_of_one_group_at_the_end_of_a_session_too() {
    let mut delivery = Delivery::new(1)
        .grouped_by(|kind, name| u16::from(kind == TopicKind::ShardedChannel && name == b"b"));
    let now = Instant::now();
    for _ in 0..2 {
        delivery.request_all();
        for name in ["a", "b", "c"] {
            delivery.subscribe(&channel(name), SLOT);
        }
        for name in ["a", "b", "c"] {
            delivery.subscribe(&sharded(name), SLOT);
        }
        let mut names = Vec::new();
        while let Some(batch) = delivery.next_batch() {
            names.push(batch.names().iter().map(|name| name[0]).collect::<Vec<_>>());
        }
        assert_eq!(names, [&b"abc"[..], b"a", b"b", b"c"]);
        delivery.end(now);
    }
}

#[test]
fn a_topic_that_the_server_ended_is_silent_until_it_is_confirmed_again() {
    let mut delivery = online();
    for name in ["a", "b"] {
        delivery.subscribe(&sharded(name), SLOT);
    }
    assert_eq!(confirm_all(&mut delivery), [Operation::Subscribe]);
    let number = delivery.last_number();
    let (then, now) = (Instant::now(), Instant::now() + std::time::Duration::from_secs(5));
    let error = Error::unsent(Code::Disconnected, "ended");
    for _ in 0..2 {
        delivery.ended(TopicKind::ShardedChannel, b"b", &error, then);
    }
    assert_eq!(delivery.confirmed(), 1);
    assert!(delivery.holds_back(number) && !delivery.holds_back(number - 1));
    assert_eq!(delivery.missing_since(now), then);
    assert_eq!(confirm_all(&mut delivery), [Operation::Subscribe]);
    assert_eq!((delivery.confirmed(), delivery.missing_since(now)), (2, now));
    assert!(!delivery.holds_back(number));
    // The topic is not wanted any more: there is nothing left to end.
    delivery.unsubscribe(&sharded("a"));
    delivery.ended(TopicKind::ShardedChannel, b"a", &error, now);
    assert_eq!(confirm_all(&mut delivery), []);
    assert!(!delivery.holds_back(u64::MAX));
    assert_eq!(delivery.tables.of(TopicKind::ShardedChannel).len(), 1);
}

#[test]
fn a_topic_that_had_a_message_is_subscribed_anew() {
    let mut delivery = online();
    let (topic, other) = (channel("a"), SubscriptionSlot::new(0, 1));
    for slot in [SLOT, other] {
        delivery.subscribe(&topic, slot);
        for _ in 0..2 {
            assert_eq!(delivery.slot(topic.kind, &topic.name), Some(slot));
        }
    }
    delivery.unsubscribe(&topic);
    assert_eq!(delivery.slot(topic.kind, &topic.name), None);
}

#[derive(Debug, Clone)]
enum Step {
    Subscribe(Topic, SubscriptionSlot),
    Unsubscribe(Topic),
    /// This many messages, so that the topic is remembered.
    Messages(Topic, usize),
    /// The server answers every request.
    Confirm,
    /// The connection is lost, and another one comes up.
    Reconnect,
    /// All topics go to another link, and come back.
    HandOver,
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop::sample::select(vec![TopicKind::Channel, TopicKind::ShardedChannel]);
    let name = prop::sample::select(vec!["a", "ba"]);
    let topic = (kind, name).prop_map(|(kind, name)| Topic { kind, ..channel(name) });
    let slot = (0..3_u32, 0..3_u32).prop_map(|(index, generation)| SubscriptionSlot::new(index, generation));
    let step = prop_oneof![
        4 => (topic.clone(), slot).prop_map(|(topic, slot)| Step::Subscribe(topic, slot)),
        2 => topic.clone().prop_map(Step::Unsubscribe),
        8 => (topic, 1..20_usize).prop_map(|(topic, count)| Step::Messages(topic, count)),
        1 => Just(Step::Confirm),
        1 => Just(Step::Reconnect),
        1 => Just(Step::HandOver),
        1 => Just(Step::End),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// The naive twin: a table of the wishes, searched for each message.
    #[test]
    fn messages_carry_what_their_topic_was_subscribed_with_last(steps in steps()) {
        let mut delivery = online();
        let mut wishes = HashMap::new();
        let error = Error::unsent(Code::Disconnected, "lost");
        for step in steps {
            match step {
                Step::Subscribe(topic, slot) => {
                    delivery.subscribe(&topic, slot);
                    wishes.insert((topic.kind, topic.name), slot);
                }
                Step::Unsubscribe(topic) => {
                    delivery.unsubscribe(&topic);
                    wishes.remove(&(topic.kind, topic.name));
                }
                Step::Messages(topic, count) => {
                    for _ in 0..count {
                        let slot = delivery.slot(topic.kind, &topic.name);
                        prop_assert_eq!(slot, wishes.get(&(topic.kind, topic.name.clone())).copied());
                    }
                }
                Step::Confirm => {
                    confirm_all(&mut delivery);
                }
                Step::Reconnect => {
                    delivery.forget_connection();
                    delivery.request_all();
                }
                Step::HandOver => {
                    let topics = delivery.disconnect(Instant::now(), &error);
                    for (kind, name) in wishes.keys() {
                        prop_assert_eq!(delivery.slot(*kind, name), None);
                    }
                    for topic in topics {
                        delivery.take(topic);
                    }
                    delivery.request_all();
                }
                Step::End => {
                    delivery.end(Instant::now());
                    delivery.request_all();
                    wishes.clear();
                }
            }
        }
    }
}
