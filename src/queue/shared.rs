//! The state that both ends of a client's events share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};

use crossbeam_queue::{ArrayQueue, SegQueue};

use super::batch::Batch;
use super::{Item, Signal};
use crate::model::{Counters, Error, Limits, Overflow, QueueCounters, READ_BYTES, Room, Value, Wake};

/// The limits of a queue, divided by this, are those of a batch: making room drops a whole batch, which
/// should be a small part of the queue.
const BATCH_SHARE: usize = 8;
/// The most messages in a batch.
const BATCH_ENTRIES: usize = 1024;
/// The most bytes in a batch, except for a single larger message.
const BATCH_BYTES: usize = 64 * 1024;
/// How many places for batches there are beyond those that a full queue of messages needs: every control
/// entry between two messages ends a batch.
const SPARE_BATCHES: usize = 1024;
/// The most batches that have a place, whatever the limits say: four gigabytes of full ones.
const MAX_PLACES: usize = 1 << 16;
/// How many batches may wait with unused memory. Beyond this number a batch is shrunk when it is sealed, so
/// that small messages between control entries do not hold large arenas. The time for that does not matter,
/// because the reader is far behind.
pub(super) const ROOMY_BATCHES: usize = 32;
/// How many empty batches are kept for reuse.
const FREE_BATCHES: usize = 4;
/// The most messages in one read: no protocol has a message shorter than eight bytes.
const READ_MESSAGES: usize = READ_BYTES / 8;
/// How many changes of state may wait before reading stops.
pub(super) const MAX_STATES: usize = 1024;
/// Below this many, reading may go on.
pub(super) const FEW_STATES: usize = MAX_STATES / 2;

/// An entry of the control lane, with its number.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) seq: u64,
    /// Payload bytes of all messages before it, kept or not.
    pub(super) before: u64,
    /// Its share of the client's bounds.
    pub(super) cost: Cost,
    /// `None` for a marker: its number shows that the missing messages before it were dropped.
    pub(super) item: Option<Item<'static>>,
}

/// The share of a control entry in the client's bounds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cost {
    /// An answer: its bytes, and the place that was reserved with the ticket.
    Answer(usize),
    /// One place among the changes of state.
    State,
}

/// Values that one thread writes, in a cache line of their own: the other thread's values are in another one.
/// Two lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct CacheLine<T>(pub(super) T);

/// The values that the worker writes.
#[derive(Debug, Default)]
pub(super) struct WorkerSide {
    /// The number after the last published entry's.
    pub(super) published: AtomicU64,
    /// Sums of the entries put in, minus those taken out again to make room. Stored before the entries are published,
    /// so that the main thread never takes more than it sees put in.
    pub(super) put: Sums,
    /// Requests whose place was freed without an entry.
    pub(super) answered: AtomicUsize,
    /// Bytes of requests that were answered.
    pub(super) request_bytes: AtomicUsize,
}

/// The state that both ends share.
pub(super) struct Lanes {
    pub(super) limits: Limits,
    pub(super) batch_entries: usize,
    pub(super) batch_bytes: usize,
    /// How many batches may wait before reading stops. `full` has more places, for the excess of one read.
    pub(super) places: usize,
    pub(super) full: ArrayQueue<Box<Batch>>,
    pub(super) tail: ArrayQueue<Box<Batch>>,
    pub(super) free: ArrayQueue<Box<Batch>>,
    pub(super) control: SegQueue<Control>,
    pub(super) worker: CacheLine<WorkerSide>,
    /// What the main thread has taken.
    pub(super) taken: CacheLine<Sums>,
    /// What the worker waits for: a bit for each [`Room`].
    pub(super) wishes: AtomicU8,
    pub(super) counters: QueueCounters,
    pub(super) signal: Signal,
    pub(super) wake: Arc<dyn Wake>,
}

