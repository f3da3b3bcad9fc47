//! Changes of state, for early and late listeners, and for the console.

use std::time::{Duration, Instant};

use super::{World, answer, channel, down, ready, say, tell};
use crate::dispatch::{EventKind, MessageOptions, Step};
use crate::model::{ClientSlot, Code, DropReason, Error, Event, Ready, ReplyTo, Sink};
use crate::queue::Producer;

#[test]
fn a_listener_that_comes_late_hears_of_ready_though_nothing_else_happens() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    tell(&mut producer, ready());
    world.run_quietly();
    world.dispatcher.listen(client, EventKind::Ready, b"late", "late", None);
    assert!(world.dispatcher.has_work());
    assert_eq!(world.run_quietly(), ["c.late: Ready first"]);
    // A notice is not an event for listeners.
    tell(&mut producer, Event::Notice("nobody watches".into()));
    let log = world.run_quietly();
    assert!(log.len() == 1 && log[0].ends_with(": nobody watches"), "{log:?}");
}

#[test]
fn without_listeners_trouble_goes_to_the_console() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    tell(&mut producer, down());
    tell(&mut producer, ready());
    producer.dropped(10, DropReason::TooLarge);
    let ticket = world.dispatcher.get_mut(client).unwrap().ticket(None, 1).unwrap();
    assert!(matches!(ticket.to, ReplyTo::Nobody));
    answer(&mut producer, ticket, Err(Error::sent(Code::Server("NOPERM".into()), "no")));
    let mut log = world.run_quietly();
    log.push(kept_line(&mut world).expect("a line"));
    assert_eq!(log.len(), 4, "{log:?}");
    assert!(log[0].contains("REFUSED: nobody"));
    assert!(log[1].contains("ready"));
    assert!(log[2].contains("larger than max_message_bytes"));
    assert!(log[3].contains("PUBLISH to \"chat\" failed: NOPERM: no"));
}

/// A line that clients kept for the console, as soon as it is due.
fn kept_line(world: &mut World) -> Option<String> {
    let due = Instant::now() + Duration::from_secs(60);
    assert_eq!(
        world.dispatcher.has_line(|| due),
        world.dispatcher.has_line(|| due + Duration::from_secs(60))
    );
    world.dispatcher.line(due).map(Into::into)
}

/// A request without a callback is refused.
fn refuse(world: &mut World, client: ClientSlot, producer: &mut Producer) {
    let ticket = world.dispatcher.get_mut(client).unwrap().ticket(None, 1).unwrap();
    answer(producer, ticket, Err(Error::sent(Code::Server("NOPERM".into()), "no")));
}

#[test]
fn what_failed_is_told_once_for_each_client_and_outlives_it() {
    let mut world = World::new();
    let (a, mut a_producer) = world.client("a");
    let (b, mut b_producer) = world.client("b");
    for _ in 0..3 {
        refuse(&mut world, a, &mut a_producer);
        refuse(&mut world, b, &mut b_producer);
    }
    assert_eq!(world.run_quietly(), [""; 0], "it is kept");
    assert!(!world.dispatcher.has_line(Instant::now) && world.dispatcher.line(Instant::now()).is_none());
    // One client ends before its line is due.
    world.dispatcher.get_mut(b).unwrap().close();
    tell(&mut b_producer, Event::Closed);
    world.run_quietly();
    let line = |name| format!("[realtime] {name}: PUBLISH to \"chat\" failed: NOPERM: no (2 more)");
    assert_eq!(kept_line(&mut world), Some(line("b")));
    assert_eq!((kept_line(&mut world), kept_line(&mut world)), (Some(line("a")), None));
    refuse(&mut world, a, &mut a_producer);
    world.run_quietly();
    assert_eq!(world.dispatcher.rest().len(), 1, "the end of it all");
    assert_eq!(kept_line(&mut world), None);
}

#[test]
fn what_the_owner_should_know_is_printed_once_whoever_listens() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    world.dispatcher.listen(client, EventKind::Ready, b"a", "early", None);
    let with_notice = Ready { first: true, notices: vec!["a replica".into()], ..Ready::default() };
    tell(&mut producer, Event::Ready(with_notice));
    let log = world.run_quietly();
    assert!(log[0].ends_with(": a replica"), "{log:?}");
    assert_eq!(log[1..], ["c.early: Ready first"]);
    world.dispatcher.listen(client, EventKind::Ready, b"b", "late", None);
    assert_eq!(world.run_quietly(), ["c.late: Ready first"]);
}

#[test]
fn a_late_listener_of_a_ready_client_gets_a_ready_of_its_own() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    world.dispatcher.listen(client, EventKind::Ready, b"a", "early", None);
    assert!(!world.dispatcher.has_work());
    tell(&mut producer, ready());
    let log = world.run(|world, entry| {
        if entry.starts_with("c.early") {
            world.dispatcher.listen(client, EventKind::Ready, b"b", "late", None);
            world.dispatcher.listen(client, EventKind::Ready, b"b", "later", None);
        }
    });
    assert_eq!(log, ["c.early: Ready first", "c.later: Ready first"]);

    world.dispatcher.listen(client, EventKind::Ready, b"c", "gone", None);
    world.dispatcher.get_mut(client).unwrap().off(EventKind::Ready, b"c");
    assert!(world.run_quietly().is_empty());

    tell(&mut producer, down());
    world.run_quietly();
    world.dispatcher.listen(client, EventKind::Ready, b"c", "during", None);
    tell(&mut producer, ready());
    assert_eq!(world.run_quietly(), ["c.early: Ready ", "c.later: Ready ", "c.during: Ready "]);
}

#[test]
fn a_message_that_was_given_up_does_not_repeat_the_first_listener_of_the_next_event() {
    let mut world = World::new();
    let (first, mut messages) = world.client("a");
    let (second, mut events) = world.client("b");
    let options = MessageOptions { skip_prefix: Some(b"own:"[..].into()), ..MessageOptions::default() };
    let slot = world.subscribe_with(options, first, &channel("chat"), "c").unwrap();
    for listener in ["l1", "l2", "l3"] {
        world.dispatcher.listen(second, EventKind::Down, listener.as_bytes(), listener, None);
    }
    say(&mut messages, slot, "hello");
    world.dispatcher.begin();
    // The message was taken, and its callback was not called yet.
    assert!(matches!(world.dispatcher.step(), Step::Skipped));
    assert!(world.dispatcher.is_walking());
    world.dispatcher.get_mut(first).unwrap().close();
    tell(&mut events, down());
    assert_eq!(world.run_quietly(), ["b.l1: Down ", "b.l2: Down ", "b.l3: Down "]);
}
