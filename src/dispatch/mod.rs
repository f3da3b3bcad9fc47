//! The main thread's half: what each event means for which callback, and for how long callbacks may run.
//!
//! Nothing here knows what a callback is. The embedding room hands in references of its own type, asks
//! [`Dispatcher::step`] what to call next, and calls it with nothing of this room borrowed: so a callback may subscribe,
//! unsubscribe, close its client or open another one in the middle of a walk over its neighbours.

mod budget;
mod callbacks;
mod client;
mod console;
mod dispatcher;
mod document;
mod failures;
mod kind;
mod message_options;
mod parked;
mod reports;
mod slab;

pub use budget::Budget;
pub use callbacks::{Callbacks, Origin};
pub use client::{Client, Traffic};
pub use dispatcher::{Dispatcher, Reference, Step};
pub use document::Document;
pub use kind::EventKind;
pub use message_options::{JsonOptions, MessageOptions};
pub use reports::Reports;
pub use slab::Slab;

#[cfg(test)]
mod tests;
