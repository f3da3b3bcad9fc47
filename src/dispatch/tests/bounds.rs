//! Callbacks with a bound, and messages larger than that.

use super::{World, channel, say};
use crate::dispatch::Step;
use crate::model::{Command, Event, Sink, Topic, TopicKind};

#[test]
fn a_message_over_the_bound_comes_as_its_size() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe_up_to(Some(4), client, &channel("chat"), "a").unwrap();
    for payload in ["", "123", "1234", "12345", "1"] {
        say(&mut producer, slot, payload);
    }
    assert_eq!(
        world.run_quietly(),
        [
            "c.a:  for name",
            "c.a: 123 for name",
            "c.a: 1234 for name",
            "c.a: 5 bytes for name",
            "c.a: 1 for name"
        ]
    );
    assert_eq!(world.dispatcher.get(client).unwrap().traffic().delivered, 5);
}

#[test]
fn a_bound_of_nothing_lets_only_the_empty_message_through() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe_up_to(Some(0), client, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, "");
    say(&mut producer, slot, "x");
    assert_eq!(world.run_quietly(), ["c.a:  for name", "c.a: 1 bytes for name"]);
}

#[test]
fn a_patterns_callback_gets_the_channel_too() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let topic = Topic { kind: TopicKind::Pattern, name: b"k.*"[..].into() };
    let slot = world.subscribe_up_to(Some(1), client, &topic, "a").unwrap();
    world.subscribe(client, &topic, "b");
    producer.message(slot, Some(b"k.1"), b"12345");
    producer.flush();
    assert_eq!(world.run_quietly(), ["c.a: 5 bytes on k.1 for name", "c.b: 12345 on k.1 for name"]);
}

/// The kinds of steps that lead to each of four callbacks, for every choice of bounds: the message is handed out
/// once, and only if a callback gets it whole.
#[test]
fn every_order_of_bounds_hands_the_message_out_at_most_once() {
    for choice in 0..16_u32 {
        let mut world = World::new();
        let (client, mut producer) = world.client("c");
        let mut slot = None;
        let is_bounded = |n: usize| choice >> n & 1 == 1;
        for (n, callback) in ["0", "1", "2", "3"].into_iter().enumerate() {
            let bound = is_bounded(n).then_some(n);
            slot = slot.or(world.subscribe_up_to(bound, client, &channel("chat"), callback));
        }
        say(&mut producer, slot.unwrap(), "12345");
        let (mut payloads, mut sizes, mut called) = (0, 0, 0);
        let mut is_called = |callback, gets_size| {
            assert_eq!(callback, ["0", "1", "2", "3"][called]);
            assert_eq!(gets_size, is_bounded(called), "callback {called} of {choice:04b}");
            called += 1;
        };
        world.dispatcher.begin();
        loop {
            match world.dispatcher.step() {
                Step::Idle => break,
                Step::Skipped => {}
                Step::Message { callback, payload, .. } | Step::AgainWhole { callback, payload, .. } => {
                    assert_eq!(payload, b"12345");
                    payloads += 1;
                    is_called(callback, false);
                }
                Step::Again { callback, .. } => {
                    assert_eq!(payloads, 1, "there is nothing yet to give again");
                    is_called(callback, false);
                }
                Step::TooLarge { callback, bytes, .. } | Step::AgainTooLarge { callback, bytes, .. } => {
                    assert_eq!(bytes, 5);
                    sizes += 1;
                    is_called(callback, true);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((called, sizes), (4, choice.count_ones()));
        assert_eq!(payloads, u32::from(choice != 0b1111), "{choice:04b}");
    }
}

#[test]
fn a_message_within_all_bounds_is_given_again_and_again() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe_up_to(Some(5), client, &channel("chat"), "a").unwrap();
    world.subscribe_up_to(Some(9), client, &channel("chat"), "b");
    world.subscribe(client, &channel("chat"), "c");
    world.subscribe_up_to(Some(5), client, &channel("chat"), "d");
    say(&mut producer, slot, "12345");
    let all = ["a", "b", "c", "d"].map(|callback| format!("c.{callback}: 12345 for name"));
    assert_eq!(world.run_quietly(), all);
}

#[test]
fn the_bound_of_a_replaced_callback_holds_for_what_is_queued() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe_up_to(Some(3), client, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, "12345");
    assert_eq!(world.subscribe(client, &channel("chat"), "a"), None);
    assert_eq!(world.run_quietly(), ["c.a: 12345 for name"]);
    say(&mut producer, slot, "12345");
    world.subscribe_up_to(Some(4), client, &channel("chat"), "a");
    assert_eq!(world.run_quietly(), ["c.a: 5 bytes for name"]);
}

#[test]
fn a_bound_that_changes_in_the_middle_of_a_walk_holds_for_the_rest_of_it() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let topic = channel("chat");
    let slot = world.subscribe_up_to(Some(1), client, &topic, "a").unwrap();
    world.subscribe_up_to(Some(1), client, &topic, "b");
    world.subscribe(client, &topic, "c");
    say(&mut producer, slot, "12345");
    let log = world.run(|world, entry| {
        if entry.starts_with("c.a") {
            world.subscribe(client, &topic, "b");
            world.subscribe_up_to(Some(4), client, &topic, "c");
        }
    });
    assert_eq!(log, ["c.a: 5 bytes for name", "c.b: 12345 for name", "c.c: 5 bytes for name"]);
}

