//! A main thread that does not keep up: what each policy drops, where that is reported, and when reading stops.

use std::sync::atomic::Ordering;

use realtime::model::{
    DropReason, Error, Event, Overflow, READ_BYTES, ReplyTo, RequestName, Room, Sink, Value,
};

use crate::{ABOUT, ANSWER, Owned, SLOT, drain, dropped, ends, limits, message, next, subscribed};

#[test]
fn the_oldest_make_room_and_are_counted_in_their_place() {
    let mut ends = ends(limits(4, 1_000, Overflow::DropOldest));
    for payload in [&b"1"[..], b"22", b"333", b"4444", b"55555", b"666666"] {
        ends.producer.message(SLOT, None, payload);
        assert!(!ends.producer.is_full(Room::Messages), "a policy that drops stops no reading");
    }
    ends.producer.flush();
    assert_eq!(ends.consumer.queued(), (4, 3 + 4 + 5 + 6));
    assert_eq!(
        drain(&mut ends.consumer),
        [
            dropped(2, 3, DropReason::Overflow),
            message(b"333"),
            message(b"4444"),
            message(b"55555"),
            message(b"666666")
        ]
    );
    assert_eq!(ends.counters.dropped_overflow.load(Ordering::Relaxed), 2);
}

#[test]
fn the_newest_are_dropped_and_told_once_there_is_room_though_nothing_follows() {
    let mut ends = ends(limits(4, 1_000, Overflow::DropNewest));
    for payload in [&b"1"[..], b"22", b"333", b"4444", b"55555", b"666666"] {
        ends.producer.message(SLOT, None, payload);
        assert!(!ends.producer.is_full(Room::Messages), "a policy that drops stops no reading");
    }
    ends.producer.flush();
    assert_eq!(next(&mut ends.consumer), Some(message(b"1")));
    assert_eq!(ends.bell.0.load(Ordering::Relaxed), 0, "woken while the queue is nearly full");
    assert_eq!(drain(&mut ends.consumer), [message(b"22"), message(b"333"), message(b"4444")]);
    assert_eq!(ends.bell.0.load(Ordering::Relaxed), 1, "the worker has to learn that there is room");
    assert!(ends.producer.has_untold());
    ends.producer.flush();
    assert_eq!(drain(&mut ends.consumer), [dropped(2, 11, DropReason::Overflow)]);
    assert!(!ends.producer.has_untold());
    ends.producer.flush();
    assert_eq!(drain(&mut ends.consumer), []);
}

#[test]
fn a_message_behind_dropped_ones_does_not_join_the_open_batch_before_them() {
    const FULL: usize = 64;
    let mut ends = ends(limits(FULL, 10_000, Overflow::DropNewest));
    ends.producer.message(SLOT, None, b"first");
    // Each event ends a batch, so that the last one holds a single message when the queue is full.
    for _ in 0..FULL - 2 {
        ends.producer.message(SLOT, None, b"x");
        ends.producer.event(subscribed(b"chat"));
    }
    for payload in [&b"last"[..], b"lost"] {
        ends.producer.message(SLOT, None, payload);
    }
    ends.producer.flush();
    assert_eq!(next(&mut ends.consumer), Some(message(b"first")));
    ends.producer.message(SLOT, None, b"behind");
    ends.producer.flush();
    let rest = drain(&mut ends.consumer);
    assert_eq!(
        rest[rest.len() - 3..],
        [message(b"last"), dropped(1, 4, DropReason::Overflow), message(b"behind")]
    );
}

#[test]
fn pause_keeps_everything_and_goes_on_at_half() {
    let mut ends = ends(limits(4, 1_000, Overflow::Pause));
    for _ in 0..4 {
        assert!(!ends.producer.is_full(Room::Messages));
        ends.producer.message(SLOT, None, b"x");
    }
    assert!(ends.producer.is_full(Room::Messages));
    ends.producer.flush();
    assert!(!ends.producer.has_room(Room::Messages));
    assert_eq!(next(&mut ends.consumer), Some(message(b"x")));
    assert!(!ends.producer.has_room(Room::Messages), "less than half is free");
    assert_eq!(drain(&mut ends.consumer).len(), 3);
    assert_eq!(ends.bell.0.load(Ordering::Relaxed), 1);
    assert!(ends.producer.has_room(Room::Messages));
    assert_eq!(ends.counters.dropped_overflow.load(Ordering::Relaxed), 0);
}

