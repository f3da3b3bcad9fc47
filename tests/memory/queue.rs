//! The queue alone: messages that are not taken, and small ones after large ones.

use std::sync::Arc;

use allocation_counter::measure;
use realtime::model::{Counters, DropReason, Event, Limits, Overflow, Room, Sink, SubscriptionSlot, Wake};
use realtime::queue::{Consumer, Item, Producer, Signal, events};

const SLOT: SubscriptionSlot = SubscriptionSlot::new(1, 0);
const POLICIES: [Overflow; 3] = [Overflow::DropOldest, Overflow::DropNewest, Overflow::Pause];

const QUEUE_BYTES: usize = 16 << 20;
const QUEUE_EVENTS: usize = 20_000;
/// The cost of a message beside its bytes.
const ENTRY: usize = 16;
/// Memory beside the waiting messages.
const CONSTANT: usize = 4 << 20;
const BOUND: u64 = (QUEUE_BYTES + QUEUE_EVENTS * ENTRY + CONSTANT) as u64;

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

fn limits(overflow: Overflow) -> Limits {
    Limits {
        queue_events: QUEUE_EVENTS,
        queue_bytes: QUEUE_BYTES,
        overflow,
        max_pending: 10,
        pending_bytes: 1 << 20,
    }
}

fn queue(limits: Limits) -> (Producer, Consumer) {
    events(limits, Arc::<Counters>::default(), Signal::default(), Arc::new(Nobody))
}

/// The output: messages, and those reported as dropped.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    delivered: usize,
    overflow: usize,
    too_large: usize,
}

impl Outcome {
    /// Takes so many items, or all.
    fn take(&mut self, consumer: &mut Consumer, most: usize) {
        for _ in 0..most {
            match consumer.next() {
                Some(Item::Message { .. }) => self.delivered += 1,
                Some(Item::Event(Event::Dropped { count, reason, .. })) => {
                    let figure = match reason {
                        DropReason::Overflow => &mut self.overflow,
                        DropReason::TooLarge => &mut self.too_large,
                    };
                    *figure += usize::try_from(count).unwrap();
                }
                Some(other) => panic!("{other:?}"),
                None => return,
            }
        }
    }
}

/// Puts in messages of these sizes in turn, up to `bytes` in total, unless the queue is full; then takes everything.
/// Returns how many went in, and the output.
fn flood(overflow: Overflow, sizes: &[usize], bytes: usize) -> (usize, Outcome) {
    let (mut producer, mut consumer) = queue(limits(overflow));
    let payload = vec![b'x'; *sizes.iter().max().unwrap()];
    let (mut sent, mut sum) = (0, 0);
    for &size in sizes.iter().cycle() {
        producer.message(SLOT, None, &payload[..size]);
        producer.flush();
        (sent, sum) = (sent + 1, sum + size);
        if producer.is_full(Room::Messages) || sum >= bytes || sent >= 5 * QUEUE_EVENTS {
            break;
        }
    }
    let mut outcome = Outcome::default();
    for _ in 0..2 {
        outcome.take(&mut consumer, usize::MAX);
        // The last dropped messages are reported once there is room.
        producer.flush();
    }
    (sent, outcome)
}

#[test]
fn a_queue_that_nobody_reads_holds_its_limits_and_little_else() {
    for overflow in POLICIES {
        // Just more than half of a batch, just more than a batch, one byte, and all sorts.
        for sizes in [&[33_000][..], &[66_000], &[1], &[10, 1000, 40_000, 3, 200_000, 0, 64]] {
            let mut result = None;
            let memory = measure(|| result = Some(flood(overflow, sizes, 3 * QUEUE_BYTES)));
            let (sent, outcome) = result.unwrap();
            assert_eq!(outcome.delivered + outcome.overflow, sent, "{overflow:?} {sizes:?}");
            assert!(
                overflow == Overflow::Pause || outcome.overflow > 0,
                "{overflow:?} {sizes:?} floods nothing"
            );
            // Under "pause" the message that fills the queue may pass whole.
            let largest = sizes.iter().max().map_or(0, |&size| size as u64);
            assert!(memory.bytes_max <= BOUND + 2 * largest, "{overflow:?} {sizes:?}: {memory:?}");
            assert_eq!(memory.bytes_current, 0, "{overflow:?} {sizes:?}");
        }
    }
}

/// Empty messages, so many that the constant does not matter: the rest is the cost of each.
#[test]
fn a_message_costs_sixteen_bytes_beside_its_own() {
    const MANY: usize = 2 << 20;
    for overflow in POLICIES {
        let limits = Limits { queue_events: MANY, ..limits(overflow) };
        let memory = measure(|| {
            let (mut producer, consumer) = queue(limits);
            for _ in 0..MANY {
                producer.message(SLOT, None, b"");
            }
            producer.flush();
            assert_eq!(consumer.queued(), (MANY, 0), "{overflow:?}");
        });
        assert!(memory.bytes_max <= (MANY * ENTRY + CONSTANT) as u64, "{overflow:?}: {memory:?}");
    }
}

/// Every batch that the reader empties comes back for one small message each, followed by an entry that no batch
/// spans: little is waiting, so the memory for it must be small.
#[test]
fn small_messages_do_not_hold_on_to_the_memory_of_large_ones() {
    const SMALL: usize = 1000;
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let memory = measure(|| {
            let (mut producer, mut consumer) = queue(limits(overflow));
            let mut outcome = Outcome::default();
            for _ in 0..QUEUE_EVENTS - SMALL {
                producer.message(SLOT, None, &[b'x'; 800]);
            }
            producer.flush();
            let waits = measure(|| {
                while outcome.delivered < QUEUE_EVENTS - SMALL {
                    // A batch's worth.
                    outcome.take(&mut consumer, 82);
                    for _ in 0..5 {
                        producer.message(SLOT, None, b"x");
                        producer.dropped(1 << 30, DropReason::TooLarge);
                    }
                    producer.flush();
                }
            });
            let (events, bytes) = consumer.queued();
            assert!(events > SMALL && bytes < 10_000, "{events} messages of {bytes} bytes wait");
            // The earlier messages are gone, except those that wait now.
            let before = i64::try_from((QUEUE_EVENTS - SMALL) * 800).unwrap();
            let now = before + waits.bytes_current;
            assert!(now < i64::try_from(CONSTANT).unwrap(), "{overflow:?}: {now} bytes for {bytes}");
        });
        assert!(memory.bytes_max <= BOUND, "{overflow:?}: {memory:?}");
    }
}

/// A queue with room for small messages drops large ones for lack of room; reporting each of them may cost no memory
/// for each.
#[test]
fn word_of_what_was_dropped_takes_no_memory_without_end() {
    let limits = Limits {
        queue_events: 100,
        queue_bytes: 1000,
        overflow: Overflow::DropNewest,
        max_pending: 10,
        pending_bytes: 1000,
    };
    let (mut producer, mut consumer) =
        events(limits, Arc::<Counters>::default(), Signal::default(), Arc::new(Nobody));
    producer.message(SLOT, None, &[b'x'; 450]);
    producer.flush();
    let memory = measure(|| {
        for _ in 0..100_000 {
            producer.message(SLOT, None, &[b'x'; 600]);
            producer.flush();
        }
    });
    assert!(memory.bytes_max < 200_000, "{memory:?}");
    let mut outcome = Outcome::default();
    for _ in 0..2 {
        outcome.take(&mut consumer, usize::MAX);
        producer.flush();
    }
    assert_eq!(outcome, Outcome { delivered: 1, overflow: 100_000, too_large: 0 });
}
