//! Bounded queues between the two threads.
//!
//! [`orders`] carries what the main thread asks to the worker, in order, for all clients. [`events`] carries what one
//! client's session learns back to the main thread, in two lanes: messages, which the overflow policy may drop, and
//! answers and state, which nothing drops. Every entry has a sequence number, so that the reader puts the lanes together
//! again and counts exactly what is missing.

mod consumer;
mod orders;
mod producer;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use consumer::{Consumer, Item};
pub use orders::{Inbox, Order, Orders, orders};
pub use producer::Producer;

use crate::model::{Counters, Limits, Wake};

/// Says that some client has something for the main thread: one flag for all clients, so that a look at nothing costs
/// one load.
pub type Signal = Arc<AtomicBool>;

/// The two ends of one client's way to the main thread.
///
/// `wake` wakes the worker when a full queue has room again.
pub fn events(
    limits: Limits,
    counters: Arc<Counters>,
    signal: Signal,
    wake: Arc<dyn Wake>,
) -> (Producer, Consumer) {
    let _ = (limits, counters, signal, wake);
    todo!()
}