/// Whatever happens between two rounds, the walk continues with its own message.
#[test]
fn a_walk_that_goes_on_in_a_later_round_still_has_the_message() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let topic = channel("chat");
    let slot = world.subscribe_up_to(Some(1), client, &topic, "a").unwrap();
    world.subscribe(client, &topic, "b");
    world.subscribe_up_to(Some(2), client, &topic, "c");
    say(&mut producer, slot, "12345");
    world.dispatcher.begin();
    let Step::TooLarge { callback: "a", bytes: 5, .. } = world.dispatcher.step() else { panic!("the size") };
    assert!(world.dispatcher.is_walking());

    // A new session in place of the old one, and another client: neither affects the walk.
    let (session, mut newer, consumer) = world.session();
    let handle = world.dispatcher.get_mut(client).unwrap();
    assert!(matches!(handle.wanted()[..], [Command::Subscribe { .. }]));
    handle.replace("c".into(), session, consumer);
    say(&mut newer, slot, "1");
    let (other, mut elsewhere) = world.client("d");
    let slot_elsewhere = world.subscribe(other, &topic, "a").unwrap();
    say(&mut elsewhere, slot_elsewhere, "other");
    say(&mut producer, slot, "x");
    producer.event(Event::Closed);
    producer.flush();

    world.dispatcher.begin();
    let Step::AgainWhole { callback: "b", payload: b"12345", .. } = world.dispatcher.step() else {
        panic!("the message, whole")
    };
    world.dispatcher.begin();
    let Step::AgainTooLarge { callback: "c", bytes: 5, .. } = world.dispatcher.step() else {
        panic!("its size")
    };
}

#[test]
fn listeners_of_events_have_no_bound() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe_up_to(Some(1), client, &channel("chat"), "a").unwrap();
    world.subscribe_up_to(Some(1), client, &channel("chat"), "b");
    world.dispatcher.listen(client, crate::dispatch::EventKind::Ready, b"x", "x", None);
    world.dispatcher.listen(client, crate::dispatch::EventKind::Ready, b"y", "y", None);
    say(&mut producer, slot, "12345");
    super::tell(&mut producer, super::ready());
    assert_eq!(
        world.run_quietly(),
        ["c.a: 5 bytes for name", "c.b: 5 bytes for name", "c.x: Ready first", "c.y: Ready first"]
    );
}
