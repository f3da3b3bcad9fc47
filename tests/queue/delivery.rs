//! Everything that is put in comes out: in order, each answer in the place reserved for it, and the end last.

use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;

use realtime::model::{Code, DropReason, Error, Event, Overflow, ReplyTo, RequestName, Sink, State, Value};

use crate::{ABOUT, ANSWER, Owned, SLOT, drain, dropped, ends, limits, message, next, subscribed};

#[test]
fn things_arrive_in_the_order_in_which_they_were_put_in() {
    let mut ends = ends(limits(100, 10_000, Overflow::DropOldest));
    let ticket = ends.consumer.ticket(ReplyTo::Callback(ANSWER), 10).unwrap();
    assert_eq!(ends.consumer.pending(), 1);
    let p = &mut ends.producer;
    p.message(SLOT, None, b"one");
    p.message(SLOT, Some(b"kills.npc"), b"two");
    p.event(subscribed(b"chat"));
    p.message(SLOT, Some(b""), b"");
    p.answer(ticket, Ok(Value::Integer(1)), ABOUT);
    p.dropped(5_000, DropReason::TooLarge);
    p.dropped(6_000, DropReason::TooLarge);
    p.message(SLOT, None, b"a\0b\xff");
    p.flush();
    let expected = vec![
        message(b"one"),
        Owned::Message(Some(b"kills.npc".into()), b"two".into()),
        Owned::Event(subscribed(b"chat")),
        Owned::Message(Some(vec![]), vec![]),
        Owned::Answer(Ok(Value::Integer(1))),
        dropped(2, 11_000, DropReason::TooLarge),
        message(b"a\0b\xff"),
    ];
    assert_eq!(drain(&mut ends.consumer), expected);
    assert_eq!(ends.consumer.pending(), 0);
    assert_eq!(ends.consumer.queued(), (0, 0));
    assert!(ends.consumer.is_empty());
    assert_eq!(ends.counters.received.load(Ordering::Relaxed), 6);
    assert_eq!(ends.counters.dropped_too_large.load(Ordering::Relaxed), 2);
}

#[test]
fn a_message_shows_at_the_flush_and_raises_the_signal_once() {
    let mut ends = ends(limits(100, 10_000, Overflow::DropOldest));
    ends.producer.message(SLOT, None, b"one");
    assert!(ends.consumer.is_empty());
    assert_eq!(next(&mut ends.consumer), None);
    ends.producer.flush();
    assert!(ends.signal.swap(false, Ordering::Acquire));
    assert_eq!(ends.consumer.queued(), (1, 3));
    assert_eq!(next(&mut ends.consumer), Some(message(b"one")));
    ends.producer.flush();
    assert!(!ends.signal.load(Ordering::Acquire), "nothing new, and yet a signal");
    // Taken back from the tail and grown, twice.
    for payload in [b"two", b"tri"] {
        ends.producer.message(SLOT, None, payload);
        ends.producer.flush();
    }
    assert_eq!(drain(&mut ends.consumer), [message(b"two"), message(b"tri")]);
}

#[test]
fn a_control_entry_stands_behind_a_batch_that_was_published_before_it() {
    let mut ends = ends(limits(100, 10_000, Overflow::DropOldest));
    ends.producer.message(SLOT, None, b"one");
    ends.producer.flush();
    ends.producer.event(subscribed(b"chat"));
    ends.producer.message(SLOT, None, b"two");
    ends.producer.flush();
    assert_eq!(
        drain(&mut ends.consumer),
        [message(b"one"), Owned::Event(subscribed(b"chat")), message(b"two")]
    );
}

#[test]
fn places_are_reserved_and_freed() {
    let mut ends = ends(limits(100, 1_000, Overflow::DropOldest));
    let code = |result: Result<_, Error>| result.unwrap_err().code;
    let mut tickets: Vec<_> =
        (0..4).map(|_| ends.consumer.ticket(ReplyTo::Callback(ANSWER), 10).unwrap()).collect();
    assert_eq!(code(ends.consumer.ticket(ReplyTo::Nobody, 1)), Code::Overloaded);
    ends.producer.answer(tickets.pop().unwrap(), Ok(Value::Null), ABOUT);
    ends.producer.flush();
    assert_eq!(ends.consumer.pending(), 4, "a place is taken until the answer is handed out");
    assert_eq!(drain(&mut ends.consumer), [Owned::Answer(Ok(Value::Null))]);
    assert_eq!(ends.consumer.pending(), 3);

    assert_eq!(code(ends.consumer.ticket(ReplyTo::Nobody, 71)), Code::Overloaded);
    let nobody = ends.consumer.ticket(ReplyTo::Nobody, 70).unwrap();
    ends.producer.answer(nobody, Ok(Value::Null), ABOUT);
    assert_eq!(ends.consumer.pending(), 3, "an answer for nobody needs no place");

    let failed = ends.consumer.ticket(ReplyTo::Nobody, 70).unwrap();
    let error = Error::sent(Code::Server("NOPERM".into()), "no");
    let about = RequestName { command: b"PUBLISH", channel: Some(b"chat") };
    ends.producer.answer(failed, Err(error.clone()), about);
    ends.producer.flush();
    assert_eq!(ends.consumer.pending(), 4);
    let event = Event::RequestFailed {
        command: b"PUBLISH"[..].into(),
        channel: Some(b"chat"[..].into()),
        error: error.clone(),
    };
    assert_eq!(drain(&mut ends.consumer), [Owned::Event(event)]);
    assert_eq!(ends.consumer.pending(), 3);

    let (caller, answer) = sync_channel(1);
    let ticket = ends.consumer.ticket(ReplyTo::Caller(caller), 1).unwrap();
    ends.producer.message(SLOT, None, b"earlier");
    ends.producer.answer(ticket, Err(error.clone()), ABOUT);
    assert_eq!(answer.try_recv(), Ok(Err(error)), "it overtakes what is queued");
    assert_eq!(ends.consumer.pending(), 3);
}

#[test]
fn a_lost_producer_says_closed_itself() {
    let mut ends = ends(limits(100, 1_000, Overflow::DropOldest));
    let _ticket = ends.consumer.ticket(ReplyTo::Callback(ANSWER), 10).unwrap();
    ends.producer.message(SLOT, None, b"last");
    drop(ends.producer);
    assert_eq!(drain(&mut ends.consumer), [message(b"last"), Owned::Event(Event::Closed)]);
    assert_eq!(ends.counters.state(), State::Closed);
    assert_eq!(ends.consumer.pending(), 0);
    assert_eq!(ends.consumer.ticket(ReplyTo::Nobody, 0).unwrap_err().code, Code::Closed);
}

#[test]
fn the_reader_rests_once_all_is_taken_and_given_back() {
    let mut ends = ends(limits(100, 10_000, Overflow::DropOldest));
    assert!(ends.consumer.is_at_rest());
    ends.producer.message(SLOT, None, b"a");
    ends.producer.flush();
    assert!(!ends.consumer.is_at_rest());
    assert_eq!(next(&mut ends.consumer), Some(message(b"a")));
    assert!(ends.consumer.is_empty() && !ends.consumer.is_at_rest(), "its batch is not given back yet");
    assert_eq!(next(&mut ends.consumer), None);
    assert!(ends.consumer.is_at_rest());
}