/// As many messages as one read can deliver, each followed by an entry that no batch spans.
#[test]
fn what_one_read_brings_beyond_the_limit_is_kept() {
    const MESSAGES: usize = READ_BYTES / 8;
    let mut ends = ends(limits(1, 1, Overflow::Pause));
    assert!(!ends.producer.is_full(Room::Messages));
    for _ in 0..MESSAGES {
        ends.producer.message(SLOT, None, b"x");
        ends.producer.event(subscribed(b"chat"));
    }
    ends.producer.flush();
    assert!(ends.producer.is_full(Room::Messages));
    assert_eq!(ends.consumer.queued(), (MESSAGES, MESSAGES));
    let told = drain(&mut ends.consumer);
    assert_eq!(told.len(), 2 * MESSAGES);
    assert!(told.iter().step_by(2).all(|told| *told == message(b"x")));
    assert!(ends.producer.has_room(Room::Messages));
}

#[test]
fn a_message_larger_than_the_rest_fits_alone() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::Pause] {
        let mut ends = ends(limits(100, 64, overflow));
        let large = vec![b'x'; 1_000];
        ends.producer.message(SLOT, None, &large);
        ends.producer.flush();
        assert_eq!(drain(&mut ends.consumer), [message(&large)], "{overflow:?}");
    }
}

#[test]
fn a_full_queue_stops_messages_but_no_answers() {
    let mut ends = ends(limits(4, 1_000, Overflow::Pause));
    for _ in 0..10 {
        ends.producer.message(SLOT, None, b"x");
    }
    assert!(ends.producer.is_full(Room::Messages));
    let ticket = ends.consumer.ticket(ReplyTo::Callback(ANSWER), 1).unwrap();
    ends.producer.answer(ticket, Ok(Value::Null), ABOUT);
    ends.producer.event(subscribed(b"x"));
    assert!(!ends.producer.is_full(Room::Answers));
    assert!(ends.producer.has_room(Room::Answers));
    assert!(!ends.producer.has_room(Room::Messages));
    assert!(!ends.producer.is_full(Room::None), "a handshake goes on whatever waits");
}

#[test]
fn each_need_is_woken_for_its_own_room() {
    let mut ends = ends(limits(4, 1_000, Overflow::Pause));
    for _ in 0..2_000 {
        ends.producer.event(subscribed(b"x"));
    }
    for _ in 0..4 {
        ends.producer.message(SLOT, None, b"x");
    }
    ends.producer.flush();
    assert!(!ends.producer.has_room(Room::Answers));
    while ends.bell.0.load(Ordering::Relaxed) == 0 {
        assert!(matches!(next(&mut ends.consumer), Some(Owned::Event(_))), "no messages are in the way");
    }
    assert!(ends.producer.has_room(Room::Answers));
    assert!(!ends.producer.has_room(Room::Messages));
    while ends.bell.0.load(Ordering::Relaxed) == 1 {
        assert!(next(&mut ends.consumer).is_some(), "never woken for the messages");
    }
    assert!(ends.producer.has_room(Room::Messages));
}

#[test]
fn states_and_answers_are_kept_and_stop_the_reading_in_the_end() {
    let mut ends = ends(limits(4, 100, Overflow::DropOldest));
    let mut states = 0;
    while !ends.producer.is_full(Room::Answers) {
        ends.producer.event(subscribed(b"x"));
        states += 1;
        assert!(states < 2_000, "no end of states");
    }
    assert!(ends.producer.is_full(Room::Messages), "whoever brings messages brings these, too");
    ends.producer.flush();
    assert!(!ends.producer.has_room(Room::Answers));
    assert_eq!(drain(&mut ends.consumer).len(), states);
    assert!(ends.producer.has_room(Room::Answers));

    let ticket = ends.consumer.ticket(ReplyTo::Callback(ANSWER), 1).unwrap();
    let large = Value::Array(vec![Value::String(vec![0; 200].into())]);
    ends.producer.answer(ticket, Ok(large.clone()), ABOUT);
    assert!(ends.producer.is_full(Room::Answers));
    ends.producer.flush();
    assert_eq!(drain(&mut ends.consumer), [Owned::Answer(Ok(large))]);
    assert!(ends.producer.has_room(Room::Answers));
}

