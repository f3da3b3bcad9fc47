//! The way from the worker to the main thread and back, through its public face.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use realtime::model::{
    About, Code, Counters, DropReason, Error, Event, Flow, Limits, Overflow, ReplyTo, Sink, Slot, State,
    Topic, TopicKind, Value, Wake,
};
use realtime::queue::{Consumer, Inbox, Item, Order, Orders, Producer, Signal, events, orders};

const SLOT: Slot = Slot { index: 7, generation: 3 };
const ABOUT: About<'_> = About { command: b"GET", channel: None };

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Ends {
    producer: Producer,
    consumer: Consumer,
    counters: Arc<Counters>,
    signal: Signal,
    bell: Arc<Bell>,
}

fn limits(queue_events: usize, queue_bytes: usize, overflow: Overflow) -> Limits {
    Limits { queue_events, queue_bytes, overflow, max_pending: 4, pending_bytes: 100 }
}

fn ends(limits: Limits) -> Ends {
    let (counters, signal, bell) = (Arc::<Counters>::default(), Signal::default(), Arc::<Bell>::default());
    let wake = Arc::<Bell>::clone(&bell);
    let (producer, consumer) = events(limits, Arc::clone(&counters), Arc::clone(&signal), wake);
    Ends { producer, consumer, counters, signal, bell }
}

/// An item that borrows nothing.
#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Message(Option<Vec<u8>>, Vec<u8>),
    Answer(Result<Value, Error>),
    Event(Event),
}

fn next(consumer: &mut Consumer) -> Option<Owned> {
    Some(match consumer.next()? {
        Item::Message { slot, channel, payload } => {
            assert_eq!(slot, SLOT);
            Owned::Message(channel.map(Into::into), payload.into())
        }
        Item::Answer { slot, result } => {
            assert_eq!(slot, SLOT);
            Owned::Answer(result)
        }
        Item::Event(event) => Owned::Event(event),
    })
}

fn drain(consumer: &mut Consumer) -> Vec<Owned> {
    std::iter::from_fn(|| next(consumer)).collect()
}

fn message(payload: &[u8]) -> Owned {
    Owned::Message(None, payload.into())
}

fn dropped(count: u64, bytes: u64, reason: DropReason) -> Owned {
    Owned::Event(Event::Dropped { count, bytes, reason })
}

fn subscribed(name: &[u8]) -> Event {
    Event::Subscribed(Topic { kind: TopicKind::Channel, name: name.into() })
}

#[test]
fn things_arrive_in_the_order_in_which_they_were_put_in() {
    let mut ends = ends(limits(100, 10_000, Overflow::DropOldest));
    let ticket = ends.consumer.ticket(ReplyTo::Callback(SLOT), 10).unwrap();
    assert_eq!(ends.consumer.pending(), 1);
    let p = &mut ends.producer;
    assert_eq!(p.message(SLOT, None, b"one"), Flow::Go);
    assert_eq!(p.message(SLOT, Some(b"kills.npc"), b"two"), Flow::Go);
    assert_eq!(p.event(subscribed(b"chat")), Flow::Go);
    assert_eq!(p.message(SLOT, Some(b""), b""), Flow::Go);
    assert_eq!(p.answer(ticket, Ok(Value::Integer(1)), ABOUT), Flow::Go);
    assert_eq!(p.dropped(5_000, DropReason::TooLarge), Flow::Go);
    assert_eq!(p.dropped(6_000, DropReason::TooLarge), Flow::Go);
    assert_eq!(p.message(SLOT, None, b"a\0b\xff"), Flow::Go);
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
    let _ = ends.producer.message(SLOT, None, b"one");
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
        let _ = ends.producer.message(SLOT, None, payload);
        ends.producer.flush();
    }
    assert_eq!(drain(&mut ends.consumer), [message(b"two"), message(b"tri")]);
}

#[test]
fn a_control_entry_stands_behind_a_batch_that_was_published_before_it() {
    let mut ends = ends(limits(100, 10_000, Overflow::DropOldest));
    let _ = ends.producer.message(SLOT, None, b"one");
    ends.producer.flush();
    let _ = ends.producer.event(subscribed(b"chat"));
    let _ = ends.producer.message(SLOT, None, b"two");
    ends.producer.flush();
    assert_eq!(
        drain(&mut ends.consumer),
        [message(b"one"), Owned::Event(subscribed(b"chat")), message(b"two")]
    );
}

#[test]
fn the_oldest_make_room_and_are_counted_in_their_place() {
    let mut ends = ends(limits(4, 1_000, Overflow::DropOldest));
    for payload in [&b"1"[..], b"22", b"333", b"4444", b"55555", b"666666"] {
        assert_eq!(ends.producer.message(SLOT, None, payload), Flow::Go);
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
        assert_eq!(ends.producer.message(SLOT, None, payload), Flow::Go);
    }
    ends.producer.flush();
    assert_eq!(next(&mut ends.consumer), Some(message(b"1")));
    assert_eq!(ends.bell.0.load(Ordering::Relaxed), 0, "woken while the queue is nearly full");
    assert_eq!(drain(&mut ends.consumer), [message(b"22"), message(b"333"), message(b"4444")]);
    assert_eq!(ends.bell.0.load(Ordering::Relaxed), 1, "the worker has to learn that there is room");
    assert!(ends.producer.waits());
    ends.producer.flush();
    assert_eq!(drain(&mut ends.consumer), [dropped(2, 11, DropReason::Overflow)]);
    assert!(!ends.producer.waits());
    ends.producer.flush();
    assert_eq!(drain(&mut ends.consumer), []);
}

