//! Nothing is lost except by the policy, and that is counted exactly and in its place: on one thread against a naive
//! account of the input, and on two threads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(clippy::cast_possible_truncation, reason = "numbers are cut down to patterns of bytes on purpose")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use proptest::prelude::*;
use realtime::model::{
    Counters, DropReason, Event, Limits, Overflow, Room, Sink, SubscriptionSlot, Topic, TopicKind, Wake,
};
use realtime::queue::{Consumer, Item, Producer, Signal, events};

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

fn ends(limits: Limits) -> (Producer, Consumer, Arc<Counters>) {
    let counters = Arc::<Counters>::default();
    let (producer, consumer) = events(limits, Arc::clone(&counters), Signal::default(), Arc::new(Nobody));
    (producer, consumer, counters)
}

fn slot(number: usize) -> SubscriptionSlot {
    SubscriptionSlot::new(u32::try_from(number).unwrap(), 0)
}

fn state(number: usize) -> Event {
    Event::Subscribed(Topic { kind: TopicKind::Channel, name: number.to_string().into_bytes().into() })
}

/// Every item of the input, in the order that the reader must get.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Entry {
    Message { bytes: usize },
    Skipped { bytes: usize },
    State,
}

/// Compares the output with the input.
#[derive(Default)]
struct Account {
    put: VecDeque<(usize, Entry)>,
    delivered: u64,
    overflow: u64,
    too_large: u64,
}

impl Account {
    fn check(&mut self, item: &Item<'_>) {
        match item {
            Item::Message { slot, channel, payload } => {
                let (number, entry) = self.put.pop_front().expect("a message that nobody sent");
                assert_eq!(*slot, self::slot(number));
                assert_eq!(entry, Entry::Message { bytes: payload.len() });
                assert!(payload.iter().all(|&byte| byte == number as u8));
                assert_eq!(channel.is_some(), number.is_multiple_of(3));
                self.delivered += 1;
            }
            Item::Event(Event::Dropped { count, bytes, reason }) => {
                let mut sum = 0;
                for _ in 0..*count {
                    let (_, entry) = self.put.pop_front().expect("more dropped than sent");
                    sum += match (entry, reason) {
                        // A queue that is full of changes of state has no room for skipped ones either.
                        (Entry::Message { bytes }, DropReason::Overflow) | (Entry::Skipped { bytes }, _) => {
                            bytes as u64
                        }
                        _ => panic!("{entry:?} dropped as {reason:?}"),
                    };
                }
                assert_eq!(*bytes, sum);
                match reason {
                    DropReason::Overflow => self.overflow += count,
                    DropReason::TooLarge => self.too_large += count,
                }
            }
            Item::Event(event) => {
                let (number, entry) = self.put.pop_front().expect("a state that nobody told");
                assert_eq!((entry, event), (Entry::State, &state(number)));
            }
            Item::Answer { .. } => panic!("an answer to nothing"),
        }
    }

    fn is_settled(&self, counters: &Counters) {
        assert!(self.put.is_empty(), "{} entries never came out", self.put.len());
        assert_eq!(
            counters.received.load(Ordering::Relaxed),
            self.delivered + self.overflow + self.too_large
        );
        assert_eq!(counters.dropped_overflow.load(Ordering::Relaxed), self.overflow);
        assert_eq!(counters.dropped_too_large.load(Ordering::Relaxed), self.too_large);
    }
}

fn put(producer: &mut Producer, number: usize, entry: Entry) {
    match entry {
        Entry::Message { bytes } => {
            let channel = number.is_multiple_of(3).then_some(&b"channel"[..]);
            producer.message(slot(number), channel, &vec![number as u8; bytes]);
        }
        Entry::Skipped { bytes } => producer.dropped(bytes as u64, DropReason::TooLarge),
        Entry::State => producer.event(state(number)),
    }
}

/// More than most queues here can hold.
const MOST_READ: usize = 80;

#[derive(Debug, Clone)]
enum Step {
    /// The content of one read.
    Read(Vec<Entry>),
    Flush,
    Take(usize),
}

fn put_in() -> impl Strategy<Value = Entry> {
    prop_oneof![
        8 => (0..40_usize).prop_map(|bytes| Entry::Message { bytes }),
        1 => (0..400_usize).prop_map(|bytes| Entry::Message { bytes }),
        1 => (0..100_usize).prop_map(|bytes| Entry::Skipped { bytes }),
        1 => Just(Entry::State),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => put_in().prop_map(|entry| Step::Read(vec![entry])),
        5 => prop::collection::vec(put_in(), 1..MOST_READ).prop_map(Step::Read),
        3 => Just(Step::Flush),
        3 => (1..20_usize).prop_map(Step::Take),
    ]
}