/// Events divide the messages into more batches than there are places for.
#[test]
fn the_newest_are_dropped_too_where_batches_are_too_many() {
    const MESSAGES: u64 = 5_000;
    let mut ends = ends(limits(100_000, 1_000_000, Overflow::DropNewest));
    for n in 0..MESSAGES {
        ends.producer.message(SLOT, None, &n.to_be_bytes());
        ends.producer.event(subscribed(b"chat"));
    }
    ends.producer.flush();
    let mut kept = 0_u64;
    for seen in drain(&mut ends.consumer) {
        if let Owned::Message(_, payload) = seen {
            assert_eq!(payload, kept.to_be_bytes(), "one before it was dropped");
            kept += 1;
        }
    }
    assert!(kept > 1_000 && kept < MESSAGES, "{kept}");
    assert_eq!(ends.counters.dropped_overflow.load(Ordering::Relaxed), MESSAGES - kept);
}

#[test]
fn an_error_that_nobody_waits_for_takes_the_room_of_its_names_too() {
    let mut ends = ends(limits(10, 10_000, Overflow::DropOldest));
    let ticket = ends.consumer.ticket(ReplyTo::Nobody, 1).unwrap();
    let about = RequestName { command: b"PUBLISH", channel: Some(&[b'x'; 10_000]) };
    ends.producer.answer(ticket, Err(Error::closed()), about);
    assert!(ends.producer.is_full(Room::Answers));
    ends.producer.flush();
    assert_eq!(drain(&mut ends.consumer).len(), 1);
    assert!(ends.producer.has_room(Room::Answers));
}

/// Each skipped message has its place, so that many of them between messages would fill the lane that nothing drops
/// from. A policy that drops keeps dropping then.
#[test]
fn skipped_messages_stop_the_reading_under_pause_alone() {
    const MESSAGES: u64 = 5_000;
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let mut ends = ends(limits(100_000, 1_000_000, overflow));
        // One to three skipped ones before each message, which contains the number of items before it.
        let (mut put, mut skipped) = (0_u64, 0);
        for n in 0..MESSAGES {
            for _ in 0..=n % 3 {
                ends.producer.dropped(1_000, DropReason::TooLarge);
                (put, skipped) = (put + 1, skipped + 1);
            }
            ends.producer.message(SLOT, None, &put.to_be_bytes());
            assert!(!ends.producer.is_full(Room::Messages), "{overflow:?} {n}");
            put += 1;
            ends.producer.flush();
        }
        ends.producer.event(subscribed(b"chat"));
        ends.producer.dropped(7, DropReason::TooLarge);
        ends.producer.flush();
        let ticket = ends.consumer.ticket(ReplyTo::Callback(ANSWER), 1).unwrap();
        ends.producer.answer(ticket, Ok(Value::Null), ABOUT);
        ends.producer.flush();
        assert!(!ends.producer.is_full(Room::Messages), "there is a place for what matters");
        let (mut place, mut delivered, mut sum, mut by_reason, mut told) = (0_u64, 0, 0, [0, 0], Vec::new());
        for seen in drain(&mut ends.consumer) {
            match seen {
                Owned::Event(Event::Dropped { count, bytes, reason }) => {
                    sum += bytes;
                    by_reason[usize::from(reason == DropReason::Overflow)] += count;
                    place += count;
                }
                Owned::Message(_, payload) => {
                    assert_eq!(payload, place.to_be_bytes(), "{overflow:?}");
                    place += 1;
                    delivered += 1;
                }
                other => told.push(other),
            }
        }
        assert_eq!(place, put + 1, "{overflow:?}");
        assert_eq!(sum, 1_000 * skipped + 7 + 8 * (MESSAGES - delivered), "{overflow:?}");
        assert_eq!(told, [Owned::Event(subscribed(b"chat")), Owned::Answer(Ok(Value::Null))]);
        let counters = &ends.counters;
        assert_eq!(counters.received.load(Ordering::Relaxed), put + 1);
        let figures = [&counters.dropped_too_large, &counters.dropped_overflow];
        assert_eq!(figures.map(|figure| figure.load(Ordering::Relaxed)), by_reason);
        assert!(by_reason[0] > 100 && delivered > 100, "{by_reason:?}, {delivered} delivered");
    }
    let mut ends = ends(limits(100_000, 1_000_000, Overflow::Pause));
    let stop = (0..MESSAGES).position(|_| {
        ends.producer.dropped(1_000, DropReason::TooLarge);
        ends.producer.message(SLOT, None, b"x");
        ends.producer.is_full(Room::Messages)
    });
    assert!(stop.is_some_and(|stop| stop < 2_000), "{stop:?}");
}