#[test]
fn a_message_behind_dropped_ones_does_not_join_the_open_batch_before_them() {
    const FULL: usize = 64;
    let mut ends = ends(limits(FULL, 10_000, Overflow::DropNewest));
    let _ = ends.producer.message(SLOT, None, b"first");
    // Each event ends a batch, so that the last one holds a single message when the queue is full.
    for _ in 0..FULL - 2 {
        let _ = ends.producer.message(SLOT, None, b"x");
        let _ = ends.producer.event(subscribed(b"chat"));
    }
    for payload in [&b"last"[..], b"lost"] {
        let _ = ends.producer.message(SLOT, None, payload);
    }
    ends.producer.flush();
    assert_eq!(next(&mut ends.consumer), Some(message(b"first")));
    let _ = ends.producer.message(SLOT, None, b"behind");
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
    for _ in 0..3 {
        assert_eq!(ends.producer.message(SLOT, None, b"x"), Flow::Go);
    }
    assert_eq!(ends.producer.message(SLOT, None, b"x"), Flow::Stop);
    ends.producer.flush();
    assert!(!ends.producer.has_room());
    assert_eq!(next(&mut ends.consumer), Some(message(b"x")));
    assert!(!ends.producer.has_room(), "less than half is free");
    assert_eq!(drain(&mut ends.consumer).len(), 3);
    assert_eq!(ends.bell.0.load(Ordering::Relaxed), 1);
    assert!(ends.producer.has_room());
    assert_eq!(ends.counters.dropped_overflow.load(Ordering::Relaxed), 0);
}

#[test]
fn a_message_larger_than_the_rest_fits_alone() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::Pause] {
        let mut ends = ends(limits(100, 64, overflow));
        let large = vec![b'x'; 1_000];
        let _ = ends.producer.message(SLOT, None, &large);
        ends.producer.flush();
        assert_eq!(drain(&mut ends.consumer), [message(&large)], "{overflow:?}");
    }
}

#[test]
fn a_full_queue_stops_messages_but_no_answers() {
    let mut ends = ends(limits(4, 1_000, Overflow::Pause));
    assert!((0..10).any(|_| ends.producer.message(SLOT, None, b"x") == Flow::Stop));
    assert!(ends.producer.take_stop());
    let ticket = ends.consumer.ticket(ReplyTo::Callback(SLOT), 1).unwrap();
    assert_eq!(ends.producer.answer(ticket, Ok(Value::Null), ABOUT), Flow::Go);
    assert_eq!(ends.producer.event(subscribed(b"x")), Flow::Go);
    assert!(!ends.producer.take_stop());
    assert!(!ends.producer.has_room());
}

#[test]
fn states_and_answers_are_kept_and_stop_the_reading_in_the_end() {
    let mut ends = ends(limits(4, 100, Overflow::DropOldest));
    let stop = (0..100_000).position(|_| ends.producer.event(subscribed(b"x")) == Flow::Stop).unwrap();
    assert!(stop < 2_000, "{stop} states before the first stop");
    ends.producer.flush();
    assert!(!ends.producer.has_room());
    assert_eq!(drain(&mut ends.consumer).len(), stop + 1);
    assert!(ends.producer.has_room());

    let ticket = ends.consumer.ticket(ReplyTo::Callback(SLOT), 1).unwrap();
    let large = Value::Array(vec![Value::String(vec![0; 200].into())]);
    assert_eq!(ends.producer.answer(ticket, Ok(large.clone()), ABOUT), Flow::Stop);
    ends.producer.flush();
    assert_eq!(drain(&mut ends.consumer), [Owned::Answer(Ok(large))]);
    assert!(ends.producer.has_room());
}

/// Each skipped message stands in its place, so that many of them between messages would fill the lane that nothing drops
/// from. A policy that drops goes on dropping then.
#[test]
fn skipped_messages_stop_the_reading_under_pause_alone() {
    const MESSAGES: u64 = 5_000;
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let mut ends = ends(limits(100_000, 1_000_000, overflow));
        // One to three skipped ones before each message, which says how many things came before it.
        let (mut put, mut skipped) = (0_u64, 0);
        for n in 0..MESSAGES {
            for _ in 0..=n % 3 {
                assert_eq!(ends.producer.dropped(1_000, DropReason::TooLarge), Flow::Go, "{overflow:?} {n}");
                (put, skipped) = (put + 1, skipped + 1);
            }
            assert_eq!(ends.producer.message(SLOT, None, &put.to_be_bytes()), Flow::Go, "{overflow:?} {n}");
            put += 1;
            ends.producer.flush();
        }
        assert_eq!(ends.producer.event(subscribed(b"chat")), Flow::Go, "there is a place for what matters");
        assert_eq!(ends.producer.dropped(7, DropReason::TooLarge), Flow::Go);
        ends.producer.flush();
        let ticket = ends.consumer.ticket(ReplyTo::Callback(SLOT), 1).unwrap();
        assert_eq!(ends.producer.answer(ticket, Ok(Value::Null), ABOUT), Flow::Go);
        ends.producer.flush();
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
        let flow = ends.producer.dropped(1_000, DropReason::TooLarge);
        let _ = ends.producer.message(SLOT, None, b"x");
        flow == Flow::Stop
    });
    assert!(stop.is_some_and(|stop| stop < 2_000), "{stop:?}");
}

