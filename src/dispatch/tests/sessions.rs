//! Sessions that end, and sessions that are replaced.

use std::time::Duration;

use super::{World, answer, channel, down, gap, ready, say, tell};
use crate::dispatch::EventKind;
use crate::model::{Command, DropReason, Event, Sink, Value};

#[test]
fn a_replaced_session_hands_over_with_a_gap() {
    let mut world = World::new();
    let (client, mut old) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    for kind in EventKind::ALL {
        world.dispatcher.listen(client, kind, b"a", "on", None);
    }
    tell(&mut old, Event::Subscribed(channel("chat")));
    tell(&mut old, ready());
    world.run_quietly();
    let ticket = world.dispatcher.get_mut(client).unwrap().ticket(Some("answer"), 1).unwrap();

    let (session, mut new, consumer) = world.session();
    let handle = world.dispatcher.get_mut(client).unwrap();
    assert!(matches!(&handle.wanted()[..], [Command::Subscribe { slot: again, .. }] if *again == slot));
    handle.replace("c".into(), session, consumer);
    assert_eq!(handle.session(), Some(session));

    say(&mut old, slot, "old");
    old.dropped(3, DropReason::TooLarge);
    tell(&mut old, gap(Duration::from_secs(5)));
    tell(&mut new, down());
    assert_eq!(world.run_quietly(), ["c.a: old for name", "c.on: Dropped ", "c.on: Down "]);

    tell(&mut old, down());
    answer(&mut old, ticket, Ok(Value::Null));
    tell(&mut old, Event::Closed);
    tell(&mut new, Event::Subscribed(channel("chat")));
    say(&mut new, slot, "new");
    tell(&mut new, ready());
    let log = world.run_quietly();
    assert_eq!(log, ["c.answer: Null", "c.on: Gap past 5 s", "c.a: new for name", "c.on: Ready "]);
    world.run_quietly();
    assert!(world.dispatcher.get(client).unwrap().is_open());
}

#[test]
fn what_the_new_session_is_refused_at_first_has_its_own_gap() {
    let mut world = World::new();
    let (client, mut old) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    for kind in [EventKind::Ready, EventKind::Gap, EventKind::Subscribed] {
        world.dispatcher.listen(client, kind, b"a", "on", None);
    }
    tell(&mut old, Event::Subscribed(channel("chat")));
    tell(&mut old, ready());
    world.run_quietly();
    let (session, mut new, consumer) = world.session();
    world.dispatcher.get_mut(client).unwrap().replace("c".into(), session, consumer);
    tell(&mut old, gap(Duration::from_secs(5)));
    tell(&mut old, Event::Closed);
    tell(&mut new, ready());
    assert_eq!(world.run_quietly(), ["c.on: Gap past 5 s", "c.on: Ready "]);
    // The session does not know that there was one before it.
    tell(&mut new, Event::Subscribed(channel("chat")));
    say(&mut new, slot, "new");
    assert_eq!(world.run_quietly(), ["c.on: Gap of some", "c.on: Ready ", "c.a: new for name"]);
}

#[test]
fn the_gap_of_a_session_that_is_replaced_while_it_is_refused_begins_with_it() {
    let mut world = World::new();
    let (client, mut old) = world.client("c");
    world.subscribe(client, &channel("chat"), "a");
    world.dispatcher.listen(client, EventKind::Gap, b"a", "on", None);
    tell(&mut old, Event::Subscribed(channel("chat")));
    tell(&mut old, ready());
    world.run_quietly();
    let (session, mut second, consumer) = world.session();
    world.dispatcher.get_mut(client).unwrap().replace("c".into(), session, consumer);
    tell(&mut old, gap(Duration::from_secs(5)));
    tell(&mut old, Event::Closed);
    tell(&mut second, ready());
    assert_eq!(world.run_quietly(), ["c.on: Gap past 5 s"]);
    // It has confirmed nothing, so it leaves no gap of its own.
    let (session, mut third, consumer) = world.session();
    world.dispatcher.get_mut(client).unwrap().replace("c".into(), session, consumer);
    tell(&mut second, Event::Closed);
    tell(&mut third, Event::Subscribed(channel("chat")));
    tell(&mut third, ready());
    assert_eq!(world.run_quietly(), ["c.on: Gap "]);
    // And nothing is missing when the topic was confirmed.
    let (session, mut fourth, consumer) = world.session();
    world.dispatcher.get_mut(client).unwrap().replace("c".into(), session, consumer);
    tell(&mut third, Event::Closed);
    tell(&mut fourth, Event::Subscribed(channel("chat")));
    assert_eq!(world.run_quietly(), Vec::<String>::new());
}

#[test]
fn a_replaced_session_without_subscriptions_leaves_no_gap() {
    let mut world = World::new();
    let (client, mut old) = world.client("c");
    world.dispatcher.listen(client, EventKind::Gap, b"a", "on", None);
    world.dispatcher.listen(client, EventKind::Subscribed, b"a", "on", None);
    world.subscribe(client, &channel("chat"), "a");
    let (session, mut new, consumer) = world.session();
    world.dispatcher.get_mut(client).unwrap().replace("c".into(), session, consumer);
    tell(&mut old, Event::Closed);
    tell(&mut new, Event::Subscribed(channel("chat")));
    tell(&mut new, ready());
    assert_eq!(world.run_quietly(), ["c.on: Subscribed "]);
}

#[test]
fn what_a_replaced_session_still_has_comes_before_anything_of_the_new_one() {
    let mut world = World::new();
    let (client, mut old) = world.client("c");
    let slot = world.subscribe(client, &channel("chat"), "a").unwrap();
    let (session, mut new, consumer) = world.session();
    world.dispatcher.get_mut(client).unwrap().replace("c".into(), session, consumer);
    say(&mut new, slot, "new 1");
    let mut once = Some(());
    let log = world.run(|_, _| {
        // The dispatcher is at the new session.
        if once.take().is_some() {
            say(&mut old, slot, "old");
            say(&mut new, slot, "new 2");
        }
    });
    assert_eq!(log, ["c.a: new 1 for name", "c.a: old for name", "c.a: new 2 for name"]);
}

#[test]
fn a_session_that_ends_by_itself_closes_its_client() {
    let mut world = World::new();
    let (client, mut producer) = world.client("c");
    world.subscribe(client, &channel("a"), "f");
    tell(&mut producer, Event::Closed);
    world.run_quietly();
    world.run_quietly();
    assert!(world.dispatcher.get(client).is_none());
}