impl Lanes {
    pub(super) fn new(limits: Limits, counters: Arc<Counters>, signal: Signal, wake: Arc<dyn Wake>) -> Self {
        // A queue without any room could carry nothing at all.
        let limits = Limits {
            queue_events: limits.queue_events.max(1),
            queue_bytes: limits.queue_bytes.max(1),
            ..limits
        };
        let batch_entries = (limits.queue_events / BATCH_SHARE).clamp(1, BATCH_ENTRIES);
        let batch_bytes = (limits.queue_bytes / BATCH_SHARE).clamp(1, BATCH_BYTES);
        // Two neighbouring batches have more bytes together than one may have, or they would be one batch.
        let places = (2 * (limits.queue_bytes / batch_bytes))
            .saturating_add(limits.queue_events / batch_entries)
            .saturating_add(SPARE_BATCHES)
            .min(limits.queue_events.saturating_add(1))
            .min(MAX_PLACES);
        // Each message of a read may need a batch of its own, if there is a control entry between any two.
        let beyond = if limits.overflow == Overflow::Pause { READ_MESSAGES } else { 0 };
        Self {
            limits,
            batch_entries,
            batch_bytes,
            places,
            full: ArrayQueue::new(places + beyond),
            tail: ArrayQueue::new(1),
            free: ArrayQueue::new(FREE_BATCHES),
            control: SegQueue::new(),
            worker: CacheLine::default(),
            taken: CacheLine::default(),
            wishes: AtomicU8::new(0),
            counters: QueueCounters::new(counters),
            signal,
            wake,
        }
    }

    /// Returns an emptied batch for reuse, unless it grew for a large message.
    pub(super) fn recycle(&self, batch: Box<Batch>) {
        if batch.arena_capacity() <= self.batch_bytes {
            // Enough are kept already: this one is freed.
            let _ = self.free.push(batch);
        }
    }

    /// Whether nothing more that needs this room may be read.
    pub(super) fn is_full(&self, room: Room, waiting: Amounts) -> bool {
        let limits = &self.limits;
        let answers = || waiting.states >= MAX_STATES || waiting.answer_bytes >= limits.queue_bytes;
        match room {
            Room::None => false,
            Room::Answers => answers(),
            Room::Messages => {
                answers()
                    || waiting.events >= limits.queue_events
                    || waiting.bytes >= limits.queue_bytes
                    || self.batches() >= self.places
            }
        }
    }

    /// Whether so little waits that reading may go on.
    pub(super) fn is_low(&self, room: Room, waiting: Amounts) -> bool {
        let half = |limit: usize| limit / 2;
        let answers =
            || waiting.states <= FEW_STATES && waiting.answer_bytes <= half(self.limits.queue_bytes);
        match room {
            Room::None => true,
            Room::Answers => answers(),
            Room::Messages => {
                answers()
                    && waiting.events <= half(self.limits.queue_events)
                    && waiting.bytes <= half(self.limits.queue_bytes)
                    && self.full.len() <= half(self.places)
            }
        }
    }

    /// Sealed batches, and the place of the one under construction, which is always kept.
    fn batches(&self) -> usize {
        self.full.len() + 1
    }

    /// Wakes the worker if it waits for room and there is some. Called by the main thread.
    pub(super) fn offer_room(&self, waiting: impl FnOnce() -> Amounts) {
        let wishes = self.wishes.load(Ordering::Acquire);
        if wishes == 0 {
            return;
        }
        let waiting = waiting();
        let granted = |room: Room| wishes & wish(room) != 0 && self.is_low(room, waiting);
        // The worker looks at everything once it is awake, and announces again what it waits for.
        if (granted(Room::Answers) || granted(Room::Messages)) && self.wishes.swap(0, Ordering::AcqRel) != 0 {
            self.wake.wake();
        }
    }

    /// Asks the main thread to wake the worker once there is this room. The caller looks at the sums again
    /// afterwards: either it sees what the main thread has taken since, or the main thread sees the wish.
    pub(super) fn want_room(&self, room: Room) {
        self.wishes.fetch_or(wish(room), Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Whether messages stop the worker.
    pub(super) fn pauses(&self) -> bool {
        self.limits.overflow == Overflow::Pause
    }
}

/// The bit of [`Lanes::wishes`] for this room.
fn wish(room: Room) -> u8 {
    match room {
        Room::None => 0,
        Room::Answers => 1,
        Room::Messages => 2,
    }
}

/// Amounts put in, taken out, or waiting. Sums may wrap around; the waiting amount is their difference.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Amounts {
    /// Messages.
    pub(super) events: usize,
    /// Their bytes, including channel names.
    pub(super) bytes: usize,
    /// Changes of state.
    pub(super) states: usize,
    /// Bytes of answers.
    pub(super) answer_bytes: usize,
}

impl Amounts {
    /// Counts a control entry.
    pub(super) fn add(&mut self, cost: Cost) {
        match cost {
            Cost::Answer(bytes) => self.answer_bytes = self.answer_bytes.wrapping_add(bytes),
            Cost::State => self.states = self.states.wrapping_add(1),
        }
    }

    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            events: self.events.wrapping_sub(earlier.events),
            bytes: self.bytes.wrapping_sub(earlier.bytes),
            states: self.states.wrapping_sub(earlier.states),
            answer_bytes: self.answer_bytes.wrapping_sub(earlier.answer_bytes),
        }
    }
}

