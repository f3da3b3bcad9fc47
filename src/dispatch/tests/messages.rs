//! Which callback gets which message, and in which order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{LIMITS, World, channel, say};
use crate::dispatch::{Client, EventKind, MessageOptions};
use crate::model::{ClientSlot, Command, Counters, Limits, Overflow, Room, SessionId, Sink, Wake};
use crate::queue::events;

#[test]
fn every_callback_of_a_topic_gets_each_message_in_order() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    assert_eq!(world.subscribe(client, &channel("chat"), "b"), None, "the session knows the topic already");
    say(&mut producer, slot, "1");
    say(&mut producer, slot, "2");
    assert!(world.dispatcher.has_work());
    assert_eq!(
        world.run_quietly(),
        ["c.a: 1 for name", "c.b: 1 for name", "c.a: 2 for name", "c.b: 2 for name"]
    );
    assert!(!world.dispatcher.has_work());
    assert_eq!(world.dispatcher.get(client).unwrap().traffic().delivered, 2);
}

#[test]
fn a_worker_that_paused_behind_the_last_message_is_woken_once_it_was_taken() {
    #[derive(Default)]
    struct Counting(AtomicUsize);
    impl Wake for Counting {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut world = World::new();
    let limits = Limits { queue_bytes: 100, overflow: Overflow::Pause, ..LIMITS };
    let wakes = Arc::<Counting>::default();
    let wake = Arc::<Counting>::clone(&wakes);
    let (mut producer, consumer) =
        events(limits, Arc::new(Counters::default()), Arc::clone(&world.signal), wake);
    let client = world.dispatcher.insert(Client::new("c", "c".into(), SessionId(1), consumer));
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    producer.message(slot, None, &[b'x'; 100]);
    assert!(producer.is_full(Room::Messages));
    producer.flush();
    assert!(!producer.has_room(Room::Messages));
    assert_eq!(world.run_quietly().len(), 1);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert!(producer.has_room(Room::Messages));
}

#[test]
fn removal_takes_effect_at_once_even_for_what_is_queued() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let topic = channel("chat");
    let slot = world.subscribe(client, &topic, "a").unwrap();
    world.subscribe(client, &topic, "b");
    say(&mut producer, slot, "1");
    say(&mut producer, slot, "2");
    let log = world.run(|world, entry| {
        if entry == "c.a: 1 for name" {
            let client = world.dispatcher.get_mut(client).unwrap();
            assert!(client.unsubscribe(topic.clone(), b"b").is_none());
            assert!(matches!(client.unsubscribe(topic.clone(), b"a"), Some(Command::Unsubscribe(_))));
            // The same name again is another subscription: the queued message was not for it.
            let again = world.subscribe(client_of(world), &topic, "a").unwrap();
            assert_ne!(again, slot);
        }
    });
    assert_eq!(log, ["c.a: 1 for name"]);
}

fn client_of(world: &World) -> ClientSlot {
    world.dispatcher.open().next().unwrap().0
}

#[test]
fn a_replaced_callback_gets_what_is_queued() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    say(&mut producer, slot, "1");
    let handle = world.dispatcher.get_mut(client).unwrap();
    assert!(
        handle
            .subscribe(channel("chat"), b"a", "new", || "unused", MessageOptions::default(), None)
            .is_none()
    );
    assert_eq!(world.run_quietly(), ["c.new: 1 for name"]);
}

#[test]
fn a_client_closed_in_the_middle_of_a_walk_calls_nobody_else() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    world.subscribe(client, &channel("chat"), "b");
    say(&mut producer, slot, "1");
    let log = world.run(|world, _| _ = world.dispatcher.get_mut(client).unwrap().close());
    assert_eq!(log, ["c.a: 1 for name"]);
}

#[test]
fn no_client_waits_for_a_busy_neighbour() {
    let mut world = World::new();
    let (busy, mut flood) = world.client("busy");
    let (quiet, mut drip) = world.client("quiet");
    let flooded = world.subscribe(busy, &channel("a"), "f").unwrap();
    let dripped = world.subscribe(quiet, &channel("a"), "d").unwrap();
    for _ in 0..100 {
        say(&mut flood, flooded, "x");
    }
    say(&mut drip, dripped, "y");
    let log = world.run_quietly();
    assert_eq!(log.len(), 101);
    let turn = log.iter().position(|entry| entry.starts_with("quiet")).unwrap();
    assert!(turn <= 32, "{turn}");
}

#[test]
fn a_client_made_by_a_callback_joins_the_round() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("a"), "f").unwrap();
    say(&mut producer, slot, "1");
    say(&mut producer, slot, "2");
    let made = AtomicUsize::new(0);
    let log = world.run(|world, entry| {
        if entry == "c.f: 1 for name" {
            made.fetch_add(1, Ordering::Relaxed);
            let (client, mut producer) = world.client("new");
            let slot = world.subscribe(client, &channel("a"), "g").unwrap();
            say(&mut producer, slot, "hello");
        }
    });
    assert_eq!(log, ["c.f: 1 for name", "c.f: 2 for name", "new.g: hello for name"]);
}

#[test]
fn what_is_given_up_reaches_no_further_callback() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    world.subscribe(client, &channel("chat"), "b");
    say(&mut producer, slot, "1");
    say(&mut producer, slot, "2");
    let mut log = world.run(|world, entry| {
        if entry.contains(" 1 ") {
            world.dispatcher.abandon();
        }
    });
    log.extend(world.run_quietly());
    assert_eq!(log, ["c.a: 1 for name", "c.a: 2 for name", "c.b: 2 for name"]);
}

#[test]
fn the_callbacks_of_a_topic_can_be_looked_at() {
    let mut world = World::new();
    let (client, _producer) = world.client("c");
    world.subscribe(client, &channel("chat"), "a");
    world.subscribe(client, &channel("chat"), "b");
    world.dispatcher.listen(client, EventKind::Gap, b"g", "g", None);
    let client = world.dispatcher.get(client).unwrap();
    assert_eq!([EventKind::Gap, EventKind::Down].map(|kind| client.listeners(kind).len()), [1, 0]);
    assert_eq!(client.subscribers(&channel("chat")).map(|callbacks| callbacks.len()), Some(2));
    assert!(client.subscribers(&channel("other")).is_none());
}