fn overflow() -> impl Strategy<Value = Overflow> {
    prop_oneof![Just(Overflow::DropOldest), Just(Overflow::DropNewest), Just(Overflow::Pause)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn what_comes_out_is_what_went_in_but_for_what_is_counted(
        overflow in overflow(),
        queue_events in 1..60_usize,
        queue_bytes in 1..600_usize,
        steps in prop::collection::vec(step(), 1..400),
    ) {
        let limits = Limits { queue_events, queue_bytes, overflow, max_pending: 1, pending_bytes: 1 };
        let (mut producer, mut consumer, counters) = ends(limits);
        let mut account = Account::default();
        // By how much one read exceeded the limits.
        let (mut beyond, mut bytes_beyond) = (0, 0);
        let (mut number, mut paused) = (0, false);
        for step in steps {
            match step {
                Step::Read(entries) => {
                    paused = if paused {
                        !producer.has_room(Room::Messages)
                    } else {
                        producer.is_full(Room::Messages)
                    };
                    prop_assert!(!paused || overflow == Overflow::Pause);
                    if paused {
                        continue;
                    }
                    let before = counters.dropped_overflow.load(Ordering::Relaxed);
                    let mut messages = 0;
                    let mut sum = 0;
                    for entry in entries {
                        account.put.push_back((number, entry));
                        put(&mut producer, number, entry);
                        number += 1;
                        if let Entry::Message { bytes } = entry {
                            messages += 1;
                            sum += bytes + 7;
                        }
                    }
                    let lost = counters.dropped_overflow.load(Ordering::Relaxed) - before;
                    if overflow == Overflow::Pause {
                        prop_assert_eq!(lost, 0);
                        (beyond, bytes_beyond) = (beyond.max(messages), bytes_beyond.max(sum));
                    }
                    // An empty queue accepts a message of any size.
                    bytes_beyond = bytes_beyond.max(407);
                }
                Step::Flush => producer.flush(),
                Step::Take(count) => {
                    for _ in 0..count {
                        let Some(item) = consumer.next() else { break };
                        account.check(&item);
                    }
                }
            }
            let (events, bytes) = consumer.queued();
            prop_assert!(events <= queue_events + beyond, "{} messages wait", events);
            prop_assert!(bytes <= queue_bytes + bytes_beyond, "{} bytes wait", bytes);
        }
        // Twice, because messages dropped after the last entry are reported once there is room.
        for _ in 0..2 {
            producer.flush();
            while let Some(item) = consumer.next() {
                account.check(&item);
            }
        }
        prop_assert!(consumer.is_empty());
        prop_assert_eq!(consumer.queued(), (0, 0));
        account.is_settled(&counters);
    }
}

/// A cheap sequence without a pattern.
fn scramble(number: usize) -> usize {
    (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) as usize
}

/// One in `mix` entries is a state.
fn entry(number: usize, mix: usize) -> Entry {
    match scramble(number) % mix {
        0 => Entry::State,
        3 => Entry::Skipped { bytes: number % 1000 },
        5 => Entry::Message { bytes: scramble(number) % 3000 },
        _ => Entry::Message { bytes: scramble(number) % 40 },
    }
}

fn two_threads(overflow: Overflow, queue_events: usize, mix: usize, flushes: usize) {
    const ENTRIES: usize = 60_000;
    let limits = Limits { queue_events, queue_bytes: 10_000, overflow, max_pending: 1, pending_bytes: 1 };
    let (mut producer, mut consumer, counters) = ends(limits);
    let worker = thread::spawn(move || {
        for number in 0..ENTRIES {
            if producer.is_full(Room::Messages) {
                producer.flush();
                while !producer.has_room(Room::Messages) {
                    thread::yield_now();
                }
            }
            put(&mut producer, number, entry(number, mix));
            if scramble(number).is_multiple_of(flushes) {
                producer.flush();
            }
        }
        // Dropped here: this publishes the rest, and reports the end.
    });
    let mut account = Account::default();
    account.put.extend((0..ENTRIES).map(|number| (number, entry(number, mix))));
    let mut turns = 0;
    loop {
        turns += 1;
        match consumer.next() {
            Some(Item::Event(Event::Closed)) => break,
            Some(item) => account.check(&item),
            None => std::hint::spin_loop(),
        }
        // Lag from time to time, so that the queue fills up.
        if scramble(turns).is_multiple_of(512) {
            (0..20).for_each(|_| thread::yield_now());
        }
    }
    worker.join().unwrap();
    assert!(consumer.next().is_none());
    account.is_settled(&counters);
    if overflow == Overflow::Pause {
        assert_eq!(account.overflow, 0);
    } else {
        assert!(account.delivered > 0);
        assert!(account.overflow > 0, "this run never filled the queue and shows nothing");
    }
}

#[test]
fn two_threads_drop_oldest() {
    two_threads(Overflow::DropOldest, 500, 64, 7);
}

#[test]
fn two_threads_drop_newest() {
    two_threads(Overflow::DropNewest, 500, 64, 7);
}

#[test]
fn two_threads_pause() {
    two_threads(Overflow::Pause, 500, 64, 7);
}

#[test]
fn two_threads_many_states() {
    // A batch is published and taken back all the time, because a state follows it.
    two_threads(Overflow::Pause, 500, 2, 1);
}