/// Amounts that one thread writes and the other one reads.
#[derive(Debug, Default)]
pub(super) struct Sums {
    events: AtomicUsize,
    bytes: AtomicUsize,
    states: AtomicUsize,
    answer_bytes: AtomicUsize,
}

impl Sums {
    /// Relaxed, because the entries that the amounts count are published or fenced separately.
    pub(super) fn load(&self) -> Amounts {
        Amounts {
            events: self.events.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            states: self.states.load(Ordering::Relaxed),
            answer_bytes: self.answer_bytes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn store(&self, amounts: Amounts) {
        self.store_messages(amounts);
        self.states.store(amounts.states, Ordering::Relaxed);
        self.answer_bytes.store(amounts.answer_bytes, Ordering::Relaxed);
    }

    /// Stores the sums that a message changes.
    pub(super) fn store_messages(&self, amounts: Amounts) {
        self.events.store(amounts.events, Ordering::Relaxed);
        self.bytes.store(amounts.bytes, Ordering::Relaxed);
    }
}

/// Roughly how many bytes an answer has allocated.
pub(super) fn value_bytes(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Double(_) => 0,
            Value::String(bytes) => bytes.len(),
            Value::Array(values) => values.iter().map(value_bytes).sum(),
            Value::Map(pairs) => pairs.iter().map(|(key, value)| value_bytes(key) + value_bytes(value)).sum(),
            Value::Error(error) => error_bytes(error),
            Value::Rows(rows) => {
                let columns = rows.columns.iter().map(|name| size_of_val(name) + name.len()).sum::<usize>();
                columns + rows.values.iter().map(value_bytes).sum::<usize>()
            }
        }
}

/// Roughly how many bytes an error has allocated.
pub(super) fn error_bytes(error: &Error) -> usize {
    size_of::<Error>() + error.message.len() + error.remedy.as_ref().map_or(0, |remedy| remedy.byte_len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Code, Remedy, Rows, SubscriptionSlot};
    use crate::queue::orders;

    #[test]
    fn every_part_of_an_answer_takes_room() {
        let text = |bytes: usize| Value::String(vec![0; bytes].into());
        let (key, value) = (value_bytes(&text(3)), value_bytes(&text(500)));
        assert!(key >= 3 && value >= 500);
        let nothing = value_bytes(&Value::Null);
        assert!(
            nothing >= size_of::<Value>()
                && value_bytes(&Value::Array(vec![Value::Null; 10])) >= 10 * nothing
        );
        assert!(value_bytes(&Value::Map(vec![(text(3), text(500))])) >= key + value);
        assert!(value_bytes(&Value::Array(vec![text(3), text(500)])) >= key + value);
        let error = Error::sent(Code::Disconnected, "x".repeat(600));
        assert!(error_bytes(&error) >= 600);
        let bytes = error_bytes(&error);
        let remedy = Remedy { beginning: "y".repeat(300).into(), words: vec!["z".repeat(200).into()] };
        assert!(error_bytes(&error.with_remedy(remedy)) >= bytes + 500);
        let rows =
            Rows { columns: vec![vec![0; 100].into()], values: vec![text(3), text(500)], affected: None };
        assert!(value_bytes(&Value::Rows(Box::new(rows))) >= 100 + key + value);
    }

    #[test]
    fn a_batch_is_kept_for_reuse_unless_it_grew_around_a_large_message() {
        let limits = Limits {
            queue_events: 100,
            queue_bytes: 10 << 20,
            overflow: Overflow::DropOldest,
            max_pending: 1,
            pending_bytes: 1,
        };
        let (orders, _inbox) = orders::<()>();
        let lanes = Lanes::new(limits, Arc::default(), Signal::default(), orders.waker());
        for (size, kept) in [(1, 1), (lanes.batch_bytes, 2), (lanes.batch_bytes + 1, 2), (0, 3)] {
            let mut batch = Box::<Batch>::default();
            batch.push(SubscriptionSlot::new(0, 0), None, &vec![0; size], lanes.batch_bytes);
            lanes.recycle(batch);
            assert_eq!(lanes.free.len(), kept, "after {size} bytes");
        }
    }
}
