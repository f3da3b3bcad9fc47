//! Changes of state: for listeners, early and late, or for the console.

use super::{World, answer, down, ready, tell};
use crate::dispatch::EventKind;
use crate::model::{Code, DropReason, Error, Event, Ready, ReplyTo, Sink};

#[test]
fn a_listener_that_comes_late_hears_of_ready_though_nothing_else_happens() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    tell(&mut producer, ready());
    world.run_quietly();
    world.dispatcher.listen(client, EventKind::Ready, b"late", "late");
    assert!(world.dispatcher.has_work());
    assert_eq!(world.run_quietly(), ["c.late: Ready first"]);
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
    let log = world.run_quietly();
    assert_eq!(log.len(), 4, "{log:?}");
    assert!(log[0].contains("REFUSED: nobody"));
    assert!(log[1].contains("ready"));
    assert!(log[2].contains("larger than max_message_bytes"));
    assert!(log[3].contains("PUBLISH to \"chat\" failed: NOPERM: no"));
}

#[test]
fn what_the_owner_should_know_is_printed_once_whoever_listens() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    world.dispatcher.listen(client, EventKind::Ready, b"a", "early");
    let with_notice = Ready { first: true, notice: Some("a replica"), ..Ready::default() };
    tell(&mut producer, Event::Ready(with_notice));
    let log = world.run_quietly();
    assert!(log[0].ends_with(": a replica"), "{log:?}");
    assert_eq!(log[1..], ["c.early: Ready first"]);
    world.dispatcher.listen(client, EventKind::Ready, b"b", "late");
    assert_eq!(world.run_quietly(), ["c.late: Ready first"]);
}

#[test]
fn a_late_listener_of_a_ready_client_gets_a_ready_of_its_own() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    world.dispatcher.listen(client, EventKind::Ready, b"a", "early");
    assert!(!world.dispatcher.has_work());
    tell(&mut producer, ready());
    let log = world.run(|world, entry| {
        if entry.starts_with("c.early") {
            world.dispatcher.listen(client, EventKind::Ready, b"b", "late");
            world.dispatcher.listen(client, EventKind::Ready, b"b", "later");
        }
    });
    assert_eq!(log, ["c.early: Ready first", "c.later: Ready first"]);

    world.dispatcher.listen(client, EventKind::Ready, b"c", "gone");
    world.dispatcher.get_mut(client).unwrap().off(EventKind::Ready, b"c");
    assert!(world.run_quietly().is_empty());

    tell(&mut producer, down());
    world.run_quietly();
    world.dispatcher.listen(client, EventKind::Ready, b"c", "during");
    tell(&mut producer, ready());
    assert_eq!(world.run_quietly(), ["c.early: Ready ", "c.later: Ready ", "c.during: Ready "]);
}