#[test]
fn places_are_reserved_and_freed() {
    let mut ends = ends(limits(100, 1_000, Overflow::DropOldest));
    let code = |result: Result<_, Error>| result.unwrap_err().code;
    let mut tickets: Vec<_> =
        (0..4).map(|_| ends.consumer.ticket(ReplyTo::Callback(SLOT), 10).unwrap()).collect();
    assert_eq!(code(ends.consumer.ticket(ReplyTo::Nobody, 1)), Code::Overloaded);
    let _ = ends.producer.answer(tickets.pop().unwrap(), Ok(Value::Null), ABOUT);
    ends.producer.flush();
    assert_eq!(ends.consumer.pending(), 4, "a place is taken until the answer is handed out");
    assert_eq!(drain(&mut ends.consumer), [Owned::Answer(Ok(Value::Null))]);
    assert_eq!(ends.consumer.pending(), 3);

    assert_eq!(code(ends.consumer.ticket(ReplyTo::Nobody, 71)), Code::Overloaded);
    let nobody = ends.consumer.ticket(ReplyTo::Nobody, 70).unwrap();
    let _ = ends.producer.answer(nobody, Ok(Value::Null), ABOUT);
    assert_eq!(ends.consumer.pending(), 3, "an answer for nobody needs no place");

    let failed = ends.consumer.ticket(ReplyTo::Nobody, 70).unwrap();
    let error = Error::sent(Code::Server("NOPERM".into()), "no");
    let about = About { command: b"PUBLISH", channel: Some(b"chat") };
    let _ = ends.producer.answer(failed, Err(error.clone()), about);
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
    let _ = ends.producer.message(SLOT, None, b"earlier");
    let _ = ends.producer.answer(ticket, Err(error.clone()), ABOUT);
    assert_eq!(answer.try_recv(), Ok(Err(error)), "it overtakes what is queued");
    assert_eq!(ends.consumer.pending(), 3);
}

#[test]
fn a_lost_producer_says_closed_itself() {
    let mut ends = ends(limits(100, 1_000, Overflow::DropOldest));
    let _ticket = ends.consumer.ticket(ReplyTo::Callback(SLOT), 10).unwrap();
    let _ = ends.producer.message(SLOT, None, b"last");
    drop(ends.producer);
    assert_eq!(drain(&mut ends.consumer), [message(b"last"), Owned::Event(Event::Closed)]);
    assert_eq!(ends.counters.state(), State::Closed);
    assert_eq!(ends.consumer.pending(), 0);
    assert_eq!(ends.consumer.ticket(ReplyTo::Nobody, 0).unwrap_err().code, Code::Closed);
}

#[test]
fn orders_wake_only_a_sleeper_and_only_once() {
    let (orders, inbox): (Orders<()>, Inbox<()>) = orders();
    let bell = Arc::<Bell>::default();
    inbox.attach(Arc::<Bell>::clone(&bell));
    let deadline = std::time::Instant::now();
    orders.push(Order::Shutdown { deadline });
    assert_eq!(bell.0.load(Ordering::Relaxed), 0);
    assert!(!inbox.fall_asleep(), "an order waits");
    assert!(matches!(inbox.pop(), Some(Order::Shutdown { .. })));
    assert!(inbox.pop().is_none());

    orders.waker().wake();
    assert!(!inbox.fall_asleep(), "it was rung");
    assert!(inbox.fall_asleep());
    for _ in 0..1_000 {
        orders.push(Order::Shutdown { deadline });
    }
    assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    inbox.wake_up();
    assert_eq!(std::iter::from_fn(|| inbox.pop()).count(), 1_000);
    assert!(inbox.fall_asleep());
    orders.waker().wake();
    assert_eq!(bell.0.load(Ordering::Relaxed), 2);
}

#[test]
fn what_is_ordered_of_a_worker_that_has_ended_closes() {
    let (orders, inbox): (Orders<()>, Inbox<()>) = orders();
    let open = |ends: Ends| {
        let client = realtime::model::ClientId(0);
        orders.push(Order::Open { client, session: (), producer: ends.producer });
        ends.consumer
    };
    let mut before = open(ends(limits(10, 100, Overflow::Pause)));
    drop(inbox);
    let mut after = open(ends(limits(10, 100, Overflow::Pause)));
    assert_eq!(drain(&mut before), [Owned::Event(Event::Closed)]);
    assert_eq!(drain(&mut after), [Owned::Event(Event::Closed)]);
}
