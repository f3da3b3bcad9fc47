//! Bounded queues between the two threads.
//!
//! [`orders`] carries commands of the main thread to the worker, in order, for all clients. [`events`] carries items
//! of one client's session back to the main thread, in two lanes: messages, which the overflow policy may drop, and
//! answers and state, which nothing drops. Every entry has a sequence number, so that the reader can merge the lanes
//! and count exactly what is missing.
//!
//! # How the lanes are merged
//!
//! Messages travel in batches: one arena of bytes and a list of entries with consecutive numbers. Sealed batches pass
//! through `full`. The batch under construction is published at each flush through `tail`, a queue of one place, from
//! which the worker takes it back to append more if the reader has not fetched it yet: a lone message never waits, and
//! lone messages on the way to a busy reader still share a batch. The control lane carries answers and state.
//!
//! The writer keeps three rules:
//!
//! 1. Before anything enters the control lane, the batch under construction (taken back from `tail` if it is there)
//!    is sealed into `full`. So no batch spans the number of a control entry.
//! 2. While the writer holds a batch under construction, `tail` is empty and nothing else is published before that
//!    batch is. So, except for a batch that grows in `tail`, everything published later has higher numbers than
//!    everything published before.
//! 3. A number is used up by every message that arrives, whether it is kept or not, and by every control entry.
//!
//! The reader holds at most one popped entry of each source, and takes the one with the lowest number, `m`. If `m` is
//! the number that it expects, nothing is missing. If not, it looks once more at each source of which it holds
//! nothing. By rule 2 everything below `m` was published before `m`, so this look finds all of it that still exists:
//! in `full` or in the control lane, because `tail` held nothing below `m` any more when `m` appeared elsewhere, and
//! when `m` came out of `tail` nothing else can be in there. Any number that is still missing was dropped. And
//! because a batch is popped either by the reader or by the writer that makes room, each number is delivered or
//! missing, never both.
//!
//! Counts are shared without a locked instruction: each figure is a sum that one thread writes and the other reads,
//! and the number of waiting items is the difference of two sums.

mod batch;
mod consumer;
#[cfg(test)]
mod interleaving;
mod orders;
mod producer;
mod shared;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use batch::Message;
pub use consumer::Consumer;
pub use orders::{Inbox, Order, Orders, orders};
pub use producer::Producer;

use crate::model::{Counters, Error, Event, Limits, RequestSlot, SubscriptionSlot, Value, Wake};
use shared::Lanes;

/// One item that came from the worker, in order.
#[derive(Debug, PartialEq)]
pub enum Item<'a> {
    /// A message.
    Message {
        /// The subscription that it is for.
        slot: SubscriptionSlot,
        /// The channel, for a pattern's message.
        channel: Option<&'a [u8]>,
        /// The payload.
        payload: &'a [u8],
    },
    /// The answer to a request that has a callback.
    Answer {
        /// The request.
        slot: RequestSlot,
        /// The answer.
        result: Result<Value, Error>,
    },
    /// A change of state, or exactly the number of messages dropped at this place.
    Event(Event),
}

/// Says that some client has items for the main thread: one flag for all clients, so that looking costs one load if
/// there is nothing. Whoever finds it set clears it with `swap(false, Acquire)` before looking at the clients.
pub type Signal = Arc<AtomicBool>;

/// The two ends of one client's way to the main thread.
///
/// `wake` wakes the worker when a full queue has room again.
///
/// ```
/// use std::sync::Arc;
/// use realtime::model::{Counters, Limits, Overflow, Sink, SubscriptionSlot};
/// use realtime::queue::{Inbox, Item, Order, Orders, Signal, events, orders};
///
/// let (orders, _inbox): (Orders<()>, Inbox<()>) = orders();
/// let limits = Limits {
///     queue_events: 1000,
///     queue_bytes: 1 << 20,
///     overflow: Overflow::DropOldest,
///     max_pending: 100,
///     pending_bytes: 1 << 20,
/// };
/// let signal = Signal::default();
/// let (mut producer, mut consumer) = events(limits, Arc::new(Counters::default()), signal, orders.waker());
///
/// let slot = SubscriptionSlot::new(0, 0);
/// producer.message(slot, None, b"hello");
/// producer.flush();
/// assert_eq!(consumer.next(), Some(Item::Message { slot, channel: None, payload: b"hello" }));
/// assert_eq!(consumer.next(), None);
/// ```
pub fn events(
    limits: Limits,
    counters: Arc<Counters>,
    signal: Signal,
    wake: Arc<dyn Wake>,
) -> (Producer, Consumer) {
    let shared = Arc::new(Lanes::new(limits, counters, signal, wake));
    (Producer::new(Arc::clone(&shared)), Consumer::new(shared))
}
